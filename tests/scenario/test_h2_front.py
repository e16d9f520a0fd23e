# SPDX-License-Identifier: MIT
"""Clients that speak HTTP/2."""

import base64
import hashlib
import signal
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import certs  # noqa: E402
from h2client import (  # noqa: E402
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
    GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, NO_ERROR,
    PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS, H2Client,
    literal_block, settings_payload)
from wsbtest import (  # noqa: E402
    FakeServer, Origin, Proxy, curl, find_program, get, limit, needs, run, slow, wait_until)

CONFIG = """
frontend fe
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt %s
    bind 127.0.0.1:{port3} proto h2
    bind 127.0.0.1:{port4} proto h1
    http-request set-header X-Seen "%%[req.ver] %%[hdr(host)] %%[ssl_fc_alpn]"
    default_backend b
backend b
    http-reuse always
    server s 127.0.0.1:{origin}
"""
_dir = []


def cert():
    if not _dir:
        _dir.append(Path(tempfile.mkdtemp(prefix="wsb-certs-")))
        certs.make(_dir[0])
    return _dir[0] / "ecdsa.pem"


def start(config=CONFIG, workers=1, **values):
    if "%s" in config:
        config = config % cert()
    origin = Origin()
    return Proxy(config, origin=origin, workers=workers, **values)


def over_tls(proxy, protocols=("h2", "http/1.1")):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context


def linger(h2, seconds):
    """Answers what comes."""
    deadline = time.monotonic() + seconds
    h2.socket.settimeout(0.3)
    while time.monotonic() < deadline:
        try:
            h2.read_frame()
        except TimeoutError:
            pass
    h2.socket.settimeout(10)


def test_all_ways_to_begin():
    proxy = start()
    v = proxy.values
    for url in (f"http://127.0.0.1:{v['port']}", f"http://127.0.0.1:{v['port3']}",
                f"https://127.0.0.1:{v['port2']}"):
        r = curl("-k", "--http2-prior-knowledge", "-w", " %{http_version}",
                 f"{url}/bytes/5")
        assert r.stdout == "01234 2", r
        r = curl("-k", "--http2-prior-knowledge", "-d", "hello", "-w",
                 " %{http_code}", f"{url}/echo")
        assert r.stdout == "hello 200", r
    # by ALPN, and what the others get on the same port
    url = f"https://127.0.0.1:{v['port2']}/bytes/5"
    for option, version in ("--http2", "2"), ("--http1.1", "1.1"), (
            "--no-alpn", "1.1"):
        r = curl("-k", option, "-w", " %{http_version}", url)
        assert r.stdout == f"01234 {version}", (option, r)
    assert get(proxy.port, "/bytes/5").body == b"01234"
    r = curl("-k", url.replace("bytes/5", "headers"))
    assert f"x-seen: 2.0 127.0.0.1:{v['port2']} h2" in \
        r.stdout.lower().splitlines(), r
    line = proxy.wait_log('"GET https://.*/bytes/5 HTTP/2.0"')
    assert " 200 5 - - ---- " in line, line


def test_the_preface_may_come_in_pieces():
    proxy = start()
    for cut in 1, 3, 4, 18, 23:
        with socket.create_connection(("127.0.0.1", proxy.port), 10) as s:
            s.sendall(PREFACE[:cut])
            time.sleep(0.05)
            s.sendall(PREFACE[cut:] + b"\0\0\0\x04\0\0\0\0\0")
            assert s.recv(9)[3] == SETTINGS
    # no such thing where HTTP/1 alone is spoken
    with socket.create_connection(
            ("127.0.0.1", proxy.values["port4"]), 10) as s:
        s.sendall(PREFACE)
        assert s.recv(65536).startswith(b"HTTP/1.1 405 ")
    # and nothing else where HTTP/2 alone is
    with socket.create_connection(
            ("127.0.0.1", proxy.values["port3"]), 10) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not s.recv(65536).startswith(b"HTTP/1")


