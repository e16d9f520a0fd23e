# SPDX-License-Identifier: MIT
"""Certificates replaced over the runtime socket: set, commit, abort, show."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from certs import certificates  # noqa: E402
from test_tls_back import TlsOrigin, server_row  # noqa: E402
from wsbtest import Haproxy, Origin, Proxy, find_program, get, needs, \
    wait_until  # noqa: E402

CONFIG = """
global
    log stdout format raw local0
    nbproc {workers}
    stats socket {dir}/cli level admin
    stats socket {dir}/cli-operator level operator
    stats socket {dir}/cli-user level user
    stats socket {dir}/board mode 600 level user
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
frontend fe
    bind 127.0.0.1:{port} ssl crt {file} crt {certs}/b.pem
    default_backend b
backend b
    http-reuse always
    server s 127.0.0.1:{origin}
"""


def ask(proxy, text, socket_name="cli"):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(str(proxy.dir / socket_name))
        s.sendall(text.encode())
        out = b""
        while part := s.recv(65536):
            out += part
        return out.decode()


def start(workers=4, config=CONFIG, **values):
    d = certificates()
    proxy = Proxy(config, start=False, workers=workers, certs=d,
                  file="{file}", **values)
    file = proxy.dir / "site.pem"
    file.write_text((d / "a.pem").read_text())
    os.chmod(file, 0o644)
    proxy.config.write_text(
        proxy.config.read_text().replace("{file}", str(file)))
    proxy.start()
    proxy.wait_workers()
    proxy.file = file
    return proxy


def pem(name, key=True):
    text = (certificates() / f"{name}.pem").read_text()
    return text if key else text[:text.index("-----BEGIN PRIVATE")]


def put(proxy, text, file=None):
    return ask(proxy, f"set ssl cert {file or proxy.file} <<\n{text}\n")


def commit(proxy, file=None):
    return ask(proxy, f"commit ssl cert {file or proxy.file}\n")


def replace(proxy, name, file=None):
    file = file or proxy.file
    assert put(proxy, pem(name), file) == \
        f"Transaction created for certificate {file}!\n\n"
    assert commit(proxy, file) == f"Committing {file}.\nSuccess!\n\n"


def connect(port, session=None, context=None, sni=None):
    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", port), 30)
    return context.wrap_socket(raw, server_hostname=sni, session=session)


def serial(der):
    done = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout",
                           "-subject", "-nameopt", "multiline"], input=der,
                          capture_output=True, check=True)
    return re.search(rb"= (\S+)\n", done.stdout)[1].decode()


def shown(port, sni=None):
    with connect(port, sni=sni) as tls:
        return serial(tls.getpeercert(True))


def seen(port, count=40):
    """What new connections, spread over all workers, are shown."""
    return {shown(port) for _ in range(count)}


def exchange(tls):
    tls.sendall(b"GET /bytes/5 HTTP/1.1\r\nHost: x\r\n\r\n")
    text = b""
    while not text.endswith(b"01234"):
        part = tls.recv(65536)
        assert part, text
        text += part


def test_new_connections_use_it_nothing_else_notices():
    needs("openssl")
    proxy = start(origin=Origin())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    old = [connect(proxy.port, context=context) for _ in range(16)]
    for tls in old:
        exchange(tls)
    session = old[0].session
    assert seen(proxy.port) == {"a.test"}
    assert put(proxy, pem("many")).startswith("Transaction created")
    assert seen(proxy.port, 10) == {"a.test"}, "set alone changes nothing"
    assert put(proxy, pem("chained")).startswith("Transaction updated")
    assert commit(proxy) == f"Committing {proxy.file}.\nSuccess!\n\n"
    assert seen(proxy.port) == {"chained.test"}
    assert shown(proxy.port, "b.test") == "b.test"
    for tls in old:
        exchange(tls)
    with connect(proxy.port, session=session, context=context) as tls:
        exchange(tls)
        assert tls.session_reused
    replace(proxy, "rsa")
    assert seen(proxy.port) == {"localhost"}
    assert "is not used" not in proxy.stdout()


def test_a_later_worker_and_a_later_broker_have_it():
    needs("openssl")
    proxy = start(workers=2, origin=Origin())
    replace(proxy, "many")
    replace(proxy, "chained")
    replace(proxy, "ecdsa", f"{certificates()}/b.pem")
    for role in "workers", "broker", "workers":
        victims = proxy.pids()[role]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)

        def replaced():
            now = proxy.pids()[role]
            return not set(victims) & set(now) and len(now) == len(victims)

        wait_until(replaced, 60)
        wait_until(lambda: seen(proxy.port, 8) == {"chained.test"}, 60)
        assert f"Filename: {proxy.file}" in ask_patiently(
            proxy, f"show ssl cert {proxy.file}\n")
        assert "Subject: /CN=chained.test\n" in ask_patiently(
            proxy, f"show ssl cert {proxy.file}\n")
    replace(proxy, "rsa")
    assert seen(proxy.port, 20) == {"localhost"}


def ask_patiently(proxy, text):
    def answer():
        try:
            return ask(proxy, text)
        except OSError:
            return ""

    return wait_until(answer, 60)


def test_what_is_wrong_changes_nothing():
    needs("openssl")
    proxy = start(workers=2, origin=Origin())
    f = proxy.file
    both = f"Can't commit {f}!\n\n"
    assert commit(proxy) == f"No ongoing transaction! !\n{both}"
    for text in ("", "rubbish\n", pem("rubbish"), pem("a")[:300] + "\n",
                 pem("encrypted")):
        answer = put(proxy, text)
        assert answer.startswith(
            f"unable to load certificate from file '{f}'.\n"
            "Can't load the payload"), answer
        assert answer.endswith(f"Can't update {f}!\n\n"), answer
    assert put(proxy, pem("b"), "/no/such.pem") == (
        "Can't replace a certificate which is not referenced by the "
        "configuration!\nCan't update /no/such.pem!\n\n")
    assert "is a bundle" in ask(proxy, f"show ssl cert *{f}\n")
    assert put(proxy, pem("nokey")).startswith("Transaction created")
    assert commit(proxy) == ("The transaction must contain at least a "
                             f"certificate and a private key!\n{both}")
    assert put(proxy, pem("mismatch")).startswith("Transaction updated")
    assert commit(proxy) == ("inconsistencies between private key and "
                             f"certificate loaded '{f}'.\n{both}")
    other = f"{certificates()}/b.pem"
    assert f"is about '{f}'" in put(proxy, pem("b"), other)
    assert f"is about '{f}'" in commit(proxy, other)
    assert f"is about '{f}'" in ask(proxy, f"abort ssl cert {other}\n")
    assert ask(proxy, f"abort ssl cert {f}\n") == \
        f"Transaction aborted for certificate '{f}'!\n\n"
    assert ask(proxy, f"abort ssl cert {f}\n") == "No ongoing transaction!\n\n"
    assert seen(proxy.port, 10) == {"a.test"}


def test_who_may_do_what():
    proxy = start(workers=1, origin=Origin())
    for name in "cli-user", "cli-operator":
        for command in (f"set ssl cert {proxy.file} <<\n{pem('b')}\n",
                        f"commit ssl cert {proxy.file}\n",
                        f"abort ssl cert {proxy.file}\n"):
            assert ask(proxy, command, name) == "Permission denied\n\n"
    assert ask(proxy, "show ssl cert\n", "cli-user") == "Permission denied\n\n"
    assert ask(proxy, "show ssl cert\n", "cli-operator") == \
        "# filename\n" + "".join(
            f"{f}\n" for f in sorted([str(proxy.file),
                                      f"{certificates()}/b.pem"])) + "\n"


def test_payloads_come_in_pieces_and_with_a_prompt():
    proxy = start(workers=1, origin=Origin())
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(proxy.dir / "cli"))
        text = f"prompt\nset ssl cert {proxy.file} <<\r\n" + \
            pem("b").replace("\n", "\r\n") + \
            f"\r\nshow ssl cert;abort ssl cert {proxy.file}\nquit\n"
        for i in range(0, len(text), 7):
            s.sendall(text[i:i + 7].encode())
        out = b""
        while part := s.recv(65536):
            out += part
    out = out.decode()
    assert out.count("+ ") == 1 + pem("b").count("\n"), out
    assert "Transaction created" in out
    assert f"# transaction\n*{proxy.file}\n# filename\n" in out
    assert out.endswith(f"aborted for certificate '{proxy.file}'!\n\n> \n"
                        ) or out.endswith(f"'{proxy.file}'!\n\n> "), out
    with socket.socket(socket.AF_UNIX) as s:  # far too long
        s.settimeout(30)
        s.connect(str(proxy.dir / "cli"))
        try:
            s.sendall(b"set ssl cert x <<\n" + b"x" * 63 + b"\n")
            for _ in range(40):
                s.sendall((b"x" * 1023 + b"\n") * 64)
            assert s.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert get  # the service is still there
    assert "# filename" in ask(proxy, "show ssl cert\n")


def test_a_hung_worker_is_named():
    needs("openssl")
    proxy = start(workers=2, origin=Origin())
    hung = proxy.pids()["workers"][0]
    os.kill(hung, signal.SIGSTOP)
    try:
        put(proxy, pem("chained"))
        late = []
        threads = [threading.Thread(target=lambda: late.append(commit(proxy)))]
        threads[0].start()
        # The same text: what is put before the commit begins is committed.
        wait_until(lambda: "locked" in put(proxy, pem("chained")), 30)
        assert "locked" in commit(proxy)
        assert "locked" in ask(proxy, f"abort ssl cert {proxy.file}\n")
        threads[0].join(60)
        assert f"(pid {hung})" in late[0] and "Success" not in late[0], late
    finally:
        os.kill(hung, signal.SIGCONT)
    wait_until(lambda: seen(proxy.port, 10) == {"chained.test"}, 30)
    assert "Success!" in commit(proxy)


def test_keys_are_in_no_log_and_not_on_the_board():
    proxy = start(workers=2, origin=Origin())
    replace(proxy, "chained")
    put(proxy, pem("b"))
    line = pem("chained").split("PRIVATE KEY-----\n")[1][:60]
    assert line not in proxy.stdout() + proxy.stderr()
    for pid in proxy.pids()["workers"]:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            try:
                name = os.readlink(f"/proc/{pid}/fd/{entry}")
            except OSError:
                continue
            if "board" not in name:
                continue
            with open(f"/proc/{pid}/fd/{entry}", "rb") as board:
                while part := board.read(1 << 20):
                    assert line.encode() not in part


def test_a_servers_certificate():
    """Later handshakes show it; idle connections of others stay."""
    def wants_client(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates() / "ca.crt")

    names = []

    def note(conn, number):
        names.append(serial(conn.getpeercert(True)))

    mine = TlsOrigin(setup=wants_client, after=note)
    other = TlsOrigin()
    proxy = start(config=CONFIG.replace("bind 127.0.0.1:{port} ssl crt "
                                        "{file} crt {certs}/b.pem",
                                        "bind 127.0.0.1:{port}\n"
                                        "    use_backend o if { path /o }")
.rstrip() + " ssl verify none crt {file}\n"
                    "backend o\n    http-reuse always\n"
                    "    server o 127.0.0.1:%d ssl verify none\n" % other.port,
                  origin=mine)
    for _ in range(4):
        get(proxy.port, "/")
        get(proxy.port, "/o")
    assert set(names) == {"a.test"}
    before = len(names), other.full + other.resumed
    put(proxy, pem("client"))
    get(proxy.port, "/")
    get(proxy.port, "/o")
    assert (len(names), other.full + other.resumed) == before
    commit(proxy)
    for _ in range(4):
        get(proxy.port, "/")
        get(proxy.port, "/o")
    assert names[before[0]:] and set(names[before[0]:]) == {"client"}, names
    assert other.full + other.resumed == before[1]
    assert server_row(proxy)


def test_answers_are_haproxys():
    """Word for word, but for what a payload's error adds."""
    needs("openssl")
    if not find_program("haproxy"):
        return
    ours = start(workers=1, origin=Origin())
    theirs = Haproxy("""
global
    stats socket {dir}/cli level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend f
    bind 127.0.0.1:{port} ssl crt %s crt %s/b.pem
""" % (ours.file, certificates()))
    f = ours.file
    for command in (
            "show ssl cert\n", f"show ssl cert {f}\n", "show ssl cert /n\n",
            f"show ssl cert *{f}\n", f"commit ssl cert {f}\n",
            f"abort ssl cert {f}\n", f"set ssl cert {f}\n", "set ssl cert\n",
            "commit ssl cert\n", "abort ssl cert\n",
            f"set ssl cert /n <<\n{pem('b')}\n",
            f"set ssl cert {f} <<\n{pem('rubbish')}\n",
            f"set ssl cert {f} <<\n{pem('nokey')}\n",
            f"commit ssl cert {f}\n",
            f"set ssl cert {f} <<\n{pem('mismatch')}\n",
            f"commit ssl cert {f}\n",
            f"set ssl cert {f} <<\n{pem('chained')}\n", "show ssl cert\n",
            f"show ssl cert *{f}\n", "commit ssl cert /n\n",
            "abort ssl cert /n\n", f"abort ssl cert {f}\n",
            f"set ssl cert {f} <<\n{pem('many')}\n",
            f"commit ssl cert {f};show ssl cert\n",
            f"show ssl cert {f}\n"):
        a, b = ask(theirs, command), ask(ours, command)
        b = re.sub(r"(Can't load the payload): .*", r"\1", b)
        assert a == b, (command[:60], a, b)
