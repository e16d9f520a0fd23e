# SPDX-License-Identifier: MIT
"""The runtime state on disk (state-dir)."""
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from wsbtest import (  # noqa: E402
    Origin, Proxy, get, limit, needs, run, skip, wait_until)

CONFIG = """
global
    log stderr local0 notice
    nbproc 2
    stats socket {dir}/sock level admin
    state-dir {state}
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 5s
frontend f
    bind 127.0.0.1:{port}
    default_backend be
backend be
    server a 127.0.0.1:{origin} weight 10 maxconn 100
    server b 127.0.0.1:{origin} weight 10 maxconn 100
"""


def start(state, config=CONFIG, origin=None, **values):
    origin = origin or Origin()
    proxy = Proxy(config, origin=origin, state=state, **values)
    proxy.wait_running()
    proxy.origin = origin
    return proxy


def fresh(where="state"):
    """A directory for state, gone with the test's own."""
    keeper = Origin()
    return keeper.dir / where


def ask(proxy, command):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(proxy.dir / "sock"))
        s.sendall(command.encode() + b"\n")
        answer = b""
        while part := s.recv(65536):
            answer += part
    return answer.decode().strip()


def servers(proxy):
    """{name: (admin, weight, address, port)} of show servers state."""
    rows = [line.split() for line in
            ask(proxy, "show servers state").splitlines()[2:] if line]
    return {r[3]: (int(r[6]), int(r[7]), r[4]) for r in rows}


def info(proxy, name):
    return re.search(rf"^{name}: (.*)$", ask(proxy, "show info"), re.M)[1]


def again(proxy, config=CONFIG, sig=signal.SIGKILL, **values):
    """Ends it as told, and starts it with the same state."""
    proxy.expected_end = True
    if sig == signal.SIGKILL:
        for pid in (proxy.pid, *proxy.pids()["broker"],
                    *proxy.pids()["workers"]):
            os.kill(pid, signal.SIGKILL)
        proxy.wait()
    else:
        proxy.stop(sig)
    return start(proxy.values["state"], config, proxy.origin, **values)


def test_changes_come_back_after_a_crash():
    proxy = start(fresh())
    assert ask(proxy, "set server be/a state drain") == ""
    assert ask(proxy, "set server be/b weight 7") == ""
    assert ask(proxy, "set maxconn server be/b 5") == ""
    ask(proxy, "set server be/b addr 127.0.0.9")
    assert servers(proxy)["a"][:2] == (8, 10)
    proxy = again(proxy)
    assert servers(proxy)["a"][0] == 8
    assert servers(proxy)["b"][1:] == (7, "127.0.0.9")
    assert ask(proxy, "set server be/a state ready") == ""
    proxy = again(proxy, sig=signal.SIGTERM)
    assert servers(proxy)["a"][0] == 0 and servers(proxy)["b"][1] == 7
    log = ask(proxy, "show changes")
    assert len(log.splitlines()) == 5 and "be/b weight 7" in log, log
    assert re.search(r"Z uid=\d+,pid=\d+ set server be/a state ready$", log,
                     re.M), log


def test_a_changed_config_wins():
    proxy = start(fresh())
    ask(proxy, "set server be/a weight 3")
    ask(proxy, "set server be/b weight 4")
    ask(proxy, "set server be/a state maint")
    proxy = again(proxy, CONFIG.replace("a 127.0.0.1:{origin} weight 10",
                                        "a 127.0.0.1:{origin} weight 20"))
    assert servers(proxy)["a"][:2] == (1, 20)
    assert servers(proxy)["b"][1] == 4


def test_a_new_broker_and_what_was_not_saved():
    """A broker's successor reads the file, and does not undo the newer."""
    state = fresh()
    proxy = start(state)
    ask(proxy, "set server be/a weight 3")
    shutil.copy(state / "data.mdb", proxy.dir / "older")
    ask(proxy, "set server be/a weight 9")
    # As if the second had not reached the disk.
    (broker,) = proxy.pids()["broker"]
    os.kill(broker, signal.SIGSTOP)
    shutil.copy(proxy.dir / "older", state / "data.mdb")
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: broker not in proxy.pids()["broker"]
               and proxy.pids()["broker"], 20)
    wait_until(lambda: servers(proxy)["a"][1] == 9, 20)
    assert info(proxy, "State") == "ok"


