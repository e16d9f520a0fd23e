# SPDX-License-Identifier: MIT
"""The demo origin by itself: HTTP/2 and WebSocket over it."""

import hashlib
import json
import os
import re
import tempfile
import time
from pathlib import Path

import h2client as h2
from h2client import H2Client
from wsborigin import TLS12, TLS13, TlsOrigin
from wsbtest import Client, Origin, curl, get, needs, run, wait_until


def h2_stats(origin):
    return origin.stats()["h2"]


def test_carries_what_http1_does():
    origin = TlsOrigin()
    body = os.urandom(3 << 20)
    digest = hashlib.sha256(body).hexdigest().encode() + b"\n"
    pattern = get(origin.port, f"/bytes/{3 << 20}").body
    for tls, version in (False, None), (True, TLS12), (True, TLS13):
        with origin.h2(tls, version) as c:
            assert c.post("/hash", body).body == digest
            assert c.get(f"/bytes/{3 << 20}").body == pattern
            got = c.post("/echo", body, trailers=[("x-a", "1"), ("x-b", "")])
            assert got.body == body
            assert got.trailers == [("x-a", "1"), ("x-b", "")]
            got = c.get("/chunked/100000")
            assert got.body == pattern[:100000]
            assert got.trailers == [("x-origin-trailer", "end")]
            assert got.header("content-length") is None
            assert b":path: /headers?x\r\n" in c.get("/headers?x").body
            assert c.get("/status/404").status == 404
            assert c.get("/no/such").status == 404
            assert c.get("/status/204").header("content-length") is None
            assert c.get("/ws").status == 426
            got = c.response(c.request("HEAD", "/bytes/70"))
            assert got.header("content-length") == "70" and got.body == b""
            assert c.get("/bytes/7?nolen").header("content-length") is None
            got = c.response(c.request("OPTIONS", "*"))
            assert got.status == 404
    assert h2_stats(origin)["errors"] == 0, h2_stats(origin)


def test_counts_by_protocol():
    origin = Origin()
    with H2Client(origin.port) as a, H2Client(origin.port) as b:
        sids = [c.request("GET", "/delay/600000") for c in (a, a, b)]
        assert a.get("/conn").body == b"conn 1 request 3\n"
        b.ws_open()
        with Client(origin.port) as one:
            one.get("/conn")
            one.ws_open()
            stats = origin.stats()
        assert stats["accepted"] == 3 and stats["requests"] == 7, stats
        assert stats["concurrent"] >= 4, stats
        assert stats["h1"] == {
            "connections": 1, "requests": 2, "websockets": 1}, stats
        h = stats["h2"]
        assert (h["connections"], h["open"], h["peak_open"]) == (2, 2, 2), h
        assert (h["streams"], h["open_streams"]) == (5, 4), h
        assert (h["requests"], h["websockets"]) == (5, 1), h
        assert (h["peak_on_a_connection"], h["peak_streams"]) == (3, 4), h
        a.send_rst(sids[0])
        a.ping()
        h = h2_stats(origin)
        assert (h["resets_received"], h["open_streams"]) == (1, 3), h
        assert h["pings_received"] == 2, h
        assert origin.stats()["aborted"] == 1
        a.send_goaway()
        wait_until(lambda: h2_stats(origin)["goaways_received"] == 1)
    wait_until(lambda: origin.stats()["open"] == 0)
    stats = origin.stats()
    assert stats["concurrent"] == 0 and stats["h2"]["open_streams"] == 0
    origin.reset()
    assert set(h2_stats(origin).values()) == {0, ""}, h2_stats(origin)


def test_streams_are_multiplexed():
    origin = Origin()
    with H2Client(origin.port, settings={h2.INITIAL_WINDOW_SIZE: 20000}) as c:
        many = [c.request("GET", f"/bytes/{n * 10000}") for n in range(20)]
        sids = [c.request("POST", "/echo", end=False) for _ in range(20)]
        for n, sid in enumerate(sids):
            c.send_body(sid, bytes([n]) * 60000)
        for n, sid in enumerate(many):
            assert len(c.response(sid).body) == n * 10000
        for n, sid in enumerate(sids):
            assert c.response(sid).body == bytes([n]) * 60000
    assert h2_stats(origin)["peak_on_a_connection"] >= 20


