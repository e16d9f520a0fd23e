# SPDX-License-Identifier: MIT
"""Many WebSockets to an echo server at once, every byte of the echo compared.

An Echo is one tunnel: what it sends, and what must come back, byte by byte. A
line carries Echoes: H1Line one, H2Line several (RFC 8441). run()
drives lines from one thread, without ever waiting for one of them: both
directions of all are under way together.
"""

import os
import selectors
import socket
import ssl
import struct
import time

import hpack
from h2client import (
    ACK, DATA, ENABLE_CONNECT_PROTOCOL, END_HEADERS, END_STREAM, GOAWAY,
    HEADERS, INITIAL_WINDOW_SIZE, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, Frame, frame_bytes, literal_block)
from wsbridge import KEY, accept_of

CHUNK = 65536
CONT, TEXT, BINARY, WS_PING, WS_PONG = 0, 1, 2, 9, 10
FIN, MASKED = 0x80, 0x80


def frame(first, payload, mask=None):
    n = len(payload)
    bit = MASKED if mask else 0
    head = (struct.pack("!BB", first, bit | n) if n < 126 else
            struct.pack("!BBH", first, bit | 126, n) if n < 65536 else
            struct.pack("!BBQ", first, bit | 127, n))
    if not mask:
        return head + payload
    keys = int.from_bytes((mask * (n // 4 + 1))[:n], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ keys).to_bytes(
        n, "big")


class Echo:
    """messages: how many it sends; random: what decides about them."""

    def __init__(self, random, messages):
        self.random, self.left = random, messages
        self.out = memoryview(b"")
        self.expected = []          # what is still to come, in order
        self.slow = random.random() < 0.3
        self.bytes = 0

    def size(self):
        """0 to 1 MiB, small ones as often as large ones."""
        return self.random.choice((
            0, 1, 125, 126, 65535, 65536,
            *[int(2 ** self.random.uniform(0, 20))] * 18))

    def message(self):
        """In fragments, with PINGs between them."""
        payload = self.random.randbytes(self.size())
        cuts = sorted(self.random.randrange(len(payload) + 1)
                      for _ in range(self.random.choice((0, 0, 1, 4))))
        text, at = b"", 0
        for n, cut in enumerate([*cuts, len(payload)]):
            first = CONT if n else self.random.choice((TEXT, BINARY))
            if n == len(cuts):
                first |= FIN
            text += self.put(first, first, payload[at:cut])
            at = cut
            if self.random.random() < 0.2:
                text += self.put(FIN | WS_PING, FIN | WS_PONG, os.urandom(9))
        return text

    def put(self, first, answer, payload):
        mask = self.random.randbytes(4)
        self.expected.append(frame(answer, payload))
        return frame(first, payload, mask)

    def pending(self, most):
        """Bytes to send next; sent() says how many of them went."""
        if not self.out and self.left:
            self.left -= 1
            self.out = memoryview(self.message())
        return self.out[:most]

    def sent(self, n):
        self.out = self.out[n:]

    def came(self, data):
        self.bytes += len(data)
        data = memoryview(data)
        while data:
            assert self.expected, f"{len(data)} bytes too many"
            want = self.expected[0]
            n = min(len(want), len(data))
            assert data[:n] == want[:n], f"differs at about {self.bytes}"
            data = data[n:]
            if n == len(want):
                self.expected.pop(0)
            else:
                self.expected[0] = memoryview(want)[n:]

    def is_done(self):
        return not self.left and not self.out and not self.expected


class Line:
    """One connection, not blocking; step() reads and writes what can be."""

    def __init__(self, port, context, alpn, slow):
        self.socket = socket.socket()
        if slow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.connect(("127.0.0.1", port))
        if context:
            context.set_alpn_protocols([alpn])
            self.socket = context.wrap_socket(
                self.socket, server_hostname="localhost")
        self.socket.setblocking(False)
        self.take = 3000 if slow else CHUNK
        self.out = memoryview(b"")
        self.heard = time.monotonic()

    def step(self):
        """False: nothing could be done."""
        wrote = self.write()
        return self.read() or wrote

    def read(self):
        try:
            data = self.socket.recv(self.take)
        except (BlockingIOError, ssl.SSLWantReadError,
                ssl.SSLWantWriteError):
            return False
        assert data, "closed"
        self.heard = time.monotonic()
        self.came(data)
        return True

    def write(self):
        if not self.out:
            self.out = memoryview(bytes(self.more()))
        if not self.out:
            return False
        try:
            n = self.socket.send(self.out)
        except (BlockingIOError, ssl.SSLWantReadError,
                ssl.SSLWantWriteError):
            return False
        self.out = self.out[n:]
        return True

    def wants_to_write(self):
        return bool(self.out)

    def close(self):
        self.socket.close()


class H1Line(Line):
    def __init__(self, port, context, echoes):
        self.echo, = self.echoes = echoes
        super().__init__(port, context, "http/1.1", self.echo.slow)
        self.head = b""
        self.open = False
        self.asked = False

    def more(self):
        if not self.asked:
            self.asked = True
            return (f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket"
                    f"\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    f"Sec-WebSocket-Key: {KEY}\r\n\r\n").encode()
        # the first frames may follow at once: it is an upgrade or an end
        data = self.echo.pending(CHUNK)
        self.echo.sent(len(data))
        return data

    def came(self, data):
        if not self.open:
            self.head += data
            if b"\r\n\r\n" not in self.head:
                return
            head, _, data = self.head.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), head
            assert accept_of(KEY).encode() in head, head
            self.open = True
        self.echo.came(data)


class H2Line(Line):
    def __init__(self, port, context, echoes):
        self.echoes = echoes
        super().__init__(port, context, "h2", any(e.slow for e in echoes))
        self.input, self.decoder = bytearray(), hpack.Decoder()
        self.said = bytearray(PREFACE + frame_bytes(SETTINGS))
        self.streams, self.windows = {}, {0: 65535}

    def begin(self, settings):
        assert settings[ENABLE_CONNECT_PROTOCOL] == 1
        for sid, echo in enumerate(self.echoes):
            sid = 2 * sid + 1
            self.streams[sid] = echo
            self.windows[sid] = settings.get(INITIAL_WINDOW_SIZE, 65535)
            self.said += frame_bytes(HEADERS, END_HEADERS, sid, literal_block([
                (":method", "CONNECT"), (":protocol", "websocket"),
                (":scheme", "https"), (":path", "/ws"),
                (":authority", "localhost"), ("sec-websocket-version", "13")]))

    def more(self):
        for sid, echo in self.streams.items():
            data = echo.pending(min(
                self.windows[0], self.windows[sid], 16384))
            if data:
                self.said += frame_bytes(DATA, 0, sid, bytes(data))
                echo.sent(len(data))
                for window in 0, sid:
                    self.windows[window] -= len(data)
        data, self.said = self.said, bytearray()
        return data

    def came(self, data):
        self.input += data
        while len(self.input) >= 9:
            n = 9 + int.from_bytes(self.input[:3], "big")
            if len(self.input) < n:
                return
            head, payload = bytes(self.input[:9]), bytes(self.input[9:n])
            del self.input[:n]
            self.take_frame(Frame(head[3], head[4], int.from_bytes(
                head[5:], "big"), payload))

    def take_frame(self, f):
        if f.kind == DATA:
            assert not f.flags & END_STREAM, f
            self.streams[f.stream].came(f.data)
            for sid in (0, f.stream) if f.payload else ():
                self.said += frame_bytes(
                    WINDOW_UPDATE, 0, sid, struct.pack("!L", len(f.payload)))
        elif f.kind == WINDOW_UPDATE:
            self.windows[f.stream] += f.increment
        elif f.kind == HEADERS:
            fields = dict(self.decoder.decode(f.data))
            assert fields[":status"] == "200", fields
        elif f.kind in (SETTINGS, PING) and not f.is_ack:
            self.said += frame_bytes(
                f.kind, ACK, 0, f.payload if f.kind == PING else b"")
            if f.kind == SETTINGS and not self.streams:
                self.begin(f.settings)
        else:
            assert f.kind not in (RST_STREAM, GOAWAY), f


def run(lines, silence_s=30):
    """Until all their Echoes are done; silence_s is the longest without a
    byte for any of them."""
    todo = list(lines)
    while todo:
        busy = False
        with selectors.DefaultSelector() as s:
            for line in list(todo):
                busy |= line.step()
                if all(e.is_done() for e in line.echoes):
                    line.close()
                    todo.remove(line)
                    continue
                assert time.monotonic() - line.heard < silence_s, (
                    f"silence; {[len(e.expected) for e in line.echoes]} to "
                    "come")
                s.register(line.socket, selectors.EVENT_READ | (
                    selectors.EVENT_WRITE if line.wants_to_write() else 0))
            if not busy and todo:
                s.select(1)
