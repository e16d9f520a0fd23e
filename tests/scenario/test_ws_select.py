# SPDX-License-Identifier: MIT
"""Which protocol a WebSocket takes to a server: `ws`, `alpn`, `proto`, what
was learned, which idle connections it takes, and which are kept ready."""

import os
import signal
import ssl
import tempfile
from pathlib import Path

from certs import make_some
from h2client import ENABLE_CONNECT_PROTOCOL, PROTOCOL_ERROR, H2Client
from wsborigin import TlsOrigin
from wsbtest import (
    Client, FakeServer, Haproxy, Nginx, Origin, Proxy, free_port, get, limit,
    wait_until, ws_echo)

TLS = "ssl verify required ca-file {ca} verifyhost localhost "
BOTH = TLS + "alpn h2,http/1.1 "
NO_8441 = ("--h2-no-websocket",)
ONLY_H1 = ("--alpn", "http/1.1", "--no-h2")

# Words, and what a server takes WebSockets with: one with RFC 8441, one with
# HTTP/2 alone, one with HTTP/1.1 alone.
TABLE = (
    (BOTH, "h1", "h1", "h1"),
    (BOTH + "ws auto", "h1", "h1", "h1"),
    (BOTH + "ws h1", "h1", "h1", "h1"),
    (BOTH + "ws h2", "h2", 502, 502),
    (BOTH + "ws prefer-h2", "h2", "h1", "h1"),
    (BOTH + "proto h2", "h2", 502, 502),
    (BOTH + "proto h2 ws prefer-h2", "h2", "h1", "h1"),
    (TLS + "alpn h2", "h2", 502, 502),
    (TLS + "alpn h2 ws h1", "h1", "h1", "h1"),
    (TLS + "alpn h2 ws prefer-h2", "h2", "h1", "h1"),
    (TLS + "alpn http/1.1", "h1", "h1", "h1"),
    (TLS + "alpn http/1.1 ws h2", "h2", 502, 502),
    (TLS + "alpn http/1.1 ws prefer-h2", "h1", "h1", "h1"),
    (TLS + "alpn http/1.0,h2", "h2", 502, 502),
    (TLS, "h1", "h1", "h1"),
    (TLS + "proto h2 ws h1", "h1", "h1", "h1"),
    ("", "h1", "h1", "h1"),
    ("ws prefer-h2", "h1", "h1", "h1"),
    ("ws h2", "h2", 502, 502),
    ("proto h2", "h2", 502, 502),
    ("proto h2 ws h1", "h1", "h1", "h1"),
    ("proto h2 ws prefer-h2", "h2", "h1", "h1"),
)


def proxy_to(origin, words, reuse="always", workers=1, more="", **options):
    port = origin.tls_port if words.startswith("ssl") else origin.port
    return Proxy("""
backend be
    http-reuse %s
    %s
    server s1 127.0.0.1:{server} %s
""" % (reuse, more, words), server=port, ca=origin.ca, workers=workers,
                 **options)


def many(origin, lines):
    """A proxy that sends `X-Line: N` to a server with the Nth words."""
    rules, backends = "", ""
    for n, words in enumerate(lines):
        port = origin.tls_port if words.startswith("ssl") else origin.port
        rules += f"    use_backend b{n} if {{ hdr(x-line) {n} }}\n"
        backends += f"backend b{n}\n    server s 127.0.0.1:{port} {words}\n"
    return Proxy("frontend fe\n    bind 127.0.0.1:{port}\n" + rules + backends,
                 ca=origin.ca)


def websocket(port, path="/ws", line=0):
    """101 after an echo, or the status."""
    with Client(port) as c:
        answer = c.ws_open(path, [("X-Line", str(line))])
        if answer.status == 101:
            c.ws_send(b"hello")
            assert c.ws_recv() == (1, b"hello")
        return answer.status


def took(origin, proxy, line=0):
    """'h1' or 'h2' as the origin saw it, or the status of the failure."""
    before = origin.stats()
    status = websocket(proxy.port, line=line)
    if status != 101:
        return status
    after = origin.stats()
    return next(p for p in ("h1", "h2")
                if after[p]["websockets"] > before[p]["websockets"])


def idle(proxy):
    """{tag: how many are idle}"""
    tags = proxy.board()["servers"][0]["by_tag"]
    return {t: n["idle"] for t, n in tags.items() if n.get("idle")}


