# SPDX-License-Identifier: MIT
"""Real TLS clients before a bind for each version, AEAD and certificate; what
they ask for goes to a server over one connection that many workers used."""

import fcntl
import json
import os
import re
import struct
import subprocess
import termios
import threading

from interop import (
    BIG, CERTS, SUITES, folder, says_suite, sha256, sha256_of, write_file)
from wsborigin import TlsOrigin
from wsbtest import (
    Nginx, Program, Proxy, get, limit, needs, run, slow,
    wait_until)

CHANGES = 10
ROWS = [(cert, suite) for cert in CERTS for suite in SUITES]
SIZE = 300000


class Place:
    """A proxy with a port for each row; the way to its server is worn in."""

    def __init__(self, words=" alpn h2", rows=ROWS, bind=""):
        self.origin = TlsOrigin()
        files = Nginx("")
        self.root = files.root
        self.rows = rows
        binds = "".join(
            "    bind 127.0.0.1:{port%d} ssl crt %s %s %s\n" % (
                n + 2, folder() / f"{cert}.pem", SUITES[suite][2], bind)
            for n, (cert, suite) in enumerate(rows))
        self.proxy = Proxy("""
global
    stats socket {dir}/admin.sock level admin
    nbproc 4
    log stderr format raw local0
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 20s
    http-reuse always
frontend fe
    bind 127.0.0.1:{port}
""" + binds + """
    http-response set-header X-Proc %[proc]
    http-response set-header Access-Control-Allow-Origin *
    http-response set-header Timing-Allow-Origin *
    use_backend files if { path_beg /file }
    default_backend be
backend be
    server s 127.0.0.1:{tls} ssl verify required ca-file {ca}"""
                           + words + """
backend files
    server s 127.0.0.1:{files}
""", tls=self.origin.tls_port, ca=self.origin.ca, files=files.port)
        self.changes = 0
        self.last = None
        self.wear_in()

    def wear_in(self):
        goal = self.changes + CHANGES
        for _ in range(400):
            answer = get(self.proxy.port, "/bytes/100")
            assert answer.status == 200
            proc = answer.header("x-proc")
            self.changes += self.last not in (None, proc)
            self.last = proc
            if self.changes >= goal:
                return
        raise AssertionError("one worker only?")

    def port(self, row):
        return self.proxy.values[f"port{self.rows.index(row) + 2}"]

    def url(self, row):
        return f"https://localhost:{self.port(row)}"

    def one_connection(self):
        """After clients that asked one after another."""
        self.wear_in()
        tls = self.origin.tls()
        assert tls["full"] + tls["resumed"] == 1, tls

    def body(self, name="file", size=SIZE):
        """In a file, also to be had as /file...; returns path and hash."""
        path = self.root / name
        return path, write_file(path, size)


def trusting():
    return str(folder() / "ca.crt")


def test_curl():
    needs("curl")
    for words in (" alpn http/1.1", " alpn h2"):
        place = Place(words)
        path, right = place.body()
        for row in ROWS:
            for option, version in (("--http1.1", "1.1"), ("--http2", "2")):
                base = ["curl", "-sSf", "--cacert", trusting(), option,
                        "-w", "%{stderr}%{http_version}"]
                done = run([*base, "-H", "Expect:", "--data-binary",
                            f"@{path}", place.url(row) + "/hash"])
                assert (done.stdout.strip(), done.stderr) == (
                    right, version), (row, done)
                assert sha256_of(base[:-2] + [
                    "--data-binary", f"@{path}", place.url(row) + "/echo"]
                    ) == right, row
        place.one_connection()
        place.proxy.stop()


# --- openssl s_client ---

class SClient:
    """Interactive; what it is to do with a connection is a line: k, K, Q."""

    def __init__(self, place, row):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect",
             f"127.0.0.1:{place.port(row)}", "-servername", "localhost",
             "-CAfile", trusting(), "-verify_return_error"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.output = b""
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(b"Verify return code: 0 (ok)")

    def _read(self):
        while part := os.read(self.process.stdout.fileno(), 65536):
            self.output += part

    def wait(self, words, count=1):
        wait_until(lambda: self.output.count(words) >= count, 30,
                   what=f"{count} times {words} ({self.output[-500:]})")

    def say(self, data):
        """As one piece, after the one before was read."""
        pipe = self.process.stdin.fileno()
        os.write(pipe, data)
        wait_until(lambda: struct.unpack("i", fcntl.ioctl(
            pipe, termios.FIONREAD, b"\0\0\0\0"))[0] == 0, 30,
            what="s_client reads")

    def end(self):
        self.say(b"Q\n")
        self.process.wait(30)


