# SPDX-License-Identifier: MIT
"""Tunnels move from worker to worker while data flows: every byte is compared,
no client reconnects, one log line tells of the whole life."""

import random
import re

import handover
import wsecho
from wsbtest import limit, wait_until


def logged(proxy):
    return [s for s in proxy.log() if re.search(r"101 .* in=\d+", s)]


@limit(120)
def test_every_byte_comes_back_while_workers_are_drained():
    proxy = handover.proxy_of()
    seed = random.randrange(1 << 32)
    source = random.Random(seed)
    drains, seen, tunnels = 0, 0, 0
    try:
        while drains < 6:
            lines = handover.opened(proxy, source, 24, 6)
            drainer = handover.Drainer(proxy)
            wsecho.run(lines)
            drains += drainer.stop()
            tunnels += len(lines)
            seen += sum(line.echo.bytes for line in lines)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    assert proxy.origin.stats()["websockets"] == tunnels
    wait_until(lambda: len(logged(proxy)) >= tunnels, what="log lines")
    told = [re.search(r"out=(\d+)", s)[1] for s in logged(proxy)]
    assert len(told) == tunnels, (len(told), tunnels)
    assert sum(map(int, told)) == seen
    wait_until(lambda: proxy.board()["totals"]["tunnel_bytes_out"] == seen)
