# SPDX-License-Identifier: MIT
"""Tunnels: what passes is counted, by opcode, and told in log lines; their
life is no request's time; they leave pool and broker; ends of all kinds."""

import base64
import csv
import hashlib
import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from h2client import H2Client  # noqa: E402
from certs import certificates  # noqa: E402
from test_tls_memory import tls_port  # noqa: E402
from test_ws_memory import context as client_context  # noqa: E402
from wsbtest import SANITIZED, Client, FakeServer, Origin, Proxy, \
    check_config, limit, wait_until  # noqa: E402

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FORMAT = ('log-format "%ST %ts %B in=%[tunnel.bytes_in] out=%[tunnel.bytes_out]'
          ' m=%[ws.msgs_in]/%[ws.msgs_out] t=%[ws.msgs_in(text)] '
          'b=%[ws.msgs_in(binary)] p=%[ws.msgs_in(ping)]/%[ws.msgs_out(pong)] '
          'c=%[ws.msgs_in(close)]/%[ws.msgs_out(close)] code=%[ws.close_code] '
          'by=%[tunnel.closed_by] ms=%[tunnel.duration] %{+Q}r %Tt"')


def ws_proxy(origin, more="", workers=1, server="", **options):
    return Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    timeout tunnel 60s
    default_backend b
    %s
backend b
    timeout tunnel 60s
    server s 127.0.0.1:{origin} %s
