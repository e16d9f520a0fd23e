# SPDX-License-Identifier: MIT
"""Every client of WebSockets before every kind of server with every word of
`ws`: one table says which protocol the server must see, or which error the
client; real clients and servers."""

import asyncio
import json
import re
import ssl

from h2client import ENABLE_CONNECT_PROTOCOL, H2Client
from interop import folder
from wsborigin import TlsOrigin
from wsbtest import (
    Apache, Client, Haproxy, Nginx, Origin, Program, Proxy, find_program,
    free_port, limit, needs, run, skip, slow, wait_until)

TLS = " ssl verify none"
ONE, BOTH = TLS + " alpn h2", TLS + " alpn h2,http/1.1"
WORDS = ("auto", "h1", "h2", "prefer-h2")

# The server, its line, and what each of WORDS leads to there.
TABLE = (
    ("h1", "", ("h1", "h1", 502, "h1")),
    ("h1", TLS, ("h1", "h1", 502, "h1")),
    ("h1", BOTH, ("h1", "h1", 502, "h1")),
    ("both", " proto h2", ("h2", "h1", "h2", "h2")),
    ("h2", ONE, ("h2", "h1", "h2", "h2")),      # without ALPN, h1
    ("bare h2", ONE, (502, "h1", 502, "h1")),
    ("both", BOTH, ("h1", "h1", "h2", "h2")),
    ("bare", BOTH, ("h1", "h1", 502, "h1")),
    ("bare", " proto h2", (502, "h1", 502, "h1")),
    ("node", BOTH, ("h1", "h1", "h2", "h2")),
    ("haproxy", BOTH, ("h1", "h1", "h2", "h2")),
    ("nginx", BOTH, ("h1", "h1", 502, "h1")),
    ("nginx", ONE, (502, "h1", 502, "h1")),
    ("apache", BOTH, ("h1", "h1", 502, "h1")),
)
CELLS = [(server, words + f" ws {word}", want)
         for server, words, wants in TABLE
         for word, want in zip(WORDS, wants)]


# --- servers; each says in X-Proto what it was asked in ---

NODE_SERVER = """
const h2 = require("http2"), fs = require("fs"), crypto = require("crypto");
const [port, pem] = process.argv.slice(2), ends = fs.readFileSync(pem);
// Short messages, one or more whole ones at a time.
function echo(stream) {
    stream.on("data", part => {
        while (part.length >= 6) {
            const n = part[1] & 127, mask = part.subarray(2, 6);
            const text = part.subarray(6, 6 + n).map((b, i) => b ^ mask[i % 4]);
            const head = Buffer.from([part[0], n]);
            stream.write(Buffer.concat([head, text]));
            if (part[0] === 0x88) stream.end();
            part = part.subarray(6 + n);
        }
    });
    stream.on("error", () => {});
    stream.on("end", () => stream.end());
}
const server = h2.createSecureServer({
    allowHTTP1: true, cert: ends, key: ends,
    settings: { enableConnectProtocol: true } });
server.on("stream", (stream, headers) => {
    if (headers[":protocol"] !== "websocket")
        return stream.respond({ ":status": 404 }, { endStream: true });
    stream.respond({ ":status": 200, "x-proto": "h2" });
    echo(stream);
});
server.on("upgrade", (request, socket) => {
    const accept = crypto.createHash("sha1").update(
        request.headers["sec-websocket-key"] +
        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\n" +
                 "Connection: Upgrade\\r\\nX-Proto: h1\\r\\n" +
                 "Sec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
    echo(socket);
});
server.listen(+port, "127.0.0.1");
"""


def node_server(pem):
    needs("node")
    server, port = Program([find_program("node")]), free_port()
    script = server.dir / "server.js"
    script.write_text(NODE_SERVER)
    server.argv += [script, str(port), pem]
    server.start().wait_port(port, 60)
    return port


def haproxy_server(pem):
    return Haproxy("""
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 10s
    timeout tunnel 60s
frontend f
    bind 127.0.0.1:{port} ssl crt %s alpn h2,http/1.1
    http-response set-header X-Proto %%[ssl_fc_alpn]
    default_backend b
backend b
    server s 127.0.0.1:{origin}
""" % pem, origin=Origin().port).port


