# SPDX-License-Identifier: MIT
"""Both ends of a tunnel through the proxy, HTTP/1 or HTTP/2, as raw bytes.

A way is (client, server, tls), such as ("h1", "h2", False). A Bridge is a proxy
before four servers (HTTP/1 and HTTP/2, plain and through TLS) that do what
`serve` does with each request, a function of one argument:

    def serve(peer):
        assert peer.get("sec-websocket-protocol") == "chat"
        peer.accept(data=b"early")      # 101 or 200, with data in one piece
        peer.send(peer.recv(5))
        peer.end()

    bridge = Bridge(serve)
    for way in WAYS:
        with bridge.client(way) as c:
            c.ask("/path", FIELDS, data=b"hello")
            assert c.status == c.switched and c.recv(10) == b"earlyhello"
            assert c.rest() == (b"", "end")

What goes wrong in a server's thread fails the test at its end.
"""

import base64
import hashlib
import socket
import ssl
import struct
import tempfile
import threading
from pathlib import Path

import certs
import hpack
from h2client import (
    ACK, CANCEL, DATA, ENABLE_CONNECT_PROTOCOL, END_HEADERS, END_STREAM,
    GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, H2Client, frame_bytes, literal_block, settings_payload)
from wsbtest import Client, FakeServer, Proxy, free_port

WAYS = [(c, s, tls) for tls in (False, True)
        for c in ("h1", "h2") for s in ("h1", "h2")]
PLAIN_WAYS = [w for w in WAYS if not w[2]]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
LIMIT_S = 20
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

CONFIG = """
defaults
    mode http
    log global
    option httplog
    option forwardfor
    http-reuse always
    retries 1
    timeout client 20s
    timeout server 20s
    timeout connect 5s
    timeout tunnel 20s
    {more}
"""
WORDS = {
    ("h1", False): "", ("h2", False): "proto h2",
    ("h1", True): "ssl verify none alpn http/1.1",
    ("h2", True): "ssl verify none alpn h2"}
PART = """
frontend f_{0}
    bind 127.0.0.1:{{{1}}}
    bind 127.0.0.1:{{{2}}} ssl crt {{cert}}
    http-request set-header X-Forwarded-Proto https
    {{rule}}
    default_backend b_{0}
backend b_{0}
    server s 127.0.0.1:{{s_{0}}} {3}
"""
_certs = []


def certificate():
    if not _certs:
        folder = tempfile.TemporaryDirectory(prefix="wsb-certs-")
        certs.make(Path(folder.name))
        _certs.append(folder)   # lives as long as the process
    return Path(_certs[0].name, "ecdsa.pem")


def insecure():
    """A client's context that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def accept_of(key):
    return base64.b64encode(
        hashlib.sha1(key.encode() + GUID).digest()).decode()


class Tls:
    """A socket through TLS: it can be half-closed, and threads may share it,
    neither of which an SSLSocket takes."""

    def __init__(self, sock, context, **options):
        self.socket, self.lock = sock, threading.Lock()
        self.received, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.received, self.out, **options)
        self._until_done(self.ssl.do_handshake)

    def __getattr__(self, name):
        return getattr(self.socket, name)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def _flush(self):
        data = self.out.read()
        if data:
            self.socket.sendall(data)

    def _until_done(self, function, *args):
        while True:
            with self.lock:
                try:
                    return function(*args)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b""
                except ssl.SSLError as error:
                    raise ConnectionError(str(error)) from None
                finally:
                    self._flush()
            data = self.socket.recv(65536)
            with self.lock:
                if data:
                    self.received.write(data)
                else:
                    self.received.write_eof()

    def recv(self, n):
        return self._until_done(self.ssl.read, n)

    def sendall(self, data):
        with self.lock:
            self.ssl.write(data)
            self._flush()

    def shutdown(self, how):
        with self.lock:
            try:
                self.ssl.unwrap()
            except ssl.SSLError:
                pass    # the other's close_notify is not awaited
            self._flush()
        self.socket.shutdown(how)


class Peer:
    """A request as its server has it, and what the server does with it.

    path, fields [(name, value)] in lower case, first (the request line, or
    the pseudo-header fields as a dict), http: "h1" or "h2".
    """

    def __init__(self, first, fields):
        self.first, self.fields = first, fields

    def get(self, name):
        values = [v for n, v in self.fields if n == name]
        return ", ".join(values) if values else None

    def names(self):
        return {n for n, _ in self.fields}

    def rest(self):
        """(bytes, "end" or "reset") until the client's end."""
        data = b""
        try:
            while True:
                more = self.some()
                if not more:
                    return data, "end"
                data += more
        except ConnectionError:
            return data, "reset"


