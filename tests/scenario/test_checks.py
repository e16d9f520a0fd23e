# SPDX-License-Identifier: MIT
"""Health checks: what they ask, what they conclude, who notices."""

import os
import signal
import ssl
import threading

from certs import certificates
from clitool import stat
from wsborigin import TlsOrigin
from wsbtest import (
    FakeServer, Origin, Proxy, get, limit, wait_until)

FAST = "check inter 200ms rise 1 fall 1"
TLS = "ssl verify required ca-file {ca} verifyhost localhost "


class Answers(FakeServer):
    """Serves HTTP with self.status; counts, and keeps what it was asked."""

    def __init__(self, status=200, body=b"fine"):
        self.status, self.body, self.seen = status, body, []
        super().__init__(self.answer)

    def answer(self, sock, _):
        got = b""
        while b"\r\n\r\n" not in got:
            data = sock.recv(4096)
            if not data:
                return
            got += data
        self.seen.append(got)
        sock.sendall(b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n"
                     b"Connection: close\r\n\r\n%s"
                     % (self.status, len(self.body), self.body))

    def requests(self):
        return [s for s in self.seen if s.startswith(b"GET /real")]


def is_status(proxy, name, want):
    return stat(proxy, "be", name)["status"].startswith(want)


@limit(60)
def test_a_flapping_server_is_seen_by_all_workers():
    servers = [Answers(), Answers()]
    proxy = Proxy("""
backend be
    option httpchk GET /health
    server s1 127.0.0.1:{s1} """ + FAST + """
    server s2 127.0.0.1:{s2} """ + FAST,
                  s1=servers[0].port, s2=servers[1].port, workers=4)
    for _ in range(3):
        servers[0].status = 500
        wait_until(lambda: is_status(proxy, "s1", "DOWN"), 15)
        before = len(servers[0].requests())
        for _ in range(24):  # new connections: all workers get some
            assert get(proxy.port, "/real").status == 200
        assert len(servers[0].requests()) == before
        servers[0].status = 204
        wait_until(lambda: is_status(proxy, "s1", "UP"), 15)
        for _ in range(24):
            assert get(proxy.port, "/real").status in (200, 204)
        assert len(servers[0].requests()) > before
    row = stat(proxy, "be", "s1")
    assert row["chkdown"] == "3" and int(row["chkfail"]) == 3, row
    assert row["check_status"] == "L7OK" and row["check_code"] == "204", row
    down = proxy.wait_log("be/s1 is DOWN, reason: Layer7 wrong status, code: "
                          "500, info: .Whatever., check duration: ")
    assert "1 active and 0 backup servers left. 0 sessions active, 0 " \
        "requeued, 0 remaining in queue." in down, down
    proxy.wait_log("be/s1 is UP, reason: Layer7 check passed, code: 204, "
                   "check duration: .*2 active and 0 backup servers online")


@limit(60)
def test_rules_are_followed_step_by_step():
    main, side = Answers(body=b"all is well"), Answers(503, b"closed")
    proxy = Proxy("""
backend be
    option httpchk
    http-check connect
    http-check send meth POST uri /a ver HTTP/1.1 hdr Host a.b body "hi you"
    http-check expect status 200
    http-check expect ! string broken
    http-check expect rstring (is|was).well
    http-check connect port {side}
    http-check send uri /b
    http-check expect rstatus ^50[0-9]
    http-check expect comment shut string open
    server s1 127.0.0.1:{main} """ + FAST, main=main.port, side=side.port)
    wait_until(lambda: is_status(proxy, "s1", "DOWN"), 15)
    row = stat(proxy, "be", "s1")
    assert (row["check_status"], row["last_chk"]) == ("L7RSP", "shut"), row
    assert main.seen[0] == (
        b"POST /a HTTP/1.1\r\nHost: a.b\r\ncontent-length: 6\r\n"
        b"connection: close\r\n\r\nhi you"), main.seen[0]
    assert side.seen[0] == b"GET /b HTTP/1.0\r\n\r\n", side.seen[0]
    side.body = b"open again"
    wait_until(lambda: is_status(proxy, "s1", "UP"), 15)


@limit(60)
def test_tls_checks_with_names_and_expired_certificates():
    origins = {"good": TlsOrigin(), "old": Answers()}
    folder = certificates()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "expired.pem")
    names = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)

    def answer(sock, _):
        try:
            with context.wrap_socket(sock, server_side=True) as tls:
                Answers.answer(origins["old"], tls, 0)
        except ssl.SSLError:
            pass

    old = FakeServer(answer)
    proxy = Proxy("""
backend be
    option httpchk GET /
    server good 127.0.0.1:{good} %s {tls}
    server old 127.0.0.1:{old} %s ssl verify required ca-file {all} verifyhost localhost check-sni a.b
    server blind 127.0.0.1:{old} %s ssl verify none check-sni c.d
    server aside 127.0.0.1:1 port {tlsport} check-ssl verify none %s
""".replace("{tls}", TLS) % ((FAST,) * 4), good=origins["good"].tls_port,
                  ca=origins["good"].ca, all=folder / "ca.crt",
                  old=old.port, tlsport=origins["good"].tls_port)
    wanted = {"good": "L7OK", "old": "L6RSP", "blind": "L7OK", "aside": "L7OK"}
    wait_until(lambda: {n: stat(proxy, "be", n)["check_status"]
                        for n in wanted} == wanted, 20, what=str(wanted))
    row = stat(proxy, "be", "old")
    assert row["last_chk"] == "certificate has expired", row
    assert {"a.b", "c.d"} <= set(names), names