""" % (more, server), origin=origin, workers=workers, **options)


def opened(port, path="/ws"):
    client = Client(port)
    answer = client.ws_open(path)
    assert answer.status == 101, answer
    return client


def cli(proxy, command):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(proxy.dir / "admin.sock"))
        s.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: s.recv(65536), b"")).decode()


def tunnels(proxy):
    return sum(p["tunnels"] for p in proxy.board()["processes"])


def closing(code):
    return struct.pack("!H", code) + b"bye"


def test_messages_are_counted_by_opcode():
    proxy = ws_proxy(Origin(), FORMAT)
    client = opened(proxy.port)
    client.ws_send(b"hello")
    client.ws_send(b"x" * 200, 2)
    client.ws_send(b"y" * 70000, 2)
    client.ws_send(b"p", 9)
    got = [client.ws_recv() for _ in range(4)]
    assert [op for op, _ in got] == [1, 2, 2, 10], got
    client.ws_send(closing(4001), 8)
    assert client.ws_recv()[0] == 8
    assert client.is_closed()
    client.close()
    line = proxy.wait_log(r"101 -- .*code=4001 by=client ms=\d+ "
                          r'"GET /ws HTTP/1.1"')
    assert " m=3/3 t=1 b=2 p=1/1 c=1/1 " in line, line
    sent = 6 + 5 + 8 + 200 + 14 + 70000 + 6 + 1 + 6 + 5
    assert f" in={sent} " in line, line
    board = proxy.board()
    for stats in (board["totals"], board["servers"][0]["stats"],
                  *(p["stats"] for p in board["proxies"])):
        assert stats["ws_text_in"] == stats["ws_text_out"] == 1, stats
        assert stats["ws_binary_in"] == stats["ws_binary_out"] == 2
        assert stats["ws_ping_in"] == stats["ws_pong_out"] == 1
        assert stats["ws_close_in"] == stats["ws_close_out"] == 1
        assert stats["tunnel_bytes_in"] == sent
    info = cli(proxy, "show info")
    assert "CurrTunnels: 0\nCumTunnels: 1\nWsMsgsIn: 3\nWsMsgsOut: 3\n" \
        in info
    assert "Tunnels   0" in proxy.top("--batch").stdout


def frame(first, payload=b""):
    return bytes([first, len(payload)]) + payload


def answer_101(sock, more=b""):
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(4096)
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"
                 b"\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                 accept + b"\r\n\r\n" + more)


def scripted(*steps):
    """A server that answers 101, then says each step; None: reads first."""
    def serve(sock, _number):
        answer_101(sock, steps[0])
        for step in steps[1:]:
            if step is None:
                sock.recv(65536)
            else:
                sock.sendall(step)
    return FakeServer(serve)


def test_the_server_closes_and_speaks_first():
    server = scripted(frame(0x81, b"along") + frame(0x88, b"\x03\xe9"))
    proxy = ws_proxy(server, FORMAT)
    client = opened(proxy.port)
    assert client.ws_recv() == (1, b"along")
    assert client.ws_recv() == (8, b"\x03\xe9")
    assert client.is_closed()
    client.close()
    line = proxy.wait_log("code=1001 by=server")
    assert " m=0/1 " in line and " c=0/1 " in line, line


def test_what_is_no_websocket_passes_all_the_same():
    server = scripted(b"\xff\xffjunk", None, b"more junk")
    proxy = ws_proxy(server, FORMAT)
    with opened(proxy.port) as client:
        client.send(b"\x00\x01\x02 whatever")
        assert client.read_all() == b"\xff\xffjunkmore junk"
    line = proxy.wait_log("in=12 out=15")
    assert " m=0/0 " in line and "code=- by=server" in line, line


def test_other_protocols_are_not_followed():
    def serve(sock, _number):
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 101 X\r\nUpgrade: chat\r\n"
                     b"Connection: Upgrade\r\n\r\n" + frame(0x81, b"hi"))
    proxy = ws_proxy(FakeServer(serve), FORMAT)
    with Client(proxy.port) as client:
        client.request(headers=[("Upgrade", "chat"),
                                ("Connection", "Upgrade")])
        assert client.read_all() == frame(0x81, b"hi")
    assert " m=-/- " in proxy.wait_log("out=4")
    assert proxy.board()["totals"]["ws_text_out"] == 0


def test_logasap_tells_of_the_begin():
    proxy = ws_proxy(Origin(), "option logasap")
    with opened(proxy.port):
        line = proxy.wait_log("GET /ws")
        assert " 101 +" in line and "/+" in line, line
    wait_until(lambda: tunnels(proxy) == 0, 20)
    assert len([s for s in proxy.log() if "GET /ws" in s]) == 1


def test_a_life_is_no_request_time():
    proxy = ws_proxy(Origin())
    client = opened(proxy.port)
    lived = threading.Event()
    lived.wait(1.5)
    client.close()
    line = proxy.wait_log("GET /ws")
    assert int(line.split(" b/s ")[1].split()[0].split("/")[-1]) >= 1500
    for proxy_row in proxy.board()["proxies"]:
        assert proxy_row["stats"]["time_total_us"] < 1_400_000
    rows = list(csv.DictReader(cli(proxy, "show stat")[2:].splitlines()))
    assert all(int(r["ttime"] or 0) < 1400 for r in rows), rows


def descriptors(pid):
    return len(os.listdir(Path("/proc") / str(pid) / "fd"))


@limit(120)
def test_tunnels_are_not_the_brokers():
    proxy = ws_proxy(Origin(), workers=2)
    broker, = proxy.pids()["broker"]
    opened(proxy.port).close()
    wait_until(lambda: tunnels(proxy) == 0)
    before = descriptors(broker)
    held = [opened(proxy.port) for _ in range(200)]
    wait_until(lambda: tunnels(proxy) == 200, 20)
    wait_until(lambda: descriptors(broker) <= before + 1, 20)
    for client in held:
        client.ws_send(b"a")
        assert client.ws_recv() == (1, b"a")
        client.close()
    wait_until(lambda: tunnels(proxy) == 0, 20)
    wait_until(lambda: proxy.board()["servers"][0]["slot_count"] == 0, 20)


MEGABYTE = os.urandom(1 << 20)


def flood(client, count):
    """Sends so many megabytes in messages and reads them back."""
    def send():
        for _ in range(count):
            client.ws_send(MEGABYTE, 2)
    if isinstance(client.socket, ssl.SSLSocket):  # is no two threads'
        for at in range(0, count << 20, 1 << 17):
            part = MEGABYTE[at % (1 << 20):][:1 << 17]
            client.ws_send(part, 2)
            assert client.ws_recv() == (2, part)
        return
    sender = threading.Thread(target=send)
    sender.start()
    for _ in range(count):
        assert client.ws_recv() == (2, MEGABYTE)
    sender.join()


def buffers(proxy):
    """Anonymous memory of the worker, bytes; sanitizers keep what was freed."""
    if SANITIZED:
        return 0
    worker, = proxy.pids()["workers"]
    text = Path(f"/proc/{worker}/smaps_rollup").read_text()
    return int(text.split("\nAnonymous:")[1].split()[0]) * 1024


TLS = "ssl crt {certs}/ecdsa.pem"


@limit(120)
def test_bulk_both_ways_is_whole_and_leaves_no_buffer():
    origin = Origin("--tls-listen", "127.0.0.1:0")
    for front, back in (("", ""), (TLS, "ssl verify none")):
        proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port} %s
    timeout tunnel 60s
    default_backend b
backend b
    timeout tunnel 60s
    server s 127.0.0.1:{to} %s
""" % (front, back), certs=certificates(), nofile=4000,
                      to=tls_port(origin) if back else origin.port)
        context = client_context() if front else None
        held = []
        for _ in range(20):
            client = Client(proxy.port, timeout=60)
            if context:
                client.socket = context.wrap_socket(client.socket)
            assert client.ws_open().status == 101
            held.append(client)
        for client in held:
            client.ws_send(b"first")
            assert client.ws_recv() == (1, b"first")
        threading.Event().wait(3)  # what opening took goes back
        before = buffers(proxy)
        for client in held:
            flood(client, 2)
        wait_until(lambda: buffers(proxy) < before + (1 << 18), 30)
        for client in held:
            client.ws_send(b"again")
            assert client.ws_recv() == (1, b"again")
        assert proxy.board()["totals"]["ws_binary_out"] >= 40
        proxy.stop()


