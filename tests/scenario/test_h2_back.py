# SPDX-License-Identifier: MIT
"""HTTP/2 towards servers: connections shared by the streams of a worker and,
once idle, by all workers; what servers refuse, take back or break off."""

import hashlib
import os
import signal

from h2client import ENABLE_CONNECT_PROTOCOL, INITIAL_WINDOW_SIZE
from wsborigin import TlsOrigin
from wsbridge import Server
from wsbtest import (
    Client, Proxy, get, kills_under_load, limit, load, request, slow,
    wait_until)

PLAIN = "proto h2"
TLS = "ssl verify required ca-file {ca} verifyhost localhost alpn h2"
DUAL = TLS + ",http/1.1"


def proxy_to(origin, words=PLAIN, reuse="always", workers=4, more="",
             **options):
    port = origin.tls_port if words.startswith("ssl") else origin.port
    return Proxy("""
backend be
    http-reuse %s
    %s
    server s1 127.0.0.1:{server} %s
""" % (reuse, more, words), server=port, ca=origin.ca, workers=workers,
                 **options)


def h2(origin):
    return origin.stats()["h2"]


def pooled(proxy, count=1):
    """Until so many connections are idle, by whomever they are held."""
    def seen():
        tags = proxy.board()["servers"][0]["by_tag"]
        return sum(n.get("idle", 0) for n in tags.values()) == count
    wait_until(seen, 20, what=f"{count} idle connections")


def hop(proxy, times):
    """Requests one by one, on whichever worker accepts."""
    for _ in range(times):
        answer = get(proxy.port, "/conn")
        assert answer.status == 200, (answer, proxy.log()[-5:])
        pooled(proxy)


# --- one pool ---

@limit(180)
def test_one_connection_serves_all_workers():
    for words in (PLAIN, TLS):
        origin = TlsOrigin("--h2-pings", "2", "--h2-late", "2")
        proxy = proxy_to(origin, words)
        hop(proxy, 40)
        seen = h2(origin)
        assert (seen["connections"], seen["requests"]) == (1, 40), seen
        assert seen["pings_answered"] == 80, seen
        assert seen["late_frames"] > 0, seen
        tls = origin.tls()
        assert tls["full"] + tls["resumed"] == (words != PLAIN), tls
        # they were not all the same worker's
        served = [p["pid"] for p in proxy.board()["processes"]
                  if p["stats"]["grants"]]
        assert len(served) > 1, served
        proxy.stop()
        origin.stop()


@slow
@limit(240)
def test_a_connection_that_moved_carries_100_mb_both_ways():
    block = os.urandom(1 << 20)
    for words in (PLAIN, TLS):
        origin = TlsOrigin("--h2-window", "65535")
        proxy = proxy_to(origin, words)
        hop(proxy, 24)
        with Client(proxy.port, timeout=60) as c:
            c.send_request("GET", f"/bytes/{100 << 20}")
            assert len(c.read_response().body) == 100 << 20
        hop(proxy, 24)
        answer = request(proxy.port, "POST", "/hash", body=block * 100,
                         timeout=60)
        assert answer.body.decode().split()[0] == hashlib.sha256(
            block * 100).hexdigest(), answer.body
        hop(proxy, 12)
        assert h2(origin)["connections"] == 1, h2(origin)
        proxy.stop()
        origin.stop()


@limit(120)
def test_windows_never_run_dry():
    """Deficits of bodies that were cut short or small must not add up."""
    origin = TlsOrigin("--h2-padding", "30")
    proxy = proxy_to(origin, TLS)
    for n in range(60):
        path = f"/bytes/60000?reset=8&at={n * 997}" if n % 3 == 0 \
            else "/bytes/60000"
        try:
            get(proxy.port, path)
        except (ConnectionError, AssertionError, ValueError, OSError):
            assert n % 3 == 0
        pooled(proxy)
    for _ in range(8):
        with Client(proxy.port) as c: # gone in the middle
            c.send_request("GET", "/bytes/300000")
            c.read(5000)
        pooled(proxy)
    with Client(proxy.port, timeout=30) as c:
        assert len(c.get("/bytes/5000000").body) == 5000000
    assert h2(origin)["connections"] == 1, h2(origin)