def test_openssl_s_client():
    """Each answer's end is awaited before the next command."""
    needs("openssl")
    place = Place()
    for row in ROWS:
        client = SClient(place, row)
        assert says_suite(client.output.decode(errors="replace"), row[1]), row
        updates = 0
        for n in range(1, 5):
            # `k` updates its own key, `K` asks for the other's as well; one
            # between requests, one within a head, one within a body
            head = (b"POST /hash HTTP/1.1\r\n", b"Host: x\r\n"
                    b"Content-Length: 2000\r\n\r\n")
            for part in (head[0], head[1], b"a" * 700, b"b" * 1300):
                if row[1].startswith("13"):
                    client.say(b"K\n" if n % 2 else b"k\n")
                    updates += 1
                    client.wait(b"KEYUPDATE", updates)
                client.say(part)
            client.wait(sha256(b"a" * 700 + b"b" * 1300).encode(), n)
        client.end()
    place.one_connection()


# --- gnutls-cli ---

GNUTLS = {"aes128": "AES-128-GCM", "aes256": "AES-256-GCM",
          "chacha": "CHACHA20-POLY1305"}


def gnutls(place, row, head, *options, body=None):
    """Its standard output."""
    cipher = GNUTLS[row[1][2:]]
    command = ["gnutls-cli", "--x509cafile", trusting(), "--logfile",
               place.proxy.dir / "gnutls.log", "--priority",
               f"NORMAL:-CIPHER-ALL:+{cipher}", *options, "-p",
               str(place.port(row)), "localhost"]
    text = place.proxy.dir / "gnutls.in"
    text.write_bytes(head)
    words = " ".join(f"'{c}'" for c in map(str, command))
    done = subprocess.run(
        ["bash", "-c", f"cat '{text}' {body or ''} | {words}"],
        capture_output=True, timeout=200)
    assert done.returncode == 0, (row, done)
    return done.stdout


def test_gnutls_cli():
    needs("gnutls-cli")
    place = Place()
    path, right = place.body()
    for row in ROWS:
        out = gnutls(place, row, b"POST /hash HTTP/1.1\r\nHost: x\r\n"
                     b"Connection: close\r\nContent-Length: %d\r\n\r\n" % SIZE,
                     "--alpn", "http/1.1", body=path)
        assert right.encode() in out, (row, out)
        out = gnutls(place, row, b"GET /file HTTP/1.0\r\nHost: x\r\n\r\n")
        assert sha256(out[-SIZE:]) == right, (row, out[:200])
    place.one_connection()


# --- nghttp, h2load ---

def test_nghttp():
    needs("nghttp")
    place = Place()
    path, right = place.body()
    for row in ROWS:
        done = run(["nghttp", "-d", path, place.url(row) + "/hash"])
        assert done.stdout.strip() == right, (row, done)
        assert sha256_of(["nghttp", place.url(row) + "/file"]) == right, row
    place.one_connection()


def test_h2load():
    needs("h2load")
    place = Place()
    path, _ = place.body(size=20000)
    for row in ROWS:
        for options in ((), ("--h1",), ("-d", path)):
            done = run(["h2load", "-c", "3", "-m", "8", "-n", "150", *options,
                        place.url(row) + ("/echo" if "-d" in options
                                          else "/bytes/20000")])
            assert "150 succeeded, 0 failed" in done.stdout, (row, done)
            assert "(%d) data" % (150 * 20000) in done.stdout, (row, done)
            assert says_suite(re.sub(
                r"TLS Protocol: |Cipher: ", "", done.stdout), row[1]), done


# --- node ---

NODE = """
const h2 = require("http2"), https = require("https");
const fs = require("fs"), crypto = require("crypto");
const [ca, file, ...ports] = process.argv.slice(2);
const body = fs.readFileSync(file);
const options = { ca: fs.readFileSync(ca), servername: "localhost" };
function told(socket) {
    return socket.getProtocol() + " " + socket.getCipher().standardName;
}
function hash(stream, done) {
    const sum = crypto.createHash("sha256");
    stream.on("data", part => sum.update(part));
    stream.on("end", () => done(sum.digest("hex")));
}
function over_h2(port, done) {
    const client = h2.connect("https://localhost:" + port, options);
    let left = 10;
    for (let n = 0; n < 10; n++) {
        const stream = client.request({ ":path": "/echo", ":method": "POST" });
        hash(stream, sum => {
            console.log(JSON.stringify([port, "h2", told(client.socket), sum]));
            if (--left === 0) { client.close(); done(); }
        });
        stream.end(body);
    }
}
function over_h1(port, done) {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    let left = 5;
    for (let n = 0; n < 5; n++) {
        const request = https.request({
            ...options, agent, port, host: "localhost", path: "/echo",
            method: "POST" }, answer => {
            const suite = told(answer.socket);
            hash(answer, sum => {
                console.log(JSON.stringify([port, "h1", suite, sum]));
                if (--left === 0) { agent.destroy(); done(); }
            });
        });
        request.end(body);
    }
}
(async () => {
    for (const port of ports)
        for (const way of [over_h1, over_h2])
            await new Promise(done => way(+port, done));
})();
"""


