# SPDX-License-Identifier: MIT
"""Long-lived connections are spread evenly over the workers."""

import os
import signal
import time

from crowd import Crowd
from h2client import H2Client
from wsbtest import (Client, Origin, Proxy, get, limit, slow, wait_until)

CONFIG = """
global
    stats socket {dir}/admin.sock level admin
    nbproc {workers}
    maxconn 30000
    tune.listener.multi-queue {multi}
    log stderr format raw local0 notice
defaults
    mode http
    log global
    timeout client 100s
    timeout server 100s
    timeout connect 30s
    timeout queue 30s
    timeout tunnel 1h
frontend f
    bind 127.0.0.1:{port}
    bind {dir}/front.sock
    bind 127.0.0.1:{port2} proto h2
    default_backend b
backend b
    server s 127.0.0.1:{origin}
"""
FDS = 20000


def start(workers=4, multi="on"):
    origin = Origin(nofile=FDS)
    proxy = Proxy(CONFIG, origin=origin, workers=workers, multi=multi,
                  nofile=FDS)
    proxy.wait_log("wsbroker is ready", 20)
    return proxy


def rows(proxy):
    return [p for p in proxy.board()["processes"] if p["role"] == "worker"]


def total(proxy, name):
    return sum(p["stats"][name] for p in rows(proxy))


def are_even(proxy, tunnels):
    """The busiest and the idlest of four differ by 10 % at most."""
    counts = [p["tunnels"] for p in rows(proxy) if p["tunnels"]]
    return (len(counts) == 4 and sum(counts) == tunnels
            and max(counts) <= 1.1 * min(counts))


def kill_one(proxy, crowd, pid):
    victim = next(p for p in rows(proxy) if p["pid"] == pid)
    lost = crowd.lost + victim["tunnels"]
    os.kill(victim["pid"], signal.SIGKILL)
    crowd.run(lambda: crowd.lost >= lost, 30, f"{lost} lost")
    crowd.wait()


def tunnels_stay_even(address, count, kills=3):
    proxy = start()
    crowd = Crowd(address(proxy))
    crowd.add(count)
    crowd.wait()
    wait_until(lambda: are_even(proxy, count), 10, what="even workers")
    for pid in proxy.pids()["workers"][:kills]:
        kill_one(proxy, crowd, pid)
        wait_until(lambda: are_even(proxy, count), 30, what="even workers "
                   f"after a kill: {[p['tunnels'] for p in rows(proxy)]}")
    assert not crowd.failed, crowd
    crowd.close()


def test_a_thousand_at_once_and_kills():
    tunnels_stay_even(lambda p: ("127.0.0.1", p.port), 1000)


def test_a_thousand_through_a_unix_socket_and_kills():
    tunnels_stay_even(lambda p: str(p.dir / "front.sock"), 1000)


@slow
@limit(180)
def test_eight_thousand_at_once_and_kills():
    tunnels_stay_even(lambda p: ("127.0.0.1", p.port), 8000)


def test_who_leaves_makes_room_for_others():
    proxy = start()
    crowd = Crowd(("127.0.0.1", proxy.port))
    for count in (400, 300, 500):
        crowd.add(count)
        crowd.wait()
        crowd.leave(200)
        wait_until(lambda: sum(p["tunnels"] for p in rows(proxy))
                   == crowd.open, what="the ends of 200")
    crowd.add(400)
    crowd.wait()
    wait_until(lambda: are_even(proxy, 1000), what="even workers")
    crowd.close()


def test_tunnels_of_one_http2_connection_count_each():
    proxy = start(workers=2)
    many = H2Client(proxy.values["port2"])
    many.wait_settings()
    for _ in range(80):
        many.send_headers(many.open_stream(), [
            (":method", "CONNECT"), (":protocol", "websocket"),
            (":scheme", "http"), (":path", "/ws"), (":authority", "a"),
            ("sec-websocket-version", "13")])
    many.wait(lambda: all(s.headers for s in many.streams.values()))
    wait_until(lambda: sum(p["tunnels"] for p in rows(proxy)) == 80)
    crowd = Crowd(("127.0.0.1", proxy.port))
    crowd.add(120)
    crowd.wait()
    counts = sorted(p["tunnels"] for p in rows(proxy))
    assert sum(counts) == 200 and counts[1] - counts[0] <= 20, counts
    crowd.close()
    many.close()


def test_the_queue_of_a_dead_worker_is_served_by_its_successor():
    proxy = start(workers=2)
    victim = proxy.pids()["workers"][0]
    os.kill(victim, signal.SIGSTOP)
    clients = [Client(proxy.port, timeout=30) for _ in range(40)]
    for client in clients:
        client.send_request("GET", "/bytes/5")
    os.kill(victim, signal.SIGKILL)
    for client in clients:
        assert client.read_response().body == b"01234"


def test_a_worker_that_hangs_is_waited_for_once():
    proxy = start(workers=2)
    crowd = Crowd(("127.0.0.1", proxy.port))
    victim = proxy.pids()["workers"][0]
    os.kill(victim, signal.SIGSTOP)
    crowd.add(200)
    # What the kernel gave to the other one is not left for ever.
    crowd.run(lambda: crowd.open > 50, 30, "tunnels beside a hung worker")
    os.kill(victim, signal.SIGCONT)
    crowd.wait()
    crowd.close()


def test_switched_off_it_is_left_to_the_kernel():
    proxy = start(multi="off")
    crowd = Crowd(("127.0.0.1", proxy.port))
    crowd.add(400)
    crowd.wait()
    assert total(proxy, "even_left") == 0
    assert total(proxy, "accepted") >= 400
    crowd.close()


def switches(pid):
    with open(f"/proc/{pid}/status") as f:
        return sum(int(s.split()[1]) for s in f if s.startswith("voluntary"))


def test_while_nobody_connects_nobody_wakes_up():
    proxy = start()
    crowd = Crowd(("127.0.0.1", proxy.port))
    crowd.add(200)
    crowd.wait()
    kill_one(proxy, crowd, proxy.pids()["workers"][0])
    crowd.reconnect = False
    os.kill(proxy.pids()["workers"][0], signal.SIGKILL)  # and so uneven
    wait_until(lambda: len(proxy.pids()["workers"]) == 4, what="4 workers")
    assert get(proxy.port, "/bytes/5").status == 200
    time.sleep(2)
    before = {pid: switches(pid) for pid in proxy.pids()["workers"]}
    time.sleep(4)
    for pid in before:
        assert switches(pid) - before[pid] <= 16, "it wakes up all the time"
    crowd.close()