def test_keeps_to_the_clients_windows():
    origin = Origin()
    with H2Client(origin.port, settings={h2.INITIAL_WINDOW_SIZE: 100},
                  auto=False) as c:
        sid = c.request("GET", "/bytes/100000")
        c.wait(lambda: len(c.streams[sid].body) == 100)
        c.ping()
        c.send_window(sid, 7)
        c.wait(lambda: len(c.streams[sid].body) >= 107)
        assert len(c.streams[sid].body) == 107
        c.send_settings({h2.INITIAL_WINDOW_SIZE: 200000})
        c.wait(lambda: len(c.streams[sid].body) == 65535)
        c.ping()
        assert len(c.streams[sid].body) == 65535
        c.send_window(0, 1 << 20)
        assert len(c.response(sid).body) == 100000
        sid = c.request("GET", "/bytes/500000")
        c.wait(lambda: len(c.streams[sid].body) == 200000)
        c.ping()
        assert len(c.streams[sid].body) == 200000
    c = H2Client(origin.port, settings={h2.INITIAL_WINDOW_SIZE: 1})
    ws = c.ws_open()
    ws.ws_send(b"0123456789" * 5)
    assert ws.ws_recv() == (1, b"0123456789" * 5)
    c.close()


def test_websocket_over_streams():
    origin = TlsOrigin()
    for tls in False, True:
        with origin.h2(tls) as c:
            some = [c.ws_open() for _ in range(5)]
            for size in 0, 1, 125, 126, 65535, 65536, 500000:
                data = [os.urandom(size) for _ in some]
                for ws, text in zip(some, data):
                    ws.ws_send(text, opcode=2)
                for ws, text in zip(some, data):
                    assert ws.ws_recv() == (2, text), size
            assert c.get("/bytes/5").body == b"01234"
            one, two, three, four, five = some
            one.ws_send(b"x", opcode=9)
            assert one.ws_recv() == (10, b"x")
            one.ws_send(b"\x03\xe8bye", opcode=8)
            assert one.ws_recv() == (8, b"\x03\xe8bye")
            c.wait(lambda: one.stream.ended)
            two.send(b"", end=True)     # half close, in between frames
            c.wait(lambda: two.stream.ended)
            three.send(b"\x81\x85", end=True)   # and within one
            c.wait(lambda: three.stream.ended)
            four.send(b"\x81\x01x")     # not masked
            assert four.ws_recv() == (8, b"\x03\xea")
            c.wait(lambda: four.stream.ended)
            five.ws_send(b"still here")
            assert five.ws_recv() == (1, b"still here")
            assert all(ws.stream.reset is None for ws in some)
            c.send_rst(five.stream.id)
            c.ping()
    stats = origin.stats()
    assert stats["websockets"] == stats["h2"]["websockets"] == 10, stats
    assert stats["messages"] == 2 * (7 * 5 + 1), stats


def test_websocket_refusals():
    origin = Origin()
    with H2Client(origin.port) as c:
        assert c.wait_settings()[h2.ENABLE_CONNECT_PROTOCOL] == 1
        assert c.ws_open("/ws?status=403").stream.status == 403
        for fields, status in (
                ([(":method", "CONNECT"), (":authority", "x")], 405),
                ([(":protocol", "connect-udp"), *c.fields("CONNECT")], 501)):
            sid = c.open_stream()
            c.send_headers(sid, fields)
            c.wait(lambda: c.streams[sid].headers)
            assert c.streams[sid].status == status, fields
        assert c.ws_open().stream.status == 200
    origin = Origin("--h2-no-websocket")
    with H2Client(origin.port) as c:
        assert h2.ENABLE_CONNECT_PROTOCOL not in c.wait_settings()
        assert c.ws_open().stream.reset == h2.PROTOCOL_ERROR
        assert c.get("/bytes/1").body == b"0"


def test_interim_responses():
    origin = Origin()
    with H2Client(origin.port) as c:
        sid = c.request("POST", "/hash", [("expect", "100-continue")],
                        end=False)
        c.wait(lambda: c.streams[sid].informational)
        c.send_body(sid, b"abc")
        assert c.response(sid).status == 200
        assert c.streams[sid].informational == [[(":status", "100")]]
        got = c.get("/bytes/3?hints=2")
        assert [f[0] for f in got.informational] == [(":status", "103")] * 2
        assert got.body == b"012"
    with Client(origin.port) as one:
        one.send_request(path="/bytes/3?hints=2")
        assert [one.read_head().status for _ in range(3)] == [103, 103, 200]
        assert one.read(3) == b"012"


