# SPDX-License-Identifier: MIT
"""Scripted ends of connections, for compare.py.

A script is a list of steps. Text is sent with its newlines as CRLF, bytes as
they are, numbers are seconds to wait, the rest are the constants below. A
Wire notes what it reads, by the strictest reading.
"""

import re
import socket
import struct
import threading
import time

from wsbtest import Thread

FATE_WAIT_S = 0.35      # so long the end of a connection is waited for
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
