# SPDX-License-Identifier: MIT
"""Handshakes and tunnels by peers that do it wrong, as raw bytes: a row a case.
Each ends its own stream; the proxy's other streams, and what it keeps to its
servers, go on."""

import os
import socket
import struct
import threading
import time

from h2client import (
    CANCEL, DATA, ENABLE_CONNECT_PROTOCOL, END_HEADERS, END_STREAM, HEADERS,
    NO_ERROR, PREFACE, PROTOCOL_ERROR, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    H2Client, frame_bytes, literal_block, settings_payload)
from wsborigin import TlsOrigin
from wsbridge import KEY, PLAIN_WAYS, WAYS, Bridge, accept_of
from wsbtest import Client, FakeServer, Origin, Proxy, limit, wait_until

H2_WAYS = [w for w in WAYS if w[0] == "h2"]
HEAD = ("GET {0} HTTP/1.1\r\nHost: example.com\r\nConnection: upgrade\r\n"
        "Upgrade: websocket\r\n{1}\r\n").format
GOOD_KEY = f"Sec-WebSocket-Key: {KEY}\r\n"
VERSION = "Sec-WebSocket-Version: 13\r\n"
BIG = "X-Big: " + "x" * 17000 + "\r\n"


def serve(peer):
    """Takes every WebSocket and echoes; /plain is a page."""
    if not peer.protocol:
        peer.answer(200, body=b"plain")
        return
    if peer.get("sec-websocket-version") != "13":
        peer.answer(426, [("Sec-WebSocket-Version", "13")], b"version")
        return
    peer.accept()
    while data := peer.some():
        peer.send(data)
    peer.end()