def nginx_server(pem):
    port = free_port()
    server = Nginx(http="""
        server {
            listen 127.0.0.1:%d ssl http2;
            ssl_certificate %s;
            ssl_certificate_key %s;
            add_header X-Proto $server_protocol always;
            location / {
                proxy_pass http://127.0.0.1:%d;
                proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection upgrade;
            }
        }""" % (port, pem, pem, Origin().port))
    server.wait_port(port)
    return port


def apache_server(pem):
    port = free_port()
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
        for name in ("ssl", "socache_shmcb", "http2", "proxy", "proxy_http",
                     "proxy_wstunnel"))
    Apache(modules + """
        Listen 127.0.0.1:%d
        <VirtualHost 127.0.0.1:%d>
            Protocols h2 http/1.1
            SSLEngine on
            SSLCertificateFile %s
            SSLCertificateKeyFile %s
            CustomLog %s "%%H %%s"
            ProxyPass / ws://127.0.0.1:%d/
        </VirtualHost>
        """ % (port, port, pem, pem, apache_log(), Origin().port)
           ).wait_port(port)
    return port


def apache_log():
    return folder() / "apache.log"


ORIGINS = {
    "h1": ("--no-h2", "--alpn", "http/1.1"),
    "h2": ("--alpn", "h2"),
    "bare h2": ("--alpn", "h2", "--h2-no-websocket"),
    "both": (),
    "bare": ("--h2-no-websocket",),
}
OTHERS = {"node": node_server, "haproxy": haproxy_server,
          "nginx": nginx_server, "apache": apache_server}


class Place:
    """A proxy that takes /N... to the server of CELLS[N]."""

    def __init__(self, names):
        pem, page = folder() / "ecdsa.pem", folder() / "page.html"
        self.cells = [n for n, cell in enumerate(CELLS) if cell[0] in names]
        page.write_text(PAGE.replace("CELLS", json.dumps(self.cells)))
        self.origins = {name: TlsOrigin(*ORIGINS[name])
                        for name in names if name in ORIGINS}
        others = {name: OTHERS[name](pem) for name in names if name in OTHERS}
        rules, backends = "", ""
        for n in self.cells:
            name, words, _ = CELLS[n]
            origin = self.origins.get(name)
            port = others[name] if not origin else (
                origin.tls_port if "ssl" in words else origin.port)
            rules += f"    use_backend b{n} if {{ path_beg /{n}/ }}\n"
            backends += f"backend b{n}\n    server s 127.0.0.1:{port}{words}\n"
        self.proxy = Proxy("""
global
    nbproc 2
    stats socket {dir}/admin.sock level admin
    log stdout format raw local0
defaults
    mode http
    log global
    http-reuse always
    retries 1
    timeout client 60s
    timeout server 60s
    timeout connect 10s
    log-format "%%[url] %%HV %%ST %%ts"
frontend fe
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt %s
    http-request return status 200 content-type text/html \
file %s if { path /page }
%s
%s
""" % (pem, page, rules, backends))

    def seen(self):
        """{server: [WebSockets over h1, over h2]} of the demo origins."""
        stats = {name: o.stats() for name, o in self.origins.items()}
        return {name: [s[p]["websockets"] for p in ("h1", "h2")]
                for name, s in stats.items()}

    def wanted(self, cells=None):
        """What seen() grows by when each of the cells was asked once."""
        sum_ = {name: [0, 0] for name in self.origins}
        for n in self.cells if cells is None else cells:
            name, _, want = CELLS[n]
            if name in sum_ and want in ("h1", "h2"):
                sum_[name][want == "h2"] += 1
        return sum_

    def port(self, tls):
        return self.proxy.values["port2"] if tls else self.proxy.port

    def url(self, n, tls):
        return f"ws{'s' * tls}://localhost:{self.port(tls)}/{n}/ws"

    def status(self, n):
        """What a client is to be told."""
        want = CELLS[n][2]
        return want if isinstance(want, int) else 101

    def check(self, told, why):
        """told: (cell, status) of each client's handshake, in any order."""
        wrong = [(CELLS[n], status) for n, status in told
                 if status != self.status(n)]
        assert not wrong, (why, wrong)
        assert {n for n, _ in told} == set(self.cells), why