def test_many_streams_of_many_clients():
    needs("h2load")
    proxy = start()
    for port in proxy.port, proxy.values["port2"]:
        scheme = "https" if port != proxy.port else "http"
        for path, n in ("128", 4000), ("100000", 1000):
            r = run(["h2load", "-c", "16", "-m", "50", "-n", n,
                     f"{scheme}://127.0.0.1:{port}/bytes/{path}"], 120)
            assert f"{n} succeeded, 0 failed" in r.stdout, r.stdout



def test_what_a_server_sees():
    proxy = start()
    with H2Client(proxy.port) as h2:
        seen = h2.get("/headers", [
            ("cookie", "a=1"), ("te", "trailers"), ("cookie", "b=2"),
            ("accept", "x")]).body.decode().lower()
        assert seen.startswith("get /headers http/1.1\r\n"), seen
        for line in (f"\r\nhost: {h2.authority}\r\n", "\r\ncookie: a=1; b=2\r\n",
                     "\r\nte: trailers\r\n", f"\r\nx-seen: 2.0 {h2.authority}\r\n"):
            assert line in seen, (line, seen)
        # a body without a length is chunked, with one it keeps it
        sid = h2.request("POST", "/headers", end=False)
        h2.send_body(sid, b"123")
        seen = h2.response(sid).body.decode().lower()
        assert "\r\ntransfer-encoding: chunked\r\n" in seen, seen
        seen = h2.post("/headers", b"123", [("content-length", "3")])
        assert "\r\ncontent-length: 3\r\n" in seen.body.decode().lower()
        # a length that is not true; the server may answer at that moment
        for length, body in (("4", b"123"), ("2", b"123")) * 15:
            sid = h2.request("POST", "/echo", [("content-length", length)],
                             body)
            assert h2.response(sid).reset == PROTOCOL_ERROR
        for method, path, status, body in (
                ("HEAD", "/bytes/5", 200, b""), ("GET", "/status/204", 204, b""),
                ("GET", "/status/304", 304, b"")):
            answer = h2.response(h2.request(method, path))
            assert answer.status == status and answer.body == body
    line = proxy.wait_log('"POST http://.*/headers HTTP/2.0"')
    assert " 200 " in line


def read_head(s):
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(65536)
        if not part:
            raise ConnectionError
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


FAKE = """
frontend fe
    bind 127.0.0.1:{port}
    %s
    default_backend b
backend b
    server s 127.0.0.1:{fake}
"""


def start_fake(handler, lines="", preamble=""):
    server = FakeServer(handler)
    return Proxy(preamble + FAKE % lines, fake=server.port), server


def test_trailers_and_early_hints():
    got = []

    def handler(s, number):
        head, rest = read_head(s)
        while not rest.endswith(b"\r\n\r\n"):
            rest += s.recv(65536)
        got.append(rest)
        s.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"5\r\nhello\r\n0\r\nX-Sum: 7\r\nX-Two: 8\r\n\r\n")

    proxy, _ = start_fake(handler)
    with H2Client(proxy.port) as h2:
        answer = h2.post("/", b"abc", trailers=[("x-check", "9")])
        assert answer.body == b"hello"
        assert [i for i in answer.informational if (":status", "103") in i
                and ("link", "</a>") in i]
        assert answer.trailers == [("x-sum", "7"), ("x-two", "8")]
    assert b"".join(got).lower().endswith(b"0\r\nx-check: 9\r\n\r\n"), got


def test_expect_and_buffering():
    def handler(s, number):
        while True:
            head, rest = read_head(s)
            if b"100-continue" in head:
                s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split()[0])
            while len(rest) < length:
                rest += s.recv(65536)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                      % (length, rest))

    for lines in "", "option http-buffer-request":
        proxy, _ = start_fake(handler, lines)
        with H2Client(proxy.port) as h2:
            sid = h2.request("POST", "/", [
                ("content-length", "3"), ("expect", "100-continue")],
                end=False)
            s = h2.streams[sid]
            h2.wait(lambda: s.informational)
            assert (":status", "100") in s.informational[0]
            h2.send_body(sid, b"abc")
            assert h2.response(sid).body == b"abc"


