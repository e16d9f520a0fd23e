# SPDX-License-Identifier: MIT
"""What goes through a tunnel is what was sent: random sizes, fragments, both
directions at once, slow readers, in all four bridges, plain and through TLS."""

import random

import wsecho
from wsborigin import TlsOrigin
from wsbridge import certificate, insecure
from wsbtest import Proxy, limit, slow

CONFIG = """
defaults
    mode http
    log global
    http-reuse always
    timeout client 60s
    timeout server 60s
    timeout connect 10s
global
    stats socket {dir}/admin.sock level admin
    log stderr format raw local0
    nbproc 2
listen h1
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt {cert}
    server plain 127.0.0.1:{origin}
    server tls 127.0.0.1:{tls} ssl verify none alpn http/1.1
listen h2
    bind 127.0.0.1:{port3}
    bind 127.0.0.1:{port4} ssl crt {cert}
    server plain 127.0.0.1:{origin} proto h2
    server tls 127.0.0.1:{tls} ssl verify none alpn h2
"""
STREAMS = 5     # of an HTTP/2 client


def line(proxy, server, client, tls, echoes):
    port = proxy.values[{("h1", False): "port", ("h1", True): "port2",
                         ("h2", False): "port3", ("h2", True): "port4"}[
                             server, tls]]
    kind = wsecho.H1Line if client == "h1" else wsecho.H2Line
    return kind(port, insecure() if tls else None, echoes)


def echo(tunnels, messages, at_once=50):
    """tunnels over all bridges alike, so many of them at a time."""
    origin = TlsOrigin()
    proxy = Proxy(CONFIG, origin=origin, tls=origin.tls_port,
                  cert=certificate())
    seed = random.randrange(1 << 32)
    source = random.Random(seed)
    todo = [(server, client, tls) for server in ("h1", "h2")
            for client in ("h1", "h2") for tls in (False, True)]
    done, turn, seen = 0, 0, 0
    try:
        while done < tunnels:
            lines, count = [], 0
            while count < at_once and done + count < tunnels:
                way, turn = todo[turn % len(todo)], turn + 1
                n = min(STREAMS, tunnels - done - count)
                new = [wsecho.Echo(source, messages) for _ in range(n)]
                groups = [new] if way[1] == "h2" else [[e] for e in new]
                lines += [line(proxy, *way, echoes) for echoes in groups]
                count += n
            wsecho.run(lines)
            seen += sum(e.bytes for ln in lines for e in ln.echoes)
            done += count
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, {way}: {error}") from error
    assert origin.stats()["websockets"] == done
    return seen


@limit(180)
def test_every_byte_comes_back():
    assert echo(80, 3) > 1_000_000


@slow
@limit(600)
def test_every_byte_of_500_tunnels_comes_back():
    assert echo(500, 8) > 100_000_000