def insecure(*alpn):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


# --- raw frames ---

def ask_h1(port, tls, path):
    """(status, X-Proto) after an echo."""
    with Client(port, timeout=20) as c:
        if tls:
            c.socket = insecure("http/1.1").wrap_socket(c.socket)
        answer = c.ws_open(path)
        if answer.status == 101:
            c.ws_send(b"hello")
            assert c.ws_recv() == (1, b"hello"), path
        return answer.status, answer.header("x-proto")


def ask_h2(port, tls, path):
    with H2Client(port, timeout=20, context=insecure() if tls else None) as h:
        h.wait_settings()
        assert h.peer_settings[ENABLE_CONNECT_PROTOCOL] == 1
        ws = h.ws_open(path)
        headers = dict(ws.stream.headers)
        status = int(headers[":status"])
        if status != 200:
            return status, None
        ws.ws_send(b"hello")
        assert ws.ws_recv() == (1, b"hello"), path
        return 101, headers.get("x-proto")


def same(proto):
    """How servers call it."""
    return {"HTTP/1.1": "h1", "http/1.1": "h1", "HTTP/2.0": "h2",
            "HTTP/2": "h2"}.get(proto, proto)


def raw(names):
    place = Place(names)
    for ask in (ask_h1, ask_h2):
        for tls in (False, True):
            for n in place.cells:
                before = place.seen()
                status, proto = ask(place.port(tls), tls, f"/{n}/ws")
                why = (ask.__name__, tls, CELLS[n], status, proto)
                assert status == place.status(n), why
                if CELLS[n][0] in place.origins:
                    want = place.wanted([n])
                    after = place.seen()
                    assert after == {
                        name: [a + b for a, b in zip(before[name], want[name])]
                        for name in before}, why
                elif status == 101 and names != ["apache"]:
                    assert same(proto) == CELLS[n][2], why
    place.proxy.check()
    return place


@limit(200)
def test_raw_frames_and_the_demo_origin():
    raw(list(ORIGINS))


@limit(100)
def test_raw_frames_and_node():
    raw(["node"])


@limit(100)
def test_raw_frames_and_haproxy():
    raw(["haproxy"])


@limit(100)
def test_raw_frames_and_nginx():
    raw(["nginx"])


@limit(100)
def test_raw_frames_and_apache():
    """It adds no header to a 101, but writes a log."""
    place = raw(["apache"])
    want = ["HTTP/1.1 101"] * 4 * sum(
        CELLS[n][2] == "h1" for n in place.cells)
    wait_until(lambda: apache_log().read_text().splitlines() == want, 20,
               what="its log")


# --- real clients: all cells, one after another ---

def clients(told_by):
    """told_by(place) -> (cell, status) of each handshake, echo included."""
    place = Place([*ORIGINS, *OTHERS])
    for why, told in told_by(place):
        place.check(told, why)
        rounds = len(told) // len(place.cells)
        want = {name: [n * rounds for n in both]
                for name, both in place.wanted().items()}
        assert place.seen() == want, (why, place.seen(), want)
        for origin in place.origins.values():
            origin.reset()


NPM_WS = """
const WebSocket = require("ws");
function ask([n, url]) {
    return new Promise(done => {
        const ws = new WebSocket(url, { rejectUnauthorized: false });
        ws.on("open", () => ws.send("hello"));
        ws.on("message", data => {
            ws.close();
            if (String(data) === "hello") done([n, 101]);
        });
        ws.on("unexpected-response", (_, answer) => {
            answer.resume();
            done([n, answer.statusCode]);
        });
        ws.on("error", error => done([n, String(error)]));
    });
}
(async () => {
    for (const one of JSON.parse(process.argv[2]))
        console.log(JSON.stringify(await ask(one)));
    process.exit();
})();
"""

