# SPDX-License-Identifier: MIT
"""maxsslconn and maxsslrate, over all workers."""

import re
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_ssl_cert import ask, connect, exchange  # noqa: E402
from certs import certificates  # noqa: E402
from wsbtest import Origin, Proxy, get, wait_until  # noqa: E402

CONFIG = """
global
    log stdout format raw local0
    nbproc {workers}
    %s
    stats socket {dir}/cli level admin
    stats socket {dir}/board mode 600 level user
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend fe
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt {certs}/ecdsa.pem
    default_backend b
backend b
    server s 127.0.0.1:{origin}
"""


def start(words, workers=4):
    proxy = Proxy(CONFIG % words, workers=workers, origin=Origin(),
                  certs=certificates())
    proxy.tls_port = proxy.values["port2"]
    return proxy


def ticks(proxy):
    """CPU used by the workers, in clock ticks."""
    total = 0
    for pid in proxy.pids()["workers"]:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()
        total += int(fields[11]) + int(fields[12])
    return total


def info(proxy, name):
    return int(re.search(rf"^{name}: (\d+)$", ask(proxy, "show info\n"),
                         re.M)[1])


def test_maxsslconn_is_over_all_workers():
    proxy = start("maxsslconn 6")
    held = [connect(proxy.tls_port) for _ in range(6)]
    for tls in held:
        exchange(tls)
    assert info(proxy, "CurrSslConns") == info(proxy, "MaxSslConns") == 6
    late, threads = [], []

    def one_more():
        with connect(proxy.tls_port) as tls:
            exchange(tls)
            late.append(tls)

    for _ in range(4):
        threads.append(threading.Thread(target=one_more))
        threads[-1].start()
    before = ticks(proxy)
    time.sleep(2)
    assert not late
    assert ticks(proxy) - before < 100, "waiting must cost nothing"
    assert get(proxy.port, "/bytes/5").status == 200, "plain ones are not held"
    for tls in held:
        tls.close()
    for thread in threads:
        thread.join(50)
    assert len(late) == 4
    wait_until(lambda: info(proxy, "CurrSslConns") == 0, 30)
    assert info(proxy, "CumSslConns") == 10


def test_maxsslrate_is_over_all_workers():
    proxy = start("maxsslrate 5")
    begin = time.monotonic()
    done = []

    def one():
        with connect(proxy.tls_port) as tls:
            exchange(tls)
            done.append(time.monotonic() - begin)

    threads = [threading.Thread(target=one) for _ in range(20)]
    before = ticks(proxy)
    for thread in threads:
        thread.start()
    assert get(proxy.port, "/bytes/5").status == 200
    for thread in threads:
        thread.join(50)
    assert len(done) == 20
    assert ticks(proxy) - before < 150
    # 5 at once, then 5 a second
    assert max(done) > 2, sorted(done)
    assert info(proxy, "SslRateLimit") == 5


def test_failed_accepts_and_handshakes_give_their_place_back():
    proxy = start("maxsslconn 3", workers=2)
    for _ in range(4):
        raw = [socket.create_connection(("127.0.0.1", proxy.tls_port), 30)
               for _ in range(3)]
        for s in raw:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert s.recv(100)[:1] in (b"\x15", b""), "an alert"
            s.close()
    with connect(proxy.tls_port) as tls:
        exchange(tls)
        wait_until(lambda: info(proxy, "CurrSslConns") == 1, 30)
