# SPDX-License-Identifier: MIT
"""Any process may die at any point."""

import os
import random
import signal
import time

from wsbtest import (Client, Origin, Proxy, get, limit, load, slow,
                     wait_until)

ALWAYS = """
backend be
    http-reuse always
    server s1 127.0.0.1:{origin} pool-purge-delay 10m
"""


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def in_use(proxy):
    by_state = proxy.board()["slots"]["by_state"]
    return sum(n for name, n in by_state.items() if name != "free")


def test_a_dead_worker_costs_only_its_own_clients():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=4)
    load(proxy.port, clients=64, seconds=1, rate=400, burst=32)
    before = origin.stats()
    busy = {}

    def strike(result):
        time.sleep(1)
        busy["then"] = origin.stats()["accepted"]
        kill(proxy.pids()["workers"][0])

    seen = load(proxy.port, clients=64, seconds=3, rate=400, burst=16,
                during=strike)
    after = origin.stats()
    # Each client of the dead worker sees one broken connection at most.
    hurt = {client for _, client, _ in seen.errors}
    assert len(seen.errors) == len(hurt), seen.errors
    assert len(hurt) < 64, "everybody noticed"
    assert seen.statuses == {200: seen.requests}, seen
    assert seen.requests > 800, seen
    # Its idle connections stay: new ones only for what was in flight.
    new = after["accepted"] - before["accepted"]
    assert new <= seen.peak_outstanding, (new, seen)
    proxy.wait_log(r"worker 1 \(pid \d+\) was ended by signal 9 "
                   r"\(Killed\): \d+ client connections lost, \d+ idle "
                   r"backend connections kept")
    wait_until(lambda: len(proxy.pids()["workers"]) == 4, what="4 workers")


def test_a_dead_workers_idle_connections_are_used_on():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=2)
    seen = load(proxy.port, path="/delay/50", clients=16, seconds=1)
    assert not seen.errors
    before = origin.stats()["accepted"]
    for pid in proxy.pids()["workers"]:
        kill(pid)
    proxy.wait_log("worker 1 .* was ended by signal 9")
    proxy.wait_log("worker 2 .* was ended by signal 9")
    wait_until(lambda: len(proxy.pids()["workers"]) == 2, what="2 workers")
    for _ in range(50):
        assert get(proxy.port, "/bytes/10").status == 200
    assert origin.stats()["accepted"] == before


def test_a_dead_broker_fails_no_request():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=4)
    load(proxy.port, clients=32, seconds=1, rate=400, burst=16)

    def strike(result):
        for _ in range(3):
            time.sleep(0.8)
            for pid in proxy.pids()["broker"]:
                kill(pid)

    seen = load(proxy.port, clients=32, seconds=4, rate=400, burst=16,
                during=strike)
    assert not seen.errors, seen.errors[:5]
    assert seen.statuses == {200: seen.requests}, seen
    proxy.wait_log(r"broker \(pid \d+\) was ended by signal 9")
    # What the broker itself held is lost; the workers' connections are not.
    load(proxy.port, clients=32, seconds=1, rate=400, burst=16)
    wait_until(lambda: in_use(proxy) == origin.stats()["open"],
               what="as many slots as connections")


def test_requests_that_need_a_dial_wait_for_the_next_broker():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=1)
    broker = proxy.pids()["broker"][0]
    os.kill(broker, signal.SIGSTOP)
    with Client(proxy.port) as c:
        c.send_request("GET", "/bytes/5")
        time.sleep(0.3)
        kill(broker)
        assert len(c.read_response().body) == 5
    assert get(proxy.port, "/bytes/5").status == 200


def test_a_worker_that_keeps_dying_is_started_slower_and_slower():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=1)
    end = time.monotonic() + 3
    victims = set()
    while time.monotonic() < end:
        for pid in proxy.pids()["workers"]:
            victims.add(pid)
            kill(pid)
        time.sleep(0.005)
    assert len(victims) < 60, f"{len(victims)} starts in 3 s"
    wait_until(lambda: get_ok(proxy.port), 10, what="service again")


def get_ok(port):
    try:
        return get(port, "/bytes/1", timeout=2).status == 200
    except OSError:
        return False


@slow
@limit(120)
def test_sixty_seconds_of_random_kills():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=4)
    dice = random.Random(4)

    proxy.wait_running()

    def strike(result):
        while result.now() < 58:
            time.sleep(dice.uniform(0.05, 1.0))
            pids = proxy.pids()
            victims = pids["workers"] + pids["broker"]
            if victims:
                kill(dice.choice(victims))

    seen = load(proxy.port, path="/bytes/500", clients=48, seconds=60,
                during=strike)
    assert set(seen.statuses) <= {200, 503}, seen
    assert seen.statuses[200] > 1000, seen
    wait_until(lambda: len(proxy.pids()["workers"]) == 4 and
               proxy.pids()["broker"], 10, what="all processes")
    wait_until(lambda: get_ok(proxy.port), 10, what="service")
    proxy.check()
    wait_until(lambda: in_use(proxy) == origin.stats()["open"], 10,
               what="as many slots as connections")
    # The descriptors of the broker: one per connection and its own.
    broker = proxy.pids()["broker"][0]
    spare = proxy.descriptors(broker) - in_use(proxy)
    assert spare < 40, spare


def test_children_end_when_the_master_is_killed():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=2)
    pids = proxy.pids()
    children = pids["workers"] + pids["broker"]
    proxy.expected_end = True
    kill(pids["master"])
    wait_until(lambda: not any(os.path.exists(f"/proc/{p}/exe") and alive(p)
                               for p in children), 10, what="no child left")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