def bad_files(good):
    half = len(good) // 2
    scribbled = bytearray(good)
    for i in range(8192, len(scribbled)):
        scribbled[i] = (i * 7) & 255
    return {"random": os.urandom(65536), "cut": good[:half],
            "short": b"hello\n", "scribbled": bytes(scribbled)}


def test_bad_files_are_kept_aside():
    state = fresh()
    proxy = start(state)
    ask(proxy, "set server be/a weight 3")
    good = (state / "data.mdb").read_bytes()
    for name, content in bad_files(good).items():
        proxy.expected_end = True
        proxy.stop(signal.SIGTERM)
        for old in state.glob("data.mdb.bad.*"):
            old.unlink()
        (state / "data.mdb").write_bytes(content)
        proxy = start(state, origin=proxy.origin)
        kept = list(state.glob("data.mdb.bad.*"))
        assert len(kept) == 1 and kept[0].read_bytes() == content, name
        proxy.wait_log("state-dir .*kept as data.mdb.bad", 10)
        assert servers(proxy)["a"][1] == 10, name
        assert ask(proxy, "set server be/a weight 3") == "", name
        assert get(proxy.port, "/").status == 200


def test_a_file_cut_while_it_is_used():
    state = fresh()
    proxy = start(state)
    ask(proxy, "set server be/a weight 3")
    os.truncate(state / "data.mdb", 4096)
    said = ask(proxy, "set server be/b weight 4")
    assert "not saved" in said, said
    assert servers(proxy)["b"][1] == 4
    wait_until(lambda: info(proxy, "State") == "ok", 40)
    proxy = again(proxy)
    assert servers(proxy)["a"][1] == 3 and servers(proxy)["b"][1] == 4


class Tmpfs:
    """A small file system of the test's own."""

    def __init__(self, options):
        if os.geteuid() != 0:
            skip("needs to mount")
        self.path = fresh("disk")
        self.path.mkdir()
        done = run(["mount", "-t", "tmpfs", "-o", options, "tmpfs",
                    self.path])
        if done.returncode:
            skip("cannot mount: " + done.stderr.strip())

    def again(self, options):
        done = run(["mount", "-o", "remount," + options, self.path])
        assert done.returncode == 0, done.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run(["umount", "-l", self.path])


def test_a_full_disk():
    with Tmpfs("size=256k") as disk:
        proxy = start(disk.path / "state")
        assert ask(proxy, "set server be/a weight 3") == ""
        (disk.path / "fill").write_bytes(b"x" * 1024)
        try:
            with open(disk.path / "fill", "ab") as f:
                while True:
                    f.write(b"x" * 4096)
                    f.flush()
        except OSError:
            pass
        said = wait_until(lambda: (lambda t: "not saved" in t and t)(
            ask(proxy, f"set server be/b weight {time.time_ns() % 200}")), 20)
        assert "No space left" in said, said
        assert "not saved" in info(proxy, "State")
        proxy.wait_log("not saved: .*No space left", 5)
        assert ask(proxy, "set server be/b weight 44") != ""
        (disk.path / "fill").unlink()
        wait_until(lambda: info(proxy, "State") == "ok", 40)
        proxy = again(proxy)
        assert servers(proxy)["b"][1] == 44 and servers(proxy)["a"][1] == 3
        proxy.stop()


def test_a_read_only_disk():
    with Tmpfs("size=4m") as disk:
        proxy = start(disk.path / "state")
        assert ask(proxy, "set server be/a weight 3") == ""
        proxy.stop(signal.SIGTERM)
        disk.again("ro")
        proxy = start(disk.path / "state", origin=proxy.origin)
        assert servers(proxy)["a"][1] == 3
        assert "not saved" in ask(proxy, "set server be/a weight 5")
        assert servers(proxy)["a"][1] == 5
        disk.again("rw")
        wait_until(lambda: info(proxy, "State") == "ok", 40)
        proxy = again(proxy)
        assert servers(proxy)["a"][1] == 5
        proxy.stop()


