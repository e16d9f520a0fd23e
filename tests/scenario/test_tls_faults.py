# SPDX-License-Identifier: MIT
"""Faults on the way, on either side: each ends its own connection, and the
traffic beside it goes on."""

import re
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tlsrelay  # noqa: E402
from certs import certificates  # noqa: E402
from tlsrelay import DOWN, UP, Relay, Swap  # noqa: E402
from wsbtest import Client, FakeServer, Origin, Proxy, get, limit, \
    wait_until  # noqa: E402

CONFIG = """
global
    log stdout format raw local0
    nbproc {workers}
    stats socket {dir}/board mode 600 level user
defaults
    mode http
    log global
    option httplog
    timeout client 30s
    timeout server 30s
    timeout connect 5s
    http-reuse always
frontend fe
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt {certs}/ecdsa.pem alpn http/1.1 %s
    use_backend faulty if { path_beg /f }
    default_backend good
backend good
    http-request set-path %%[path,regsub(^/g,/bytes/)]
    server s 127.0.0.1:{good} ssl verify none
backend faulty
    retries %d
    http-request set-path %%[path,regsub(^/f,/bytes/)]
    server s 127.0.0.1:{faulty} ssl verify none %s
"""

VERSIONS = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def tls_origin(*more):
    """The demo origin with a TLS port beside its plain one."""
    origin = Origin("--tls-listen", "127.0.0.1:0", *more)
    found = wait_until(
        lambda: re.search(r"\(tls\) on \S+:(\d+)", origin.stdout()),
        30, what="the TLS port of the origin")
    origin.tls_port = int(found[1])
    return origin


class Beside:
    """Traffic on other connections, through TLS on both sides."""

    def __init__(self, port):
        self.port = port
        self.count = 0
        self.error = None
        self.stopped = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            with connect(self.port) as tls:
                while not self.stopped:
                    assert fetch(tls, "/g5") == b"01234"
                    self.count += 1
                    time.sleep(0.002)
        except Exception as e:  # told by verify()
            self.error = e

    def verify(self):
        seen = self.count
        wait_until(lambda: self.error or self.count > seen + 3, 30)
        assert not self.error, f"the traffic beside: {self.error!r}"


def start(words="", retries=0, server="", faulty=None, workers=2):
    origin = tls_origin()
    proxy = Proxy(CONFIG % (words, retries, server), workers=workers,
                  certs=certificates(), good=origin.tls_port,
                  faulty=faulty or origin.tls_port)
    proxy.tls_port = proxy.values["port2"]
    proxy.origin_tls_port = origin.tls_port
    return proxy


