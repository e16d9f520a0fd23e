# SPDX-License-Identifier: MIT
"""As the first process of a container: own process numbers, an unprivileged
user without capabilities, a root that cannot be written to."""

import os
import signal
import socket
from pathlib import Path

from wsbtest import (BUILD, Client, Origin, Program, _children, free_port,
                     get, needs, run, skip, wait_until, ws_echo)

CONFIG = """
global
    nbproc 2
    log stdout format raw local0
    stats socket {dir}/run/admin.sock level admin
    hard-stop-after 20s
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen l
    bind 127.0.0.1:{port}
    server s 127.0.0.1:{origin}
"""

# The root (and what is mounted below) read-only but for $1/run; a /proc of
# the new process numbers; then nobody, with nothing.
ENTER = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount --bind "$1/run" "$1/run"
mount -o remount,bind,ro /
for d in /tmp /dev /dev/shm /var/tmp; do
    mount -o remount,bind,ro "$d" 2>/dev/null || :
done
if touch "$1/x" /x 2>/dev/null; then echo "the root is writable" >&2; exit 9; fi
dir=$1 program=$2
shift 2
exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all "$program" -W -db \
    -S "$dir/run/master.sock" -p "$dir/run/pid" -f "$dir/c.conf" "$@"
"""


class Container(Program):
    def __init__(self):
        needs("unshare", "setpriv", "mount")
        super().__init__([])
        if os.getuid() != 0 or run(
                ["unshare", "--mount", "--pid", "--fork", "true"]).returncode:
            skip("namespaces cannot be made here")
        self.first = None
        self.port = free_port()
        (self.dir / "run").mkdir()
        os.chown(self.dir / "run", 65534, 65534)
        (self.dir / "c.conf").write_text(CONFIG.format(
            dir=self.dir, port=self.port, origin=Origin().port))
        program = self.dir / "wsbroker"
        program.write_bytes((BUILD / "wsbroker").read_bytes())
        program.chmod(0o755)
        self.argv = [
            "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh",
            "-c", ENTER, "enter", str(self.dir), str(program)]
        self.start()
        self.wait_port(self.port, 30)
        self.first = next(
            pid for pid, comm in _children(self.pid).items()
            if comm == "wsb-master")

    def stop(self, number=signal.SIGTERM, timeout=10):
        """unshare itself heeds no signal."""
        if self.alive() and self.first:
            os.kill(self.first, number)
            self.wait(timeout)

    def inside(self, *argv):
        """A command in its namespaces, as `docker exec` would run it."""
        done = run(["nsenter", "-t", self.first, "-m", "-p", *argv])
        assert done.returncode == 0, done.stderr
        return done.stdout


def status_of(pid):
    return dict(
        line.split(":\t", 1) for line in
        Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def test_it_serves_as_process_1_with_nothing():
    box = Container()
    assert get(box.port, "/bytes/5").body == b"01234"
    assert ws_echo(box.port) == b"hello"
    pids = [box.first, *_children(box.first)]
    assert len(pids) == 4, pids
    for pid in pids:
        status = status_of(pid)
        assert status["Uid"].split() == ["65534"] * 4, status
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, (name, status)
        assert status["NoNewPrivs"] == "1"
    assert status_of(box.first)["NSpid"].split()[-1] == "1"
    assert (box.dir / "run" / "pid").read_text() == "1\n"
    wait_until(lambda: '"GET /bytes/5 HTTP/1.1"' in box.stdout(), 10,
               what="the log line on stdout")


def test_orphans_are_reaped():
    box = Container()
    for _ in range(3):
        # The shell ends first: its child becomes one of process 1.
        box.inside("sh", "-c", "sleep 0.1 & sleep 0.1 & exit 0")
    os.kill(next(p for p, c in _children(box.first).items()
                 if c.startswith("wsb-worker")), signal.SIGKILL)

    def processes():
        states = box.inside("ps", "-e", "-o", "stat=,comm=").splitlines()
        return [s for s in states if "sleep" in s or s.startswith("Z")]

    wait_until(lambda: not processes(), 20, what="no orphan left")
    # ... and its own child was not taken for one.
    wait_until(lambda: "was ended by signal 9" in box.stdout(), 10,
               what="the line about the worker")
    wait_until(lambda: len(_children(box.first)) == 3, 10,
               what="its successor")
    assert get(box.port, "/").status == 200


def test_sigterm_ends_it_and_sigusr1_drains_it():
    box = Container()
    with Client(box.port) as c:
        c.send_request("GET", "/delay/500")
        wait_until(lambda: "CurrConns: 1\n" in info(box), 10)
        os.kill(box.first, signal.SIGUSR1)
        assert c.read_response().status == 200
    assert box.wait(30) == 0
    assert not list((box.dir / "run").iterdir())
    other = Container()
    os.kill(other.first, signal.SIGTERM)
    assert other.wait(30) == 0


def info(box):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(box.dir / "run" / "admin.sock"))
        s.sendall(b"show info\n")
        return "".join(iter(lambda: s.recv(65536).decode(), ""))
