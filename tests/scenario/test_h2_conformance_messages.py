# SPDX-License-Identifier: MIT
"""RFC 9113 section 8 as a client sees it: requests in order and malformed.
See h2conform.py for the tables."""

from h2client import (
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR,
    STREAM_CLOSED, literal_block)
from h2conform import Room, malformed, opened, run, stream
from wsbtest import limit

BOTH = END_HEADERS | END_STREAM


def asks(fields, end=True):
    def act(c):
        sid = c.open_stream()
        c.send_frame(HEADERS, BOTH if end else END_HEADERS, sid,
                     literal_block(fields))
        return sid
    return act


PSEUDO = {":method": "GET", ":scheme": "http", ":authority": "a.test",
          ":path": "/bytes/5"}


def get(*more, **changed):
    """A GET with more fields; method="PUT" changes :method, None drops it."""
    pairs = {**PSEUDO, **{f":{k}": v for k, v in changed.items()}}
    return asks([p for p in pairs.items() if p[1] is not None] + list(more))


def fields(*pairs):
    return asks(pairs)


REST = [(":scheme", "http"), (":authority", "a.test"), (":path", "/bytes/5")]
ALL = [(":method", "GET"), *REST]

# (section, name, act): all malformed, none of them goes to a server.
BAD_HEADS = [
    # 8.2.1 names
    ("8.2.1", "an uppercase name", get(("X-Upper", "1"))),
    ("8.2.1", "one uppercase letter in a name", get(("x-uppEr", "1"))),
    *(("8.2.1", f"a name with byte {n:#x}", get((b"x" + bytes([n]), "1")))
      for n in (0, 1, 9, 10, 13, 0x1F, 0x20, 0x41, 0x5A, 0x7F, 0x80, 0xFF)),
    ("8.2.1", "a name with a colon", get(("x:y", "1"))),
    ("8.2.1", "a name that ends with a colon", get(("x-name:", "1"))),
    ("8.2.1", "an empty name", get(("", "1"))),
    # values
    *(("8.2.1", f"a value with byte {n:#x}", get(("x", b"a%cb" % n)))
      for n in (0, 10, 13)),
    ("8.2.1", "a value that begins with a space", get(("x", " a"))),
    ("8.2.1", "a value that begins with a tab", get(("x", "\ta"))),
    ("8.2.1", "a value that ends with a space", get(("x", "a "))),
    ("8.2.1", "a value that ends with a tab", get(("x", "a\t"))),
    ("8.2.1", "a line feed in :path", get(path="/bytes/5\nx: y")),
    ("8.2.1", "a NUL in :authority", get(authority="a\0b")),
    # 8.2.2 fields of a connection
    ("8.2.2", "connection", get(("connection", "keep-alive"))),
    ("8.2.2", "connection: close", get(("connection", "close"))),
    ("8.2.2", "proxy-connection", get(("proxy-connection", "x"))),
    ("8.2.2", "keep-alive", get(("keep-alive", "timeout=5"))),
    ("8.2.2", "transfer-encoding", get(("transfer-encoding", "chunked"))),
    ("8.2.2", "transfer-encoding: identity",
     get(("transfer-encoding", "identity"))),
    ("8.2.2", "upgrade", get(("upgrade", "websocket"))),
    ("8.2.2", "te: gzip", get(("te", "gzip"))),
    ("8.2.2", "te: trailers, gzip", get(("te", "trailers, gzip"))),
    # 8.3 pseudo-header fields
    ("8.3", "one after others", fields(*ALL[:3], ("x", "1"), ALL[3])),
    ("8.3", "an optional one after others",
     fields(ALL[0], ALL[1], ALL[3], ("x", "1"), ALL[2])),
    ("8.3", "an unknown one", get((":unknown", "1"))),
    ("8.3", "an unknown one at first", fields((":unknown", "1"), *ALL)),
    ("8.3", "one of responses", get((":status", "200"))),
    ("8.3", "a colon alone", get((":", "1"))),
    ("8.3", "an uppercase one", fields((":Method", "GET"), *REST)),
    *(("8.3.1", f"{name} twice", fields(*ALL, (name, value)))
      for name, value in ALL),
    ("8.3.1", ":path twice, not the same", fields(*ALL, (":path", "/"))),
    ("8.3.1", "no :method", get(method=None)),
    ("8.3.1", "no :scheme", get(scheme=None)),
    ("8.3.1", "no :path", get(path=None)),
    ("8.3.1", "none at all", fields(("host", "a.test"), ("x", "1"))),
    ("8.3.1", "no fields at all", fields()),
    ("8.3.1", "an empty :path", get(path="")),
    ("8.3.1", "an empty :method", get(method="")),
    ("8.3.1", "a :method of two words", get(method="GET /")),
    ("8.3.1", "a space in :path", get(path="/bytes/5 HTTP/1.1")),
    # 8.5 CONNECT
    ("8.5", "CONNECT with :scheme",
     get(method="CONNECT", path=None, authority="a.test:1")),
    ("8.5", "CONNECT with :path",
     get(method="CONNECT", scheme=None, authority="a.test:1")),
    ("8.5", "CONNECT without :authority",
     get(method="CONNECT", scheme=None, path=None, authority=None)),
    ("8441 4", ":protocol without CONNECT", get((":protocol", "websocket"))),
    ("8441 4", ":protocol without :path", fields(
        (":method", "CONNECT"), (":protocol", "websocket"), REST[0],
        REST[1])),
    # 8.1.1 lengths
    ("8.1.1", "a length that is no number", get(("content-length", "x"))),
    ("8.1.1", "a length with a sign", get(("content-length", "+0"))),
    ("8.1.1", "a negative length", get(("content-length", "-1"))),
    ("8.1.1", "a length beyond all numbers",
     get(("content-length", "9" * 30))),
    ("8.1.1", "two lengths", get(("content-length", "0"),
                                 ("content-length", "5"))),
    ("8.1.1", "a list of lengths", get(("content-length", "0, 5"))),
    ("8.1.1", "a length and END_STREAM", get(("content-length", "5"))),
]


