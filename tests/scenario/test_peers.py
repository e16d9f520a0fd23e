# SPDX-License-Identifier: MIT
"""Real clients and servers, through one worker and through four."""

import hashlib
import os
import re

from wsbtest import (Apache, Client, Haproxy, Nginx, Origin, Proxy, curl, get,
                     limit, needs, request, run, ws_echo)

TO = """
backend be
    http-reuse always
    server s1 127.0.0.1:{server}
"""


def each(test):
    """Run with 1 and with 4 workers."""
    for workers in (1, 4):
        test(workers)


def test_curl():
    origin = Origin()

    def with_workers(workers):
        proxy = Proxy(TO, server=origin.port, workers=workers)
        url = f"http://127.0.0.1:{proxy.port}"
        assert curl(f"{url}/bytes/5", f"{url}/bytes/6").returncode == 0
        done = curl("-X", "POST", "--data-binary", "@-", f"{url}/echo")
        assert done.returncode == 0
        body = "x" * 100000
        path = proxy.dir / "body"
        path.write_text(body)
        done = curl("--data-binary", f"@{path}", f"{url}/echo")
        assert done.stdout == body
        done = curl("-H", "Transfer-Encoding: chunked", "--data-binary",
                    f"@{path}", f"{url}/echo")
        assert done.stdout == body
        done = curl("-H", "Expect: 100-continue", "--data-binary",
                    f"@{path}", f"{url}/hash")
        assert hashlib.sha256(body.encode()).hexdigest() in done.stdout
        done = curl("-I", f"{url}/bytes/12345")
        assert "content-length: 12345" in done.stdout.lower()
        done = curl("--http1.0", f"{url}/chunked/1000", "-w", "%{size_download}")
        assert done.stdout.endswith("1000")
        assert curl("-f", f"{url}/status/404").returncode == 22

    each(with_workers)


def test_wrk():
    needs("wrk")
    origin = Origin()

    def with_workers(workers):
        proxy = Proxy(TO, server=origin.port, workers=workers)
        done = run(["wrk", "-t1", "-c32", "-d2s",
                    f"http://127.0.0.1:{proxy.port}/bytes/128"])
        assert done.returncode == 0
        assert "Socket errors" not in done.stdout, done.stdout
        assert "Non-2xx" not in done.stdout, done.stdout
        assert int(re.search(r"(\d+) requests in", done.stdout)[1]) > 1000

    each(with_workers)


def test_pipelined_requests_of_a_raw_socket():
    origin = Origin()

    def with_workers(workers):
        proxy = Proxy(TO, server=origin.port, workers=workers)
        with Client(proxy.port) as c:
            c.send("".join(
                f"GET /bytes/{n} HTTP/1.1\r\nHost: x\r\n\r\n"
                for n in range(1, 101)))
            for n in range(1, 101):
                assert len(c.read_response().body) == n

    each(with_workers)


def test_nginx_as_server():
    nginx = Nginx()
    (nginx.root / "file").write_bytes(os.urandom(300000))
    other = Nginx("root {}; try_files $uri =404;".format(nginx.root))

    def with_workers(workers):
        proxy = Proxy(TO, server=other.port, workers=workers)
        for _ in range(20):
            body = get(proxy.port, "/file").body
            assert body == (nginx.root / "file").read_bytes()
        assert get(proxy.port, "/nothing").status == 404
        assert request(proxy.port, "HEAD", "/file").status == 200

    each(with_workers)


def test_apache_as_server():
    apache = Apache()
    data = os.urandom(300000)
    (apache.root / "file").write_bytes(data)

    def with_workers(workers):
        proxy = Proxy(TO, server=apache.port, workers=workers)
        with Client(proxy.port) as c:
            for _ in range(20):
                assert c.get("/file").body == data
            assert c.get("/nothing").status == 404
            ranged = c.get("/file", [("Range", "bytes=10-19")])
            assert ranged.status == 206 and ranged.body == data[10:20]

    each(with_workers)


def test_haproxy_behind_and_before():
    origin = Origin()
    behind = Haproxy("""
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen l
    bind 127.0.0.1:{port}
    server s 127.0.0.1:{to}
""", to=origin.port)
    proxy = Proxy(TO, server=behind.port, workers=2)
    before = Haproxy("""
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen l
    bind 127.0.0.1:{port}
    server s 127.0.0.1:{to}
""", to=proxy.port)
    for n in (0, 1, 100000):
        assert len(get(before.port, f"/bytes/{n}").body) == n


def test_websocket_passes_as_a_tunnel():
    origin = Origin()

    def with_workers(workers):
        proxy = Proxy(TO, server=origin.port, workers=workers)
        assert ws_echo(proxy.port, b"hello there") == b"hello there"
        for size in (0, 125, 126, 65535, 65536, 1 << 20):
            data = os.urandom(size)
            assert ws_echo(proxy.port, data) == data

    each(with_workers)


@limit(120)
def test_a_gibibyte_in_constant_memory():
    origin = Origin()
    proxy = Proxy(TO, server=origin.port)
    worker = proxy.pids()["workers"][0]

    def resident_kb():
        with open(f"/proc/{worker}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

    get(proxy.port, "/bytes/1000000")
    before = resident_kb()
    url = f"http://127.0.0.1:{proxy.port}"
    done = curl("-o", "/dev/null", "-w", "%{size_download}",
                f"{url}/bytes/1073741824", timeout=60)
    assert done.stdout == "1073741824", done.stderr
    done = curl("-o", "/dev/null", "-w", "%{size_download}",
                f"{url}/chunked/1073741824", timeout=60)
    assert done.stdout == "1073741824", done.stderr
    path = proxy.dir / "big"
    with open(path, "wb") as f:
        f.truncate(1 << 30)
    done = curl("-X", "POST", "-T", str(path), f"{url}/hash", timeout=100)
    assert len(done.stdout.strip()) == 64, done.stderr
    grown = resident_kb() - before
    assert grown < 4096, f"{grown} kB more than before"
