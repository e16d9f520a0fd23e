# SPDX-License-Identifier: MIT
"""What becomes of requests when their server is found down."""

import threading

from clitool import command, stat
from wsbtest import Client, FakeServer, Origin, Proxy, limit, wait_until

CONFIG = """
backend be
    %s
    balance first
    timeout queue 30s
    timeout server 30s
    server s1 127.0.0.1:{s1} maxconn 1
    server s2 127.0.0.1:{s2} backup
"""


def one_at_a_server_and_one_in_its_queue(proxy):
    first, second = Client(proxy.port), Client(proxy.port)
    first.send_request()
    wait_until(lambda: stat(proxy, "be", "s1")["scur"] == "1", 15)
    second.send_request()
    wait_until(lambda: stat(proxy, "be", "s1")["qcur"] == "1", 15)
    return first, second


@limit(60)
def test_who_waits_goes_elsewhere_and_who_is_served_is_served():
    go = threading.Event()

    def answer(sock, _):
        sock.recv(4096)
        go.wait(30)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")

    for words in ("option redispatch", "no option redispatch"):
        go.clear()
        server, other = FakeServer(answer), Origin()
        proxy = Proxy(CONFIG % words, s1=server.port, s2=other.port,
                      workers=4)
        first, second = one_at_a_server_and_one_in_its_queue(proxy)
        command(proxy, "set server be/s1 health down")
        assert second.read_response().status == 200
        assert other.stats()["requests"] == 1
        proxy.wait_log("be/s1 is DOWN, changed from CLI. 0 active and 1 "
                       "backup servers left. Running on backup. 1 sessions "
                       "active, 1 requeued, 0 remaining in queue")
        go.set()
        answer_one = first.read_response()
        assert (answer_one.status, answer_one.body) == (200, b"one")


@limit(60)
def test_a_request_that_breaks_with_its_server_is_retried_as_configured():
    gone = threading.Event()

    def answer(sock, _):
        sock.recv(4096)
        gone.wait(30)  # and nothing is said

    for words, status in (("retry-on empty-response\n    option redispatch",
                           200), ("retries 0", 502)):
        gone.clear()
        server, other = FakeServer(answer), Origin()
        proxy = Proxy(CONFIG % words, s1=server.port, s2=other.port,
                      workers=2)
        client = Client(proxy.port)
        client.send_request(path="/bytes/5")
        wait_until(lambda: stat(proxy, "be", "s1")["scur"] == "1", 15)
        command(proxy, "set server be/s1 health down")
        gone.set()
        assert client.read_response().status == status, words
