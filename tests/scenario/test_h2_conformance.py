# SPDX-License-Identifier: MIT
"""RFC 9113 sections 3.4, 4 and 5 as a client sees them: frames, field
blocks, streams, errors, extensions. See h2conform.py for the tables."""

from h2client import (
    COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM,
    FRAME_SIZE_ERROR, GOAWAY, HEADER_TABLE_SIZE, HEADERS,
    MAX_CONCURRENT_STREAMS, PADDED, PING, PREFACE, PRIORITY, PRIORITY_FLAG, PROTOCOL_ERROR, REFUSED_STREAM,
    RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, frame_bytes, literal_block)
from h2conform import (
    CLOSED, MAX_STREAMS, Room, closed, conn, good, goes_on,
    half_closed, opened, run, sends, stream, was_reset)
from wsbtest import limit

ERROR_4 = b"\0\0\0\x08"
ONE = b"\0\0\0\x01"
BOTH = END_HEADERS | END_STREAM


# --- 3.4 the preface ---

@limit(180)
def test_preface():
    room = Room()
    for data, want in (
            (PREFACE[:-1] + b"x", conn(PROTOCOL_ERROR) | {CLOSED}),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
             conn(PROTOCOL_ERROR) | {CLOSED}),
            (PREFACE + frame_bytes(PING, 0, 0, b"12345678"),
             conn(PROTOCOL_ERROR) | {CLOSED}),
            (PREFACE + frame_bytes(HEADERS, BOTH, 1, b"\x82\x84\x86"),
             conn(PROTOCOL_ERROR) | {CLOSED})):
        with room.client("port3", preface=False) as c:
            c.send_raw(data)
            frames = c.read_to_end()
            assert not frames or frames[0].kind == SETTINGS, frames
            got = ("GOAWAY", c.goaway.code) if c.goaway else CLOSED
            assert got in want, (data, frames)
    # nobody need wait for the SETTINGS of the other
    with room.client(auto=False) as c:
        assert c.get("/bytes/5").body == b"01234"
        assert c.frames[0].kind == SETTINGS and not c.frames[0].is_ack
    room.leave()


# --- 4 frames ---

def reserved_bit(c):
    sid = c.open_stream()
    c.send_frame(HEADERS, BOTH, 1 << 31 | sid, good(c))
    return sid


def with_flags(flags):
    def act(c):
        sid = c.open_stream()
        c.send_frame(HEADERS, BOTH | flags, sid, good(c))
        return sid
    return act


def echoes(*frames, flags=0):
    """A POST whose body is these DATA payloads."""
    def act(c):
        sid = opened(c)
        for n, payload in enumerate(frames):
            c.send_frame(DATA, flags | (n == len(frames) - 1), sid, payload)
        return sid
    return act


def long_block(size):
    def act(c):
        sid = c.open_stream()
        data = good(c) + literal_block([("x-long", "y" * size)])
        c.send_frame(HEADERS, BOTH, sid, data[:size])
        return sid
    return act


