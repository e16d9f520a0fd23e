# SPDX-License-Identifier: MIT
"""One pool for all workers."""

from wsbtest import Client, Origin, Proxy, check_config, get, limit, load, \
    wait_until

ALWAYS = """
backend be
    http-reuse always
    server s1 127.0.0.1:{origin}
"""


def slots(board, state=None):
    """Slots of the board in a state (or any but free)."""
    by_state = board["slots"]["by_state"]
    if state:
        return by_state.get(state, 0)
    return sum(n for name, n in by_state.items() if name != "free")


@limit(90)
def test_four_workers_share_one_pool():
    """As many connections as requests were outstanding, never more."""
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=4)
    seen = load(proxy.port, clients=64, seconds=10, rate=200, burst=16)
    stats = origin.stats()
    assert not seen.errors, seen.errors[:3]
    assert seen.statuses == {200: seen.requests}
    assert seen.requests > 1500, seen
    assert stats["accepted"] <= seen.peak_outstanding, (stats, seen)


@limit(60)
def test_after_warm_up_nothing_is_dialled():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=4)
    load(proxy.port, clients=64, seconds=2, rate=200, burst=16)
    before = origin.stats()["accepted"]
    seen = load(proxy.port, clients=64, seconds=6, rate=200, burst=16)
    dialled = origin.stats()["accepted"] - before
    assert not seen.errors, seen.errors[:3]
    # On a slow machine more requests may be outstanding than before.
    needed = max(seen.peak_outstanding - before, 0)
    assert dialled <= needed + seen.requests * 0.001, (dialled, before, seen)


def test_the_next_request_on_any_worker_finds_the_connection():
    """A connection is back before the client has the whole response."""
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=4)
    for _ in range(200):
        assert get(proxy.port, "/bytes/100").status == 200
    assert origin.stats()["accepted"] == 1


def test_prewarmed_connections_serve_first_requests():
    origin = Origin()
    proxy = Proxy("""
backend be
    http-reuse safe
    server s1 127.0.0.1:{origin} pool-prewarm 4
""", origin=origin, workers=2)
    wait_until(lambda: origin.stats()["open"] == 4, what="4 connections")
    accepted = origin.stats()["accepted"]
    assert accepted == 4
    with Client(proxy.port) as c:
        assert c.get("/").status == 200
        wait_until(lambda: origin.stats()["open"] >= 5, what="a fifth")


def test_reuse_never_keeps_connections_apart():
    origin = Origin()
    proxy = Proxy("""
backend be
    http-reuse never
    server s1 127.0.0.1:{origin}
""", origin=origin)
    with Client(proxy.port) as a, Client(proxy.port) as b:
        for _ in range(3):
            assert a.get("/").status == 200
            assert b.get("/").status == 200
    assert origin.stats()["accepted"] == 2


def test_reuse_safe_dials_for_first_requests_only():
    origin = Origin()
    proxy = Proxy("""
backend be
    http-reuse safe
    server s1 127.0.0.1:{origin}
""", origin=origin)
    for n in range(1, 4):
        with Client(proxy.port) as c:
            for _ in range(5):
                assert c.get("/").status == 200
        assert origin.stats()["accepted"] == n


def test_idle_connections_expire():
    origin = Origin()
    proxy = Proxy("""
backend be
    http-reuse always
    server s1 127.0.0.1:{origin} pool-purge-delay 500ms
""", origin=origin, workers=2)
    seen = load(proxy.port, path="/delay/100", clients=20, seconds=1)
    assert not seen.errors
    assert origin.stats()["open"] >= 10
    wait_until(lambda: origin.stats()["open"] == 0, 8, what="no connection")
    wait_until(lambda: slots(proxy.board()) == 0, what="no slot in use")


def test_pool_max_conn_bounds_the_idle_ones():
    origin = Origin()
    proxy = Proxy("""
backend be
    http-reuse always
    server s1 127.0.0.1:{origin} pool-max-conn 3 pool-purge-delay 60s
""", origin=origin, workers=2)
    seen = load(proxy.port, path="/delay/100", clients=20, seconds=1)
    assert not seen.errors
    wait_until(lambda: origin.stats()["open"] <= 3, what="at most 3 idle")


def test_the_board_counts_what_the_origin_counts():
    origin = Origin()
    proxy = Proxy(ALWAYS, origin=origin, workers=4)
    load(proxy.port, path="/delay/20", clients=32, seconds=1)
    wait_until(lambda: slots(proxy.board()) == origin.stats()["open"],
               what="as many slots as connections")


def test_prewarming_that_cannot_be_is_warned_of():
    text = """
defaults
    mode http
    timeout connect 1s
    timeout server 1s
backend b
    server s 127.0.0.1:1 %s
"""
    for words, said in (
            ("pool-prewarm 2 send-proxy", "client's PROXY header"),
            ("pool-prewarm-ws 2 send-proxy-v2", "client's PROXY header"),
            ("pool-prewarm 2 ssl verify none sni req.hdr(host)",
             "'sni' depends on the request"),
            ("pool-prewarm 2 ssl verify none sni str(a),lower",
             "'sni' depends on the request"),
            ("pool-prewarm 2 ssl verify none sni str(a.example)", None),
            ("pool-prewarm 2 ssl verify none", None),
            ("pool-prewarm 0 send-proxy", None),
            ("send-proxy ssl verify none sni req.hdr(host)", None)):
        done = check_config(text % words)
        strict = check_config(text % words, "-dW")
        assert done.returncode == 0, done.stderr
        assert strict.returncode == (1 if said else 0), (words, strict.stderr)
        if said:
            assert "keeps no connections ready: " in done.stderr
            assert said in done.stderr and ":7]" in done.stderr, done.stderr