@limit(60)
def test_checks_over_http2_and_websockets():
    both, h1 = TlsOrigin(), TlsOrigin("--alpn", "http/1.1", "--no-h2")
    lame = TlsOrigin("--h2-no-websocket")
    tls = "ssl verify none "
    proxy = Proxy("""
backend be
    option httpchk GET /
    http-check expect status 200
    server h2tls 127.0.0.1:{both_tls} alpn h2,http/1.1 %(f)s %(t)s
    server h2clear 127.0.0.1:{both} proto h2 %(f)s
    server h1tls 127.0.0.1:{h1_tls} alpn h2,http/1.1 %(f)s %(t)s
    server narrow 127.0.0.1:{both_tls} alpn h2,http/1.1 check-alpn http/1.1 %(f)s %(t)s
backend ws
    option ws-check /ws/echo
    server h1 127.0.0.1:{h1} %(f)s
    server h2 127.0.0.1:{both_tls} alpn h2 %(f)s %(t)s
    server clear 127.0.0.1:{both} proto h2 %(f)s
    server wss 127.0.0.1:{h1_tls} alpn h2,http/1.1 %(f)s %(t)s
    server lame 127.0.0.1:{lame_tls} alpn h2 %(f)s %(t)s
frontend fe
    bind 127.0.0.1:{port}
    use_backend ws if {{ path_beg /ws }}
    default_backend be
""".replace("{{", "{").replace("}}", "}") % {"f": FAST, "t": tls},
                  both=both.port, both_tls=both.tls_port, h1=h1.port,
                  h1_tls=h1.tls_port, lame_tls=lame.tls_port)
    wanted = {("be", n): "L7OK" for n in ("h2tls", "h2clear", "h1tls",
                                          "narrow")}
    wanted |= {("ws", n): "L7OK" for n in ("h1", "h2", "clear", "wss")}
    wanted["ws", "lame"] = "L7RSP"
    wait_until(lambda: {k: stat(proxy, *k)["check_status"] for k in wanted}
               == wanted, 20, what=str(wanted))
    assert stat(proxy, "ws", "h2")["check_code"] == "101"
    assert stat(proxy, "ws", "lame")["last_chk"] == \
        "the server takes no WebSockets over HTTP/2"
    stats = both.stats()
    assert stats["h2"]["connections"] >= 4, stats


@limit(60)
def test_what_a_check_negotiates_says_nothing_of_the_server():
    """It offers http/1.1 alone; requests go on over HTTP/2."""
    origin = TlsOrigin()
    proxy = Proxy("""
backend be
    option httpchk GET /
    http-reuse always
    server s1 127.0.0.1:{tls} ssl verify none alpn h2,http/1.1 check-alpn http/1.1 """ + FAST, tls=origin.tls_port,
                  workers=2)
    wait_until(lambda: stat(proxy, "be", "s1")["check_status"] == "L7OK", 15)
    before = origin.stats()["h2"]["streams"]
    for _ in range(4):
        assert get(proxy.port, "/").status == 200
    assert origin.stats()["h2"]["streams"] == before + 4
    assert before == 0


@limit(60)
def test_silent_servers_time_out_and_hold_up_nobody():
    stop = threading.Event()
    silent = FakeServer(lambda sock, _: stop.wait(30))
    good = Answers()
    proxy = Proxy("""
backend be
    timeout check 300ms
    option httpchk GET /
    server silent 127.0.0.1:{silent} check inter 20s fastinter 100ms fall 1
    server closed 127.0.0.1:1 """ + FAST + """
    server good 127.0.0.1:{good} """ + FAST, silent=silent.port,
                  good=good.port)
    wanted = {"silent": "L7TOUT", "closed": "L4CON", "good": "L7OK"}
    wait_until(lambda: {n: stat(proxy, "be", n)["check_status"]
                        for n in wanted} == wanted, 30, what=str(wanted))
    assert stat(proxy, "be", "closed")["last_chk"] == "Connection refused"
    assert get(proxy.port, "/real").status == 200
    stop.set()


@limit(60)
def test_state_of_checks_outlives_the_broker():
    server = Answers(500)
    proxy = Proxy("""
backend be
    option httpchk GET /
    server s1 127.0.0.1:{s1} """ + FAST, s1=server.port, workers=2)
    proxy.wait_running()
    wait_until(lambda: is_status(proxy, "s1", "DOWN"), 15)
    before = stat(proxy, "be", "s1")
    broker = proxy.pids()["broker"][0]
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: proxy.pids()["broker"] not in ([], [broker]), 15)
    row = wait_until(lambda: stat(proxy, "be", "s1"), 15)
    assert row["status"] == "DOWN" and row["chkdown"] == "1", row
    assert int(row["chkfail"]) >= int(before["chkfail"]), row
    server.status = 200  # it is checked by the new one
    wait_until(lambda: is_status(proxy, "s1", "UP"), 20)


@limit(90)
def test_two_thousand_servers_are_checked_with_bounded_cost():
    """All are checked, few at a time, and requests are served meanwhile."""
    server = Origin()
    lines = "\n".join(f"    server s{i} 127.0.0.1:{{origin}} check inter 5s"
                      for i in range(2000))
    proxy = Proxy("backend be\n    option httpchk GET /\n" + lines,
                  origin=server, workers=1)
    broker = proxy.pids()["broker"][0]
    worst = 0

    def checked():
        nonlocal worst
        worst = max(worst, proxy.descriptors(broker))
        return sum(r["check_status"] == "L7OK"
                   for r in stat(proxy, "be").values())

    idle = proxy.descriptors(broker)
    wait_until(lambda: checked() >= 2000, 60, 0.2, what="2,000 checks")
    assert get(proxy.port, "/bytes/10").status == 200
    # spread starts: not a thousand connections at a time
    assert worst - idle < 500, (idle, worst)
    assert len(stat(proxy, "be")) == 2001
