# SPDX-License-Identifier: MIT
"""Connections to servers die, or stop, under load: what clients notice."""

from matrix import TUNNELS, Load, start
from wsbtest import Origin, limit, wait_until


@limit(120)
def test_a_killed_server_costs_its_tunnels_and_no_request():
    origin, dying = Origin(), Origin()
    proxy = start(origin, other=dying.port, tunnels_to="two")
    load = Load(proxy)
    mine = dying.stats()["open"]
    assert 0 < mine < TUNNELS, mine
    dying.kill()
    wait_until(lambda: len(load.lost) == mine, 60, what=f"{mine} lost")
    load.go_on("those of the other server")
    load.stop()
    assert len(load.lost) == mine and not load.failed, (
        mine, load.lost, load.failed)


@limit(120)
def test_a_stopped_server_costs_nobody_its_tunnel():
    origin, dying = Origin(), Origin()
    proxy = start(origin, other=dying.port, tunnels_to="two")
    load = Load(proxy)
    dying.pause()
    wait_until(lambda: min(load.answers) > 20 and max(load.echoes) > 20, 60)
    dying.resume()
    load.go_on("after the pause")
    load.stop()
    assert not load.lost and not load.failed, (load.lost, load.failed)


@limit(120)
def test_dead_idle_connections_cost_no_request():
    origin = Origin("--close-after", 3)
    proxy = start(origin)
    load = Load(proxy)
    wait_until(lambda: min(load.answers) > 30, 60)
    load.stop()
    assert not load.lost and not load.failed, (load.lost, load.failed)
    assert origin.stats()["accepted"] > TUNNELS + 10