RULES = """
defaults
    mode http
    log stderr format raw local0
    option httplog
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend fe
    bind 127.0.0.1:{port}
    http-request deny if {{ path /deny }}
    http-request reject if {{ path /reject }}
    http-request return status 200 content-type text/plain string "hello" if {{ path /return }}
    http-request redirect location /there if {{ path /redirect }}
    http-response set-header X-Added yes
    http-after-response set-header X-After %[status]
    errorfile 403 {file}
    default_backend b
backend b
    server s 127.0.0.1:{origin}
"""


def test_rules_answer():
    page = Path(tempfile.mkdtemp()) / "403.http"
    page.write_text("HTTP/1.0 403 Forbidden\r\nX-Page: mine\r\n\r\nkeep out")
    origin = Origin()
    proxy = Proxy(RULES.replace("{{", "{ ").replace("}}", " }"),
                  origin=origin, file=page)
    with H2Client(proxy.port) as h2:
        answer = h2.get("/deny")
        assert answer.status == 403 and answer.body == b"keep out"
        assert ("x-page", "mine") in answer.headers
        answer = h2.get("/return")
        assert answer.body == b"hello" and (
            "x-after", "200") in answer.headers
        answer = h2.get("/redirect")
        assert answer.status == 302 and (
            "location", "/there") in answer.headers
        answer = h2.get("/bytes/5")
        assert ("x-added", "yes") in answer.headers
        # an answer before the request is read: no more of it is wanted
        sid = h2.request("POST", "/deny", end=False)
        answer = h2.response(sid)
        h2.wait(lambda: answer.reset is not None)
        assert (answer.status, answer.reset) == (403, NO_ERROR)
        h2.send_data(sid, b"x" * 1000)  # it may still have been on its way
        assert h2.get("/bytes/5").body == b"01234"
        h2.request("GET", "/reject")
        assert h2.wait_frame(GOAWAY).code == ENHANCE_YOUR_CALM
        assert h2.is_closed()


def test_a_broken_request_ends_alone():
    proxy = start()
    with H2Client(proxy.port) as h2:
        good = h2.fields()
        for fields in (
                good[:2] + good[3:], good + [("X-Upper", "1")],
                good + [("connection", "close")], good + [("te", "gzip")],
                good + [("transfer-encoding", "chunked")],
                [("x", "1"), *good], good + [(":path", "/")],
                good + [("x", "a\r\nb")]):
            sid = h2.open_stream()
            h2.send_headers(sid, None, True, block=literal_block(fields))
            assert h2.response(sid).reset == PROTOCOL_ERROR, fields
            assert h2.get("/bytes/5").body == b"01234"
    assert proxy.wait_log("PR--.*<BADREQ>")


def test_a_head_too_large():
    proxy = start()
    with H2Client(proxy.port) as h2:
        sid = h2.request("GET", "/bytes/5", [
            (f"x-{i}", "v" * 1000) for i in range(15)])
        answer = h2.response(sid)
        assert answer.status == 431, answer.headers
        assert h2.get("/bytes/5").body == b"01234"
    # far beyond what we said we take: not read at all
    with H2Client(proxy.port) as h2:
        sid = h2.open_stream()
        h2.send_headers(sid, [*h2.fields()] + [
            (f"x-{i}", "v" * 1000) for i in range(80)], True, split=16000)
        assert h2.wait_frame(GOAWAY).code != NO_ERROR
        assert h2.is_closed()
    assert get(proxy.port, "/bytes/5").body == b"01234"


