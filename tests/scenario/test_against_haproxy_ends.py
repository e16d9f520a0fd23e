# SPDX-License-Identifier: MIT
"""How requests end: timeouts, aborts, retries, and what the log calls them."""

import time

from compare import (AGAIN, CLOSE, EOF, FIN, Q, QH, R, READ, REFUSE, RST,
                     SILENT, Case, answer, compare)

GET11 = "GET /{0} HTTP/1.1\nHost: h\n\n".format
POST = "POST /p HTTP/1.1\nHost: h\n"
LENGTH = "Content-Length: 3\n\nabc"
OK = "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"
PART = "HTTP/1.1 200 OK\nContent-Length: 10\n\nabc"
SWITCH = "HTTP/1.1 101 Switching Protocols\nUpgrade: foo\nConnection: upgrade\n\n"
UPGRADE = "GET /ws HTTP/1.1\nHost: h\nUpgrade: foo\nConnection: Upgrade\n\n"
HUGE = (b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n"
        + b"z" * 20000000)


CLIENT_ENDS = [
    Case("cR_no_bytes", [R], fe="timeout http-request 300ms"),
    Case("cR_part", ["GET / HT", R], fe="timeout http-request 300ms"),
    Case("cR_client_timeout", ["GET / HT", R], fe="timeout client 300ms"),
    Case("cR_trickle", ["GET / HT", 0.15, "T", 0.15, "P", 0.15, "/", R],
         fe="timeout http-request 300ms"),
    Case("CR_part", ["GET / HT", 0.1, CLOSE]),
    Case("CR_part_fin", ["GET / HT", 0.1, FIN, R]),
    Case("CR_part_reset", ["GET / HT", 0.1, RST]),
    Case("CR_second_part", [GET11("a"), R, "GET /b", 0.1, CLOSE]),
    Case("cD_body_stalls", [POST + "Content-Length: 9\n\nabc", R],
         [QH, EOF], fe="timeout client 300ms"),
    Case("cD_body_stalls_buffered", [POST + "Content-Length: 9\n\nabc", R],
         fe="timeout http-request 300ms", be="option http-buffer-request"),
    Case("CD_body_ends", [POST + "Content-Length: 9\n\nabc", 0.1, FIN, R],
         [QH, EOF]),
    Case("CD_body_reset", [POST + "Content-Length: 9\n\nabc", 0.1, RST],
         [QH, EOF]),
    Case("CD_chunk_ends", [
        POST + "Transfer-Encoding: chunked\n\n9\nabc", 0.1, FIN, R],
         [QH, EOF]),
    Case("CD_response_reset", [GET11("a"), 0.35, RST],
         [Q, PART, 0.6, "more", EOF], only="client|log|accepted"),
    Case("tunnel_client_timeout", [UPGRADE, R, EOF], [QH, SWITCH, EOF],
         fe="timeout client 600ms"),
    Case("tunnel_server_timeout", [UPGRADE, R, EOF], [QH, SWITCH, EOF],
         be="timeout server 700ms"),
    # Both sides expire in the same millisecond: who is blamed is chance.
    Case("tunnel_timeout", [UPGRADE, R, "x", EOF], [QH, SWITCH, READ(1), EOF],
         be="timeout tunnel 600ms", only="client|s1|log.*(status|timers)"),
    Case("LR_return", [GET11("a"), R, GET11("b"), R],
         fe="http-request return status 200 content-type text/plain "
            "string hello"),
    Case("LR_redirect", [GET11("a?x=1"), R],
         fe="http-request redirect location /there"),
    Case("PR_deny", [GET11("a"), R, GET11("b"), R],
         fe="http-request deny"),
    Case("PR_deny_status", [GET11("a"), R],
         fe="http-request deny deny_status 429"),
    Case("PR_reject", [GET11("a"), R], fe="http-request reject"),
    Case("PR_body_bad_chunk", [
        POST + "Transfer-Encoding: chunked\n\nzz\nabc", R], [QH, EOF]),
    Case("PD_body_bad_chunk_later", [
        POST + "Transfer-Encoding: chunked\n\n3\nabc\n", 0.35, "zz\n", R],
         [QH, EOF]),
]


def test_ends_of_clients():
    compare(CLIENT_ENDS)


HUGE_ENDS = [
    Case("CD_response_huge_reset", [GET11("a"), 0.35, RST], [Q, HUGE, EOF],
         only="log|accepted"),
    Case("cD_reader_stalls", [GET11("a"), 0.8, EOF], [Q, HUGE, EOF],
         fe="timeout client 300ms", only="log|accepted"),
]


