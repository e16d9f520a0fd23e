# SPDX-License-Identifier: MIT
"""Runtime commands about servers: in force on all workers when the answer is
there, with HAProxy's words."""

from clitool import command, stat
from wsbtest import (
    Client, FakeServer, Haproxy, Origin, Proxy, free_port, get, limit, needs,
    run, wait_until)

FAST = "check inter 100ms rise 1 fall 1"


def statuses(proxy, n=16):
    """Of requests over as many connections: every worker has some."""
    return {get(proxy.port, "/").status for _ in range(n)}


@limit(60)
def test_a_changed_address_holds_at_once_everywhere():
    old, new = Origin(), Origin()
    proxy = Proxy("""
backend be
    http-reuse always
    server s1 127.0.0.1:{old}
""", old=old.port, workers=4)
    assert statuses(proxy) == {200}
    answer = command(
        proxy, f"set server be/s1 addr 127.0.0.1 port {new.port}")
    assert answer == (
        "no need to change the addr, port changed from "
        f"'{old.port}' to '{new.port}' by 'stats socket command'\n"), answer
    before = old.stats()["requests"]
    assert statuses(proxy) == {200}
    assert old.stats()["requests"] == before
    assert new.stats()["requests"] == 16
    wait_until(lambda: old.stats()["open"] == 0, what="old ones to close")
    row = command(proxy, "show servers state be").splitlines()[2].split()
    assert (row[4], row[18]) == ("127.0.0.1", str(new.port)), row
    new.kill()
    command(proxy, f"set server be/s1 addr 127.0.0.1 port {old.port}")
    assert statuses(proxy) == {200}


@limit(60)
def test_health_by_hand_and_paused_checks():
    origin, closed = Origin(), free_port()
    proxy = Proxy("""
backend be
    server s1 127.0.0.1:{origin} """ + FAST + """
    server s2 127.0.0.1:{origin}
""", origin=origin, workers=4)
    wait_until(lambda: stat(proxy, "be", "s1")["check_status"] == "L4OK", 15)
    command(proxy, "disable health be/s1; disable server be/s2")
    assert stat(proxy, "be", "s1")["check_status"] == ""
    command(proxy, "set server be/s1 health down")
    assert stat(proxy, "be", "s1")["status"] == "DOWN"
    assert statuses(proxy) == {503}
    command(proxy, "set server be/s1 health up")
    assert statuses(proxy) == {200}
    command(proxy, "set server be/s1 health stopping")
    assert stat(proxy, "be", "s1")["status"] == "NOLB"
    assert statuses(proxy) == {503}
    command(proxy, "enable health be/s1")
    wait_until(lambda: stat(proxy, "be", "s1")["status"] == "UP", 15)
    assert statuses(proxy) == {200}
    command(proxy, f"set server be/s1 check-port {closed}")
    wait_until(lambda: stat(proxy, "be", "s1")["status"] == "DOWN", 15)
    row = command(proxy, "show servers state be").splitlines()[2].split()
    assert (row[5], row[13], row[21]) == ("0", "6", str(closed)), row
    assert "Server be/s1 is DOWN, changed from CLI. 0 active" in \
        proxy.wait_log("changed from CLI")


@limit(60)
def test_limits_of_clients_hold_over_all_workers():
    origin = Origin()
    proxy = Proxy("""
backend be
    server s1 127.0.0.1:{origin}
""", origin=origin, workers=4)
    for name in ("frontend fe", "global"):
        assert command(proxy, f"set maxconn {name} 3") == ""
        some = [Client(proxy.port) for _ in range(3)]
        assert [c.get("/").status for c in some] == [200] * 3
        more = Client(proxy.port)
        more.send_request()
        fe = stat(proxy, "fe", "FRONTEND")
        assert fe["scur"] == "3", fe
        assert command(proxy, f"set maxconn {name} 4") == ""
        assert more.read_response().status == 200
        for c in (*some, more):
            c.close()
        command(proxy, f"set maxconn {name} 1000")
        wait_until(lambda: stat(proxy, "fe", "FRONTEND")["scur"] == "0", 15)
    assert stat(proxy, "fe", "FRONTEND")["slim"] == "1000"