def test_answers_early():
    origin = Origin()
    with H2Client(origin.port) as c:
        sid = c.request("POST", "/bytes/9?early", end=False)
        assert c.response(sid).body == b"012345678"
        c.send_body(sid, bytes(400000))
        c.ping()
        assert c.streams[sid].reset is None
        sid = c.request("POST", "/bytes/9?early&rst", end=False)
        assert c.response(sid).body == b"012345678"
        c.wait(lambda: c.streams[sid].reset is not None)
        assert c.streams[sid].reset == h2.NO_ERROR
        sid = c.request("POST", "/bytes/9?early&noread", end=False)
        c.response(sid)
        have = c.streams[sid].window
        c.send_data(sid, bytes(10000))
        c.ping()
        assert c.streams[sid].window == have - 10000


def test_speaks_what_was_negotiated():
    origin = TlsOrigin("--alpn", "http/1.1,h2")
    with origin.client(alpn=["h2", "http/1.1"]) as one:
        assert one.socket.selected_alpn_protocol() == "http/1.1"
        assert one.get("/conn").status == 200
    with origin.h2(tls=True) as c:
        assert c.socket.selected_alpn_protocol() == "h2"
        assert c.get("/conn").status == 200
    origin = TlsOrigin("--alpn", "http/1.1", "--no-h2")
    for port in origin.port, origin.tls_port:
        context = origin.context() if port == origin.tls_port else None
        with H2Client(port, context=context) as c:
            c.socket.settimeout(10)
            data = c.socket.recv(1000)
            assert data.startswith(b"HTTP/1.1 400 "), data
    assert h2_stats(origin)["connections"] == 0
    origin = Origin()
    with Client(origin.port) as slow:   # the preface, byte by byte
        for byte in h2.PREFACE + h2.frame_bytes(h2.SETTINGS):
            slow.send(bytes([byte]))
        assert slow.read(9)[3] == h2.SETTINGS
    with Client(origin.port) as one:    # and what only begins like it
        one.send("PRI /conn HTTP/1.1\r\nHost: x\r\n\r\n")
        assert one.read_response().status == 200


def test_settings_are_as_told():
    origin = Origin(
        "--h2-window", "10", "--h2-conn-window", "100", "--h2-max-streams",
        "3", "--h2-max-frame", "20000", "--h2-header-table", "0",
        "--h2-padding", "100")
    with H2Client(origin.port) as c:
        assert c.wait_settings() == {
            h2.MAX_CONCURRENT_STREAMS: 3, h2.INITIAL_WINDOW_SIZE: 10,
            h2.MAX_FRAME_SIZE: 20000, h2.HEADER_TABLE_SIZE: 0,
            h2.ENABLE_CONNECT_PROTOCOL: 1}
        c.send_settings({h2.MAX_CONCURRENT_STREAMS: 0})
        body = os.urandom(1000)
        assert c.post("/echo", body).body == body
        frame = next(f for f in c.frames if f.kind == h2.DATA and f.data)
        assert len(frame.payload) - len(frame.data) == 100, frame
        for _ in range(3):
            c.request("GET", "/delay/600000")
        c.ping()
        assert not c.goaway
        c.request("GET", "/delay/600000")
        c.read_to_end()
        assert c.goaway.code == h2.PROTOCOL_ERROR
    # The connection's window falls from 65535 to 100, and is kept there.
    origin = Origin("--h2-conn-window", "100")
    with H2Client(origin.port) as c:
        c.wait_settings()
        sid = c.request("POST", "/hash", end=False)
        c.send_body(sid, bytes(70000), end=False)
        c.ping()
        assert 0 < c.window <= 100, c.window


