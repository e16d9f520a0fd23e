# SPDX-License-Identifier: MIT
"""A raw HTTP/2 client: whole frames in and out, right or wrong.

Three layers, which may be mixed on one connection:

    with H2Client(port) as h2:                  # preface, SETTINGS
        assert h2.get("/bytes/5").body == b"01234"

        sid = h2.request("POST", "/echo", end=False)    # HEADERS only
        h2.send_body(sid, b"x" * 1000000)       # as the windows allow
        answer = h2.response(sid)               # until the stream ends

        h2.send_frame(WINDOW_UPDATE, 0, 7, b"\\0\\0\\0\\0")   # any bytes
        frame = h2.wait_frame(GOAWAY)           # until one comes
        assert frame.code == PROTOCOL_ERROR

What is read is always noted: all frames in `frames`, and per stream in
`streams[id]` (an H2Stream). With auto=True (the default) the client answers
SETTINGS and PING and gives back the windows as it reads; with auto=False it
only reads. Nothing that is sent is checked. Every wait ends with a
TimeoutError after `timeout` seconds of silence, or with a ConnectionError
when the other side closes (over TLS without close_notify: an SSLError).

Over TLS: H2Client(port, context=ssl_context), which offers `alpn`.
WebSocket: h2.ws_open(path) (RFC 8441) gives an H2WebSocket.
"""

import contextlib
import os
import ssl
import struct
import time

import hpack

from wsbclient import Client

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Types of frames.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, \
    WINDOW_UPDATE, CONTINUATION = range(10)
NAMES = ("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS",
         "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION")

# Flags.
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20

# Settings.
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, \
    MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8

# Error codes.
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, \
    SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, \
    CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, \
    INADEQUATE_SECURITY, HTTP_1_1_REQUIRED = range(14)

DEFAULT_WINDOW = 65535


def frame_bytes(kind, flags=0, stream=0, payload=b"", length=None):
    """A frame's bytes. length: a lie about the payload's."""
    size = len(payload) if length is None else length
    return struct.pack("!BHBBL", size >> 16, size & 0xFFFF, kind, flags,
                       stream) + payload


def settings_payload(values):
    """Of {id: value} or [(id, value)]."""
    pairs = values.items() if isinstance(values, dict) else values
    return b"".join(struct.pack("!HL", k, v) for k, v in pairs)


def literal_block(fields):
    """A header block without compression or state: literals, never indexed.

    Takes any names and values, valid or not, str or bytes."""
    block = b""
    for pair in fields:
        block += b"\x10"
        for text in pair:
            text = text.encode("latin-1") if isinstance(text, str) else text
            block += _integer(len(text), 7) + text
    return block


def _integer(n, bits):
    limit = (1 << bits) - 1
    if n < limit:
        return bytes([n])
    out, n = [limit], n - limit
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


class Frame:
    """One frame that came.

    kind, flags, stream, payload (all of it); and by kind: data (without
    padding) of DATA; fields [(name, value)] of the HEADERS or CONTINUATION
    that ends a block (else None); code of RST_STREAM and GOAWAY; last and
    debug of GOAWAY; settings {id: value}; increment of WINDOW_UPDATE.
    """

    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream = kind, flags, stream
        self.payload = payload
        self.fields = self.code = self.last = self.increment = None
        self.data, self.debug, self.settings = b"", b"", {}
        if kind in (DATA, HEADERS):
            self.data = self._unpadded()
        elif kind == RST_STREAM:
            self.code, = struct.unpack("!L", payload)
        elif kind == GOAWAY:
            self.last, self.code = struct.unpack("!LL", payload[:8])
            self.debug = payload[8:]
        elif kind == SETTINGS:
            self.settings = {
                k: v for k, v in struct.iter_unpack("!HL", payload)}
        elif kind == WINDOW_UPDATE:
            self.increment, = struct.unpack("!L", payload)

    def _unpadded(self):
        data = self.payload
        if self.flags & PADDED:
            data = data[1:len(data) - data[0]]
        if self.kind == HEADERS and self.flags & PRIORITY_FLAG:
            data = data[5:]
        return data

    @property
    def is_ack(self):
        return bool(self.kind in (SETTINGS, PING) and self.flags & ACK)

    @property
    def ends_stream(self):
        return bool(self.kind in (DATA, HEADERS) and self.flags & END_STREAM)

    def __repr__(self):
        name = NAMES[self.kind] if self.kind < len(NAMES) else self.kind
        more = "".join(
            f" {key}={getattr(self, key)!r}"
            for key in ("fields", "code", "last", "increment", "settings")
            if getattr(self, key) not in (None, {}))
        return (f"<{name} flags={self.flags:#x} stream={self.stream} "
                f"{len(self.payload)} bytes{more}>")