@limit(120)
def test_each_word_takes_its_protocol():
    for column, args in ((1, ()), (2, NO_8441), (3, ONLY_H1)):
        origin = TlsOrigin(*args)
        proxy = many(origin, [row[0] for row in TABLE])
        for n, row in enumerate(TABLE):
            for again in range(2):
                seen = took(origin, proxy, n)
                assert seen == row[column], (args, row, again, seen)
        proxy.stop()
        origin.stop()


@limit(120)
def test_ordinary_requests_go_on_beside_them():
    for args in ((), NO_8441, ONLY_H1):
        origin = TlsOrigin(*args)
        lines = [row[0] for row in TABLE
                 if "proto h2" not in row[0]
                 or (args != ONLY_H1 and row[0] != TLS + "proto h2 ws h1")]
        proxy = many(origin, lines)
        for n, words in enumerate(lines):
            for again in range(2):
                websocket(proxy.port, line=n)
                answer = get(proxy.port, "/conn", [("X-Line", str(n))])
                assert answer.status == 200, (args, words, again, answer)
        proxy.stop()
        origin.stop()


@limit(60)
def test_ws_h2_to_a_server_without_rfc_8441_is_said():
    origin = TlsOrigin(*NO_8441)
    proxy = proxy_to(origin, BOTH + "ws h2")
    assert websocket(proxy.port) == 502
    proxy.wait_log(r"Server be/s1: A WebSocket failed: .*\(RFC 8441\)")
    # it will be so again: nothing is tried twice
    assert origin.stats()["h2"]["connections"] == 1, origin.stats()
    # and the server hears of it, by RST_STREAM on a stream not opened
    wait_until(lambda: origin.stats()["h2"]["errors"] == 1,
               what="RST_STREAM at the server")


@limit(60)
def test_over_tls_without_alpn():
    """HAProxy sees by the preface which protocol it is."""
    folder = Path(tempfile.mkdtemp(prefix="wsbtest.ws."))
    make_some(folder, "a")
    origin = Origin()
    peer = Haproxy("""
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend fe
    bind 127.0.0.1:{port} ssl crt {pem}
    http-response set-header X-Came %[fc_http_major]
    default_backend be
backend be
    server s 127.0.0.1:{origin}
""", pem=folder / "a.pem", origin=origin.port)
    for words, websockets, others in (
            ("", "1", "1"), ("ws h2", "2", "1"), ("proto h2", "2", "2"),
            ("proto h2 ws h1", "1", "2"), ("proto h2 ws prefer-h2", "2", "2"),
            ("ws prefer-h2", "1", "1")):
        proxy = Proxy("""
backend be
    server s1 127.0.0.1:{peer} ssl verify none %s
""" % words, peer=peer.port)
        with Client(proxy.port) as c:
            answer = c.ws_open()
            assert answer.status == 101, (words, answer, proxy.log()[-5:])
            assert answer.header("x-came") == websockets, (words, answer)
        assert get(proxy.port, "/conn").header("x-came") == others, words
        proxy.stop()


def nginx_h2():
    """(Nginx, port) with HTTP/2 over TLS, which knows no RFC 8441."""
    folder = Path(tempfile.mkdtemp(prefix="wsbtest.ws."))
    make_some(folder, "a")
    port = free_port()
    nginx = Nginx(http=f"""
        server {{
            listen 127.0.0.1:{port} ssl http2;
            ssl_certificate {folder}/a.pem; ssl_certificate_key {folder}/a.pem;
            location / {{ return 200 hello; }}
        }}""")
    nginx.wait_port(port)
    return nginx, port


@limit(60)
def test_nginx_has_http2_without_websockets():
    _, port = nginx_h2()
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    use_backend prefer if { path /prefer }
    default_backend h2
backend h2
    server s 127.0.0.1:{server} ssl verify none alpn h2,http/1.1 ws h2
backend prefer
    server s 127.0.0.1:{server} ssl verify none alpn h2,http/1.1 ws prefer-h2