FRAMES = [
    ("4.1", "a reserved bit is ignored", reserved_bit, {200}),
    ("4.1", "flags without meaning: HEADERS", with_flags(0xD2), {200}),
    ("4.1", "flags without meaning: DATA", echoes(b"ab", flags=0xF6), {200}),
    ("4.1", "flags without meaning: SETTINGS",
     sends(SETTINGS, 0xFE), goes_on),
    ("4.1", "flags without meaning: PING",
     sends(PING, 0xFE, 0, b"12345678"), goes_on),
    ("4.1", "flags without meaning: WINDOW_UPDATE",
     sends(WINDOW_UPDATE, 0xFF, 0, ONE), goes_on),
    ("4.1", "flags without meaning: RST_STREAM",
     sends(RST_STREAM, 0xFF, payload=ERROR_4, before=half_closed), goes_on),
    ("4.1", "a type without meaning", sends(0x42, 0, 0, b"abc"), goes_on),
    ("4.2", "DATA of 2^14", echoes(bytes(16384)), {200}),
    ("4.2", "DATA beyond 2^14", echoes(bytes(16385)),
     stream(FRAME_SIZE_ERROR)),
    ("4.2", "HEADERS beyond 2^14", long_block(16385),
     conn(FRAME_SIZE_ERROR)),
    ("4.2", "SETTINGS beyond 2^14", sends(SETTINGS, 0, 0, bytes(16386)),
     conn(FRAME_SIZE_ERROR)),
    ("4.2", "a type without meaning beyond 2^14",
     sends(0x42, 0, 0, bytes(16385)), conn(FRAME_SIZE_ERROR)),
    ("4.2", "CONTINUATION beyond 2^14", lambda c: (
        c.send_frame(HEADERS, END_STREAM, 1, good(c)),
        c.send_frame(CONTINUATION, END_HEADERS, 1, bytes(16385))) and 1,
     conn(FRAME_SIZE_ERROR)),
    ("4.2", "HEADERS too short for their priority",
     sends(HEADERS, BOTH | PRIORITY_FLAG, 1, b"1234"),
     conn(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    ("4.2", "HEADERS too short for the length of padding",
     sends(HEADERS, BOTH | PADDED, 1),
     conn(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    ("4.2", "DATA too short for the length of padding",
     sends(DATA, PADDED, before=opened),
     stream(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
]


@limit(180)
def test_frames():
    run(FRAMES, Room())


def headers(data):
    """A request whose block is this."""
    def act(c):
        c.get("/bytes/1")   # our table was announced to be of no use
        sid = c.open_stream()
        c.send_frame(HEADERS, BOTH, sid,
                     data(c) if callable(data) else data)
        return sid
    return act


def within_block(kind, flags=0, payload=b"", other=False):
    """A frame between HEADERS and CONTINUATION. other: of a stream that is
    open, too."""
    def act(c):
        first = opened(c)
        sid = c.open_stream()
        half = good(c)
        c.send_frame(HEADERS, END_STREAM, sid, half[:9])
        c.send_frame(kind, flags, first if other else
                     0 if kind in (PING, SETTINGS, GOAWAY) else sid, payload)
        c.send_frame(CONTINUATION, END_HEADERS, sid, half[9:])
        return sid
    return act


HPACK = [
    ("4.3", "index 0", headers(b"\x80"), conn(COMPRESSION_ERROR)),
    ("4.3", "an index beyond the tables", headers(b"\xff\x40"),
     conn(COMPRESSION_ERROR)),
    ("4.3", "a name's index beyond the tables",
     headers(b"\x0f\x40\x01a"), conn(COMPRESSION_ERROR)),
    ("4.3", "a number without end", headers(b"\xff" + b"\xff" * 20),
     conn(COMPRESSION_ERROR)),
    ("4.3", "a literal that is cut off", headers(b"\x10\x05ab"),
     conn(COMPRESSION_ERROR)),
    ("4.3", "Huffman: EOS", headers(b"\x10\x84\xff\xff\xff\xff\x01a"),
     conn(COMPRESSION_ERROR)),
    ("4.3", "Huffman: padding with zeros",
     headers(b"\x10\x81\x18\x01a"), conn(COMPRESSION_ERROR)),
    ("4.3", "Huffman: padding of a byte and more",
     headers(b"\x10\x82\x1f\xff\x01a"), conn(COMPRESSION_ERROR)),
    ("4.3.1", "a table larger than was allowed",
     headers(lambda c: b"\x3f\xe2\x1f" + good(c)), conn(COMPRESSION_ERROR)),
    ("4.3.1", "a table's size after fields",
     headers(lambda c: good(c) + b"\x20"), conn(COMPRESSION_ERROR)),
    ("4.3", "a block that is in order", headers(good), {200}),
    ("4.3", "DATA within a block", within_block(DATA, 0, b"a", True),
     conn(PROTOCOL_ERROR)),
    ("4.3", "DATA of its own stream within a block",
     within_block(DATA, 0, b"a"), conn(PROTOCOL_ERROR)),
    ("4.3", "HEADERS within a block", within_block(HEADERS, BOTH, b"\x82"),
     conn(PROTOCOL_ERROR)),
    ("4.3", "trailers of another within a block",
     within_block(HEADERS, BOTH, b"", True), conn(PROTOCOL_ERROR)),
    ("4.3", "CONTINUATION of another within a block",
     within_block(CONTINUATION, 0, b"", True), conn(PROTOCOL_ERROR)),
    ("4.3", "PRIORITY within a block",
     within_block(PRIORITY, 0, b"\0\0\0\0\1"), conn(PROTOCOL_ERROR)),
    ("4.3", "RST_STREAM within a block",
     within_block(RST_STREAM, 0, ERROR_4), conn(PROTOCOL_ERROR)),
    ("4.3", "SETTINGS within a block", within_block(SETTINGS),
     conn(PROTOCOL_ERROR)),
    ("4.3", "PING within a block", within_block(PING, 0, bytes(8)),
     conn(PROTOCOL_ERROR)),
    ("4.3", "WINDOW_UPDATE within a block",
     within_block(WINDOW_UPDATE, 0, ONE), conn(PROTOCOL_ERROR)),
    ("5.5", "a type without meaning within a block", within_block(0x42),
     conn(PROTOCOL_ERROR)),
]


@limit(180)
def test_field_blocks():
    run(HPACK, Room())


@limit(180)
def test_a_block_after_the_table_was_said_to_be_of_no_use():
    """4.3.1: it has to begin with the table's new size."""
    room = Room()
    for begin in b"\x20", b"":
        with room.client() as c:
            assert c.get("/bytes/5").status == 200
            c.wait_frame(SETTINGS, 0, lambda f: f.settings.get(
                HEADER_TABLE_SIZE) == 0)    # it rests
            c.ping()
            sid = c.open_stream()
            c.send_frame(HEADERS, BOTH, sid, begin + good(c))
            if begin:
                assert c.response(sid).body == b"01234"
                continue
            c.read_to_end()
            assert c.goaway.code == COMPRESSION_ERROR, c.goaway
    room.leave()


# --- 5.1 states ---

def again(before, payload=None):
    """HEADERS where they are wrong."""
    def act(c):
        sid = before(c)
        c.send_frame(HEADERS, BOTH, sid,
                     good(c) if payload is None else payload)
        return sid
    return act


NOT_OPEN = stream(STREAM_CLOSED, PROTOCOL_ERROR)

STATES = [
    ("5.1", "idle: DATA", sends(DATA, 0, 1, b"a"), conn(PROTOCOL_ERROR)),
    ("5.1", "idle: RST_STREAM", sends(RST_STREAM, 0, 1, ERROR_4),
     conn(PROTOCOL_ERROR)),
    ("5.1", "idle: WINDOW_UPDATE", sends(WINDOW_UPDATE, 0, 1, ONE),
     conn(PROTOCOL_ERROR)),
    ("5.1", "idle: CONTINUATION",
     sends(CONTINUATION, END_HEADERS, 1, b"\x82"), conn(PROTOCOL_ERROR)),
    ("5.1", "idle: PRIORITY", sends(PRIORITY, 0, 9, b"\0\0\0\0\1"), goes_on),
    ("5.1", "idle, beyond those that are open: DATA", lambda c: (
        half_closed(c), c.send_frame(DATA, 0, 99, b"a"))[1],
     conn(PROTOCOL_ERROR)),
    ("5.1", "idle, the server's: DATA", sends(DATA, 0, 2, b"a"),
     conn(PROTOCOL_ERROR)),
    ("5.1", "idle, the server's: RST_STREAM",
     sends(RST_STREAM, 0, 2, ERROR_4), conn(PROTOCOL_ERROR)),
    ("5.1", "idle, the server's: WINDOW_UPDATE",
     sends(WINDOW_UPDATE, 0, 2, ONE), conn(PROTOCOL_ERROR)),

    ("5.1", "open: WINDOW_UPDATE",
     sends(WINDOW_UPDATE, 0, payload=ONE, before=opened), goes_on),
    ("5.1", "open: RST_STREAM",
     sends(RST_STREAM, 0, payload=ERROR_4, before=opened), goes_on),

    ("5.1", "half-closed (remote): DATA",
     sends(DATA, 0, payload=b"a", before=half_closed),
     stream(STREAM_CLOSED)),
    ("5.1", "half-closed (remote): empty DATA that ends it",
     sends(DATA, END_STREAM, before=half_closed), stream(STREAM_CLOSED)),
    ("5.1", "half-closed (remote): HEADERS", again(half_closed),
     stream(STREAM_CLOSED)),
    ("5.1", "half-closed (remote): CONTINUATION",
     sends(CONTINUATION, END_HEADERS, payload=b"\x82", before=half_closed),
     conn(PROTOCOL_ERROR)),
    ("5.1", "half-closed (remote): WINDOW_UPDATE",
     sends(WINDOW_UPDATE, 0, payload=ONE, before=half_closed), goes_on),
    ("5.1", "half-closed (remote): PRIORITY",
     sends(PRIORITY, 0, payload=b"\0\0\0\0\1", before=half_closed), goes_on),
    ("5.1", "half-closed (remote): RST_STREAM",
     sends(RST_STREAM, 0, payload=ERROR_4, before=half_closed), goes_on),

    ("5.1", "closed: DATA", sends(DATA, 0, payload=b"a", before=closed),
     conn(STREAM_CLOSED)),
    ("5.1", "closed: HEADERS", again(closed),
     conn(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1", "closed: CONTINUATION",
     sends(CONTINUATION, END_HEADERS, payload=b"\x82", before=closed),
     conn(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1", "closed: WINDOW_UPDATE",
     sends(WINDOW_UPDATE, 0, payload=ONE, before=closed), goes_on),
    ("5.1", "closed: RST_STREAM",
     sends(RST_STREAM, 0, payload=ERROR_4, before=closed), goes_on),
    ("5.1", "closed: PRIORITY",
     sends(PRIORITY, 0, payload=b"\0\0\0\0\1", before=closed), goes_on),

    ("5.1", "reset by the client: DATA",
     sends(DATA, 0, payload=b"a", before=was_reset), NOT_OPEN),
    ("5.1", "reset by the client: HEADERS", again(was_reset), NOT_OPEN),
    ("5.1", "reset by the client: PRIORITY",
     sends(PRIORITY, 0, payload=b"\0\0\0\0\1", before=was_reset), goes_on),
]


@limit(180)
def test_states():
    run(STATES, Room())


def reset_by_server(c):
    """A malformed request, which is reset and not answered."""
    sid = c.open_stream()
    c.send_frame(HEADERS, END_HEADERS, sid,
                 literal_block([*c.fields("POST", "/echo"), ("Upper", "x")]))
    return sid


@limit(180)
def test_what_was_on_its_way_to_a_stream_that_was_reset():
    """5.1: it is taken, counted, and goes unanswered."""
    room = Room()
    for kind, flags, payload in (
            (DATA, 0, bytes(1000)), (DATA, END_STREAM, b""),
            (HEADERS, BOTH, literal_block([("x-trailer", "1")])),
            (WINDOW_UPDATE, 0, ONE), (RST_STREAM, 0, ERROR_4),
            (PRIORITY, 0, b"\0\0\0\0\1")):
        with room.client() as c:
            c.wait_settings()
            sid = reset_by_server(c)
            s = c.streams[sid]
            c.wait(lambda s=s: s.reset is not None)
            c.send_frame(kind, flags, sid, payload)
            c.ping()
            assert c.get("/bytes/5").body == b"01234"
    # The window of the connection does not leak away by it.
    with room.client() as c:
        c.wait_settings()
        for _ in range(10):
            sid = reset_by_server(c)
            c.wait(lambda s=c.streams[sid]: s.reset is not None)
            for _ in range(3):
                c.wait(lambda: c.window >= 16384)
                c.send_data(sid, bytes(16384))
        assert c.post("/hash", bytes(70000)).status == 200
    room.leave()


# --- 5.1.1 and 5.1.2: identifiers, concurrency ---

def request_on(*ids):
    """Requests on these streams, the last one matters."""
    def act(c):
        for sid in ids:
            c.send_frame(HEADERS, BOTH, sid, good(c))
        c.next_stream = max(ids) + (1 if max(ids) % 2 == 0 else 2)
        return ids[-1]
    return act


IDENTIFIERS = [
    ("5.1.1", "stream 0", request_on(0), conn(PROTOCOL_ERROR)),
    ("5.1.1", "an even number", request_on(2), conn(PROTOCOL_ERROR)),
    ("5.1.1", "an even number after an odd one", request_on(1, 2),
     conn(PROTOCOL_ERROR)),
    ("5.1.1", "some left out", request_on(1, 9), {200}),
    ("5.1.1", "less than before", request_on(5, 3),
     conn(PROTOCOL_ERROR)),
    ("5.1.1", "DATA on one that was left out", lambda c: (
        request_on(9)(c), c.ping(), c.send_frame(DATA, 0, 5, b"a"))[1],
     stream(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1.1", "the same again", request_on(3, 3),
     stream(PROTOCOL_ERROR, STREAM_CLOSED)),
]


@limit(180)
def test_identifiers():
    run(IDENTIFIERS, Room())


@limit(180)
def test_the_last_identifier():
    room = Room()
    with room.client() as c:
        c.wait_settings()
        sid = request_on(0x7FFFFFFF)(c)
        c.wait(lambda: sid in c.streams and c.streams[sid].ended)
        assert c.streams[sid].body == b"01234"
    room.leave()


def fill(c):
    assert c.peer_settings[MAX_CONCURRENT_STREAMS] == MAX_STREAMS
    return [c.request("GET", "/delay/30000") for _ in range(MAX_STREAMS)]


def one_more_instead(c):
    c.send_rst(fill(c)[3])
    c.ping()
    return c.request("GET", "/bytes/5")


def refused(c):
    """One more than fits; then there is room again."""
    ids = fill(c)
    c.ping()
    sid = c.request("GET", "/bytes/5")
    for other in ids:
        c.send_rst(other)
    return sid


def as_many(c):
    """All that fit, of any kind; then there is room again."""
    ids = [(opened if n % 2 else half_closed)(c) for n in range(MAX_STREAMS)]
    c.send_frame(PRIORITY, 0, 99, b"\0\0\0\0\1")   # makes no stream
    c.ping()
    c.send_rst(ids[0])


CONCURRENCY = [
    ("5.1.2", "one more than announced", refused,
     stream(PROTOCOL_ERROR, REFUSED_STREAM)),
    ("5.1.2", "one more after one was reset", one_more_instead, {200}),
    ("5.1.2", "as many, open and half-closed", as_many, goes_on),
]


@limit(180)
def test_concurrency():
    run(CONCURRENCY, Room())


# --- 5.3 priorities ---

def depends_on_itself(c):
    sid = c.open_stream()
    c.send_frame(HEADERS, BOTH | PRIORITY_FLAG, sid,
                 sid.to_bytes(4, "big") + b"\x0f" + good(c))
    return sid


def prioritised(c):
    sid = c.open_stream()
    c.send_frame(HEADERS, BOTH | PRIORITY_FLAG, sid,
                 b"\x80\0\0\x0b\xff" + good(c))
    return sid


def priority_of_itself(before):
    def act(c):
        sid = before(c)
        c.send_frame(PRIORITY, 0, sid, sid.to_bytes(4, "big") + b"\x0f")
    return act


PRIORITIES = [
    ("5.3.2", "HEADERS with a priority", prioritised, {200}),
    ("5.3.2", "HEADERS that depend on themselves", depends_on_itself,
     stream(PROTOCOL_ERROR) | {200}),
    ("5.3.2", "PRIORITY_UPDATE (RFC 9218)",
     sends(0x10, 0, 0, b"\0\0\0\1u=1"), goes_on),
    ("5.3.2", "exclusive on what is not there",
     sends(PRIORITY, 0, 7, b"\x80\0\0\x63\xff"), goes_on),
]


@limit(180)
def test_priorities():
    room = Room()
    for before in lambda c: 9, opened, half_closed, closed:
        with room.client() as c:    # ignored, or an error of the stream
            c.wait_settings()
            priority_of_itself(before)(c)
            try:
                c.ping()
            except ConnectionError:
                pass
            assert not c.goaway or c.goaway.code == PROTOCOL_ERROR, c.goaway
    run(PRIORITIES, room)


# --- 5.4 errors ---

@limit(180)
def test_a_stream_that_fails_fails_alone():
    room = Room()
    with room.client() as c:
        c.wait_settings()
        slow = c.request("GET", "/delay/1500")
        upload = opened(c)
        bad = reset_by_server(c)
        try:
            c.wait(lambda: c.streams[bad].reset is not None)
        except ConnectionError:
            assert c.goaway.code == PROTOCOL_ERROR, c.goaway
        else:
            c.send_data(upload, b"abc", True)
            assert c.response(upload).body == b"abc"
            assert c.response(slow).status == 200
    room.leave()


@limit(180)
def test_an_error_of_the_connection_ends_it():
    """5.4.1: GOAWAY tells the last stream that was processed."""
    room = Room()
    for requests in 0, 1, 3:
        with room.client() as c:
            c.wait_settings()
            for _ in range(requests):
                c.get("/bytes/5")
            slow = half_closed(c) if requests else 0
            c.send_frame(DATA, 0, 0, b"a")
            c.read_to_end()
            assert c.goaway.code == PROTOCOL_ERROR, c.goaway
            assert c.goaway.last == slow, c.goaway
    room.leave()


@limit(180)
def test_a_reset_is_not_answered_with_a_reset():
    """5.4.2"""
    room = Room()
    with room.client() as c:
        c.wait_settings()
        for before in opened, half_closed, closed:
            for code in 0, 7, 8, 0xDEADBEEF:
                sid = before(c)
                c.send_rst(sid, code)
                c.send_rst(sid, code)
        c.ping()
        assert not any(f.kind == RST_STREAM for f in c.frames), c.frames
        assert not c.goaway
    room.leave()


# --- 5.5 extensions ---

EXTENSIONS = [
    ("5.5", "an unknown frame on an open stream",
     sends(0xFA, 0xFF, payload=bytes(100), before=opened), goes_on),
    ("5.5", "an unknown frame on a half-closed stream",
     sends(0xFA, 0xFF, payload=bytes(100), before=half_closed), goes_on),
    ("5.5", "an unknown frame on a closed stream",
     sends(0xFA, 0xFF, payload=b"", before=closed), goes_on),
    ("5.5", "an unknown frame of 2^14 on the connection",
     sends(0x0B, 0, 0, bytes(16384)), goes_on),
    ("5.5", "ALTSVC from a client",
     sends(0x0A, 0, 0, b"\0\x01xh2=\":1\""), goes_on),
    ("5.5", "an unknown setting",
     sends(SETTINGS, 0, 0, b"\xff\xfe\xff\xff\xff\xff"), goes_on),
]


@limit(180)
def test_extensions():
    run(EXTENSIONS, Room())


@limit(180)
def test_the_same_over_tls():
    run(FRAMES + HPACK + STATES + IDENTIFIERS + CONCURRENCY + PRIORITIES
        + EXTENSIONS, Room(tls=True))

