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

A script is a list of steps. Text is sent with its newlines as CRLF, bytes as
they are, numbers are seconds to wait, the rest are the constants below.
"""

import concurrent.futures
import fnmatch
import os
import random
import re
import socket
import struct
import threading
import time

import wsbtest
from differences import INTENDED
from wsbtest import Haproxy, Proxy, Thread

SMALL_MS = 200          # timers below it are "0", the others "+"
FATE_WAIT_S = 0.35      # so long the end of a connection is waited for
SETTLE_S = 0.4          # so long the log and the servers may take afterwards
IO_LIMIT_S = 6.0


class Step:
    """A constant of the scripts."""

    def __init__(self, name, value=None):
        self.name, self.value = name, value

    def __repr__(self):
        return self.name


R = Step("read response", "GET")
RHEAD = Step("read response to HEAD", "HEAD")
RCONNECT = Step("read response to CONNECT", "CONNECT")
RI = Step("read one head")              # interim, or of what is not awaited
FIN = Step("shutdown for writing")
RST = Step("reset")
CLOSE = Step("close")
EOF = Step("read to the end")
Q = Step("read request")                # servers: head and body
QH = Step("read request head")
AGAIN = Step("from the first step again")
REFUSE = Step("refuse connections")     # instead of a server's script
SILENT = Step("answer no SYN")          # likewise


def READ(n):
    """Step: read n bytes."""
    return Step(f"read {n}", n)


def answer(body="ok", head=""):
    """Steps of a server that answers each request the same."""
    return [Q, f"HTTP/1.1 200 OK\nContent-Length: {len(body)}\n{head}\n{body}",
            AGAIN]


def crlf(step):
    if isinstance(step, bytes):
        return step
    return step.replace("\n", "\r\n").encode("latin-1")


class Wire:
    """One side of a connection: runs steps, notes what it saw."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(IO_LIMIT_S)
        self.buffer = b""
        self.seen = []
        self.fate = None
        self.received = 0

    def fill(self):
        if self.fate:
            return False
        try:
            data = self.socket.recv(262144)
        except TimeoutError:
            self.fate = "timeout"
            return False
        except OSError:
            self.fate = "RST"
            return False
        self.buffer += data
        self.received += len(data)
        if not data:
            self.fate = "FIN"
        return bool(data)

    def take(self, n):
        while len(self.buffer) < n:
            if not self.fill():
                break
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def take_until(self, mark):
        """Up to and with the mark; None (nothing taken) without it."""
        while mark not in self.buffer:
            if not self.fill():
                return None
        return self.take(self.buffer.index(mark) + len(mark))

    def run(self, steps):
        for step in steps:
            if isinstance(step, (int, float)):
                time.sleep(step)
            elif isinstance(step, (str, bytes)):
                try:
                    self.socket.sendall(crlf(step))
                except OSError:
                    pass
            elif step is FIN:
                self.shutdown()
            elif step is CLOSE or step is RST:
                if step is RST:
                    self.socket.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
                self.socket.close()
                self.fate = "closed here"
                return False
            elif step is EOF:
                while self.fill():
                    pass
                self.note("rest", {"bytes": text(self.take(1 << 30))})
            elif step is AGAIN:
                return True
            elif step.name.startswith("read ") and isinstance(step.value, int):
                self.note("raw", {"bytes": text(self.take(step.value))})
            elif not self.read(step):
                return False
        return False

    def shutdown(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def note(self, what, values):
        self.seen.append((what, values))

    def read(self, step):
        raise NotImplementedError

    def head(self):
        """(first line, [field lines]), or None at the end."""
        data = self.take_until(b"\r\n\r\n")
        if data is None:
            return None
        first, *fields = data.decode("latin-1")[:-4].split("\r\n")
        return first, fields

    def body(self, fields, chunked, length, to_end=False):
        """{"framing", "body", "trailers"} by the strictest reading."""
        if chunked:
            parts = []
            while True:
                line = self.take_until(b"\r\n")
                if line is None:
                    return {"framing": "chunked, cut",
                            "body": text(b"".join(parts))}
                if not re.fullmatch(rb"[0-9a-fA-F]{1,8}\r\n", line):
                    return {"framing": f"bad chunk size {line!r}"}
                size = int(line, 16)
                if not size:
                    break
                parts.append(self.take(size))
                if self.take(2) != b"\r\n":
                    return {"framing": "chunked, cut",
                            "body": text(b"".join(parts))}
            trailers = []
            while True:
                line = self.take_until(b"\r\n")
                if line in (None, b"\r\n"):
                    break
                trailers.append(line.decode("latin-1")[:-2])
            return {"framing": "chunked", "body": text(b"".join(parts)),
                    "trailers": trailers}
        if length is not None:
            data = self.take(length)
            whole = "length" if len(data) == length else "length, cut"
            return {"framing": whole, "body": text(data)}
        if to_end:
            while self.fill():
                pass
            return {"framing": "to the end: " + self.fate,
                    "body": text(self.take(1 << 30))}
        return {"framing": "none"}

    def settle(self, wait=FATE_WAIT_S):
        """Notes how the connection stands after the script."""
        if self.fate is None:
            self.socket.settimeout(wait)
            while self.fill():
                pass
            if self.fate == "timeout":
                self.fate = "open"
        if self.buffer:
            self.note("unasked", {"bytes": text(self.take(1 << 30))})


def text(data):
    """Bytes for a report: long ones are told by length and sum."""
    if len(data) > 2000:
        return f"{len(data)} bytes, sum {sum(data)}"
    return data.decode("latin-1")


def values_of(fields, name):
    return [f.partition(":")[2].strip() for f in fields
            if f.partition(":")[0].lower() == name]


def is_chunked(fields):
    return any("chunked" in v.lower()
               for v in values_of(fields, "transfer-encoding"))


def length_of(fields):
    lengths = values_of(fields, "content-length")
    return int(lengths[0]) if lengths else None


class ClientWire(Wire):
    def read(self, step):
        while True:
            head = self.head()
            if head is None:
                self.note("no response", {"bytes": text(self.take(1 << 30))})
                return False
            line, fields = head
            status = int((line.split(" ") + ["0", "0"])[1])
            if step is RI or 100 <= status < 200 and status != 101:
                self.note("response", {"line": line, "fields": fields})
                if step is RI:
                    return True
                continue
            break
        none = (step is RHEAD or status in (101, 204, 304)
                or step is RCONNECT and status == 200)
        body = {"framing": "none"} if none else self.body(
            fields, is_chunked(fields), length_of(fields), to_end=True)
        if (body.get("body", "").lower().startswith("<html><body><h1>")
                and status >= 400):
            body["body"] = "(page)"
            fields = [re.sub(r"(?i)^(content-length: )\d+$", r"\1N", f)
                      for f in fields]
        self.note("response", {"line": line, "fields": fields, **body})
        return True


class ServerWire(Wire):
    def read(self, step):
        head = self.head()
        if head is None:
            if self.buffer:
                self.note("part", {"bytes": text(self.take(1 << 30))})
            return False
        line, fields = head
        if step is QH:
            self.note("request", {"line": line, "fields": fields})
            return True
        body = self.body(fields, is_chunked(fields), length_of(fields))
        self.note("request", {"line": line, "fields": fields, **body})
        return self.fate is None


class Server(Thread):
    """Scripted: steps per connection, the last list for all that follow."""

    def __init__(self, script):
        super().__init__()
        self.script = script
        self.wires = []
        self.fill_up = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        if script is REFUSE:
            return
        if script is SILENT:
            self.listener.listen(0)
            for _ in range(2):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(("127.0.0.1", self.port))
                self.fill_up.append(s)
            return
        self.listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = ServerWire(sock)
            number = len(self.wires)
            self.wires.append(wire)
            threading.Thread(
                target=self._serve, args=(wire, number), daemon=True).start()

    def _serve(self, wire, number):
        script = self.script
        if script and isinstance(script[0], list):
            script = script[min(number, len(script) - 1)]
        try:
            while wire.run(script) and wire.fate is None:
                pass
            if wire.fate is None:
                wire.settle(IO_LIMIT_S)
        except (OSError, ValueError) as error:
            wire.note("fault", {"text": repr(error)})

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for s in self.fill_up:
            s.close()
        for wire in self.wires:
            try:
                wire.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


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


_reserved = []


def new_port():
    """A free port that no client's side and no other test can be given.

    It stays bound, so that others do not take it; with SO_REUSEADDR, so that
    a proxy can.
    """
    while True:
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", random.randrange(20000, 32700)))
        except OSError:
            s.close()
            continue
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _reserved.append(s)
        return s.getsockname()[1]


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
        self.values = {"port": new_port(), "name": case.name}
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
            if isinstance(value, str):
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


def log_fields(line):
    """An httplog line by fields, its timers as -1, 0 or +."""
    match = LOG.search(line)
    if not match:
        return None
    fields = match.groupdict()
    if fields["status"] in PAGES:
        fields["bytes"] = "(page)"
    assert re.fullmatch(
        r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}", fields.pop("date")), line

    def timer(value):
        number = int(value)
        sign = "+" if value.startswith("+") else ""
        return sign + ("-1" if number < 0 else
                       "0" if number < SMALL_MS else "long")

    fields["timers"] = "/".join(map(timer, fields["timers"].split("/")))
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

    def __init__(self, cases, proxy, workers, defaults):
        self.miscounted = {}
        self.exchanges = [Exchange(c) for c in cases]
        own = f"nbproc {workers}" if proxy is Proxy else ""
        port = new_port()
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


def compare(cases, workers=1, defaults=""):
    """Runs the cases on both sides; raises with what differs.

    Cases that differ run again, up to twice: the machine may have been busy.
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
    for _ in range(3):
        found.update(_differences(again, workers, defaults))
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


def _differences(cases, workers, defaults):
    """{case: [(path, HAProxy's value, wsbroker's)]}"""
    theirs = Side(cases, Haproxy, 1, defaults)
    ours = Side(cases, Haproxy if both_haproxy() else Proxy, workers, defaults)
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
