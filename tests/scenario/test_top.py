# SPDX-License-Identifier: MIT
"""wsbroker-top: its screens in a terminal, under load."""

import re
import subprocess
import time

from wsbtest import (
    BUILD, Client, Origin, Program, Proxy, get, needs, run, wait_until)

CONFIG = """
backend be
    http-reuse always
    server s1 127.0.0.1:{origin} maxconn 50
    server s2 127.0.0.1:{origin}
"""


class Terminal(Program):
    """wsbroker-top in a tmux of its own."""

    def __init__(self, proxy, cols, rows):
        needs("tmux")
        super().__init__([])
        self.tmux = ["tmux", "-S", str(self.dir / "tmux")]
        command = f"LANG=C.UTF-8 {BUILD}/wsbroker-top -d 0.2 {proxy.pid}"
        self.argv = [*self.tmux, "-f", "/dev/null", "-D"]
        self.start()
        wait_until((self.dir / "tmux").exists, 20, what="tmux")
        done = run([*self.tmux, "new-session", "-d", "-x", str(cols), "-y",
                    str(rows), command])
        assert done.returncode == 0, done

    def screen(self):
        return run([*self.tmux, "capture-pane", "-p"]).stdout

    def keys(self, *keys):
        run([*self.tmux, "send-keys", *keys])

    def shows(self, pattern):
        try:
            wait_until(lambda: re.search(pattern, self.screen(), re.M), 20)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} in:\n{self.screen()}")
        return self.screen()


def walk(cols, rows):
    origin = Origin()
    proxy = Proxy(CONFIG, origin=origin, workers=2)
    for _ in range(60):
        assert get(proxy.port, "/bytes/10").status == 200
    terminal = Terminal(proxy, cols, rows)
    shown = terminal.shows(r"^Clients   \d+/\d+  req/s")
    assert all(len(line) <= cols for line in shown.splitlines())
    terminal.shows(r"^broker +%d " % proxy.pids()["broker"][0])
    terminal.keys("2")
    terminal.shows(r"^be/s2 +UP +h1 +")
    terminal.keys("/", "s", "1", "Enter")
    wait_until(lambda: "be/s2" not in terminal.screen(), 20)
    terminal.keys("Enter")
    terminal.shows(r"^CONNECTIONS \d+")
    terminal.shows(r"^idle +h1 +(w[12]|broker) +\d+")
    terminal.keys("3")
    victim = proxy.pids()["workers"][0]
    subprocess.run(["kill", "-9", str(victim)], check=True)
    terminal.shows(r"^ALERTS .* worker \d \(pid %d\) ended" % victim)
    terminal.keys("q")
    wait_until(lambda: "ALERTS" not in terminal.screen(), 20, what="its end")


def test_80x24():
    walk(80, 24)


def test_200x50():
    walk(200, 50)


def test_json_counts_what_the_origin_counts():
    origin = Origin()
    proxy = Proxy(CONFIG, origin=origin, workers=2)
    for _ in range(30):
        get(proxy.port, "/bytes/10")
    board = proxy.board()
    assert sum(s["stats"]["requests"] for s in board["servers"]) == 30
    assert origin.stats()["requests"] == 30
    assert (sum(s["stats"]["connects"] for s in board["servers"])
            == origin.stats()["accepted"])


def test_a_saved_board_can_be_shown_later():
    proxy = Proxy(CONFIG, origin=Origin(), workers=2)
    get(proxy.port, "/bytes/10")
    saved = proxy.dir / "board"
    assert proxy.top("--save", saved).returncode == 0
    proxy.stop()
    done = run([BUILD / "wsbroker-top", "--once", saved])
    assert "be/s1" in done.stdout and done.returncode == 0, done
    saved.write_bytes(saved.read_bytes()[:5000])
    done = run([BUILD / "wsbroker-top", "--once", saved])
    assert done.returncode == 2 and "no saved board" in done.stderr, done


def calls(proxy, count):
    """System calls of the worker for so many requests of one client."""
    needs("strace")
    out = proxy.dir / "strace"
    worker = proxy.pids()["workers"][0]
    tracer = subprocess.Popen(
        ["strace", "-qq", "-o", out, "-p", str(worker)],
        stderr=subprocess.PIPE)
    with Client(proxy.port) as c:
        def traced():
            c.get("/bytes/10")
            return out.exists() and out.read_text().count("recv") > 2
        wait_until(traced, 20, what="strace")
        before = out.read_text().count("recvfrom")
        for _ in range(count):
            c.get("/bytes/10")
            time.sleep(0.01)
    tracer.terminate()
    tracer.wait()
    text = out.read_text()
    kinds = re.findall(r"^(\w+)\(", text, re.M)
    return before, {k: kinds.count(k) for k in set(kinds)}


def test_reading_costs_the_worker_no_system_call():
    proxy = Proxy(CONFIG, origin=Origin())
    _, alone = calls(proxy, 150)
    reader = subprocess.Popen(
        [BUILD / "wsbroker-top", "--batch", "-d", "0.1", "-n", "0",
         str(proxy.pid)], stdout=subprocess.DEVNULL)
    try:
        _, watched = calls(proxy, 150)
    finally:
        reader.terminate()
        reader.wait()
    assert set(watched) <= set(alone) | {"getrlimit", "prlimit64"}, watched
    for kind in ("recvmsg", "sendmsg", "sendto", "recvfrom"):
        few = alone.get(kind, 0)
        assert watched.get(kind, 0) <= few + 30, (kind, alone, watched)
