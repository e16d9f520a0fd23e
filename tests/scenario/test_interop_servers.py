# SPDX-License-Identifier: MIT
"""Real servers behind `server ... ssl`: each version, AEAD, certificate and
ALPN list, through one connection that one worker after another uses."""

from dataclasses import dataclass
from pathlib import Path

from interop import (
    BIG, CERTS, SUITES, folder, says_suite, sha256, sha256_of, write_file)
from wsbtest import (
    Apache, Haproxy, Nginx, Origin, Program, Proxy, find_program, free_port,
    get, limit, needs, request, run, slow)

ALPN = {
    "none": "",
    "h1": " alpn http/1.1",
    "h2": " alpn h2",
    "both": " alpn h2,http/1.1",
}
SMALL = 40000  # more than two records, less than a window
CHANGES = 10


@dataclass
class Site:
    """A server that runs."""

    ports: dict  # by certificate
    root: Path  # what it delivers
    upload: str = "/hash"  # POST: answers with the SHA-256
    echoes: bool = False  # POST: answers with the same instead
    tells: bool = True  # X-Suite and X-Conn with each answer


def each_port(text, **values):
    """The text once for each certificate, and the ports in it."""
    ports = {cert: free_port() for cert in CERTS}
    return ports, "".join(
        text % {"port": port, "pem": folder() / f"{cert}.pem", **values}
        for cert, port in ports.items())


def nginx():
    ports, http = each_port("""
        server {
            listen 127.0.0.1:%(port)d ssl http2;
            ssl_certificate %(pem)s;
            ssl_certificate_key %(pem)s;
            ssl_protocols TLSv1.2 TLSv1.3;
            add_header X-Conn $connection always;
            add_header X-Suite "$ssl_protocol $ssl_cipher" always;
            client_max_body_size 0;
            location /hash {
                proxy_pass http://127.0.0.1:%(origin)d;
                proxy_http_version 1.1;
                proxy_request_buffering off;
            }
        }""", origin=Origin().port)
    server = Nginx(http=http + "keepalive_timeout 300;")
    server.wait_port(ports["rsa"])
    return Site(ports, server.root)


def apache():
    needs("apache2")
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
        for name in ("ssl", "socache_shmcb", "http2", "proxy", "proxy_http"))
    ports, hosts = each_port("""
        Listen 127.0.0.1:%(port)d
        <VirtualHost 127.0.0.1:%(port)d>
            Protocols h2 http/1.1
            SSLEngine on
            SSLProtocol -all +TLSv1.2 +TLSv1.3
            SSLCertificateFile %(pem)s
            SSLCertificateKeyFile %(pem)s
            KeepAliveTimeout 300
            Header always set X-Conn "expr=%%{REMOTE_PORT}"
            Header always set X-Suite "%%{SSL_PROTOCOL}s %%{SSL_CIPHER}s"
            ProxyPass /hash http://127.0.0.1:%(origin)d/hash
        </VirtualHost>
        """, origin=Origin().port)
    server = Apache(modules + hosts)
    server.wait_port(ports["rsa"])
    return Site(ports, server.root)


def haproxy():
    inner, origin = Nginx(""), Origin()
    ports, binds = each_port(
        "    bind 127.0.0.1:%(port)d ssl crt %(pem)s alpn h2,http/1.1\n")
    server = Haproxy("""
defaults
    mode http
    timeout client 300s
    timeout server 60s
    timeout connect 10s
frontend f
    bind 127.0.0.1:{port}
%s
    http-response set-header X-Conn %%[src_port]
    http-response set-header X-Suite "%%[ssl_fc_protocol] %%[ssl_fc_cipher]"
    use_backend origin if { path /hash }
    default_backend files
backend files
    server s 127.0.0.1:{files}
backend origin
    server s 127.0.0.1:{origin}
""" % binds, files=inner.port, origin=origin.port)
    server.wait_port(ports["rsa"])
    return Site(ports, inner.root)


NODE = """
const h2 = require("http2"), fs = require("fs"), crypto = require("crypto");
const [root, ...places] = process.argv.slice(2);
function answer(request, response) {
    const socket = request.stream ? request.stream.session.socket
                                  : request.socket;
    response.setHeader("X-Conn", socket.remotePort);
    response.setHeader("X-Suite", socket.getProtocol() + " " +
                       socket.getCipher().standardName);
    if (request.method !== "POST")
        return fs.createReadStream(root + request.url).pipe(response);
    const hash = crypto.createHash("sha256");
    request.on("data", part => hash.update(part));
    request.on("end", () => response.end(hash.digest("hex")));
}
for (const place of places) {
    const [port, pem] = place.split("=");
    const ends = fs.readFileSync(pem);
    const server = h2.createSecureServer(
        { allowHTTP1: true, cert: ends, key: ends }, answer);
    server.keepAliveTimeout = 300000;
    server.listen(+port, "127.0.0.1");
}
"""


