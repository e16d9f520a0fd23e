# SPDX-License-Identifier: MIT
"""A load of which each client notes what it notices when something dies."""

import os
import signal
import threading

from wsbtest import Client, Proxy, wait_until

TUNNELS, ASKERS = 24, 6
CONFIG = """
global
    stats socket {dir}/admin.sock level admin
    nbproc 2
    maxconn 1000
    hang-limit 4s
    log stderr format raw local0 notice
    %s
defaults
    mode http
    log global
    http-reuse always
    option redispatch 1
    retries 5
    timeout client 60s
    timeout server 60s
    timeout connect 60s
    timeout queue 60s
    timeout tunnel 1h
frontend f
    bind 127.0.0.1:{port}
    use_backend %s if { path /ws }
    default_backend b
backend b
    server s 127.0.0.1:{origin} pool-purge-delay 10m
backend two
    server s 127.0.0.1:{origin}
    server t 127.0.0.1:{other}
"""


def start(origin, words="", tunnels_to="b", **values):
    values.setdefault("other", 1)
    proxy = Proxy(CONFIG % (words, tunnels_to), origin=origin, **values)
    proxy.wait_running()
    return proxy


class Load:
    """TUNNELS that echo, one message after the other, and ASKERS that ask for
    one response after the other on a kept connection.

    lost: tunnels that ended, codes: of the Closes they heard, failed: requests
    that got no 200.
    """

    def __init__(self, proxy, askers=ASKERS):
        self.port = proxy.port
        self.lost, self.codes, self.failed = [], [], []
        self.echoes, self.answers = [0] * TUNNELS, [0] * askers
        self.over = threading.Event()
        self.threads = [threading.Thread(target=f, args=(i,)) for f, n in (
            (self._tunnel, TUNNELS), (self._ask, askers)) for i in range(n)]
        for t in self.threads:
            t.start()
        wait_until(lambda: min(self.echoes + self.answers) > 1, 30,
                   what="the load")

    def _tunnel(self, i):
        with Client(self.port, timeout=60) as c:
            assert c.ws_open("/ws").status == 101
            try:
                while not self.over.wait(0.05):
                    n = b"%d" % self.echoes[i]
                    c.ws_send(n)
                    opcode, data = c.ws_recv()
                    if opcode == 8:
                        self.codes.append(int.from_bytes(data[:2], "big"))
                        break
                    assert (opcode, data) == (1, n), (opcode, data, n)
                    self.echoes[i] += 1
            except (OSError, AssertionError, EOFError):
                pass
            if not self.over.is_set():
                self.lost.append(i)

    def _ask(self, i):
        c = None
        while not self.over.wait(0.02):
            try:
                c = c or Client(self.port, timeout=60)
                answer = c.get("/bytes/100")
                assert answer.status == 200, answer
                self.answers[i] += 1
                if answer.header("connection") == "close":
                    c.close()
                    c = None
            except (OSError, AssertionError, EOFError, ValueError) as error:
                self.failed.append(repr(error))
                c.close() if c else None
                c = None

    def go_on(self, what):
        """Until each that is not lost has echoed, and been answered, anew."""
        before = self.echoes + self.answers
        left = [i for i in range(len(before)) if i not in self.lost]
        wait_until(lambda: all(
            i in self.lost or (self.echoes + self.answers)[i] > before[i] + 1
            for i in left), 60, what=what)

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(90)
        assert not any(t.is_alive() for t in self.threads)


def strike(pid, number):
    os.kill(pid, signal.SIGKILL if number == 9 else signal.SIGSTOP)


def row(proxy, pid):
    return next(p for p in proxy.board()["processes"] if p["pid"] == pid)
