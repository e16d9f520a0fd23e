# SPDX-License-Identifier: MIT
"""The demo origin by itself: the other scenarios rely on it."""

import hashlib
import os
import shutil
import socket
import ssl
import tempfile
import time
from pathlib import Path

from wsborigin import TLS12, TLS13, TlsOrigin
from wsbtest import Client, Origin, curl, get, load, request, run, \
    wait_until, ws_echo, BUILD


def test_counts_connections_and_requests():
    origin = Origin()
    with Client(origin.port) as client:
        for _ in range(3):
            assert client.get("/bytes/10").body == b"0123456789"
        stats = origin.stats()
    assert (stats["accepted"], stats["requests"]) == (1, 3), stats
    assert (stats["open"], stats["concurrent"]) == (1, 0), stats
    origin.reset()
    assert origin.stats()["requests"] == 0


def test_counts_requests_in_flight():
    origin = Origin()
    result = load(origin.port, "/delay/2000", clients=7, seconds=1.5)
    assert result.requests == 7, result
    assert origin.stats()["peak_concurrent"] == 7
    client = Client(origin.port)
    client.send_request(path="/delay/60000")
    wait_until(lambda: origin.stats()["concurrent"] == 1)
    client.close()
    wait_until(lambda: origin.stats()["concurrent"] == 0)
    assert origin.stats()["aborted"] == 1


def test_bodies_in_every_framing():
    origin = Origin()
    body = os.urandom(300000)
    digest = hashlib.sha256(body).hexdigest().encode() + b"\n"
    assert request(origin.port, "POST", "/hash", body=body).body == digest
    assert request(origin.port, "POST", "/echo", body=body).body == body
    chunked = b"%x\r\n%s\r\n0\r\nX-T: 1\r\n\r\n" % (len(body), body)
    for path, want in ("/hash", digest), ("/echo", body):
        got = request(origin.port, "POST", path,
                      [("Transfer-Encoding", "chunked")], chunked)
        assert got.body == want, path
    got = get(origin.port, "/chunked/100000")
    assert got.body == get(origin.port, "/bytes/100000").body
    assert got.trailers == [("x-origin-trailer", "end")]
    assert get(origin.port, "/bytes/50?nolen").body == got.body[:50]


def test_pipelined_requests_are_answered_in_order():
    origin = Origin()
    with Client(origin.port) as client:
        for n in range(20):
            client.send_request(path=f"/bytes/{n}?delay={n % 2}")
        for n in range(20):
            assert len(client.read_response().body) == n


def test_refuses_ambiguous_requests():
    origin = Origin()
    bad = [
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\n folded\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET /\r\n\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ]
    for text in bad:
        with Client(origin.port) as client:
            client.send(text)
            assert b"400" in client.read_all(), text
    assert origin.stats()["bad"] == len(bad)


def test_misbehaves_when_told():
    origin = Origin("--idle-close", "500", "--close-after", "2")
    with Client(origin.port) as client:
        client.get("/conn")
        assert client.is_closed()
    with Client(origin.port) as client:
        client.get("/conn")
        assert client.get("/conn").header("connection") is None
        assert client.is_closed()
    with Client(origin.port) as client:
        client.send_request(path="/abort/10")
        assert client.read_all().endswith(b"\r\n\r\n0123456789")


def test_echoes_websocket_messages():
    origin = Origin()
    for size in 0, 1, 125, 126, 65535, 65536, 1000000:
        data = os.urandom(size)
        assert ws_echo(origin.port, data) == data, size
    assert origin.stats()["websockets"] == 7
    assert get(origin.port, "/ws").status == 426
    with Client(origin.port) as client:
        client.ws_open()
        client.ws_send(b"x", opcode=9)
        assert client.ws_recv() == (10, b"x")
        client.ws_send(b"\x03\xe8", opcode=8)
        assert client.ws_recv() == (8, b"\x03\xe8")
        assert client.is_closed()


def test_probes_itself():
    origin = Origin()
    program = BUILD / "wsbroker-origin"
    url = f"http://127.0.0.1:{origin.port}"
    assert run([program, "--probe", url]).returncode == 0
    assert run([program, "--ws-probe", url + "/ws", "hi"]).returncode == 0
    assert run([program, "--probe", url + "/status/500"]).returncode == 1
    assert run([program, "--ws-probe", url + "/ws?badaccept",
                "hi"]).returncode == 1


