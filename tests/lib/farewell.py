# SPDX-License-Identifier: MIT
"""WebSockets that wait to be closed by the proxy: who was told what, and when,
and whether what was being said then came to its end.

A Leaver is a client of a Party, which drives many by one thread. A talkative
one sends large messages in fragments, slowly, so that nearly always one is
half said; a slow_echo() server says them back as they come.
"""

import base64
import hashlib
import re
import select
import socket
import ssl
import struct
import time

from wsbridge import GUID, insecure

REQUEST = ("GET {} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
           "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
MASK = b"\x01\x02\x03\x04"
CLOSE, CONT, BINARY, FIN, MASKED = 8, 0, 2, 0x80, 0x80
FRAGMENT, FRAGMENTS, PIECE, PAUSE_S = 100_000, 3, 5000, 0.01


def xor(data, mask, at=0):
    mask = mask[at % 4:] + mask[:at % 4]
    key = (mask * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(
        len(data), "big")


def header(first, n, masked):
    bit = MASKED if masked else 0
    head = (struct.pack("!BB", first, bit | n) if n < 126 else
            struct.pack("!BBH", first, bit | 126, n) if n < 65536 else
            struct.pack("!BBQ", first, bit | 127, n))
    return head + (MASK if masked else b"")


class Frames:
    """Follows one direction: feed() gives ("head", first, length) and ("part",
    payload, None). code: of a Close; is_whole: nothing is half said."""

    def __init__(self):
        self.held, self.left, self.mask, self.at = b"", 0, None, 0
        self.first, self.inside, self.code, self.body = 0, False, None, b""
        self.after_close = 0

    def is_whole(self):
        return not self.held and not self.left and not self.inside

    def _head(self):
        if len(self.held) < 2:
            return None
        n, size = self.held[1] & 0x7f, 2
        more = {126: 2, 127: 8}.get(n, 0)
        masked = 4 if self.held[1] & MASKED else 0
        if len(self.held) < size + more + masked:
            return None
        if more:
            n = int.from_bytes(self.held[2:2 + more], "big")
        self.first, self.left, self.at = self.held[0], n, 0
        self.mask = self.held[2 + more:6 + more] if masked else None
        self.held = self.held[size + more + masked:]
        if self.first & 0x0f < CLOSE:
            self.inside = not self.first & FIN
        return self.first, n

    def feed(self, data):
        self.after_close += len(data) if self.code is not None else 0
        self.held += data
        while True:
            if not self.left:
                head = self._head()
                if not head:
                    return
                yield ("head", *head)
            part, self.held = self.held[:self.left], self.held[self.left:]
            if self.mask:
                part = xor(part, self.mask, self.at)
            self.at += len(part)
            self.left -= len(part)
            if self.first & 0x0f == CLOSE:
                self.body += part
                if not self.left:
                    self.code = int.from_bytes(self.body[:2], "big")
            if part:
                yield "part", part, None
            elif not self.held:
                return


def slow_echo(ends):
    """A handler for FakeServer; ends gets (code, is_whole, bytes after the
    Close) of each client."""
    def serve(sock, _number):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1)
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        sock.sendall(b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: "
                     b"Upgrade\r\nSec-WebSocket-Accept: " + accept +
                     b"\r\n\r\n")
        frames = Frames()
        while data := sock.recv(65536):
            for what, a, n in frames.feed(data):
                sock.sendall(header(a, n, False) if what == "head" else a)
        ends.append((frames.code, frames.is_whole(), frames.after_close))
    return serve


class Leaver:
    def __init__(self, port, tls, path, talks):
        self.socket = socket.create_connection(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(
                self.socket, suppress_ragged_eofs=False)
        self.socket.sendall(REQUEST.format(path).encode())
        self.head, self.frames = b"", Frames()
        self.talks, self.sent, self.out = talks, 0, b""
        self.ended = self.clean = None
        self.answered = False

    def fileno(self):
        return self.socket.fileno()

    def is_open(self):
        return b"\r\n\r\n" in self.head

    def read(self):
        """What is there; at the end, when and how."""
        try:
            while self.ended is None:
                data = self.socket.recv(65536)
                if not data:
                    self.ended, self.clean = time.monotonic(), True
                elif not self.is_open():
                    self.head += data
                    assert self.is_open(), self.head
                    data = self.head.split(b"\r\n\r\n", 1)[1]
                for _ in self.frames.feed(data):
                    pass
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.ended, self.clean = time.monotonic(), False

    def _next(self):
        nth, at = divmod(self.sent, FRAGMENT)
        told = self.frames.code is not None
        if at == 0 and told and nth % FRAGMENTS == 0 or told and not self.talks:
            self.answered = True
            return header(FIN | CLOSE, 2, True) + xor(
                struct.pack("!H", self.frames.code), MASK)
        if not self.talks:
            return b""
        piece = min(PIECE, FRAGMENT - at)
        self.sent += piece
        first = (CONT if nth % FRAGMENTS else BINARY) | (
            FIN if nth % FRAGMENTS == FRAGMENTS - 1 else 0)
        head = header(first, FRAGMENT, True) if at == 0 else b""
        return head + xor(bytes(piece), MASK, at)

    def say(self):
        """The next piece, if the last one has left."""
        if self.ended is not None or not self.is_open():
            return
        if not self.out and not self.answered:
            self.out = self._next()
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self.out = b""


class Party:
    """gap_s: the longest time in which it could not look at its clients."""

    def __init__(self):
        self.poll, self.all = select.poll(), {}
        self.tls, self.gap_s = insecure(), 0

    def add(self, port, tls, path="/ws", talks=False):
        c = Leaver(port, self.tls if tls else None, path, talks)
        c.socket.setblocking(False)
        self.all[c.fileno()] = c
        self.poll.register(c, select.POLLIN)

    def turn(self):
        for fd, _ in self.poll.poll(PAUSE_S * 1000):
            c = self.all[fd]
            c.read()
            if not c.talks:
                c.say()
            if c.ended is not None:
                self.poll.unregister(fd)

    def run(self, until, seconds, what):
        """Until until(client) is true of all."""
        end = last = time.monotonic()
        end += seconds
        talkers = [c for c in self.all.values() if c.talks]
        said = 0
        while not all(until(c) for c in self.all.values()):
            self.turn()
            now = time.monotonic()
            self.gap_s = max(self.gap_s, now - last)
            last = now
            assert now < end, f"not within {seconds} s: {what}"
            if now >= said + PAUSE_S:
                said = now
                for c in talkers:
                    c.say()

    def close(self):
        for c in self.all.values():
            c.socket.close()
