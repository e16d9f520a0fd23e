# SPDX-License-Identifier: MIT
"""HTTP/2 servers of all kinds behind connections that change worker: no
handshake more, and bodies arrive as they left."""

import atexit
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from certs import certificates
from wsbtest import (
    Client, Haproxy, Nginx, Program, Proxy, find_program, free_port, get,
    limit, needs, request, slow, wait_until)

GOOD = "ssl verify required ca-file {certs}/ca.crt verifyhost localhost"


def proxy_to(port, words):
    return Proxy("""
backend be
    http-reuse always
    server s1 127.0.0.1:{server} %s
""" % words, server=port, certs=certificates(), workers=4)


def row(proxy):
    return proxy.board()["servers"][0]


def hop(proxy, path="/small", want=b"small", times=24):
    """One after the other, whoever accepts; the connection idles between."""
    for _ in range(times):
        answer = get(proxy.port, path)
        assert (answer.status, answer.body) == (200, want), (
            answer, proxy.log()[-5:])
        wait_until(lambda: row(proxy)["by_state"]["idle"] == 1, 20)


def one_connection(proxy, tag=("h2", "h2ws")):
    seen = row(proxy)
    assert seen["dials"] == 1, seen
    assert any(seen["by_tag"][t].get("idle") for t in tag), seen["by_tag"]


def big(root, size):
    data = os.urandom(1 << 20) * (size >> 20)
    (root / "big").write_bytes(data)
    return data


def nginx_h2(extra=""):
    port = free_port()
    nginx = Nginx(f"""
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {certificates()}/ecdsa.pem;
    ssl_certificate_key {certificates()}/ecdsa.pem;
    client_max_body_size 200m;
    {extra}
    location / {{ }}
    location /put {{ dav_methods PUT; create_full_put_path on; }}
""")
    nginx.wait_port(port)
    nginx.tls_port = port
    os.chmod(nginx.root, 0o777)
    (nginx.root / "small").write_text("small")
    return nginx


def both_ways(proxy, root, size):
    data = big(root, size)
    with Client(proxy.port, timeout=60) as c:
        assert c.get("/big").body == data
    answer = request(proxy.port, "PUT", "/put/big", body=data, timeout=60)
    assert answer.status in (201, 204), answer
    assert hashlib.sha256((root / "put" / "big").read_bytes()).digest() == \
        hashlib.sha256(data).digest()


@limit(90)
def test_nginx():
    nginx = nginx_h2()
    for words in (" alpn h2", " alpn h2,http/1.1",
                  " alpn h2 ssl-max-ver TLSv1.2"):
        proxy = proxy_to(nginx.tls_port, GOOD + words)
        hop(proxy)
        both_ways(proxy, nginx.root, 3 << 20)
        hop(proxy, times=8)
        one_connection(proxy)
        proxy.stop()


@slow
@limit(240)
def test_nginx_100_mb_both_ways():
    nginx = nginx_h2()
    proxy = proxy_to(nginx.tls_port, GOOD + " alpn h2")
    hop(proxy)
    both_ways(proxy, nginx.root, 100 << 20)
    hop(proxy)
    one_connection(proxy)


@limit(90)
def test_nginx_ends_connections_after_some_requests():
    nginx = nginx_h2("keepalive_requests 10;")
    proxy = proxy_to(nginx.tls_port, GOOD + " alpn h2")
    for _ in range(60):
        assert get(proxy.port, "/small").body == b"small", proxy.log()[-5:]
    assert row(proxy)["dials"] >= 5, row(proxy)


@limit(90)
def test_nghttpd():
    needs("nghttpd")
    folder = Path(tempfile.mkdtemp(prefix="wsbtest.nghttpd."))
    atexit.register(shutil.rmtree, folder, True)
    (folder / "small").write_text("small")
    data = big(folder, 3 << 20)
    ends = certificates() / "ecdsa.pem"
    for tls in (True, False):
        port = free_port()
        args = (port, ends, ends) if tls else ("--no-tls", port)
        server = Program([find_program("nghttpd"), "-a", "127.0.0.1",
                          "--trailer", "x-end: yes", "-d", folder,
                          *map(str, args)]).start()
        server.wait_port(port)
        proxy = proxy_to(port, GOOD + " alpn h2" if tls else "proto h2")
        hop(proxy)
        with Client(proxy.port, timeout=60) as c:
            assert c.get("/big").body == data
        hop(proxy, times=8)
        one_connection(proxy)
        proxy.stop()
        server.stop()


NODE = """
const h2 = require("http2"), fs = require("fs"), crypto = require("crypto");
const key = fs.readFileSync(process.argv[3]);
const server = h2.createSecureServer({ cert: key, key });
server.on("stream", (stream, headers) => {
    if (headers[":path"] === "/small") {
        stream.respond({ ":status": 200 });
        stream.end("small");
        return;
    }
    const hash = crypto.createHash("sha256");
    stream.on("data", (d) => hash.update(d));
    stream.on("end", () => {
        stream.respond({ ":status": 200, "content-type": "text/plain" });
        stream.end(hash.digest("hex"));
    });
});
server.listen(+process.argv[2], "127.0.0.1");
"""


@limit(90)
def test_node():
    needs("node")
    port = free_port()
    program = Program([find_program("node"), "h2.js", str(port),
                       str(certificates() / "ecdsa.pem")])
    program.cwd = program.dir
    (program.dir / "h2.js").write_text(NODE)
    program.start().wait_port(port)
    proxy = proxy_to(port, GOOD + " alpn h2")
    hop(proxy)
    data = os.urandom(1 << 20) * 3
    answer = request(proxy.port, "POST", "/hash", body=data, timeout=60)
    assert answer.body.decode() == hashlib.sha256(data).hexdigest(), answer
    hop(proxy, times=8)
    one_connection(proxy)


@limit(90)
def test_haproxy_by_alpn_and_by_prior_knowledge():
    tls, plain = free_port(), free_port()
    haproxy = Haproxy("""
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend f
    bind 127.0.0.1:{port}
    bind 127.0.0.1:%d ssl crt {certs}/ecdsa.pem alpn h2
    bind 127.0.0.1:%d proto h2
    http-request return status 200 content-type text/plain string small
""" % (tls, plain), certs=certificates())
    haproxy.wait_port(tls)
    for port, words in ((tls, GOOD + " alpn h2,http/1.1"),
                        (plain, "proto h2")):
        proxy = proxy_to(port, words)
        hop(proxy)
        one_connection(proxy)
        proxy.stop()
