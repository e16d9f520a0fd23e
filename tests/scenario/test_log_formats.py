# SPDX-License-Identifier: MIT
"""Log formats: default, httplog, and log-format with every variable."""

import re

from compare import CLOSE, Q, R, REFUSE, Case, answer, compare
from wsbtest import Haproxy, Proxy, Syslog, get, needs, wait_until

GET11 = "GET /{0} HTTP/1.1\nHost: h\n\n".format
RICH = ("GET /img/a.png?x=1&y=\"two\" HTTP/1.1\nHost: www.Example.com:8080\n"
        "User-Agent: agent \"1.0\" \\ ]\nX-Num: 42\n\n")
CAPTURES = ("capture request header Host len 20\n"
            "capture request header User-Agent len 20\n"
            "capture response header Server len 10\n")
SERVER = answer(head="Server: a]b\"c\n")

# Those that hold times, numbers of processes, counts of bytes: see `shape`.
SAME = ["o", "CC", "CS", "H", "HM", "HP", "HPO", "HQ", "HU", "HV", "ID", "ST",
        "b", "bc", "bi", "ci", "f", "fc", "fi", "fp", "ft", "hr", "hrl", "hs",
        "hsl", "lc", "r", "rc", "s", "sc", "si", "sp", "sq", "bq",
        "ts", "tsc", "fi", "[src]", "[method]", "[status]",
        "[be_name]", "[srv_name]", "[var(txn.no)]", "[fe_name]",
        "[capture.req.hdr(0)]", "[capture.res.hdr(0)]"]
FLAGS = ["{+Q}HU", "{+Q}r", "{+E}r", "{+Q,+E}hr", "{+X}ci", "{+X}ST",
         "{+Q}hrl", "{+E}hrl", "{+Q}hs", "{+Q}ID",
         "{+Q}[capture.req.hdr(1)]", "{+E}[capture.req.hdr(1)]",
         "{+Q,+X}ci", "{-Q}r", "{+Q}b", "{+Q}[var(txn.no)]"]
SHAPED = ["B", "U", "T", "Ta", "Tc", "Td", "Th", "Ti", "Tl", "Tq", "TR", "Tr",
          "Ts", "Tt", "Tw", "ac", "bp", "cp", "ms", "pid", "rt", "t", "tr",
          "trg", "trl", "Tu", "cp", "bp"]


def line_of(alias):
    return f'log-format "%ft %{alias}|"'


def each(aliases, prefix, client=RICH, shape=False, server=SERVER):
    return [Case(f"{prefix}{i}_" + re.sub(r"\W", "_", a), [client, R], server, log="raw",
                 fe=CAPTURES + line_of(a), only="log.*line", shape=shape)
            for i, a in enumerate(aliases)]


def test_every_variable():
    compare(each(SAME, "same") + each(FLAGS, "flags"))


def test_times_and_counts_have_the_same_shape():
    compare(each(SHAPED, "shaped", shape=True))


def test_variables_of_what_failed():
    compare(each(SAME, "bad", "GET / HTTP/1.1\nHost: h\nBad Name: x\n\n")
            + each(SAME[:40], "refused", server=REFUSE),
            defaults=" retries 0\n timeout connect 200ms")