def test_changes_settings_in_mid_life():
    origin = Origin()
    with H2Client(origin.port) as c:
        c.get("/conn")
        c.get("/conn?setting=4&value=1000")
        assert c.peer_settings[h2.INITIAL_WINDOW_SIZE] == 1000
        body = os.urandom(50000)
        assert c.post("/echo", body).body == body
        c.get("/conn?setting=3&value=1")
        assert c.peer_settings[h2.MAX_CONCURRENT_STREAMS] == 1
        before = len(c.frames)
        c.get("/conn?changes=50")
        assert sum(f.kind == h2.SETTINGS for f in c.frames[before:]) == 50
        c.ping()
    assert h2_stats(origin)["errors"] == 0


def test_says_nothing_for_a_while():
    origin = Origin("--h2-settings-delay", "500")
    start = time.monotonic()
    with H2Client(origin.port) as c:
        sid = c.request("GET", "/bytes/5")
        assert c.response(sid).body == b"01234"
        assert time.monotonic() - start >= 0.4
        assert c.frames[0].kind == h2.SETTINGS and not c.frames[0].is_ack


def test_idle_connections_are_closed():
    origin = TlsOrigin("--idle-close", "800")
    for tls in False, True:
        with origin.h2(tls) as c:
            assert c.get("/delay/1700").status == 200
            c.read_to_end()
            assert (c.goaway.code, c.goaway.last) == (h2.NO_ERROR, 1)
    with origin.h2() as c:      # before any request, too
        assert c.is_closed(10) and c.goaway
    origin = Origin("--idle-close", "800", "--h2-abrupt")
    with H2Client(origin.port) as c:
        c.get("/conn")
        assert c.is_closed(10) and not c.goaway


def test_goaway_after_some_streams():
    for words in (["--h2-goaway", "3"], ["--close-after", "3"]):
        origin = Origin(*words)
        with H2Client(origin.port) as c:
            with c.at_once():
                sids = [c.request("GET", f"/bytes/{n}?delay=300")
                        for n in range(5)]
            for n, sid in enumerate(sids[:3]):
                assert len(c.response(sid).body) == n
            c.read_to_end()
            assert (c.goaway.code, c.goaway.last) == (h2.NO_ERROR, sids[2])
            assert not any(c.streams[sid].headers for sid in sids[3:])
        assert origin.stats()["requests"] == 3


def test_goaway_leaves_streams_unprocessed():
    origin = Origin("--h2-goaway", "2", "--h2-unprocessed", "3")
    for count in 5, 4:  # with fewer it is said after a while
        origin.reset()
        with H2Client(origin.port) as c:
            with c.at_once():
                sids = [c.request("GET", "/conn") for _ in range(count)]
            c.read_to_end()
            assert c.goaway.last == sids[1], c.goaway
            assert all(c.streams[s].status == 200 for s in sids[:2])
            assert not any(c.streams[s].headers for s in sids[2:])
        stats = origin.stats()
        assert stats["requests"] == 2, stats
        assert stats["h2"]["unprocessed"] == count - 2, stats
        assert stats["h2"]["goaways_sent"] == 1, stats


def test_goaway_in_two_steps():
    origin = Origin("--h2-goaway", "2", "--h2-notice")
    with H2Client(origin.port) as c:
        with c.at_once():
            sids = [c.request("GET", "/delay/400") for _ in range(4)]
        assert c.wait_frame(h2.GOAWAY).last == 0x7FFFFFFF
        assert c.wait_frame(h2.GOAWAY).last == sids[3]
        assert all(c.response(sid).status == 200 for sid in sids)
        assert c.is_closed(10)


def test_stays_open_after_goaway():
    origin = Origin("--h2-goaway", "2", "--h2-stay")
    with H2Client(origin.port) as c:
        assert [c.get("/conn").status for _ in range(2)] == [200, 200]
        c.wait(lambda: c.goaway)
        late = c.request("GET", "/conn")
        assert not c.is_closed(0.5) and not c.streams[late].headers
    wait_until(lambda: origin.stats()["open"] == 0)
    origin = Origin("--idle-close", "800", "--h2-stay")
    with H2Client(origin.port) as c:
        c.get("/conn")
        assert c.wait_frame(h2.GOAWAY).last == 1
        assert not c.is_closed(0.5)
    assert h2_stats(origin)["goaways_sent"] == 1


