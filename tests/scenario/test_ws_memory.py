# SPDX-License-Identifier: MIT
"""What an idle WebSocket tunnel costs: proportional user memory of all
processes, the difference that 5,000 make after 100."""

import gc
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from certs import certificates  # noqa: E402
from test_tls_memory import is_plain_build, need_descriptors, \
    settled, tls_port  # noqa: E402
from wsbtest import Client, Origin, Proxy, limit, slow, \
    wait_until  # noqa: E402

FEW, MANY = 100, 5000
CONFIG = """
global
    log stdout format raw local0
    nbproc 1
    maxconn 12000
    stats socket {dir}/board mode 600 level user
defaults
    mode http
    log global
    option httplog
    timeout client 60s
    timeout server 60s
    timeout connect 60s
    timeout tunnel 1h
frontend fe
    bind 127.0.0.1:{port} %s
    default_backend b
backend b
    server s 127.0.0.1:{to} %s
"""


def context():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    tls.set_alpn_protocols(["http/1.1"])
    return tls


def tunnel(port, tls):
    client = Client(port, timeout=60)
    if tls:
        client.socket = tls.wrap_socket(client.socket)
    client.ws_open()
    client.ws_send(b"x" * 125)
    assert client.ws_recv()[1] == b"x" * 125
    return client


def measure(name, front_tls, back_tls, most):
    need_descriptors(MANY + FEW + 1000)
    origin = Origin("--tls-listen", "127.0.0.1:0", nofile=16000)
    proxy = Proxy(
        CONFIG % ("ssl crt {certs}/ecdsa.pem" if front_tls else "",
                  "ssl verify none" if back_tls else ""),
        origin=origin, certs=certificates(), nofile=16000,
        to=tls_port(origin) if back_tls else origin.port)
    tls = context() if front_tls else None
    held = [tunnel(proxy.port, tls) for _ in range(FEW)]
    before = settled(proxy)
    with ThreadPoolExecutor(32) as pool:
        held += pool.map(lambda _: tunnel(proxy.port, tls), range(MANY))
    wait_until(lambda: proxy.board()["servers"][0]["tunnels"] ==
               len(held), 60)
    for _ in range(5):  # what the handshakes took goes back late
        each = (settled(proxy) - before) / MANY
        if each <= most:
            break
        # a little work, after which the heap is looked at again
        for client in held[:20]:
            client.ws_send(b"more")
            assert client.ws_recv()[1] == b"more"
        time.sleep(3)
    print(f"an idle tunnel, {name}: {each:.0f} bytes", file=sys.stderr)
    assert not is_plain_build() or each <= most, f"{each:.0f} bytes"
    for client in held[::10]:
        client.ws_send(b"still")
        assert client.ws_recv()[1] == b"still"
    proxy.stop()
    gc.collect()


@slow
@limit(600)
def test_a_tunnel_ws_to_ws_is_small():
    measure("ws to ws", False, False, 700)


@slow
@limit(600)
def test_a_tunnel_wss_to_ws_is_small():
    measure("wss to ws", True, False, 1100)


@slow
@limit(600)
def test_a_tunnel_wss_to_wss_is_small():
    measure("wss to wss", True, True, 1500)
