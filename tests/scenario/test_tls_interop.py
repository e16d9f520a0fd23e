# SPDX-License-Identifier: MIT
"""TLS with other people's programs: GnuTLS on either side, a browser."""

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).resolve().parent))
from certs import certificates  # noqa: E402
from test_tls_back import each_suite  # noqa: E402
from test_tls_faults import tls_origin  # noqa: E402
from wsbtest import FakeServer, Program, Proxy, free_port, limit, needs, \
    slow, wait_until  # noqa: E402

CONFIG = """
global
    log stdout format raw local0
    nbproc {workers}
    stats socket {dir}/board mode 600 level user
defaults
    mode http
    log global
    option httplog
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    http-reuse always
frontend fe
    bind 127.0.0.1:{port} ssl crt {certs}/%s.pem %s
    use_backend page if { path /page }
    default_backend b
backend b
    server s 127.0.0.1:{tls} ssl verify none
backend page
    server s 127.0.0.1:{page}
"""

SUITES = [("TLS1.3", cipher) for cipher in (
    "AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305")] + \
    [("TLS1.2", cipher) for cipher in (
        "AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305")]


def start(cert="ecdsa", words="alpn http/1.1", page=1, workers=4):
    return Proxy(CONFIG % (cert, words), certs=certificates(), page=page,
                 tls=tls_origin().tls_port, workers=workers)


def server_of(proxy):
    return next(s for s in proxy.board()["servers"] if s["slot_count"] or
                s["dials"])


def gnutls(port, priority="NORMAL", *args):
    return ["gnutls-cli", "--no-ca-verification", "--logfile=/dev/null",
            f"--priority={priority}", "--sni-hostname=localhost",
            "--alpn=http/1.1", "-p", str(port), *args, "127.0.0.1"]


def priority(version, cipher):
    return f"NORMAL:-VERS-ALL:+VERS-{version}:-CIPHER-ALL:+{cipher}"


