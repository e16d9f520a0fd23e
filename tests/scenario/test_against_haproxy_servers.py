# SPDX-License-Identifier: MIT
"""Which server, which connection, which PROXY header: as HAProxy's."""

from compare import (AGAIN, CLOSE, EOF, Q, QH, R, READ, Case, answer,
                     compare)

GET = "GET {} HTTP/1.1\nHost: {}\nX-User: {}\nConnection: close\n\n".format
THREE = (answer("1"), answer("2"), answer("3"))
SITES = [f"www.site{i}.example.com" for i in range(12)]


def sequence(requests, sources=("127.0.0.1",)):
    """Each request on a connection of its own; the servers that answered."""
    def play(run):
        order = ""
        for source in sources:
            for request in requests:
                wire = run.open(source)
                wire.run([request, R])
                order += wire.seen[0][1].get("body", "-")
                wire.socket.close()
        run.notes["order"] = order
        run.wires.clear()
    return play


def balance(name, line, requests, opts="", servers=THREE, sources=("127.0.0.1",),
            **more):
    return Case(name, sequence(requests, sources), *servers, be=line,
                opts=opts, only="note.order", **more)


PLAIN = [GET("/", "h", "u")] * 18
URIS = [GET(f"/dir{i % 5}/sub{i % 3}/page{i}?q={i}", "h", "u")
        for i in range(24)]
USERS = [GET("/", "h", f"user{i}") for i in range(24)]
HOSTS = [GET("/", site, "u") for site in SITES]
SOURCES = [f"127.0.{i}.{i + 3}" for i in range(16)]
WEIGHTS = ["weight 1", "weight 3", "weight 2"]

BALANCE = [
    balance("roundrobin", "balance roundrobin", PLAIN),
    balance("roundrobin_weights", "balance roundrobin", PLAIN, WEIGHTS),
    balance("roundrobin_weight_0", "balance roundrobin", PLAIN,
            ["weight 0", "", ""]),
    balance("roundrobin_big", "balance roundrobin", PLAIN,
            ["weight 100", "weight 256", "weight 50"]),
    balance("roundrobin_default", "", PLAIN),
    balance("static_rr", "balance static-rr", PLAIN),
    balance("static_rr_weights", "balance static-rr", PLAIN, WEIGHTS),
    balance("leastconn", "balance leastconn", PLAIN),
    balance("leastconn_weights", "balance leastconn", PLAIN, WEIGHTS),
    balance("first", "balance first", PLAIN),
    balance("backup", "balance roundrobin", PLAIN, ["", "backup", ""]),
    balance("backup_only", "balance roundrobin", PLAIN,
            ["disabled", "backup", "backup"]),
    balance("disabled", "balance roundrobin", PLAIN, ["", "disabled", ""]),
    balance("source", "balance source", PLAIN[:1], sources=SOURCES),
    balance("source_weights", "balance source", PLAIN[:1], WEIGHTS,
            sources=SOURCES),
    balance("uri", "balance uri", URIS),
    balance("uri_weights", "balance uri", URIS, WEIGHTS),
    balance("uri_whole", "balance uri whole", URIS),
    balance("uri_len", "balance uri len 5", URIS),
    balance("uri_depth", "balance uri depth 1", URIS),
    balance("uri_path_only", "balance uri path-only", URIS),
    balance("hdr", "balance hdr(x-user)", USERS),
    balance("hdr_missing", "balance hdr(x-none)", PLAIN),
    balance("hdr_host", "balance hdr(host)", HOSTS),
    balance("hdr_domain", "balance hdr(host) use_domain_only", HOSTS),
    balance("uri_disabled", "balance uri", URIS, ["", "disabled", ""]),
    balance("uri_backup", "balance uri", URIS, ["", "", "backup"]),
]


def test_sequences():
    compare(BALANCE)


def held(run):
    """Servers picked while earlier requests are under way."""
    wires = []
    for _ in range(7):
        wire = run.open()
        wire.run([GET("/slow", "h", "u"), 0.05])
        wires.append(wire)
    for wire in wires:
        wire.run([R])
    run.notes["order"] = "".join(w.seen[0][1].get("body", "-") for w in wires)
    run.wires.clear()


def slow(body):
    return [Q, 0.9, f"HTTP/1.1 200 OK\nContent-Length: 1\n\n{body}", AGAIN]


HELD = (slow("1"), slow("2"), slow("3"))


