# SPDX-License-Identifier: MIT
"""Session cookies of WebSockets, in all bridges, and across workers."""

import csv
import io
import socket

from wsbridge import WAYS, Bridge
from wsbtest import Client, Origin, Proxy, limit, request, wait_until


@limit(60)
def test_tunnels_give_and_take_cookies():
    seen = []

    def serve(peer):
        seen.append(peer)
        if peer.protocol:
            peer.accept(data=b"x")
            peer.end()
        else:
            peer.answer(200)

    bridge = Bridge(serve, more="cookie SRV insert indirect nocache",
                    words="cookie A")
    for way in WAYS:
        for given, left in (
                ((), None), (("SRV=A",), None), (("SRV=A; a=1",), "a=1"),
                (("a=1", "SRV=A", "b=2"), "a=1; b=2"),
                (("SRV=B", "a=1"), "a=1")):
            known = any("SRV=A" in c for c in given)
            with bridge.client(way) as c:
                c.ask("/", [("Cookie", v) for v in given])
                assert c.status == c.switched, (way, given, c.status)
                assert c.recv(1) == b"x"
                assert c.get("set-cookie") == (
                    None if known else "SRV=A; path=/"), (way, given)
                assert c.get("cache-control") == (
                    None if known else "private"), (way, given)
            got = seen.pop().get("cookie")
            # several fields of HTTP/1 stay several
            assert (got or "").replace(", ", "; ") == (left or ""), (
                way, given, got)


@limit(60)
def test_all_workers_know_a_cookie():
    origins = [Origin() for _ in range(4)]
    proxy = Proxy("backend b\n cookie S insert indirect nocache\n" + "".join(
        f" server s{i} 127.0.0.1:{o.port} cookie v{i}\n"
        for i, o in enumerate(origins)), workers=4)
    for i, origin in enumerate(origins):
        for _ in range(8):
            head = [("Cookie", f"a=1; S=v{i}")]
            answer = request(proxy.port, "GET", "/headers", head)
            assert answer.header("set-cookie") is None
            with Client(proxy.port) as c:
                assert c.ws_open("/ws", head).status == 101
        wait_until(lambda o=origin: o.stats()["websockets"] == 8,
                   what="the server's count")
    with socket.socket(socket.AF_UNIX) as cli:
        cli.connect(str(proxy.dir / "admin.sock"))
        cli.sendall(b"show stat\n")
        rows = list(csv.DictReader(io.StringIO(
            cli.makefile().read().removeprefix("# "))))
    names = {r["svname"]: r["cookie"] for r in rows if r["pxname"] == "b"}
    assert names == {"BACKEND": "S", **{f"s{i}": f"v{i}" for i in range(4)}}
    given = request(proxy.port, "GET", "/").header("set-cookie")
    assert given in [f"S=v{i}; path=/" for i in range(4)]
