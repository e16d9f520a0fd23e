# SPDX-License-Identifier: MIT
"""option ws-ping where ends are HTTP/2 streams, and where they are not: in all
bridges, plain and through TLS, both ends."""

import random
import struct
import threading
import time

from h2client import INITIAL_WINDOW_SIZE, ENABLE_CONNECT_PROTOCOL, \
    WINDOW_UPDATE, H2Client, frame_bytes
from wsbridge import WAYS, Bridge
from wsbtest import limit, wait_until
from wsecho import FIN, TEXT, WS_PING, WS_PONG, frame

CLOSE = 0x88
FORMAT = ('log-format "%ST %ts in=%[tunnel.bytes_in] out=%[tunnel.bytes_out] '
          'by=%[tunnel.closed_by] %HU "')
OWN = b"ownbytes"       # of a pong that answers nothing


class End:
    """One end of a tunnel, over what wsbridge has; mask: what it says is
    masked, what it hears is not."""

    def __init__(self, end, mask):
        self.end, self.mask = end, mask
        self.said = self.heard = b""
        self.pings = 0

    def frame(self, first, payload):
        return frame(first, payload, random.randbytes(4) if self.mask else None)

    def say(self, data):
        self.said += data
        self.end.send(data)

    def hear(self):
        """A frame: (first byte, payload). Pings of ours are not `heard`."""
        head = self.end.recv(2)
        size = head[1] & 0x7F
        assert bool(head[1] & 0x80) != self.mask, head
        if size > 125:
            head += self.end.recv(2 if size == 126 else 8)
            size = int.from_bytes(head[2:], "big")
        key = b"" if self.mask else self.end.recv(4)
        body = self.end.recv(size)
        if head[0] == FIN | WS_PING and size == 8:
            self.pings += 1
        else:
            self.heard += head + key + body
        if key and size == 8:   # all that is looked at
            body = bytes(c ^ key[i % 4] for i, c in enumerate(body))
        return head[0], body

    def listen(self, enough, other):
        """Answers pings; says how it all ends when it was asked, and so was
        the other (or it need not be)."""
        first = None
        while first != CLOSE:
            first, payload = self.hear()
            if first != FIN | WS_PING or len(payload) != 8:
                continue
            self.end.send(self.frame(FIN | WS_PONG, payload))
            if not enough.is_set():
                enough.set()
                assert other.wait(60)
                self.say(self.frame(FIN | WS_PONG, OWN) +
                         self.frame(FIN | TEXT, b"alive") +
                         self.frame(CLOSE, b""))

    def talk(self, enough, heard):
        """Fragments in pieces of any size, until the other was asked; then
        what the other says, up to its end.  heard(): bytes that came there."""
        while not enough.is_set():
            parts = random.randrange(1, 4)
            data = b"".join(self.frame(
                (TEXT if n == 0 else 0) | (FIN if n == parts - 1 else 0),
                random.randbytes(random.choice((0, 8, 14, 200, 30000))))
                for n in range(parts))
            data += self.frame(FIN | random.choice((WS_PING, WS_PONG)),
                               random.randbytes(9))
            while data:
                n = random.choice((1, 7, 100, 9000, len(data)))
                self.say(data[:n])
                data = data[n:]
            wait_until(lambda: heard() == len(self.said) or enough.is_set(),
                       60)
            time.sleep(0.1)     # between frames: here a ping can go
        self.say(self.frame(CLOSE, b""))
        while self.hear()[0] != CLOSE:
            pass


class Tunnel:
    """mode: who talks, "client" or "server"; "none": both are silent."""

    def __init__(self, way, mode):
        self.way, self.mode = way, mode
        self.asked = {s: threading.Event() for s in ("client", "server")}
        if mode != "none":
            self.asked[mode].set()
        self.ends = {}
        self.over = threading.Event()

    def run(self, end, side):
        self.ends[side] = end = End(end, side == "client")
        peer = "server" if side == "client" else "client"
        other = self.asked[peer]
        if self.mode == side:
            end.talk(other, lambda: len(self.ends[peer].heard)
                     if peer in self.ends else -1)
        else:
            end.listen(self.asked[side], other)
        if side == "server":
            self.over.set()

    def client(self, bridge, path):
        with bridge.client(self.way) as client:
            client.ask(path)
            assert client.status == client.switched
            self.run(client, "client")
            assert self.over.wait(60)

    def check(self):
        client, server = self.ends["client"], self.ends["server"]
        for one, two in (client, server), (server, client):
            assert one.heard == two.said, (
                self.way, self.mode, len(one.heard), len(two.said))
        for side, end in self.ends.items():
            assert end.pings or side == self.mode, (self.way, self.mode, side)