@limit(120)
def test_one_pool_under_load():
    for words in (PLAIN, TLS):
        origin = TlsOrigin()
        proxy = proxy_to(origin, words)
        seen = load(proxy.port, clients=64, seconds=5, rate=200, burst=16)
        assert not seen.errors, seen.errors[:3]
        assert seen.statuses == {200: seen.requests}, seen
        made = h2(origin)
        assert made["connections"] <= seen.peak_outstanding, (made, seen)
        assert made["requests"] == seen.requests, (made, seen)
        proxy.stop()
        origin.stop()


# --- many on one ---

def at_once(proxy, paths, method="GET", body=None, timeout=20):
    """Responses of requests that are under way together."""
    clients = [Client(proxy.port, timeout=timeout) for _ in paths]
    for c, path in zip(clients, paths):
        c.send_request(method, path, [("Connection", "close")], body)
    answers = [c.read_response(method) for c in clients]
    for c in clients:
        c.close()
    return answers


@limit(60)
def test_streams_share_a_connection_up_to_the_servers_limit():
    origin = TlsOrigin("--h2-max-streams", "4")
    proxy = proxy_to(origin, workers=1)
    hop(proxy, 1) # its limit is known
    answers = at_once(proxy, ["/bytes/10?delay=500"] * 16)
    assert [a.status for a in answers] == [200] * 16, answers
    seen = h2(origin)
    assert seen["peak_on_a_connection"] == 4, seen
    assert seen["refused"] == 0 and seen["requests"] == 17, seen


@limit(60)
def test_a_worker_shares_what_it_has_and_asks_for_no_more():
    origin = TlsOrigin()
    proxy = proxy_to(origin, workers=1)
    with Client(proxy.port) as c:
        c.send_request("GET", "/bytes/10?delay=2000")
        wait_until(lambda: h2(origin)["open_streams"] == 1)
        answers = at_once(proxy, ["/bytes/10?delay=300"] * 20)
        assert [a.status for a in answers] == [200] * 20
        assert c.read_response().status == 200
    seen = h2(origin)
    assert seen["connections"] == 1, seen
    assert seen["peak_on_a_connection"] == 21, seen


@limit(60)
def test_maxconn_counts_streams():
    origin = TlsOrigin()
    proxy = proxy_to(origin, PLAIN + " maxconn 3")
    answers = at_once(proxy, ["/bytes/10?delay=200"] * 24)
    assert [a.status for a in answers] == [200] * 24, answers
    assert origin.stats()["peak_concurrent"] <= 3, origin.stats()
    seen = load(proxy.port, clients=16, seconds=2)
    assert seen.statuses == {200: seen.requests} and not seen.errors, seen
    assert origin.stats()["peak_concurrent"] <= 3, origin.stats()


@limit(60)
def test_maxconn_one_worker_passes_permits_on():
    origin = TlsOrigin()
    proxy = proxy_to(origin, PLAIN + " maxconn 2", workers=1)
    seen = load(proxy.port, clients=12, seconds=2)
    assert seen.statuses == {200: seen.requests} and not seen.errors, seen
    made = origin.stats()
    assert made["peak_concurrent"] <= 2, made
    assert made["h2"]["connections"] <= 2, made


@limit(60)
def test_reuse_modes():
    for reuse, least, most in (("never", 12, 12), ("safe", 1, 4),
                               ("aggressive", 1, 4), ("always", 1, 1)):
        origin = TlsOrigin()
        proxy = proxy_to(origin, reuse=reuse, workers=1)
        for _ in range(4):
            with Client(proxy.port) as c:
                for _ in range(3):
                    assert c.get("/conn").status == 200
        made = h2(origin)["connections"]
        assert least <= made <= most, (reuse, made)
        proxy.stop()
        origin.stop()


