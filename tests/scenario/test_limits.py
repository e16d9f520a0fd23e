# SPDX-License-Identifier: MIT
"""maxconn and its queue, over all workers."""

import threading
import time

from wsbtest import (Client, FakeServer, Origin, Proxy, get, limit, load, request,
                     slow, wait_until)


def limited(maxconn, more="", queue="30s"):
    return f"""
global
    stats socket {{dir}}/admin.sock
    nbproc {{workers}}
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 2s
    timeout queue {queue}
backend be
    http-reuse always
    server s1 127.0.0.1:{{origin}} maxconn {maxconn} {more}
"""


def queue_of(proxy):
    return proxy.board()["servers"][0]["queue"]


@limit(90)
def test_the_origin_never_sees_one_more():
    origin = Origin()
    proxy = Proxy(limited(10), origin=origin, workers=4)
    seen = load(proxy.port, path="/delay/20", clients=200, seconds=6,
                timeout=30)
    assert not seen.errors, seen.errors[:3]
    assert seen.statuses == {200: seen.requests}, seen
    stats = origin.stats()
    assert stats["peak_concurrent"] == 10, stats
    assert stats["peak_open"] <= 10, stats
    assert seen.requests > 1000, seen


@limit(60)
def test_waiting_clients_are_served_in_the_order_of_their_coming():
    """One after the other, spread over 4 workers, one permit."""
    order, all_there = [], threading.Event()

    def slow_server(s, _):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = s.recv(65536)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            order.append(int(head.split()[1][1:]))
            all_there.wait(60)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = FakeServer(slow_server)
    proxy = Proxy(limited(1).replace("{origin}", "{fake}"), fake=server.port,
                  workers=4)
    clients = [Client(proxy.port, timeout=30) for _ in range(30)]

    def came():
        return len(order) + queue_of(proxy)

    for number, c in enumerate(clients):
        c.send_request("GET", f"/{number}")
        wait_until(lambda: came() == number + 1, 10, what="it waits")
    all_there.set()
    for c in clients:
        assert c.read_response().status == 200
        c.close()
    assert order == list(range(30)), order


def test_timeout_queue_answers_503():
    origin = Origin()
    proxy = Proxy(limited(1, queue="300ms"), origin=origin, workers=2)
    with Client(proxy.port) as c:
        c.send_request("GET", "/delay/4000")
        wait_until(lambda: origin.stats()["requests"] == 1, what="the first")
        began = time.monotonic()
        assert get(proxy.port, "/").status == 503
        assert time.monotonic() - began > 0.25
        assert c.read_response().status == 200
    assert get(proxy.port, "/").status == 200


def test_a_client_that_leaves_the_queue_is_forgotten():
    origin = Origin()
    proxy = Proxy(limited(1), origin=origin, workers=2)
    with Client(proxy.port) as first:
        first.send_request("GET", "/delay/5000")
        wait_until(lambda: origin.stats()["requests"] == 1, what="the first")
        leavers = [Client(proxy.port) for _ in range(20)]
        for c in leavers:
            c.send_request("GET", "/delay/5000")
        wait_until(lambda: queue_of(proxy) == 20, what="20 that wait")
        for c in leavers:
            c.reset()
        wait_until(lambda: queue_of(proxy) == 0, what="nobody who waits")
        assert get(proxy.port, "/bytes/3").status == 200
    assert origin.stats()["requests"] == 2, origin.stats()


@slow
@limit(150)
def test_no_waiter_sleeps_while_a_connection_is_free():
    """10,000 rounds of a contended permit, over 4 workers."""
    origin = Origin()
    proxy = Proxy(limited(3), origin=origin, workers=4)
    total, rounds = 0, 0
    while total < 10000 and rounds < 30:
        seen = load(proxy.port, path="/bytes/10", clients=12, seconds=3,
                    timeout=5)
        assert not seen.errors, seen.errors[:3]
        total += seen.requests
        rounds += 1
    assert total >= 10000, total
    assert origin.stats()["peak_concurrent"] <= 3
    board = proxy.board()
    server = [s for s in board["servers"] if s["name"] == "s1"][0]
    assert server["queue"] == 0, server


def test_frontend_maxconn_makes_clients_wait():
    origin = Origin()
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    maxconn 4
    default_backend be
backend be
    server s1 127.0.0.1:{origin}
""", origin=origin, workers=2)
    held = [Client(proxy.port) for _ in range(4)]
    for c in held:
        assert c.get("/").status == 200
    late = Client(proxy.port, timeout=0.5)
    late.send_request("GET", "/bytes/3")
    try:
        late.read_response()
        raise AssertionError("a fifth connection was served")
    except TimeoutError:
        pass
    held[0].close()
    late.socket.settimeout(5)
    assert late.read_response().status == 200
    for c in held[1:] + [late]:
        c.close()


def test_queue_full_of_maxqueue_goes_elsewhere():
    first, second = Origin(), Origin()
    proxy = Proxy("""
backend be
    balance first
    http-reuse always
    option redispatch
    server s1 127.0.0.1:{one} maxconn 1 maxqueue 1
    server s2 127.0.0.1:{two}
""", one=first.port, two=second.port)
    clients = [Client(proxy.port) for _ in range(4)]
    for c in clients:
        c.send_request("GET", "/delay/500")
        time.sleep(0.05)
    for c in clients:
        assert c.read_response().status == 200
    assert second.stats()["requests"] >= 1
    assert first.stats()["peak_concurrent"] == 1


def test_permits_survive_a_server_that_resets():
    origin = Origin()
    proxy = Proxy(limited(2), origin=origin, workers=2)
    for _ in range(20):
        assert request(proxy.port, "POST", "/abort", body=b"x").status in (
            502, 503)
    seen = load(proxy.port, path="/delay/10", clients=8, seconds=1)
    assert not seen.errors and seen.statuses == {200: seen.requests}, seen
    wait_until(lambda: origin.stats()["open"] <= 2, what="two connections")