def test_tls_carries_what_plain_does():
    for kind in "ecdsa", "rsa":
        origin = TlsOrigin("--tls-key", kind)
        body = os.urandom(10 << 20)
        digest = hashlib.sha256(body).hexdigest().encode() + b"\n"
        plain = get(origin.port, f"/bytes/{10 << 20}").body
        for version in TLS12, TLS13:
            with origin.client(version) as client:
                client.send_request("POST", "/hash", body=body)
                assert client.read_response().body == digest
                assert client.get(f"/bytes/{10 << 20}").body == plain
                client.send_request("POST", "/echo", body=body[:1 << 16])
                assert client.read_response().body == body[:1 << 16]
                got = client.get("/chunked/100000")
                assert got.body == plain[:100000]
                assert got.trailers == [("x-origin-trailer", "end")]
        tls = origin.tls()
        assert (tls["full"], tls["failed"]) == (2, 0), tls
        assert tls["versions"] == {"TLSv1.2": 1, "TLSv1.3": 1}, tls
        assert tls["sni"] == "localhost" and tls["alpn"] == {"none": 2}, tls


def test_tls_answers_pipelined_requests_in_order():
    origin = TlsOrigin()
    for version in TLS12, TLS13:
        with origin.client(version) as client:
            client.send("".join(
                f"GET /bytes/{n}?delay={n % 2} HTTP/1.1\r\nHost: x\r\n"
                f"X: {'y' * 100 * n}\r\n\r\n" for n in range(40)))
            for n in range(40):
                assert len(client.read_response().body) == n
    assert origin.stats()["requests"] == 80


def test_tls_echoes_websocket_messages():
    origin = TlsOrigin()
    for version in TLS12, TLS13:
        with origin.client(version) as client:
            client.ws_open()
            for size in 0, 1, 126, 65536, 300000:
                data = os.urandom(size)
                client.ws_send(data, opcode=2)
                assert client.ws_recv() == (2, data), size


def test_tls_counts_full_and_resumed_handshakes():
    origin = TlsOrigin()
    for version in TLS12, TLS13:
        origin.reset()
        context = origin.context(version)
        with origin.client(context=context) as client:
            client.get("/conn")
            session = client.socket.session
        with origin.client(context=context, session=session) as client:
            client.get("/conn")
            assert client.socket.session_reused
        tls = origin.tls()
        assert (tls["full"], tls["resumed"]) == (1, 1), tls
    origin = TlsOrigin("--tls-tickets", "0")
    for version in TLS12, TLS13:
        context = origin.context(version)
        session = None
        for _ in range(2):
            with origin.client(context=context, session=session) as client:
                client.get("/conn")
                session = client.socket.session
    tls = origin.tls()
    assert (tls["full"], tls["resumed"]) == (4, 0), tls


def test_tls_negotiates_what_it_was_told():
    origin = TlsOrigin("--alpn", "http/1.1,http/1.0", "--tls-max", "1.2",
                       "--tls-ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256",
                       "--tls-name", "one.test", "--tls-name", "127.0.0.9")
    for offer, want in ((("http/1.0", "http/1.1"), "http/1.1"),
                        (("h2",), None), ((), None)):
        with origin.client(alpn=offer) as client:
            client.get("/conn")
            assert client.socket.selected_alpn_protocol() == want, offer
            assert client.socket.version() == "TLSv1.2"
            names = client.socket.getpeercert()["subjectAltName"]
            assert ("DNS", "one.test") in names, names
            assert ("IP Address", "127.0.0.9") in names, names
    tls = origin.tls()
    assert tls["alpn"] == {"http/1.1": 1, "none": 2}, tls
    assert tls["ciphers"] == {"ECDHE-ECDSA-AES128-GCM-SHA256": 3}, tls
    try:
        origin.client(TLS13)
        assert False, "TLS 1.3"
    except ssl.SSLError:
        pass
    tls = origin.tls()
    assert tls["failed"] == 1 and "protocol" in tls["last_error"], tls
    origin = TlsOrigin("--tls-min", "1.3", "--tls-ciphersuites",
                       "TLS_CHACHA20_POLY1305_SHA256")
    with origin.client() as client:
        client.get("/conn")
    assert origin.tls()["ciphers"] == {"TLS_CHACHA20_POLY1305_SHA256": 1}


def test_tls_takes_a_certificate_from_a_file():
    folder = Path(tempfile.mkdtemp(prefix="wsbtest.origin."))
    try:
        made = run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-keyout", folder / "key", "-out", folder / "crt",
                    "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"])
        assert made.returncode == 0, made.stderr
        both = folder / "both.pem"
        both.write_bytes((folder / "crt").read_bytes() +
                         (folder / "key").read_bytes())
        origin = TlsOrigin("--tls-cert", both)
        with origin.client() as client:
            assert client.get("/conn").status == 200
        program = BUILD / "wsbroker-origin"
        for words in (["--tls-cert", folder / "key"],
                      ["--tls-cert", folder / "no such"],
                      ["--tls-key", "dsa"], ["--tls-min", "1.1"],
                      ["--tls-min", "1.3", "--tls-max", "1.2"],
                      ["--alpn", "a,,b"], ["--tls-ciphers", "none such"],
                      ["--tls-ciphersuites", "none such"],
                      ["--tls-name", "a,email:b"],
                      ["--dump-cert", folder / "no" / "such"]):
            done = run([program, "--tls-listen", "127.0.0.1:0", *words])
            assert done.returncode == 1, words
            assert "wsbroker-origin: " in done.stderr, done.stderr
    finally:
        shutil.rmtree(folder, True)