def test_sequences_under_way():
    def case(name, line, opts=""):
        return Case(name, held, *HELD, be=line, opts=opts, only="note.order")

    compare([
        case("held_roundrobin", "balance roundrobin"),
        case("held_leastconn", "balance leastconn"),
        case("held_leastconn_weights", "balance leastconn", WEIGHTS),
        case("held_first", "balance first", "maxconn 2"),
        case("held_first_limits", "balance first",
             ["maxconn 1", "maxconn 3", ""]),
        case("held_roundrobin_full", "balance roundrobin",
             ["maxconn 1", "", ""]),
    ])


TWICE = ["GET /a HTTP/1.1\nHost: h\n\n", R, 0.05,
         "GET /b HTTP/1.1\nHost: h\n\n", R, 0.05]
TWO = [TWICE + [CLOSE], TWICE + [CLOSE], TWICE]


def overlap(run):
    """Two clients whose requests overlap, then one of each again."""
    first, second = run.open(), run.open()
    for _ in range(2):
        first.run([TWICE[0]])
        second.run([TWICE[0], R])
        first.run([R, 0.1])


REUSE = [
    Case(f"reuse_{mode}", TWO, be=f"http-reuse {mode}",
         only="accepted|client")
    for mode in ("never", "safe", "aggressive", "always")
] + [
    Case(f"overlap_{mode}", overlap, be=f"http-reuse {mode}",
         only="note.accepted|client")
    for mode in ("never", "safe", "aggressive", "always")
] + [
    Case("reuse_default", TWO, only="accepted|client"),
    Case("pool_max_conn_0", TWO, opts="pool-max-conn 0",
         only="accepted|client"),
    Case("pool_max_conn_1", overlap, slow("1"), opts="pool-max-conn 1",
         be="http-reuse always", only="note.accepted|client"),
    Case("pool_purge_0", TWO, opts="pool-purge-delay 0",
         be="http-reuse always", only="client"),
    Case("reuse_server_close", TWO, be="option http-server-close",
         only="accepted|client"),
    Case("reuse_httpclose", TWO[:1], be="option httpclose",
         only="accepted"),
    Case("reuse_set_dst_port", TWO, answer("1"), answer("2"), opts=[
        "", "disabled"], be="http-request set-dst-port int({s2}) "
        "if { path /b }\n http-reuse always", only="accepted|client"),
    Case("reuse_private_after_401", TWO,
         [Q, "HTTP/1.1 401 No\nWWW-Authenticate: NTLM\nContent-Length: 0\n\n",
          AGAIN], be="http-reuse always", only="accepted|client"),
]


def test_reuse():
    compare(REUSE)


PROXY2 = (b"\r\n\r\n\0\r\nQUIT\n")
GET11 = "GET /a HTTP/1.1\nHost: h\n\n"
HEADERS = [
    Case("send_proxy", [GET11, R],
         [READ(31), QH, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", EOF],
         opts="send-proxy", only=r"s1\[0\]\[0\]|client"),
    Case("send_proxy_v2", [GET11, R],
         [READ(24), READ(4), Q, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", EOF],
         opts="send-proxy-v2", only=r"s1\[0\]\[[02]\]|client"),
] + [
    Case(f"accept_proxy_{name}", [head, GET11, R], fe="option forwardfor",
         bind="accept-proxy",
         only=r"client\[0\]\[|s1.*fields|log.*(client|status|lines)")
    for name, head in {
        "v1": "PROXY TCP4 1.2.3.4 5.6.7.8 1000 2000\n",
        "v1_6": "PROXY TCP6 2001:db8::1 2001:db8::2 1000 2000\n",
        "v1_unknown": "PROXY UNKNOWN\n",
        "v1_unknown_more": "PROXY UNKNOWN ffff::1 ffff::2 1 2\n",
        "v2": PROXY2 + b"\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08"
                       b"\x03\xe8\x07\xd0",
        "v2_local": PROXY2 + b"\x20\0\0\0",
        "v2_tlv": PROXY2 + b"\x21\x11\0\x11\x01\x02\x03\x04\x05\x06\x07\x08"
                           b"\x03\xe8\x07\xd0\x04\0\x02ab",
        "none": b"",
        "bad": "PROXY TCP4 1.2.3.4 5.6.7.8 1000\n",
        "bad_address": "PROXY TCP4 1.2.3.400 5.6.7.8 1000 2000\n",
        "v2_bad": PROXY2 + b"\x31\x11\0\x0c" + b"\1" * 12,
        "too_long": "PROXY TCP4 " + "1" * 120 + "\n",
    }.items()
]


def test_proxy_headers():
    compare(HEADERS)