def test_no_more_streams_than_announced():
    proxy = Proxy("""
global
    log stderr format raw local0
    tune.h2.max-concurrent-streams 5
    tune.h2.initial-window-size 20000
""" + RULES.replace("errorfile 403 {file}", "").replace("{{", "{ ").replace(
        "}}", " }"), origin=Origin())
    with H2Client(proxy.port) as h2:
        settings = h2.wait_settings()
        assert settings[MAX_CONCURRENT_STREAMS] == 5
        assert settings[INITIAL_WINDOW_SIZE] == 20000
        ids = [h2.request("GET", "/delay/500") for _ in range(5)]
        for sid in ids:
            assert h2.response(sid).status == 200
        assert h2.get("/bytes/5").body == b"01234"
    # one more, before the client has said that it knows of the limit
    with H2Client(proxy.port, auto=False) as h2:
        ids = [h2.request("GET", "/delay/500") for _ in range(6)]
        assert h2.response(ids[5]).reset == REFUSED_STREAM
        for sid in ids[:5]:
            assert h2.response(sid).status == 200
    # and after; also when the connection has been quiet for a while
    with H2Client(proxy.port) as h2:
        for _ in range(2):
            linger(h2, 2.5)
            ids = [h2.request("GET", "/delay/500") for _ in range(6)]
            assert h2.response(ids[5]).reset == REFUSED_STREAM
            for sid in ids[:5]:
                assert h2.response(sid).status == 200


def test_large_bodies_both_ways():
    proxy = start()
    body = bytes(range(256)) * 12000
    for context in None, over_tls(proxy):
        port = proxy.values["port2"] if context else proxy.port
        with H2Client(port, context=context) as h2:
            assert h2.post("/echo", body).body == body
            ids = [h2.request("GET", "/bytes/1000000") for _ in range(8)]
            assert all(len(h2.response(i).body) == 1000000 for i in ids)


