# SPDX-License-Identifier: MIT
"""TLS towards servers: handshakes in the broker, connections that change
worker without one, sessions, certificates, faults."""

import csv
import hashlib
import os
import re
import signal
import socket
import ssl
import threading
import time

from certs import certificates
from wsbtest import (
    Apache, Client, FakeServer, Haproxy, Nginx, Program, Proxy, free_port, get,
    kills_under_load, limit, load, run, slow, wait_until)

GOOD = "ssl verify required ca-file {certs}/ca.crt verifyhost localhost"


def proxy_to(port, words=GOOD, reuse="always", workers=4, more="", **options):
    return Proxy("""
backend be
    http-reuse %s
    %s
    server s1 127.0.0.1:{server} %s
""" % (reuse, more, words), server=port, certs=certificates(),
                 workers=workers, **options)


class TlsOrigin(FakeServer):
    """Answers 128 bytes to each request; counts handshakes."""

    def __init__(self, cert="ecdsa", setup=None, gate=None, tickets=None,
                 after=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates() / f"{cert}.pem")
        if tickets is not None:
            self.context.num_tickets = tickets
        if setup:
            setup(self.context)
        self.gate = gate  # a threading.Event: no handshake before it
        self.after = after
        self.full = self.resumed = self.failed = 0
        self.names = []
        self.context.sni_callback = self._sni
        super().__init__(self._talk)

    def _sni(self, sock, name, context):
        self.names.append(name)

    def _talk(self, raw, number):
        if self.gate:
            self.gate.wait(60)
        try:
            conn = self.context.wrap_socket(raw, server_side=True)
        except (ssl.SSLError, OSError):
            self.failed += 1
            return
        if conn.session_reused:
            self.resumed += 1
        else:
            self.full += 1
        try:
            if not (self.after and self.after(conn, number)):
                self._serve_http(conn)
        except (ssl.SSLError, OSError):
            pass
        finally:
            conn.close()

    def _serve_http(self, conn):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = conn.recv(65536)
                if not more:
                    return
                data += more
            data = data[data.index(b"\r\n\r\n") + 4:]
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 128\r\n\r\n"
                         + b"x" * 128)


def server_row(proxy):
    return proxy.board()["servers"][0]


# --- servers and suites ---

VERSIONS = (
    ("ssl-max-ver TLSv1.2", "ciphers ECDHE-ECDSA-AES128-GCM-SHA256"
     ":ECDHE-RSA-AES128-GCM-SHA256"),
    ("ssl-max-ver TLSv1.2", "ciphers ECDHE-ECDSA-AES256-GCM-SHA384"
     ":ECDHE-RSA-AES256-GCM-SHA384"),
    ("ssl-max-ver TLSv1.2", "ciphers ECDHE-ECDSA-CHACHA20-POLY1305"
     ":ECDHE-RSA-CHACHA20-POLY1305"),
    ("ssl-min-ver TLSv1.3", "ciphersuites TLS_AES_128_GCM_SHA256"),
    ("ssl-min-ver TLSv1.3", "ciphersuites TLS_AES_256_GCM_SHA384"),
    ("ssl-min-ver TLSv1.3", "ciphersuites TLS_CHACHA20_POLY1305_SHA256"),
)


def each_suite(port):
    for words in VERSIONS:
        proxy = proxy_to(port, GOOD + " " + " ".join(words), workers=2)
        for _ in range(5):
            answer = get(proxy.port, "/")
            assert answer.status == 200, (words, answer.status, proxy.log())
        row = server_row(proxy)
        assert row["tls_full"] + row["tls_resumed"] >= 1, row
        proxy.stop()


def s_server(cert, *args):
    port = free_port()
    program = Program(["openssl", "s_server", "-accept", f"127.0.0.1:{port}",
                       "-cert", certificates() / f"{cert}.pem", "-key",
                       certificates() / f"{cert}.pem", "-www", "-quiet",
                       *args]).start()
    program.wait_port(port)
    program.port = port
    return program


@limit(120)
def test_openssl_with_all_suites_and_an_ecdsa_certificate():
    each_suite(s_server("ecdsa").port)


