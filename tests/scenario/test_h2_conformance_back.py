# SPDX-License-Identifier: MIT
"""RFC 9113 as servers break it: raw frames in place of a response. The client
gets a 502 or a response that is cut, never a wrong one; a connection that was
in error is not used again.
"""

import ssl
import struct
import tempfile
import threading
from pathlib import Path

import certs
import hpack
from h2client import (
    ACK, COMPRESSION_ERROR, CONTINUATION, DATA, ENABLE_PUSH, END_HEADERS,
    END_STREAM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS,
    INITIAL_WINDOW_SIZE, INTERNAL_ERROR, MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE, PADDED, PING, PREFACE, PRIORITY, PRIORITY_FLAG,
    PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    H2Client, frame_bytes, literal_block, settings_payload)
from wsbtest import Client, FakeServer, Proxy, limit, wait_until

CONFIG = """
backend be
    http-reuse always
    retries 0
    server s1 127.0.0.1:{server} %s
"""
PLAIN = "proto h2"
TLS = "ssl verify none alpn h2"
BOTH = END_HEADERS | END_STREAM
ONE = b"\0\0\0\x01"
CUT = "cut"
FAILED = {502, CUT}


class Server(FakeServer):
    """Answers /good with `good`, /bad with what bad(stream) says."""

    def __init__(self, tls=False):
        self.context = self._context() if tls else None
        self.bad = None
        self.served = []    # (path, number of the connection)
        self.ended = {}     # number: [(type, code)] that came at last
        self.lock = threading.Lock()
        super().__init__(self._talk)

    @staticmethod
    def _context():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(prefix="wsb-certs-") as folder:
            certs.make(Path(folder))
            context.load_cert_chain(Path(folder, "ecdsa.pem"))
        context.set_alpn_protocols(["h2"])
        return context

    @staticmethod
    def _exactly(conn, n):
        data = b""
        while len(data) < n:
            more = conn.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def _talk(self, conn, number):
        errors = []
        try:
            if self.context:
                conn = self.context.wrap_socket(conn, server_side=True)
            assert self._exactly(conn, len(PREFACE)) == PREFACE
            conn.sendall(frame_bytes(SETTINGS, 0, 0, settings_payload(
                {MAX_CONCURRENT_STREAMS: 100})))
            self._serve_frames(conn, number, errors, hpack.Decoder())
        except ssl.SSLError:
            pass    # an end without close_notify
        finally:
            conn.close()
            with self.lock:
                self.ended[number] = errors

    def _serve_frames(self, conn, number, errors, decoder):
        while True:
            head = self._exactly(conn, 9)
            payload = self._exactly(conn, int.from_bytes(head[:3], "big"))
            kind, flags = head[3], head[4]
            sid = int.from_bytes(head[5:], "big")
            if kind == SETTINGS and not flags & ACK:
                conn.sendall(frame_bytes(SETTINGS, ACK))
            elif kind == PING and not flags & ACK:
                conn.sendall(frame_bytes(PING, ACK, 0, payload))
            elif kind in (RST_STREAM, GOAWAY):
                errors.append((kind, int.from_bytes(
                    payload[4:8] if kind == GOAWAY else payload, "big")))
            elif kind == HEADERS:
                path = dict(decoder.decode(payload))[":path"]
                with self.lock:
                    self.served.append((path, number))
                conn.sendall(answer(sid) if path == "/good"
                             else self.bad(sid))

    def last(self, path):
        """The connection that served it last."""
        with self.lock:
            return [n for p, n in self.served if p == path][-1]


def frame(kind, flags=0, payload=b"", sid=None):
    """Of the stream, or of sid."""
    return lambda own: frame_bytes(
        kind, flags, own if sid is None else sid, payload)


def head(*fields, status="200", flags=END_HEADERS, sid=None):
    first = [(":status", status)] if status else []
    return frame(HEADERS, flags, literal_block([*first, *fields]), sid)


def data(payload=b"abc", flags=END_STREAM):
    return frame(DATA, flags, payload)