class H1Peer(Peer):
    http = "h1"

    def __init__(self, conn, buffered, first, fields):
        super().__init__(first, fields)
        self.conn, self.buffered = conn, buffered
        self.path = first.split(" ")[1]
        self.protocol = self.get("upgrade")
        self.over = False   # the connection takes no other request

    def raw(self, data):
        self.conn.sendall(data)

    def answer(self, status, fields=(), body=b""):
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}",
                 *(f"{n}: {v}" for n, v in fields)]
        self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def accept(self, fields=(), data=b"", protocol=None):
        lines = ["HTTP/1.1 101 Switching", "Connection: Upgrade",
                 f"Upgrade: {protocol or self.protocol}",
                 *(f"{n}: {v}" for n, v in fields)]
        if self.get("sec-websocket-key"):
            lines.append("Sec-WebSocket-Accept: "
                         + accept_of(self.get("sec-websocket-key")))
        self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        self.over = True

    send = raw

    def some(self):
        if self.buffered:
            data = bytes(self.buffered)
            self.buffered.clear()
            return data
        return self.conn.recv(65536)

    def recv(self, n):
        while len(self.buffered) < n:
            data = self.conn.recv(65536)
            assert data, f"ended after {bytes(self.buffered)!r}"
            self.buffered += data
        data = bytes(self.buffered[:n])
        del self.buffered[:n]
        return data

    def end(self):
        self.over = True
        self.conn.shutdown(socket.SHUT_WR)

    def reset(self):
        self.over = True
        self.conn.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.conn.close()


class H2Peer(Peer):
    http = "h2"

    def __init__(self, conn, sid, fields):
        pseudo = {n: v for n, v in fields if n.startswith(":")}
        super().__init__(pseudo, [f for f in fields if f[0][0] != ":"])
        self.conn, self.sid = conn, sid
        self.path = pseudo.get(":path")
        self.protocol = pseudo.get(":protocol")
        self.data, self.ended, self.gone = bytearray(), False, None
        self.come = threading.Condition()
        self.over = False

    def raw(self, *frames):
        """frames: (type, flags, payload)."""
        self.conn.write(b"".join(
            frame_bytes(k, f, self.sid, p) for k, f, p in frames))

    def head(self, status, fields):
        return (HEADERS, END_HEADERS, literal_block(
            [(":status", str(status)),
             *((n.lower(), v) for n, v in fields)]))

    def answer(self, status, fields=(), body=b""):
        self.raw(self.head(status, [*fields, (
            "content-length", str(len(body)))]), (DATA, END_STREAM, body))

    def accept(self, fields=(), data=b"", protocol=None):
        assert protocol in (None, self.protocol)
        self.raw(self.head(200, fields), *([(DATA, 0, data)] if data else []))

    def send(self, data):
        while data:
            n = self.conn.room(self.sid, min(len(data), 16384))
            self.raw((DATA, 0, data[:n]))
            data = data[n:]

    def note(self, kind, flags, payload):
        with self.come:
            if kind == DATA:
                self.data += payload
                self.ended |= bool(flags & END_STREAM)
            elif kind == RST_STREAM:
                self.gone = int.from_bytes(payload, "big")
            else:
                self.gone = -1
            self.come.notify_all()

    def await_(self, n):
        with self.come:
            assert self.come.wait_for(
                lambda: len(self.data) >= n or self.ended
                or self.gone is not None, LIMIT_S), "nothing comes"

    def some(self):
        self.await_(1)
        data = bytes(self.data)
        self.data.clear()
        if not data and not self.ended:
            raise ConnectionError(f"reset {self.gone}")
        return data

    def recv(self, n):
        self.await_(n)
        assert len(self.data) >= n, (bytes(self.data), self.gone)
        data = bytes(self.data[:n])
        del self.data[:n]
        return data

    def end(self):
        self.raw((DATA, END_STREAM, b""))

    def reset(self, code=CANCEL):
        self.raw((RST_STREAM, 0, struct.pack("!L", code)))