@limit(120)
def test_openssl_with_all_suites_and_an_rsa_certificate():
    each_suite(s_server("rsa").port)


NGINX_TLS = """
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certs}/{cert}.pem;
    ssl_certificate_key {certs}/{cert}.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    client_max_body_size 200m;
    location / {{ }}
    location /put {{ dav_methods PUT; create_full_put_path on; }}
"""


def nginx_tls(cert="ecdsa"):
    port = free_port()
    nginx = Nginx(NGINX_TLS.format(port=port, certs=certificates(), cert=cert))
    nginx.wait_port(port)
    nginx.tls_port = port
    return nginx


def change_worker(proxy, times=14):
    """One connection served by whichever worker accepts: no handshake more."""
    for _ in range(times * 4):
        assert get(proxy.port, "/small").status == 200


def bodies(proxy, nginx, size):
    digest = hashlib.sha256()
    block = os.urandom(1 << 20)
    with open(nginx.root / "big", "wb") as f:
        for _ in range(size >> 20):
            f.write(block)
            digest.update(block)
    got = run(["sh", "-c",
               f"curl -sS http://127.0.0.1:{proxy.port}/big | sha256sum"],
              timeout=90)
    assert got.stdout.split()[0] == digest.hexdigest(), got
    put = run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T",
               nginx.root / "big", "-H", "Expect:",
               f"http://127.0.0.1:{proxy.port}/put/big"], timeout=90)
    assert put.stdout in ("201", "204"), put
    done = run(["sha256sum", nginx.root / "put" / "big"], timeout=60)
    assert done.stdout.split()[0] == digest.hexdigest(), done


@slow
@limit(240)
def test_nginx_one_connection_changes_worker_and_carries_100_mb_both_ways():
    nginx = nginx_tls()
    os.chmod(nginx.root, 0o777)
    (nginx.root / "small").write_text("small")
    for words in ("ssl-max-ver TLSv1.2", "ssl-min-ver TLSv1.3"):
        proxy = proxy_to(nginx.tls_port, GOOD + " " + words)
        change_worker(proxy)
        bodies(proxy, nginx, 100 << 20)
        change_worker(proxy)
        row = server_row(proxy)
        assert row["tls_full"] + row["tls_resumed"] == 1, row
        proxy.stop()


@limit(60)
def test_nginx_rsa():
    nginx = nginx_tls("rsa")
    (nginx.root / "small").write_text("small")
    proxy = proxy_to(nginx.tls_port)
    change_worker(proxy)
    assert server_row(proxy)["tls_full"] == 1


@limit(60)
def test_apache():
    port = free_port()
    apache = Apache(f"""
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    SSLEngine on
    SSLCertificateFile {certificates()}/ecdsa.pem
    SSLCertificateKeyFile {certificates()}/ecdsa.pem
</VirtualHost>
""")
    apache.wait_port(port)
    (apache.root / "small").write_text("small")
    proxy = proxy_to(port)
    change_worker(proxy)
    assert server_row(proxy)["tls_full"] == 1


@limit(60)
def test_haproxy():
    haproxy = Haproxy("""
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend f
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{tls} ssl crt {certs}/ecdsa.pem
    http-request return status 200 content-type text/plain string hello
""", tls=free_port(), certs=certificates())
    tls = int((haproxy.dir / "haproxy.cfg").read_text().split(" ssl ")[0]
              .rsplit(":", 1)[1])
    proxy = proxy_to(tls)
    change_worker(proxy)
    assert server_row(proxy)["tls_full"] == 1


# --- the pool ---

@limit(90)
def test_one_pool_of_tls_connections_for_four_workers():
    origin = TlsOrigin()
    proxy = proxy_to(origin.port)
    seen = load(proxy.port, clients=64, seconds=10, rate=200, burst=16)
    assert not seen.errors, seen.errors[:3]
    assert seen.statuses == {200: seen.requests}
    assert seen.requests > 1000, seen
    assert origin.full + origin.resumed <= seen.peak_outstanding, (
        origin.full, origin.resumed, seen)
    row = server_row(proxy)
    assert row["tls_full"] == origin.full, (row, origin.full)
    assert row["tls_resumed"] == origin.resumed, (row, origin.resumed)


