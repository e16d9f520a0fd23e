# SPDX-License-Identifier: MIT
"""The demo origin by itself: the other scenarios rely on it."""

import hashlib
import os

from wsbtest import Client, Origin, get, load, request, run, wait_until, \
    ws_echo, BUILD


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
    result = load(origin.port, "/delay/200", clients=7, seconds=0.1)
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
    origin = Origin("--idle-close", "100", "--close-after", "2")
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
