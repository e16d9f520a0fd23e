# SPDX-License-Identifier: MIT
"""WebSockets and other upgrades between HTTP/1 and HTTP/2, in all four bridges,
plain and through TLS: what each end sees of the other's handshake, and that the
bytes behind it arrive as they are."""

import threading

from h2client import INTERNAL_ERROR, RST_STREAM
from wsbridge import KEY, PLAIN_WAYS, WAYS, Bridge, accept_of
from wsbtest import limit, wait_until

FIELDS = [("Sec-WebSocket-Protocol", "chat, superchat"),
          ("Sec-WebSocket-Extensions", "permessage-deflate; x=1"),
          ("Origin", "https://example.com"), ("Cookie", "a=1")]
TAKEN = [("Sec-WebSocket-Protocol", "chat"),
         ("Sec-WebSocket-Extensions", "permessage-deflate")]
HOP = {"connection", "upgrade", "sec-websocket-key", "sec-websocket-accept",
       "transfer-encoding", "content-length", "keep-alive"}


def run(serve, check, ways=WAYS, **options):
    """check(client, way) for each, the servers doing serve(peer)."""
    def guarded(peer):
        if peer.path == "/plain":
            peer.answer(200, body=b"plain")
        else:
            serve(peer)

    bridge = Bridge(guarded, **options)
    for way in ways:
        try:
            with bridge.client(way) as client:
                check(client, way)
        except Exception as error:
            raise AssertionError(
                f"{way}: {error!r}; log {bridge.proxy.log()[-3:]}") from error
    return bridge


@limit(90)
def test_handshakes_say_the_same_in_other_words():
    seen = []

    def serve(peer):
        seen.append(peer)
        peer.accept([*TAKEN, ("X-Name", "v")])
        peer.send(peer.recv(4)[::-1])
        peer.end()
        rest = peer.rest()
        assert rest == (b"", "end"), (peer.conn, rest)

    def check(client, way):
        client.ask("/chat?x=1&y", FIELDS)
        assert client.status == client.switched, client.status
        for name, value in [*TAKEN, ("X-Name", "v")]:
            assert client.get(name.lower()) == value, name
        peer = seen[-1]
        assert peer.path == "/chat?x=1&y" and peer.http == way[1]
        for name, value in FIELDS:
            assert peer.get(name.lower()) == value, peer.fields
        assert peer.get("sec-websocket-version") == "13"
        assert peer.get("x-forwarded-proto") == "https"
        assert peer.get("x-forwarded-for") == "127.0.0.1"
        if way[0] == "h1":
            assert client.get("sec-websocket-accept") == accept_of(KEY)
            assert client.get("upgrade").lower() == "websocket"
            assert client.get("connection").lower() == "upgrade"
        else:
            assert not {n for n, _ in client.stream.headers} & HOP
        if way[1] == "h1":
            assert peer.first == "GET /chat?x=1&y HTTP/1.1"
            assert peer.get("host") == "example.com"
            assert peer.get("upgrade") == "websocket"
            assert peer.get("connection").lower() == "upgrade"
            key = peer.get("sec-websocket-key")
            assert len(key) == 24 and (key == KEY) == (way[0] == "h1")
        else:
            assert peer.first == {
                ":method": "CONNECT", ":protocol": "websocket",
                ":scheme": "https", ":path": "/chat?x=1&y",
                ":authority": "example.com"}, peer.first
            assert not peer.names() & (HOP | {"host"}), peer.fields
        client.send(b"abcd")
        assert client.recv(4) == b"dcba"
        client.end()
        assert client.rest() == (b"", "end")

    run(serve, check)