class H2Conn:
    """A connection of which each stream is a Peer in a thread of its own."""

    def __init__(self, conn, server):
        self.conn, self.server = conn, server
        self.lock = threading.Lock()
        self.peers = {}
        self.frames = []    # (type, stream, payload) as they came
        self.initial, self.windows = 65535, {}  # for what is sent
        self.more_room = threading.Condition()

    def write(self, data):
        with self.lock:
            self.conn.sendall(data)

    def room(self, sid, most):
        """Waits until bytes may be sent on a stream; how many of them may."""
        def free():
            return min(self.windows.setdefault(0, 65535),
                       self.windows.setdefault(sid, self.initial), most)
        with self.more_room:
            assert self.more_room.wait_for(lambda: free() > 0, LIMIT_S)
            n = free()
            for window in 0, sid:
                self.windows[window] -= n
            return n

    def note_room(self, kind, flags, sid, payload):
        with self.more_room:
            if kind == WINDOW_UPDATE:
                start = self.initial if sid else 65535
                self.windows[sid] = self.windows.get(sid, start) + \
                    int.from_bytes(payload, "big")
            elif kind == SETTINGS and not flags & ACK:
                values = dict(struct.iter_unpack("!HL", payload))
                self.initial = values.get(INITIAL_WINDOW_SIZE, self.initial)
            self.more_room.notify_all()

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.conn.recv(n - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    def run(self):
        assert self.exactly(len(PREFACE)) == PREFACE
        settings = {INITIAL_WINDOW_SIZE: 1 << 20, **self.server.settings}
        self.write(frame_bytes(SETTINGS, 0, 0, settings_payload(settings)) +
                   frame_bytes(WINDOW_UPDATE, 0, 0, b"\0\x7f\0\0"))
        decoder, flags = hpack.Decoder(), 0
        try:
            while True:
                head = self.exactly(9)
                payload = self.exactly(int.from_bytes(head[:3], "big"))
                kind, flags = head[3], head[4]
                sid = int.from_bytes(head[5:], "big")
                self.frames.append((kind, sid, payload))
                self.note_room(kind, flags, sid, payload)
                if kind in (SETTINGS, PING) and not flags & ACK:
                    self.write(frame_bytes(
                        kind, ACK, 0, payload if kind == PING else b""))
                elif kind == HEADERS:
                    self.begin(sid, decoder.decode(payload), flags)
                elif kind in (DATA, RST_STREAM) and sid in self.peers:
                    self.peers[sid].note(kind, flags, payload)
                elif kind == GOAWAY:
                    continue
        finally:
            for peer in self.peers.values():
                peer.note(GOAWAY, 0, b"")

    def begin(self, sid, fields, flags):
        peer = self.peers[sid] = H2Peer(self, sid, fields)
        peer.ended = bool(flags & END_STREAM)
        threading.Thread(
            target=self.server.serve, args=(peer,), daemon=True).start()


class Server(FakeServer):
    """Any number of requests on a connection; serve(peer) for each."""

    def __init__(self, http, tls, serve, settings=None):
        self.http, self.function = http, serve
        self.context = None
        self.settings = {ENABLE_CONNECT_PROTOCOL: 1} \
            if settings is None else settings
        self.conns = []     # of HTTP/2
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate())
            self.context.set_alpn_protocols(
                ["h2" if http == "h2" else "http/1.1"])
        super().__init__(self.talk)

    def serve(self, peer):
        try:
            self.function(peer)
        except (OSError, TimeoutError):
            pass    # the other side is gone
        except Exception as error:  # noqa: BLE001, reported by verify()
            self.error = self.error or error

    def talk(self, conn, number):
        del number
        conn.settimeout(LIMIT_S)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            conn = Tls(conn, self.context, server_side=True)
        with conn:
            if self.http == "h2":
                self.conns.append(H2Conn(conn, self))
                self.conns[-1].run()
            else:
                self.talk_h1(conn)

    def talk_h1(self, conn):
        buffered = bytearray()
        while True:
            while b"\r\n\r\n" not in buffered:
                data = conn.recv(65536)
                if not data:
                    return
                buffered += data
            at = buffered.index(b"\r\n\r\n") + 4
            first, *lines = buffered[:at - 4].decode("latin-1").split("\r\n")
            del buffered[:at]
            fields = [(n.lower(), v.strip()) for n, _, v in (
                s.partition(":") for s in lines)]
            peer = H1Peer(conn, buffered, first, fields)
            self.serve(peer)
            if peer.over:
                return


