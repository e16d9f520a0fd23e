# SPDX-License-Identifier: MIT
"""The same configuration and script through HAProxy and through wsbroker.

What differs by intention wherever it shows, and is not compared:
- field names: HAProxy writes them in lower case, wsbroker as they came;
- wsbroker writes the fields of framing and of the hop (HOP) last;
- the version of a forwarded response: wsbroker's own, 1.1 (RFC 9110, 2.5), and
  so no Connection: keep-alive for a server's 1.0;
- bytes in the log: HAProxy 2.6 counts its inner form of the message, wsbroker
  what it sent, which check_bytes() verifies;
- whether a server connection ends with FIN or RST;
- the wording of error pages.

A Case is a frontend, a backend, scripted servers and a scripted client. All
cases of one compare() are one configuration file and run side by side;
frontend f_NAME and backend b_NAME tell them apart in the log. What the client
saw, what the servers saw and the log lines are flattened to {path: value} and
must be equal, but for the rows of differences.py.

WSB_COMPARE=haproxy puts HAProxy on both sides: is the harness itself stable?
WSB_CASE=PATTERN takes these cases only, WSB_SHOW=1 prints what HAProxy did,
WSB_WORKERS=N runs wsbroker with so many workers.

The scripts are those of script.py, whose steps can be imported from here.
"""

import concurrent.futures
import fnmatch
import os
import re
import socket
import time

import wsbtest
from differences import INTENDED
from script import (  # noqa: F401
    AGAIN, CLOSE, EOF, FIN, IO_LIMIT_S, Q, QH, R, RCONNECT, READ, REFUSE,
    RHEAD, RI, RST, SILENT, ClientWire, Server, answer, values_of)
from wsbtest import Haproxy, Proxy, free_port

NEAR_MS = 300           # timers less apart are the same
SMALL_MS = 200          # timers below it are "0", the others "+"
SETTLE_S = 0.4          # so long the log and the servers may take afterwards

# The statuses of error pages, whose text each proxy words as it likes.
PAGES = ("400", "403", "405", "408", "413", "414", "431", "500", "501", "502",
         "503", "504", "505")


class Case:
    """One exchange.

    client: steps, a list of step lists (connections, one after the other), or
    a function called with an Exchange. servers: scripts of s1, s2, ...
    fe, be: lines for the sections; opts: what follows each server's address
    (a list: one for each server). extra: sections of its own. In these {port},
    {s1} .. are ports, {name} the case's name. only: a regular expression; only
    paths it finds are compared. log="raw": the log lines are no httplog; shape:
    numbers in them may differ.
    """

    def __init__(self, name, client, *servers, fe="", be="", opts="",
                 extra="", only=None, log="http", bind="",
                 shape=False):
        self.name, self.client = name, client
        self.servers = servers or (answer(),)
        self.fe, self.be, self.opts, self.extra = fe, be, opts, extra
        self.only, self.log, self.bind = only, log, bind
        self.shape = shape

    def sections(self, values):
        opts = self.opts
        if isinstance(opts, str):
            opts = [opts] * len(self.servers)
        lines = [f"frontend f_{self.name}", " bind 127.0.0.1:{port} " + self.bind]
        lines += [" " + s.strip() for s in self.fe.strip().split("\n")]
        lines += [f" default_backend b_{self.name}", f"backend b_{self.name}"]
        lines += [" " + s.strip() for s in self.be.strip().split("\n")]
        lines += [f" server s{i + 1} 127.0.0.1:{{s{i + 1}}} {o}"
                  for i, o in enumerate(opts)]
        return re.sub(r"(?<![%$+])\{(port|name|s\d)\}",
                      lambda m: str(values[m[1]]),
                      "\n".join(lines) + "\n" + self.extra + "\n")


HOP = ("transfer-encoding", "content-length", "connection")