# --- messages ---

@limit(60)
def test_messages_as_they_should_be():
    for words in (PLAIN, TLS):
        origin = TlsOrigin()
        proxy = proxy_to(origin, words)
        with Client(proxy.port) as c:
            answer = c.get("/chunked/5000")
            assert len(answer.body) == 5000
            assert ("x-origin-trailer", "end") in answer.trailers, answer
            answer = c.request("HEAD", "/bytes/100")
            assert answer.header("content-length") == "100"
            assert c.get("/status/204").status == 204
            assert c.get("/status/304").status == 304
            c.send_request("GET", "/bytes/10?hints=2")
            seen = [c.read_until(b"\r\n\r\n").split()[1] for _ in range(3)]
            assert seen == [b"103", b"103", b"200"], seen
            c.read(10)
            answer = c.request("POST", "/echo", body=b"x" * 70000)
            assert answer.body == b"x" * 70000
            head = c.get("/headers", [
                ("Cookie", "a=b"), ("Keep-Alive", "5"), ("TE", "trailers"),
                ("Connection", "te, x-hop"), ("X-Hop", "1")]).body.decode()
        scheme = "http" if words == PLAIN else "https"
        assert sorted(head.splitlines()) == [
            f":authority: 127.0.0.1:{proxy.port}", ":method: GET",
            ":path: /headers", f":scheme: {scheme}", "cookie: a=b",
            "te: trailers"], head
        proxy.stop()
        origin.stop()


@limit(60)
def test_chunked_uploads_and_continue():
    origin = TlsOrigin()
    proxy = proxy_to(origin)
    with Client(proxy.port) as c:
        c.send(b"POST /hash HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
               b"Transfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n")
        assert b" 100 " in c.read_until(b"\r\n\r\n")
        c.send(b"5\r\nhello\r\n" + b"5\r\nworld\r\n" + b"0\r\nx-t: 1\r\n\r\n")
        answer = c.read_response()
        assert answer.body.decode().split()[0] == hashlib.sha256(
            b"helloworld").hexdigest(), answer.body


@limit(60)
def test_tiny_windows_both_ways():
    origin = TlsOrigin("--h2-window", "40", "--h2-conn-window", "65535")
    proxy = proxy_to(origin)
    body = os.urandom(20000)
    answers = at_once(proxy, ["/echo"] * 6, "POST", body, timeout=60)
    assert all(a.body == body for a in answers), answers


@limit(60)
def test_an_answer_before_the_end_of_the_request():
    origin = TlsOrigin()
    proxy = proxy_to(origin)
    for path in ("/hash?early", "/hash?early&rst"):
        answer = request(proxy.port, "POST", path, body=b"x" * 300000)
        assert answer.status == 200, answer
    hop(proxy, 2)


# --- WebSockets ---

@limit(60)
def test_websockets_take_what_fits():
    for words, way in ((PLAIN, "h2"), (TLS, "h2"), (DUAL, "h1")):
        origin = TlsOrigin()
        proxy = proxy_to(origin, words)
        with Client(proxy.port) as c:
            assert c.ws_open().status == 101
            for size in (1, 100, 60000):
                c.ws_send(b"x" * size)
                assert c.ws_recv() == (1, b"x" * size)
            assert get(proxy.port, "/conn").status == 200
        seen = origin.stats()
        assert seen[way]["websockets"] == seen["websockets"] == 1, seen
        wait_until(lambda: h2(origin)["open_streams"] == 0,
                   what="the stream to end")
        proxy.stop()
        origin.stop()


@limit(60)
def test_a_server_without_websockets_fails_the_handshake_alone():
    origin = TlsOrigin("--h2-no-websocket")
    proxy = proxy_to(origin, more="retries 0\n    timeout connect 1s")
    with Client(proxy.port) as c:
        assert c.ws_open().status in (502, 503, 504)
    assert get(proxy.port, "/conn").status == 200