def test_node():
    needs("node")
    place = Place()
    path, right = place.body()
    script = place.proxy.dir / "client.js"
    script.write_text(NODE)
    done = run(["node", script, trusting(), path,
                *(place.port(row) for row in ROWS)], timeout=50)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 15 * len(ROWS), done
    suites = {place.port(row): row[1] for row in ROWS}
    for port, _, told, digest in lines:
        assert digest == right, (port, done)
        assert says_suite(told, suites[port]), (port, told)


# --- chromium ---

PAGE = """<!doctype html><title>wait</title><pre id=out></pre><script>
const text = "0123456789abcdef".repeat(20000);
async function ask(port) {
    const url = "https://localhost:" + port;
    const echo = await fetch(url + "/echo", { method: "POST", body: text });
    const same = await echo.text() === text;
    const got = await (await fetch(url + "/bytes/300000")).text();
    const alpn = performance.getEntriesByType("resource")
        .filter(e => e.name === url + "/echo")[0].nextHopProtocol;
    return [port, same, got.length, alpn];
}
(async () => {
    const lines = [];
    for (const port of PORTS) {
        try { lines.push(await ask(port)); }
        catch (error) { lines.push([port, String(error)]); }
    }
    document.getElementById("out").textContent = JSON.stringify(lines);
})();
</script>"""


def chromium(place, rows, profile):
    """The page asks every port in turn; returns a line for each."""
    page = place.root / "file.html"
    page.write_text(PAGE.replace("PORTS", json.dumps(
        [place.port(row) for row in rows])))
    profile.mkdir()
    process = Program([
        "chromium", "--headless", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--ignore-certificate-errors",
        f"--user-data-dir={profile}", "--dump-dom", "--virtual-time-budget="
        "100000", f"https://localhost:{place.port(rows[0])}/file.html"])
    process.start()
    assert process.wait(150) == 0, process.stderr()[-2000:]
    found = re.search(r"<pre[^>]*>(\[.*\])</pre>", process.stdout())
    assert found, (process.stdout()[-500:], process.stderr()[-1000:])
    return json.loads(found[1])


@limit(400)
def test_chromium():
    needs("chromium")
    for bind, alpn in ((" alpn http/1.1", "http/1.1"), ("", "h2")):
        place = Place(bind=bind)
        lines = chromium(place, ROWS, place.proxy.dir / "profile")
        assert lines == [[place.port(row), True, 300000, alpn]
                         for row in ROWS], lines
        place.proxy.stop()


# --- 100 MB both ways ---

BIG_ROWS = [("ecdsa", "13aes128"), ("rsa", "12aes256"), ("ecdsa", "13chacha")]


def big(ways, words=" alpn h2"):
    """ways(place, row, path, right): send it, fetch it, look."""
    place = Place(words, BIG_ROWS)
    path, right = place.body("file", BIG)
    for row in BIG_ROWS:
        ways(place, row, path, right)
    place.one_connection()
    place.proxy.stop()


def curl_ways(option):
    def ways(place, row, path, right):
        base = ["curl", "-sSf", "--cacert", trusting(), option]
        assert sha256_of([*base, "-X", "POST", "-T", path,
                          place.url(row) + "/echo"]) == right, row
        assert sha256_of([*base, place.url(row) + "/file"]) == right, row

    return ways


@slow
@limit(600)
def test_curl_100_mb():
    needs("curl")
    for option in ("--http1.1", "--http2"):
        for words in (" alpn http/1.1", " alpn h2"):
            big(curl_ways(option), words)


@slow
@limit(600)
def test_nghttp_100_mb():
    needs("nghttp")

    def ways(place, row, path, right):
        assert sha256_of(["nghttp", "-d", path,
                          place.url(row) + "/echo"]) == right, row

    big(ways)


@slow
@limit(600)
def test_gnutls_cli_100_mb():
    needs("gnutls-cli")

    def ways(place, row, path, right):
        out = gnutls(place, row, b"POST /hash HTTP/1.1\r\nHost: x\r\n"
                     b"Connection: close\r\nContent-Length: %d\r\n\r\n"
                     % BIG, body=path)
        assert right.encode() in out, (row, out)

    big(ways)