ENDS = r"log\.lines|log.*(status|term|timers|request)"
FORMATS = [
    Case("httplog", [RICH, R], SERVER, fe=CAPTURES + "option httplog"),
    Case("httplog_odd_request", ["GET /a\"b\x7f\xe9 HTTP/1.1\nHost: h\n\n", R]),
    Case("httplog_long_uri", ["GET /" + "a" * 3000 + " HTTP/1.1\nHost: h\n\n",
                              R], only="client|log.*(status|term|server)"),
    Case("text_only", [RICH, R], log="raw",
         fe='log-format "%ft a b  c\\ d %%x %{+Q}o %HM %ci"'),
    Case("mixed", [RICH, R], log="raw",
         fe='log-format "%ft %ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta '
            '%ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"',
         only="log.lines"),
    Case("asap", [GET11("a"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 4\n\nab", 0.5, "cd"],
         fe="option logasap"),
    Case("asap_format", [GET11("a"), R], log="raw", fe="option logasap\n"
         'log-format "%ft %Tt %Ta %B %ST"', only="log.lines"),
    Case("dontlog_normal", [GET11("a"), R, GET11("b"), R],
         [Q, "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
          Q, "HTTP/1.1 500 No\nContent-Length: 0\n\n"],
         fe="option dontlog-normal"),
    Case("no_log", [GET11("a"), R], fe="no log"),
    Case("null", [[0.05, CLOSE], [GET11("a"), R]], only=ENDS),
    Case("dontlognull", [[0.05, CLOSE], [GET11("a"), R]], only=ENDS,
         fe="option dontlognull"),
    Case("set_log_level", [GET11("a"), R, GET11("b"), R],
         fe="http-request set-log-level silent if { path /a }",
        only="client|log"),
]


def test_formats():
    compare(FORMATS)


PLAIN = """
defaults
    mode http
    log global
    timeout client 4s
    timeout server 4s
    timeout connect 300ms
    retries 0
"""


def test_format_without_httplog():
    compare([
        Case("plain", [RICH, R], SERVER, log="raw"),
        Case("plain_refused", [RICH, R], REFUSE, log="raw"),
        Case("plain_bad", ["GET / HT\n\n", R], log="raw", only="lines"),
        Case("plain_null", [[0.05, CLOSE], [RICH, R]], log="raw"),
    ], defaults=PLAIN)


KINDS = ("rfc3164", "rfc5424", "raw", "short", "local")
TARGETS = """
global
    %s
defaults
    mode http
    option httplog
    timeout client 5s
    timeout server 5s
    timeout connect 2s
listen web
    bind 127.0.0.1:{port}
    %s
    http-request return status 200 if { path /ok }
    http-request deny
"""


def framing(proxy_class):
    """What stands before the line proper, for each format."""
    logs = {kind: Syslog() for kind in KINDS}
    lines = [f"log {s.address} format {k} local3" for k, s in logs.items()
             if k != "local"]
    lines.append(f"log {logs['local'].address} len 200 local5 info")
    config = TARGETS % ("log-tag tagged", "\n    ".join(lines))
    proxy = proxy_class(config)
    get(proxy.port, "/ok")
    get(proxy.port, "/no" + "x" * 1200)
    heads = {}
    for kind, syslog in logs.items():
        wait_until(lambda: any("/noxx" in s for s in syslog.lines),
                   what=f"a line of format {kind}")
        lines = [s for s in syslog.lines if "GET /" in s]
        heads[kind] = [shape_of(s, proxy.pid) for s in lines]
        heads[kind].append(len(lines[-1]))
    proxy.stop()
    return heads


def shape_of(line, pid):
    line = re.sub("x{9,}", "XX", line)
    line = line.replace(f"[{pid}]", "[PID]").replace(f" {pid} ", " PID ")
    line = re.sub(r"127.0.0.1:\d+ \[[^]]*\]", "CLIENT", line)
    line = re.sub(r"\w{3} [ \d]\d \d\d:\d\d:\d\d", "DATE", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT[\d:]{8}(\.\d+)?\+\d\d:\d\d",
                  "ISO", line)
    line = re.sub(r"\d+/\d+/\d+/\d+/\d+ \d+/\d+ ", "COUNTS ", line)
    return re.sub(r"(/-?\d+)+ (\d+) \d+ ", r" TIMERS \2 B ", line)


def test_framing_of_syslog_lines():
    needs("haproxy")
    theirs, ours = framing(Haproxy), framing(Proxy)
    for kind in KINDS:
        for a, b in zip(theirs[kind], ours[kind]):
            assert a == b, f"{kind}\nHAProxy  {a}\nwsbroker {b}"
