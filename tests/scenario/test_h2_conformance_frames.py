# SPDX-License-Identifier: MIT
"""RFC 9113 sections 6 and 5.2 as a client sees them: each type of frame,
and flow control. See h2conform.py for the tables."""

import struct

from h2client import (
    ACK, CONTINUATION, DATA, DEFAULT_WINDOW, ENABLE_PUSH, END_HEADERS,
    END_STREAM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADER_TABLE_SIZE,
    HEADERS, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE, PADDED, PING, PRIORITY, PRIORITY_FLAG,
    PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, STREAM_CLOSED,
    WINDOW_UPDATE, literal_block, settings_payload)
from h2conform import (
    Room, conn, good, goes_on, half_closed, malformed, opened, run,
    sends, stream)
from wsbtest import limit

BOTH = END_HEADERS | END_STREAM
ERROR_4 = b"\0\0\0\x08"
ONE = b"\0\0\0\x01"
MAX_WINDOW = 0x7FFFFFFF


# --- 6.1 DATA ---

def echoes(flags, *payloads, want=b""):
    """A POST whose body is these; it has to come back as `want`."""
    def act(c):
        sid = opened(c)
        for n, payload in enumerate(payloads):
            c.send_frame(
                DATA, flags | (END_STREAM if n == len(payloads) - 1 else 0),
                sid, payload)
        answer = c.response(sid)
        assert answer.body == want, answer
        return sid
    return act


def padding_beyond_all_windows(c):
    """It counts, and is given back (6.1, 6.9.1)."""
    sid, sent = opened(c), 0
    while sent < 200000:
        c.wait(lambda: min(c.window, c.streams[sid].window) >= 512)
        for _ in range(2):
            c.window -= 256
            c.streams[sid].window -= 256
            c.send_frame(DATA, PADDED, sid, b"\xff" + bytes(255))
            sent += 256
    c.send_data(sid, b"x", True)
    assert c.response(sid).body == b"x"
    return sid


DATA_ROWS = [
    ("6.1", "on stream 0", sends(DATA, 0, 0, b"a"), conn(PROTOCOL_ERROR)),
    ("6.1", "padding as long as the payload",
     sends(DATA, PADDED, payload=b"\x05abcd", before=opened),
     conn(PROTOCOL_ERROR)),
    ("6.1", "padding longer than the payload",
     sends(DATA, PADDED, payload=b"\xffabcd", before=opened),
     conn(PROTOCOL_ERROR)),
    ("6.1", "all of it padding", echoes(PADDED, b"\x04\0\0\0\0"), {200}),
    ("6.1", "padding of length 0", echoes(PADDED, b"\0ab", want=b"ab"),
     {200}),
    ("6.1", "with padding",
     echoes(PADDED, b"\x03ab\0\0\0", b"\x01c\0", want=b"abc"), {200}),
    ("6.1", "empty", echoes(0, b"", b"", b"ab", b"", want=b"ab"), {200}),
    ("6.1", "padding beyond all windows", padding_beyond_all_windows, {200}),
    ("6.1", "where none is expected any more",
     sends(DATA, END_STREAM, payload=b"a", before=half_closed),
     stream(STREAM_CLOSED)),
]


@limit(180)
def test_data():
    run(DATA_ROWS, Room())


# --- 6.2 HEADERS, 6.10 CONTINUATION ---

def padded(pad, extra=b"", flags=0, lie=None):
    def act(c):
        sid = c.open_stream()
        length = bytes([pad if lie is None else lie])
        c.send_frame(HEADERS, BOTH | PADDED | flags, sid,
                     length + extra + good(c) + bytes(pad))
        return sid
    return act


def pieces(*cuts, end=None):
    """A block in pieces, its parts cut there. end: the last one's flags."""
    def act(c):
        sid, data = c.open_stream(), good(c)
        at = [0, *cuts, len(data)]
        for n, (a, b) in enumerate(zip(at, at[1:])):
            last = END_HEADERS if n == len(cuts) else 0
            c.send_frame(CONTINUATION if n else HEADERS,
                         last | (0 if n else END_STREAM), sid, data[a:b])
        return sid
    return act


def after_block(before):
    """CONTINUATION where no block is open."""
    def act(c):
        sid = before(c)
        c.send_frame(CONTINUATION, END_HEADERS, sid, b"\x82")
        return sid
    return act


def second_head(flags):
    def act(c):
        sid = opened(c)
        c.send_frame(HEADERS, flags, sid, literal_block([("x-trailer", "1")]))
        return sid
    return act