# --- what servers do ---

@limit(90)
def test_refused_streams_are_asked_again():
    origin = TlsOrigin("--h2-refuse", "4")
    proxy = proxy_to(origin)
    body = os.urandom(3000)
    for _ in range(20):
        answer = request(proxy.port, "POST", "/echo", body=body)
        assert (answer.status, answer.body) == (200, body), answer
    assert h2(origin)["refused"] >= 5, h2(origin)
    assert h2(origin)["connections"] <= 5, h2(origin)


@limit(90)
def test_goaway_ends_no_request():
    for words in (PLAIN, TLS):
        origin = TlsOrigin("--h2-goaway", "7", "--h2-unprocessed", "1")
        proxy = proxy_to(origin, words)
        seen = load(proxy.port, clients=8, seconds=2)
        assert seen.statuses == {200: seen.requests} and not seen.errors, seen
        got = h2(origin)
        assert got["goaways_sent"] > 2, got
        proxy.stop()
        origin.stop()


@limit(60)
def test_resets_and_broken_promises_end_one_request():
    origin = TlsOrigin()
    proxy = proxy_to(origin, workers=1)
    hop(proxy, 1)
    for path in ("/bytes/100?reset=2&noanswer", "/bytes/100?reset=8&noanswer",
                 "/bytes/100?fields=30000"):
        assert get(proxy.port, path).status == 502, path
    with Client(proxy.port) as slow_one:
        slow_one.send_request("GET", "/bytes/10?delay=1500")
        for path in ("/bytes/5000?reset=2", "/bytes/5000?short=10",
                     "/bytes/5000?long=10"):
            try:
                answer = get(proxy.port, path)
            except (ConnectionError, AssertionError, ValueError, OSError):
                continue
            assert False, (path, answer)
        assert slow_one.read_response().status == 200
    hop(proxy, 3)
    assert h2(origin)["connections"] == 1, h2(origin)


@limit(60)
def test_floods_and_changed_settings_are_lived_with():
    origin = TlsOrigin()
    proxy = proxy_to(origin)
    for path in ("/bytes/100?pings=30&changes=10&empties=20",
                 "/bytes/100?setting=3&value=1", "/bytes/100?setting=4&value=9",
                 "/bytes/100?latedata=1"):
        assert get(proxy.port, path).status == 200, path
    body = b"y" * 5000
    assert request(proxy.port, "POST", "/echo", body=body).body == body
    hop(proxy, 2)


@limit(60)
def test_idle_connections_that_servers_close():
    for args in (("--idle-close", "100"),
                 ("--idle-close", "100", "--h2-abrupt")):
        for words in (PLAIN, TLS):
            origin = TlsOrigin(*args)
            proxy = proxy_to(origin, words)
            for _ in range(4):
                answer = request(proxy.port, "POST", "/echo", body=b"once")
                assert answer.body == b"once", answer
                wait_until(lambda: h2(origin)["open"] == 0)
            assert h2(origin)["requests"] == 4, h2(origin)
            proxy.stop()
            origin.stop()


@limit(60)
def test_a_server_that_hangs_is_not_used_on():
    origin = TlsOrigin()
    proxy = proxy_to(origin, workers=1, more="timeout server 1s")
    hop(proxy, 1)
    origin.pause()
    assert get(proxy.port, "/conn").status == 504
    wait_until(lambda: "by_tag" in proxy.board()["servers"][0] and not any(
        n.get("leased") or n.get("idle") for n in
        proxy.board()["servers"][0]["by_tag"].values()), 20,
        what="the connection to be given up")
    origin.resume()
    wait_until(lambda: get(proxy.port, "/conn").status == 200, 20)
    assert h2(origin)["pings_received"] == 1, h2(origin)