def test_frames_on_idle_connections():
    origin = Origin("--h2-idle-frames", "50")
    with H2Client(origin.port) as c:
        c.wait_frame(h2.PING)
        assert c.get("/delay/300").status == 200
        for _ in range(3):
            c.wait_frame(h2.PING, 0, lambda f: not f.is_ack)
            c.wait_frame(h2.RST_STREAM, 1)
        stats = h2_stats(origin)
        assert stats["pings_answered"] >= 3, stats
        assert stats["settings_acked"] >= 3, stats
        assert stats["late_frames"] >= 6 and stats["errors"] == 0, stats


def test_goaway_on_request():
    origin = Origin()
    with H2Client(origin.port) as c:
        with c.at_once():
            sids = [c.request("GET", "/delay/300") for _ in range(3)]
            sids.append(c.request("GET", "/conn?goaway=11&back=2"))
        c.read_to_end()
        assert (c.goaway.code, c.goaway.last) == (11, sids[1])
        assert [c.streams[s].status for s in sids] == [200, 200, None, None]
    with H2Client(origin.port) as c:
        sid = c.request("GET", "/delay/300?goaway=0")
        frame = c.wait_frame(h2.GOAWAY)
        assert frame.last == sid and not c.streams[sid].headers
        assert c.response(sid).status == 200
        assert c.is_closed(10)
    with H2Client(origin.port) as c:
        assert c.get("/close").status == 200
        assert c.goaway.last == 1 and c.is_closed(10)


def test_refuses_streams():
    origin = Origin("--h2-refuse", "3")
    with H2Client(origin.port) as c:
        got = [c.get("/conn").reset for _ in range(7)]
        refused = h2.REFUSED_STREAM
        assert got == [None, None, refused, None, None, refused, None], got
    stats = origin.stats()
    assert stats["requests"] == 5 and stats["h2"]["refused"] == 2, stats


def test_resets_in_the_body():
    origin = Origin()
    with H2Client(origin.port) as c:
        for path, length, code in (
                ("/bytes/100?reset=2", 50, 2),
                ("/bytes/100?reset=8&at=99", 99, 8),
                ("/chunked/100?reset=0", 0, 0),
                ("/bytes/50000?reset=11&at=40000", 40000, 11),
                ("/conn?reset=7&at=0", 0, 7)):
            got = c.get(path)
            assert (len(got.body), got.reset) == (length, code), path
            assert got.status == 200 and not got.ended
        got = c.get("/conn?reset=7&noanswer")
        assert got.reset == 7 and got.headers is None
        ws = c.ws_open("/ws?reset=8&at=6")
        ws.ws_send(b"0123456789")
        assert c.response(ws.stream.id).reset == 8
        assert ws.stream.body == b"\x81\x0a0123"
        assert c.get("/bytes/3").body == b"012"


def test_bodies_of_another_length_than_said():
    origin = Origin()
    with H2Client(origin.port) as c:
        for path, said in (("/bytes/10?short=5", "15"),
                           ("/bytes/10?long=3", "7"),
                           ("/bytes/10?long=100", "0")):
            got = c.get(path)
            assert got.header("content-length") == said, path
            assert got.body == b"0123456789" and got.ended
        got = c.get("/bytes/1?fields=50500")
        more = [v for n, v in got.headers if n.startswith("x-origin-")]
        assert sum(map(len, more)) == 50500 and len(more) == 51


def test_connections_that_break_off():
    origin = TlsOrigin()
    for tls in False, True:
        for path, size in (("/abort", 0), ("/abort/100000", 100000),
                           ("/abort/10?rst", None)):
            with origin.h2(tls) as c:
                c.get("/conn")
                other = c.request("GET", "/delay/600000")
                sid = c.request("GET", path)
                c.read_to_end()
                assert not c.goaway and not c.streams[sid].ended
                assert not c.streams[other].headers
                if size is not None:
                    assert len(c.streams[sid].body) == size, path
    with origin.h2() as c:
        assert c.get("/conn?drop").status == 200
        assert c.is_closed(10) and not c.goaway
    wait_until(lambda: origin.stats()["open"] == 0)


def test_floods():
    origin = Origin()
    with H2Client(origin.port) as c:
        got = c.get("/bytes/5?pings=3000&empties=3000")
        assert got.body == b"01234"
        frames = [f.kind for f in c.frames]
        assert frames.count(h2.PING) == 3000
        assert frames.count(h2.DATA) == 3001
        c.ping()
        assert h2_stats(origin)["pings_answered"] == 3000
    origin = Origin("--h2-pings", "2")
    with H2Client(origin.port) as c:
        for _ in range(5):
            c.get("/conn")
        assert [f.kind for f in c.frames].count(h2.PING) == 10


