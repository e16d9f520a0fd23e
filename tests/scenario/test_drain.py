# SPDX-License-Identifier: MIT
"""The service ends (SIGUSR1): idle connections are let go, tunnels are closed
with a Close frame at the end of a message, and in order."""

import signal
import socket
import struct
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_ws_tunnel import FORMAT, answer_101, cli, opened  # noqa: E402
from wsbridge import WAYS, Bridge  # noqa: E402
from wsbtest import Client, FakeServer, Origin, Proxy, check_config, limit, \
    wait_until  # noqa: E402
from wsecho import frame  # noqa: E402

GOING_AWAY = struct.pack("!H", 1001)
KEY = b"mask"
TEXT = frame(0x82, b"from the server" * 20)
ASKED = frame(0x82, b"from the client" * 20, KEY)


def life(text):
    """For Bridge: after the last line of its defaults."""
    return "%s\nglobal\n    %s\n" % (FORMAT, text)


def unmasked(close):
    assert close[:2] == b"\x88\x82", close
    return bytes(close[6 + i] ^ close[2 + i] for i in range(2))


class Half:
    """Servers that are within a frame until `go` is set."""

    def __init__(self):
        self.go, self.ready, self.done = threading.Event(), [], []

    def serve(self, peer):
        peer.accept()
        peer.send(TEXT[:100])
        assert peer.recv(100) == ASKED[:100]
        self.ready.append(peer)
        assert self.go.wait(40)
        peer.send(TEXT[100:])
        said = peer.recv(len(ASKED) - 100 + 8)
        assert said[:-8] == ASKED[100:]
        assert unmasked(said[-8:]) == GOING_AWAY
        peer.send(frame(0x88, GOING_AWAY))
        assert peer.rest() == (b"", "end")
        peer.end()
        self.done.append(peer)


@limit(90)
def test_both_sides_are_told_behind_what_is_being_said():
    half = Half()
    bridge = Bridge(half.serve, more=life("close-spread-time 100ms"))
    clients = [bridge.client(way) for way in WAYS]
    for client in clients:
        client.ask("/ws")
        client.send(ASKED[:100])
        assert client.recv(100) == TEXT[:100]
    wait_until(lambda: len(half.ready) == len(WAYS), 30)
    bridge.proxy.send_signal(signal.SIGUSR1)
    threading.Event().wait(0.5)     # their moments are over
    half.go.set()
    for way, client in zip(WAYS, clients):
        client.send(ASKED[100:])
        said = client.recv(len(TEXT) - 100 + 4)
        assert said == TEXT[100:] + frame(0x88, GOING_AWAY), (way, said[-9:])
        client.send(frame(0x88, GOING_AWAY, KEY))
        assert client.rest() == (b"", "end"), way
        client.end()
    wait_until(lambda: len(half.done) == len(WAYS), 30)
    assert bridge.proxy.wait(30) == 0
    lines = [s for s in bridge.proxy.log() if "code=1001 by=proxy" in s]
    assert len(lines) == len(WAYS), bridge.proxy.log()
    assert all("101 KD" in s for s in lines), lines


@limit(90)
def test_other_protocols_end_without_a_frame():
    heard = []

    def serve(peer):
        peer.accept()
        peer.send(b"\xff\xff")
        heard.append(peer.rest())
        peer.end()

    bridge = Bridge(serve, more=life("close-spread-time 100ms"))
    clients = [bridge.client(way) for way in WAYS]
    for client in clients:
        client.ask("/other", protocol="chat")
        assert client.recv(2) == b"\xff\xff"
    bridge.proxy.send_signal(signal.SIGUSR1)
    for client in clients:
        assert client.rest() == (b"", "end")
        client.end()
    assert bridge.proxy.wait(30) == 0
    assert heard == [(b"", "end")] * len(WAYS), heard


@limit(90)
def test_who_does_not_answer_is_not_waited_for():
    bridge = Bridge(lambda peer: (peer.accept(), peer.rest()),
                    more=life("close-spread-time 100ms\n close-code 4321"))
    clients = [bridge.client(way) for way in WAYS]
    for client in clients:
        client.ask("/ws")
    bridge.proxy.send_signal(signal.SIGUSR1)
    for client in clients:
        assert client.rest() == (frame(0x88, b"\x10\xe1"), "end")
    assert bridge.proxy.wait(40) == 0


def test_a_close_under_way_is_left_to_its_peers():
    def serve(sock, _number):
        answer_101(sock)
        assert sock.recv(100) == frame(0x88, b"\x03\xe8", KEY)
        assert go.wait(30)
        sock.sendall(frame(0x88, b"\x03\xe8"))
        assert sock.recv(100) == b""

    go = threading.Event()
    proxy = Proxy(LONG % ("close-spread-time 0", FORMAT),
                  origin=FakeServer(serve))
    client = opened(proxy.port)
    client.send(frame(0x88, b"\x03\xe8", KEY))
    wait_until(lambda: proxy.board()["totals"]["ws_close_in"] == 1, 20)
    proxy.send_signal(signal.SIGUSR1)
    # the client hears ours as the answer
    assert client.ws_recv() == (8, GOING_AWAY)
    go.set()
    assert client.read_all() == b""
    client.close()
    assert proxy.wait(30) == 0
    assert "code=1000 by=client" in proxy.wait_log("GET /ws"), proxy.log()


LONG = """
global
    stats socket {dir}/admin.sock
    log stderr format raw local0
    %s
defaults
    mode http
    log global
    %s
    timeout client 1m
    timeout server 1m
    timeout connect 1s
    timeout tunnel 1m
backend be
    server s1 127.0.0.1:{origin}
"""


