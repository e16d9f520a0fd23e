# SPDX-License-Identifier: MIT
"""wsbroker-ctl, as an operator uses it, and its exit codes."""

import os
import re
import signal
import threading
import time
from pathlib import Path

from wsbtest import (BUILD, Client, Origin, Program, _children, free_port,
                     get, run, wait_until)

CONFIG = """
global
    nbproc 2
    {extra}
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
listen l
    bind 127.0.0.1:{port}
    server s 127.0.0.1:{origin}
"""


class Service(Program):
    """What wsbroker-ctl starts; it is no child of the test."""

    def __init__(self, extra=""):
        super().__init__([])
        self.port = free_port()
        self.origin = Origin()
        self.config = self.dir / "c.conf"
        self.pidfile = self.dir / "run" / "pid"
        self.write(extra)

    def write(self, extra=""):
        self.config.write_text(CONFIG.format(
            port=self.port, origin=self.origin.port, extra=extra))

    def ctl(self, *words, stdin=None, timeout=60):
        return run([BUILD / "wsbroker-ctl", "--program", BUILD / "wsbroker",
                    "--config", self.config, "--pidfile", self.pidfile,
                    "--socket", self.dir / "run" / "master.sock", *words],
                   timeout, input=stdin)

    def start(self):
        done = self.ctl("start")
        assert done.returncode == 0, done.stderr
        return int(re.search(r"\(process (\d+)\)", done.stdout)[1])

    @property
    def master(self):
        return int(self.pidfile.read_text())

    def kill(self):
        try:
            pid = self.master
            if "wsb-master" in Path(f"/proc/{pid}/comm").read_text():
                for victim in (pid, *_children(pid)):
                    os.kill(victim, signal.SIGKILL)
        except (OSError, ValueError):
            pass


def stopped(service):
    done = service.ctl("stop")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_start_status_stop():
    service = Service()
    assert service.ctl("status").returncode == 3
    pid = service.start()
    assert pid == service.master
    assert get(service.port, "/").status == 200
    status = service.ctl("status")
    assert status.returncode == 0
    assert f"wsbroker runs (process {pid})\n" in status.stdout
    assert len(re.findall(r"^\d+ +worker", status.stdout, re.M)) == 2
    again = service.ctl("start")
    assert again.returncode == 0 and "runs already" in again.stdout
    assert "wsbroker has ended" in stopped(service)
    assert service.ctl("status").returncode == 3
    assert not list((service.dir / "run").iterdir())
    assert "does not run" in stopped(service)


def test_a_configuration_with_errors_starts_and_stops_nothing():
    service = Service("nbprocs 3")
    done = service.ctl("start")
    assert done.returncode == 6
    assert "c.conf:4]" in done.stderr and "nbprocs" in done.stderr
    assert service.ctl("configtest").returncode == 6
    service.write()
    done = service.ctl("configtest")
    assert (done.returncode, done.stdout) == (
        0, "Configuration file is valid\n")
    pid = service.start()
    service.write("nbprocs 3")
    assert service.ctl("restart").returncode == 6
    assert service.master == pid and get(service.port, "/").status == 200
    service.write()
    done = service.ctl("restart")
    assert done.returncode == 0, done.stderr
    assert service.master != pid and get(service.port, "/").status == 200
    service.config.unlink()
    assert service.ctl("restart").returncode == 6
    stopped(service)


def test_a_stale_pid_file_means_nothing():
    service = Service()
    service.pidfile.parent.mkdir()
    service.pidfile.write_text(f"{os.getpid()}\n")    # lives, is another
    assert service.ctl("status").returncode == 1
    assert "left behind" in stopped(service)
    assert not service.pidfile.exists()
    service.pidfile.write_text("999999999\n")
    pid = service.start()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: service.ctl("status").returncode == 1, 20)
    assert service.ctl("drain").returncode == 7
    wait_until(lambda: service.ctl("start").returncode == 0, 20,
               what="a start after the kill")
    stopped(service)