def test_ends_of_readers():
    compare(HUGE_ENDS)


FAST = "timeout connect 300ms\n timeout server 400ms\n"
SERVER_ENDS = [
    Case("SC_refused", [GET11("a"), R, GET11("b"), R], REFUSE,
         be=FAST + "retries 0"),
    Case("SC_refused_retries", [GET11("a"), R], REFUSE, be=FAST + "retries 2"),
    *[Case(f"SC_redispatch_{name}", [GET11("a"), R], REFUSE, answer(),
           be=FAST + text)
      for name, text in {
          "first": "retries 2\n option redispatch\n balance first",
          "first_3": "retries 3\n option redispatch\n balance first",
          "first_each": "retries 3\n option redispatch 1\n balance first",
          "first_2": "retries 3\n option redispatch 2\n balance first",
          "first_back_2": "retries 3\n option redispatch -2\n balance first",
          "roundrobin": "retries 3\n option redispatch\n balance roundrobin",
          "static_rr": "retries 3\n option redispatch\n balance static-rr",
          "leastconn": "retries 3\n option redispatch\n balance leastconn",
          "forced": "retries 2\n option redispatch\n use-server s1 if TRUE",
          "one_retry": "retries 1\n option redispatch\n balance first",
          "no_retry": "retries 0\n option redispatch\n balance first",
      }.items()],
    Case("SC_redispatch_nowhere", [GET11("a"), R], REFUSE,
         be=FAST + "retries 2\n option redispatch"),
    Case("SC_redispatch_both", [GET11("a"), R], REFUSE, REFUSE,
         be=FAST + "retries 3\n option redispatch",
         only="client|log.*(timers|status|term|retries)"),
    Case("SC_refused_no_redispatch", [GET11("a"), R], REFUSE, answer(),
         be=FAST + "retries 1\n balance first"),
    Case("SC_no_server", [GET11("a"), R], opts="disabled"),
    Case("SC_no_backend", [GET11("a"), R],
         fe="use_backend nowhere_{name} if TRUE",
         extra="backend nowhere_{name}"),
    Case("sC_silent", [GET11("a"), R], SILENT, be=FAST + "retries 0"),
    Case("sC_silent_retries", [GET11("a"), R], SILENT,
         be=FAST + "retries 1"),
    Case("sC_silent_redispatch", [GET11("a"), R], SILENT, answer(),
         be=FAST + "retries 1\n option redispatch\n balance first"),
    Case("sH_timeout", [GET11("a"), R, GET11("b"), R], [Q, EOF], be=FAST),
    Case("sH_timeout_of_post", [POST + LENGTH, R], [Q, EOF], be=FAST),
    Case("sH_part_of_head", [GET11("a"), R], [Q, "HTTP/1.1 200 O", EOF],
         be=FAST),
    Case("SH_close", [GET11("a"), R, GET11("b"), R], [Q, CLOSE]),
    Case("SH_reset", [GET11("a"), R], [Q, RST]),
    Case("SH_part_of_head", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nConte", CLOSE]),
    Case("SH_after_interim", [GET11("a"), R],
         [Q, "HTTP/1.1 103 Early\n\n", 0.1, CLOSE]),
    Case("SH_post_close", [POST + LENGTH, R], [Q, CLOSE]),
    Case("sD_timeout", [GET11("a"), R], [Q, PART, EOF], be=FAST),
    Case("sD_chunks_timeout", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n", EOF],
         be=FAST),
    Case("SD_close", [GET11("a"), R], [Q, PART, 0.1, CLOSE]),
    Case("SD_reset", [GET11("a"), R], [Q, PART, 0.1, RST]),
    Case("SD_chunks_close", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n", 0.1,
          CLOSE]),
    Case("SD_request_not_taken", [
        POST + "Content-Length: 9\n\nabc", 0.3, "def", R], [QH, CLOSE]),
    Case("PH_junk", [GET11("a"), R, GET11("b"), R], [Q, "hello\n\n", EOF]),
    Case("PH_bad_name", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nBad Name: x\nContent-Length: 0\n\n", EOF]),
    Case("PH_bad_length", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 1x\n\na", EOF]),
    Case("PH_lengths_differ", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\na",
          EOF]),
    Case("PH_bad_status", [GET11("a"), R], [Q, "HTTP/1.1 2000 OK\n\n", EOF]),
    Case("PD_bad_chunk", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n", 0.35,
          "zz\n", EOF]),
    Case("PH_response_rule", [GET11("a"), R],
         be="http-response deny"),
    Case("server_status_passes", [
        GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 500 Oops\nContent-Length: 3\n\nbad",
          Q, "HTTP/1.1 503 Busy\nContent-Length: 3\n\nbad"]),
]