@limit(120)
def test_the_lively_are_not_disturbed_and_no_byte_is_altered():
    tunnels = {f"/{n}-{mode}": Tunnel(way, mode)
               for mode in ("client", "server", "none")
               for n, way in enumerate(WAYS)}

    def serve(peer):
        peer.accept()
        tunnels[peer.path].run(peer, "server")

    bridge = Bridge(serve, more="option ws-ping 6s")
    threads = [threading.Thread(target=t.client, args=(bridge, path))
               for path, t in tunnels.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for t in tunnels.values():
        t.check()


def log_of(bridge, path):
    return bridge.proxy.wait_log(f'by=proxy .*{path} ', 20)


@limit(120)
def test_dead_clients_are_given_up():
    left = {}

    def serve(peer):
        if peer.path == "/plain":
            peer.answer(200)
            return
        peer.accept()
        left[peer.path] = peer.rest()

    bridge = Bridge(serve, rule="option ws-ping 300ms\n    " + FORMAT)
    for n, way in enumerate(WAYS):
        with bridge.client(way) as client:
            client.ask(f"/{n}")
            said, _ = client.rest()
            assert said[:2] == b"\x89\x08" and len(said) == 10, (way, said)
            line = log_of(bridge, f"/{n}")
            assert " cD " in line and " in=0 out=0 " in line, line
            if way[0] == "h2":  # the connection is none the worse
                assert client.plain("/plain") == 200
    wait_until(lambda: len(left) == len(WAYS), 20)
    assert all(data == b"" for data, _ in left.values()), left


@limit(120)
def test_dead_servers_are_given_up():
    left = {}

    def serve(peer):
        peer.accept()
        left[peer.path] = peer.rest()[0]

    bridge = Bridge(serve, more="option ws-ping 300ms",
                    rule="no option ws-ping\n    " + FORMAT)
    for n, way in enumerate(WAYS):
        with bridge.client(way) as client:
            client.ask(f"/{n}")
            assert client.rest()[0] == b"", way
            assert " sD " in log_of(bridge, f"/{n}")
    wait_until(lambda: len(left) == len(WAYS), 20)
    for said in left.values():
        assert said[:2] == b"\x89\x88" and len(said) == 14, said


def test_a_client_without_a_window_is_asked_once():
    def serve(peer):
        peer.accept()
        assert peer.rest()[0] == b""

    bridge = Bridge(serve, rule="option ws-ping 200ms")
    for way in (w for w in WAYS if w[0] == "h2" and not w[2]):
        with H2Client(bridge.port(way), timeout=20,
                      settings={INITIAL_WINDOW_SIZE: 0}) as h2:
            stream = h2.ws_open("/").stream
            assert stream.status == 200
            threading.Event().wait(2)
            h2.ping()
            # it cannot have got the question
            assert not stream.body and stream.reset is None
            h2.send_window(stream.id, 999)
            h2.wait(lambda: stream.ended or stream.reset is not None)
            assert len(stream.body) == 10, bytes(stream.body)


def test_a_server_without_a_window_is_asked_once():
    peers = []

    def serve(peer):
        peer.accept()
        peers.append(peer)

    bridge = Bridge(serve, settings={
        INITIAL_WINDOW_SIZE: 0, ENABLE_CONNECT_PROTOCOL: 1},
        more="option ws-ping 200ms", rule="no option ws-ping")
    for way in (w for w in WAYS if w[1] == "h2" and not w[2]):
        with bridge.client(way) as client:
            client.ask("/")
            assert client.status == client.switched
            threading.Event().wait(2)
            peer = peers.pop()
            assert not peer.data and peer.gone is None
            peer.conn.write(frame_bytes(
                WINDOW_UPDATE, 0, peer.sid, struct.pack("!L", 999)))
            assert client.rest()[0] == b""
            wait_until(lambda: peer.gone is not None, 20)
            assert len(peer.data) == 14, bytes(peer.data)