NODE_H2 = """
const h2 = require("http2");
function ask([n, url]) {
    const at = new URL(url.replace(/^ws/, "http"));
    return new Promise(done => {
        const client = h2.connect(at.origin, { rejectUnauthorized: false });
        client.on("error", error => done([n, String(error)]));
        client.on("remoteSettings", () => {
            const stream = client.request({
                ":method": "CONNECT", ":protocol": "websocket",
                ":path": at.pathname, "sec-websocket-version": "13" });
            let status, got = Buffer.alloc(0);
            stream.on("response", headers => {
                status = headers[":status"];
                if (status === 200) // "hello", masked with zeros
                    stream.write(Buffer.from(
                        "818500000000" + "68656c6c6f", "hex"));
            });
            stream.on("data", part => {
                got = Buffer.concat([got, part]);
                if (status === 200 && got.toString("hex") ===
                    "810568656c6c6f") { done([n, 101]); client.destroy(); }
            });
            stream.on("end", () => { done([n, status]); client.destroy(); });
            stream.on("error", error => done([n, String(error)]));
        });
    });
}
(async () => {
    for (const one of JSON.parse(process.argv[2]))
        console.log(JSON.stringify(await ask(one)));
    process.exit();
})();
"""


def in_node(place, text):
    needs("node")
    script = place.proxy.dir / "client.js"
    script.write_text(text)
    for tls in (False, True):
        done = run(["node", script, json.dumps(
            [(n, place.url(n, tls)) for n in place.cells])], timeout=100,
            env={"NODE_PATH": "/usr/share/nodejs", "PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stderr[-2000:]
        yield tls, [tuple(json.loads(line))
                    for line in done.stdout.splitlines()]


@limit(250)
def test_npm_ws():
    if run(["node", "-e", "require('ws')"],
           env={"NODE_PATH": "/usr/share/nodejs", "PATH": "/usr/bin:/bin"}
           ).returncode:
        skip("npm's ws is not installed")
    clients(lambda place: in_node(place, NPM_WS))


@limit(250)
def test_node_http2():
    clients(lambda place: in_node(place, NODE_H2))


@limit(250)
def test_python_websockets():
    try:
        from websockets.client import connect
        from websockets.exceptions import InvalidStatusCode
    except ImportError:
        skip("python3-websockets is not installed")

    async def ask(url, tls):
        try:
            async with connect(url, ssl=insecure() if tls else None) as ws:
                await ws.send("hello")
                assert await ws.recv() == "hello"
                return 101
        except InvalidStatusCode as error:
            return error.status_code

    clients(lambda place: ((tls, [
        (n, asyncio.run(ask(place.url(n, tls), tls))) for n in place.cells])
        for tls in (False, True)))


# --- chromium: a page over HTTP/2 that opens WebSockets ---

PAGE = """<!doctype html><title>wait</title><script>
function ask(n) {
    return new Promise(done => {
        const ws = new WebSocket("wss://" + location.host + "/" + n + "/ws");
        ws.onopen = () => ws.send("hello");
        ws.onmessage = event => { ws.close(); done(event.data); };
        ws.onerror = () => done("error");
    });
}
(async () => {
    for (const n of CELLS)
        await fetch("/page?" + n + "=" + await ask(n));
    await fetch("/page?done");
})();
</script>"""


@slow
@limit(400)
def test_chromium_over_http2():
    needs("chromium")
    place = Place([*ORIGINS, *OTHERS])
    browser = Program([
        "chromium", "--headless", "--no-sandbox", "--disable-gpu",
        "--ignore-certificate-errors", "--disable-dev-shm-usage",
        "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
        f"--user-data-dir={place.proxy.dir}/profile",
        "--remote-debugging-port=0",
        f"https://localhost:{place.port(True)}/page"]).start()
    wait_until(lambda: "/page?done" in place.proxy.stdout(), 200,
               what="word from the browser")
    told = re.findall(r"/page\?(\d+)=(\w+)", place.proxy.stdout())
    assert [int(n) for n, _ in told] == place.cells, told
    for n, said in told:
        want = "hello" if place.status(int(n)) == 101 else "error"
        assert said == want, (CELLS[int(n)], said)
    assert place.seen() == place.wanted()
    browser.kill()
    # All of them were streams of the page's connection.
    wait_until(lambda: len(re.findall(
        r"/\d+/ws HTTP/", place.proxy.stdout())) == len(place.cells), 20,
        what="log lines")
    assert set(re.findall(r"/\d+/ws (\S+)", place.proxy.stdout())) == {
        "HTTP/2.0"}