""", server=port)
    assert websocket(proxy.port) == 502
    proxy.wait_log(r"Server h2/s: A WebSocket failed: .*\(RFC 8441\)")
    for _ in range(3):  # nginx answers the GET it is over HTTP/1.1
        assert websocket(proxy.port, "/prefer") == 200
    assert get(proxy.port, "/prefer").body == b"hello"
    assert [s["dials"] for s in proxy.board()["servers"]] == [1, 2], \
        proxy.board()["servers"]


@limit(60)
def test_prefer_h2_learns_once_that_a_server_is_not_able_to():
    origin = TlsOrigin(*NO_8441)
    proxy = proxy_to(origin, BOTH + "ws prefer-h2", workers=2)
    for _ in range(6):
        assert took(origin, proxy) == "h1"
    seen = origin.stats()
    assert seen["h2"]["connections"] == 1, seen   # asked once, for all workers
    assert seen["h1"]["connections"] == 6, seen
    assert not [s for s in proxy.log() if "failed" in s], proxy.log()
    # what that one brought serves ordinary requests
    assert get(proxy.port, "/conn").status == 200
    assert origin.stats()["accepted"] == 7, origin.stats()


def learned(proxy):
    return proxy.board()["servers"][0]["ws_over_h2"]


@limit(60)
def test_what_was_learned_outlives_broker_and_worker():
    origin = TlsOrigin(*NO_8441)
    proxy = proxy_to(origin, BOTH + "ws prefer-h2", more="retries 10")
    assert learned(proxy) == "unknown"
    assert took(origin, proxy) == "h1"
    assert learned(proxy) == "no"
    for role in ("broker", "workers"):
        before = proxy.pids()[role]
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(proxy.pids()[role]) == 1
                   and proxy.pids()[role] != before, 20, what=role)
        wait_until(lambda: took(origin, proxy) == "h1", 20)
    seen = origin.stats()
    assert seen["h2"]["connections"] == 1, seen


@limit(60)
def test_prefer_h2_learns_from_an_ordinary_request():
    origin = TlsOrigin()
    proxy = proxy_to(origin, BOTH + "ws prefer-h2")
    assert get(proxy.port, "/conn").status == 200
    for _ in range(5):
        assert took(origin, proxy) == "h2"
    assert origin.stats()["accepted"] == 1, origin.stats()
    proxy.wait_log("Server be/s1: WebSockets go over HTTP/2")
    assert learned(proxy) == "yes"


@limit(90)
def test_what_was_learned_is_forgotten_after_ws_learn_ttl():
    origin = TlsOrigin(*NO_8441)
    proxy = proxy_to(origin, BOTH + "ws prefer-h2", more="ws-learn-ttl 1s")
    assert took(origin, proxy) == "h1"

    def asked_again():
        assert took(origin, proxy) == "h1"
        return origin.stats()["h2"]["connections"] > 1

    wait_until(asked_again, 30, 0.2, "another h2 connection")


@limit(90)
def test_prefer_h2_follows_a_server_that_changes():
    origin = Origin()
    proxy = Proxy("""
backend be
    server s1 127.0.0.1:{origin} proto h2 ws prefer-h2