def exactly(conn, n):
    data = b""
    while len(data) < n:
        more = conn.recv(n - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def still_good(bridge, way):
    with bridge.client(way) as c:
        c.ask("/ws")
        assert c.status == c.switched
        c.send(b"ping")
        assert c.recv(4) == b"ping"
        c.end()
        assert c.rest() == (b"", "end")
    with bridge.client(way) as c:
        assert c.plain("/plain") == 200


REQUESTS = [ # what, the head's fields, the answer's status
    ("no key", VERSION, 400),
    ("an empty key", VERSION + "Sec-WebSocket-Key:\r\n", 400),
    ("two keys", VERSION + GOOD_KEY + GOOD_KEY, 400),
    ("a key that is none", VERSION + "Sec-WebSocket-Key: no key\r\n", 101),
    ("a long key", VERSION + f"Sec-WebSocket-Key: {'k' * 3000}\r\n", 101),
    ("no version", GOOD_KEY, 426),
    ("an old version", GOOD_KEY + "Sec-WebSocket-Version: 8\r\n", 426),
    ("a version that is none", GOOD_KEY + "Sec-WebSocket-Version: x\r\n", 426),
    ("too large a head", VERSION + GOOD_KEY + BIG, (400, 431)),
    ("too many fields", VERSION + GOOD_KEY + "X: y\r\n" * 120, (400, 431)),
    ("a broken field", VERSION + GOOD_KEY + "No colon\r\n", 400),
    ("a length besides", VERSION + GOOD_KEY + "Content-Length: x\r\n", 400),
]


@limit(90)
def test_requests_of_http1():
    bridge = Bridge(serve)
    for way in [w for w in WAYS if w[0] == "h1"]:
        for what, fields, wanted in REQUESTS:
            with bridge.client(way) as c:
                c.client.send(HEAD("/ws", fields))
                c.response()
                assert c.status == wanted or isinstance(wanted, tuple) and \
                    c.status in wanted, (way, what, c.status)
                if c.status == 426:
                    assert c.get("sec-websocket-version") == "13"
                    assert c.plain("/plain") == 200
                if c.status == 101:
                    key = fields.rpartition(": ")[2].strip()
                    assert c.get("sec-websocket-accept") == accept_of(key)
        still_good(bridge, way)


PROTOCOL = (":protocol", "websocket")
CONNECT = (":method", "CONNECT")
REST = [(":scheme", "https"), (":path", "/ws"), (":authority", "e.com")]
RST = "reset"
EXTENDED = [ # what, the fields, END_STREAM; a status, or the reset's code
    ("to h2c", [CONNECT, (":protocol", "h2c"), *REST], False, RST),
    ("to h2", [CONNECT, (":protocol", "h2"), *REST], False, RST),
    ("to H2C", [CONNECT, (":protocol", "H2C"), *REST], False, RST),
    ("to nothing", [CONNECT, (":protocol", ""), *REST], False, RST),
    ("to no token", [CONNECT, (":protocol", "a b"), *REST], False, RST),
    ("by GET", [(":method", "GET"), PROTOCOL, *REST], True, RST),
    ("by POST", [(":method", "POST"), PROTOCOL, *REST], False, RST),
    ("twice", [CONNECT, PROTOCOL, PROTOCOL, *REST], False, RST),
    ("no scheme", [CONNECT, PROTOCOL, *REST[1:]], False, RST),
    ("no path", [CONNECT, PROTOCOL, REST[0], REST[2]], False, RST),
    ("no authority", [CONNECT, PROTOCOL, *REST[:2]], False, RST),
    ("too late", [CONNECT, *REST, ("x", "y"), PROTOCOL], False, RST),
    ("without :protocol", [CONNECT, *REST], False, RST),
    ("Upgrade besides", [CONNECT, PROTOCOL, *REST, ("upgrade", "websocket")],
     False, RST),
    ("Connection besides", [CONNECT, PROTOCOL, *REST,
                            ("connection", "upgrade")], False, RST),
    ("wrong version", [CONNECT, PROTOCOL, *REST,
                       ("sec-websocket-version", "7")], False, 426),
    ("a key besides", [CONNECT, PROTOCOL, *REST, ("sec-websocket-key", "x"),
                       ("sec-websocket-version", "13")], False, 200),
    ("a length besides", [CONNECT, PROTOCOL, *REST, ("content-length", "5"),
                          ("sec-websocket-version", "13")], False, 200),
    ("ended at once", [CONNECT, PROTOCOL, *REST,
                       ("sec-websocket-version", "13")], True, 200),
]


@limit(90)
def test_extended_connects():
    """Of one connection: the next stream is none the worse."""
    bridge = Bridge(serve)
    for way in H2_WAYS:
        with bridge.client(way) as c:
            for what, fields, end, wanted in EXTENDED:
                sid = c.h2.open_stream()
                c.h2.send_headers(sid, None, end, literal_block(fields))
                s = c.h2.streams[sid]
                c.h2.wait(lambda s=s: s.headers or s.reset is not None)
                got = RST if s.reset == PROTOCOL_ERROR else s.status
                assert got == wanted, (way, what, s)
                if end and wanted == 200:
                    c.h2.response(sid)
                    assert s.ended and s.reset is None, s
            assert c.plain("/plain") == 200
            assert c.h2.goaway is None
        still_good(bridge, way)


@limit(60)
def test_settings_of_servers_are_awaited():
    """Before them nobody knows what the server takes."""
    seen, gate = [], threading.Event()

    def late(conn, number):
        def frame():
            head = exactly(conn, 9)
            return head[3], int.from_bytes(head[5:], "big"), exactly(
                conn, int.from_bytes(head[:3], "big"))

        conn.settimeout(20)
        exactly(conn, len(PREFACE))
        kind, _, payload = frame()
        assert kind == SETTINGS and payload[:6] == struct.pack("!HL", 2, 0)
        assert gate.wait(20)
        conn.setblocking(False)
        try:    # all that came meanwhile
            seen.append(conn.recv(65536, socket.MSG_PEEK))
        except BlockingIOError:
            seen.append(b"")
        conn.settimeout(20)
        conn.sendall(frame_bytes(SETTINGS, 0, 0, settings_payload(
            {ENABLE_CONNECT_PROTOCOL: 1})))
        while kind != HEADERS:
            kind, sid, _ = frame()
        assert sid == 1
        conn.sendall(frame_bytes(HEADERS, END_HEADERS, 1, literal_block([OK])))
        conn.recv(1)

    server = FakeServer(late)
    proxy = Proxy("backend b\n server s 127.0.0.1:{server} proto h2\n",
                  server=server.port)
    with Client(proxy.port) as c:
        c.send(HEAD("/ws", VERSION + GOOD_KEY))
        wait_until(lambda: server.accepted, what="a connection")
        time.sleep(0.2)     # nothing comes, whatever the time
        gate.set()
        assert c.read_response().status == 101
    kinds, data = [], seen[0]
    while len(data) >= 9:
        kinds.append(data[3])
        data = data[9 + int.from_bytes(data[:3], "big"):]
    assert HEADERS not in kinds, kinds


@limit(60)
def test_windows_invite_a_tunnel():
    """A WINDOW_UPDATE on the stream comes before the answer, not after an
    extended CONNECT that has ended already."""
    bridge = Bridge(serve)
    for way in H2_WAYS:
        for end in False, True:
            with bridge.client(way) as c:
                sid = c.h2.open_stream()
                c.h2.send_headers(sid, [
                    CONNECT, PROTOCOL, *REST,
                    ("sec-websocket-version", "13")], end)
                frame = c.h2.wait_frame(HEADERS, sid)
                assert dict(frame.fields)[":status"] == "200"
                mine = [f.kind for f in c.h2.frames if f.stream == sid]
                assert (mine[0] == WINDOW_UPDATE) == (not end), (way, mine)


@limit(60)
def test_clients_that_may_not_connect():
    origin = TlsOrigin()
    proxy = Proxy("""
global
    h2-workaround-bogus-websocket-clients
    log stderr format raw local0
defaults
    mode http
    log global
    timeout client 10s
    timeout server 10s
    timeout connect 5s
listen l
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} proto h1
    server s 127.0.0.1:{origin}
""", origin=origin)
    with H2Client(proxy.port) as h2:
        assert ENABLE_CONNECT_PROTOCOL not in h2.wait_settings()
        sid = h2.open_stream()
        h2.send_headers(sid, [CONNECT, PROTOCOL, *REST])
        assert h2.response(sid).reset == PROTOCOL_ERROR
        assert h2.get("/bytes/5").body == b"01234"
    with Client(proxy.port) as c:
        assert c.ws_open().status == 101
    # HTTP/2 where there is HTTP/1 alone
    with Client(proxy.values["port2"]) as c:
        c.send(PREFACE)
        assert c.read_response().status == 405


def said(*lines):
    return ("HTTP/1.1 101 Switching\r\n" + "".join(
        s + "\r\n" for s in lines) + "\r\n").encode()


UPGRADED = ("Connection: Upgrade", "Upgrade: websocket")
ACCEPT = "Sec-WebSocket-Accept: {}".format
SWITCHES = [ # what, what the server says to {accept}; what passes
    ("no Accept", said(*UPGRADED), None),
    ("an empty Accept", said(*UPGRADED, ACCEPT("")), None),
    ("a wrong Accept", said(*UPGRADED, ACCEPT(accept_of("other"))), None),
    ("another protocol", said("Connection: Upgrade", "Upgrade: foo"), None),
    ("another one and a wrong Accept", said(
        "Connection: Upgrade", "Upgrade: foo, websocket",
        ACCEPT(accept_of("other"))), None),
    ("no Upgrade and no Accept", said("Connection: Upgrade"), None),
    ("another case", said(*UPGRADED, "Sec-WebSocket-Accept: {swapped}"), None),
    ("a length", said(*UPGRADED, "Sec-WebSocket-Accept: {accept}",
                      "Content-Length: 5") + b"hello", b"hello"),
    ("chunked", said(*UPGRADED, "Sec-WebSocket-Accept: {accept}",
                     "Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
     b"5\r\nhello\r\n"),
    ("nothing but an end", b"", None),
    ("half a head", b"HTTP/1.1 101 Switching\r\nUpgr", None),
    ("no head", b"\x81\x05hello", None),
    ("an endless head", b"HTTP/1.1 101 Switching\r\n" + b"X: y\r\n" * 20000,
     None),
]


@limit(120)
def test_answers_of_http1():
    """101 without the right Accept is a 502; what follows one is bytes."""
    def answer(peer):
        if peer.path == "/ws" or not peer.protocol:
            serve(peer)
            return
        text = SWITCHES[int(peer.path[1:])][1]
        accept = accept_of(peer.get("sec-websocket-key"))
        for name, value in (("accept", accept), ("swapped", accept.swapcase())):
            text = text.replace(b"{%s}" % name.encode(), value.encode())
        peer.raw(text)
        peer.end()

    bridge = Bridge(answer, more="timeout server 5s")
    for way in [w for w in WAYS if w[1] == "h1"]:
        for n, (what, _, passes) in enumerate(SWITCHES):
            with bridge.client(way) as c:
                c.ask(f"/{n}")
                if passes is None:
                    assert c.status == 502, (way, what, c.status)
                    continue
                assert c.status == c.switched, (way, what, c.status)
                assert c.get("content-length") is None, (way, what)
                assert c.get("transfer-encoding") is None, (way, what)
                assert c.recv(len(passes)) == passes, (way, what)
        still_good(bridge, way)


def head(*fields, end=False):
    return (HEADERS, END_HEADERS | (END_STREAM if end else 0),
            literal_block(fields))


OK = (":status", "200")
ANSWERS = [ # what, the frames; the client's status, or 502
    ("a 101", [head((":status", "101"))], 502),
    ("no status", [head(("x", "y"))], 502),
    ("two", [head(OK, OK)], 502),
    ("Upgrade", [head(OK, ("upgrade", "websocket"))], 502),
    ("Connection", [head(OK, ("connection", "upgrade"))], 502),
    ("DATA first", [(DATA, 0, b"x"), head(OK)], 502),
    ("a reset", [(RST_STREAM, 0, struct.pack("!L", CANCEL))], 502),
    ("an end without error", [(RST_STREAM, 0, struct.pack("!L", NO_ERROR))],
     502),
    ("an Accept", [head(OK, ("sec-websocket-accept", "x"))], 200),
    ("a length", [head(OK, ("content-length", "3"))], 200),
    ("an end with it", [head(OK, end=True)], 200),
    ("an interim one", [head((":status", "103")), head(OK)], 200),
    ("204", [head((":status", "204"))], 200),
]


@limit(90)
def test_answers_of_http2():
    def answer(peer):
        if peer.path == "/ws" or not peer.protocol:
            serve(peer)
            return
        peer.raw(*ANSWERS[int(peer.path[1:])][1])

    bridge = Bridge(answer, more="retries 0")
    for way in [w for w in WAYS if w[1] == "h2"]:
        for n, (what, _, wanted) in enumerate(ANSWERS):
            with bridge.client(way) as c:
                c.ask(f"/{n}")
                if wanted == 200:
                    wanted = c.switched
                assert c.status == wanted, (way, what, c.status)
                if way[0] == "h1" and wanted == 101:
                    assert c.get("sec-websocket-accept") == accept_of(KEY)
        still_good(bridge, way)


STEPS = ("handshake", "answered", "bytes", "half")


@limit(120)
def test_resets_at_each_step():
    """Of the client; the server hears of each, and no stream is left."""
    ends, gates = [], []

    def slow(peer):
        if not peer.protocol or peer.path == "/ws":
            serve(peer)
            return
        if peer.path != "/handshake":
            peer.accept()
        gates.append(peer)
        ends.append(peer.rest())

    bridge = Bridge(slow)
    for way in WAYS:
        for step in STEPS:
            with bridge.client(way) as c:
                c.handshake(f"/{step}")
                wait_until(lambda: gates, 20, what="the server's turn")
                gates.clear()
                if step != "handshake":
                    c.response()
                    assert c.status == c.switched
                if step == "bytes":
                    c.send(os.urandom(50000))
                if step == "half":
                    c.end()
                c.reset()
            wait_until(lambda: ends, 20, what=f"{way} {step}: the end")
            ends.clear()
        still_good(bridge, way)
    wait_until(lambda: not bridge.proxy.board()["processes"][1].get(
        "tunnels", 0), what="no tunnel to be left")


@limit(90)
def test_frames_are_not_looked_into():
    """Unmasked, reserved bits and opcodes, lies about lengths: all pass."""
    frames = [
        b"\x81\x05hello",                       # not masked
        b"\xff\x85\0\0\0\0hello",               # reserved bits
        b"\x8b\x80\1\2\3\4", b"\x83\x80\1\2\3\4",   # unknown opcodes
        b"\x82\xff" + b"\xff" * 8 + b"\0" * 4,  # 2^64 - 1 bytes
        b"\x88\xfe\xff\xff" + b"\0" * 4,        # too long a Close
        b"\x82\x7f\0\0\0\0\0\0\0\1",            # half a frame
    ]
    bridge = Bridge(serve)
    for way in WAYS:
        for frame in frames:
            with bridge.client(way) as c:
                c.ask("/ws")
                for i in range(len(frame)):     # byte by byte
                    c.send(frame[i:i + 1])
                assert c.recv(len(frame)) == frame, (way, frame)


@limit(60)
def test_a_client_that_dribbles():
    """The handshake byte by byte; frames behind it at any split."""
    bridge = Bridge(serve)
    text = (HEAD("/ws", VERSION + GOOD_KEY)).encode() + b"\x81\x85abcdhello"
    for way in [w for w in PLAIN_WAYS if w[0] == "h1"]:
        for cut in range(len(text) - 12, len(text) + 1):
            with bridge.client(way) as c:
                c.client.send(text[:cut])
                time.sleep(0.005)
                c.client.send(text[cut:])
                c.response()
                assert c.status == 101
                assert c.recv(11) == b"\x81\x85abcdhello"
        with bridge.client(way) as c:
            for i in range(len(text)):
                c.client.send(text[i:i + 1])
            c.response()
            assert c.recv(11) == b"\x81\x85abcdhello"


def test_the_proxy_outlives_noise():
    """Random bytes where a handshake or a tunnel should be."""
    origin = Origin()
    proxy = Proxy("backend b\n server s 127.0.0.1:{origin}\n", origin=origin)
    for n in range(60):
        with Client(proxy.port) as c:
            if n % 2:
                assert c.ws_open().status == 101
            c.send(os.urandom(300))
    with Client(proxy.port) as c:
        assert c.ws_open().status == 101
        c.ws_send(b"hello")
        assert c.ws_recv() == (1, b"hello")
