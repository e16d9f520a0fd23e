# SPDX-License-Identifier: MIT
"""HTTP/1 through HAProxy and through wsbroker: the same on every wire."""

from compare import (AGAIN, CLOSE, EOF, FIN, Q, QH, R, RCONNECT, READ, RHEAD,
                     RI, RST, SILENT, Case, answer, compare)

GET11 = "GET /{0} HTTP/1.1\nHost: h\n\n".format
GET10 = "GET /{0} HTTP/1.0\n\n".format
OK = "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"
LENGTH = "Content-Length: 2\n\nok"
CHUNKS = "Transfer-Encoding: chunked\n\n3\nabc\n2;x=y\nde\n0\n\n"
TRAILERS = ("Transfer-Encoding: chunked\nTrailer: x-sum\n\n"
            "3\nabc\n0\nX-Sum: 1\nx-two: 2\n\n")
POST = "POST /p HTTP/1.1\nHost: h\n"


def kept(first, response, *end):
    """A request, then a second one on the same connection if it is kept."""
    return [first, R, GET11("second")], [[Q, response, *end], answer()]


PERSISTENCE = []
for client_name, head in (
        ("11", "GET /a HTTP/1.1\nHost: h\n\n"),
        ("11_close", "GET /a HTTP/1.1\nHost: h\nConnection: close\n\n"),
        ("11_mixed", "GET /a HTTP/1.1\nHost: h\n"
                     "Connection: Keep-Alive, CLOSE\n\n"),
        ("10", "GET /a HTTP/1.0\nHost: h\n\n"),
        ("10_ka", "GET /a HTTP/1.0\nHost: h\nConnection: keep-alive\n\n")):
    for server_name, response in (
            ("11", "HTTP/1.1 200 OK\n" + LENGTH),
            ("11_close", "HTTP/1.1 200 OK\nConnection: close\n" + LENGTH),
            ("11_chunked", "HTTP/1.1 200 OK\n" + CHUNKS),
            ("10", "HTTP/1.0 200 OK\n" + LENGTH),
            ("10_ka", "HTTP/1.0 200 OK\nConnection: keep-alive\n" + LENGTH)):
        PERSISTENCE.append(Case(
            f"keep_{client_name}_to_{server_name}",
            [head, R, 0.1, "GET /b HTTP/1.1\nHost: h\n\n", R],
            [Q, response, AGAIN]))
    for server_name, response in (
            ("11_end", "HTTP/1.1 200 OK\n\nto the end"),
            ("10_end", "HTTP/1.0 200 OK\n\nto the end")):
        PERSISTENCE.append(Case(
            f"keep_{client_name}_to_{server_name}",
            [head, R, 0.1, "GET /b HTTP/1.1\nHost: h\n\n", R],
            [Q, response, CLOSE]))


def test_persistence():
    compare(PERSISTENCE)