def late_frames(c, begin=0):
    return [(f.kind, f.stream) for f in c.frames[begin:]
            if f.stream and (f.kind in (h2.WINDOW_UPDATE, h2.RST_STREAM)
                             or f.payload == b"x")]


def test_late_frames_on_finished_streams():
    origin = Origin("--h2-late", "2")
    with H2Client(origin.port) as c:
        sids = [c.request("GET", f"/bytes/{2 * n}") for n in range(5)]
        for sid in sids:
            c.response(sid)
        c.ping()
        assert late_frames(c) == [
            (kind, sid) for sid in sids[:3]
            for kind in (h2.WINDOW_UPDATE, h2.RST_STREAM)]
    assert h2_stats(origin)["late_frames"] == 6
    origin = Origin()
    with H2Client(origin.port) as c:
        for path, want in (("/conn?late=2", []), ("/conn", []),
                           ("/conn?late=2", [(h2.WINDOW_UPDATE, 1),
                                             (h2.RST_STREAM, 1)]),
                           ("/conn?latedata=1", [(h2.DATA, 5)])):
            begin = len(c.frames)
            c.get(path)
            assert late_frames(c, begin) == want, path
        slow = c.request("GET", "/delay/600000")
        begin = len(c.frames)
        c.get("/conn?late=1")   # not on one that is open
        assert not late_frames(c, begin) and not c.streams[slow].reset


def test_frames_that_are_wrong():
    origin = Origin()
    wrong = [
        (h2.DATA, 0, 0, b"x", h2.PROTOCOL_ERROR),
        (h2.WINDOW_UPDATE, 0, 0, bytes(4), h2.PROTOCOL_ERROR),
        (h2.SETTINGS, 0, 1, b"", h2.PROTOCOL_ERROR),
        (h2.SETTINGS, 0, 0, b"x", h2.FRAME_SIZE_ERROR),
        (h2.PING, 0, 0, b"x", h2.FRAME_SIZE_ERROR),
        (h2.CONTINUATION, 4, 1, b"", h2.PROTOCOL_ERROR),
        (h2.HEADERS, 5, 1, b"\xff\xff\xff\xff\xff", h2.COMPRESSION_ERROR)]
    for kind, flags, stream, payload, code in wrong:
        with H2Client(origin.port) as c:
            c.get("/conn")
            c.send_frame(kind, flags, stream + 2, payload) if stream else \
                c.send_frame(kind, flags, 0, payload)
            c.read_to_end()
            assert c.goaway and c.goaway.code == code, (kind, c.goaway)
    with H2Client(origin.port) as c:
        sid = c.open_stream()
        c.send_headers(sid, [*c.fields(), ("Upper", "x")], True)
        assert c.response(sid).reset == h2.PROTOCOL_ERROR
        sid = c.request("POST", "/echo", [("content-length", "5")], b"1234")
        assert c.response(sid).reset == h2.PROTOCOL_ERROR
        assert c.get("/conn").status == 200
    stats = h2_stats(origin)
    assert stats["errors"] == len(wrong) + 2 and stats["last_error"], stats
    wait_until(lambda: origin.stats()["open"] == 0)
    assert h2_stats(origin)["open_streams"] == 0


def test_tls_keys_change_as_it_goes():
    origin = TlsOrigin("--tls-key-update", "3", "--tls-key-request")
    with origin.h2(tls=True) as c:
        for _ in range(3):
            assert len(c.get("/bytes/500000").body) == 500000
    with origin.client(TLS13) as one:
        assert len(one.get("/bytes/500000").body) == 500000
    tls = origin.tls()
    assert tls["key_updates_sent"] >= 4 * 500000 // 16384 // 3, tls
    assert tls["key_updates_received"] > 0, tls
    origin = TlsOrigin("--tls-key-update", "3")
    with origin.h2(tls=True, version=TLS12) as c:
        assert len(c.get("/bytes/500000").body) == 500000
    with origin.h2(tls=True, version=TLS13) as c:
        assert len(c.get("/bytes/500000").body) == 500000
        assert c.get("/keyupdate").body == b"key update\n"
    tls = origin.tls()
    assert tls["key_updates_sent"] > 0, tls
    assert tls["key_updates_received"] == 0, tls


