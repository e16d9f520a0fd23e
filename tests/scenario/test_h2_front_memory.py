# SPDX-License-Identifier: MIT
"""What an idle HTTP/2 client through TLS costs: proportional user memory of
all processes, the difference that many connections make after a few."""

import gc
import resource
import selectors
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from h2client import (  # noqa: E402
    ACK, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame_bytes,
    literal_block)
from test_h2_front import cert, over_tls  # noqa: E402
from wsbtest import BUILD, Origin, Proxy, limit, skip, slow  # noqa: E402

FEW, MANY = 100, 5000
CONFIG = """
global
    log stdout format raw local0
    nbproc 1
    maxconn 12000
defaults
    mode http
    http-reuse always
    timeout client 600s
    timeout server 600s
    timeout connect 60s
frontend fe
    bind 127.0.0.1:{port} ssl crt %s
    default_backend b
backend b
    server s 127.0.0.1:{origin}
"""
REQUEST = PREFACE + frame_bytes(SETTINGS) + frame_bytes(
    HEADERS, END_HEADERS | END_STREAM, 1, literal_block([
        (":method", "GET"), (":scheme", "https"), (":authority", "x"),
        (":path", "/bytes/5")]))


def pss_bytes(proxy):
    pids = proxy.pids()
    total = 0
    for pid in [pids["master"], *pids["broker"], *pids["workers"]]:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(text.split("\nPss:")[1].split()[0])
    return total * 1024


class Client:
    """Reads what comes, acknowledges each SETTINGS, counts them."""

    def __init__(self, port, context):
        raw = socket.create_connection(("127.0.0.1", port), 60)
        self.tls = context.wrap_socket(raw)
        self.tls.sendall(REQUEST)
        self.data, self.settings, self.ended = b"", 0, False
        while not self.ended:
            self.take()
        self.tls.setblocking(False)

    def take(self):
        part = self.tls.recv(4096)
        assert part, "closed"
        self.data += part
        while len(self.data) >= 9:
            size = int.from_bytes(self.data[:3], "big")
            kind, flags = self.data[3], self.data[4]
            if len(self.data) < 9 + size:
                return
            self.data = self.data[9 + size:]
            if kind == SETTINGS and not flags & ACK:
                self.settings += 1
                self.tls.sendall(frame_bytes(SETTINGS, ACK))
            elif kind == 0 and flags & END_STREAM:
                self.ended = True


def serve(clients, proxy):
    """Until each was asked to give up its table and the memory settles."""
    selector = selectors.DefaultSelector()
    for c in clients:
        selector.register(c.tls, selectors.EVENT_READ, c)
    last, same, look = 0, 0, 0
    end = time.monotonic() + 200
    while same < 4 and time.monotonic() < end:
        for key, _ in selector.select(0.1):
            try:
                key.data.take()
            except ssl.SSLWantReadError:
                pass
        if time.monotonic() < look:
            continue
        look = time.monotonic() + 0.7
        now = pss_bytes(proxy)
        quiet = abs(now - last) < 65536 and all(
            c.settings == 2 for c in clients)
        same, last = same + 1 if quiet else 0, now
    selector.close()
    assert same == 4, "it does not settle"
    return last


@slow
@limit(600)
def test_an_idle_client_connection_is_small():
    need = MANY + FEW + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < need:
        skip(f"{need} descriptors are not allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), hard))
    proxy = Proxy(CONFIG % cert(), origin=Origin(), nofile=16000)
    context = over_tls(proxy)
    held = [Client(proxy.port, context) for _ in range(FEW)]
    before = serve(held, proxy)
    with ThreadPoolExecutor(64) as many:
        held += many.map(lambda _: Client(proxy.port, context), range(MANY))
    each = (serve(held, proxy) - before) / MANY
    print(f"an idle HTTP/2 client through TLS: {each:.0f} bytes",
          file=sys.stderr)
    if b"__asan_init" not in (BUILD / "wsbroker").read_bytes():
        assert each <= 2048, f"{each:.0f} bytes"
    proxy.kill()
    gc.collect()
