# SPDX-License-Identifier: MIT
"""HTTP/2 connections to servers as the broker has them: what real servers
negotiate, how they are tagged, what is answered while they are idle, and how
they end."""

import socket
import ssl
import struct
import threading
import time

from certs import certificates
from h2client import (
    ACK, ENABLE_CONNECT_PROTOCOL, GOAWAY, MAX_CONCURRENT_STREAMS, PING,
    PREFACE, SETTINGS)
from wsborigin import TlsOrigin
from wsbtest import (
    FakeServer, Nginx, Origin, Program, Proxy, check_config, find_program,
    free_port, get, needs, wait_until)

GOOD = "ssl verify required ca-file {ca} verifyhost localhost"


def proxy_to(port, words, workers=1, ca=None, more="", **options):
    """Connections are made ahead of need; nobody asks for one."""
    if "ssl" in words.split():
        options["ca"] = ca or certificates() / "ca.crt"
    return Proxy("""
backend be
    %s
    server s1 127.0.0.1:{server} pool-prewarm 3 %s
""" % (more, words), server=port, workers=workers, **options)


def idle(proxy):
    """Idle connections of the server, by tag."""
    tags = proxy.board()["servers"][0]["by_tag"]
    return {tag: n["idle"] for tag, n in tags.items() if n.get("idle")}


def wait_idle(proxy, want):
    wait_until(lambda: idle(proxy) == want, 20,
               what=f"idle connections {want} ({idle(proxy)})")


def stays_idle(proxy, want, seconds=1.5):
    """Not only for a moment."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert idle(proxy) == want, idle(proxy)
        time.sleep(0.1)


# --- what servers are found to speak ---

def test_nghttpd_by_alpn_and_by_prior_knowledge():
    needs("nghttpd")
    ends = certificates() / "ecdsa.pem"
    tls, plain = free_port(), free_port()
    for port, args in ((tls, (tls, ends, ends)), (plain, ("--no-tls", plain))):
        Program([find_program("nghttpd"), "-a", "127.0.0.1",
                 *map(str, args)]).start().wait_port(port)
    by_alpn = proxy_to(tls, GOOD + " alpn h2,http/1.1")
    wait_idle(by_alpn, {"h2": 3})
    stays_idle(by_alpn, {"h2": 3})
    by_alpn.stop()
    by_proto = proxy_to(plain, "proto h2")
    wait_idle(by_proto, {"h2": 3})
    stays_idle(by_proto, {"h2": 3})


def test_nghttpx_with_tls():
    needs("nghttpx")
    port, ends = free_port(), certificates() / "rsa.pem"
    Program([find_program("nghttpx"), "--no-ocsp", "--workers=1",
             "--conf=/dev/null", f"--frontend=127.0.0.1,{port}",
             f"--backend=127.0.0.1,{free_port()}", str(ends),
             str(ends)]).start().wait_port(port)
    proxy = proxy_to(port, GOOD + " alpn h2")
    wait_until(lambda: sum(idle(proxy).values()) == 3, 20,
               what="three connections")
    assert set(idle(proxy)) <= {"h2", "h2ws"}, idle(proxy)
    stays_idle(proxy, idle(proxy))


def test_nginx_with_tls():
    port = free_port()
    nginx = Nginx("""
    listen 127.0.0.1:%d ssl http2;
    ssl_certificate %s/ecdsa.pem;
    ssl_certificate_key %s/ecdsa.pem;
    location / { return 200 hello; }
""" % (port, certificates(), certificates()))
    nginx.wait_port(port)
    proxy = proxy_to(port, GOOD + " alpn h2,http/1.1")
    wait_idle(proxy, {"h2": 3})
    stays_idle(proxy, {"h2": 3})


NODE = """
const h2 = require("http2"), fs = require("fs");
const settings = { enableConnectProtocol: process.argv[4] === "ws" };
const server = process.argv[3] ? h2.createSecureServer({
    settings, allowHTTP1: true,
    cert: fs.readFileSync(process.argv[3]),
    key: fs.readFileSync(process.argv[3]) }) : h2.createServer({ settings });
