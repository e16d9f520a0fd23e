# SPDX-License-Identifier: MIT
"""What an idle TLS connection costs: proportional user memory of all
processes, the difference that many connections make after a few."""

import gc
import re
import resource
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from certs import certificates  # noqa: E402
from wsbtest import BUILD, Origin, Proxy, get, limit, skip, slow, \
    wait_until  # noqa: E402

FEW, MANY = 100, 5000
FRONT = """
global
    log stdout format raw local0
    nbproc 1
    maxconn 12000
    stats socket {dir}/board mode 600 level user
defaults
    mode http
    timeout client 600s
    timeout server 600s
    timeout connect 60s
frontend fe
    bind 127.0.0.1:{port} ssl crt {certs}/ecdsa.pem
    default_backend b
backend b
    http-reuse always
    server s 127.0.0.1:{origin}
"""
BACK = """
global
    log stdout format raw local0
    nbproc 1
    stats socket {dir}/board mode 600 level user
defaults
    mode http
    timeout client 600s
    timeout server 600s
    timeout connect 60s
frontend fe
    bind 127.0.0.1:{port}
    default_backend b
backend b
    http-reuse always
    server s 127.0.0.1:{tls} ssl verify none pool-prewarm %d
"""


def is_plain_build():
    return b"__asan_init" not in (BUILD / "wsbroker").read_bytes()


def pss_bytes(proxy):
    pids = proxy.pids()
    total = 0
    for pid in [pids["master"], *pids["broker"], *pids["workers"]]:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(text.split("\nPss:")[1].split()[0])
    return total * 1024


def settled(proxy):
    """Once it stays within a few pages: buffers of a burst go back late."""
    last, same = 0, 0
    for _ in range(60):
        now = pss_bytes(proxy)
        same = same + 1 if abs(now - last) < 65536 else 0
        last = now
        if same == 4:
            break
        time.sleep(0.5)
    return last


def need_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        skip(f"{count} descriptors are not allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def client(port, context):
    raw = socket.create_connection(("127.0.0.1", port), 60)
    tls = context.wrap_socket(raw)
    tls.sendall(b"GET /bytes/5 HTTP/1.1\r\nHost: x\r\n\r\n")
    text = b""
    while not text.endswith(b"01234"):
        part = tls.recv(4096)
        assert part, text
        text += part
    return tls


@slow
@limit(600)
def test_an_idle_client_connection_is_small():
    need_descriptors(MANY + FEW + 1000)
    proxy = Proxy(FRONT, origin=Origin(), certs=certificates(),
                  nofile=16000)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    held = [client(proxy.port, context) for _ in range(FEW)]
    before = settled(proxy)
    with ThreadPoolExecutor(64) as many:  # as after a restart elsewhere
        held += many.map(lambda _: client(proxy.port, context), range(MANY))
    each = (settled(proxy) - before) / MANY
    print(f"an idle TLS client connection: {each:.0f} bytes",
          file=sys.stderr)
    assert len(held) == FEW + MANY
    assert not is_plain_build() or each <= 2048, f"{each:.0f} bytes"
    proxy.process.kill()
    proxy.wait()
    gc.collect()


def tls_port(origin):
    return int(wait_until(lambda: re.search(
        r"\(tls\) on \S+:(\d+)", origin.stdout()), 30)[1])


@slow
@limit(600)
def test_an_idle_server_connection_is_small():
    need_descriptors(1000)
    origin = Origin("--tls-listen", "127.0.0.1:0", nofile=16000)

    def measure(count):
        proxy = Proxy(BACK % count, origin=origin, tls=tls_port(origin),certs=certificates(),
                      nofile=16000, check=False)
        get(proxy.port, "/bytes/5", timeout=60)
        wait_until(lambda: proxy.board()["servers"][0]["slot_count"] >= count, 200)
        used = settled(proxy)
        proxy.stop()
        return used

    each = (measure(MANY + FEW) - measure(FEW)) / MANY
    print(f"an idle pooled TLS connection: {each:.0f} bytes",
          file=sys.stderr)
    assert not is_plain_build() or each <= 1024, f"{each:.0f} bytes"
