# SPDX-License-Identifier: MIT
"""A thousand WebSockets are closed evenly over close-spread-time; none is cut
in what it says or hears."""

import collections
import signal
import time

from farewell import Party, slow_echo
from wsbridge import certificate
from wsbtest import FakeServer, Origin, Proxy, SANITIZED, limit, wait_until

CONFIG = """
global
    stats socket {dir}/admin.sock level admin
    nbproc 2
    maxconn 5000
    close-spread-time 10s
    log stderr format raw local0 notice
defaults
    mode http
    log global
    timeout client 100s
    timeout server 100s
    timeout connect 30s
    timeout tunnel 1h
frontend f
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} ssl crt {cert}
    use_backend talk if { path /talk }
    default_backend quiet
backend quiet
    server s 127.0.0.1:{origin}
backend talk
    server s 127.0.0.1:{talk}
"""
FDS = 8000
ALL = 200 if SANITIZED else 1000
TALKERS = 6


@limit(120)
def test_a_thousand_are_closed_evenly_and_whole():
    heard = []
    proxy = Proxy(CONFIG, origin=Origin(nofile=FDS), nofile=FDS,
                  talk=FakeServer(slow_echo(heard)).port, cert=certificate())
    proxy.wait_running()
    party = Party()
    for i in range(ALL):
        talks = i % (ALL // TALKERS) == 0
        party.add(proxy.values["port2" if i % 4 else "port"], i % 4 != 0,
                  "/talk" if talks else "/ws", talks)
        party.turn()
    party.run(lambda c: c.is_open(), 60, "all tunnels")
    talkers = [c for c in party.all.values() if c.talks]
    party.gap_s = 0
    proxy.send_signal(signal.SIGUSR1)
    begun = time.monotonic()
    party.run(lambda c: c.ended is not None, 60, "all ends")
    for c in party.all.values():
        assert c.frames.code == 1001 and c.clean, (c.frames.code, c.clean)
        assert c.frames.is_whole() and not c.frames.after_close
    wait_until(lambda: len(heard) == len(talkers), 20)
    assert heard == [(1001, True, 0)] * len(talkers), heard
    seconds = collections.Counter(
        int(c.ended - begun) for c in party.all.values() if not c.talks)
    # who could not look for a while sees more at once
    most = (0.15 + 0.1 * party.gap_s) * ALL
    assert max(seconds.values()) <= most, (seconds, party.gap_s)
    party.close()
    assert proxy.wait(30) == 0