server.listen(+process.argv[2], "127.0.0.1");
"""


def node(*args):
    needs("node")
    port = free_port()
    program = Program([find_program("node"), "h2.js", str(port),
                       *map(str, args)])
    program.cwd = program.dir
    (program.dir / "h2.js").write_text(NODE)
    program.start().wait_port(port)
    return port


def test_node_with_and_without_websockets():
    ends = certificates() / "ecdsa.pem"
    proxy = proxy_to(node(ends, "ws"), GOOD + " alpn h2,http/1.1")
    wait_idle(proxy, {"h2ws": 3})
    stays_idle(proxy, {"h2ws": 3})
    proxy.stop()
    proxy = proxy_to(node(ends), GOOD + " alpn h2")
    wait_idle(proxy, {"h2": 3})
    proxy.stop()
    proxy = proxy_to(node("", "ws"), "proto h2")
    wait_idle(proxy, {"h2ws": 3})


def test_our_origin_in_all_ways():
    origin = TlsOrigin()
    for words, want in ((" alpn h2,http/1.1", "h2ws"), (" alpn h2", "h2ws"),
                        (" alpn http/1.1", "h1"), ("", "h1"),
                        (" alpn h2,http/1.1 proto h1", "h1"),
                        (" alpn h2 ssl-max-ver TLSv1.2", "h2ws")):
        proxy = proxy_to(origin.tls_port, GOOD + words, ca=origin.ca)
        wait_idle(proxy, {want: 3})
        proxy.stop()
    for words, want in ((" proto h2", "h2ws"), ("", "h1")):
        proxy = proxy_to(origin.port, words)
        wait_idle(proxy, {want: 3})
        proxy.stop()
    assert origin.stats()["h2"]["errors"] == 0, origin.stats()["h2"]


def test_a_server_that_chooses_http_1_is_taken_at_its_word():
    origin = TlsOrigin("--alpn", "http/1.1")
    proxy = proxy_to(origin.tls_port, GOOD + " alpn h2,http/1.1", ca=origin.ca)
    wait_idle(proxy, {"h1": 3})
    assert get(proxy.port, "/").status == 200


def test_show_pools_and_top_tell_the_tags():
    origin = Origin()
    proxy = proxy_to(origin.port, "proto h2", more="", workers=2)
    wait_idle(proxy, {"h2ws": 3})
    text = proxy.top("--batch").stdout
    assert any(line.split()[:2] == ["h2ws", "3"]
               for line in text.splitlines()), text
    slots = proxy.top("--slots").stdout
    assert slots.count("h2ws") == 3, slots


# --- servers made of frames ---

def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(
        ">BBI", kind, flags, stream) + payload


def setting(name, value):
    return struct.pack(">HI", name, value)


class H2Server(FakeServer):
    """Reads a preface, sends what `hello` says, notes every frame, answers
    SETTINGS; with b"" as hello it says nothing at all."""

    def __init__(self, hello=None, tls=False):
        self.hello = hello if hello is not None else frame(
            SETTINGS, 0, 0, setting(MAX_CONCURRENT_STREAMS, 100))
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificates() / "ecdsa.pem")
            self.context.set_alpn_protocols(["h2"])
        self.conns = []
        self.frames = []
        self.ended = 0
        self.lock = threading.Lock()
        super().__init__(self._talk)

    def _talk(self, raw, number):
        conn = self.context.wrap_socket(raw, server_side=True) \
            if self.context else raw
        try:
            self._speak(conn)
        except (ssl.SSLError, OSError):
            pass
        finally:
            self.ended += 1
            conn.close()

    def _exactly(self, conn, n):
        data = b""
        while len(data) < n:
            more = conn.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def _speak(self, conn):
        assert self._exactly(conn, len(PREFACE)) == PREFACE
        conn.sendall(self.hello)
        self.conns.append(conn)
        while True:
            head = self._exactly(conn, 9)
            size = int.from_bytes(head[:3], "big")
            payload = self._exactly(conn, size)
            with self.lock:
                self.frames.append((conn, head[3], head[4], payload))
            if head[3] == SETTINGS and not head[4] & ACK and self.hello:
                conn.sendall(frame(SETTINGS, ACK))

    def count(self, kind, flags=0):
        with self.lock:
            return sum(1 for f in self.frames
                       if f[1] == kind and f[2] & flags == flags)

    def say(self, data):
        for conn in self.conns:
            try:
                conn.sendall(data)
            except OSError:
                pass


def each_way():
    yield H2Server(), "proto h2"
    yield H2Server(tls=True), GOOD + " alpn h2"


def test_ping_and_settings_are_answered_while_idle():
    for server, words in each_way():
        proxy = proxy_to(server.port, words)
        wait_idle(proxy, {"h2": 3})
        for round_ in range(1, 4):
            server.say(frame(PING, 0, 0, b"%08d" % round_))
            wait_until(lambda: server.count(PING, ACK) == 3 * round_, 20,
                       what="PING answered")
            server.say(frame(SETTINGS, 0, 0, setting(4, 70000 + round_)))
            wait_until(lambda: server.count(SETTINGS, ACK) == 3 * round_ + 3,
                       20, what="SETTINGS acknowledged")
        with server.lock:
            answers = {f[3] for f in server.frames
                       if f[1] == PING and f[2] & ACK}
        assert answers == {b"%08d" % n for n in (1, 2, 3)}
        assert server.accepted == 3
        assert idle(proxy) == {"h2": 3}
        proxy.stop()


def test_frames_in_pieces_are_put_together():
    for server, words in each_way():
        proxy = proxy_to(server.port, words)
        wait_idle(proxy, {"h2": 3})
        for byte in frame(PING, 0, 0, b"in parts"):
            server.say(bytes([byte]))
            time.sleep(0.01)
        wait_until(lambda: server.count(PING, ACK) == 3, 20,
                   what="PING answered")
        assert server.accepted == 3
        proxy.stop()


def test_half_a_frame_does_not_stay():
    for server, words in each_way():
        proxy = proxy_to(server.port, words)
        wait_idle(proxy, {"h2": 3})
        server.say(b"\0\0\x08")
        wait_until(lambda: server.accepted == 6, 20, what="three new ones")
        wait_idle(proxy, {"h2": 3})
        wait_until(lambda: server.ended == 3, 20, what="the old ones' end")
        proxy.stop()


def test_goaway_ends_them_and_prewarming_dials_anew():
    for server, words in each_way():
        proxy = proxy_to(server.port, words)
        wait_idle(proxy, {"h2": 3})
        server.say(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)))
        wait_until(lambda: server.ended == 3, 20, what="three ends")
        wait_until(lambda: server.accepted == 6, 20, what="three new ones")
        wait_idle(proxy, {"h2": 3})
        assert server.count(GOAWAY) == 3
        proxy.stop()


def test_a_flood_of_pings_ends_it():
    for server, words in each_way():
        proxy = proxy_to(server.port, words)
        wait_idle(proxy, {"h2": 3})
        victims = list(server.conns)
        for _ in range(100):
            for conn in victims:
                try:
                    conn.sendall(frame(PING, 0, 0, b"12345678") * 100)
                except OSError:
                    pass
        wait_until(lambda: server.ended >= 3, 20, what="the end of them")
        wait_idle(proxy, {"h2": 3})
        proxy.stop()


def test_websockets_allowed_later_do_not_confuse_it():
    for server, words in each_way():
        proxy = proxy_to(server.port, words)
        wait_idle(proxy, {"h2": 3})
        server.say(frame(SETTINGS, 0, 0, setting(ENABLE_CONNECT_PROTOCOL, 1)))
        wait_until(lambda: server.count(SETTINGS, ACK) == 6, 20,
                   what="SETTINGS acknowledged")
        assert server.accepted == 3
        proxy.stop()


# --- servers that are none ---

def failing(server, words, ms=3000):
    proxy = proxy_to(server.port, words,
                     more="timeout connect %dms" % ms)
    row = wait_until(
        lambda: next((r for r in proxy.board()["servers"]
                      if r["dial_errors"] > 0), None), 20, what="a failed dial")
    proxy.wait_log("Server be/s1: ")
    assert not idle(proxy)
    assert get(proxy.port, "/").status in (502, 503)
    proxy.stop()
    return row["last_error"]


def test_settings_that_never_come():
    for server, words in ((H2Server(hello=b""), "proto h2"),
                          (H2Server(hello=b"", tls=True), GOOD + " alpn h2")):
        assert "no SETTINGS" in failing(server, words, 300)


def test_a_server_of_http_1_behind_proto_h2():
    assert "not HTTP/2" in failing(
        H2Server(hello=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "proto h2")


def test_goaway_at_once():
    for tls, words in ((False, "proto h2"), (True, GOOD + " alpn h2")):
        server = H2Server(hello=frame(SETTINGS) + frame(
            GOAWAY, 0, 0, struct.pack(">II", 0, 11)), tls=tls)
        assert "instead of" in failing(server, words)


def test_a_server_that_closes():
    def close(conn, number):
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(4096):
            pass
    assert "instead of" in failing(FakeServer(close), "proto h2")


def test_a_broken_config_is_told():
    text = """
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
backend be
    server s1 127.0.0.1:1 proto h3
    server s2 127.0.0.1:1 ssl verify none proto h2 alpn http/1.1
    server s3 127.0.0.1:1 ssl verify none proto h1 alpn h2
"""
    done = check_config(text)
    assert done.returncode == 1, done
    for words in ("'h1' or 'h2', not 'h3'", "'proto h2' contradicts 'alpn'",
                  "'proto h1' contradicts 'alpn'"):
        assert words in done.stderr, done.stderr