@limit(120)
def test_a_slow_reader_stops_the_other_side():
    """What nobody reads stays where it came from."""
    done = threading.Event()

    def serve(sock, _number):
        answer_101(sock)
        sent = 0
        sock.settimeout(2)
        try:
            while sent < 64 << 20:
                sent += sock.send(MEGABYTE[sent % len(MEGABYTE):])
        except TimeoutError:
            stuck.append(sent)
        done.wait(60)
        sock.settimeout(30)
        while sent < 64 << 20:
            sent += sock.send(MEGABYTE[sent % len(MEGABYTE):])
        sock.shutdown(socket.SHUT_WR)
    stuck = []
    proxy = ws_proxy(FakeServer(serve))
    client = Client(proxy.port, timeout=60, rcvbuf=65536)
    assert client.ws_open().status == 101
    wait_until(lambda: stuck, 60)
    assert buffers(proxy) < 16 << 20
    done.set()
    got = len(client.buffer)    # came with the 101
    assert client.buffer == MEGABYTE[:got]
    client.buffer = b""
    while got < 64 << 20:
        part = client.socket.recv(1 << 20)
        assert part == (MEGABYTE * 2)[got % (1 << 20):][:len(part)]
        got += len(part)
    assert client.is_closed(10)


def test_each_direction_ends_by_itself():
    def serve(sock, _number):
        answer_101(sock)
        said = b"".join(iter(lambda: sock.recv(4096), b""))
        sock.sendall(b"heard " + said)
    proxy = ws_proxy(FakeServer(serve), FORMAT)
    with opened(proxy.port) as client:
        client.send(b"\xff all of it")
        client.shutdown()
        assert client.read_all() == b"heard \xff all of it"
    assert "by=client" in proxy.wait_log("in=11 out=17")