class H1End:
    """A client: ask(), then status and fields are there, or None."""

    switched = 101

    def __init__(self, port, context=None):
        self.client = Client(port, timeout=LIMIT_S)
        if context:
            context.set_alpn_protocols(["http/1.1"])
            self.client.socket = Tls(
                self.client.socket, context, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.client.close()

    def handshake(self, path, fields=(), data=b"", key=KEY,
                  protocol="websocket"):
        lines = [f"GET {path} HTTP/1.1", "Host: example.com",
                 "Connection: keep-alive, Upgrade", f"Upgrade: {protocol}"]
        if protocol == "websocket":
            lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        lines += [f"{n}: {v}" for n, v in fields]
        self.client.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def ask(self, path, fields=(), data=b"", **options):
        self.handshake(path, fields, data, **options)
        self.response()

    def response(self):
        self.answer = self.client.read_response()
        self.status, self.body = self.answer.status, self.answer.body

    def get(self, name):
        return self.answer.header(name)

    def plain(self, path):
        """An ordinary request on the same connection: its status."""
        return self.client.get(path, [("Host", "example.com")]).status

    def send(self, data):
        self.client.send(data)

    def recv(self, n):
        return self.client.read(n)

    def rest(self):
        data = self.client.buffer
        self.client.buffer = b""
        try:
            while True:
                more = self.client.socket.recv(65536)
                if not more:
                    return data, "end"
                data += more
        except ConnectionError:
            return data, "reset"

    def end(self):
        self.client.shutdown()

    def reset(self):
        self.client.reset()


class H2End:
    switched = 200

    def __init__(self, port, context=None):
        self.h2 = H2Client(port, context=context, timeout=LIMIT_S)
        self.h2.wait_settings()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.h2.close()

    def handshake(self, path, fields=(), data=b"", key=None,
                  protocol="websocket"):
        del key
        self.sid = self.h2.open_stream()
        self.stream = self.h2.streams[self.sid]
        if protocol == "websocket":
            fields = [("sec-websocket-version", "13"), *fields]
        with self.h2.at_once():
            self.h2.send_headers(self.sid, [
                (":method", "CONNECT"), (":protocol", protocol),
                (":scheme", "https"), (":authority", "example.com"),
                (":path", path), *((n.lower(), v) for n, v in fields)])
            if data:
                self.h2.send_data(self.sid, data)

    def ask(self, path, fields=(), data=b"", **options):
        self.handshake(path, fields, data, **options)
        self.response()

    def response(self):
        s = self.stream
        self.h2.wait(lambda: s.headers or s.reset is not None)
        self.status = s.status
        if self.status and self.status != 200:
            self.h2.wait(lambda: s.ended or s.reset is not None)
        self.body = bytes(s.body)

    def get(self, name):
        return self.stream.header(name)

    def plain(self, path):
        return self.h2.get(path).status

    def send(self, data):
        self.h2.send_body(self.sid, data, False)

    def recv(self, n):
        s = self.stream
        self.h2.wait(
            lambda: len(s.body) >= n or s.ended or s.reset is not None)
        assert len(s.body) >= n, s
        data = bytes(s.body[:n])
        del s.body[:n]
        return data

    def rest(self):
        s = self.stream
        self.h2.wait(lambda: s.ended or s.reset is not None)
        return bytes(s.body), "end" if s.ended else "reset"

    def end(self):
        self.h2.send_data(self.sid, b"", True)

    def reset(self):
        self.h2.send_rst(self.sid)


class Bridge:
    def __init__(self, serve, more="", settings=None, words="", rule=""):
        self.servers, text, values = {}, CONFIG, {"cert": certificate()}
        for n, (kind, word) in enumerate(WORDS.items()):
            name = kind[0] + ("s" if kind[1] else "")
            self.servers[kind] = Server(*kind, serve, settings)
            values[f"s_{name}"] = self.servers[kind].port
            values[f"port{2 * n + 2}"] = free_port()
            values[f"port{2 * n + 3}"] = free_port()
            text += PART.format(name, f"port{2 * n + 2}", f"port{2 * n + 3}",
                                word + " " + words)
        text = ("global\n    stats socket {dir}/admin.sock level admin\n"
                "    log stderr format raw local0\n" + text)
        self.proxy = Proxy(text, more=more, rule=rule, **values)
        self.ports = {
            kind: (self.proxy.values[f"port{2 * n + 2}"],
                   self.proxy.values[f"port{2 * n + 3}"])
            for n, kind in enumerate(WORDS)}
        self.proxy.wait_port(self.proxy.values["port9"])

    def server(self, way):
        return self.servers[way[1:]]

    def port(self, way):
        return self.ports[way[1:]][way[2]]

    def context(self, way):
        if not way[2]:
            return None
        return insecure()

    def client(self, way):
        end = H1End if way[0] == "h1" else H2End
        return end(self.port(way), self.context(way))