@slow
@limit(400)
def test_a_hundred_megabytes_both_ways():
    proxy = start()
    n = 100 << 20
    path = proxy.dir / "big"
    with open(path, "wb") as f:
        f.write(bytes(range(256)) * (n // 256))
    for port, scheme in (proxy.port, "http"), (proxy.values["port2"], "https"):
        r = curl("-k", "--http2-prior-knowledge", "-o", proxy.dir / "back",
                 "--data-binary", f"@{path}", "-H", "Expect:", "-w",
                 "%{http_code} %{http_version}",
                 f"{scheme}://127.0.0.1:{port}/echo", timeout=180)
        assert r.stdout == "200 2", r
        assert (proxy.dir / "back").read_bytes() == path.read_bytes()


def test_slow_readers_beside():
    needs("h2load")
    proxy = start()
    slow_ones = []
    for _ in range(4):
        h2 = H2Client(proxy.port, auto=False)
        for _ in range(20):
            h2.request("GET", "/bytes/1000000")
        slow_ones.append(h2)
    r = run(["h2load", "-c", "16", "-m", "20", "-n", "2000",
             f"http://127.0.0.1:{proxy.port}/bytes/1000"], 60)
    assert "2000 succeeded, 0 failed" in r.stdout, r.stdout
    # on the connection itself: a stream without window holds up no other
    h2 = H2Client(proxy.port, settings={INITIAL_WINDOW_SIZE: 0})
    ids = [h2.request("GET", "/bytes/30000") for _ in range(3)]
    h2.ping()
    h2.send_window(ids[2], 30000)
    assert len(h2.response(ids[2]).body) == 30000
    assert len(h2.streams[ids[0]].body) == 0
    for s in slow_ones:
        s.close()


def test_uploads_that_stand_still_hold_up_no_other():
    def handler(s, number):
        head, rest = read_head(s)
        if b" /stop " in head:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            time.sleep(20)
            return
        while b"\r\n0\r\n\r\n" not in rest:
            rest += s.recv(65536)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    proxy, _ = start_fake(handler)
    with H2Client(proxy.port) as h2:
        h2.wait_settings()
        stuck = [h2.request("POST", "/stop", end=False) for _ in range(4)]
        for _ in range(6):
            for sid in stuck:
                n = min(h2.streams[sid].window, h2.window, 16384)
                if n > 0:
                    h2.send_data(sid, b"x" * n)
            h2.ping()
        sid = h2.request("POST", "/go", end=False)
        h2.send_body(sid, b"y" * 300000)
        assert h2.response(sid).body == b"ok"


def test_clients_that_leave():
    left, came = [], []

    def handler(s, number):
        head, rest = read_head(s)
        if b" /stream " in head:
            s.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                s.sendall(b"x" * 1000)
                time.sleep(0.01)
        came.append(1)
        try:
            left.append(s.recv(1))
        except ConnectionError:
            left.append(b"")

    proxy, _ = start_fake(handler)
    with H2Client(proxy.port) as h2:
        # one stream is taken back, before and within the answer
        sid = h2.request("GET", "/hang")
        wait_until(lambda: came, 10, what="it is with the server")
        h2.send_rst(sid)
        wait_until(lambda: left, 10, what="the server hears of it")
        sid = h2.request("GET", "/stream")
        h2.wait_frame(DATA, sid)
        h2.send_rst(sid)
        h2.ping()
        # and all with the connection
        del left[:]
        for _ in range(5):
            h2.request("GET", "/hang")
        wait_until(lambda: len(came) == 6, 10, what="all are with the server")
    wait_until(lambda: len(left) == 5, 10, what="all are gone")
    wait_until(lambda: len([x for x in proxy.log() if " CD-- " in x]) == 7,
               10, what="a line for each")


def test_drain_lets_streams_finish():
    proxy = start()
    with H2Client(proxy.port) as h2, H2Client(proxy.port) as idle:
        assert idle.get("/bytes/5").body == b"01234"
        sid = h2.request("GET", "/delay/1000")
        h2.ping()
        proxy.expected_end = True
        proxy.send_signal(signal.SIGUSR1)
        assert h2.wait_frame(GOAWAY).code == NO_ERROR
        assert h2.response(sid).status == 200
        assert idle.wait_frame(GOAWAY).code == NO_ERROR
        assert idle.is_closed(10) and h2.is_closed(10)
    proxy.process.wait(20)


TIMES = """
frontend fe
    bind 127.0.0.1:{port}
    timeout http-keep-alive 300ms
    timeout http-request 700ms
    timeout client 500ms
    default_backend b
backend b
    server s 127.0.0.1:{origin}
"""


def test_timeouts():
    proxy = start(TIMES)
    # nothing after the answer
    with H2Client(proxy.port) as h2:
        assert h2.get("/bytes/5").body == b"01234"
        assert h2.wait_frame(GOAWAY).code == NO_ERROR
        assert h2.is_closed()
    # a head that does not come to its end
    with H2Client(proxy.port) as h2:
        h2.ping()
        h2.send_frame(HEADERS, 0, 1, b"\x82")
        assert h2.wait_frame(GOAWAY).code == NO_ERROR
        assert h2.is_closed()
    assert proxy.wait_log("cR--.*<BADREQ>")
    # a client that takes nothing; the stream's window is the cause
    with H2Client(proxy.port, settings={INITIAL_WINDOW_SIZE: 10},
                  auto=False) as h2:
        sid = h2.request("GET", "/bytes/100")
        assert h2.response(sid).reset is not None
        assert proxy.wait_log(" c[DL]-- .*/bytes/100 ")
    # a stream outlives the times of idle connections
    with H2Client(proxy.port) as h2:
        assert h2.get("/delay/1500").status == 200


FLOODS = {
    "ping": lambda h2: h2.send_ping(),
    "settings": lambda h2: h2.send_settings({INITIAL_WINDOW_SIZE: 65535}),
    "empty data": lambda h2: h2.send_data(1, b""),
    "reset": lambda h2: (h2.send_rst(h2.request("GET", "/delay/200"))),
    "unknown": lambda h2: h2.send_frame(0x55, 0, 0, b"x"),
}


def flood(h2, frame):
    """Until it is cut off; False: it never was."""
    h2.auto = False
    sid = h2.request("POST", "/echo", end=False)
    assert sid == 1
    h2.socket.settimeout(10)
    try:
        for _ in range(30000):
            frame(h2)
            if h2.goaway:
                return True
    except OSError:
        return True
    try:
        while True:
            h2.read_frame()
    except TimeoutError:
        return False
    except OSError:
        return True


def test_floods_end_their_own_connection():
    proxy = start()
    with H2Client(proxy.port) as other:
        for name, frame in FLOODS.items():
            with H2Client(proxy.port) as h2:
                assert flood(h2, frame), name
            assert other.get("/bytes/5").body == b"01234", name
        # many frames for one head
        with H2Client(proxy.port) as h2:
            h2.ping()
            h2.send_frame(HEADERS, 0, 1, b"\x82")
            try:
                for _ in range(2000):
                    h2.send_frame(CONTINUATION, 0, 1, b"")
                while not h2.goaway:
                    h2.read_frame()
                assert h2.goaway.code == ENHANCE_YOUR_CALM
            except OSError:
                pass
        assert other.get("/bytes/5").body == b"01234"
    assert proxy.wait_log("PR--.*<BADREQ>")


@limit(60)
def test_what_follows_our_end_is_not_read_for_ever():
    """The client broke the protocol, and does not read that it is over."""
    proxy = start(CONFIG.replace("frontend fe", "frontend fe\n"
                                 "    timeout client 10m"))
    h2 = H2Client(proxy.port, timeout=20, rcvbuf=4096,
                  settings={INITIAL_WINDOW_SIZE: (1 << 31) - 1})
    h2.send_window(0, (1 << 31) - 1 - 65535)
    for _ in range(4):
        h2.request("GET", "/bytes/20000000")
    time.sleep(1)   # what can be sent is: our GOAWAY will have to wait
    h2.send_frame(DATA, 0, 0, b"x")
    sent = 0
    try:
        while sent < 64 << 20:
            h2.socket.sendall(bytes(1 << 16))
            sent += 1 << 16
    except OSError:
        pass
    assert sent < 64 << 20
    h2.close()
    assert get(proxy.port, "/bytes/5").body == b"01234"


def test_node_and_nghttp():
    needs("node", "nghttp")
    proxy = start()
    v = proxy.values
    r = run(["nghttp", "-ns", "-m", "5",
             f"https://127.0.0.1:{v['port2']}/bytes/1000"])
    assert r.stdout.count(" 200 ") == 5, r
    script = """
const http2 = require('http2');
const c = http2.connect('https://127.0.0.1:%d', {rejectUnauthorized: false});
let left = 20;
for (let i = 0; i < 20; i++) {
  const r = c.request({':path': '/echo', ':method': 'POST'});
  let n = 0;
  r.on('data', d => n += d.length);
  r.on('end', () => { if (n != 50000) process.exit(1);
                      if (!--left) { console.log('done'); c.close(); } });
  r.end(Buffer.alloc(50000));
}
""" % v["port2"]
    r = run(["node", "-e", script])
    assert r.stdout == "done\n", r
    # after a rest it has no table any longer, here and there
    script = """
const http2 = require('http2');
const c = http2.connect('https://127.0.0.1:%d', {rejectUnauthorized: false});
let n = 0;
function ask() {
  const r = c.request({':path': '/bytes/5', 'x-long': 'abcdefgh'.repeat(9)});
  r.on('response', h => { if (h[':status'] != 200) process.exit(1); });
  r.resume();
  r.on('end', () => { if (++n == 9) { console.log('done'); c.close(); }
                      else setTimeout(ask, n %% 3 ? 0 : 2500); });
}
ask();
""" % v["port2"]
    r = run(["node", "-e", script])
    assert r.stdout == "done\n", r


def test_a_quiet_connection_rests_and_goes_on():
    proxy = start()
    for context in None, over_tls(proxy):
        port = proxy.values["port2"] if context else proxy.port
        with H2Client(port, context=context) as h2:
            for _ in range(3):
                assert h2.get("/bytes/5").body == b"01234"
                assert h2.post("/echo", b"x" * 200000).body == b"x" * 200000
                linger(h2, 2.5)
            h2.ping()
            # streams that are over may still be named
            h2.send_window(1, 10)
            h2.send_rst(3)
            assert h2.get("/bytes/5").body == b"01234"


WS = """
const http2 = require('http2');
const c = http2.connect('http://127.0.0.1:%d');
c.on('remoteSettings', s => {
  if (!s.enableConnectProtocol) process.exit(2);
  const r = c.request({':method': 'CONNECT', ':protocol': 'websocket',
                       ':path': '/ws', 'sec-websocket-version': '13'});
  let got = Buffer.alloc(0);
  r.on('response', h => {
    if (h[':status'] != 200) process.exit(3);
    r.write(Buffer.from([0x81, 0x85, 0, 0, 0, 0, 104, 101, 108, 108, 111]));
  });
  r.on('data', d => {
    got = Buffer.concat([got, d]);
    if (got.toString('latin1').includes('hello')) {
      console.log('echoed'); c.destroy(); process.exit(0);
    }
  });
});
"""


def accept_of(head):
    key = [line.split(b": ")[1] for line in head.split(b"\r\n")
           if line.lower().startswith(b"sec-websocket-key: ")][0]
    return base64.b64encode(hashlib.sha1(
        key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def test_a_websocket_to_an_http1_server():
    def handler(s, number):
        head, rest = read_head(s)
        accept = accept_of(head) if b" /ws" in head else b"wrong"
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade"
                  b"\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + accept +
                  b"\r\n\r\n")
        while True:
            data = s.recv(65536)
            if not data:
                return
            s.sendall(data)

    proxy, _ = start_fake(handler)
    with H2Client(proxy.port) as h2:
        ws = h2.ws_open("/ws")
        assert ws.stream.status == 200, ws.stream.headers
        assert not [h for h in ws.stream.headers
                    if h[0].startswith(("sec-websocket-accept", "upgrade"))]
        ws.send(b"x" * 100000)
        assert ws.read(100000) == b"x" * 100000
        # another one and a request beside it
        two = h2.ws_open("/ws")
        two.send(b"abc")
        assert two.read(3) == b"abc"
        ws.send(b"", end=True)
        h2.wait(lambda: ws.stream.ended or ws.stream.reset is not None)
        assert ws.stream.ended
        bad = h2.ws_open("/bad")
        assert bad.stream.status == 502
    if find_program("node"):
        r = run(["node", "-e", WS % proxy.port])
        assert r.stdout == "echoed\n", r


def test_connect():
    def handler(s, number):
        head, rest = read_head(s)
        assert head.startswith(b"CONNECT a.test:1 HTTP/1.1\r\n"), head
        s.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        s.sendall(s.recv(100))

    proxy, _ = start_fake(handler)
    with H2Client(proxy.port) as h2:
        sid = h2.open_stream()
        h2.send_headers(sid, [(":method", "CONNECT"),
                              (":authority", "a.test:1")])
        s = h2.streams[sid]
        h2.wait(lambda: s.headers)
        h2.send_data(sid, b"hello")
        assert h2.response(sid).body == b"hello"


def test_a_server_that_breaks_off():
    def handler(s, number):
        head, rest = read_head(s)
        if b" /short " in head:
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
        elif b" /junk " in head:
            s.sendall(b"junk\r\n\r\n")

    proxy, _ = start_fake(handler)
    with H2Client(proxy.port) as h2:
        answer = h2.response(h2.request("GET", "/short"))
        assert answer.status == 200 and not answer.ended
        assert answer.reset not in (None, NO_ERROR)
        assert h2.get("/junk").status == 502
        assert h2.get("/none").status == 502
    assert "SD--" in proxy.wait_log("/short ")


def hello_with_request(proxy, request):
    """A TLS client whose first request comes along with its Finished."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inward, outward)
    s = socket.create_connection(("127.0.0.1", proxy.values["port2"]), 10)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            s.sendall(outward.read())
            inward.write(s.recv(65536))
    tls.write(request)
    s.sendall(outward.read())
    return s, tls, inward, outward


def test_a_request_that_comes_along_with_the_handshake_is_not_the_last():
    proxy = start()
    request = b"GET /bytes/5 HTTP/1.1\r\nHost: x\r\n\r\n"
    s, tls, inward, outward = hello_with_request(proxy, request)

    def answer():
        text = b""
        while not text.endswith(b"01234"):
            try:
                text += tls.read(65536)
            except ssl.SSLWantReadError:
                part = s.recv(65536)
                assert part, text
                inward.write(part)

    with s:
        for _ in range(3):
            answer()
            tls.write(request)
            s.sendall(outward.read())
        answer()