def node():
    needs("node")
    ports, places = each_port("%(port)d=%(pem)s ")
    server = Program([find_program("node")])
    script, root = server.dir / "server.js", server.dir / "www"
    script.write_text(NODE)
    root.mkdir()
    server.argv += [script, root, *places.split()]
    server.start()
    for port in ports.values():
        server.wait_port(port, 60)
    return Site(ports, root)


def nghttpd():
    needs("nghttpd")
    root = folder() / "nghttpd"
    root.mkdir()
    ports, _ = each_port("")
    for cert, port in ports.items():
        pem = folder() / f"{cert}.pem"
        Program([find_program("nghttpd"), "-a", "127.0.0.1", "-d", root,
                 "--echo-upload", str(port), pem, pem]
                ).start().wait_port(port)
    return Site(ports, root, upload="/", echoes=True, tells=False)


# Neither keeps a connection behind an answer.

def openssl_s_server():
    root = folder() / "openssl"
    root.mkdir()
    ports, _ = each_port("")
    for cert, port in ports.items():
        pem = folder() / f"{cert}.pem"
        Program(["openssl", "s_server", "-accept", f"127.0.0.1:{port}",
                 "-cert", pem, "-key", pem, "-WWW", "-quiet"],
                cwd=root).start().wait_port(port)
    return Site(ports, root, tells=False)


def gnutls_serv():
    needs("gnutls-serv")
    ports, _ = each_port("")
    for cert, port in ports.items():
        pem = folder() / f"{cert}.pem"
        Program(["gnutls-serv", "--http", "-q", "-a", "-p", port,
                 "--x509certfile", pem, "--x509keyfile", pem]
                ).start().wait_port(port)
    return Site(ports, folder(), tells=False)


SERVERS = {  # what they agree to, by what they are offered
    nginx: {"none": "h1", "h1": "h1", "h2": "h2", "both": "h2"},
    apache: {"none": "h1", "h1": "h1", "h2": "h2", "both": "h2"},
    haproxy: {"none": "h1", "h1": "h1", "h2": "h2ws", "both": "h2ws"},
    node: {"none": "h1", "h1": "h1", "h2": "h2", "both": "h2"},
    nghttpd: {"h2": "h2", "both": "h2"},
    openssl_s_server: {"none": "h1", "both": "h1"},
    gnutls_serv: {"none": "h1", "both": "h1"},
}


# --- the proxy: a backend for each row, chosen by Host ---

@dataclass
class Row:
    site: Site
    cert: str
    suite: str
    alpn: str
    tag: str

    @property
    def name(self):
        return f"{self.cert}-{self.suite}-{self.alpn}"


def rows_of(start, suites=SUITES, alpn=ALPN, certificates=CERTS):
    site = start()
    return [Row(site, cert, suite, offer, tag)
            for cert in certificates for suite in suites
            for offer, tag in SERVERS[start].items() if offer in alpn]


def proxy_for(rows):
    text = """
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 20s
    http-reuse always
frontend fe
    bind 127.0.0.1:{port}
    http-response set-header X-Proc %[proc]
"""
    for row in rows:
        text += f"    use_backend {row.name} if {{ hdr(host) {row.name} }}\n"
    for row in rows:
        text += (f"backend {row.name}\n"
                 f"    server s 127.0.0.1:{row.site.ports[row.cert]} ssl"
                 " verify required ca-file {ca} verifyhost localhost"
                 f" {SUITES[row.suite][2]}{ALPN[row.alpn]}\n")
    return Proxy("""
global
    stats socket {dir}/admin.sock level admin
    nbproc {workers}
    log stderr format raw local0
""" + text, workers=4, ca=folder() / "ca.crt")


class Answers:
    """What the answers of one row told."""

    def __init__(self, proxy, row):
        self.proxy = proxy
        self.row = row
        self.procs = []
        self.conns = set()

    @property
    def changes(self):
        return sum(a != b for a, b in zip(self.procs, self.procs[1:]))

    def add(self, answer, body):
        row = self.row
        assert answer.status == 200, (
            row.name, answer, self.proxy.log()[-2:])
        assert answer.body.strip() == body.strip(), (
            row.name, len(answer.body), answer.body[:100])
        self.procs.append(answer.header("x-proc"))
        self.conns.add(answer.header("x-conn"))
        if row.site.tells:
            told = answer.header("x-suite")
            assert says_suite(told, row.suite), (row.name, told)


def change_workers(proxy, row, answers):
    """Each request on a client connection of its own: any worker's."""
    host = [("Host", row.name)]
    small = (row.site.root / "small").read_bytes()
    up = small[1000:]
    goal = answers.changes + CHANGES
    want = up if row.site.echoes else sha256(up).encode()
    for n in range(200):
        answers.add(get(proxy.port, "/small", headers=host), small)
        answers.add(request(proxy.port, "POST", row.site.upload, host, up),
                    want)
        if answers.changes >= goal:
            return
    raise AssertionError(f"{row.name}: one worker only? {answers.procs}")