def client_context(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def connect(port, version=None, session=None, context=None):
    raw = socket.create_connection(("127.0.0.1", port), 30)
    return (context or client_context(version)).wrap_socket(
        raw, session=session)


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def fetch(tls, path):
    """The body; raises if the connection ends before it is whole."""
    tls.sendall(request(path))
    text = b""
    while b"\r\n\r\n" not in text:
        part = tls.recv(65536)
        if not part:
            raise EOFError(text)
        text += part
    head, body = text.split(b"\r\n\r\n", 1)
    assert b" 200 " in head, head
    n = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
    while len(body) < n:
        part = tls.recv(65536)
        if not part:
            raise EOFError(body)
        body += part
    return body


def faults():
    return (tlsrelay.flip, tlsrelay.drop, tlsrelay.replay, Swap(),
            tlsrelay.cut, tlsrelay.oversized)


def ends_badly(tls, path):
    try:
        tls.settimeout(20)
        fetch(tls, path)
    except (OSError, EOFError, ssl.SSLError):
        return
    raise AssertionError("nothing was noticed")


@limit(240)
def test_what_clients_send_is_tampered_with():
    proxy = start()
    relay = Relay(proxy.tls_port)
    beside = Beside(proxy.tls_port)
    for version in VERSIONS:
        for fault in faults():
            tls = connect(relay.port, version)
            assert fetch(tls, "/g5") == b"01234"
            relay.arm(UP, fault)
            if fault in (tlsrelay.drop, tlsrelay.replay) or \
                    isinstance(fault, Swap):
                # a second record is needed to notice
                tls.sendall(request("/g5"))
            ends_badly_or_after_one(tls, fault)
            tls.close()
            assert relay.used == 1, fault
            relay.used = 0
            beside.verify()
    with connect(relay.port) as tls:
        assert fetch(tls, "/g5") == b"01234"
    beside.verify()


def ends_badly_or_after_one(tls, fault):
    """A replayed record is refused after its first copy was answered."""
    tls.settimeout(20)
    text = b""
    try:
        tls.sendall(request("/g5"))
        while part := tls.recv(65536):
            text += part
    except (OSError, ssl.SSLError):
        pass
    most = 1 if fault is tlsrelay.replay else 0
    assert text.count(b"HTTP/1.1 200") <= most, (fault, text)


@limit(240)
def test_what_clients_get_is_tampered_with():
    proxy = start()
    relay = Relay(proxy.tls_port)
    beside = Beside(proxy.tls_port)
    for version in VERSIONS:
        for fault in faults():
            tls = connect(relay.port, version)
            assert len(fetch(tls, "/g300000")) == 300000
            relay.arm(DOWN, fault, skip=2)
            ends_badly(tls, "/g300000")
            tls.close()
            assert relay.used == 1, fault
            relay.used = 0
            beside.verify()


@limit(300)
def test_what_servers_send_is_tampered_with():
    """In the body: the client must not take it for a whole one."""
    proxy = start()
    relay = Relay(proxy.origin_tls_port)
    for words in "ssl-max-ver TLSv1.2", "ssl-min-ver TLSv1.3":
        here = start(server=words, faulty=relay.port)
        beside = Beside(here.tls_port)
        for fault in faults():
            assert get(here.port, "/f5").body == b"01234"
            relay.arm(DOWN, fault, skip=3)
            before = here.stdout().count("SD--")
            with Client(here.port) as c:
                c.send(request("/f300000"))
                try:
                    body = c.read_response().body
                except Exception:
                    body = b""
                assert len(body) < 300000, fault
            assert relay.used == 1, fault
            relay.used = 0
            wait_until(lambda: here.stdout().count("SD--") > before, 30,
                       what=f"SD-- in the log for {fault}")
            beside.verify()
        assert get(here.port, "/f5").body == b"01234"


@limit(240)
def test_a_servers_first_record_is_tampered_with():
    """Nothing came: the request is sent anew where that is safe, else 502."""
    relay = Relay(start().origin_tls_port)
    proxy = start(faulty=relay.port, retries=1, workers=1)
    beside = Beside(proxy.tls_port)
    for fault in tlsrelay.flip, tlsrelay.cut, tlsrelay.end, \
            tlsrelay.oversized:
        assert get(proxy.port, "/f5").body == b"01234"
        seen = relay.connections
        relay.arm(DOWN, fault)
        assert get(proxy.port, "/f5").body == b"01234", "sent anew"
        assert relay.used == 1 and relay.connections == seen + 1, fault
        relay.used = 0
        beside.verify()
    with Client(proxy.port) as c:
        relay.arm(DOWN, tlsrelay.flip)
        response = c.request("POST", "/f5", body=b"x")
        assert response.status == 502, "not safe to repeat"
    beside.verify()


@limit(120)
def test_a_body_that_ends_with_the_stream_is_cut():
    """Without close_notify that is no end, and no success."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates() / "ecdsa.pem")

    def talk(raw, _):
        tls = context.wrap_socket(raw, server_side=True)
        path = tls.recv(4096).split()[1]
        tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        tls.sendall(b"y" * 1000)
        if b"good" in path:
            tls.unwrap()
        raw = tls.detach() if b"good" not in path else -1
        if raw >= 0:
            socket.socket(fileno=raw).close()

    server = FakeServer(talk)
    proxy = start(faulty=server.port)
    beside = Beside(proxy.tls_port)
    with Client(proxy.port) as c:
        assert c.get("/fgood").body == b"y" * 1000
    with Client(proxy.port) as c:
        c.send(request("/fbad"))
        try:
            body = c.read_response().body
        except Exception:
            body = None
        assert body is None, "a short success"
    wait_until(lambda: "SD--" in proxy.stdout(), 30)
    with connect(proxy.tls_port) as tls:
        tls.settimeout(20)
        tls.sendall(request("/fbad"))
        text = b""
        try:
            while part := tls.recv(65536):
                text += part
        except (OSError, ssl.SSLError):
            pass
        assert not text.endswith(b"0\r\n\r\n"), text[-100:]
    beside.verify()


@limit(120)
def test_a_bad_ticket_costs_a_full_handshake_only():
    """Of another service, with other keys."""
    proxy, other = start(), start()
    context = client_context(ssl.TLSVersion.TLSv1_2)
    with connect(other.tls_port, context=context) as tls:
        fetch(tls, "/g5")
        session = tls.session
    with connect(other.tls_port, context=context, session=session) as tls:
        assert tls.session_reused
    beside = Beside(proxy.tls_port)
    with connect(proxy.tls_port, context=context, session=session) as tls:
        assert fetch(tls, "/g5") == b"01234"
        assert not tls.session_reused
    beside.verify()


@limit(120)
def test_a_stalled_client_handshake_is_ended_by_timeout_client():
    origin = tls_origin()
    proxy = Proxy((CONFIG % ("", 0, "")).replace(
        "timeout client 30s", "timeout client 2s"), workers=1,
        certs=certificates(), good=origin.tls_port, faulty=origin.tls_port)
    beside = Beside(proxy.values["port2"])
    stalled = []
    for first in b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01":
        s = socket.create_connection(("127.0.0.1", proxy.values["port2"]), 30)
        s.sendall(first)
        stalled.append(s)
    for s in stalled:
        data = b""
        try:
            while part := s.recv(100):
                data += part
        except ConnectionResetError:
            pass
        assert b"HTTP" not in data
    wait_until(lambda: "imeout during SSL handshake" in proxy.stdout(), 30)
    beside.verify()


@limit(120)
def test_accept_proxy_and_ssl_on_one_bind():
    proxy = start(words="accept-proxy")
    header = b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n"
    for pieces in (header,), (header[:9], header[9:]):
        raw = socket.create_connection(("127.0.0.1", proxy.tls_port), 30)
        for piece in pieces:
            raw.sendall(piece)
            time.sleep(0.05)
        with client_context().wrap_socket(raw) as tls:
            assert fetch(tls, "/g5") == b"01234"
    wait_until(lambda: proxy.stdout().count("192.0.2.7:1234") == 2, 30)
    # header and ClientHello in one segment
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context().wrap_bio(incoming, outgoing)
    raw = socket.create_connection(("127.0.0.1", proxy.tls_port), 30)
    raw.settimeout(30)
    first = header
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            raw.sendall(first + outgoing.read())
            first = b""
            incoming.write(raw.recv(65536))
    raw.close()
    # none, or a bad one
    for data in b"\x16\x03\x01\x00\x05hello", b"PROXY nonsense\r\n":
        raw = socket.create_connection(("127.0.0.1", proxy.tls_port), 30)
        raw.sendall(data)
        try:
            assert raw.recv(100) == b""
        except ConnectionResetError:
            pass