@limit(180)
def test_malformed_heads():
    run([(*row, malformed) for row in BAD_HEADS], Room())


@limit(180)
def test_malformed_heads_reach_no_server():
    """8.1.1: an intermediary does not forward them."""
    room = Room()
    before = room.origin.stats()["requests"]
    for section, name, act in BAD_HEADS:
        with room.client() as c:
            c.wait_settings()
            sid = act(c)
            c.wait(lambda c=c, sid=sid: c.goaway or sid in c.streams and (
                c.streams[sid].reset is not None or c.streams[sid].ended))
        now = room.origin.stats()["requests"]
        assert now == before, f"{section} {name}"
    room.leave()


# --- requests in order ---

def trailers(*pairs, length=None, body=b"abc", flags=BOTH):
    def act(c):
        sid = c.open_stream()
        more = [("content-length", str(length))] if length is not None else []
        c.send_frame(HEADERS, END_HEADERS, sid, literal_block(
            c.fields("POST", "/echo", more)))
        if body:
            c.send_frame(DATA, 0, sid, body)
        c.send_frame(HEADERS, flags, sid, literal_block(pairs))
        if not flags & END_HEADERS:
            c.send_frame(CONTINUATION, END_HEADERS, sid, b"")
        return sid
    return act


def crumbs(c):
    sid = c.request("GET", "/headers", [("cookie", "a=1"), ("x", "y"),
                                        ("cookie", "b=2; c=3")])
    text = bytes(c.response(sid).body).lower()
    assert text.count(b"cookie:") == 1 and b"a=1; b=2; c=3" in text, text
    return sid


def host_alone(c):
    sid = get(("host", "h.test"), authority=None, path="/headers")(c)
    c.wait(lambda: sid in c.streams and c.streams[sid].ended)
    text = bytes(c.streams[sid].body).lower()
    assert b"\r\nhost: h.test\r\n" in text, text
    return sid


def authority_counts(c):
    """8.3.1: what differs is refused, or :authority replaces it."""
    sid = get(("host", "h.test"), path="/headers")(c)
    c.wait(lambda: c.goaway or sid in c.streams and (
        c.streams[sid].ended or c.streams[sid].reset is not None))
    s = c.streams.get(sid)
    if s and s.status == 200:
        text = bytes(s.body).lower()
        assert b"h.test" not in text, text
    return sid