def test_tunnels_go_on_without_a_time_to_close_them():
    for word in ("", "close-spread-time infinite"):
        proxy = Proxy(LONG % ("hard-stop-after 2s\n    " + word, ""),
                      origin=Origin())
        client = opened(proxy.port)
        proxy.send_signal(signal.SIGUSR1)
        proxy.wait_log("draining")
        client.ws_send(b"still")
        assert client.ws_recv() == (1, b"still")
        assert proxy.wait(20) == 0
        assert client.read_all() == b""


def test_the_last_ones_are_told_before_the_hard_stop():
    proxy = Proxy(LONG % ("hard-stop-after 4s\n    close-spread-time 1m", ""),
                  origin=Origin())
    clients = [opened(proxy.port) for _ in range(5)]
    proxy.send_signal(signal.SIGUSR1)
    for client in clients:
        assert client.ws_recv() == (8, GOING_AWAY)
        client.close()
    assert proxy.wait(20) == 0


def test_a_restart_is_called_one():
    proxy = Proxy(LONG % ("close-spread-time 0", ""), origin=Origin(),
                  args=("-S", "{dir}/master.sock"), start=False)
    proxy.argv = [a.replace("{dir}", str(proxy.dir)) for a in proxy.argv]
    proxy.start()
    proxy.wait_log("is ready")
    client = opened(proxy.values["port"])
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(proxy.dir / "master.sock"))
        s.sendall(b"drain at once\n")
        assert b"expects" in s.recv(1000)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(proxy.dir / "master.sock"))
        s.sendall(b"drain restart\n")
        assert client.ws_recv() == (8, struct.pack("!H", 1012))
        client.close()
    assert proxy.wait(20) == 0


def test_idle_connections_hear_of_it_by_their_next_response():
    proxy = Proxy(LONG % ("close-spread-time 3s", ""), origin=Origin())
    clients = [Client(proxy.port) for _ in range(20)]
    for client in clients[1:]:
        assert client.get("/").header("connection") != "close"
    proxy.send_signal(signal.SIGUSR1)
    told = 0
    # one asks till the worker has heard of it
    wait_until(lambda: clients[1].get("/").header("connection") == "close",
               20)
    for client in clients[2:]:
        try:
            answer = client.get("/")
        except (ConnectionError, AssertionError):
            continue    # it was its moment
        assert answer.status == 200
        assert answer.header("connection") == "close", answer
        told += 1
    assert told > 0
    for client in clients:
        assert client.is_closed(20)
        client.close()
    assert proxy.wait(20) == 0


def test_a_tunnel_that_begins_late_is_closed_as_well():
    origin = Origin()
    proxy = Proxy(LONG % ("close-spread-time 2s", ""), origin=origin)
    with Client(proxy.port) as late, Client(proxy.port) as busy:
        busy.send_request("GET", "/delay/1500")
        late.send(b"GET /ws HTTP/1.1\r\n")
        wait_until(lambda: origin.stats()["open"] == 1 and 2 == sum(
            p["clients"] for p in proxy.board()["processes"]), 20)
        proxy.send_signal(signal.SIGUSR1)
        proxy.wait_log("draining")
        late.send(b"Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Version: 13\r\n"
                  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert late.read_response().status == 101
        assert late.ws_recv() == (8, GOING_AWAY)
        assert busy.read_response().status == 200
    assert proxy.wait(20) == 0


def test_a_drained_server_lets_go_of_its_tunnels_if_so_wanted():
    text = LONG.replace("admin.sock", "admin.sock level admin").replace(
        "log stderr", "nbproc 2\n    log stderr") % (
            "close-spread-time 2s", FORMAT) + """
    server s2 127.0.0.1:{origin} weight 0 on-drain spread-close
    use-server s2 if { path /two }
"""
    proxy = Proxy(text, origin=Origin())
    proxy.wait_running()
    goes = [opened(proxy.port, "/two") for _ in range(6)]
    stays = [opened(proxy.port, "/ws") for _ in range(6)]
    assert cli(proxy, "set server be/s2 state drain").strip() == ""
    assert all(c.ws_recv() == (8, GOING_AWAY) for c in goes)
    # one that is drained without the word, or in maintenance, keeps them
    for state in "drain", "maint", "ready":
        cli(proxy, f"set server be/s1 state {state}")
        threading.Event().wait(1.5)
        for c in stays:
            c.ws_send(b"here")
            assert c.ws_recv() == (1, b"here")
    for c in goes + stays:
        c.close()


def test_the_words_are_checked():
    for word, ok in ("keep", True), ("spread-close", True), ("x", False):
        done = check_config("backend b\n mode http\n timeout server 1s\n "
                            "timeout connect 1s\n server s 127.0.0.1:1 "
                            "on-drain %s\n" % word)
        assert (done.returncode == 0) == ok, (word, done.stderr)
    for line, ok in (
            ("close-code 1012", True), ("close-code 3000", True),
            ("close-code 1005", False), ("close-code 1006", False),
            ("close-code 1015", False), ("close-code 999", False),
            ("close-code", False), ("close-code 1001 1", False),
            ("close-spread-time 5s", True), ("close-spread-time 0", True),
            ("close-spread-time infinite", True),
            ("close-spread-time fast", False), ("close-spread-time", False)):
        done = check_config("global\n    %s\n" % line)
        assert (done.returncode == 0) == ok, (line, done.stderr)
