# SPDX-License-Identifier: MIT
"""Faults another proxy has or had with WebSockets, each of which must not
occur here: L1 to L6."""

from h2client import H2Client
from wsborigin import TlsOrigin
from wsbtest import Client, Proxy, check_config, get, limit, wait_until

TLS = "ssl verify required ca-file {ca} verifyhost localhost "
BOTH = TLS + "alpn h2,http/1.1 "
NO_8441 = ("--h2-no-websocket",)


def proxy_to(origin, words, reuse="always", workers=1):
    return Proxy("""
backend be
    http-reuse %s
    server s1 127.0.0.1:{server} %s
""" % (reuse, words), server=origin.tls_port, ca=origin.ca, workers=workers)


def ws(proxy):
    """101 after an echo, or the status."""
    with Client(proxy.port) as c:
        answer = c.ws_open()
        if answer.status == 101:
            c.ws_send(b"hello")
            assert c.ws_recv() == (1, b"hello")
        return answer.status


def all_idle(proxy):
    def rests():
        tags = proxy.board()["servers"][0]["by_tag"].values()
        return tags and all(set(n) <= {"idle", "tunnel"} for n in tags)
    wait_until(rests, what="connections at rest")


@limit(60)
def test_l1_auto_never_takes_an_idle_h2_connection():
    for workers in (1, 3):
        origin = TlsOrigin(*NO_8441)
        proxy = proxy_to(origin, BOTH, workers=workers)
        for n in range(1, 7):
            assert get(proxy.port, "/conn").status == 200
            all_idle(proxy)
            assert ws(proxy) == 101, proxy.log()[-5:]
            all_idle(proxy)
        seen = origin.stats()
        assert seen["h1"]["websockets"] == 6, seen
        # and the h2 connection is still the others'
        assert seen["h2"]["connections"] == 1, seen
        assert seen["h2"]["requests"] == 6, seen
        proxy.stop()
        origin.stop()


@limit(60)
def test_l2_a_narrowed_offer_is_no_answer_to_the_full_one():
    """WebSockets and checks first, and again and again in between."""
    for words in ("ws auto", "ws h1", "check inter 100ms"):
        origin = TlsOrigin(*NO_8441)
        proxy = proxy_to(origin, BOTH + words, reuse="never", workers=2)
        for _ in range(8):
            assert ws(proxy) == 101
            answer = get(proxy.port, "/conn")
            assert answer.status == 200, (words, answer, proxy.log()[-5:])
        seen = origin.stats()
        # each ordinary one was offered all, and had the server's choice
        assert seen["h2"]["requests"] == 8, (words, seen)
        assert seen["h1"]["websockets"] == 8, (words, seen)
        assert seen["tls"]["alpn"]["http/1.1"] == 8, (words, seen)
        proxy.stop()
        origin.stop()


@limit(60)
def test_l2_the_answer_to_http11_alone_is_not_learned():
    """prefer-h2: a server is not taken for one of HTTP/1.1 because a
    WebSocket that fell back offered nothing else."""
    origin = TlsOrigin()
    proxy = proxy_to(origin, BOTH + "ws prefer-h2")
    line = proxy_to(origin, BOTH + "ws h1")
    for _ in range(3):
        assert ws(line) == 101
        assert ws(proxy) == 101
        assert get(line.port, "/conn").status == 200
    seen = origin.stats()
    assert (seen["h1"]["websockets"], seen["h2"]["websockets"]) == (3, 3), seen
    assert seen["h2"]["requests"] == 3 + 3, seen


@limit(60)
def test_l3_alpn_is_a_list_of_tokens():
    for args, expected in (((), 101), (NO_8441, 502),
                           (("--alpn", "http/1.1"), 502)):
        for word, status in (("auto", expected), ("h2", expected),
                             ("h1", 101), ("prefer-h2", 101)):
            origin = TlsOrigin(*args)
            proxy = proxy_to(origin, TLS + "alpn http/1.0,h2 ws " + word)
            before = proxy.pids()
            for _ in range(3):
                assert ws(proxy) == status, (args, word, proxy.log()[-5:])
                assert get(proxy.port, "/conn").status == 200, (args, word)
            assert proxy.pids() == before
            proxy.stop()
            origin.stop()


@limit(60)
def test_l4_upgrade_without_connection_upgrade_is_ordinary():
    origin = TlsOrigin()
    for words in (BOTH + "ws h1", BOTH + "ws h2", BOTH):
        proxy = proxy_to(origin, words)
        origin.reset()
        for headers in ([("Upgrade", "websocket")],
                        [("Upgrade", "websocket"), ("Connection", "close")],
                        [("Connection", "upgrade")]):
            with Client(proxy.port) as c:
                answer = c.request("GET", "/headers", headers)
                assert answer.status == 200, (words, headers, answer)
                assert b"upgrade" not in answer.body.lower(), answer.body
        seen = origin.stats()
        assert seen["websockets"] == 0, seen
        # on the connection that ordinary requests take
        assert seen["tls"]["alpn"] == {"h2": 1}, (words, seen)
        proxy.stop()


@limit(60)
def test_l5_another_extended_connect_is_no_websocket():
    origin = TlsOrigin()
    proxy = proxy_to(origin, BOTH + "ws h2")
    with H2Client(proxy.port) as c:
        c.wait_settings()
        for protocol in ("webtransport", "websocket2", "connect-udp"):
            sid = c.open_stream()
            c.send_headers(sid, [
                (":method", "CONNECT"), (":protocol", protocol),
                *c.fields("", "/other")[1:]])
            s = c.streams[sid]
            c.wait(lambda: s.headers or s.reset is not None)
            # the origin has no such upgrade and answers as ever, over HTTP/1
            assert s.status == 200 or s.reset is not None or \
                s.status in (400, 404, 501), (protocol, s)
        seen = origin.stats()
        assert seen["websockets"] == 0, seen
        assert seen["h2"]["connections"] == 0, seen
        assert c.ws_open().stream.status == 200
    seen = origin.stats()
    assert seen["h2"]["websockets"] == 1, seen


@limit(60)
def test_l6_what_was_negotiated_is_spoken():
    for words, tag in (("ws h1", "http/1.1"), ("ws h2", "h2")):
        origin = TlsOrigin()
        proxy = proxy_to(origin, BOTH + words)
        for _ in range(3):
            assert ws(proxy) == 101
        seen = origin.stats()
        assert set(seen["tls"]["alpn"]) == {tag}, seen
        assert seen["h2" if tag == "h2" else "h1"]["websockets"] == 3, seen
        assert not seen["bad"] and not seen["h2"]["errors"], seen
        proxy.stop()
        origin.stop()
    done = check_config("""
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
backend be
    server s1 127.0.0.1:1 ssl verify none proto h2 alpn h2,http/1.1 ws h1
""")
    assert done.returncode == 1, done
    assert "'proto h2' contradicts 'ws h1'" in done.stderr, done.stderr