def test_a_directory_that_cannot_be_made():
    proxy = start("/proc/nowhere/state")
    said = ask(proxy, "set server be/a weight 3")
    assert "In force, but not saved" in said, said
    assert servers(proxy)["a"][1] == 3
    assert get(proxy.port, "/").status == 200


def test_a_slow_disk_holds_up_nobody_else():
    """While one command waits for the disk, the broker answers others."""
    needs("strace")
    proxy = start(fresh())
    assert ask(proxy, "set server be/a weight 3") == ""
    (broker,) = proxy.pids()["broker"]
    with subprocess.Popen(
            ["strace", "-f", "-p", str(broker), "-e", "trace=fdatasync",
             "-e", "inject=fdatasync:delay_enter=3000000", "-o",
             str(proxy.dir / "trace")], stderr=subprocess.PIPE) as tracer:
        tracer.stderr.readline()
        said, others = [], 0
        slow = threading.Thread(target=lambda: said.append(
            ask(proxy, "set server be/a weight 4")))
        slow.start()
        while slow.is_alive():
            assert info(proxy, "Name") == "wsbroker"
            others += slow.is_alive()
        tracer.terminate()
    assert "fdatasync" in (proxy.dir / "trace").read_text()
    assert said == [""] and others > 3, (said, others)


def answered(proxy, command):
    """Whether the command was answered: an empty line, then the end."""
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(str(proxy.dir / "sock"))
            s.sendall(command.encode() + b"\n")
            answer = b""
            while part := s.recv(65536):
                answer += part
        return answer == b"\n"
    except OSError:
        return False


@limit(120)
def test_kills_lose_no_answered_change():
    """kill -9 of the broker or of all while weights are set."""
    rng = random.Random(os.environ.get("WSB_SEED", "4"))
    proxy = start(fresh())
    # What each may be: the last that was answered, or one tried since.
    may_be = {"a": [10], "b": [10]}

    def verify():
        now = servers(proxy)
        for name, values in may_be.items():
            assert now[name][1] in values, (now, may_be)

    sure, count = 0, int(os.environ.get("WSB_CHANGES", 100))
    for _ in range(count):
        name, victim = rng.choice("ab"), rng.random()
        weight = rng.randrange(1, 200)
        may_be[name].append(weight)
        killer = None
        if victim < 0.2:
            pid = (proxy.pids()["broker"] or [0])[0]
            killer = threading.Timer(
                rng.random() / 300, lambda p=pid: p and os.kill(p, 9))
            killer.start()
        if answered(proxy, f"set server be/{name} weight {weight}"):
            may_be[name] = [weight]
            sure += 1
        if killer:
            killer.join()
            wait_until(lambda: proxy.pids()["broker"], 20)
        if victim > 0.95:
            proxy = again(proxy)
            verify()
    proxy = again(proxy)
    verify()
    assert sure > count / 3, sure


def test_a_server_that_was_down_starts_down():
    config = CONFIG + "    server down 127.0.0.1:{port2} check inter 50ms\n"
    proxy = start(fresh(), config)
    wait_until(lambda: "be/down is DOWN" in proxy.stderr(), 20)
    proxy = again(proxy, config, sig=signal.SIGTERM, port2=proxy.values["port2"])
    wait_until(lambda: re.search(r"be down .*(L4CON|L4TOUT)",
                                 ask(proxy, "show stat").replace(",", " ")),
               20)
    assert "be/down is DOWN" not in proxy.stderr()


def test_totals_and_what_was_learned_come_back():
    proxy = start(fresh())
    for _ in range(5):
        get(proxy.port, "/close")
    dials = sum(s["dials"] for s in proxy.board()["servers"])
    assert dials > 0
    proxy = again(proxy, sig=signal.SIGUSR1)
    assert sum(s["dials"] for s in proxy.board()["servers"]) >= dials