def test_many_resets_leave_nothing_behind():
    origin = Origin()
    for _ in range(3):
        with H2Client(origin.port) as c:
            for n in range(100):
                path = ("/delay/600000", "/bytes/9999999", "/sse")[n % 3]
                c.send_rst(c.request("GET", path))
                if n % 10 == 9:
                    c.ping()
            ws = c.ws_open()
            ws.ws_send(b"x")
            assert ws.ws_recv() == (1, b"x")
    wait_until(lambda: origin.stats()["open"] == 0)
    stats = origin.stats()
    assert stats["concurrent"] == stats["h2"]["open_streams"] == 0, stats


def test_satisfies_curl():
    origin = TlsOrigin()
    with tempfile.TemporaryDirectory(prefix="wsbtest.") as folder:
        body = Path(folder, "body")
        body.write_bytes(os.urandom(5 << 20))
        digest = hashlib.sha256(body.read_bytes()).hexdigest() + "\n"
        for words, port in (
                (["--http2-prior-knowledge"], origin.port),
                (["--http2", "--cacert", origin.ca], origin.tls_port)):
            scheme = "http" if port == origin.port else "https"
            url = f"{scheme}://localhost:{port}"
            done = curl(*words, "--data-binary", f"@{body}", f"{url}/hash",
                        "-w", "%{http_version}")
            assert done.stdout == digest + "2", done
            if port == origin.port:
                continue    # curl 7.88 cannot use that one twice
            done = curl(*words, f"{url}/bytes/7", f"{url}/conn")
            assert re.fullmatch(r"0123456conn \d+ request 2\n",
                                done.stdout), done
    assert h2_stats(origin)["errors"] == 0


def test_satisfies_nghttp_and_h2load():
    needs("nghttp", "h2load")
    origin = TlsOrigin()
    for url in (f"http://127.0.0.1:{origin.port}",
                f"https://127.0.0.1:{origin.tls_port}"):
        done = run(["nghttp", "-nv", "-H", "te: trailers", "-y",
                    f"{url}/chunked/70000?hints=1"])
        assert "x-origin-trailer: end" in done.stdout, done
        assert ":status: 103" in done.stdout, done
        done = run(["h2load", "-n", "5000", "-c", "5", "-m", "50",
                    f"{url}/bytes/1000"], timeout=120)
        assert "5000 succeeded, 0 failed" in done.stdout, done
        done = run(["h2load", "-n", "10", "-c", "2", "-m", "5", "-w", "14",
                    f"{url}/bytes/3000000"], timeout=120)
        assert "10 succeeded, 0 failed" in done.stdout, done
        assert "(30000000) data" in done.stdout, done
    assert h2_stats(origin)["errors"] == 0, h2_stats(origin)


NODE = """
const http2 = require('http2'), fs = require('fs');
const s = http2.connect(process.argv[2], process.argv[3]
    ? {ca: fs.readFileSync(process.argv[3])} : {});
s.on('remoteSettings', set => {
  const r = s.request({':method': 'CONNECT', ':protocol': 'websocket',
      ':path': '/ws', 'sec-websocket-version': '13'});
  const out = {announced: set.enableConnectProtocol};
  let data = Buffer.alloc(0);
  r.on('response', h => {
    out.status = h[':status'];
    r.write(Buffer.from('818500000000', 'hex'));
    r.write('hello');
  });
  r.on('data', d => {
    data = Buffer.concat([data, d]);
    if (data.length == 7) r.end();
  });
  r.on('end', () => {
    out.data = data.toString('latin1');
    console.log(JSON.stringify(out));
    s.close();
  });
});
s.on('error', e => { console.log(e); process.exit(1); });
"""


def test_satisfies_node_as_a_websocket_client():
    needs("node")
    origin = TlsOrigin()
    for words in ([f"http://localhost:{origin.port}"],
                  [f"https://localhost:{origin.tls_port}", origin.ca]):
        done = run(["node", "-", *words], input=NODE)
        assert done.returncode == 0, done
        assert json.loads(done.stdout) == {
            "announced": True, "status": 200, "data": "\x81\x05hello"}, done
    assert h2_stats(origin)["websockets"] == 2
