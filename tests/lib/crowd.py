# SPDX-License-Identifier: MIT
"""Many WebSocket clients of one process that connect at once, and stay."""

import resource
import select
import socket
import time

REQUEST = (b"GET /ws HTTP/1.1\r\nHost: crowd\r\nConnection: Upgrade\r\n"
           b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


class Crowd:
    """Clients of an address: (host, port), or a path.

    lost: how many connections ended; failed: how many were answered with
    something other than 101. Who is lost connects again at once, if wanted.
    """

    def __init__(self, address, reconnect=True):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.address, self.reconnect = address, reconnect
        self.epoll = select.epoll()
        self.sockets = {}  # fd: [socket, what was read or None: tunnel]
        self.open = self.lost = self.failed = 0

    def _connect(self):
        family = socket.AF_UNIX if isinstance(self.address, str) \
            else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setblocking(family == socket.AF_UNIX)
        s.connect_ex(self.address)
        s.setblocking(False)
        self.sockets[s.fileno()] = [s, b""]
        self.epoll.register(s.fileno(), select.EPOLLOUT)

    def _gone(self, fd, failed=False):
        self.open -= self.sockets[fd][1] is None
        self.epoll.unregister(fd)
        self.sockets.pop(fd)[0].close()
        self.lost += 1
        self.failed += failed
        if self.reconnect:
            self._connect()

    def _event(self, fd, what):
        entry = self.sockets[fd]
        try:
            if what & select.EPOLLOUT and not what & select.EPOLLERR:
                entry[0].send(REQUEST)
                self.epoll.modify(fd, select.EPOLLIN)
                return
            data = entry[0].recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            self._gone(fd)
        elif entry[1] is not None:
            entry[1] += data
            if b"\r\n\r\n" in entry[1]:
                if not entry[1].startswith(b"HTTP/1.1 101 "):
                    self._gone(fd, True)
                    return
                entry[1] = None
                self.open += 1

    def add(self, count):
        """So many more begin to connect."""
        for _ in range(count):
            self._connect()

    def leave(self, count):
        """So many close."""
        for fd in list(self.sockets)[:count]:
            self.open -= self.sockets[fd][1] is None
            self.epoll.unregister(fd)
            self.sockets.pop(fd)[0].close()

    def run(self, until, seconds, what):
        """Serve the clients until until() is true."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}; {self}")
            for fd, events in self.epoll.poll(0.05, 512):
                if fd in self.sockets:
                    self._event(fd, events)

    def wait(self, seconds=60):
        """Until all have their tunnel."""
        self.run(lambda: self.open == len(self.sockets), seconds, "tunnels")

    def close(self):
        self.leave(len(self.sockets))
        self.epoll.close()

    def __repr__(self):
        return (f"<{self.open} of {len(self.sockets)} tunnels, "
                f"{self.lost} lost, {self.failed} failed>")