def plain_fields(fields, line, of_response):
    """Without what differs by intention; an error page's fields sorted."""
    fields = [f.partition(":")[0].lower() + ":" + f.partition(":")[2]
              for f in fields]
    ours = [f for f in fields if f.partition(":")[0] in HOP]
    fields = [f for f in fields if f not in ours]
    if of_response:
        if line.startswith("HTTP/1.0") and not values_of(ours, "connection"):
            ours.append("connection: close")
        ours = [f for f in ours if f != "connection: keep-alive"]
        if "content-length: N" in ours:
            fields.sort()
    return fields + sorted(f.lower() for f in ours)


class Exchange:
    """A case under way on one side."""

    def __init__(self, case):
        self.case = case
        self.servers = [Server(s) for s in case.servers]
        self.values = {"port": free_port(), "name": case.name}
        for i, server in enumerate(self.servers):
            self.values[f"s{i + 1}"] = server.port
        self.wires = []
        self.notes = {}

    @property
    def port(self):
        return self.values["port"]

    def open(self, source="127.0.0.1"):
        sock = socket.socket()
        sock.bind((source, 0))
        sock.settimeout(IO_LIMIT_S)
        sock.connect(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = ClientWire(sock)
        self.wires.append(wire)
        return wire

    def play(self):
        began = time.monotonic()
        script = self.case.client
        if callable(script):
            script(self)
        else:
            if not script or not isinstance(script[0], list):
                script = [script]
            for steps in script:
                wire = self.open()
                wire.run(steps)
                if steps is not script[-1]:
                    wire.settle()
                    wire.socket.close()
                    time.sleep(0.05)
        for wire in self.wires:
            if wire.fate is None:
                wire.settle()
        self.notes["accepted"] = [len(s.wires) for s in self.servers]
        for wire in self.wires:
            wire.socket.close()
        self.took = time.monotonic() - began

    def check_bytes(self, log):
        """The log's byte counts add up to what the clients received."""
        if self.case.only and not re.search(self.case.only, "bytes"):
            return None
        lines = [log_fields(s) for s in self.lines(log)]
        if not lines or not all(lines) or not self.wires or any(
                f["bytes"][0] in "(+" for f in lines) or any(
                w.fate == "closed here" for w in self.wires):
            return None
        logged = sum(int(f["bytes"]) for f in lines)
        received = sum(w.received for w in self.wires)
        if logged == received:
            return None
        return f"logged {logged} bytes, clients received {received}"

    def lines(self, log):
        return [s for s in log if re.search(
            rf"\bf_{self.case.name}[ ~:/|]", s)]

    def observed(self, log):
        """{path: value}"""
        seen = {}

        def add(prefix, wires):
            for i, wire in enumerate(wires):
                at = f"{prefix}[{i}]"
                for j, (what, values) in enumerate(wire.seen):
                    seen[f"{at}[{j}]"] = what
                    for key, value in values.items():
                        seen[f"{at}[{j}].{key}"] = value
                seen[f"{at}.fate"] = wire.fate or "open"

        add("client", self.wires)
        for i, server in enumerate(self.servers):
            seen[f"s{i + 1}.accepted"] = len(server.wires)
            add(f"s{i + 1}", server.wires)
        for key, value in self.notes.items():
            seen[f"note.{key}"] = value
        lines = self.lines(log)
        seen["log.lines"] = len(lines)
        for i, line in enumerate(lines):
            fields = log_fields(line) if self.case.log == "http" else None
            for key, value in (fields or {"line": log_plain(line)}).items():
                if self.case.shape:
                    value = re.sub(r"\d+", "N", value)
                seen[f"log[{i}].{key}"] = value
        ports = {str(v): k for k, v in self.values.items() if k != "name"}
        pattern = re.compile(r"\b(" + "|".join(ports) + r")\b")

        def plain(value, key):
            if isinstance(value, list):
                value = [pattern.sub(name_port, str(v)) for v in value]
            if key.endswith((".fields", ".trailers")):
                line = seen.get(key[:-len("fields")] + "line", "")
                return plain_fields(value, line, key.startswith("client"))
            if key.startswith("client") and key.endswith(".line"):
                value = value.replace("HTTP/1.0", "HTTP/1.1")
            if re.fullmatch(r"s\d\[\d+\]\.fate", key) and value == "RST":
                value = "FIN"
            if key.endswith(".bytes") and key.startswith("log"):
                value = re.sub(r"[1-9]\d*", "N", value)
            if isinstance(value, str) and not isinstance(value, Timers):
                value = pattern.sub(name_port, value)
            return value

        def name_port(match):
            return "{%s}" % ports[match[1]]

        only = re.compile(self.case.only or "")
        return {k: plain(v, k) for k, v in seen.items() if only.search(k)}


LOG = re.compile(
    r"(?P<client>[0-9.]+):\d+ \[(?P<date>[^]]+)\] (?P<frontend>\S+) "
    r"(?P<backend>\S+)/(?P<server>\S+) (?P<timers>[-+0-9/]+) "
    r"(?P<status>-?\d+) (?P<bytes>\+?\d+) (?P<cookies>\S+ \S+) (?P<term>\S{4}) "
    r"\d+/(?P<conns>\d+/\d+/\d+)/(?P<retries>\+?\d+) (?P<queues>\d+/\d+) "
    r"(?P<captures>(?:\{.*\} )*)\"(?P<request>.*?)\"?$")


class Timers(str):
    """Timers of a log line as -1, 0 or long.

    Near the border between 0 and long a busy machine decides: values that
    are closer than any two scripted pauses are the same.
    """

    def __new__(cls, text):
        self = super().__new__(cls, "/".join(map(cls.word, text.split("/"))))
        self.text = text
        return self

    @staticmethod
    def word(value):
        number = int(value)
        sign = "+" if value.startswith("+") else ""
        return sign + ("-1" if number < 0 else
                       "0" if number < SMALL_MS else "long")

    def __eq__(self, other):
        if not isinstance(other, Timers) or str(self) == str(other):
            return str(self) == str(other)
        a, b = self.text.split("/"), other.text.split("/")
        return len(a) == len(b) and all(
            self.word(x) == self.word(y) or
            (int(x) >= 0 <= int(y) and ("+" in x) == ("+" in y) and
             abs(int(x) - int(y)) < NEAR_MS) for x, y in zip(a, b))

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__

    def __repr__(self):
        return f"{str(self)!r} ({self.text})"


def log_fields(line):
    """An httplog line by fields, its timers as Timers."""
    match = LOG.search(line)
    if not match:
        return None
    fields = match.groupdict()
    if fields["status"] in PAGES:
        fields["bytes"] = "(page)"
    assert re.fullmatch(
        r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}", fields.pop("date")), line

    fields["timers"] = Timers(fields["timers"])
    return fields


def log_plain(line):
    """A line of another format without what differs from run to run."""
    line = re.sub(r"127\.0\.0\.1:\d+", "IP:PORT", line)
    line = re.sub(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d(\.\d+)?( [+]\d{4})?",
                  "DATE", line)
    line = re.sub(r"\w{3} [ \d]\d \d\d:\d\d:\d\d", "DATE", line)
    return line


GLOBAL = """
global
    log stderr format raw local0
    maxconn 2000
    nbthread 1
    %s
defaults
    mode http
    log global
    option httplog
    timeout client 4s
    timeout server 4s
    timeout connect 1s
    timeout queue 4s
"""

# Its port, the last to be bound, tells when the proxy listens.
PROBE = """
frontend probe
    bind 127.0.0.1:%d
"""


class Side:
    """One proxy with the cases' configuration, and what it did."""

    def __init__(self, cases, proxy, defaults):
        self.miscounted = {}
        self.exchanges = [Exchange(c) for c in cases]
        workers = os.environ.get("WSB_WORKERS", "1")
        own = f"nbproc {workers}" if proxy is Proxy else ""
        port = free_port()
        config = GLOBAL % own + defaults + "\n" + "\n".join(
            e.case.sections(e.values) for e in self.exchanges) + PROBE % port
        if proxy is Proxy:
            self.program = _Proxy(config, port=port, check=os.path.exists(
                wsbtest.BUILD / "wsbroker-top"))
        else:
            self.program = _Haproxy(config, port)
        pool = concurrent.futures.ThreadPoolExecutor(10)
        self.running = [pool.submit(e.play) for e in self.exchanges]

    def results(self):
        """{case: {path: value}}"""
        for task in self.running:
            task.result()
        time.sleep(SETTLE_S)
        lines = self.program.stderr().split("\n")
        if isinstance(self.program, Proxy):
            self.miscounted = {
                e.case.name: e.check_bytes(lines) for e in self.exchanges}
        return {e.case.name: e.observed(lines) for e in self.exchanges}


class _Haproxy(Haproxy):
    """HAProxy on a text that is taken as it is."""

    def __init__(self, config, port):
        wsbtest.Program.__init__(self, [wsbtest.find_program("haproxy")])
        path = self.dir / "haproxy.cfg"
        path.write_text(config)
        self.port = port
        self.argv += ["-db", "-f", str(path)]
        self.start()
        self.wait_port(port)


class _Proxy(Proxy):
    """wsbroker on a text that is taken as it is."""

    def write(self, config):
        self.config.write_text(config)


def compare(cases, defaults=""):
    """Runs the cases on both sides; raises with what differs.

    Cases that differ run again, up to five times: the machine may be busy.
    """
    wsbtest.needs("haproxy")
    wanted = os.environ.get("WSB_CASE")
    if wanted:
        cases = [c for c in cases if fnmatch.fnmatchcase(c.name, wanted)]
        if not cases:
            return
    assert len({c.name for c in cases}) == len(cases), "a name twice"
    found = {}
    again = cases
    for _ in range(6):
        found.update(_differences(again, defaults))
        again = [c for c in again if found[c.name]]
        if not again:
            break
    report = []
    for name, rows in found.items():
        if rows:
            report.append(f"{name}:\n" + "\n".join(
                f"  {path}\n    HAProxy  {x!r}\n    wsbroker {y!r}"
                for path, x, y in rows))
    if not wanted and not both_haproxy():
        report += [f"no longer differs: {row.cases} {row.paths}"
                   for row in INTENDED
                   if not row.used and any(row.is_of(c.name) for c in cases)]
    assert not report, f"{len(report)} differ\n" + "\n".join(report)


def both_haproxy():
    return os.environ.get("WSB_COMPARE") == "haproxy"


def _differences(cases, defaults):
    """{case: [(path, HAProxy's value, wsbroker's)]}"""
    theirs = Side(cases, Haproxy, defaults)
    ours = Side(cases, Haproxy if both_haproxy() else Proxy, defaults)
    theirs_seen, ours_seen = theirs.results(), ours.results()
    found = {}
    for case in cases:
        a, b = theirs_seen[case.name], ours_seen[case.name]
        if os.environ.get("WSB_SHOW"):
            took = next(e.took for e in theirs.exchanges if e.case is case)
            print(f"== {case.name} ({took:.1f} s)")
            for path, value in a.items():
                print(f"  {path}: {value!r}")
        if not both_haproxy():
            b["bytes"] = ours.miscounted[case.name]
        rows = [(path, a.get(path), b.get(path))
                for path in dict.fromkeys([*a, *b])
                if a.get(path) != b.get(path)]
        if not both_haproxy():
            rows = [r for r in rows if not any(
                d.covers(case.name, r[0], r[2]) for d in INTENDED)]
        found[case.name] = rows
    return found