def test_stop_waits_for_clients_within_bounds():
    service = Service()
    service.start()
    with Client(service.port) as c:
        c.send_request("GET", "/delay/1500")
        wait_until(lambda: "CurrConns: 1\n" in service.ctl(
            "cmd", "show", "info").stdout, 20)
        assert "ended" in stopped(service)
        assert c.read_response().status == 200
    service.start()
    with Client(service.port) as c:
        assert c.ws_open("/ws").status == 101
        out = service.ctl("--drain-time", "1s", "stop")
        assert out.returncode == 0
        assert "clients are left after 1 s" in out.stdout
    service.start()
    with Client(service.port) as c:
        assert c.ws_open("/ws").status == 101
        assert service.ctl("--drain-time", "0", "stop").returncode == 0


def test_websockets_hear_why_they_are_closed():
    service = Service("close-spread-time 200ms")
    service.start()
    for word, code in (("restart", 1012), ("stop", 1001)):
        with Client(service.port) as c:
            assert c.ws_open("/ws").status == 101
            done = []
            order = threading.Thread(
                target=lambda: done.append(service.ctl(word)))
            order.start()
            opcode, data = c.ws_recv()
            assert (opcode, data[:2]) == (8, code.to_bytes(2, "big"))
        order.join(60)
        assert done and done[0].returncode == 0, done


def test_drain_ends_with_the_last_client():
    service = Service()
    service.start()
    with Client(service.port) as c:
        assert c.ws_open("/ws").status == 101
        assert service.ctl("drain").returncode == 0
        time.sleep(0.5)
        assert service.ctl("status").returncode == 0
        c.ws_send(b"still there")
        assert c.ws_recv()[1] == b"still there"
    wait_until(lambda: service.ctl("status").returncode == 3, 20)


def test_drain_of_one_worker():
    service = Service()
    service.start()
    before = workers(service)
    assert service.ctl("drain", "worker", "1").returncode == 0
    wait_until(lambda: len(workers(service) & before) == 1 and
               len(workers(service)) == 2, 20, what="the new worker")
    assert get(service.port, "/").status == 200
    done = service.ctl("drain", "worker", "9")
    assert done.returncode == 1 and "no worker '9'" in done.stderr
    assert service.ctl("drain", "backend").returncode == 2
    stopped(service)


def workers(service):
    """The numbers of those that are not old."""
    text = service.ctl("cmd", "@master show proc").stdout
    return set(re.findall(r"^(\d+) +worker",
                          text.partition("# old workers")[0], re.M))


def test_cmd_sends_runtime_commands():
    service = Service("stats timeout 20s")
    service.start()
    info = service.ctl("cmd", "show", "info")
    assert info.returncode == 0 and "Name: wsbroker\n" in info.stdout
    assert not info.stdout.endswith("\n\n")
    assert "worker" in service.ctl("cmd", "@master show proc").stdout
    assert service.ctl("cmd", "set server l/s state maint").stdout == ""
    assert get(service.port, "/").status == 503
    done = service.ctl("cmd", "set ssl cert x.pem <<", stdin="a\nb")
    assert "not referenced" in done.stdout
    assert service.ctl("cmd").returncode == 2
    stopped(service)
    down = service.ctl("cmd", "show", "info")
    assert down.returncode == 7 and "nobody answers on" in down.stderr


def test_usage():
    service = Service()
    for words in ((), ("sing",), ("stop", "now"), ("--colour", "start"),
                  ("--drain-time", "soon", "stop"),
                  ("--instance", "a/b", "status")):
        done = service.ctl(*words)
        assert done.returncode == 2 and done.stderr, words
    assert "wsbroker-ctl 0" in service.ctl("--version").stdout
    done = service.ctl("--program", "/no/such", "start")
    assert done.returncode == 5 and "/no/such" in done.stderr


def test_options_behind_two_dashes_reach_the_program():
    service = Service()
    assert service.ctl("start", "--", "-n", "77").returncode == 0
    assert "\nMaxconn: 77\n" in service.ctl("cmd", "show info").stdout
    stopped(service)