def test_tls_updates_keys():
    origin = TlsOrigin()
    with origin.client(TLS13) as client:
        for n in range(1, 4):
            assert client.get("/keyupdate").body == b"key update\n"
            assert client.get(
                "/keyupdate?request=1").body == b"key update\n"
            assert len(client.get("/bytes/100000").body) == 100000
    tls = origin.tls()
    assert tls["key_updates_sent"] == 6, tls
    assert tls["key_updates_received"] == 3, tls
    with origin.client(TLS12) as client:
        assert client.get("/keyupdate").body == b"no key update\n"
    assert get(origin.port, "/keyupdate").body == b"no key update\n"


def ends_clean(client):
    """Whether a close_notify ends what the server sends."""
    try:
        while client.socket.recv(65536):
            pass
        return True
    except ssl.SSLError as error:
        assert "EOF" in str(error), error
        return False


def test_tls_ends_with_close_notify_unless_told():
    origin = TlsOrigin("--idle-close", "1000")
    for version in TLS12, TLS13:
        for path, want in (("/close", True), ("/conn", True),
                           ("/conn?unclean", False),
                           ("/close?unclean", False)):
            with origin.client(version) as client:
                client.get(path)
                assert ends_clean(client) == want, path
    origin = TlsOrigin("--tls-close-unclean")
    with origin.client() as client:
        client.get("/close")
        assert not ends_clean(client)
    wait_until(lambda: origin.stats()["open"] == 0)


def test_tls_refuses_garbage():
    origin = TlsOrigin()
    for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(1000),
                 b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"):
        with Client(origin.tls_port) as client:
            client.send(data)
            client.shutdown()
            client.read_all()
    wait_until(lambda: origin.stats()["open"] == 0)
    assert origin.tls()["failed"] == 3, origin.tls()
    Client(origin.tls_port).close()
    with origin.client() as client:
        client.get("/conn")
        raw = socket.socket(fileno=os.dup(client.socket.fileno()))
        raw.sendall(b"\x17\x03\x03\x00\x20" + os.urandom(32))
        try:
            client.socket.recv(1)
            assert False, "no alert"
        except ssl.SSLError as error:
            assert "BAD_RECORD_MAC" in str(error).upper().replace(" ", "_")
        raw.close()
    wait_until(lambda: origin.stats()["open"] == 0)
    with origin.client() as client:
        client.get("/conn")
        client.shutdown()
    wait_until(lambda: origin.stats()["open"] == 0)
    tls = origin.tls()
    assert (tls["broken"], tls["truncated"]) == (1, 1), tls
    assert (tls["full"], tls["failed"]) == (2, 3), tls


def test_tls_waits_for_slow_handshakes():
    origin = TlsOrigin("--tls-handshake-delay", "300")
    start = time.monotonic()
    with origin.client() as client:
        assert time.monotonic() - start >= 0.3
        client.get("/conn")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = origin.context().wrap_bio(
        incoming, outgoing, server_hostname="localhost")
    with Client(origin.tls_port) as slow_one:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = outgoing.read()
        for at in range(0, len(hello), 50):
            slow_one.send(hello[at:at + 50])
            time.sleep(0.02)
            if at == 100:
                with origin.client() as client:
                    client.get("/conn")
        while True:
            incoming.write(slow_one.socket.recv(100))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        tls.write(b"GET /conn HTTP/1.1\r\nHost: x\r\n\r\n")
        for byte in outgoing.read():
            slow_one.send(bytes([byte]))
        wait_until(lambda: origin.stats()["requests"] == 3)
    assert origin.tls()["full"] == 3
    idle = TlsOrigin("--idle-close", "200")
    with Client(idle.tls_port) as client:
        assert client.read_all() == b""


def test_tls_satisfies_other_clients():
    origin = TlsOrigin()
    url = f"https://localhost:{origin.tls_port}"
    for version in "1.2", "1.3":
        done = curl("--http1.1", "--cacert", origin.ca, "--tls-max", version,
                    f"{url}/bytes/5", f"{url}/conn", timeout=20)
        assert done.returncode == 0 and "request 2" in done.stdout, done
        word = "-tls" + version.replace(".", "_")
        done = run(["openssl", "s_client", "-connect",
                    f"127.0.0.1:{origin.tls_port}", "-CAfile", origin.ca,
                    "-verify_return_error", "-alpn", "h3,http/1.1", word,
                    "-ign_eof"],
                   input="GET /bytes/5?close HTTP/1.0\r\n\r\n")
        assert "ALPN protocol: http/1.1" in done.stdout, done
        assert "01234" in done.stdout, done
    tls = origin.tls()
    assert tls["alpn"] == {"http/1.1": 4} and tls["full"] == 4, tls
