# SPDX-License-Identifier: MIT
"""Clients that speak TLS."""

import hashlib
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import certs  # noqa: E402
from wsbtest import Origin, Proxy, curl, needs, wait_until  # noqa: E402

CONFIG = """
frontend fe
    bind 127.0.0.1:{port} ssl crt %s
    http-response set-header X-Fc "%%[ssl_fc] %%[ssl_fc_alpn] %%[ssl_fc_sni]"
    default_backend b
backend b
    http-reuse always
    server s 127.0.0.1:{origin}
"""


def start(cert="ecdsa", workers=1):
    d = Path(tempfile.mkdtemp(prefix="wsb-certs-"))
    certs.make(d)
    origin = Origin()
    return Proxy(CONFIG % (d / f"{cert}.pem"), origin=origin,
                 workers=workers), d


def connect(proxy, version=None, sni="localhost", session=None, context=None):
    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    if version:
        context.minimum_version = context.maximum_version = version
    raw = socket.create_connection(("127.0.0.1", proxy.port), 10)
    return context.wrap_socket(raw, server_hostname=sni, session=session)


def ask(tls, path="/bytes/5", more=b""):
    tls.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() + more)


def answers(tls, count):
    text = b""
    while text.count(b"HTTP/1.1 200 OK") < count or \
            not text.endswith(b"01234"):
        part = tls.recv(65536)
        assert part, text
        text += part
    return text


def test_fetches_tell_of_the_handshake():
    proxy, _ = start()
    with connect(proxy) as tls:
        ask(tls)
        assert b"X-Fc: 1 http/1.1 localhost" in answers(tls, 1)


def test_kept_and_pipelined_requests():
    proxy, _ = start("rsa")
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        with connect(proxy, version) as tls:
            for _ in range(3):
                ask(tls)
                answers(tls, 1)
            request = b"GET /bytes/5 HTTP/1.1\r\nHost: x\r\n\r\n"
            tls.sendall(request * 20)
            assert answers(tls, 20).count(b"01234") == 20


def test_the_end_is_announced():
    proxy, _ = start()
    with connect(proxy) as tls:
        tls.sendall(b"GET /bytes/5 HTTP/1.1\r\nHost: x\r\n"
                    b"Connection: close\r\n\r\n")
        answers(tls, 1)
        assert tls.recv(1) == b""  # SSLEOFError if cut


def test_large_bodies_both_ways():
    needs("curl")
    proxy, d = start()
    body = d / "body"
    body.write_bytes(hashlib.shake_256(b"x").digest(30_000_000))
    for options in (["--tls-max", "1.2"], ["--tlsv1.3"]):
        curl("-k", *options, "-H", "Expect:", "--data-binary", f"@{body}",
             "-o", str(d / "out"), f"https://127.0.0.1:{proxy.port}/echo")
        assert (d / "out").read_bytes() == body.read_bytes()


def test_three_aeads():
    needs("curl")
    proxy, _ = start()
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                  "TLS_CHACHA20_POLY1305_SHA256"):
        done = curl("-sk", "--tls13-ciphers", suite,
                    f"https://127.0.0.1:{proxy.port}/bytes/5")
        text = getattr(done, "stdout", done)
        assert "01234" in (text.decode() if isinstance(text, bytes) else text)


def test_key_update_is_followed():
    needs("openssl")
    proxy, _ = start()
    p = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    os.set_blocking(p.stdout.fileno(), False)
    out = b""

    def said(what, times=1):
        """Commands must come alone, or they are sent as data."""
        def seen():
            nonlocal out
            out += p.stdout.read() or b""
            return out.count(what) == times

        wait_until(seen, 20, what=f"{what} in {out[-800:]}")

    request = b"GET /bytes/5 HTTP/1.1\r\nHost: x\r\n\r\n"
    said(b"Verify return code:")
    for line, what, times in (
            (request, b"200 OK", 1), (b"K\n", b"KEYUPDATE", 1),
            (request, b"200 OK", 2)):
        p.stdin.write(line)
        p.stdin.flush()
        said(what, times)
    p.stdin.close()
    p.wait(20)


def test_resumed_on_any_worker():
    proxy, _ = start(workers=4)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    session = None
    resumed = 0
    for _ in range(12):
        with connect(proxy, ssl.TLSVersion.TLSv1_2, session=session,
                     context=context) as tls:
            ask(tls)
            answers(tls, 1)
            resumed += tls.session_reused
            session = session or tls.session
    assert resumed == 11, resumed


def test_plain_http_gets_an_alert():
    proxy, _ = start()
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as raw:
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert raw.recv(100)[:1] == b"\x15"
        assert raw.recv(100) == b""
    proxy.wait_log("fe/1: SSL handshake failure")


def client_hello():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(inward, outward).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outward.read()


def test_many_handshakes_beside_steady_traffic():
    """A request passes handshakes that were begun before it."""
    proxy, _ = start()
    steady = connect(proxy)
    hello = client_hello()
    passed = False
    for _ in range(5):
        raws = [socket.create_connection(("127.0.0.1", proxy.port), 5)
                for _ in range(300)]
        for raw in raws:
            raw.sendall(hello)
        ask(steady)
        answers(steady, 1)
        done, _, _ = select.select(raws, [], [], 0)
        passed |= len(done) < len(raws)
        for raw in raws:
            assert raw.recv(5)[:1] == b"\x16"
            raw.close()
    assert passed, "each time it waited for all handshakes"
