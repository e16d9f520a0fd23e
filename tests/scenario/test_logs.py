# SPDX-License-Identifier: MIT
"""Log lines reach their targets, and a bad target stalls nothing."""

import fcntl
import itertools
import os
import re
import socket
import time

from wsbtest import Origin, Proxy, Syslog, get, load, skip, wait_until

CONFIG = """
global
    nbproc {workers}
    stats socket {dir}/admin.sock level admin
    log {target} local0
    %s
defaults
    mode http
    log global
    option httplog
    timeout client 5s
    timeout server 5s
    timeout connect 2s
listen web
    bind 127.0.0.1:{port}
    http-reuse always
    server s 127.0.0.1:{origin}
"""

LINE = r"web web/s \d+/\d+/\d+/\d+/\d+ 200 .* \"GET %s HTTP/1\.1\""


def start(target, extra="", **options):
    return Proxy(CONFIG % extra, origin=Origin(), target=target, **options)


def test_udp_syslog_with_the_masters_pid():
    syslog = Syslog()
    proxy = start(syslog.address, workers=2)
    for n in range(6):
        get(proxy.port, f"/bytes/{n}")
    line = syslog.wait(LINE % "/bytes/5")
    assert re.match(rf"<134>\w{{3}} [ \d]\d \d\d:\d\d:\d\d (\S+ )?"
                    rf"wsbroker\[{proxy.pid}\]: 127\.0\.0\.1:\d+ \[", line), line
    wait_until(lambda: len([s for s in syslog.lines if " 200 " in s]) == 6,
               what="a line per request")


def test_chrooted_workers_log_on_after_the_daemon_restarts():
    if os.getuid() != 0:
        skip("needs root for chroot")
    origin = Origin()
    path = str(origin.dir / "log")
    syslog = Syslog(path)
    jail = origin.dir / "empty"
    jail.mkdir()
    proxy = Proxy(CONFIG % f"chroot {jail}\n    user nobody\n    group nogroup",
                  origin=origin, target=path, workers=2)
    get(proxy.port, "/bytes/1")
    syslog.wait(LINE % "/bytes/1")
    syslog.close()
    for _ in range(10):
        assert get(proxy.port, "/bytes/2").status == 200
    syslog.listen()

    def logged():
        assert get(proxy.port, "/bytes/3").status == 200
        return any(re.search(LINE % "/bytes/3", s) for s in syslog.lines)

    wait_until(logged, 20, 0.1, "lines after the restart")
    # Every worker finds the new socket: from then on nothing is lost.
    sizes = itertools.count(100)

    def none_lost():
        path = f"/bytes/{next(sizes)}"
        for _ in range(20):
            get(proxy.port, path)
        end = time.monotonic() + 2
        lines = []
        while len(lines) < 20 and time.monotonic() < end:
            time.sleep(0.02)
            lines = [s for s in syslog.lines if re.search(LINE % path, s)]
        return len(lines) == 20

    wait_until(none_lost, 20, 0.1, "all lines of 20 requests")


def drops_of(proxy):
    """The sum of all counters of dropped log lines on the board."""
    def walk(value, key=""):
        if isinstance(value, dict):
            return sum(walk(v, k) for k, v in value.items())
        if isinstance(value, list):
            return sum(walk(v, key) for v in value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return 0
        return value if re.search(r"log.*drop|drop.*log", key) else 0

    return walk(proxy.board())


def wait_drops(proxy):
    """Lines that nobody reads are dropped and counted; requests go on."""
    def counted():
        assert get(proxy.port, "/bytes/1").status == 200
        return drops_of(proxy) > 0

    wait_until(counted, 10, what="a count of the dropped lines")


def test_a_syslog_that_reads_nothing_stalls_nothing():
    path = "/tmp/log.wsbtest.%d" % os.getpid()
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deaf.bind(path)
    os.chmod(path, 0o666)
    try:
        proxy = start(path)
        result = load(proxy.port, clients=8, seconds=1.5)
        assert set(result.statuses) == {200} and not result.errors, result
        wait_drops(proxy)
    finally:
        deaf.close()
        os.unlink(path)


def test_a_full_pipe_stalls_nothing_and_resumes():
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, 1031, 4096)  # F_SETPIPE_SZ
    proxy = start(f"fd@{write_end} format raw", pass_fds=[write_end])
    os.close(write_end)
    result = load(proxy.port, clients=8, seconds=1)
    assert set(result.statuses) == {200} and not result.errors, result
    wait_drops(proxy)
    # Once somebody reads, whole lines come again.
    os.set_blocking(read_end, False)
    seen = b""

    def resumed():
        nonlocal seen
        get(proxy.port, "/bytes/9")
        try:
            seen += os.read(read_end, 65536)
        except BlockingIOError:
            pass
        return b"GET /bytes/9 HTTP/1.1" in seen

    wait_until(resumed, 5, 0.05, "lines after the pipe was read")
    time.sleep(0.1)
    for line in seen.decode().split("\n")[1:-1]:
        assert re.match(r"127\.0\.0\.1:\d+ \[.*\"$|.* is ready", line), line
    os.close(read_end)


def test_stdout_and_levels():
    proxy = start("stdout format raw", "log stderr format raw local1 err")
    get(proxy.port, "/bytes/1")
    wait_until(lambda: re.search(LINE % "/bytes/1", proxy.stdout()),
               what="the line on stdout")
    assert not re.search(LINE % "/bytes/1", proxy.stderr()), proxy.stderr()