GOOD = [
    ("8.2.1", "all characters of a name",
     get(("!#$%&'*+-.^_`|~09az", "1")), {200}),
    ("8.2.1", "an empty value", get(("x", "")), {200}),
    ("8.2.1", "spaces within a value", get(("x", "a \t b")), {200}),
    ("8.2.1", "bytes beyond ASCII in a value",
     get(("x", b"\x80\xff\xc3\xa4")), {200}),
    ("8.2.2", "te: trailers", get(("te", "trailers")), {200}),
    ("8.2.3", "cookies in crumbs", crumbs, {200}),
    ("8.3.1", "pseudo-header fields in any order",
     fields(ALL[3], ALL[2], ALL[1], ALL[0]), {200}),
    ("8.3.1", "host instead of :authority", host_alone, {200}),
    ("8.3.1", "host beside :authority", authority_counts,
     malformed | {200}),
    ("8.3.1", "OPTIONS *", get(method="OPTIONS", path="*"),
     {200, 204, 400, 404, 405, 501}),
    ("8.3.1", "a query", get(path="/bytes/5?a=b&c"), {200}),
    ("8.1", "trailers", trailers(("x-sum", "1")), {200}),
    ("8.1", "empty trailers", trailers(), {200}),
    ("8.1", "trailers in two frames",
     trailers(("x-sum", "1"), flags=END_STREAM), {200}),
    ("8.1", "trailers without a body", trailers(("x", "1"), body=b""), {200}),
    ("8.1", "trailers after as much as was said",
     trailers(("x", "1"), length=3), {200}),
    ("8.1.1", "a length of 0 and END_STREAM", get(("content-length", "0")),
     {200}),
]


@limit(180)
def test_requests_in_order():
    run(GOOD, Room())


# --- malformed behind the head ---

def body_of(length, *payloads, end=True):
    """DATA against a content-length."""
    def act(c):
        sid = c.open_stream()
        c.send_frame(HEADERS, END_HEADERS, sid, literal_block(c.fields(
            "POST", "/echo", [("content-length", str(length))])))
        for n, payload in enumerate(payloads):
            last = end and n == len(payloads) - 1
            c.send_frame(DATA, END_STREAM if last else 0, sid, payload)
        return sid
    return act


def headers_after_trailers(c):
    sid = c.request("POST", "/delay/30000", trailers=[("x", "1")], body=b"a")
    c.ping()
    c.send_frame(HEADERS, BOTH, sid, literal_block([("x", "1")]))
    return sid


BAD_BODIES = [
    ("8.1.1", "less than its length", body_of(5, b"abc"), malformed),
    ("8.1.1", "more than its length", body_of(2, b"abc"), malformed),
    ("8.1.1", "more than its length, in two frames",
     body_of(5, b"abc", b"abc"), malformed),
    ("8.1.1", "more than its length, which does not end",
     body_of(2, b"abc", end=False), malformed),
    ("8.1.1", "nothing, with a length", body_of(5, b""), malformed),
    ("8.1.1", "something, with a length of 0", body_of(0, b"a"), malformed),
    ("8.1.1", "less than its length, then trailers",
     trailers(("x", "1"), length=5), malformed),
    ("8.1", "trailers with :path", trailers((":path", "/")), malformed),
    ("8.1", "trailers with :status", trailers((":status", "200")), malformed),
    ("8.1", "trailers with a pseudo-header field after others",
     trailers(("x", "1"), (":method", "GET")), malformed),
    ("8.1", "trailers with an unknown pseudo-header field",
     trailers((":x", "1")), malformed),
    ("8.1", "trailers that do not end the stream",
     trailers(("x", "1"), flags=END_HEADERS), malformed),
    ("8.2.1", "trailers with an uppercase name",
     trailers(("X-Sum", "1")), malformed),
    ("8.2.1", "trailers with a line feed", trailers(("x", "1\n2")), malformed),
    ("8.2.2", "trailers with connection",
     trailers(("connection", "close")), malformed),
    ("8.2.2", "trailers with transfer-encoding",
     trailers(("transfer-encoding", "chunked")), malformed),
    ("8.1", "HEADERS after trailers", headers_after_trailers,
     stream(STREAM_CLOSED, PROTOCOL_ERROR)),
]


@limit(180)
def test_malformed_behind_the_head():
    run(BAD_BODIES, Room())


@limit(180)
def test_data_after_trailers():
    """A stream error, if the stream is not over by then."""
    room = Room()
    for _ in range(3):
        with room.client() as c:
            c.wait_settings()
            sid = c.open_stream()
            c.send_frame(HEADERS, END_HEADERS, sid, literal_block(
                c.fields("POST", "/delay/30000")))
            c.send_frame(HEADERS, BOTH, sid, literal_block([("x", "1")]))
            c.ping()
            c.send_frame(DATA, END_STREAM, sid, b"a")
            c.wait(lambda c=c, sid=sid: c.goaway or
                   c.streams[sid].reset is not None)
            code = c.goaway.code if c.goaway else c.streams[sid].reset
            assert code in (STREAM_CLOSED, PROTOCOL_ERROR), code
    room.leave()


@limit(180)
def test_the_same_over_tls():
    run([(*row, malformed) for row in BAD_HEADS] + GOOD + BAD_BODIES,
        Room(tls=True))