def test_ends_of_servers():
    compare(SERVER_ENDS)


def together(first, *later):
    """Clients that overlap: each starts 0.15 s after the one before."""
    def play(run):
        wires = []
        for steps in (first, *later):
            wire = run.open()
            wire.run(steps[:1])
            wires.append((wire, steps[1:]))
            time.sleep(0.15)
        for wire, steps in wires:
            wire.run(steps)
    return play


QUEUES = [
    Case("sQ_timeout", together([GET11("a"), R], [GET11("b"), R]),
         [Q, 0.9, OK, AGAIN], opts="maxconn 1", be="timeout queue 300ms",
         only="client|accepted|log.*(term|status|timers|queues|retries)"),
    Case("queue_served", together(
        [GET11("a"), R], [GET11("b"), R], [GET11("c"), R]),
         [Q, 0.5, OK, AGAIN], opts="maxconn 1",
         only="client|log.*(term|status|timers|queues|retries)"),
    Case("queue_other_server", together([GET11("a"), R], [GET11("b"), R]),
         [Q, 0.5, OK, AGAIN], [Q, 0.5, OK, AGAIN], opts="maxconn 1",
         only="client|log.*(term|status|timers|queues|server)"),
    Case("cQ_or_not", together([GET11("a"), R], [GET11("b"), R]),
         [Q, 0.9, OK, AGAIN], opts="maxconn 1", fe="timeout client 300ms",
         only="client|accepted|log.*(term|status|timers|queues|retries)"),
]


def test_queues():
    compare(QUEUES)


RETRIES = [
    Case("retry_none_given", [GET11("a"), R], [[Q, CLOSE], answer()]),
    Case("retry_empty", [GET11("a"), R], [[Q, CLOSE], answer()],
         be="retry-on empty-response"),
    Case("retry_empty_post", [POST + LENGTH, R], [[Q, CLOSE], answer()],
         be="retry-on empty-response"),
    Case("retry_empty_thrice", [GET11("a"), R], [[Q, CLOSE]],
         be="retry-on empty-response\n retries 2"),
    Case("retry_503", [GET11("a"), R], [
        [Q, "HTTP/1.1 503 X\nContent-Length: 0\n\n", AGAIN]], answer(),
         be="retry-on 503\n retries 1\n option redispatch\n balance first", only="client|log"),
    Case("retry_503_in_vain", [GET11("a"), R], [
        [Q, "HTTP/1.1 503 X\nContent-Length: 0\n\n", AGAIN]],
         be="retry-on 503\n retries 2", only="client|log"),
    Case("retry_404", [GET11("a"), R], [
        [Q, "HTTP/1.1 404 X\nContent-Length: 0\n\n"], answer()],
         be="retry-on 404", only="client|log"),
    Case("retry_junk", [GET11("a"), R], [[Q, "junk\n\n", EOF], answer()],
         be="retry-on junk-response"),
    Case("retry_timeout", [GET11("a"), R], [[Q, EOF], answer()],
         be="retry-on response-timeout\n timeout server 300ms"),
    Case("retry_conn_failure", [GET11("a"), R], REFUSE,
         be="retry-on conn-failure\n retries 1\n timeout connect 300ms"),
    Case("retry_none", [GET11("a"), R], REFUSE,
         be="retry-on none\n retries 1\n timeout connect 300ms"),
    Case("retry_all", [GET11("a"), R], [
        [Q, CLOSE], [Q, "HTTP/1.1 500 X\nContent-Length: 0\n"
         "Connection: close\n\n", CLOSE], answer()],
         be="retry-on all-retryable-errors", only="client|log"),
    Case("retry_reused", [GET11("a"), R, 0.1, GET11("b"), R],
         [[Q, OK, Q, CLOSE], answer()]),
    Case("retry_reused_closed", [GET11("a"), R, 0.4, GET11("b"), R],
         [[Q, OK, 0.1, CLOSE], answer()]),
]


def test_retries():
    compare(RETRIES)
