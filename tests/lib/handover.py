# SPDX-License-Identifier: MIT
"""Workers are drained while tunnels echo: a Drainer asks the master's socket
for it, again and again."""

import socket
import threading

import wsecho
from wsborigin import TlsOrigin
from wsbridge import certificate, insecure
from wsbtest import Proxy, wait_until

CONFIG = """
global
    stats socket {dir}/admin.sock level admin
    log stderr format raw local0
    nbproc 2
    %s
defaults
    mode http
    log global
    http-reuse always
    timeout client 60s
    timeout server 60s
    timeout connect 10s
listen l
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt {cert}
    balance leastconn
    log-format "%%ST %%ts in=%%[tunnel.bytes_in] out=%%[tunnel.bytes_out] m=%%[ws.msgs_in]/%%[ws.msgs_out] ms=%%[tunnel.duration]"
    %s
    server plain 127.0.0.1:{origin}
    server tls 127.0.0.1:{tls} ssl verify none alpn http/1.1
"""


def proxy_of(more="", listen="", origin=None, **options):
    """With a master's socket; its origin is .origin."""
    origin = origin or TlsOrigin()
    proxy = Proxy(CONFIG % (more, listen), origin=origin, tls=origin.tls_port,
                  cert=certificate(), start=False, **options)
    proxy.origin = origin
    proxy.argv[1:1] = ["-S", str(proxy.dir / "master.sock")]
    proxy.start()
    proxy.wait_port(proxy.port)
    proxy.wait_workers()
    proxy.wait_running()
    return proxy


def ask(proxy, text):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(proxy.dir / "master.sock"))
        s.sendall(text.encode() + b"\n")
        return b"".join(iter(lambda: s.recv(65536), b"")).decode()


def workers(proxy):
    """{number: (pid, state)}"""
    return {p["worker_index"] + 1: (p["pid"], p["state"])
            for p in proxy.board()["processes"]
            if p["role"] == "worker" and p["state"] != "dead"}


def drain(proxy, number, timeout=30):
    """Until another one serves in its place."""
    before = workers(proxy)[number][0]
    answer = ask(proxy, f"drain worker {number}")
    assert "drains" in answer, answer

    def replaced():
        pid, state = workers(proxy).get(number, (before, ""))
        return pid != before and state == "run"

    wait_until(replaced, timeout, what=f"another worker {number}")


def opened(proxy, source, count, messages, tls=None):
    """So many tunnels that echo, every other one through TLS, all open."""
    tls = [n % 2 for n in range(count)] if tls is None else [tls] * count
    lines = [wsecho.H1Line(proxy.values["port2" if t else "port"],
                           insecure() if t else None,
                           [wsecho.Echo(source, messages)]) for t in tls]

    def all_open():
        for line in lines:
            if not line.open:
                line.step()
        return all(line.open for line in lines)

    wait_until(all_open, 30, 0, "tunnels")
    return lines


class Drainer(threading.Thread):
    """Drains worker 1, 2, 1, ... until stop(), which tells how often."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.proxy, self.count, self.error = proxy, 0, None
        self.ending = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.ending.is_set():
                drain(self.proxy, self.count % 2 + 1)
                self.count += 1
        except Exception as error:
            self.error = error

    def stop(self):
        self.ending.set()
        self.join(60)
        assert not self.is_alive(), "a worker does not end"
        if self.error:
            raise self.error
        return self.count