def after_data(c):
    sid = opened(c)
    c.send_data(sid, b"abc")
    c.send_frame(CONTINUATION, END_HEADERS, sid, b"\x82")
    return sid


HEADERS_ROWS = [
    ("6.2", "on stream 0", sends(HEADERS, BOTH, 0, b"\x82\x84\x86"),
     conn(PROTOCOL_ERROR)),
    ("6.2", "with padding", padded(200), {200}),
    ("6.2", "with padding of length 0", padded(0), {200}),
    ("6.2", "with padding and priority",
     padded(7, b"\0\0\0\0\x07", PRIORITY_FLAG), {200}),
    ("6.2", "padding as long as the payload", padded(0, lie=255),
     conn(PROTOCOL_ERROR)),
    ("6.2", "padding that leaves no room for the priority",
     sends(HEADERS, BOTH | PADDED | PRIORITY_FLAG, 1, b"\x04" + bytes(6)),
     conn(PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    ("6.2", "END_STREAM, then CONTINUATION", pieces(7), {200}),
    ("6.2", "trailers that do not end the stream",
     second_head(END_HEADERS), malformed),
    ("6.2", "trailers", lambda c: second_head(BOTH)(c), {200}),
    ("6.10", "a block in many pieces", pieces(1, 2, 3, 4, 9, 10), {200}),
    ("6.10", "empty pieces", pieces(0, 0, 9, 9, 9), {200}),
    ("6.10", "an empty piece at the end",
     lambda c: pieces(5, len(good(c)))(c), {200}),
    ("6.10", "on stream 0", sends(CONTINUATION, END_HEADERS, 0, b"\x82"),
     conn(PROTOCOL_ERROR)),
    ("6.10", "on a new stream", sends(CONTINUATION, END_HEADERS, 1, b"\x82"),
     conn(PROTOCOL_ERROR)),
    ("6.10", "after END_HEADERS", after_block(opened), conn(PROTOCOL_ERROR)),
    ("6.10", "after END_HEADERS and END_STREAM", after_block(half_closed),
     conn(PROTOCOL_ERROR)),
    ("6.10", "after END_HEADERS of a CONTINUATION",
     after_block(lambda c: pieces(3)(c)), conn(PROTOCOL_ERROR)),
    ("6.10", "after DATA", after_data, conn(PROTOCOL_ERROR)),
]


@limit(180)
def test_headers_and_continuation():
    run(HEADERS_ROWS, Room())


# --- 6.3 PRIORITY, 6.4 RST_STREAM, 6.6 PUSH_PROMISE, 6.7 PING ---

def resets(flags=0, payload=ERROR_4):
    return sends(RST_STREAM, flags, payload=payload, before=half_closed)


def pinged(c):
    """Answered with its payload, once."""
    c.send_ping(b"12345678")
    c.wait_frame(PING, 0, lambda f: f.is_ack and f.payload == b"12345678")


def pinged_in_vain(c):
    """An answer to nothing is not answered."""
    c.send_ping(b"87654321", ack=True)
    c.ping()
    assert not [f for f in c.frames if f.payload == b"87654321"], c.frames


def promise(before=None, sid=1):
    def act(c):
        number = before(c) if before else sid
        c.send_frame(PUSH_PROMISE, END_HEADERS, number,
                     b"\0\0\0\x02" + good(c))
        return number
    return act


SMALL_ROWS = [
    ("6.3", "PRIORITY on stream 0", sends(PRIORITY, 0, 0, bytes(5)),
     conn(PROTOCOL_ERROR)),
    ("6.3", "PRIORITY of 4", sends(PRIORITY, 0, payload=bytes(4),
                                   before=half_closed),
     stream(FRAME_SIZE_ERROR)),
    ("6.3", "PRIORITY of 6", sends(PRIORITY, 0, payload=bytes(6),
                                   before=half_closed),
     stream(FRAME_SIZE_ERROR)),
    ("6.3", "PRIORITY", sends(PRIORITY, 0, payload=b"\0\0\0\0\x10",
                              before=half_closed), goes_on),
    ("6.4", "RST_STREAM on stream 0", sends(RST_STREAM, 0, 0, ERROR_4),
     conn(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM on an idle stream", sends(RST_STREAM, 0, 5, ERROR_4),
     conn(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM of 3", resets(payload=b"\0\0\0"),
     conn(FRAME_SIZE_ERROR)),
    ("6.4", "RST_STREAM of 5", resets(payload=b"\0\0\0\x08\0"),
     conn(FRAME_SIZE_ERROR)),
    ("6.4", "RST_STREAM of 0", resets(payload=b""), conn(FRAME_SIZE_ERROR)),
    ("6.4", "RST_STREAM", resets(), goes_on),
    ("6.6", "PUSH_PROMISE on an idle stream", promise(),
     conn(PROTOCOL_ERROR)),
    ("6.6", "PUSH_PROMISE on an open stream", promise(opened),
     conn(PROTOCOL_ERROR)),
    ("6.6", "PUSH_PROMISE on a half-closed stream", promise(half_closed),
     conn(PROTOCOL_ERROR)),
    ("6.6", "PUSH_PROMISE on stream 0", promise(sid=0),
     conn(PROTOCOL_ERROR)),
    ("6.7", "PING", pinged, goes_on),
    ("6.7", "PING with ACK", pinged_in_vain, goes_on),
    ("6.7", "PING on a stream", sends(PING, 0, payload=bytes(8),
                                      before=half_closed),
     conn(PROTOCOL_ERROR)),
    ("6.7", "PING on an idle stream", sends(PING, 0, 9, bytes(8)),
     conn(PROTOCOL_ERROR)),
    ("6.7", "PING of 7", sends(PING, 0, 0, bytes(7)),
     conn(FRAME_SIZE_ERROR)),
    ("6.7", "PING of 9", sends(PING, 0, 0, bytes(9)),
     conn(FRAME_SIZE_ERROR)),
    ("6.7", "PING of 0 with ACK", sends(PING, ACK, 0),
     conn(FRAME_SIZE_ERROR)),
]


@limit(180)
def test_the_small_ones():
    run(SMALL_ROWS, Room())


# --- 6.5 SETTINGS ---

def sets(*pairs):
    return sends(SETTINGS, 0, 0, settings_payload(pairs))


def acked(c):
    """Each of them, once."""
    c.ping()
    begin = len([f for f in c.frames if f.kind == SETTINGS and f.is_ack])
    for n in range(3):
        c.send_settings({INITIAL_WINDOW_SIZE: 70000 + n})
    c.ping()
    acks = [f for f in c.frames if f.kind == SETTINGS and f.is_ack]
    assert len(acks) == begin + 3, acks
    assert not any(f.payload for f in acks), acks


def small_frames_only(c):
    """6.5.2: not beyond what the client takes."""
    for size in 16384, 20000, 16777215:
        c.send_settings({MAX_FRAME_SIZE: size})
        sid = c.request("GET", "/bytes/60000")
        assert len(c.response(sid).body) == 60000
        assert all(len(f.payload) <= size for f in c.frames)


def tables(c):
    """6.5.2 and RFC 7541 4.2: answers can be read, whatever the table."""
    for size in 0, 4096, 100, 65536:
        c.send_settings({HEADER_TABLE_SIZE: size})
        c.ping()
        c.decoder.max_allowed_table_size = size
        for _ in range(2):
            assert c.get("/bytes/5").status == 200


def the_last_one_counts(c):
    """6.5.3: in the order in which they appear."""
    c.send_frame(SETTINGS, 0, 0, settings_payload([
        (INITIAL_WINDOW_SIZE, 1000), (INITIAL_WINDOW_SIZE, 0),
        (INITIAL_WINDOW_SIZE, 7)]))
    body_of(c, c.request("GET", "/bytes/100"), 7)
    c.send_settings({INITIAL_WINDOW_SIZE: DEFAULT_WINDOW})


SETTINGS_ROWS = [
    ("6.5", "on a stream", sends(SETTINGS, 0, 1), conn(PROTOCOL_ERROR)),
    ("6.5", "on a stream that is open", sends(SETTINGS, 0, before=opened),
     conn(PROTOCOL_ERROR)),
    ("6.5", "ACK on a stream", sends(SETTINGS, ACK, 1),
     conn(PROTOCOL_ERROR)),
    ("6.5", "ACK with a payload",
     sends(SETTINGS, ACK, 0, settings_payload({ENABLE_PUSH: 0})),
     conn(FRAME_SIZE_ERROR)),
    ("6.5", "ACK with a byte", sends(SETTINGS, ACK, 0, b"\0"),
     conn(FRAME_SIZE_ERROR)),
    ("6.5", "of 5", sends(SETTINGS, 0, 0, bytes(5)), conn(FRAME_SIZE_ERROR)),
    ("6.5", "of 7", sends(SETTINGS, 0, 0, settings_payload(
        {ENABLE_PUSH: 0}) + b"\0"), conn(FRAME_SIZE_ERROR)),
    ("6.5.2", "ENABLE_PUSH 2", sets((ENABLE_PUSH, 2)), conn(PROTOCOL_ERROR)),
    ("6.5.2", "ENABLE_PUSH 2^32 - 1", sets((ENABLE_PUSH, 0xFFFFFFFF)),
     conn(PROTOCOL_ERROR)),
    ("6.5.2", "ENABLE_PUSH 0, 1", sets((ENABLE_PUSH, 0), (ENABLE_PUSH, 1)),
     goes_on),
    ("6.5.2", "INITIAL_WINDOW_SIZE 2^31",
     sets((INITIAL_WINDOW_SIZE, MAX_WINDOW + 1)), conn(FLOW_CONTROL_ERROR)),
    ("6.5.2", "INITIAL_WINDOW_SIZE 2^31 - 1",
     sets((INITIAL_WINDOW_SIZE, MAX_WINDOW)), goes_on),
    ("6.5.2", "MAX_FRAME_SIZE 2^14 - 1", sets((MAX_FRAME_SIZE, 16383)),
     conn(PROTOCOL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE 0", sets((MAX_FRAME_SIZE, 0)),
     conn(PROTOCOL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE 2^24", sets((MAX_FRAME_SIZE, 1 << 24)),
     conn(PROTOCOL_ERROR)),
    ("6.5.2", "a wrong one after right ones",
     sets((HEADER_TABLE_SIZE, 0), (MAX_CONCURRENT_STREAMS, 7),
          (MAX_FRAME_SIZE, 1)), conn(PROTOCOL_ERROR)),
    ("6.5.2", "MAX_CONCURRENT_STREAMS 0, 2^32 - 1",
     sets((MAX_CONCURRENT_STREAMS, 0), (MAX_CONCURRENT_STREAMS, 0xFFFFFFFF)),
     goes_on),
    ("6.5.2", "MAX_HEADER_LIST_SIZE is advice",
     sets((MAX_HEADER_LIST_SIZE, 1000)), goes_on),
    ("6.5.2", "unknown ones", sets((0, 1), (7, 1), (0xFFFF, 0xFFFFFFFF)),
     goes_on),
    ("6.5.2", "MAX_FRAME_SIZE is kept", small_frames_only, goes_on),
    ("6.5.2", "HEADER_TABLE_SIZE is kept", tables, goes_on),
    ("6.5.3", "all are acknowledged", acked, goes_on),
]


@limit(180)
def test_settings():
    run(SETTINGS_ROWS, Room())


# --- 6.8 GOAWAY ---

GOAWAY_ROWS = [
    ("6.8", "on a stream", sends(GOAWAY, 0, 1, bytes(8)),
     conn(PROTOCOL_ERROR)),
    ("6.8", "on a stream that is open", sends(
        GOAWAY, 0, payload=bytes(8), before=opened), conn(PROTOCOL_ERROR)),
    ("6.8", "of 7", sends(GOAWAY, 0, 0, bytes(7)), conn(FRAME_SIZE_ERROR)),
]


@limit(180)
def test_goaway():
    room = Room()
    for code, debug in (0, b""), (2, b"why"), (0xDEADBEEF, bytes(1000)):
        with room.client() as c:
            c.wait_settings()
            sid, upload = c.request("GET", "/delay/300"), opened(c)
            c.send_goaway(0, code, debug)
            c.send_body(upload, b"abc")     # both go on to their end
            assert c.response(sid).status == 200
            assert c.response(upload).body == b"abc"
            c.read_to_end()
            assert not c.goaway or c.goaway.code == 0, c.goaway
    with room.client() as c:    # twice, and with less than before
        c.wait_settings()
        sid = c.request("GET", "/delay/300")
        c.send_goaway(MAX_WINDOW)
        c.send_goaway(0)
        assert c.response(sid).status == 200
    run(GOAWAY_ROWS, room)


# --- 6.9 WINDOW_UPDATE and 5.2 flow control ---

def update(increment, before=None, sid=0):
    return sends(WINDOW_UPDATE, 0, sid, struct.pack("!L", increment), before)


def too_much_in_two_steps(c):
    sid = half_closed(c)
    c.send_window(sid, MAX_WINDOW - DEFAULT_WINDOW)
    c.ping()
    assert c.streams[sid].reset is None and not c.goaway
    c.send_window(sid, 1)
    return sid


def too_much_by_settings(c):
    sid = half_closed(c)
    c.send_window(sid, MAX_WINDOW - DEFAULT_WINDOW)
    c.send_settings({INITIAL_WINDOW_SIZE: DEFAULT_WINDOW + 1})
    return sid


WINDOW_ROWS = [
    ("6.9", "0 on the connection", update(0), conn(PROTOCOL_ERROR)),
    ("6.9", "0 on a stream", update(0, half_closed), stream(PROTOCOL_ERROR)),
    ("6.9", "0 but for the reserved bit", update(1 << 31, half_closed),
     stream(PROTOCOL_ERROR)),
    ("6.9", "the reserved bit is ignored", update(1 << 31 | 5, half_closed),
     goes_on),
    ("6.9", "of 3", sends(WINDOW_UPDATE, 0, 0, b"\0\0\1"),
     conn(FRAME_SIZE_ERROR)),
    ("6.9", "of 5 on a stream", sends(WINDOW_UPDATE, 0, payload=bytes(5),
                                      before=half_closed),
     conn(FRAME_SIZE_ERROR)),
    ("6.9", "of 0", sends(WINDOW_UPDATE, 0, 0), conn(FRAME_SIZE_ERROR)),
    ("6.9", "on an idle stream", update(1, sid=3), conn(PROTOCOL_ERROR)),
    ("6.9.1", "beyond 2^31 - 1 on the connection", update(MAX_WINDOW),
     conn(FLOW_CONTROL_ERROR)),
    ("6.9.1", "up to 2^31 - 1 on the connection",
     update(MAX_WINDOW - DEFAULT_WINDOW), goes_on),
    ("6.9.1", "beyond 2^31 - 1 on a stream", update(MAX_WINDOW, half_closed),
     stream(FLOW_CONTROL_ERROR)),
    ("6.9.1", "beyond 2^31 - 1 in two steps", too_much_in_two_steps,
     stream(FLOW_CONTROL_ERROR)),
    ("6.9.2", "beyond 2^31 - 1 by SETTINGS", too_much_by_settings,
     conn(FLOW_CONTROL_ERROR)),
]


@limit(180)
def test_window_update():
    run(WINDOW_ROWS, Room())


def body_of(c, sid, size):
    """Exactly so much comes, no more."""
    s = c.streams[sid]
    c.wait(lambda: len(s.body) >= size or s.reset is not None)
    c.ping()
    assert len(s.body) == size, (s, size)


def stays_within_its_windows(c):
    sid = c.request("GET", "/bytes/200000")
    body_of(c, sid, DEFAULT_WINDOW)
    c.send_window(sid, 50000)       # the connection's is used up
    body_of(c, sid, DEFAULT_WINDOW)
    other = c.request("GET", "/bytes/100")
    body_of(c, other, 0)
    c.send_window(0, 10)
    c.wait(lambda: sum(len(s.body) for s in c.streams.values())
           >= DEFAULT_WINDOW + 10)
    c.ping()
    assert sum(len(s.body) for s in c.streams.values()) == \
        DEFAULT_WINDOW + 10
    c.send_window(0, 1000000)       # now the stream's is what counts
    body_of(c, other, 100)
    body_of(c, sid, DEFAULT_WINDOW + 50000)
    c.send_window(sid, 1000000)
    assert len(c.response(sid).body) == 200000


def window_of_0(c):
    c.send_settings({INITIAL_WINDOW_SIZE: 0})
    sid = c.request("GET", "/bytes/10")
    c.wait(lambda: c.streams[sid].headers)
    body_of(c, sid, 0)
    none = c.request("GET", "/bytes/0")     # END_STREAM takes no window
    assert c.response(none).status == 200
    for n in range(1, 4):
        c.send_window(sid, 1)
        body_of(c, sid, n)
    c.send_settings({INITIAL_WINDOW_SIZE: 2})   # the open one's, too
    body_of(c, sid, 5)
    c.send_window(sid, 100)
    assert c.response(sid).body == b"0123456789"
    c.send_settings({INITIAL_WINDOW_SIZE: DEFAULT_WINDOW})


def window_below_0(c):
    """6.9.2: it stays there until it was made up for."""
    sid = c.request("GET", "/bytes/200000")
    body_of(c, sid, DEFAULT_WINDOW)
    c.send_window(0, 1000000)
    c.send_settings({INITIAL_WINDOW_SIZE: 100})     # 100 - 65535
    c.ping()
    c.send_window(sid, DEFAULT_WINDOW - 100)        # 0
    body_of(c, sid, DEFAULT_WINDOW)
    c.send_window(sid, 1)
    body_of(c, sid, DEFAULT_WINDOW + 1)
    c.send_settings({INITIAL_WINDOW_SIZE: 1000})    # + 900
    body_of(c, sid, DEFAULT_WINDOW + 901)
    c.send_settings({INITIAL_WINDOW_SIZE: 0})       # - 1000
    c.ping()
    c.send_settings({INITIAL_WINDOW_SIZE: 999})     # - 1
    body_of(c, sid, DEFAULT_WINDOW + 901)
    c.send_settings({INITIAL_WINDOW_SIZE: 1000000})
    assert len(c.response(sid).body) == 200000


def window_of_a_stream_that_ends(c):
    """What a stream that was reset has used is not used up for others."""
    first = c.request("GET", "/bytes/200000")
    body_of(c, first, DEFAULT_WINDOW)
    c.send_rst(first)
    sid = c.request("GET", "/bytes/100")
    body_of(c, sid, 0)
    c.send_window(0, 100)
    assert len(c.response(sid).body) == 100
    c.send_window(0, 1000)


FLOW_ROWS = [
    ("5.2.1", "neither window is overrun", stays_within_its_windows, goes_on),
    ("6.9.2", "an initial window of 0", window_of_0, goes_on),
    ("6.9.2", "a window below 0", window_below_0, goes_on),
    ("6.5.3", "the last of the same counts", the_last_one_counts, goes_on),
    ("6.9", "a stream that is reset within", window_of_a_stream_that_ends,
     goes_on),
]


@limit(180)
def test_what_is_sent_stays_within_the_windows():
    run(FLOW_ROWS, Room(), {"auto": False})


def queued(c):
    """An upload of which nothing is read: it waits for its turn."""
    if 1 not in c.streams:
        c.request("GET", "/delay/30000", [("x-queue", "1")])
        c.ping()
    sid = c.request("POST", "/echo", [("x-queue", "1")], end=False)
    c.ping()
    return sid


def send_all_of(c, sid, size):
    while size > 0:
        c.send_data(sid, bytes(min(size, 16384)))
        size -= 16384


def fits(c):
    sid = queued(c)
    send_all_of(c, sid, c.streams[sid].window)
    c.ping()
    c.send_rst(1)
    c.send_data(sid, b"", True) if c.streams[sid].window >= 0 else None
    assert len(c.response(sid).body) == DEFAULT_WINDOW
    return sid


def a_byte_too_many(c):
    sid = queued(c)
    send_all_of(c, sid, c.streams[sid].window + 1)
    return sid


def padding_too_many(c):
    sid = queued(c)
    send_all_of(c, sid, c.streams[sid].window - 10)
    c.send_frame(DATA, PADDED, sid, b"\x0a" + bytes(10))
    return sid


OVER_ROWS = [
    ("6.9.1", "exactly the window", fits, {200}),
    ("6.9.1", "a byte beyond a stream's window", a_byte_too_many,
     stream(FLOW_CONTROL_ERROR)),
    ("6.9.1", "padding beyond a stream's window", padding_too_many,
     stream(FLOW_CONTROL_ERROR)),
]


@limit(180)
def test_clients_that_overrun_windows():
    room = Room()
    with room.client() as c:    # all that is allowed, and no more
        c.wait_settings()
        sids = [queued(c) for _ in range(7)]
        send_all_of(c, sids[0], 1)
        c.ping()
        for sid in sids:
            send_all_of(c, sid, min(c.streams[sid].window, c.window))
        c.ping()
        assert not c.goaway, c.goaway
    run(OVER_ROWS, room)


@limit(180)
def test_clients_that_overrun_the_connections_window():
    """6.9.1: by streams of which none overruns its own."""
    room = Room(streams=100)
    with room.client() as c:
        c.wait_settings()
        send_all_of(c, queued(c), 1)    # from here on it is larger
        c.ping()
        for _ in range(90):
            size = min(DEFAULT_WINDOW, c.window + 1)
            send_all_of(c, queued(c), size)
            if c.window < 0:
                break
        c.read_to_end()
        assert c.goaway.code == FLOW_CONTROL_ERROR, c.goaway
    room.leave()


@limit(180)
def test_the_same_over_tls():
    room = Room(tls=True)
    run(DATA_ROWS + HEADERS_ROWS + SMALL_ROWS + SETTINGS_ROWS + GOAWAY_ROWS
        + WINDOW_ROWS + OVER_ROWS, room)