""", origin=origin)
    assert took(origin, proxy) == "h2"
    for args, tag in ((NO_8441, "h1"), (("--no-h2",), "h1"), ((), "h1")):
        origin.stop()
        origin = Origin(*args, port=proxy.values["origin"])
        for _ in range(3):
            assert took(origin, proxy) == tag, (args, proxy.log()[-5:])
    assert get(proxy.port, "/conn").status == 200  # and with it, h2 is back
    assert took(origin, proxy) == "h2"


# --- idle connections ---

@limit(60)
def test_idle_connections_of_the_right_tag_are_reused_under_safe():
    for args, words, tag in ((ONLY_H1, BOTH, "h1"), ((), BOTH + "ws h2", "h2"),
                             ((), BOTH + "ws prefer-h2", "h2"),
                             ((), TLS + "alpn h2", "h2"),
                             ((), "proto h2", "h2"), ((), "", "h1")):
        origin = TlsOrigin(*args)
        proxy = proxy_to(origin, words, reuse="safe", workers=2)
        assert get(proxy.port, "/conn").status == 200
        wait_until(lambda: sum(idle(proxy).values()) == 1, what="an idle one")
        assert took(origin, proxy) == tag, words
        assert origin.stats()["accepted"] == 1, (words, origin.stats())
        proxy.stop()
        origin.stop()


@limit(60)
def test_a_connection_kept_for_one_client_must_fit_too():
    origin = TlsOrigin(*ONLY_H1)
    proxy = proxy_to(origin, "ws h2", reuse="never")
    with Client(proxy.port) as c:
        assert c.get("/conn").status == 200
        assert c.ws_open().status == 502    # not on the one that is kept
    proxy.stop()
    proxy = proxy_to(origin, "ws h1", reuse="never")
    origin.reset()
    with Client(proxy.port) as c:
        assert c.get("/conn").status == 200
        assert c.ws_open().status == 101


# --- ahead of need ---

@limit(60)
def test_pool_prewarm_ws_keeps_what_websockets_need():
    for args, words, ready in (
            ((), BOTH, {"h1": 3, "h2ws": 2}),
            (ONLY_H1, BOTH, {"h1": 5}),
            (NO_8441, BOTH + "ws prefer-h2", {"h1": 3, "h2": 2}),
            ((), BOTH + "ws prefer-h2", {"h2ws": 5}),
            ((), BOTH + "ws h2", {"h2ws": 5}),
            ((), "proto h2 ws h1", {"h1": 3, "h2ws": 2}),
            ((), "", {"h1": 5})):
        origin = TlsOrigin(*args)
        proxy = proxy_to(
            origin, words + " pool-prewarm 2 pool-prewarm-ws 3", workers=2)
        wait_until(lambda: all(idle(proxy).get(t, 0) >= n
                               for t, n in ready.items()), 20,
                   what=f"{ready} for '{words}': {idle(proxy)}")
        assert sum(idle(proxy).values()) <= 6, (words, idle(proxy))
        proxy.stop()
        origin.stop()


@limit(60)
def test_prewarmed_ones_are_taken_and_replaced():
    origin = TlsOrigin()
    proxy = proxy_to(origin, BOTH + "pool-prewarm-ws 3", reuse="safe")
    wait_until(lambda: idle(proxy) == {"h1": 3}, 20)
    clients = [Client(proxy.port) for _ in range(8)]
    for n, c in enumerate(clients):
        assert c.ws_open().status == 101
        c.ws_send(b"x")
        assert c.ws_recv() == (1, b"x")
        wait_until(lambda: idle(proxy) == {"h1": 3}, 20)
        assert proxy.board()["servers"][0]["stats"]["connects"] == n + 1
    assert origin.stats()["accepted"] == 8 + 3, origin.stats()
    leases = proxy.board()["processes"]
    assert sum(p["stats"]["grants"] for p in leases) == 8, leases
    for c in clients:
        c.close()


@limit(60)
def test_prewarming_gives_up_slowly_where_it_is_in_vain():
    """An h2 server that takes no WebSockets is not dialled all the time."""
    origin = TlsOrigin(*NO_8441)
    proxy = proxy_to(origin, TLS + "alpn h2 pool-prewarm-ws 2")
    wait_until(lambda: origin.stats()["accepted"] >= 2, 20)
    for _ in range(10):
        assert get(proxy.port, "/conn").status == 200
    assert origin.stats()["accepted"] < 10, origin.stats()


# --- the rest ---

@limit(60)
def test_workaround_for_bogus_clients():
    for workaround, status in ((False, 200), (True, None)):
        origin = TlsOrigin()
        words = "h2-workaround-bogus-websocket-clients" if workaround else ""
        proxy = Proxy("""
global
    %s
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
backend be
    server s1 127.0.0.1:{origin}
""" % words, origin=origin)
        with H2Client(proxy.port) as c:
            settings = c.wait_settings()
            ws = c.ws_open()
            assert settings.get(ENABLE_CONNECT_PROTOCOL, 0) == (
                not workaround), settings
            assert ws.stream.status == status, ws.stream
            if workaround:
                assert ws.stream.reset == PROTOCOL_ERROR, ws.stream
            assert c.get("/conn").status == 200
        assert ws_echo(proxy.port) == b"hello"  # HTTP/1 is as it was
        proxy.stop()
        origin.stop()


@limit(60)
def test_alpn_h2_alone_and_a_server_without_alpn():
    """It is spoken to in HTTP/1 then, as HAProxy does."""
    folder = Path(tempfile.mkdtemp(prefix="wsbtest.ws."))
    make_some(folder, "a")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "a.pem")

    def serve(sock, number):
        with context.wrap_socket(sock, server_side=True) as tls:
            while tls.recv(4096):
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = FakeServer(serve)
    proxy = Proxy("""
backend be
    http-reuse always
    server s1 127.0.0.1:{server} ssl verify none alpn h2