def answer(sid):
    return (head(("content-length", "4"))(sid)
            + frame_bytes(DATA, END_STREAM, sid, b"good"))


def length(n):
    return head(("content-length", str(n)))


SAID = length(5)
TRAILER = [("x-sum", "1")]


def ends(*codes):
    """The connection has to end; by these codes, if it says one."""
    return set(codes)


# (section, name, frames) of malformed messages, errors of the stream; and
# (section, name, frames, codes) of errors of the connection.
STREAM_ROWS = [
    ("8.1", "DATA before HEADERS", [data(b"x", 0), answer]),
    ("8.1", "DATA alone", [data()]),
    ("8.1", "DATA between an informational and the final one",
     [head(status="103"), data(b"x", 0), answer]),
    ("8.1", "an informational one that ends the stream",
     [head(status="103", flags=BOTH)]),
    ("8.1", "100 that ends the stream", [head(status="100", flags=BOTH)]),
    ("8.6", "101", [head(status="101"), answer]),
    ("8.1", "HEADERS twice", [SAID, SAID, data(b"hello")]),
    ("8.1", "trailers that do not end the stream",
     [head(), data(b"hello", 0), head(*TRAILER, status=None)]),
    ("8.1", "trailers with :status",
     [head(), data(b"hello", 0), head(flags=BOTH)]),
    ("8.1", "trailers with connection",
     [head(), data(b"a", 0),
      head(("connection", "close"), status=None, flags=BOTH)]),
    ("8.1.1", "less than its length", [SAID, data(b"abc")]),
    ("8.1.1", "more than its length", [SAID, data(b"abcdefgh")]),
    ("8.1.1", "more than its length, bit by bit",
     [SAID, data(b"hell", 0), data(b"ox")]),
    ("8.1.1", "nothing, with a length", [head(
        ("content-length", "5"), flags=BOTH)]),
    ("8.1.1", "less than its length, then trailers",
     [SAID, data(b"abc", 0), head(*TRAILER, status=None, flags=BOTH)]),
    ("8.1.1", "two lengths", [head(("content-length", "3"),
                                   ("content-length", "4")), data()]),
    ("8.1.1", "a length that is no number",
     [head(("content-length", "x")), data()]),
    ("8.2.1", "an uppercase name", [head(("X-Upper", "1")), data()]),
    ("8.2.1", "an empty name", [head(("", "1")), data()]),
    ("8.2.1", "a space in a name", [head(("x y", "1")), data()]),
    ("8.2.1", "a line feed in a value", [head(("x", "a\nset-cookie: b")),
                                         data()]),
    ("8.2.1", "a carriage return in a value", [head(("x", "a\rb")), data()]),
    ("8.2.1", "a NUL in a value", [head(("x", "a\0b")), data()]),
    ("8.2.1", "a value that begins with a space", [head(("x", " a")),
                                                   data()]),
    ("8.2.2", "connection", [head(("connection", "close")), data()]),
    ("8.2.2", "keep-alive", [head(("keep-alive", "timeout=1")), data()]),
    ("8.2.2", "transfer-encoding",
     [head(("transfer-encoding", "chunked")), data(b"0\r\n\r\n")]),
    ("8.2.2", "upgrade", [head(("upgrade", "h2c")), data()]),
    ("8.3", "an unknown pseudo-header field", [head((":x", "1")), data()]),
    ("8.3", "one of requests", [head((":path", "/")), data()]),
    ("8.3", ":status after others",
     [head(("x", "1"), (":status", "200"), status=None), data()]),
    ("8.3.2", "no :status", [head(("x", "1"), status=None), data()]),
    ("8.3.2", ":status twice", [head((":status", "200")), data()]),
    ("8.3.2", ":status of two digits", [head(status="20"), data()]),
    ("8.3.2", ":status of four digits", [head(status="2000"), data()]),
    ("8.3.2", ":status that is no number", [head(status="abc"), data()]),
    ("8.3.2", ":status with more", [head(status="200 OK"), data()]),
    ("6.4", "RST_STREAM before the head",
     [frame(RST_STREAM, 0, b"\0\0\0\x02")]),
    ("6.4", "RST_STREAM within the body",
     [SAID, data(b"ab", 0), frame(RST_STREAM, 0, b"\0\0\0\x08")]),
    ("6.9", "WINDOW_UPDATE of 0 on the stream",
     [frame(WINDOW_UPDATE, 0, bytes(4))]),
    ("6.3", "PRIORITY of 4", [frame(PRIORITY, 0, bytes(4))]),
]

