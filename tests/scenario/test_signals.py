# SPDX-License-Identifier: MIT
"""Start and end of the service, as scripts rely on them."""

import os
import signal
import socket
import subprocess
import time

from wsbtest import (BUILD, Client, Origin, Program, Proxy, free_port, get,
                     run, wait_until)

PLAIN = "backend be\n    server s1 127.0.0.1:{origin}\n"


def gone(pids):
    def is_alive(pid):
        try:
            with open(f"/proc/{pid}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False
    return not any(is_alive(p) for p in pids)


def test_sigterm_ends_all_at_once_with_0():
    proxy = Proxy(PLAIN, origin=Origin(), workers=2)
    pids = proxy.pids()
    with Client(proxy.port) as c:
        assert c.get("/").status == 200
        assert proxy.stop(signal.SIGTERM, timeout=3) == 0
    assert gone(pids["workers"] + pids["broker"])


def test_sigint_ends_with_0_and_with_130_in_worker_mode():
    proxy = Proxy(PLAIN, origin=Origin())
    assert proxy.stop(signal.SIGINT, timeout=3) == 0
    other = Proxy(PLAIN, origin=Origin(), args=("-W",))
    assert other.stop(signal.SIGINT, timeout=3) == 130


def test_sigusr1_lets_requests_finish():
    origin = Origin()
    proxy = Proxy(PLAIN, origin=origin, workers=2)
    with Client(proxy.port) as busy, Client(proxy.port) as idle:
        assert idle.get("/").status == 200
        busy.send_request("GET", "/delay/1500")
        time.sleep(0.3)
        proxy.send_signal(signal.SIGUSR1)
        assert idle.is_closed(2), "an idle connection stayed"
        with socket.socket() as s:
            assert wait_refused(s, proxy.port)
        response = busy.read_response()
        assert response.status == 200
        assert response.header("connection") == "close"
    assert proxy.wait(5) == 0


def wait_refused(_, port):
    def refused():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) != 0
    return wait_until(refused, 3, what="refused connections")


def test_hard_stop_after_bounds_the_drain():
    origin = Origin()
    proxy = Proxy("""
global
    stats socket {dir}/admin.sock
    hard-stop-after 1s
defaults
    mode http
    timeout client 1m
    timeout server 1m
    timeout connect 1s
backend be
    server s1 127.0.0.1:{origin}
""", origin=origin)
    with Client(proxy.port) as c:
        c.send_request("GET", "/delay/60000")
        time.sleep(0.2)
        began = time.monotonic()
        proxy.send_signal(signal.SIGUSR1)
        assert proxy.wait(6) == 0
        assert time.monotonic() - began >= 0.9


def test_a_second_instance_is_told_that_the_port_is_in_use():
    proxy = Proxy(PLAIN, origin=Origin())
    done = run([BUILD / "wsbroker", "-db", "-f", proxy.config])
    assert done.returncode == 1
    assert f"127.0.0.1:{proxy.port}" in done.stderr
    assert "Address already in use" in done.stderr
    assert "wsbroker.conf:" in done.stderr
    assert get(proxy.port, "/").status == 200


def test_a_stats_socket_that_is_served_is_not_taken_over():
    proxy = Proxy(PLAIN, origin=Origin())
    text = proxy.config.read_text().replace(
        f":{proxy.port}", f":{free_port()}")
    other = proxy.dir / "other.conf"
    other.write_text(text)
    done = run([BUILD / "wsbroker", "-db", "-f", other])
    assert done.returncode == 1
    assert "admin.sock" in done.stderr, done.stderr
    proxy.check()


def test_the_background_process_writes_its_pid_and_lets_go():
    origin = Origin()
    proxy = Proxy(PLAIN, origin=origin, start=False, check=False)
    pidfile = proxy.dir / "pid"
    done = subprocess.run(
        [BUILD / "wsbroker", "-D", "-p", pidfile, "-f", proxy.config],
        capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stderr
    pid = int(pidfile.read_text())
    try:
        assert get(proxy.values["port"], "/").status == 200
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: gone([pid]), 5, what="the end")
    assert not pidfile.exists()


def twin(proxy, number):
    """A second configuration that differs by the port."""
    path = proxy.dir / f"{number}.conf"
    text = "\n".join(line for line in proxy.config.read_text().splitlines()
                     if "stats socket" not in line)
    path.write_text(text.replace(
        f":{proxy.values['port']}\n", f":{free_port()}\n") + "\n")
    return path