@limit(90)
def test_bytes_that_come_with_the_handshake():
    """Behind the request, in one piece; with the answer, in one piece."""
    size = 9000
    early, first = b"\x82\x7e" * (size // 2), b"\x81\x05first" * 900

    def serve(peer):
        if peer.path == "/switched":
            peer.accept(data=first)
        assert peer.recv(size) == early
        peer.send(b"thanks")
        assert peer.recv(4) == b"last"
        peer.end()

    def check(client, way):
        client.ask("/switched", data=early)
        assert client.status == client.switched
        assert client.recv(len(first)) == first
        assert client.recv(6) == b"thanks"
        client.send(b"last")
        assert client.rest()[0] == b""

    run(serve, check)


@limit(90)
def test_early_bytes_wait_for_the_servers_word():
    """... or a server that declines takes them for its next request."""
    asked, bad = [], b"GET /smuggled HTTP/1.1\r\nHost: example.com\r\n\r\n"

    def serve(peer):
        asked.append(peer.path)
        peer.answer(403, body=b"no")

    def check(client, way):
        client.ask("/declined", data=bad)
        assert (client.status, client.body) == (403, b"no")
        assert client.plain("/plain") == 200

    run(serve, check, [w for w in WAYS if w[0] == "h2"])
    assert set(asked) == {"/declined"}, asked


@limit(120)
def test_each_direction_ends_by_itself():
    def serve(peer):
        peer.accept()
        if peer.path == "/client":
            assert peer.rest() == (b"up", "end")
            peer.send(b"down")
            peer.send(b"more")
            peer.end()
        else:
            peer.send(b"downmore")
            peer.end()
            assert peer.rest() == (b"up", "end")

    def check(client, way):
        for path in "/client", "/server":
            with bridge.client(way) as c:
                c.ask(path)
                if path == "/client":
                    c.send(b"up")
                    c.end()
                    rest = c.rest()
                    assert rest == (b"downmore", "end"), (way, path, rest)
                else:
                    rest = c.rest()
                    assert rest == (b"downmore", "end"), (way, path, rest)
                    c.send(b"up")
                    c.end()

    bridge = Bridge(serve)
    for way in WAYS:
        check(None, way)


DECLINED = [ # what the server says; what must pass
    (403, [("X-Why", "no")], b"forbidden"),
    (426, [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")], b""),
    (302, [("Location", "/elsewhere")], b""),
    (401, [("WWW-Authenticate", "Basic")], b"who?"),
    (500, [], b"oh"),
]


@limit(120)
def test_declined_handshakes_are_ordinary_responses():
    def serve(peer):
        status, fields, body = DECLINED[int(peer.path[1:])]
        if peer.http == "h2":
            fields = [f for f in fields if f[0] != "Upgrade"]
        peer.answer(status, fields, body)

    def check(client, way):
        for n, (status, fields, body) in enumerate(DECLINED):
            client.ask(f"/{n}")
            assert (client.status, client.body) == (status, body), n
            for name, value in fields:
                if name != "Upgrade":
                    assert client.get(name.lower()) == value, (n, name)
            # both connections go on
            assert client.plain("/plain") == 200

    bridge = run(serve, check)
    for kind, server in bridge.servers.items():
        assert server.accepted == 1, (kind, server.accepted)


@limit(60)
def test_a_success_that_is_no_switch():
    """200 from a server of HTTP/1 is not 200 to an extended CONNECT."""
    def serve(peer):
        peer.answer(200, body=b"page")

    def check(client, way):
        client.ask("/")
        if way[0] == "h2":
            assert client.status == 502, client.status
        else:
            assert (client.status, client.body) == (200, b"page")
        assert client.plain("/plain") == 200

    run(serve, check, [w for w in WAYS if w[1] == "h1"])


@limit(90)
def test_resets_end_their_tunnel_alone():
    """On an HTTP/2 connection another tunnel goes on."""
    ended = []

    def serve(peer):
        peer.accept()
        if peer.path == "/server":
            peer.recv(1)
            peer.reset()
        else:
            ended.append(peer.rest())

    def check(client, way):
        for path in "/server", "/client":
            with bridge.client(way) as c:
                c.ask(path)
                assert c.status == c.switched
                if path == "/server":
                    c.send(b"x")
                    assert c.rest()[0] == b""
                    assert way[0] == "h1" or c.stream.reset is not None
                else:
                    c.send(b"yz")
                    c.reset()
                    wait_until(lambda: ended, 20, what="the server's end")
                    assert ended.pop()[0] in (b"yz", b"")
        client.send(b"still")
        client.end()
        wait_until(lambda: ended, 20, what="the first one's end")
        last = ended.pop()
        assert last[0] == b"still", (way, last)

    bridge = Bridge(serve)
    for way in WAYS:
        with bridge.client(way) as first:
            first.ask("/first")
            check(first, way)


@limit(90)
def test_other_protocols_cross_as_well():
    def serve(peer):
        assert peer.protocol == "foo/2", (peer.first, peer.fields)
        assert "sec-websocket-key" not in peer.names()
        peer.accept(data=b"hi")
        peer.send(peer.recv(3))
        peer.end()

    def check(client, way):
        client.ask("/", protocol="foo/2", data=b"abc")
        assert client.status == client.switched
        assert way[0] == "h2" or client.get("upgrade") == "foo/2"
        assert client.recv(5) == b"hiabc"

    run(serve, check)


WEBSOCKETS = [ # header lines: are they one?
    (True, "Connection: Upgrade\nUpgrade: websocket"),
    (True, "Connection: keep-alive, UPGRADE\nUpgrade: WebSocket"),
    (True, "Connection: keep-alive\nConnection: upgrade\nUpgrade: websocket"),
    (True, "Connection: upgrade\nUpgrade: h2c, websocket"),
    (True, "Connection: upgrade\nUpgrade: h2c\nUpgrade: websocket"),
    (True, "Connection: upgrade, HTTP2-Settings\nHTTP2-Settings: AA\n"
           "Upgrade: h2c,websocket,h2"),
    (False, "Connection: upgrade"),
    (False, "Upgrade: websocket"),
    (False, "Connection: keep-alive\nUpgrade: websocket"),
    (False, "Connection: upgrade\nUpgrade: h2c"),
    (False, "Connection: upgrade\nUpgrade: h2c, h2"),
    (False, "Connection: upgrade\nUpgrade:"),
    (False, "Connection: upgradex\nUpgrade: websocket"),
]


@limit(60)
def test_what_is_a_websocket():
    """Only then is it passed on as one; h2c never is, nor what is alone."""
    seen = []

    def serve(peer):
        seen.append(peer)
        if peer.protocol:
            peer.accept()
            peer.end()
        else:
            peer.answer(200)

    def check(client, way):
        for is_one, lines in WEBSOCKETS:
            with bridge.client(way) as c:
                c.client.send(
                    "GET /x HTTP/1.1\r\nHost: example.com\r\n"
                    f"Sec-WebSocket-Key: {KEY}\r\n"
                    + lines.replace("\n", "\r\n") + "\r\n\r\n")
                c.response()
            peer = seen.pop()
            assert c.status == (101 if is_one else 200), (way, lines)
            assert peer.protocol and "websocket" in peer.protocol.lower() \
                if is_one else not peer.protocol, (way, lines, peer.fields)
            assert "http2-settings" not in peer.names()
            if not is_one:
                assert "upgrade" not in (peer.get("connection") or "")

    bridge = Bridge(serve)
    for way in [w for w in PLAIN_WAYS if w[0] == "h1"]:
        check(None, way)


@limit(60)
def test_an_upgrade_with_a_body():
    """A server of HTTP/1 has it before its 101; HTTP/2 has no room for it."""
    body = b"b" * 3000

    def serve(peer):
        if peer.http == "h2" and peer.path == "/":
            raise AssertionError("it was passed on")
        if peer.path == "/early":
            peer.accept()   # without reading what was announced
            peer.rest()
            return
        assert peer.recv(len(body)) == body
        peer.accept()
        peer.send(peer.recv(4))
        peer.end()

    def ask(c, path, length=len(body)):
        c.client.send(
            f"POST {path} HTTP/1.1\r\nHost: example.com\r\nUpgrade: foo\r\n"
            f"Connection: upgrade\r\nContent-Length: {length}\r\n\r\n")
        c.client.send(body + b"tail")

    def check(client, way):
        ask(client, "/")
        client.response()
        if way[1] == "h2":
            assert client.status == 502
            frames = bridge.server(way).conns[-1].frames
            wait_until(lambda: any(sid == 1 for _, sid, _ in frames),
                       what="a frame on the stream")
            first = [f for f in frames if f[1] == 1][0]
            assert first[0] == RST_STREAM and first[2] == \
                INTERNAL_ERROR.to_bytes(4, "big"), first
            return
        assert client.status == 101 and client.recv(4) == b"tail"
        with bridge.client(way) as c:   # a switch before the body's end
            ask(c, "/early", 1 << 20)
            c.response()
            assert c.status == 502, c.status

    bridge = Bridge(serve)
    for way in [w for w in WAYS if w[0] == "h1"]:
        with bridge.client(way) as client:
            check(client, way)


@limit(60)
def test_silent_servers_time_out():
    def serve(peer):
        peer.rest()

    def check(client, way):
        client.ask("/")
        assert client.status == 504, client.status

    run(serve, check, PLAIN_WAYS, more="timeout server 600ms")


@limit(90)
def test_much_that_comes_before_the_answer():
    """More than the proxy's buffers and windows hold."""
    size = 400000
    early = bytes(range(256)) * (size // 256)
    gate = threading.Event()

    def serve(peer):
        assert gate.wait(20)
        peer.accept()
        assert peer.recv(len(early)) == early
        peer.send(b"all")
        peer.end()

    def check(client, way):
        gate.clear()
        client.handshake("/")
        opener = threading.Timer(0.1, gate.set)
        opener.start()
        client.send(early)
        client.response()
        assert client.status == client.switched
        assert client.recv(3) == b"all"

    run(serve, check)


@limit(60)
def test_a_client_that_ends_with_its_handshake():
    def serve(peer):
        peer.accept(data=b"hello")
        assert peer.rest() == (b"bye", "end")
        peer.send(b"more")
        peer.end()

    def check(client, way):
        client.handshake("/", data=b"bye")
        client.end()
        client.response()
        assert client.status == client.switched
        assert client.recv(9) == b"hellomore"
        assert client.rest() == (b"", "end")

    run(serve, check)


@limit(60)
def test_plain_connect_by_http2():
    """No extended one: still a tunnel, whose bytes wait for the answer."""
    asked = []

    def serve(peer):
        asked.append(peer)
        if peer.path == "no:80":
            peer.answer(403)
            return
        assert not peer.get("upgrade") and peer.protocol is None
        if peer.http == "h1":
            peer.raw(b"HTTP/1.1 200 Fine\r\n\r\n")
            peer.over = True
        else:
            peer.accept()
        peer.send(peer.recv(5))
        peer.end()

    def check(client, way):
        for authority in "no:80", "e.com:443":
            sid = client.h2.open_stream()
            with client.h2.at_once():
                client.h2.send_headers(sid, [
                    (":method", "CONNECT"), (":authority", authority)])
                client.h2.send_data(sid, b"GET /")
            s = client.h2.streams[sid]
            client.h2.wait(lambda s=s: s.ended or s.reset is not None)
            assert s.status == (200 if authority == "e.com:443" else 403)
        assert bytes(s.body) == b"GET /", s
        assert len(asked) == 2, [p.first for p in asked]
        asked.clear()

    run(serve, check, [w for w in WAYS if w[0] == "h2" and w[1] == "h1"])


def test_an_answer_of_our_own_is_no_tunnel():
    def serve(peer):
        raise AssertionError("it was passed on")

    def check(client, way):
        client.ask("/")
        if way[0] == "h1":
            assert (client.status, client.body) == (200, b"own")
        else:
            assert client.stream.reset is not None, client.stream
            assert client.h2.goaway is None

    text = ("http-request return status 200 content-type text/plain "
            "string own")
    run(serve, check, PLAIN_WAYS, rule=text)