def one_connection(proxy, row, answers):
    """By the board and by the server's own word."""
    seen = next(s for s in proxy.board()["servers"]
                if s["backend"] == row.name)
    assert seen["tls_full"] + seen["tls_resumed"] == 1, (row.name, seen)
    assert seen["by_tag"][row.tag].get("idle") == 1, (row.name, seen)
    assert len(answers.conns) == 1, (row.name, answers.conns)


def matrix(start):
    rows = rows_of(start)
    write_file(rows[0].site.root / "small", SMALL)
    proxy = proxy_for(rows)
    for row in rows:
        answers = Answers(proxy, row)
        change_workers(proxy, row, answers)
        one_connection(proxy, row, answers)


@limit(240)
def test_nginx():
    matrix(nginx)


@limit(240)
def test_apache():
    matrix(apache)


@limit(240)
def test_haproxy():
    matrix(haproxy)


@limit(240)
def test_node():
    matrix(node)


@limit(240)
def test_nghttpd():
    matrix(nghttpd)


def each_anew(start, path, right):
    """A connection for each request: handshakes, later ones resumed."""
    rows = rows_of(start)
    proxy = proxy_for(rows)
    write_file(rows[0].site.root / "small", SMALL)
    for row in rows:
        for _ in range(4):
            answer = get(proxy.port, path, headers=[("Host", row.name)])
            assert answer.status == 200, (row.name, answer, proxy.log()[-2:])
            assert right(row, answer.body), (row.name, answer.body[:3000])
        seen = next(s for s in proxy.board()["servers"]
                    if s["backend"] == row.name)
        assert seen["tls_full"] + seen["tls_resumed"] == 4, (row.name, seen)
        assert seen["tls_resumed"] >= 1, (row.name, seen)


@limit(240)
def test_openssl_s_server():
    small = folder() / "openssl" / "small"
    each_anew(openssl_s_server, "/small",
              lambda row, body: body == small.read_bytes())


@limit(240)
def test_gnutls_serv():
    each_anew(gnutls_serv, "/", lambda row, body:
              b"This is " in body and body.rstrip().endswith(b"</HTML>"))


# --- 100 MB both ways ---

def big(start, *chosen):
    """chosen: (certificate, suite, ALPN list)"""
    rows = [row for row in rows_of(start)
            if (row.cert, row.suite, row.alpn) in chosen]
    assert len(rows) == len(chosen)
    root = rows[0].site.root
    write_file(root / "small", SMALL)
    right = write_file(root / "big", BIG)
    proxy = proxy_for(rows)
    url = f"http://127.0.0.1:{proxy.port}"
    for row in rows:
        answers = Answers(proxy, row)
        change_workers(proxy, row, answers)
        fetch = ["curl", "-sSf", "-H", f"Host: {row.name}"]
        assert sha256_of([*fetch, f"{url}/big"]) == right, row.name
        send = [*fetch, "-X", "POST", "-T", root / "big",
                url + row.site.upload]
        if row.site.echoes:
            assert sha256_of(send) == right, row.name
        else:
            done = run(send, timeout=200)
            assert done.stdout.strip() == right, (row.name, done)
        change_workers(proxy, row, answers)
        one_connection(proxy, row, answers)


@slow
@limit(600)
def test_nginx_100_mb():
    big(nginx, ("rsa", "12aes256", "h1"), ("ecdsa", "13aes128", "both"),
        ("rsa", "12chacha", "h2"))


@slow
@limit(600)
def test_apache_100_mb():
    big(apache, ("ecdsa", "13aes256", "h1"), ("rsa", "13chacha", "both"))


@slow
@limit(600)
def test_haproxy_100_mb():
    big(haproxy, ("ecdsa", "13chacha", "none"), ("rsa", "12aes128", "h2"))


@slow
@limit(600)
def test_node_100_mb():
    big(node, ("rsa", "13aes128", "h1"), ("ecdsa", "12aes256", "both"))


@slow
@limit(600)
def test_nghttpd_100_mb():
    big(nghttpd, ("rsa", "13aes256", "h2"), ("ecdsa", "12aes128", "both"))


@slow
@limit(300)
def test_openssl_s_server_100_mb():
    rows = rows_of(openssl_s_server, ("13aes256", "12chacha"), ("none",))
    right = write_file(rows[0].site.root / "big", BIG)
    proxy = proxy_for(rows)
    for row in rows:
        assert sha256_of(["curl", "-sSf", "-H", f"Host: {row.name}",
                          f"http://127.0.0.1:{proxy.port}/big"]) == right
