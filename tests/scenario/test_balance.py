# SPDX-License-Identifier: MIT
"""Which server gets a request: algorithms, weights, backup, redispatch."""

from collections import Counter

from wsbtest import Client, Origin, Proxy, free_port, get, load, wait_until

HEAD = """
backend b
    http-reuse always
    http-response set-header X-Srv %[srv_name]
"""


def start(lines, servers=3, workers=2, **values):
    """A proxy on one origin that is three servers, a to c by default."""
    origin = Origin()
    text = HEAD + lines + "\n"
    if servers:
        text += "".join(
            f"    server {name} 127.0.0.1:{origin.port}\n"
            for name in "abcdef"[:servers])
    proxy = Proxy(text, origin=origin, workers=workers, **values)
    proxy.origin = origin
    return proxy


def server_of(proxy, path="/bytes/1", headers=()):
    response = get(proxy.port, path, headers)
    assert response.status == 200, response
    return response.header("x-srv")


def counts(proxy, requests, path="/bytes/1"):
    return Counter(server_of(proxy, path) for _ in range(requests))


def test_roundrobin_goes_around_over_all_workers():
    for algorithm in "roundrobin", "static-rr":
        seen = counts(start(f"    balance {algorithm}"), 30)
        assert set(seen.values()) == {10}, (algorithm, seen)


def test_weights_share_the_requests_out():
    for algorithm in "roundrobin", "static-rr":
        proxy = start(f"""
            balance {algorithm}
            server a 127.0.0.1:{{origin}} weight 3
            server b 127.0.0.1:{{origin}} weight 1
            server c 127.0.0.1:{{origin}} weight 0""", servers=0)
        seen = counts(proxy, 40)
        assert seen == {"a": 30, "b": 10}, (algorithm, seen)


def test_leastconn_takes_the_idlest():
    proxy = start("    balance leastconn", workers=1)
    busy = Client(proxy.port)
    busy.send_request(path="/delay/5000")
    busy2 = Client(proxy.port)
    busy2.send_request(path="/delay/5000")
    wait_until(lambda: proxy.origin.stats()["concurrent"] == 2)
    seen = counts(proxy, 9)
    assert len(seen) == 1, seen
    busy.close()
    busy2.close()


def test_random_uses_all():
    seen = counts(start("    balance random"), 60)
    assert len(seen) == 3 and min(seen.values()) > 4, seen


def test_first_fills_servers_up_in_order():
    proxy = start("""
            balance first
            server a 127.0.0.1:{origin} maxconn 1
            server b 127.0.0.1:{origin} maxconn 1
            server c 127.0.0.1:{origin} maxconn 1""", servers=0)
    assert counts(proxy, 5) == {"a": 5}
    busy = Client(proxy.port)
    busy.send_request(path="/delay/5000")
    wait_until(lambda: proxy.origin.stats()["concurrent"] == 1)
    assert counts(proxy, 5) == {"b": 5}
    busy.close()


def test_hashes_stay_with_a_server():
    proxy = start("    balance uri")
    by_path = {f"/bytes/{n}": server_of(proxy, f"/bytes/{n}")
               for n in range(24)}
    assert len(set(by_path.values())) == 3, by_path
    for path, name in by_path.items():
        assert server_of(proxy, path + "?query") == name, path
    proxy = start("    balance hdr(X-User)")
    by_user = {f"u{n}": server_of(proxy, headers=[("X-User", f"u{n}")])
               for n in range(24)}
    assert len(set(by_user.values())) == 3, by_user
    for user, name in by_user.items():
        assert server_of(proxy, headers=[("X-User", user)]) == name
    seen = counts(start("    balance source"), 10)
    assert len(seen) == 1, seen


def test_backup_serves_only_when_nobody_else_can():
    proxy = start("""
            server a 127.0.0.1:{origin}
            server spare 127.0.0.1:{origin} backup""", servers=0)
    assert counts(proxy, 6) == {"a": 6}
    proxy = start("""
            server a 127.0.0.1:{origin} disabled
            server spare 127.0.0.1:{origin} backup
            server spare2 127.0.0.1:{origin} backup""", servers=0)
    assert counts(proxy, 6) == {"spare": 6}


def test_redispatch_leaves_a_dead_server():
    proxy = start(f"""
            retries 2
            option redispatch 1
            server dead 127.0.0.1:{free_port()}
            server a 127.0.0.1:{{origin}}""", servers=0)
    result = load(proxy.port, clients=4, seconds=1)
    assert set(result.statuses) == {200} and not result.errors, result


def test_without_redispatch_a_dead_server_is_503():
    proxy = start(f"""
            retries 1
            no option redispatch
            server dead 127.0.0.1:{free_port()}""", servers=0)
    assert get(proxy.port, "/").status == 503