def request(path, more="", method="GET"):
    return (f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n").encode()


CLOSE = "Connection: close\r\n"


@limit(240)
def test_gnutls_cli_with_all_suites_over_one_connection_to_the_server():
    """40 clients of any worker: the one server connection wanders."""
    needs("gnutls-cli")
    for cert in "ecdsa", "rsa":
        proxy = start(cert)
        for i in range(20):
            version, cipher = SUITES[i % len(SUITES)]
            done = subprocess.run(
                gnutls(proxy.port, priority(version, cipher)),
                input=request("/bytes/5") + request("/conn", CLOSE),
                capture_output=True, timeout=60)
            out = done.stdout
            assert out.count(b"200 OK") == 2 and b"01234" in out, (
                version, cipher, done.stdout[-500:], done.stderr[-500:])
            assert done.returncode == 0, done.stderr
        assert server_of(proxy)["dials"] == 1
        proxy.stop()


@limit(120)
def test_gnutls_cli_updates_keys_and_resumes():
    needs("gnutls-cli")
    proxy = start()
    p = subprocess.Popen(
        gnutls(proxy.port, priority("TLS1.3", "AES-128-GCM"),
               "--inline-commands"),
        stdin=subprocess.PIPE, stdout=open(proxy.dir / "out", "wb"),
        stderr=subprocess.STDOUT)

    def answers(count):
        wait_until(lambda: (proxy.dir / "out").read_bytes().count(
            b"01234") >= count, 30, what=f"{count} answers")

    for i in range(5):
        p.stdin.write(request("/bytes/5"))
        p.stdin.flush()
        answers(i + 1)
        p.stdin.write(b"^rekey1^\n" if i % 2 else b"^rekey^\n")
        p.stdin.flush()
    p.stdin.write(request("/bytes/5", CLOSE))
    p.stdin.close()
    answers(6)
    assert p.wait(30) == 0
    for version in "TLS1.2", "TLS1.3":
        done = subprocess.run(
            gnutls(proxy.port, priority(version, "AES-128-GCM"), "--resume"),
            input=request("/bytes/5", CLOSE), capture_output=True, timeout=60)
        assert b"01234" in done.stdout, done.stdout[-500:] + done.stderr
    assert proxy.board()


@limit(240)
def test_gnutls_cli_carries_bodies_both_ways():
    """Not much down: gnutls-cli waits half a second after each record."""
    needs("gnutls-cli")
    down, up = 200_000, 100_000_000
    proxy = start(workers=2)
    done = subprocess.run(
        gnutls(proxy.port), capture_output=True, timeout=200,
        input=request(f"/bytes/{down}", CLOSE), check=True)
    assert len(done.stdout) > down and b"200 OK" in done.stdout
    done = subprocess.run(
        gnutls(proxy.port), capture_output=True, timeout=200,
        input=request("/hash", CLOSE + f"Content-Length: {up}\r\n", "POST")
        + bytes(up))
    assert b"200 OK" in done.stdout, done.stdout[-500:]
    hashed = sha256(bytes(up)).hexdigest().encode()
    assert hashed in done.stdout, done.stdout[-200:]


@limit(240)
def test_gnutls_serv_with_all_suites():
    needs("gnutls-serv")
    for cert in "ecdsa", "rsa":
        port = free_port()
        pem = certificates() / f"{cert}.pem"
        server = Program(["gnutls-serv", "--http", "-p", str(port),
                          f"--x509certfile={pem}", f"--x509keyfile={pem}",
                          "--disable-client-cert", "--quiet"]).start()
        server.wait_port(port)
        each_suite(port)
        server.stop()


PAGE = b"""<!doctype html><title>waiting</title><script>
async function all() {
  let sum = 0;
  const one = async n => {
    const body = await (await fetch('/bytes/' + n)).arrayBuffer();
    if (body.byteLength != n) throw 'short ' + n;
    sum += n;
  };
  for (let i = 0; i < 5; i++) await one(100 + i);
  await Promise.all([...Array(30).keys()].map(i => one(1000 * i + 1)));
  const text = 'x'.repeat(300000);
  const back = await (await fetch('/echo', {method: 'POST', body: text}))
    .text();
  if (back != text) throw 'echo';
  await new Promise((done, fail) => {
    const ws = new WebSocket('wss://' + location.host + '/ws');
    ws.onopen = () => ws.send('hello');
    ws.onerror = () => fail('ws');
    ws.onmessage = e => { if (e.data == 'hello') done(); else fail(e.data); };
  });
  const how = performance.getEntriesByType('resource')
    .map(e => e.nextHopProtocol);
  return 'sum=' + sum + ' proto=' + [...new Set(how)].join();
}
const tell = t => fetch('/page?' + encodeURIComponent(t));
all().then(tell, e => tell('failed: ' + e));
</script>"""
SUM = sum(100 + i for i in range(5)) + sum(1000 * i + 1 for i in range(30))


def browser(words, protocol):
    """The page says what came of it with a last request."""
    needs("chromium")
    told = []

    def page(sock, _):
        while head := sock.recv(65536):
            query = re.match(rb"GET /page\?(\S+)", head)
            if query:
                told.append(unquote(query[1].decode()))
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE)

    proxy = start(words=words, page=FakeServer(page).port, workers=2)
    chromium = Program([
        "chromium", "--headless", "--no-sandbox", "--disable-gpu",
        "--ignore-certificate-errors", "--disable-dev-shm-usage",
        "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
        f"--user-data-dir={proxy.dir}/profile", "--remote-debugging-port=0",
        f"https://localhost:{proxy.port}/page"]).start()
    wait_until(lambda: told, 150, what="word from the browser")
    assert told[0] == f"sum={SUM} proto={protocol}", told
    chromium.kill()
    assert " 400 " not in proxy.stdout(), proxy.stdout()[-1000:]


@slow
@limit(200)
def test_chromium_http1():
    browser("alpn http/1.1", "http/1.1")


@slow
@limit(200)
def test_chromium_http2():
    browser("", "h2")
