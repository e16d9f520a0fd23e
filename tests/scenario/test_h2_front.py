# SPDX-License-Identifier: MIT
"""Clients that speak HTTP/2."""

import socket
import ssl
import struct
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import certs  # noqa: E402
from h2client import (  # noqa: E402
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
    GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, NO_ERROR,
    PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS, H2Client,
    literal_block, settings_payload)
from wsbclient import Client  # noqa: E402
from wsbtest import (  # noqa: E402
    Origin, Proxy, curl, find_program, get, needs, run, slow, wait_until)

CONFIG = """
frontend fe
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt %s
    bind 127.0.0.1:{port3} proto h2
    bind 127.0.0.1:{port4} proto h1
    http-request set-header X-Seen "%%[req.ver] %%[hdr(host)] %%[ssl_fc_alpn]"
    default_backend b
backend b
    http-reuse always
    server s 127.0.0.1:{origin}
"""
_dir = []


def cert():
    if not _dir:
        _dir.append(Path(tempfile.mkdtemp(prefix="wsb-certs-")))
        certs.make(_dir[0])
    return _dir[0] / "ecdsa.pem"


def start(config=CONFIG, workers=1, **values):
    if "%s" in config:
        config = config % cert()
    origin = Origin()
    return Proxy(config, origin=origin, workers=workers, **values)


def over_tls(proxy, protocols=("h2", "http/1.1")):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context


def test_all_ways_to_begin():
    proxy = start()
    v = proxy.values
    for url in (f"http://127.0.0.1:{v['port']}", f"http://127.0.0.1:{v['port3']}",
                f"https://127.0.0.1:{v['port2']}"):
        r = curl("-k", "--http2-prior-knowledge", "-w", " %{http_version}",
                 f"{url}/bytes/5")
        assert r.stdout == "01234 2", r
        r = curl("-k", "--http2-prior-knowledge", "-d", "hello", "-w",
                 " %{http_code}", f"{url}/echo")
        assert r.stdout == "hello 200", r
    # by ALPN, and what the others get on the same port
    url = f"https://127.0.0.1:{v['port2']}/bytes/5"
    for option, version in ("--http2", "2"), ("--http1.1", "1.1"), (
            "--no-alpn", "1.1"):
        r = curl("-k", option, "-w", " %{http_version}", url)
        assert r.stdout == f"01234 {version}", (option, r)
    assert get(proxy.port, "/bytes/5").body == b"01234"
    line = proxy.wait_log('"GET https://.*/bytes/5 HTTP/2.0"')
    assert " 200 5 - - ---- " in line, line


def test_the_preface_may_come_in_pieces():
    proxy = start()
    for cut in 1, 3, 4, 18, 23:
        with socket.create_connection(("127.0.0.1", proxy.port), 10) as s:
            s.sendall(PREFACE[:cut])
            time.sleep(0.05)
            s.sendall(PREFACE[cut:] + b"\0\0\0\x04\0\0\0\0\0")
            assert s.recv(9)[3] == SETTINGS
    # no such thing where HTTP/1 alone is spoken
    with socket.create_connection(
            ("127.0.0.1", proxy.values["port4"]), 10) as s:
        s.sendall(PREFACE)
        assert s.recv(65536).startswith(b"HTTP/1.1 405 ")
    # and nothing else where HTTP/2 alone is
    with socket.create_connection(
            ("127.0.0.1", proxy.values["port3"]), 10) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not s.recv(65536).startswith(b"HTTP/1")


def test_many_streams_of_many_clients():
    needs("h2load")
    proxy = start()
    for port in proxy.port, proxy.values["port2"]:
        scheme = "https" if port != proxy.port else "http"
        for path, n in ("128", 4000), ("100000", 1000):
            r = run(["h2load", "-c", "16", "-m", "50", "-n", n,
                     f"{scheme}://127.0.0.1:{port}/bytes/{path}"], 120)
            assert f"{n} succeeded, 0 failed" in r.stdout, r.stdout

