# SPDX-License-Identifier: MIT
"""Few descriptors, full tables, servers that are not there."""

import os
import socket
import time

from wsbtest import (Client, FakeServer, Origin, Proxy, free_port, get, limit,
                     load, wait_until)

ALWAYS = """
backend be
    http-reuse always
    server s1 127.0.0.1:{origin}
"""


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def all_pids(proxy):
    pids = proxy.pids()
    return [pids["master"], *pids["broker"], *pids["workers"]]


@limit(60)
def test_few_descriptors_pause_and_recover():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, nofile=64)
    held = []
    for _ in range(80):
        c = Client(proxy.port, timeout=5)
        held.append(c)
        c.send_request("GET", "/bytes/5")
    time.sleep(1)
    before = cpu_seconds(all_pids(proxy))
    time.sleep(2)
    spent = cpu_seconds(all_pids(proxy)) - before
    assert spent < 0.5, f"{spent} s of CPU in 2 s of waiting"
    assert proxy.alive()
    for c in held:
        c.close()
    wait_until(lambda: get(proxy.port, "/bytes/5").status == 200, 10,
               what="service again")
    seen = load(proxy.port, clients=8, seconds=1)
    assert not seen.errors and seen.statuses == {200: seen.requests}, seen


def test_hardly_any_descriptors_are_an_error_that_says_so():
    proxy = Proxy(ALWAYS, origin=Origin(), nofile=12, start=False,
                  check=False)
    proxy.start()
    assert proxy.wait(10) == 1
    assert "descriptor" in proxy.stderr(), proxy.stderr()
    assert "ulimit -n" in proxy.stderr(), proxy.stderr()


@limit(60)
def test_a_full_slot_table_queues_and_recovers():
    origin = Origin()
    proxy = Proxy("""
global
    stats socket {dir}/admin.sock
    nbproc 2
    tune.maxslots 8
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 2s
    timeout queue 20s
backend be
    http-reuse always
    server s1 127.0.0.1:{origin}
    server s2 localhost:{origin}
""", origin=origin)
    seen = load(proxy.port, path="/delay/30", clients=40, seconds=3,
                timeout=20)
    assert not seen.errors, seen.errors[:3]
    assert seen.statuses == {200: seen.requests}, seen
    # Its peak says nothing: it accepts the next before it reads a FIN.
    wait_until(lambda: origin.stats()["open"] <= 8, what="8 connections")
    used = proxy.board()["slots"]["by_state"]
    assert sum(n for s, n in used.items() if s != "free") <= 8, used


def test_idle_slots_of_other_servers_make_room():
    one, two = Origin(), Origin()
    proxy = Proxy("""
global
    stats socket {dir}/admin.sock
    tune.maxslots 8
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 2s
    http-reuse always
frontend fe
    bind 127.0.0.1:{port}
    use_backend b2 if { path_beg /delay/31 }
    default_backend b1
backend b1
    server s 127.0.0.1:{one} pool-purge-delay 60s
backend b2
    server s 127.0.0.1:{two} pool-purge-delay 60s
""", one=one.port, two=two.port)
    seen = load(proxy.port, path="/delay/30", clients=8, seconds=1)
    assert not seen.errors and one.stats()["open"] == 8, one.stats()
    seen = load(proxy.port, path="/delay/31", clients=8, seconds=1)
    assert not seen.errors and seen.statuses == {200: seen.requests}, seen
    assert two.stats()["requests"] == seen.requests


def test_a_server_that_refuses_is_503_and_no_spin():
    proxy = Proxy("""
backend be
    retries 1
    server s1 127.0.0.1:{nobody}
""", nobody=free_port())
    with Client(proxy.port) as c:
        assert c.get("/").status == 503
    before = cpu_seconds(all_pids(proxy))
    time.sleep(1)
    assert cpu_seconds(all_pids(proxy)) - before < 0.2


def test_a_server_that_does_not_answer_the_dial_times_out():
    # A listener whose backlog is full drops further SYNs.
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        fill = [socket.socket() for _ in range(4)]
        for f in fill:
            f.setblocking(False)
            f.connect_ex(s.getsockname())
        proxy = Proxy("""
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 400ms
    retries 0
listen l
    bind 127.0.0.1:{port}
    server s1 127.0.0.1:{full}
""", full=s.getsockname()[1], check=False)
        began = time.monotonic()
        assert get(proxy.port, "/").status == 503
        assert 0.3 < time.monotonic() - began
        for f in fill:
            f.close()


@limit(60)
def test_a_server_that_closes_idle_connections_at_the_worst_moment():
    """Each response is followed by a close without notice."""

    def once(s, _):
        while b"\r\n\r\n" not in s.recv(65536):
            pass
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        # The close races with the next request on this connection.
        time.sleep(0.002)

    server = FakeServer(once)
    proxy = Proxy("""
backend be
    http-reuse always
    server s1 127.0.0.1:{fake}
""", fake=server.port, workers=2)
    seen = load(proxy.port, path="/", clients=8, seconds=3)
    assert not seen.errors, seen.errors[:3]
    assert seen.statuses == {200: seen.requests}, seen
    assert seen.requests > 300, seen


def test_idle_close_by_the_origin_is_noticed():
    origin = Origin("--idle-close", "100")
    proxy = Proxy(ALWAYS, origin=origin, workers=2)
    for _ in range(8):
        assert get(proxy.port, "/bytes/3").status == 200
        time.sleep(0.15)
    wait_until(lambda: proxy.board()["slots"]["by_state"].get("idle", 0) == 0,
               what="no idle slot")
    assert origin.stats()["accepted"] >= 8


def test_a_busy_admin_socket_does_not_hold_up_traffic():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin)
    talkers = []
    for _ in range(60):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(proxy.dir / "admin.sock"))
        s.sendall(b"show stat")  # never finished
        talkers.append(s)
    seen = load(proxy.port, clients=8, seconds=1)
    assert not seen.errors and seen.requests > 100, seen
    for s in talkers:
        s.close()
