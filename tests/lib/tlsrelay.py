# SPDX-License-Identifier: MIT
"""A relay between a TLS client and a TLS server that sees records.

    relay = Relay(server_port)
    relay.arm(DOWN, flip)        # the next record of data from the server
    relay.arm(UP, drop, skip=2)  # the third one from the client

What is armed is used once, by whichever connection comes first; records of
handshakes (type 22, 20) and alerts pass.  A fault gets the record and returns
what is sent in its place: a list of bytes, None for the end of both sides.
"""

import socket
import threading

from wsbtest import Thread

UP, DOWN = "up", "down"  # to the server, to the client
DATA = 23


def flip(record):
    """One bit of the ciphertext."""
    return [record[:12] + bytes([record[12] ^ 1]) + record[13:]]


def drop(_):
    return []


def replay(record):
    return [record, record]


def cut(record):
    """The stream ends within the record."""
    return [record[:len(record) // 2], None]


def end(_):
    """It ends before the record, at a boundary."""
    return [None]


def oversized(_):
    return [b"\x17\x03\x03\x41\x01" + bytes(0x4101)]


class Swap:
    """A record changes places with the one behind it."""

    def __init__(self):
        self.held = None

    def __call__(self, record):
        if self.held is None:
            self.held = record
            return []
        return [record, self.held]

    again = True  # it takes two


class Relay(Thread):
    def __init__(self, target):
        super().__init__()
        self.target = target
        self.armed = {}
        self.lock = threading.Lock()
        self.used = 0
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, direction, fault, skip=0):
        with self.lock:
            self.armed[direction] = [fault, skip, None]

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
                server = socket.create_connection(
                    ("127.0.0.1", self.target), 30)
            except OSError:
                return
            self.connections += 1
            for s in client, server:
                s.settimeout(None)
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for way in (UP, client, server), (DOWN, server, client):
                threading.Thread(
                    target=self._pump, args=way, daemon=True).start()

    def _fault(self, direction, source):
        """The fault for this record, or None."""
        with self.lock:
            armed = self.armed.get(direction)
            if not armed or armed[2] not in (None, source):
                return None
            armed[2] = source  # the connection it is for
            if armed[1] > 0:
                armed[1] -= 1
                return None
            fault = armed[0]
            if getattr(fault, "again", False) and fault.held is None:
                return fault
            del self.armed[direction]
            self.used += 1
            return fault

    def _pump(self, direction, source, to):
        try:
            while record := self._record(source):
                fault = record[0] == DATA and self._fault(direction, source)
                for part in fault(record) if fault else [record]:
                    if part is None:
                        raise OSError
                    to.sendall(part)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            for s in source, to:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    @staticmethod
    def _record(source):
        head = Relay._exactly(source, 5)
        if len(head) < 5:
            return head
        return head + Relay._exactly(source, int.from_bytes(head[3:], "big"))

    @staticmethod
    def _exactly(source, n):
        out = b""
        while len(out) < n and (part := source.recv(n - len(out))):
            out += part
        return out

    def stop(self):
        self.socket.close()