@limit(90)
def test_killed_worker_costs_no_handshake():
    origin = TlsOrigin()
    proxy = proxy_to(origin.port)

    def during(_):
        time.sleep(2)
        os.kill(proxy.pids()["workers"][0], signal.SIGKILL)

    seen = load(proxy.port, clients=64, seconds=6, rate=200, burst=16,
                during=during)
    assert seen.requests > 500, seen
    # what the dead one had leased is lost, what idled is not
    assert origin.full + origin.resumed <= 2 * seen.peak_outstanding, (
        origin.full, origin.resumed, seen)
    before = origin.full + origin.resumed
    assert get(proxy.port, "/").status == 200
    assert origin.full + origin.resumed == before


@limit(60)
def test_idle_connection_of_a_killed_worker_is_taken_over():
    origin = TlsOrigin()
    proxy = proxy_to(origin.port, workers=1)
    for _ in range(3):
        assert get(proxy.port, "/").status == 200
    for _ in range(3):
        old = proxy.pids()["workers"][0]
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: proxy.pids()["workers"]
                   and proxy.pids()["workers"] != [old], what="a new worker")
        for _ in range(3):
            assert get(proxy.port, "/").status == 200
    assert (origin.full, origin.resumed) == (1, 0)


@limit(60)
def test_killed_broker_costs_no_handshake():
    origin = TlsOrigin()
    proxy = proxy_to(origin.port, workers=2)
    for _ in range(10):
        assert get(proxy.port, "/").status == 200
    old = proxy.pids()["broker"][0]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: proxy.pids()["broker"]
               and proxy.pids()["broker"] != [old], what="a new broker")
    for _ in range(20):
        assert get(proxy.port, "/").status == 200
    assert origin.full + origin.resumed == 1