COMMANDS = """set server be/s1 state foo
set server be/s1 health foo
set server be/s1 agent up
set server be/a1 agent foo
set server be/a1 agent down
set server be/s1 check-port 99999
set server be/s1 addr foo
set server be/s1 addr 127.0.0.2
set server be/s1 addr 127.0.0.2 port {port}
set server be/s1 addr 127.0.0.1 port {port}
set server be/s1 agent-addr 127.0.0.1
set server be/a1 agent-addr 127.0.0.3
set server be/t1 health up
enable agent be/s1
disable agent be/s1
disable health be/t1
enable health be/nope
enable health x
set maxconn frontend fe 100
set maxconn frontend nope 100
set maxconn frontend fe
set maxconn frontend
set maxconn global 100
set maxconn global 99999999
set maxconn global
set maxconn server be/s1
set server be/nope state maint
set server nope/s1 state maint
set server be/s1 weight 300
set weight be/s1 50%
get weight be/s1
show servers conn nope
show servers state nope""".splitlines()

CONFIG = """
global
    stats socket {dir}/admin.sock mode 600 level admin
    maxconn 2000
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
frontend fe
    bind 127.0.0.1:{port}
    default_backend be
backend be
    server s1 127.0.0.1:{o} weight 10 check inter 60s
    server a1 127.0.0.1:{o} agent-check agent-port {o} agent-inter 60s
    server t1 127.0.0.1:{o} track be/s1
"""


@limit(60)
def test_answers_are_haproxys():
    needs("haproxy")
    origin = FakeServer(lambda sock, _: sock.recv(100))
    theirs = Haproxy(CONFIG, o=origin.port)
    ours = Proxy(CONFIG, o=origin.port)
    for p in (ours, theirs):
        wait_until(lambda: stat(p, "be", "s1")["check_status"] == "L4OK", 15)
    for text in COMMANDS:
        text = text.format(port=origin.port)
        a, b = command(ours, text), command(theirs, text)
        assert a.strip() == b.strip(), (text, a, b)
    a, b = (command(p, "show servers state be").splitlines()
            for p in (ours, theirs))
    assert a[:2] == b[:2]
    assert [len(s.split()) for s in a[2:]] == [len(s.split()) for s in b[2:]]
    for x, y in zip(a[2:5], b[2:5]):
        x, y = x.split(), y.split()
        assert x[:9] + x[13:] == y[:9] + y[13:], (x, y)
    a, b = (command(p, "show servers conn be").splitlines()
            for p in (ours, theirs))
    assert a[0].split()[:-1] == b[0].split()[:-1]
    assert [s.split()[:7] for s in a[1:]] == [s.split()[:7] for s in b[1:]]


@limit(60)
def test_one_liners_with_socat():
    needs("socat")
    origin = Origin()
    proxy = Proxy("""
backend be
    server s1 127.0.0.1:{origin}
    server s2 127.0.0.1:{origin}
""", origin=origin, workers=2)
    sock = proxy.dir / "admin.sock"

    def sh(line):
        return run(["sh", "-c", line.replace("SOCK", str(sock))]).stdout

    cut = "echo 'show stat' | socat - SOCK | cut -d, -f1,2,18 | grep be,s"
    assert sh(cut).split() == ["be,s1,no", "check", "be,s2,no", "check"]
    assert sh("echo 'disable server be/s1' | socat stdio SOCK").strip() == ""
    assert sh("echo 'show servers state be' | socat - SOCK | awk "
              "'$4 == \"s1\" {print $6, $7}'").split() == ["0", "1"]
    assert sh(cut).split()[0] == "be,s1,MAINT"
    assert sh("echo 'set weight be/s2 50%; get weight be/s2' | socat - SOCK"
              ).split() == ["0", "(initial", "1)"]


@limit(60)
def test_hatop_finds_what_it_reads_by_name():
    origin = Origin()
    proxy = Proxy("backend be\n    server s1 127.0.0.1:{origin}",
                  origin=origin, workers=2)
    lines = command(proxy, "show info").splitlines()
    info = dict(s.split(": ", 1) for s in lines if ": " in s)
    for name in ("Nbproc", "Process_num", "Pid", "Maxconn", "CurrConns",
                 "Maxpipes", "PipesUsed", "Tasks", "Run_queue"):
        assert info[name].isdigit(), (name, info)
    for name in ("Name", "Version", "Release_date", "Uptime", "node"):
        assert info[name], (name, info)
    assert command(proxy, "set maxconn global 7") == ""
    lines = command(proxy, "show info").splitlines()
    assert "Maxconn: 7" in lines and "Hard_maxconn: 2000" in lines, lines