def test_tunnels_outlive_the_broker():
    proxy = ws_proxy(Origin(), workers=2, check=False)
    held = [opened(proxy.port) for _ in range(20)]
    old, = proxy.pids()["broker"]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: proxy.pids()["broker"] not in ([], [old]), 20)
    for client in held:
        client.ws_send(b"on")
        assert client.ws_recv() == (1, b"on")
    with opened(proxy.port) as another:
        another.ws_send(b"new")
        assert another.ws_recv() == (1, b"new")
        assert proxy.board()["servers"][0]["tunnels"] == 21
    for client in held:
        client.close()
    wait_until(lambda: proxy.board()["servers"][0]["slot_count"] == 0, 20)
    proxy.check()


def test_timeout_tunnel_ends_the_silent():
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    %s
    default_backend b
backend b
    timeout tunnel 700ms
    server s 127.0.0.1:{origin}
""" % FORMAT, origin=Origin())
    client = opened(proxy.port)
    for _ in range(8):
        threading.Event().wait(0.2)
        client.ws_send(b"x")
        assert client.ws_recv() == (1, b"x")
    assert client.is_closed(20)
    line = proxy.wait_log("by=proxy")
    assert line.split("101 ")[1].startswith(("cD", "sD")), line
    assert " m=8/8 " in line and "code=- " in line


def test_maxconn_counts_tunnels_of_all_workers():
    proxy = ws_proxy(Origin(), workers=2, server="maxconn 10", check=False)
    held = [opened(proxy.port) for _ in range(10)]
    waiting = Client(proxy.port)
    waiting.send_request(headers=[
        ("Upgrade", "websocket"), ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])
    wait_until(lambda: proxy.board()["servers"][0]["queue"] == 1, 20)
    held.pop().close()
    assert waiting.read_response().status == 101


def test_leastconn_counts_tunnels_of_all_workers():
    one, two = Origin(), Origin()
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    default_backend b
backend b
    balance leastconn
    timeout tunnel 60s
    server one 127.0.0.1:{origin}
    server two 127.0.0.1:{two}
""", origin=one, two=two.port, workers=4)
    held = [opened(proxy.port) for _ in range(40)]
    counts = [s["tunnels"] for s in proxy.board()["servers"]]
    assert counts == [20, 20], counts
    for client in held[::2]:
        client.close()
    wait_until(lambda: tunnels(proxy) == 20, 20)
    held = held[1::2] + [opened(proxy.port) for _ in range(20)]
    assert [s["tunnels"] for s in proxy.board()["servers"]] == [20, 20]


def messages(count, size):
    return b"".join(bytes([0x82, 0xFE]) + struct.pack("!H", size) + b"\0" * 4 +
                    bytes(size) for _ in range(count))


@limit(120)
def test_idle_tunnels_over_http2_hold_no_buffer():
    origin = Origin()
    for words in ("", "proto h2 ws h2"):
        proxy = ws_proxy(origin, server=words)
        with H2Client(proxy.port, timeout=60) as client:
            held = [client.ws_open() for _ in range(30)]
            assert {w.stream.status for w in held} == {200}
            threading.Event().wait(3)  # what opening took goes back
            before = buffers(proxy)
            for ws in held:
                ws.send(messages(20, 5000))
                ws.read(20 * 5004)
            wait_until(lambda: buffers(proxy) < before + (1 << 18), 30)
            assert proxy.board()["totals"]["ws_binary_out"] == 600
            assert tunnels(proxy) == 30
        wait_until(lambda: tunnels(proxy) == 0, 20)


def test_an_unknown_kind_of_message_is_refused():
    for word in ("other", "Text", "text,ping"):
        done = check_config("""
frontend f
    mode http
    timeout client 1s
    bind 127.0.0.1:0
    log-format "%%[ws.msgs_out(%s)]"
""" % word)
        assert done.returncode == 1, word
        said = "too many arguments" if "," in word else \
            "text, binary, ping, pong or close"
        assert said in done.stderr, done.stderr
