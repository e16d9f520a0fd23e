# SPDX-License-Identifier: MIT
"""Session cookies through HAProxy and through wsbroker: the same on every wire,
and in the log."""

from compare import (
    EOF, Q, QH, R, READ, REFUSE, Case, answer, compare)

OK = answer()
HEAD = "GET /{0} HTTP/1.1\nHost: h\n{1}\n".format
INSERT = "cookie SRV insert indirect"
COOKIES = "cookie A", "cookie B"


def asks(*cookies, method="GET"):
    """One request for each, of a connection of its own."""
    return [[HEAD(i, "".join(f"Cookie: {c}\n" for c in lines.split("\n") if c)
                  ).replace("GET", method, 1), R]
            for i, lines in enumerate(cookies)]


SEEN = ["", "SRV=A", "SRV=B", "SRV=C", "SRV=", "SRV", "srv=A", "SRV = B",
        "a=1; SRV=B; b=2", "SRV=B; b=2", "a=1; SRV=B", "a=1;SRV=B;b=2",
        "SRV=A; SRV=B", "SRV=C; SRV=B", "a=1\nSRV=B\nb=2", "a=1; SRV=B\nb=2",
        "SRV=B; a=SRV=A", "XSRV=B", "SRV=B|AAAAA", "SRV=B|AAAAA|AAAAA",
        "SRV=B~x", "SRV=A;"]
SETS = ["Set-Cookie: SRV=own; path=/x", "Set-Cookie: a=1\nSet-Cookie: SRV=own",
        "Set-Cookie: SRV=own; HttpOnly", "Set-Cookie: a=SRV=1", "X-None: 1"]


# not when which connection ends
ONLY = r"client.*\]\.|s\d.*(line|fields)|log"


def mode(name, words, seen=SEEN, sets=(), only=ONLY):
    servers = [answer(head=h + "\n" if h else "") for h in (sets or [""])]
    if len(servers) == 1:
        servers *= 2
    return Case(name, asks(*seen), *servers, be=f"cookie SRV {words}",
                opts=[f"cookie {chr(65 + i)}" for i in range(len(servers))],
                only=only)


MODES = [
    mode("insert_indirect", "insert indirect"),
    mode("insert", "insert"),
    mode("passive", ""),
    mode("rewrite", "rewrite"),
    mode("prefix", "prefix"),
    mode("prefix_indirect", "prefix indirect"),
    mode("indirect", "indirect"),
    mode("attributes", "insert httponly secure domain .a.b domain c.d "
         "attr SameSite=Lax attr \"x y\"", ["", "SRV=A"]),
    mode("postonly_get", "insert indirect postonly", ["", "SRV=B"]),
    Case("postonly_post", asks("", "SRV=B", method="POST"), OK, OK,
         be=INSERT + " postonly", opts=COOKIES, only=ONLY),
    Case("no_server_cookie", asks("", "SRV=A", "SRV=C"), OK, be=INSERT,
         only=ONLY),
]


def test_modes():
    compare(MODES)


def test_what_servers_set():
    """Their own cookie of that name: passed, dropped or changed."""
    seen = ["SRV=" + chr(65 + i) for i in range(len(SETS))] + [""]
    compare([
        mode("sets_" + words.replace(" ", "_"), words, seen, SETS)
        for words in ("insert", "insert indirect", "insert preserve",
                      "insert indirect preserve", "rewrite", "prefix",
                      "indirect", "indirect preserve")])


def test_who_serves():
    cases = [
        Case("drained", asks("SRV=B", "SRV=A", ""), OK, OK, be=INSERT,
             opts=("cookie A", "cookie B weight 0")),
        Case("disabled", asks("SRV=B", "SRV=A"), OK, OK, be=INSERT,
             opts=("cookie A", "cookie B disabled")),
        Case("backup", asks("SRV=B", ""), OK, OK, be=INSERT,
             opts=("cookie A", "cookie B backup")),
        Case("shared", asks("SRV=A"), OK, OK, be=INSERT,
             opts=("cookie A disabled", "cookie A")),
        Case("refused", asks("SRV=B"), OK, REFUSE, opts=COOKIES,
             be=INSERT + "\nretries 1"),
        Case("redispatched", asks("SRV=B"), OK, REFUSE, opts=COOKIES,
             be=INSERT + "\nretries 1\noption redispatch"),
        Case("use_server", asks("SRV=B", ""), OK, OK, opts=COOKIES,
             be=INSERT + "\nuse-server s1 if TRUE"),
        Case("by_source", asks("SRV=A", "SRV=B"), OK, OK, opts=COOKIES,
             be=INSERT + "\nbalance source"),
        Case("rules_see", asks("SRV=A; a=1"), OK, opts="cookie A",
             be=INSERT + "\nhttp-request set-header X-C %[req.cook(SRV)]"
             "\nhttp-response add-header X-S %[res.cook(SRV)]"
             "\nhttp-after-response add-header X-A %[res.cook(SRV)]"),
        Case("cookie_denied", asks("SRV=A"), OK, opts="cookie A",
             be=INSERT + "\nhttp-request deny"),
    ]
    for case in cases:
        case.only = ONLY
    compare(cases)


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SWITCH = ("HTTP/1.1 101 Switching\nUpgrade: websocket\nConnection: Upgrade\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n")
HANDSHAKE = ("GET /ws HTTP/1.1\nHost: h\nUpgrade: websocket\n{}"
             "Connection: Upgrade\nSec-WebSocket-Version: 13\n"
             f"Sec-WebSocket-Key: {KEY}\n\n").format
ECHO = [QH, SWITCH, READ(4), "done"]


def test_websockets():
    compare([
        Case("websocket_new", [HANDSHAKE(""), R, "ping", READ(4)], ECHO,
             opts="cookie A", be=INSERT),
        Case("websocket_known",
             [HANDSHAKE("Cookie: SRV=B; a=1\n"), R, "ping", READ(4)],
             [Q, "HTTP/1.1 500 No\nContent-Length: 0\n\n"], ECHO,
             opts=COOKIES, be=INSERT, only=ONLY),
        Case("websocket_nocache", [HANDSHAKE(""), R, "ping", READ(4), EOF],
             ECHO, opts="cookie A", be=INSERT + " nocache"),
    ])


NOCACHE = ["Etag: x", "Cache-Control: max-age=10", "Cache-Control: private",
           "Cache-Control: no-store", "Cache-Control: public", ""]


def test_nocache():
    compare([
        Case(f"nocache_{n}", asks("", "SRV=A"),
             answer(head=head + "\n" if head else ""), opts="cookie A",
             be=INSERT + " nocache", only=ONLY)
        for n, head in enumerate(NOCACHE)])


def test_dates():
    """What is too old is no cookie; what is new shows the time."""
    seen = ["", "SRV=A", "SRV=A|AAAAA", "SRV=A|AAAAA|AAAAA", "SRV=A|bad",
            "SRV=A|//////", "SRV=A|", "SRV=B|AAAAB"]
    compare([
        mode(f"dates_{n}", "insert indirect " + words, seen,
             only=r"s\d.*(line|fields)|log.*(term|server)")
        for n, words in enumerate((
            "maxidle 30m", "maxlife 1h", "maxidle 60 maxlife 3600", ""))])
