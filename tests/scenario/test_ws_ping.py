# SPDX-License-Identifier: MIT
"""option ws-ping: the silent are asked, the dead are given up, and nobody
else notices."""

import struct
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_ws_tunnel import FORMAT, answer_101, frame, opened  # noqa: E402
from wsbtest import Client, FakeServer, Origin, Proxy, check_config, \
    wait_until  # noqa: E402


def ping_proxy(origin, client="", server=""):
    return Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    %s
    %s
    default_backend b
backend b
    timeout tunnel 60s
    %s
    server s 127.0.0.1:{origin}
""" % (FORMAT, client, server), origin=origin)


class Server(FakeServer):
    """Keeps what clients said to it."""

    def __init__(self):
        self.heard = b""
        self.sock = None
        super().__init__(self.serve)

    def serve(self, sock, _number):
        answer_101(sock)
        self.sock = sock
        while part := sock.recv(65536):
            self.heard += part


def masked(first, payload):
    key = b"\x01\x02\x03\x04"
    return bytes([first, 0x80 | len(payload)]) + key + bytes(
        c ^ key[i % 4] for i, c in enumerate(payload))


def test_a_silent_client_answers_and_the_server_never_knows():
    server = Server()
    proxy = ping_proxy(server, "option ws-ping 1s")
    client = opened(proxy.port)
    own = masked(0x8A, b"12345678")  # of the same size, but its own
    for turn in range(4):
        opcode, nonce = client.ws_recv()
        assert opcode == 9 and len(nonce) == 8
        pong = masked(0x8A, nonce)
        if turn == 1:  # byte by byte
            for i in range(len(pong)):
                client.send(pong[i:i + 1])
        elif turn == 2:  # in the middle of a message
            client.send(masked(0x01, b"a") + pong + own + masked(0x80, b"b"))
        else:
            client.send(pong)
    client.send(masked(0x81, b"end"))
    said = masked(0x01, b"a") + own + masked(0x80, b"b") + masked(0x81, b"end")
    wait_until(lambda: len(server.heard) >= len(said), 20)
    assert server.heard == said, server.heard
    client.close()
    line = proxy.wait_log("by=client")
    assert " m=2/0 " in line and f" in={len(said)} " in line, line


def test_no_ping_within_a_frame():
    server = Server()
    proxy = ping_proxy(server, "option ws-ping 1s")
    client = opened(proxy.port)
    wait_until(lambda: server.sock, 20)
    server.sock.sendall(b"\x82\x7e\x01\x00" + b"x" * 100)
    threading.Event().wait(2)
    server.sock.sendall(b"x" * 156)
    while (got := client.ws_recv())[0] == 9:
        client.send(masked(0x8A, got[1]))
    assert got == (2, b"x" * 256), got
    assert client.ws_recv()[0] == 9  # now it comes


def test_a_dead_client_is_given_up():
    origin = Origin()
    proxy = ping_proxy(origin, "option ws-ping 300ms")
    client = opened(proxy.port)
    assert client.ws_recv()[0] == 9
    assert client.read_all() == b""
    line = proxy.wait_log("by=proxy")
    assert "101 cD" in line, line
    wait_until(lambda: origin.stats()["open"] == 0, 20)


def test_a_silent_server_is_asked_with_a_mask():
    origin = Origin()  # answers pings
    proxy = ping_proxy(origin, server="option ws-ping 1s")
    client = opened(proxy.port)
    threading.Event().wait(2.5)
    client.ws_send(b"still here")
    assert client.ws_recv() == (1, b"still here")
    assert origin.stats()["bad"] == 0
    server = Server()  # does not
    proxy = ping_proxy(server, server="option ws-ping 200ms")
    client = opened(proxy.port)
    assert client.read_all() == b""
    assert "101 sD" in proxy.wait_log("by=proxy")
    first, second = server.heard[:2]
    assert (first, second) == (0x89, 0x88) and len(server.heard) == 14


def test_nobody_is_asked_after_a_close_or_in_another_protocol():
    server = Server()
    proxy = ping_proxy(server, "option ws-ping 200ms", "option ws-ping 200ms")
    client = opened(proxy.port)
    wait_until(lambda: server.sock, 20)
    server.sock.sendall(frame(0x88, struct.pack("!H", 1000)))
    assert client.ws_recv() == (8, struct.pack("!H", 1000))
    other = opened(proxy.port)
    other.send(b"\xff no frame")
    threading.Event().wait(1)
    for silent in (client, other):
        silent.socket.settimeout(0.1)
        try:
            assert not silent.socket.recv(100)
        except TimeoutError:
            pass
    assert server.heard == b"\xff no frame"


def test_its_time_is_checked():
    for word in ("", "0", "fast", "1s more"):
        done = check_config("""
defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
    option ws-ping %s
frontend f
    bind 127.0.0.1:0
""" % word)
        assert done.returncode == 1, word


def test_a_protocol_chosen_beside_websocket_is_none():
    """The client would take either, the server chose the other."""
    server = FakeServer(lambda sock, _: (
        sock.recv(4096), sock.sendall(
            b"HTTP/1.1 101 X\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n"),
        heard.append(sock.recv(4096)), sock.sendall(b"bye")))
    heard = []
    proxy = ping_proxy(server, "option ws-ping 200ms", "option ws-ping 200ms")
    with Client(proxy.port) as client:
        answer = client.request(headers=[
            ("Upgrade", "websocket, chat"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])
        assert answer.status == 101, answer
        threading.Event().wait(1)
        client.send(b"hello")
        assert client.read_all() == b"bye"
    assert heard == [b"hello"]
    assert " m=-/- " in proxy.wait_log("by=server")