def test_started_twice_is_an_error_that_says_so():
    proxy = Proxy(PLAIN, origin=Origin(), start=False)
    pidfile = proxy.dir / "pid"
    pidfile.write_text(f"{os.getpid()}\n")   # left behind, another program's
    proxy.argv[1:1] = ["-p", str(pidfile)]
    proxy.start()
    proxy.wait_port(proxy.values["port"])
    own = f"{proxy.pid}\n"
    wait_until(lambda: pidfile.read_text() == own, 10, what="its own pid")
    for option in ("-db", "-D"):
        done = run([BUILD / "wsbroker", option, "-p", pidfile, "-f",
                    twin(proxy, 2)])
        assert done.returncode == 1, done.stderr
        assert f"runs already: process {proxy.pid} has the pid file" in (
            done.stderr), done.stderr
    assert pidfile.read_text() == own
    assert get(proxy.values["port"], "/").status == 200
    # Killed, it leaves the file behind; that hinders nobody.
    proxy.kill()
    other = Program([BUILD / "wsbroker", "-db", "-p", pidfile, "-f",
                     twin(proxy, 3)]).start()
    wait_until(lambda: pidfile.read_text() == f"{other.pid}\n", 10,
               what="the next one's pid")


def test_many_started_at_once_leave_one():
    proxy = Proxy(PLAIN, origin=Origin(), start=False, check=False)
    pidfile = proxy.dir / "pid"
    many = [Program([BUILD / "wsbroker", "-db", "-p", pidfile, "-f",
                     twin(proxy, n)]).start() for n in range(6)]
    wait_until(lambda: sum(p.alive() for p in many) == 1, 20,
               what="all but one to end")
    for p in many:
        p.expected_end = True
    living = next(p for p in many if p.alive())
    wait_until(lambda: pidfile.read_text() == f"{living.pid}\n", 10,
               what="its pid in the file")
    assert living.stop() == 0 and not pidfile.exists()


def test_worker_mode_holds_the_pid_that_was_started():
    origin = Origin()
    proxy = Proxy(PLAIN, origin=origin, start=False)
    pidfile = proxy.dir / "pid"
    proxy.argv[1:1] = ["-W", "-p", pidfile]
    proxy.argv = [str(a) for a in proxy.argv]
    proxy.start()
    wait_until(pidfile.exists, 3, what="the pid file")
    wait_until(lambda: pidfile.read_text().strip() == str(proxy.pid), 3,
               what="the started pid in it")


def test_notify_mode_says_ready():
    origin = Origin()
    proxy = Proxy(PLAIN, origin=origin, start=False)
    path = proxy.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(10)
        proxy.env = {"NOTIFY_SOCKET": str(path)}
        proxy.argv.insert(1, "-Ws")
        proxy.start()
        assert "READY=1" in s.recv(200).decode()
    assert get(proxy.values["port"], "/").status == 200


def test_an_inherited_listener_is_used():
    origin = Origin()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    os.set_inheritable(listener.fileno(), True)
    program = Program([])
    config = program.dir / "c.conf"
    config.write_text(f"""
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen l
    bind "fd@${{LISTENER}}"
    server s1 127.0.0.1:{origin.port}
""")
    process = subprocess.Popen(
        [BUILD / "wsbroker", "-db", "-f", config],
        env={**os.environ, "LISTENER": str(listener.fileno())},
        pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True)
    program.process = process
    assert get(port, "/").status == 200


def test_a_refused_config_is_reported_whole():
    proxy = Proxy(PLAIN, origin=Origin(), start=False, check=False)
    proxy.config.write_text("""
global
    nbprocs 4
frontend fe
    bindd 127.0.0.1:80
    timeout cleint 5s
""")
    done = run([BUILD / "wsbroker", "-c", "-f", proxy.config])
    assert done.returncode == 1
    for line, word, hint in ((3, "nbprocs", "nbproc"), (5, "bindd", "bind"),
                             (6, "cleint", "client")):
        text = [s for s in done.stderr.splitlines()
                if f"wsbroker.conf:{line}]" in s]
        assert text and word in text[0] and hint in text[0], done.stderr
