# SPDX-License-Identifier: MIT
"""Each process dies, or stops, under load: what its clients notice, and that
nobody else notices anything."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from matrix import ASKERS, TUNNELS, Load, row, start, strike  # noqa: E402
from test_signals import gone  # noqa: E402
from wsbtest import Origin, check_config, limit, wait_until  # noqa: E402


def worker(number, says):
    proxy = start(Origin())
    load = Load(proxy)
    victim = proxy.pids()["workers"][0]
    mine = row(proxy, victim)["tunnels"]
    assert 0 < mine < TUNNELS, mine
    strike(victim, number)
    proxy.wait_log(says % victim, 60)
    proxy.wait_log(r"worker \d \(pid %d\) was ended by signal 9" % victim, 60)
    wait_until(lambda: len(load.lost) == mine, 60, what=f"{mine} lost")
    wait_until(lambda: len(proxy.pids()["workers"]) == 2, 60)
    load.go_on("those of the other worker")
    load.stop()
    # its clients alone, each once
    assert len(load.lost) == mine and len(load.failed) <= ASKERS, (
        mine, load.lost, load.failed)
    return proxy


@limit(120)
def test_a_killed_worker_costs_its_own_clients():
    worker(9, r"worker \d \(pid %d\) was ended by signal 9")


@limit(120)
def test_a_stopped_worker_costs_its_own_clients():
    proxy = worker(19, r"worker \d \(pid %d\) has not answered for \d+ ms")
    said = [s for s in proxy.log()
            if "has not answered" in s and s.startswith("worker ")]
    assert len(said) == 1, said


def broker(number, says):
    proxy = start(Origin())
    load = Load(proxy)
    victim, = proxy.pids()["broker"]
    strike(victim, number)
    proxy.wait_log(says % victim, 60)
    wait_until(lambda: proxy.pids()["broker"] not in ([], [victim]), 60)
    load.go_on("after the broker's death")
    load.stop()
    assert not load.lost and not load.failed, (load.lost, load.failed)


@limit(120)
def test_a_killed_broker_is_not_noticed():
    broker(9, r"broker \(pid %d\) was ended by signal 9")


@limit(120)
def test_a_stopped_broker_is_not_noticed():
    broker(19, r"broker \(pid %d\) has not answered for \d+ ms")


@limit(120)
def test_a_killed_master_ends_the_service_in_order():
    proxy = start(Origin(), "close-spread-time 1s")
    load = Load(proxy, askers=0)
    pids = proxy.pids()
    proxy.expected_end = True
    strike(proxy.pid, 9)
    wait_until(lambda: len(load.lost) == TUNNELS, 60, what="all told")
    load.stop()
    assert load.codes == [1001] * TUNNELS, load.codes
    wait_until(lambda: gone(pids["workers"] + pids["broker"]), 60)


@limit(120)
def test_a_killed_master_is_not_noticed_if_so_wanted():
    proxy = start(Origin(), "master-loss keep")
    load = Load(proxy)
    pids = proxy.pids()
    proxy.expected_end = True
    strike(proxy.pid, 9)
    try:
        proxy.wait(20)
        load.go_on("without a master")
        with_new = Load(proxy)
        with_new.stop()
        load.stop()
        for one in load, with_new:
            assert not one.lost and not one.failed, (one.lost, one.failed)
    finally:
        for pid in pids["workers"] + pids["broker"]:
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: gone(pids["workers"] + pids["broker"]), 60)


@limit(120)
def test_a_paused_master_or_machine_costs_nobody_anything():
    proxy = start(Origin())
    load = Load(proxy)
    pids = proxy.pids()
    everybody = [proxy.pid, *pids["broker"], *pids["workers"]]
    for paused in ([proxy.pid], everybody):
        for pid in paused:
            os.kill(pid, signal.SIGSTOP)
        load.over.wait(6)   # longer than hang-limit
        for pid in reversed(paused):
            os.kill(pid, signal.SIGCONT)
        load.go_on("after the pause")
        load.over.wait(2)   # the master has looked
    load.stop()
    assert not load.lost and not load.failed, (load.lost, load.failed)
    assert proxy.pids() == pids
    assert not [s for s in proxy.log() if "has not answered" in s]


def test_the_words_are_checked():
    for line, ok in (
            ("hang-limit 10s", True), ("hang-limit 0", True),
            ("hang-limit 1s", False), ("hang-limit", False),
            ("master-loss keep", True), ("master-loss drain", True),
            ("master-loss die", False), ("master-loss", False)):
        done = check_config("global\n    %s\n" % line)
        assert (done.returncode == 0) == ok, (line, done.stderr)
