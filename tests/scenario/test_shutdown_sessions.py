# SPDX-License-Identifier: MIT
"""What goes through a server is ended: by hand, or when it goes down."""

import os
import signal

from clitool import command, stat
from h2client import H2Client
from wsborigin import TlsOrigin
from wsbtest import Client, Origin, Proxy, get, limit, wait_until

FAST = "check inter 100ms rise 1 fall 1"


def tunnels(proxy):
    return sum(p["tunnels"] for p in proxy.board()["processes"]
               if p["role"] == "worker")


def open_ws(port):
    client = Client(port)
    client.ws_open("/ws/echo")
    client.ws_send(b"hello")
    assert client.ws_recv()[1] == b"hello"
    return client


@limit(60)
def test_shutdown_sessions_ends_all_of_one_server_on_all_workers():
    a, b = Origin(), Origin()
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    use_backend two if { req.hdr(x-two) -m found }
    default_backend one
backend one
    server s 127.0.0.1:{a}
backend two
    server s 127.0.0.1:{b}
""", a=a.port, b=b.port, workers=4)
    some = [open_ws(proxy.port) for _ in range(16)]
    slow, silent = Client(proxy.port), Client(proxy.port)
    slow.send_request(path="/sse")
    slow.read_until(b"\r\n\r\n")
    silent.send_request(path="/delay/30000")
    other = Client(proxy.port)
    other.ws_open("/ws/echo", headers=[("x-two", "1")])
    wait_until(lambda: tunnels(proxy) == 17, 15, what="17 tunnels")
    wait_until(lambda: a.stats()["concurrent"] >= 1, 15)
    assert command(proxy, "shutdown sessions server one/s") == ""
    # ended when the answer is there
    assert tunnels(proxy) == 1
    assert stat(proxy, "one", "s")["scur"] == "0"
    for client in some:
        assert client.is_closed(10)
    slow.socket.settimeout(10)
    slow.read_all()
    assert silent.read_response().status == 503
    other.ws_send(b"still here")
    assert other.ws_recv()[1] == b"still here"
    assert get(proxy.port, "/bytes/3").status == 200
    proxy.wait_log(r" one/s .* KD--? ")
    proxy.wait_log(r" one/s .* 503 .* KH--? ")
    assert command(proxy, "shutdown sessions server one/x") == \
        "No such server.\n"


@limit(60)
def test_streams_of_http2_clients_and_servers_end_alone():
    """Their connections go on."""
    origin = TlsOrigin()
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port} proto h2
    use_backend two if { path_beg /bytes }
    default_backend one
backend one
    http-reuse always
    server s 127.0.0.1:{o} proto h2
backend two
    server s 127.0.0.1:{o}
""", o=origin.port)
    with H2Client(proxy.port) as h2:
        stream = h2.request(path="/delay/30000")
        wait_until(lambda: stat(proxy, "one", "s")["scur"] == "1", 15)
        assert command(proxy, "shutdown sessions server one/s") == ""
        assert h2.response(stream).status == 503
        assert h2.get("/bytes/5").status == 200
    assert stat(proxy, "one", "s")["scur"] == "0"


@limit(60)
def test_marked_down_and_marked_up_end_what_they_say():
    kept, ended, backup = Origin(), Origin(), Origin()
    proxy = Proxy("""
frontend fe
    bind 127.0.0.1:{port}
    use_backend kept if { req.hdr(x-two) -m found }
    default_backend one
backend kept
    server s 127.0.0.1:{kept} %(f)s
backend one
    server s 127.0.0.1:{ended} on-marked-down shutdown-sessions \
on-marked-up shutdown-backup-sessions %(f)s
    server b 127.0.0.1:{backup} backup
""" % {"f": FAST}, kept=kept.port, ended=ended.port, backup=backup.port,
                  workers=2)
    for px in ("one", "kept"):
        wait_until(lambda: stat(proxy, px, "s")["check_status"] == "L4OK", 15)
    tunnel, other = open_ws(proxy.port), Client(proxy.port)
    other.ws_open("/ws/echo", headers=[("x-two", "1")])
    command(proxy, "disable health one/s; set server one/s health down; "
                   "disable health kept/s; set server kept/s health down")
    assert tunnel.is_closed(10)
    proxy.wait_log(r" one/s .* DD--? ")
    second = open_ws(proxy.port)
    assert stat(proxy, "one", "b")["scur"] == "1"
    command(proxy, "set server one/s health up")
    assert second.is_closed(10)
    proxy.wait_log(r" one/b .* UD--? ")
    other.ws_send(b"still here")
    assert other.ws_recv()[1] == b"still here"


@limit(60)
def test_a_stopped_worker_is_named_and_holds_up_nobody():
    origin = Origin()
    proxy = Proxy("""
backend be
    server s 127.0.0.1:{origin}
""", origin=origin, workers=2)
    proxy.wait_running()
    victim = proxy.pids()["workers"][0]
    os.kill(victim, signal.SIGSTOP)
    answer = command(proxy, "shutdown sessions server be/s")
    os.kill(victim, signal.SIGCONT)
    assert answer.startswith("worker ") and \
        "has not confirmed it yet" in answer, answer
    wait_until(lambda: command(proxy, "shutdown sessions server be/s") == "",
               15, what="all workers to confirm")