CONN_ROWS = [
    ("4.2", "DATA beyond 2^14", [head(), data(bytes(16385))],
     ends(FRAME_SIZE_ERROR)),
    ("4.2", "HEADERS beyond 2^14",
     [head(("x", "y" * 16384)), data()], ends(FRAME_SIZE_ERROR)),
    ("4.3", "a block that is none", [frame(HEADERS, END_HEADERS, b"\x80")],
     ends(COMPRESSION_ERROR)),
    ("4.3", "an index beyond the tables",
     [frame(HEADERS, END_HEADERS, b"\xff\x40")], ends(COMPRESSION_ERROR)),
    ("4.3", "DATA within a block", [head(flags=0), data()],
     ends(PROTOCOL_ERROR)),
    ("4.3", "PING within a block",
     [head(flags=0), frame(PING, 0, bytes(8), 0)], ends(PROTOCOL_ERROR)),
    ("5.1", "DATA on an idle stream", [frame(DATA, 0, b"x", 99)],
     ends(PROTOCOL_ERROR)),
    ("5.1", "HEADERS on an idle stream", [head(sid=99)],
     ends(PROTOCOL_ERROR)),
    ("5.1", "HEADERS on a stream of the server's", [head(sid=2)],
     ends(PROTOCOL_ERROR)),
    ("5.1", "DATA on a stream of the server's", [frame(DATA, 0, b"x", 2)],
     ends(PROTOCOL_ERROR)),
    ("5.1", "WINDOW_UPDATE on an idle stream",
     [frame(WINDOW_UPDATE, 0, ONE, 99)], ends(PROTOCOL_ERROR)),
    ("5.1", "RST_STREAM on an idle stream",
     [frame(RST_STREAM, 0, ONE, 99)], ends(PROTOCOL_ERROR)),
    ("6.1", "DATA on stream 0", [head(), frame(DATA, 0, b"x", 0)],
     ends(PROTOCOL_ERROR)),
    ("6.1", "padding longer than the payload",
     [head(), frame(DATA, PADDED, b"\x09ab")], ends(PROTOCOL_ERROR)),
    ("6.2", "HEADERS on stream 0", [head(sid=0)], ends(PROTOCOL_ERROR)),
    ("6.2", "padding longer than the payload",
     [frame(HEADERS, END_HEADERS | PADDED, b"\xff\x88")],
     ends(PROTOCOL_ERROR)),
    ("6.2", "HEADERS too short for their priority",
     [frame(HEADERS, END_HEADERS | PRIORITY_FLAG, b"\0\0")],
     ends(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    ("6.3", "PRIORITY on stream 0", [frame(PRIORITY, 0, bytes(5), 0)],
     ends(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM on stream 0", [frame(RST_STREAM, 0, ONE, 0)],
     ends(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM of 3", [frame(RST_STREAM, 0, b"\0\0\0")],
     ends(FRAME_SIZE_ERROR)),
    ("6.5", "SETTINGS on a stream", [frame(SETTINGS)], ends(PROTOCOL_ERROR)),
    ("6.5", "SETTINGS of 5", [frame(SETTINGS, 0, bytes(5), 0)],
     ends(FRAME_SIZE_ERROR)),
    ("6.5", "ACK with a payload", [frame(SETTINGS, ACK, bytes(6), 0)],
     ends(FRAME_SIZE_ERROR)),
    ("6.5.2", "ENABLE_PUSH 1 of a server", [frame(
        SETTINGS, 0, settings_payload({ENABLE_PUSH: 1}), 0)],
     ends(PROTOCOL_ERROR)),
    ("6.5.2", "INITIAL_WINDOW_SIZE 2^31", [frame(
        SETTINGS, 0, settings_payload({INITIAL_WINDOW_SIZE: 1 << 31}), 0)],
     ends(FLOW_CONTROL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE 1", [frame(
        SETTINGS, 0, settings_payload({MAX_FRAME_SIZE: 1}), 0)],
     ends(PROTOCOL_ERROR)),
    ("6.6", "PUSH_PROMISE", [frame(PUSH_PROMISE, END_HEADERS,
                                   b"\0\0\0\x02\x82\x84\x86")],
     ends(PROTOCOL_ERROR)),
    ("6.7", "PING on a stream", [frame(PING, 0, bytes(8))],
     ends(PROTOCOL_ERROR)),
    ("6.7", "PING of 7", [frame(PING, 0, bytes(7), 0)],
     ends(FRAME_SIZE_ERROR)),
    ("6.8", "GOAWAY on a stream", [frame(GOAWAY, 0, bytes(8))],
     ends(PROTOCOL_ERROR)),
    ("6.8", "GOAWAY of 7", [frame(GOAWAY, 0, bytes(7), 0)],
     ends(FRAME_SIZE_ERROR)),
    ("6.9", "WINDOW_UPDATE of 0", [frame(WINDOW_UPDATE, 0, bytes(4), 0)],
     ends(PROTOCOL_ERROR)),
    ("6.9", "WINDOW_UPDATE of 3", [frame(WINDOW_UPDATE, 0, b"abc", 0)],
     ends(FRAME_SIZE_ERROR)),
    ("6.9.1", "WINDOW_UPDATE beyond 2^31 - 1", [frame(
        WINDOW_UPDATE, 0, struct.pack("!L", 0x7FFFFFFF), 0)],
     ends(FLOW_CONTROL_ERROR)),
    ("6.10", "CONTINUATION of nothing",
     [frame(CONTINUATION, END_HEADERS, b"\x88")], ends(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after END_HEADERS",
     [head(), frame(CONTINUATION, END_HEADERS, b"\x88")],
     ends(PROTOCOL_ERROR)),
]

# Unusual, and right: (section, name, frames, status, body).
RIGHT_ROWS = [
    ("4.1", "an unknown type", [frame(0x42, 7, b"abc", 0), frame(
        0x42, 7, b"abc"), answer], 200, b"good"),
    ("5.5", "an unknown setting", [frame(
        SETTINGS, 0, b"\xff\0\0\0\0\1", 0), answer], 200, b"good"),
    ("6.1", "padding", [length(3), frame(
        DATA, PADDED | END_STREAM, b"\x02abc\0\0")], 200, b"abc"),
    ("6.2", "HEADERS, padded, with priority", [frame(
        HEADERS, BOTH | PADDED | PRIORITY_FLAG,
        b"\x01" + bytes(5) + b"\x89" + b"\0")], 204, b""),
    ("6.10", "CONTINUATION", [
        frame(HEADERS, 0, b""), frame(CONTINUATION, 0, b""),
        frame(CONTINUATION, END_HEADERS, b"\x88"), data()], 200, b"abc"),
    ("8.1", "informational ones", [
        head(status="103"), head(status="102"), answer], 200, b"good"),
    ("8.1", "trailers", [head(), data(b"abc", 0), head(
        *TRAILER, status=None, flags=BOTH)], 200, b"abc"),
    ("8.1", "empty DATA", [length(3), data(b"", 0), data(b"abc", 0),
                           data(b"")], 200, b"abc"),
    ("5.1", "WINDOW_UPDATE, RST_STREAM after the end",
     [answer, frame(WINDOW_UPDATE, 0, ONE),
      frame(RST_STREAM, 0, bytes(4))], 200, b"good"),
    ("8.1", "a whole response, then RST_STREAM of NO_ERROR",
     [answer, frame(RST_STREAM, 0, bytes(4))], 200, b"good"),
]


def ask(proxy, path):
    """(status, body), or (CUT, status)."""
    with Client(proxy.port, timeout=20) as c:
        c.send_request("GET", path)
        head_ = c.read_head()
        while 100 <= head_.status < 200:
            head_ = c.read_head()
        try:
            if head_.status == 204:
                return head_.status, b""
            if "chunked" in head_.header("transfer-encoding", ""):
                c._read_chunks(head_)
                return head_.status, head_.body
            return head_.status, c.read(
                int(head_.header("content-length")))
        except (ConnectionError, TimeoutError) as error:
            return CUT, error


def ask_h2(proxy, path):
    """The same over HTTP/2."""
    with H2Client(proxy.port, timeout=20) as c:
        s = c.get(path)
        return (s.status if s.ended else CUT), bytes(s.body)


def check(server, proxy, by, frames, codes, expected=None):
    server.bad = lambda sid: b"".join(f(sid) for f in frames)
    status, body = by(proxy, "/bad")
    if expected:
        assert (status, body) == expected, f"the client got {status} {body}"
    else:
        assert status in FAILED, f"the client got {status} {body}"
    bad = server.last("/bad")
    if codes:
        wait_until(lambda: bad in server.ended, 20,
                   what="the connection ended")
        said = [code for kind, code in server.ended[bad] if kind == GOAWAY]
        assert all(code in codes for code in said), said
    good = ask(proxy, "/good")
    assert good == (200, b"good"), f"then: {good}"
    if codes:
        assert server.last("/good") != bad, "the connection was used again"


def run(table, words=PLAIN, by=ask):
    server = Server(words == TLS)
    proxy = Proxy(CONFIG % words, server=server.port)
    pids, wrong = proxy.pids(), []
    for section, name, frames, codes, *expected in table:
        try:
            check(server, proxy, by, frames, codes, *expected)
        except Exception as error:  # noqa: BLE001, told in the end
            wrong.append(f"{section} {name}: {type(error).__name__} {error}")
    assert proxy.pids() == pids, "a process died"

    def left():
        board = proxy.board()
        tags = board["servers"][0]["by_tag"].values()
        used = sum(n for tag in tags for state, n in tag.items()
                   if state != "idle")
        return board["clients"], used, sum(
            p["streams"] for p in board["processes"])

    wait_until(lambda: left() == (0, 0, 0), 20, what=f"nothing left: {left()}")
    assert not wrong, f"{len(wrong)} of {len(table)} rows:\n" + "\n".join(
        wrong)


ROWS = {
    "malformed": [(*row, None) for row in STREAM_ROWS],
    "conn": CONN_ROWS,
    "right": [(section, name, frames, None, (status, body))
              for section, name, frames, status, body in RIGHT_ROWS],
}


@limit(180)
def test_malformed_responses():
    run(ROWS["malformed"])


@limit(180)
def test_servers_that_break_the_connection():
    run(ROWS["conn"])


@limit(180)
def test_unusual_responses():
    run(ROWS["right"])


@limit(300)
def test_the_same_over_tls():
    run(sum(ROWS.values(), []), TLS)


@limit(300)
def test_the_same_for_clients_of_http2():
    run(sum(ROWS.values(), []), PLAIN, ask_h2)


def goaway(last, code=0):
    return frame(GOAWAY, 0, struct.pack("!LL", last, code), 0)


@limit(180)
def test_goaway():
    """What it leaves out was not processed; what it has is answered."""
    server = Server()
    proxy = Proxy(CONFIG % PLAIN, server=server.port)
    for last, code, more, want in (
            (0, 0, [], {502, 503}), (0, PROTOCOL_ERROR, [], {502, 503}),
            (0x7FFFFFFF, 0, [answer], {200}),
            (0x7FFFFFFF, INTERNAL_ERROR, [answer], {200})):
        server.bad = lambda sid, last=last, code=code, more=more: b"".join(
            f(sid) for f in [goaway(last, code), *more])
        status, body = ask(proxy, "/bad")
        assert status in want, (last, code, status, body)
        bad = server.last("/bad")
        assert ask(proxy, "/good") == (200, b"good")
        assert server.last("/good") != bad, "used again after GOAWAY"