BODYLESS = [
    Case("head_length", ["HEAD /a HTTP/1.1\nHost: h\n\n", RHEAD,
                         GET11("b"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 500\n\n", Q, OK]),
    Case("head_chunked", ["HEAD /a HTTP/1.1\nHost: h\n\n", RHEAD,
                          GET11("b"), R],
         [Q, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", Q, OK]),
    Case("head_10", ["HEAD /a HTTP/1.0\nHost: h\n\n", RHEAD],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 500\n\n"]),
    Case("s204", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 204 No Content\n\n", Q, OK]),
    Case("s204_length", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 204 No Content\nContent-Length: 0\n\n", Q, OK]),
    Case("s304", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 304 Not Modified\nETag: \"x\"\n\n", Q, OK]),
    Case("s304_length", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 304 Not Modified\nContent-Length: 70\n\n", Q, OK]),
    Case("no_length_zero", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", Q, OK]),
    Case("reason_empty", [GET11("a"), R],
         [Q, "HTTP/1.1 200 \nContent-Length: 0\n\n"]),
    Case("reason_none", [GET11("a"), R],
         [Q, "HTTP/1.1 200\nContent-Length: 0\n\n"]),
    Case("reason_odd", [GET11("a"), R],
         [Q, "HTTP/1.1 299 Fine, Thanks!\nContent-Length: 0\n\n"]),
    Case("interim_103", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 103 Early Hints\nLink: </x>\n\n" + OK, Q, OK]),
    Case("interim_102_twice", [GET11("a"), R],
         [Q, "HTTP/1.1 102 Processing\n\n", 0.05,
          "HTTP/1.1 102 Processing\n\n" + OK]),
    Case("interim_to_10", [GET10("a"), R],
         [Q, "HTTP/1.1 103 Early Hints\nLink: </x>\n\n" + OK]),
]

RESPONSES = [
    Case("chunks", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 200 OK\n" + CHUNKS, Q, OK]),
    Case("chunks_to_10", [GET10("a"), R],
         [Q, "HTTP/1.1 200 OK\n" + CHUNKS]),
    Case("trailers", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 200 OK\n" + TRAILERS, Q, OK]),
    Case("trailers_te", ["GET / HTTP/1.1\nHost: h\nTE: trailers, gzip\n"
                         "Connection: TE\n\n", R],
         [Q, "HTTP/1.1 200 OK\n" + TRAILERS]),
    Case("trailers_to_10", [GET10("a"), R],
         [Q, "HTTP/1.1 200 OK\n" + TRAILERS]),
    Case("big", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 300000\n\n" + "x" * 300000,
          Q, OK]),
    Case("big_end", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\n\n" + "x" * 300000, CLOSE]),
    Case("slow_parts", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 200", 0.03, " OK\nCont", 0.03, "ent-Length: 4\n",
          0.03, "\na", 0.03, "bcd", Q, OK]),
    Case("cut_length", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 10\n\nabc", 0.1, CLOSE]),
    Case("cut_chunk", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nabc", 0.1,
          CLOSE]),
    Case("cut_reset", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 10\n\nabc", 0.1, RST]),
    Case("more_than_length", [GET11("a"), R, 0.1, GET11("b"), R],
         [Q, OK + "junk", AGAIN]),
    Case("hop_by_hop", [
        "GET / HTTP/1.1\nHost: h\nConnection: X-Mine, keep-alive\nX-Mine: 1\n"
        "Keep-Alive: timeout=5\nProxy-Connection: keep-alive\nTE: gzip\n"
        "X-Kept: 2\nProxy-Authorization: Basic eA==\n\n", R],
         [Q, "HTTP/1.1 200 OK\nConnection: X-Theirs\nX-Theirs: 1\n"
             "Keep-Alive: timeout=7\nProxy-Connection: close\n"
             "Proxy-Authenticate: Basic\nX-Kept: 2\n" + LENGTH]),
    Case("names_and_values", [
        "GET / HTTP/1.1\nHost: h\nX-MiXed: A b  C\nX-Empty:\nX-Tabs:\t a\t \n"
        "Accept: a\nAccept: b\nX-High: \xe9\xff\nCookie: a=b; c=d\n"
        "x!#$%&'*+-.^_`|~9: y\n\n", R],
         [Q, "HTTP/1.1 200 OK\nSet-Cookie: a=1\nSet-Cookie: b=2\nX-UP: Va\n"
             "Server: Me\nX-Empty: \nX-High: \xe9\n" + LENGTH]),
    Case("target_absolute", [
        "GET http://other:81/x?y HTTP/1.1\nHost: other:81\n\n", R]),
    Case("target_fragment", ["GET /x#y HTTP/1.1\nHost: h\n\n", R]),
    Case("target_star", ["OPTIONS * HTTP/1.1\nHost: h\n\n", R]),
    Case("target_odd", [
        "GET //a/../b/./%41?q=|{}^`\\ HTTP/1.1\nHost: h\n\n", R]),
    Case("target_quotes", ["GET /<x>\"y HTTP/1.1\nHost: h\n\n", R]),
    Case("target_high", ["GET /\xe9 HTTP/1.1\nHost: h\n\n", R]),
    Case("method_own", ["FROB /x HTTP/1.1\nHost: h\n\n", R]),
    Case("method_lower", ["get /x HTTP/1.1\nHost: h\n\n", R]),
    Case("host_in_target_differs", [
        "GET http://one/x HTTP/1.1\nHost: two\n\n", R]),
    Case("blank_lines_before", ["\n\n" + GET11("a"), R]),
    Case("host_default_port", ["GET / HTTP/1.1\nHost: h:80\n\n", R]),
    Case("many_headers", [
        "GET / HTTP/1.1\nHost: h\n" + "".join(
            f"X-{i}: {i}\n" for i in range(90)) + "\n", R]),
    Case("options_max_forwards", [
        "OPTIONS /x HTTP/1.1\nHost: h\nMax-Forwards: 3\n\n", R]),
]


def test_responses():
    compare(BODYLESS + RESPONSES)


UPLOADS = [
    Case("post_length", [POST + "Content-Length: 5\n\nhello", R,
                         GET11("b"), R]),
    Case("post_empty", [POST + "Content-Length: 0\n\n", R, GET11("b"), R]),
    Case("post_nothing", [POST + "\n", R, GET11("b"), R]),
    Case("post_chunked", [
        POST + "Transfer-Encoding: chunked\n\n5\nhello\n6;e=1\n world\n0\n\n",
        R, GET11("b"), R]),
    Case("post_chunked_trailers", [
        POST + "Transfer-Encoding: chunked\nTrailer: X-A\n\n5\nhello\n0\n"
        "X-A: 1\nx-b: two\n\n", R, GET11("b"), R]),
    Case("post_chunked_slow", [
        POST + "Transfer-Encoding: chunked\n\n5\nhe", 0.05, "llo", 0.05,
        "\n0", 0.05, "\n\n", R]),
    Case("post_big", [
        POST + "Content-Length: 200000\n\n" + "y" * 200000, R,
        GET11("b"), R]),
    Case("get_with_body", [
        "GET / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc", R,
        GET11("b"), R]),
    Case("get_with_chunks", [
        "GET / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n",
        R, GET11("b"), R]),
    Case("delete_with_body", [
        "DELETE / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc", R]),
    Case("post_10", ["POST /p HTTP/1.0\nContent-Length: 3\n\nabc", R]),
    Case("same_length_twice", [
        POST + "Content-Length: 3\nContent-Length: 3\n\nabc", R]),
    Case("same_length_list", [POST + "Content-Length: 3, 3\n\nabc", R]),
    Case("expect_continue", [
        POST + "Expect: 100-continue\nContent-Length: 3\n\n", RI, "abc", R,
        GET11("b"), R],
         [QH, 0.1, "HTTP/1.1 100 Continue\n\n", 0.1, OK, AGAIN],
         only="client|s1.*(line|fields)"),
    Case("expect_refused", [
        POST + "Expect: 100-continue\nContent-Length: 3\n\n", R],
         [QH, "HTTP/1.1 417 Expectation Failed\nContent-Length: 0\n\n"]),
    Case("expect_refused_then_body", [
        POST + "Expect: 100-continue\nContent-Length: 3\n\n", R, "abc",
        GET11("b"), R],
         [QH, "HTTP/1.1 401 No\nContent-Length: 0\n\n", AGAIN],
         only="client"),
    Case("expect_ignored", [
        POST + "Expect: 100-continue\nContent-Length: 3\n\n", 0.15, "abc", R],
         [Q, OK]),
    Case("expect_at_once", [
        POST + "Expect: 100-continue\nContent-Length: 3\n\nabc", R],
         [Q, "HTTP/1.1 100 Continue\n\n" + OK]),
    Case("early_response", [
        POST + "Content-Length: 10\n\nabc", R, "defghij", 0.1, GET11("b"), R],
         [QH, 0.1, OK, AGAIN], only="client"),
    Case("early_response_close", [
        POST + "Content-Length: 10\n\nabc", R],
         [QH, 0.1, "HTTP/1.1 413 Too Big\nConnection: close\n"
          "Content-Length: 0\n\n", CLOSE]),
    Case("early_response_never_sent", [
        POST + "Content-Length: 10\n\nabc", R, 0.1, CLOSE],
         [QH, 0.1, OK, EOF], only="client|log|s1.*(line|fields|framing)"),
    Case("pipelined", [GET11("a") + GET11("b") + GET11("c"), R, R, R]),
    Case("pipelined_posts", [
        POST + "Content-Length: 3\n\nabc" + POST
        + "Transfer-Encoding: chunked\n\n1\nx\n0\n\n" + GET11("c"), R, R, R]),
    Case("pipelined_then_fin", [GET11("a") + GET11("b"), FIN, R, R],
         [Q, 0.15, OK, AGAIN], only=r"client\[0\]\[0\]|log\[0\]"),
    Case("pipelined_close_first", [
        "GET /a HTTP/1.1\nHost: h\nConnection: close\n\n" + GET11("b"), R]),
    Case("fin_after_request", [GET11("a"), FIN, R], [Q, 0.15, OK]),
    Case("request_in_parts", [
        "GE", 0.03, "T / HT", 0.03, "TP/1.1\nHo", 0.03, "st: h\n", 0.03,
        "\n", R]),
]


def test_uploads():
    compare(UPLOADS)


UPGRADE = ("GET /ws HTTP/1.1\nHost: h\nUpgrade: foo\nConnection: Upgrade\n\n")
SWITCH = "HTTP/1.1 101 Switching Protocols\nUpgrade: foo\nConnection: upgrade\n\n"

UPGRADES = [
    Case("upgrade", [UPGRADE, R, "ping", EOF],
         [QH, SWITCH + "hello", READ(4), "more", CLOSE]),
    Case("upgrade_client_first", [UPGRADE + "early", R, "ping", 0.1, FIN, EOF],
         [QH, SWITCH, EOF, "bye", CLOSE]),
    Case("upgrade_declined", [UPGRADE, R, GET11("b"), R]),
    Case("upgrade_declined_426", [UPGRADE, R, GET11("b"), R],
         [Q, "HTTP/1.1 426 Upgrade Required\nUpgrade: bar\n"
             "Connection: Upgrade\nContent-Length: 0\n\n", Q, OK]),
    Case("upgrade_orphan_header", [
        "GET / HTTP/1.1\nHost: h\nUpgrade: websocket\n\n", R]),
    Case("upgrade_orphan_token", [
        "GET / HTTP/1.1\nHost: h\nConnection: Upgrade\n\n", R]),
    Case("upgrade_h2c", [
        "GET / HTTP/1.1\nHost: h\nUpgrade: h2c\nHTTP2-Settings: AA\n"
        "Connection: Upgrade, HTTP2-Settings\n\n", R]),
    Case("upgrade_h2c_and_more", [
        "GET / HTTP/1.1\nHost: h\nUpgrade: h2c, foo\n"
        "Connection: Upgrade\n\n", R]),
    Case("upgrade_10", [
        "GET / HTTP/1.0\nHost: h\nUpgrade: foo\nConnection: Upgrade\n\n", R]),
    Case("upgrade_response_unasked", [GET11("a"), R, EOF],
         [Q, SWITCH + "x", CLOSE]),
    Case("upgrade_with_body", [
        "POST / HTTP/1.1\nHost: h\nUpgrade: foo\nConnection: Upgrade\n"
        "Content-Length: 3\n\nabc", R, "ping", EOF],
         [Q, SWITCH, READ(4), "bye", CLOSE]),
    Case("upgrade_websocket", [
        "GET /ws HTTP/1.1\nHost: h\nUpgrade: websocket\nConnection: Upgrade\n"
        "Sec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n", R, "ping", EOF],
         [QH, "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n"
              "Connection: Upgrade\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\nhi",
          READ(4), CLOSE]),
    Case("upgrade_websocket_no_key", [
        "GET /ws HTTP/1.1\nHost: h\nUpgrade: websocket\n"
        "Connection: Upgrade\nSec-WebSocket-Version: 13\n\n", R, EOF]),
    Case("upgrade_websocket_wrong_accept", [
        "GET /ws HTTP/1.1\nHost: h\nUpgrade: websocket\nConnection: Upgrade\n"
        "Sec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n", R],
         [QH, "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n"
              "Connection: Upgrade\nSec-WebSocket-Accept: s3pP\n\nhi", EOF]),
    Case("upgrade_websocket_no_accept", [
        "GET /ws HTTP/1.1\nHost: h\nUpgrade: websocket\nConnection: Upgrade\n"
        "Sec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n", R],
         [QH, "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n"
              "Connection: Upgrade\n\nhi", EOF]),
    Case("tunnel_timeout", [UPGRADE, R, "ping", 0.1, "x", EOF],
         [QH, SWITCH, EOF], be="timeout tunnel 250ms"),
    Case("tunnel_client_reset", [UPGRADE, R, "ping", 0.1, RST],
         [QH, SWITCH, EOF]),
    Case("tunnel_server_reset", [UPGRADE, R, "ping", EOF],
         [QH, SWITCH, 0.1, RST]),
    Case("connect", [
        "CONNECT h:443 HTTP/1.1\nHost: h:443\n\n", RCONNECT, "ping", EOF],
         [QH, "HTTP/1.1 200 Fine\n\n" + "hello", READ(4), CLOSE]),
    Case("connect_refused", [
        "CONNECT h:443 HTTP/1.1\nHost: h:443\n\n", R, GET11("b"), R],
         [Q, "HTTP/1.1 403 No\nContent-Length: 2\n\nno", Q, OK]),
]


def test_upgrades():
    compare(UPGRADES)


XFF = "GET / HTTP/1.1\nHost: h\nX-Forwarded-For: 9.9.9.9\n\n"
OPTIONS = [
    Case("forwardfor", [GET11("a"), R, XFF, R], fe="option forwardfor"),
    Case("forwardfor_backend", [GET11("a"), R], be="option forwardfor"),
    Case("forwardfor_except", [GET11("a"), R],
         fe="option forwardfor except 127.0.0.0/8"),
    Case("forwardfor_except_other", [GET11("a"), R],
         fe="option forwardfor except 10.0.0.0/8"),
    Case("forwardfor_if_none", [XFF, R, GET11("a"), R],
         fe="option forwardfor if-none"),
    Case("forwardfor_header", [XFF, R], fe="option forwardfor header X-Client"),
    Case("forwardfor_header_if_none", [
        "GET / HTTP/1.1\nHost: h\nX-Client: 1\n\n", R, GET11("b"), R],
         fe="option forwardfor header X-Client if-none"),
    Case("httpclose", [GET11("a"), R, GET11("b"), R], fe="option httpclose"),
    Case("httpclose_backend", [GET11("a"), R, GET11("b"), R],
         be="option httpclose"),
    Case("server_close", [GET11("a"), R, GET11("b"), R],
         be="option http-server-close"),
    Case("server_close_10", [GET10("a"), R],
         be="option http-server-close"),
    Case("server_close_upgrade", [UPGRADE, R, "x", EOF],
         [QH, SWITCH, READ(1), CLOSE], be="option http-server-close"),
    Case("keep_alive_timeout", [GET11("a"), R, EOF],
         fe="timeout http-keep-alive 200ms"),
    Case("keep_alive_then_request_timeout", [GET11("a"), R, "GET /x", R],
         fe="timeout http-keep-alive 3s\n timeout http-request 200ms"),
    Case("dontlognull", [[CLOSE], [0.05, CLOSE], [GET11("a"), R]],
         fe="option dontlognull"),
    Case("lognull", [[0.05, CLOSE], [GET11("a"), R]]),
    Case("buffer_request", [
        POST + "Content-Length: 6\n\nabc", 0.4, "def", R],
         be="option http-buffer-request"),
    Case("logasap", [GET11("a"), R], [Q, "HTTP/1.1 200 OK\n"
         "Content-Length: 4\n\nab", 0.2, "cd"], fe="option logasap"),
]


def test_options():
    compare(OPTIONS)


def busy_then(end):
    """A client that ends so while it waits behind another one."""
    def play(run):
        first, second = run.open(), run.open()
        first.run([GET11("a"), 0.2])
        second.run([GET11("b"), 0.1, end] + ([R] if end is FIN else []))
        first.run([R])
    return play


def aborts(name):
    return [
        Case(name + "_fin", [GET11("a"), 0.1, FIN, R], [Q, 0.4, OK]),
        Case(name + "_reset", [GET11("a"), 0.1, RST], [Q, 0.4, OK]),
        Case(name + "_queued_fin", busy_then(FIN), [Q, 0.5, OK, AGAIN],
             opts="maxconn 1", only="client|log|accepted"),
        Case(name + "_queued_reset", busy_then(RST), [Q, 0.5, OK, AGAIN],
             opts="maxconn 1", only="client|log|accepted"),
        Case(name + "_dial_fin", [GET11("a"), 0.1, FIN, R], SILENT,
             be="timeout connect 400ms\n retries 0",
             only="client|log.*(lines|timers|status|term)"),
    ]


def test_aborts():
    compare(aborts("abort"))


def test_abortonclose():
    compare(aborts("abortonclose"), defaults=" option abortonclose")
