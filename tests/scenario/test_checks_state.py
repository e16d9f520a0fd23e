# SPDX-License-Identifier: MIT
"""What decides about a server's state beside its checks: agents, servers it
tracks, errors of requests; and how it starts."""

from clitool import command, stat
from wsbtest import FakeServer, Origin, Proxy, get, limit, wait_until

FAST = "check inter 200ms rise 1 fall 1"


class Agent(FakeServer):
    """Says self.line to whoever connects; keeps what it is told."""

    def __init__(self, line):
        self.line, self.told = line, b""
        super().__init__(self.answer)

    def answer(self, sock, _):
        self.told = sock.recv(100)
        sock.sendall(self.line + b"\n")


class Server(FakeServer):
    """Answers each request with self.status (None: says nothing and ends)."""

    def __init__(self, status=200):
        self.status, self.requests = status, 0
        super().__init__(self.answer)

    def answer(self, sock, _):
        data = sock.recv(4096)
        if not data.startswith(b"GET"):
            return
        self.requests += 1
        if self.status:
            sock.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n"
                         b"Connection: close\r\n\r\n" % self.status)


def state(proxy, name, column="status"):
    return stat(proxy, "be", name)[column]


def until(proxy, name, status, timeout=15):
    wait_until(lambda: state(proxy, name).startswith(status), timeout,
               what=f"{name} {status}")


@limit(60)
def test_agents_are_obeyed():
    agent, origin = Agent(b"up"), Origin()
    proxy = Proxy("""
backend be
    server s1 127.0.0.1:{origin} weight 40 check agent-check agent-inter 100ms agent-port {agent} agent-send "hello\\n"
    server s2 127.0.0.1:{origin}
""", origin=origin, agent=agent.port, workers=2)
    wait_until(lambda: state(proxy, "s1", "agent_status") == "L7OK", 15)
    assert agent.told == b"hello\n", agent.told
    for line, column, value in (
            (b"50%", "weight", "20"), (b"up 100% maxconn:7", "slim", "7"),
            (b"100%", "weight", "40"), (b"drain", "status", "DRAIN"),
            (b"ready", "status", "UP"), (b"maint", "status", "MAINT"),
            (b"ready up", "status", "UP"),
            (b"stopped # for lunch", "status", "DOWN (agent)")):
        agent.line = line
        wait_until(lambda: state(proxy, "s1", column) == value, 15,
                   what=f"{line}: {column} {value}")
    assert state(proxy, "s1", "last_agt") == "via agent : stopped (for lunch)"
    assert get(proxy.port, "/").status == 200
    agent.line = b"up"
    until(proxy, "s1", "UP")
    # an agent that is not there says nothing of the server
    agent.stop()
    wait_until(lambda: state(proxy, "s1", "agent_status") == "L4CON", 15)
    assert state(proxy, "s1") == "UP"
    proxy.wait_log(r"be/s1 is DOWN, reason: Layer7 wrong status, code: 0, "
                   r"info: .via agent : stopped \(for lunch\)")


@limit(60)
def test_servers_follow_the_one_they_track():
    server = Server()
    proxy = Proxy("""
backend be
    server t2 127.0.0.1:{s} track be/t1
    server t1 127.0.0.1:{s} track other/s
backend other
    option httpchk GET /
    server s 127.0.0.1:{s} """ + FAST + """
frontend fe
    bind 127.0.0.1:{port}
    default_backend be
""", s=server.port, workers=2)
    assert get(proxy.port, "/").status == 200
    server.status = 503
    until(proxy, "t2", "DOWN")
    assert state(proxy, "t1") == "DOWN"
    assert state(proxy, "t2", "tracked") == "be/t1"
    proxy.wait_log("Server be/t1 is DOWN via other/s. 1 active and 0 backup")
    proxy.wait_log("Server be/t2 is DOWN via be/t1. 0 active and 0 backup")
    proxy.wait_log("backend be has no server available!")
    assert get(proxy.port, "/").status == 503
    server.status = 200
    until(proxy, "t2", "UP")
    command(proxy, "disable server other/s")
    assert state(proxy, "t2").startswith("MAINT (via be/t1)")
    command(proxy, "enable server other/s")
    assert state(proxy, "t2") == "UP"
    assert get(proxy.port, "/").status == 200


@limit(60)
def test_errors_of_requests_take_a_server_down():
    """Nobody asks the checks, which would be content."""
    for layer, status, action in (("layer7", 500, "mark-down"),
                                  ("layer7", None, "mark-down"),
                                  ("layer4", 500, None)):
        server = Server(status)
        proxy = Proxy("""
backend be
    retries 0
    server s1 127.0.0.1:{s} check inter 60s fall 3 observe %s error-limit 5 on-error mark-down
""" % layer, s=server.port, workers=4)
        wait_until(lambda: state(proxy, "s1", "check_status") == "L4OK", 20)
        for _ in range(4):
            assert get(proxy.port, "/").status in (500, 502)
        server.status = 200  # a good one between
        assert get(proxy.port, "/").status == 200
        server.status = status
        for _ in range(4):
            assert get(proxy.port, "/").status in (500, 502)
        assert state(proxy, "s1").startswith("UP")
        get(proxy.port, "/")
        if action:
            until(proxy, "s1", "DOWN")
            assert state(proxy, "s1", "check_status") == "HANA"
            proxy.wait_log("be/s1 is DOWN, reason: Health analyze, info: "
                           ".Detected 5 consecutive errors, last one was")
        else:
            assert get(proxy.port, "/").status == 500
            assert state(proxy, "s1").startswith("UP")


@limit(60)
def test_observed_errors_make_checks_come_sooner():
    server = Server()
    proxy = Proxy("""
backend be
    retries 0
    option httpchk GET /
    server s1 127.0.0.1:{s} check inter 100s fastinter 100ms fall 2 observe layer7 error-limit 3
    server s2 127.0.0.1:{s} backup
""", s=server.port, workers=2)
    wait_until(lambda: state(proxy, "s1", "check_status") == "L7OK", 15)
    server.status = 500
    for _ in range(3):
        get(proxy.port, "/")
    until(proxy, "s1", "DOWN")
    proxy.wait_log("be/s1 is DOWN, reason: Layer7 wrong status, code: 500.* "
                   "Running on backup")


@limit(60)
def test_a_slow_start_gives_a_growing_share():
    old, new = Origin(), Origin()
    proxy = Proxy("""
backend be
    server old 127.0.0.1:{old}
    server new 127.0.0.1:{new} maxconn 100 slowstart 600s """ + FAST,
                  old=old.port, new=new.port, workers=2)
    wait_until(lambda: state(proxy, "new", "check_status") == "L4OK", 15)
    assert state(proxy, "new", "throttle") == ""
    command(proxy, "disable server be/new")
    command(proxy, "enable server be/new")
    assert state(proxy, "new") == "UP"
    assert state(proxy, "new", "throttle") in ("1", "5"), "a slow start"
    before = new.stats()["requests"]
    for _ in range(202):
        assert get(proxy.port, "/").status == 200
    assert new.stats()["requests"] - before <= 20
    assert command(proxy, "show servers state be").splitlines()[3].split()[
        5] == "1"