backend strict
    server s1 127.0.0.1:{server} ssl verify none alpn h2 proto h2
frontend fe
    bind 127.0.0.1:{port}
    use_backend strict if { path /strict }
    default_backend be
""", server=server.port)
    for _ in range(3):
        assert get(proxy.port).body == b"ok"
    assert server.accepted == 1
    assert get(proxy.port, "/strict").status == 502
    assert websocket(proxy.port) == 502
    proxy.wait_log("did not choose h2 by ALPN")


# --- one dial for many ---

def opened_at_once(proxy, count):
    """So many WebSockets, all asked for before the first is there."""
    clients = [Client(proxy.port, timeout=20) for _ in range(count)]
    for c in clients:
        c.send_request("GET", "/ws", [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")])
    for c in clients:
        answer = c.read_response()
        assert answer.status == 101, (answer, proxy.log()[-5:])
        c.ws_send(b"hello")
    for c in clients:
        assert c.ws_recv() == (1, b"hello")
    return clients


@limit(90)
def test_many_at_once_need_one_dial():
    slow = ("--tls-handshake-delay", "300", "--h2-settings-delay", "300")
    for words in (BOTH + "ws prefer-h2", BOTH + "ws h2", TLS + "alpn h2",
                  "proto h2"):
        origin = TlsOrigin(*slow)
        proxy = proxy_to(origin, words, reuse="safe")
        clients = opened_at_once(proxy, 40)
        seen = origin.stats()
        assert seen["accepted"] == 1, (words, seen)
        assert seen["h2"]["peak_on_a_connection"] == 40, (words, seen)
        for c in clients:
            c.close()
        proxy.stop()
        origin.stop()


@limit(90)
def test_many_at_once_share_up_to_the_servers_limit():
    origin = TlsOrigin("--h2-max-streams", "4", "--h2-settings-delay", "300")
    proxy = proxy_to(origin, BOTH + "ws prefer-h2")
    clients = opened_at_once(proxy, 18)
    seen = origin.stats()
    assert seen["accepted"] == 5, seen
    assert seen["h2"]["peak_on_a_connection"] == 4, seen
    assert not seen["h2"]["refused"], seen
    for c in clients:
        c.close()


@limit(90)
def test_many_at_once_that_are_not_able_to_hear_it_together():
    for args in (NO_8441, ONLY_H1):
        origin = TlsOrigin("--tls-handshake-delay", "200", *args)
        proxy = proxy_to(origin, BOTH + "ws prefer-h2")
        clients = opened_at_once(proxy, 20)
        seen = origin.stats()
        assert seen["h1"]["websockets"] == 20, seen
        assert seen["accepted"] - 20 == (args == NO_8441), seen
        for c in clients:
            c.close()
        proxy.stop()
        origin.stop()


def one_after_the_other(proxy, count, between=None):
    for n in range(count):
        assert websocket(proxy.port) == 101, proxy.log()[-5:]
        if between:
            between(n)


@limit(120)
def test_short_websockets_with_prefer_h2_need_one_handshake():
    origin = TlsOrigin()
    proxy = proxy_to(origin, BOTH + "ws prefer-h2")
    one_after_the_other(proxy, 500)
    seen = origin.stats()
    assert seen["tls"]["full"] + seen["tls"]["resumed"] == 1, seen
    assert seen["h2"]["websockets"] == 500, seen


@limit(180)
def test_short_websockets_with_auto_find_a_connection_ready():
    """And ordinary requests in between have theirs, undisturbed."""
    origin = TlsOrigin()
    proxy = proxy_to(origin, BOTH + "pool-prewarm-ws 8")
    wait_until(lambda: idle(proxy).get("h1") == 8, 20)

    def ordinary(n):
        assert get(proxy.port, "/conn").status == 200
        # no faster than they are replaced, however slow the machine is
        if n % 4 == 0:
            wait_until(lambda: idle(proxy).get("h1", 0) >= 8, 20)

    one_after_the_other(proxy, 200, ordinary)
    server = proxy.board()["servers"][0]["stats"]
    assert server["prewarmed"] >= 198, server
    seen = origin.stats()
    assert seen["h1"]["websockets"] == 200, seen
    # while a worker has not given theirs back yet, another takes what it finds
    assert seen["h2"]["requests"] >= 196, seen
    assert seen["h1"]["requests"] + seen["h2"]["requests"] == 400, seen
