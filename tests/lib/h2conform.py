# SPDX-License-Identifier: MIT
"""Tables of what RFC 9113 demands: what is sent, what has to come of it.

A row is (section, name, act, want). act(c) gets an H2Client whose SETTINGS
are exchanged; it sends what the row is about and may return the number of
the stream that matters. want is a set of outcomes, any of which is right,
or goes_on (nothing comes of it):

    ("GOAWAY", code)    and the connection is closed
    ("RST", code)       of the row's stream; the connection goes on
    200                 the row's stream was answered
    CLOSED              without a word

A stream error may always be treated as one of the connection (5.4.1), and
PROTOCOL_ERROR may stand for any more specific code (5.4), which is granted
only where a row says so.

run(table, room): each row on a connection of its own, beside one that must
not be disturbed by any of it. In the end no client and no stream may be left.
"""

import ssl
import tempfile
from pathlib import Path

import certs
from h2client import (
    GOAWAY, PROTOCOL_ERROR, RST_STREAM, H2Client, literal_block)
from wsbtest import Origin, Proxy, wait_until

CLOSED = ("CLOSED", None)
GOES_ON = ("GOES ON", None)
goes_on = frozenset()

MAX_STREAMS = 8
CONFIG = """
global
    stats socket {dir}/admin.sock level admin
    nbproc 1
    log stderr format raw local0
    tune.h2.max-concurrent-streams {streams}
defaults
    mode http
    log global
    timeout client 60s
    timeout server 60s
    timeout connect 10s
    timeout queue 60s
frontend fe
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt {pem} alpn h2
    bind 127.0.0.1:{port3} proto h2
    use_backend queued if { hdr(x-queue) -m found }
    default_backend b
backend b
    server s 127.0.0.1:{origin}
backend queued
    server s 127.0.0.1:{origin} maxconn 1
"""


def conn(*codes):
    """An error of the connection."""
    return {("GOAWAY", code) for code in codes}


def stream(*codes):
    """An error of the stream, or of the connection for it."""
    return conn(*codes) | {("RST", code) for code in codes}


# A malformed message (8.1.1): a server may answer before it resets.
malformed = stream(PROTOCOL_ERROR) | {400}


class Room:
    """A proxy, its origin, and a client that asks beside."""

    def __init__(self, tls=False, streams=MAX_STREAMS):
        self.origin = Origin()
        folder = Path(tempfile.mkdtemp(prefix="wsb-certs-"))
        certs.make(folder)
        self.proxy = Proxy(CONFIG, origin=self.origin, streams=streams,
                           pem=folder / "ecdsa.pem")
        self.pids = self.proxy.pids()
        self.tls = tls
        self.beside = self.client()
        self.beside.wait_settings()

    def client(self, port=None, **options):
        values, options = self.proxy.values, {"timeout": 20, **options}
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return H2Client(values["port2"], context=context, **options)
        return H2Client(values[port or "port"], **options)

    def count(self):
        board = self.proxy.board()
        return board["clients"], sum(
            p["streams"] for p in board["processes"])

    def leave(self):
        """Nothing is left of it all but those who live."""
        self.beside.close()
        wait_until(lambda: self.count() == (0, 0), 20,
                   what=f"no clients, no streams: {self.count()}")
        assert self.proxy.pids() == self.pids, "a process died"


def outcome(c, sid, for_good):
    """What comes: the first thing that says how it ended."""
    def failed():
        s = c.streams.get(sid)
        return c.goaway or (s and s.reset is not None)

    try:
        if for_good:
            c.wait(lambda: failed() or (
                sid in c.streams and c.streams[sid].ended))
        if not failed():
            c.ping()    # nothing comes of it, or comes late
    except (ConnectionError, ssl.SSLError):
        if not c.goaway:
            return CLOSED
    except TimeoutError:
        return ("NOTHING", None)
    s = c.streams.get(sid)
    if c.goaway:
        return ("GOAWAY", c.goaway.code)
    if s and s.reset is not None and not (s.ended and s.reset == 0):
        return ("RST", s.reset)
    return s.status if for_good and s else GOES_ON


def judge_goaway(c, sid):
    assert c.goaway.last < max(c.next_stream, (sid or 0) + 1), c.goaway
    try:
        rest = c.read_to_end()
    except TimeoutError:
        raise AssertionError("not closed after its GOAWAY") from None
    assert not any(f.kind == GOAWAY for f in rest), rest


def judge(c, act, want):
    sid = act(c)
    got = outcome(c, sid, want)
    if want:
        assert got in want, f"{got}, not one of {sorted(map(str, want))}"
    else:
        resets = [f for f in c.frames if f.kind == RST_STREAM]
        assert got == GOES_ON and not resets, f"{got}, {resets}"
    if c.goaway:
        judge_goaway(c, sid)
    elif got != CLOSED:
        again = c.get("/bytes/5")
        assert again.body == b"01234", f"then: {again}"


def run(table, room, options=None):
    """All rows; fails with those that did."""
    wrong = []
    for section, name, act, want in table:
        try:
            with room.client(**(options or {})) as c:
                c.wait_settings()
                judge(c, act, want)
            assert room.beside.get("/bytes/7").body == b"0123456"
        except Exception as error:  # noqa: BLE001, told in the end
            wrong.append(f"{section} {name}: {type(error).__name__} {error}")
    room.leave()
    assert not wrong, f"{len(wrong)} of {len(table)} rows:\n" + "\n".join(
        wrong)


# What many rows begin with, and are made of.

def sends(kind, flags=0, sid=0, payload=b"", before=None):
    """An act: this frame, on the stream that before(c) made."""
    def act(c):
        number = before(c) if before else sid
        c.send_frame(kind, flags, number, payload)
        return number or None
    return act


def opened(c, path="/echo"):
    """A stream that is open: its HEADERS were read, no END_STREAM."""
    sid = c.request("POST", path, end=False)
    c.ping()
    return sid


def half_closed(c, path="/delay/30000"):
    """A stream whose END_STREAM was read and whose answer does not come."""
    sid = c.request("GET", path)
    c.ping()
    return sid


def closed(c):
    """A stream that is over in order."""
    sid = c.request("GET", "/bytes/5")
    c.response(sid)
    return sid


def was_reset(c):
    """A stream the client has reset."""
    sid = half_closed(c)
    c.send_rst(sid)
    c.ping()
    return sid


def good(c):
    """A header block of a request that is in order."""
    return literal_block(c.fields("GET", "/bytes/5"))