@slow
@limit(90)
def test_kills_under_load_never_mix_up_bodies():
    """Bodies of many sizes, workers and brokers dying all the time."""
    nginx = nginx_tls()
    sizes = (1, 100, 5000, 16384, 16385, 70000, 1000000)
    for n in sizes:
        (nginx.root / f"f{n}").write_bytes(b"%d." % n * (n // 2))
    proxy = proxy_to(nginx.tls_port, more="retries 3")

    def ask(k, n):
        size = sizes[(k + n) % len(sizes)]
        return get(proxy.port, f"/f{size}"), b"%d." % size * (size // 2)

    kills_under_load(proxy, ask, 20, 200)


@limit(60)
def test_prewarmed_connections_have_shaken_hands():
    origin = TlsOrigin()
    proxy = proxy_to(origin.port, GOOD + " pool-prewarm 4", reuse="safe")
    wait_until(lambda: origin.full + origin.resumed == 4, what="4 handshakes")
    time.sleep(0.3)
    for _ in range(4):
        with Client(proxy.port) as c:
            assert c.get("/").status == 200
    wait_until(lambda: server_row(proxy)["tls_resumed"] >= 3)


# --- sessions ---

@limit(60)
def test_later_handshakes_are_resumed():
    for setup in (None, lambda c: setattr(
            c, "maximum_version", ssl.TLSVersion.TLSv1_2)):
        origin = TlsOrigin(setup=setup)
        proxy = proxy_to(origin.port, reuse="never", workers=2)
        for _ in range(6):
            assert get(proxy.port, "/").status == 200
        assert (origin.full, origin.resumed) == (1, 5)
        proxy.stop()


@limit(60)
def test_no_ssl_reuse_resumes_nothing():
    origin = TlsOrigin()
    proxy = proxy_to(origin.port, GOOD + " no-ssl-reuse", reuse="never")
    for _ in range(4):
        assert get(proxy.port, "/").status == 200
    assert (origin.full, origin.resumed) == (4, 0)


@limit(60)
def test_a_server_without_tickets_is_used_without():
    """How seldom it is asked for one: tests/unit/broker/test_tls_sess.c."""
    origin = TlsOrigin(tickets=0)
    proxy = proxy_to(origin.port, reuse="never", workers=2)
    for _ in range(10):
        assert get(proxy.port, "/").status == 200
    assert (origin.full, origin.resumed) == (10, 0)


@limit(60)
def test_connections_and_sessions_of_another_name_are_not_used():
    origin = TlsOrigin()
    proxy = proxy_to(
        origin.port, "ssl verify none sni req.hdr(host)", workers=2)
    for name in ("a.test", "b.test", "a.test", "b.test"):
        for _ in range(3):
            assert get(proxy.port, "/", headers=[("Host", name)]).status == 200
    assert origin.full == 2 and origin.resumed == 0, origin.names
    assert sorted(origin.names) == ["a.test", "b.test"]


# --- faults ---

def refused(words, origin, reason, tries=1, status=502):
    proxy = proxy_to(origin.port, words, workers=2)
    assert get(proxy.port, "/").status == status, proxy.log()
    assert origin.accepted == tries, origin.accepted
    proxy.wait_log(reason)
    row = server_row(proxy)
    assert row["dial_errors"] >= 1, row
    assert re.search(reason, row["last_error"]), row
    batch = proxy.top("--batch").stdout
    assert re.search(reason, batch), batch


@limit(60)
def test_expired_certificate():
    refused(GOOD, TlsOrigin("expired"), "certificate has expired")


@limit(60)
def test_wrong_name():
    refused(GOOD, TlsOrigin("wrong"), "[Hh]ostname mismatch.*localhost")


@limit(60)
def test_unknown_authority():
    refused(GOOD, TlsOrigin("other"), "unable to get local issuer")


@limit(60)
def test_no_common_version():
    def only_12(context):
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    refused(GOOD + " ssl-min-ver TLSv1.3", TlsOrigin(setup=only_12),
            "alert protocol version", tries=4)


@limit(60)
def test_a_server_that_speaks_no_tls():
    def talk(sock, _):
        sock.recv(1000)
        sock.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    refused(GOOD, FakeServer(talk), "not a TLS record|wrong version", tries=4)


@limit(60)
def test_a_server_that_closes_is_as_one_that_refuses():
    refused(GOOD, FakeServer(lambda sock, _: sock.recv(1000)),
            "closed by the server during the handshake|reset by peer",
            tries=4, status=503)


@limit(60)
def test_a_bad_certificate_is_redispatched_at_once():
    """Also where HAProxy keeps to the server until the last retry."""
    bad, fine = TlsOrigin("expired"), TlsOrigin()
    text = """
backend be
    balance uri
    retries 3
    option %sredispatch
    server s1 127.0.0.1:{bad} %s
    server s2 127.0.0.1:{fine} %s
"""
    options = {"bad": bad.port, "fine": fine.port, "certs": certificates(),
               "workers": 2}
    proxy = Proxy(text.replace("option %s", "no option ") % (GOOD, GOOD),
                  **options)
    statuses = [get(proxy.port, f"/{n}").status for n in range(16)]
    assert set(statuses) == {200, 502}, statuses
    assert bad.accepted == statuses.count(502)
    proxy.stop()
    bad.accepted = 0
    proxy = Proxy(text % ("", GOOD, GOOD), **options)
    for n, status in enumerate(statuses):
        assert get(proxy.port, f"/{n}").status == 200
        assert bad.accepted == statuses[:n + 1].count(502)
    wait_until(lambda: len([s for s in proxy.log() if "be/s2 " in s and
                            "/+1 0/0" in s]) == statuses.count(502),
               what="log lines of those that were redispatched")


@limit(60)
def test_handshake_is_covered_by_timeout_connect():
    over = threading.Event()

    def silent(sock, _):
        sock.recv(1000)
        over.wait(60)

    server = FakeServer(silent)
    proxy = proxy_to(server.port, workers=1, more="timeout connect 300ms\n"
                     "    retries 0")
    assert get(proxy.port, "/").status == 503
    over.set()
    assert "timed out" in server_row(proxy)["last_error"]


@limit(60)
def test_slow_handshakes_hold_nobody_up():
    slow_one, fast = TlsOrigin(gate=threading.Event()), TlsOrigin()
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    use_backend slow if { path_beg /slow }
    default_backend fast
backend slow
    http-reuse never
    timeout connect 50s
    server s1 127.0.0.1:{one} %s
backend fast
    http-reuse never
    server s1 127.0.0.1:{two} %s
""" % (GOOD, GOOD), one=slow_one.port, two=fast.port, certs=certificates(),
                  workers=2)
    waiting = [Client(proxy.port) for _ in range(40)]
    for c in waiting:
        c.send_request("GET", "/slow")
    wait_until(lambda: slow_one.accepted == 40, what="40 handshakes")
    for _ in range(10):
        assert get(proxy.port, "/").status == 200
    assert slow_one.full == 0
    slow_one.gate.set()
    for c in waiting:
        assert c.read_response().status == 200
        c.close()


@limit(60)
def test_server_closes_an_idle_connection_with_and_without_close_notify():
    def once(polite):
        def after(conn, _):
            conn.recv(65536)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            time.sleep(0.1)
            if polite:
                try:
                    conn.unwrap()
                except (ssl.SSLError, OSError):
                    pass
            return True
        return after

    for polite in (True, False):
        origin = TlsOrigin(after=once(polite))
        proxy = proxy_to(origin.port, workers=2)
        for _ in range(5):
            assert get(proxy.port, "/").status == 200
            time.sleep(0.25)
        assert origin.full + origin.resumed == 5
        wait_until(lambda: proxy.board()["slots"]["by_state"].get("idle", 0)
                   == 0, what="no idle slot")
        proxy.stop()


# --- health checks ---

def stat(proxy, column):
    """A column of `show stat`, by server."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(proxy.dir / "admin.sock"))
        s.sendall(b"show stat\n")
        text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    rows = list(csv.DictReader(text.lstrip("# ").strip().splitlines()))
    return {r["svname"]: r[column] for r in rows if r["pxname"] == "be"}


@limit(60)
def test_checks_shake_hands():
    def silent(sock, _):
        sock.recv(1000)
        sock.recv(1000)

    def after_header(sock, _):
        if sock.recv(15, socket.MSG_WAITALL) == b"PROXY UNKNOWN\r\n":
            context.wrap_socket(sock, server_side=True).recv(1)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates() / "ecdsa.pem")
    origins = {
        "fine": TlsOrigin(), "expired": TlsOrigin("expired"),
        "plain": FakeServer(lambda sock, _: sock.sendall(b"hello, world")),
        "silent": FakeServer(silent), "header": FakeServer(after_header)}
    check = "check inter 2s rise 1 fall 1 " + GOOD
    lines = [f"    server {name} 127.0.0.1:{origin.port} {check}"
             + (" send-proxy" if name == "header" else "")
             for name, origin in origins.items()]
    # As in HAProxy, a check with a port of its own speaks no TLS.
    lines.append(f"    server own 127.0.0.1:1 port {origins['expired'].port} "
                 + check)
    proxy = Proxy("backend be\n" + "\n".join(lines), certs=certificates())
    wanted = {"fine": "L6OK", "expired": "L6RSP", "plain": "L6RSP",
              "silent": "L6TOUT", "header": "L6OK", "own": "L4OK"}

    def checked():
        seen = stat(proxy, "check_status")
        return {name: seen[name] for name in wanted} == wanted

    wait_until(checked, 30, 0.2, what="results of all checks")
    why = stat(proxy, "last_chk")
    assert why["expired"] == "certificate has expired", why
    assert why["fine"] == "", why
    proxy.wait_log("be/expired is DOWN, reason: Layer6 invalid response, "
                   "info: .certificate has expired")
    proxy.wait_log("be/silent is DOWN, reason: Layer6 timeout")
    status = stat(proxy, "status")
    assert status["fine"].startswith("UP"), status
    assert status["plain"].startswith("DOWN"), status