class H2Stream:
    """What came on one stream, and the room there is to send on it."""

    def __init__(self, number, window):
        self.id = number
        self.window = window    # bytes we may send
        self.informational = []  # [[(name, value)]] of 1xx
        self.headers = None     # [(name, value)] of the final answer
        self.body = bytearray()
        self.trailers = []
        self.ended = False      # END_STREAM came
        self.reset = None       # code of a RST_STREAM that came

    @property
    def status(self):
        value = self.header(":status")
        return int(value) if value else None

    def header(self, name, default=None):
        values = [v for n, v in self.headers or () if n == name]
        return ", ".join(values) if values else default

    def __repr__(self):
        return (f"<stream {self.id}: {self.status}, {len(self.body)} bytes, "
                f"ended {self.ended}, reset {self.reset}>")


class H2Client:
    """One connection. Everything blocks."""

    def __init__(self, port, host="127.0.0.1", timeout=10, context=None,
                 server_hostname="localhost", alpn=("h2",), settings=(),
                 preface=True, auto=True, rcvbuf=None):
        """settings: {id: value} of our SETTINGS; preface=False sends
        neither preface nor SETTINGS."""
        client = Client(port, host, timeout, rcvbuf)
        self.socket = client.socket
        self.authority = client.host
        self.timeout = timeout
        self.tls = context is not None
        if self.tls:
            if alpn:
                context.set_alpn_protocols(list(alpn))
            self.socket = context.wrap_socket(
                self.socket, server_hostname=server_hostname,
                suppress_ragged_eofs=False)
        self.auto = auto
        self.held = None            # see at_once()
        self.buffer = bytearray()
        self.frames = []
        self.streams = {}
        self.next_stream = 1
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder(max_header_list_size=1 << 24)
        self.block = None           # of a HEADERS without END_HEADERS
        self.block_of = None
        self.peer_settings = {}
        self.goaway = None          # the last GOAWAY frame
        self.window = DEFAULT_WINDOW    # of the connection, for sending
        self.sent_settings = dict(settings)
        if preface:
            self.send_raw(PREFACE + frame_bytes(
                SETTINGS, 0, 0, settings_payload(self.sent_settings)))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.socket.close()

    # Frames out.

    def send_raw(self, data):
        if self.held is not None:
            self.held += data
        else:
            self.socket.sendall(data)

    @contextlib.contextmanager
    def at_once(self):
        """with h2.at_once(): what is sent goes in one piece at the end."""
        self.held = b""
        try:
            yield
        finally:
            data, self.held = self.held, None
            self.send_raw(data)

    def send_frame(self, kind, flags=0, stream=0, payload=b"", length=None):
        self.send_raw(frame_bytes(kind, flags, stream, payload, length))

    def send_settings(self, values=(), ack=False):
        self.sent_settings.update(values)
        self.send_frame(SETTINGS, ACK if ack else 0, 0,
                        settings_payload(values))

    def send_headers(self, stream, fields, end=False, block=None, split=None):
        """block: use these bytes instead of encoding fields. split: at most
        so many bytes of the block in each frame (CONTINUATION follows)."""
        if block is None:
            block = self.encoder.encode(list(fields))
        pieces = [block]
        if split:
            pieces = [block[i:i + split]
                      for i in range(0, len(block), split)] or [b""]
        for i, piece in enumerate(pieces):
            flags = END_HEADERS if i == len(pieces) - 1 else 0
            if end and i == 0:
                flags |= END_STREAM
            self.send_frame(CONTINUATION if i else HEADERS, flags, stream,
                            piece)

    def send_data(self, stream, data=b"", end=False, pad=None):
        """One DATA frame, whatever the windows say; they are counted."""
        flags = END_STREAM if end else 0
        if pad is not None:
            flags |= PADDED
            data = bytes([pad]) + data + bytes(pad)
        self.window -= len(data)
        if stream in self.streams:
            self.streams[stream].window -= len(data)
        self.send_frame(DATA, flags, stream, data)

    def send_body(self, stream, data, end=True):
        """As the windows allow; reads meanwhile. Returns how much went:
        less than all only if the peer reset the stream."""
        s, at = self.streams[stream], 0
        size = self.peer_settings.get(MAX_FRAME_SIZE, 16384)
        while at < len(data) and s.reset is None:
            room = min(size, self.window, s.window, len(data) - at)
            if room <= 0:
                self.read_frame()
                continue
            last = at + room == len(data)
            self.send_data(stream, data[at:at + room], end and last)
            at += room
        if end and not data:
            self.send_data(stream, b"", True)
        return at

    def send_window(self, stream, increment):
        self.send_frame(WINDOW_UPDATE, 0, stream,
                        struct.pack("!L", increment))

    def send_rst(self, stream, code=CANCEL):
        self.send_frame(RST_STREAM, 0, stream, struct.pack("!L", code))

    def send_ping(self, data=b"\0" * 8, ack=False):
        self.send_frame(PING, ACK if ack else 0, 0, data)

    def send_goaway(self, last=0, code=NO_ERROR, debug=b""):
        self.send_frame(GOAWAY, 0, 0, struct.pack("!LL", last, code) + debug)

    # Frames in.

    def _fill(self, need):
        while len(self.buffer) < need:
            data = self.socket.recv(max(need - len(self.buffer), 65536))
            if not data:
                return False
            self.buffer += data
        return True

    def read_frame(self):
        """The next frame; ConnectionError at the end."""
        if not self._fill(9):
            raise ConnectionError(
                f"closed within a frame: {bytes(self.buffer)!r}"
                if self.buffer else "closed")
        high, low, kind, flags, stream = struct.unpack(
            "!BHBBL", self.buffer[:9])
        size = high << 16 | low
        if not self._fill(9 + size):
            raise ConnectionError("closed within a frame")
        payload = bytes(self.buffer[9:9 + size])
        del self.buffer[:9 + size]
        frame = Frame(kind, flags, stream & 0x7FFFFFFF, payload)
        self.frames.append(frame)
        self._note(frame)
        return frame

    def wait_frame(self, kind, stream=None, test=None):
        """Reads on until a frame of this kind (on this stream, for which
        test(frame) holds) comes; frames that came before do not count."""
        while True:
            frame = self.read_frame()
            if frame.kind == kind and stream in (None, frame.stream) and (
                    test is None or test(frame)):
                return frame

    def wait(self, condition):
        """Reads on until condition() holds."""
        while not condition():
            self.read_frame()

    def wait_settings(self):
        """Until the peer's first SETTINGS are there."""
        self.wait(lambda: any(
            f.kind == SETTINGS and not f.is_ack for f in self.frames))
        return self.peer_settings

    def ping(self, rounds=2):
        """Sends a PING and waits for its answer, twice: answers overtake
        other frames, so only then all is here that the peer sent because of
        what we sent before (but for what waits for windows)."""
        for _ in range(rounds):
            data = os.urandom(8)
            self.send_ping(data)
            self.wait_frame(
                PING, 0, lambda f, d=data: f.is_ack and f.payload == d)

    def read_to_end(self):
        """All frames until the other side closes (FIN, RST, or TLS that
        ends without close_notify)."""
        begin = len(self.frames)
        try:
            while True:
                self.read_frame()
        except (ConnectionError, ssl.SSLError):
            pass
        return self.frames[begin:]

    def is_closed(self, timeout=3):
        """Whether the other side closes within the time, whatever else
        comes first."""
        end = time.monotonic() + timeout
        try:
            while time.monotonic() < end:
                self.socket.settimeout(max(0.01, end - time.monotonic()))
                self.read_frame()
        except (ConnectionError, ssl.SSLError):
            return True
        except TimeoutError:
            pass
        finally:
            self.socket.settimeout(self.timeout)
        return False

    def _note(self, frame):
        if frame.kind == SETTINGS and not frame.is_ack:
            self._note_settings(frame.settings)
            if self.auto:
                self.send_settings(ack=True)
        elif frame.kind == PING and not frame.is_ack and self.auto:
            self.send_ping(frame.payload, ack=True)
        elif frame.kind == GOAWAY:
            self.goaway = frame
        elif frame.kind in (HEADERS, CONTINUATION):
            self._note_block(frame)
        elif frame.kind == PUSH_PROMISE:
            raise AssertionError("a PUSH_PROMISE, which nobody asked for")
        elif frame.kind == WINDOW_UPDATE:
            if frame.stream == 0:
                self.window += frame.increment
            elif frame.stream in self.streams:
                self.streams[frame.stream].window += frame.increment
        elif frame.kind in (DATA, RST_STREAM):
            self._note_stream(frame)

    def _note_settings(self, values):
        old = self.peer_settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        self.peer_settings.update(values)
        change = self.peer_settings.get(
            INITIAL_WINDOW_SIZE, DEFAULT_WINDOW) - old
        for s in self.streams.values():
            s.window += change
        if HEADER_TABLE_SIZE in values:
            self.encoder.header_table_size = min(
                4096, values[HEADER_TABLE_SIZE])

    def _note_block(self, frame):
        if frame.kind == HEADERS:
            self.block, self.block_of = frame.data, frame
        else:
            self.block += frame.payload
        if not frame.flags & END_HEADERS:
            return
        frame.fields = [
            (n.decode("latin-1"), v.decode("latin-1"))
            for n, v in self.decoder.decode(self.block, raw=True)]
        s = self.streams.setdefault(frame.stream, H2Stream(frame.stream, 0))
        if s.headers is not None:
            s.trailers = frame.fields
        elif dict(frame.fields).get(":status", "").startswith("1"):
            s.informational.append(frame.fields)
        else:
            s.headers = frame.fields
        s.ended = s.ended or self.block_of.ends_stream

    def _note_stream(self, frame):
        s = self.streams.setdefault(frame.stream, H2Stream(frame.stream, 0))
        if frame.kind == RST_STREAM:
            s.reset = frame.code
            return
        s.body += frame.data
        s.ended = s.ended or frame.ends_stream
        if self.auto and frame.payload:
            self.send_window(0, len(frame.payload))
            if not s.ended:
                self.send_window(frame.stream, len(frame.payload))

    # Requests.

    def open_stream(self):
        """A new stream's id; nothing is sent."""
        number = self.next_stream
        self.next_stream += 2
        self.streams[number] = H2Stream(number, self.peer_settings.get(
            INITIAL_WINDOW_SIZE, DEFAULT_WINDOW))
        return number

    def fields(self, method="GET", path="/", headers=()):
        """The header list of a request."""
        scheme = "https" if self.tls else "http"
        return [(":method", method), (":scheme", scheme),
                (":authority", self.authority), (":path", path), *headers]

    def request(self, method="GET", path="/", headers=(), body=None,
                end=True, trailers=()):
        """Sends a request on a new stream, returns its id. end=False leaves
        the stream open after what was given."""
        sid = self.open_stream()
        only = end and not body and not trailers
        self.send_headers(sid, self.fields(method, path, headers), only)
        if body:
            self.send_body(sid, body, end and not trailers)
        if trailers:
            self.send_headers(sid, trailers, True)
        return sid

    def response(self, stream):
        """Reads until the stream ended or was reset; returns its H2Stream.
        ConnectionError if the connection ends first."""
        s = self.streams[stream]
        self.wait(lambda: s.ended or s.reset is not None)
        return s

    def get(self, path="/", headers=()):
        return self.response(self.request("GET", path, headers))

    def post(self, path, body, headers=(), trailers=()):
        return self.response(
            self.request("POST", path, headers, body, trailers=trailers))

    def ws_open(self, path="/ws", headers=()):
        """An H2WebSocket by extended CONNECT; see its .stream.status."""
        self.wait_settings()
        sid = self.open_stream()
        self.send_headers(sid, [
            (":method", "CONNECT"), (":protocol", "websocket"),
            *self.fields("", path)[1:],
            ("sec-websocket-version", "13"), *headers])
        s = self.streams[sid]
        self.wait(lambda: s.headers or s.reset is not None)
        return H2WebSocket(self, s)


class H2WebSocket:
    """Short unfragmented messages on a stream.

    ws_send(data, opcode=1) and ws_recv() -> (opcode, payload), as of a
    wsbclient.Client; send(bytes) and read(n) for less and more than that.
    """

    def __init__(self, connection, stream):
        self.connection, self.stream = connection, stream

    def send(self, data, end=False):
        self.connection.send_body(self.stream.id, data, end)

    def read(self, n):
        body = self.stream.body

        def done():
            return (len(body) >= n or self.stream.ended
                    or self.stream.reset is not None)

        self.connection.wait(done)
        if len(body) < n:
            raise ConnectionError(f"over after {len(body)} of {n} bytes")
        data = bytes(body[:n])
        del body[:n]
        return data

    ws_send = Client.ws_send
    ws_recv = Client.ws_recv