@limit(60)
def test_a_late_answer_leaves_the_connection_alone():
    origin = TlsOrigin()
    proxy = proxy_to(origin, workers=1, more="timeout server 500ms")
    assert get(proxy.port, "/bytes/10?delay=3000").status == 504
    pooled(proxy) # a PING was answered
    hop(proxy, 2)
    assert h2(origin)["connections"] == 1, h2(origin)


# --- deaths ---

def kill(proxy, role):
    old = proxy.pids()[role]
    os.kill(old[0], signal.SIGKILL)
    wait_until(lambda: len(proxy.pids()[role]) == len(old)
               and old[0] not in proxy.pids()[role], 20,
               what=f"another {role}")


@limit(60)
def test_idle_connections_outlive_their_worker():
    for words in (PLAIN, TLS):
        origin = TlsOrigin()
        proxy = proxy_to(origin, words, workers=1)
        for _ in range(3):
            hop(proxy, 3)
            kill(proxy, "workers")
        hop(proxy, 3)
        assert h2(origin)["connections"] == 1, h2(origin)
        proxy.stop()
        origin.stop()


@limit(60)
def test_streams_and_idle_connections_outlive_the_broker():
    for words in (PLAIN, TLS):
        origin = TlsOrigin()
        proxy = proxy_to(origin, words, workers=1)
        hop(proxy, 2)
        with Client(proxy.port) as c:
            c.send_request("GET", "/bytes/100000?delay=1000")
            wait_until(lambda: h2(origin)["open_streams"] == 1)
            kill(proxy, "broker")
            assert get(proxy.port, "/conn").status == 200
            assert len(c.read_response().body) == 100000
        hop(proxy, 2)
        kill(proxy, "broker")
        hop(proxy, 2)
        assert h2(origin)["connections"] == 1, h2(origin)
        proxy.stop()
        origin.stop()


@slow
@limit(90)
def test_kills_under_load_never_mix_up_bodies():
    origin = TlsOrigin()
    proxy = proxy_to(origin, TLS, more="retries 3")

    def ask(k, n):
        body = b"%d." % k * (1 + (k * 7919 + n * 31) % 20000)
        return request(proxy.port, "PUT", "/echo", body=body), body

    kills_under_load(proxy, ask, 15, 100)


@limit(60)
def test_a_body_nobody_takes_ends_with_its_stream():
    """The window is too small for it; the answer is there all the same."""
    origin = TlsOrigin("--h2-window", "1000")
    proxy = proxy_to(origin, workers=1, more="timeout server 1s")
    hop(proxy, 1)
    for _ in range(3):
        with Client(proxy.port) as c:
            c.send_request("POST", "/hash?early&noread", body=b"x" * 9000)
            assert c.read_response().status == 200
    wait_until(lambda: h2(origin)["open_streams"] == 0, 20,
               what="the streams to end")
    hop(proxy, 2)


@limit(60)
def test_a_request_that_cannot_end_is_taken_back_beside_a_quiet_tunnel():
    """Its answer is complete; nothing else happens on the connection."""
    def serve(peer):
        if peer.protocol:
            peer.accept()
        else:
            peer.recv(100)
            peer.answer(200, body=b"early")
    server = Server("h2", False, serve, {
        ENABLE_CONNECT_PROTOCOL: 1, INITIAL_WINDOW_SIZE: 100})
    proxy = Proxy("""
backend be
    http-reuse always
    timeout server 30s
    timeout tunnel 30s
    server s1 127.0.0.1:{server} proto h2
""", server=server.port)
    with Client(proxy.port) as ws, Client(proxy.port) as c:
        ws.ws_open()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n64\r\n" + bytes(100))
        assert c.read_response().body == b"early"
        c.send(b"\r\n0\r\n\r\n")     # there is no window for the end
        assert len(server.conns) == 1
        peer = list(server.conns[0].peers.values())[-1]
        wait_until(lambda: peer.gone is not None, 15, what="a reset")
