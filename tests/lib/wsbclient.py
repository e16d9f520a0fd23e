# SPDX-License-Identifier: MIT
"""HTTP and WebSocket clients of raw sockets, and a load generator."""

import asyncio
import base64
import os
import socket
import struct
import time


class Response:
    """status, headers [(name, value)], body, trailers, version, raw head."""

    def __init__(self, head):
        self.head = head
        line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.version, status, *reason = line.split(" ", 2)
        self.status = int(status)
        self.reason = reason[0] if reason else ""
        self.headers = [
            (name.lower(), value.strip())
            for name, _, value in (f.partition(":") for f in fields)]
        self.body = b""
        self.trailers = []

    def header(self, name, default=None):
        """All values of a header joined by ', '."""
        values = [v for n, v in self.headers if n == name.lower()]
        return ", ".join(values) if values else default

    def __repr__(self):
        return f"<{self.status} {self.reason}, {len(self.body)} bytes>"


class Client:
    """One client connection. Everything is bytes and blocking."""

    def __init__(self, port, host="127.0.0.1", timeout=10, rcvbuf=None):
        self.host = f"{host}:{port}"
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def shutdown(self):
        """FIN: nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        if isinstance(data, str):
            data = data.encode("latin-1")
        self.socket.sendall(data)

    def send_request(self, method="GET", path="/", headers=(), body=None,
                     version="1.1"):
        names = {name.lower() for name, _ in headers}
        lines = [f"{method} {path} HTTP/{version}"]
        if "host" not in names:
            lines.append(f"Host: {self.host}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None and not names & {
                "content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines) + "\r\n\r\n")
        if body:
            self.send(body)

    def fill(self):
        """More input; b'' at the end."""
        data = self.socket.recv(262144)
        self.buffer += data
        return data

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise ConnectionError(
                    f"closed before {mark!r}; got {self.buffer[:200]!r}")
        at = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:at], self.buffer[at:]
        return data

    def read(self, n):
        parts, have = [self.buffer[:n]], min(n, len(self.buffer))
        self.buffer = self.buffer[n:]
        while have < n:
            data = self.socket.recv(min(n - have, 1 << 20))
            if not data:
                raise ConnectionError(f"closed after {have} of {n} bytes")
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def read_all(self):
        """Until the other side closes."""
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def read_head(self):
        return Response(self.read_until(b"\r\n\r\n"))

    def read_response(self, method="GET"):
        """The next final response (1xx but 101 are skipped)."""
        response = self.read_head()
        while 100 <= response.status < 200 and response.status != 101:
            response = self.read_head()
        if (method == "HEAD" or response.status in (101, 204, 304)):
            return response
        if "chunked" in response.header("transfer-encoding", ""):
            self._read_chunks(response)
        elif response.header("content-length") is not None:
            response.body = self.read(int(response.header("content-length")))
        else:
            response.body = self.read_all()
        return response

    def _read_chunks(self, response):
        parts = []
        while True:
            size = int(self.read_until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            parts.append(self.read(size))
            assert self.read(2) == b"\r\n", "no CRLF after a chunk"
        response.body = b"".join(parts)
        while True:
            line = self.read_until(b"\r\n")[:-2].decode("latin-1")
            if not line:
                return
            name, _, value = line.partition(":")
            response.trailers.append((name.lower(), value.strip()))

    def request(self, method="GET", path="/", headers=(), body=None,
                version="1.1"):
        self.send_request(method, path, headers, body, version)
        return self.read_response(method)

    def get(self, path="/", headers=()):
        return self.request("GET", path, headers)

    def is_closed(self, timeout=3):
        """Whether the other side closes (FIN or RST) within the time."""
        self.socket.settimeout(timeout)
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    # WebSocket, for short unfragmented messages.

    def ws_open(self, path="/ws", headers=()):
        key = base64.b64encode(os.urandom(16)).decode()
        return self.request("GET", path, [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key),
            *headers])

    def ws_send(self, data, opcode=1):
        mask = os.urandom(4)
        n = len(data)
        if n < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | n)
        elif n < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0xFE, n)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, n)
        keys = (mask * (n // 4 + 1))[:n]
        masked = (int.from_bytes(data, "big") ^
                  int.from_bytes(keys, "big")).to_bytes(n, "big")
        self.send(head + mask + masked)

    def ws_recv(self):
        """(opcode, payload) of the next frame."""
        first, second = self.read(2)
        n = second & 0x7F
        if n == 126:
            n = struct.unpack("!H", self.read(2))[0]
        elif n == 127:
            n = struct.unpack("!Q", self.read(8))[0]
        return first & 0x0F, self.read(n)


def request(port, method="GET", path="/", headers=(), body=None,
            version="1.1", timeout=10):
    """One request on a connection of its own."""
    with Client(port, timeout=timeout) as client:
        headers = [("Connection", "close"), *headers]
        return client.request(method, path, headers, body, version)


def get(port, path="/", headers=(), timeout=10):
    return request(port, "GET", path, headers, timeout=timeout)


def ws_echo(port, data=b"hello", path="/ws"):
    """Opens a WebSocket, sends one message, returns what comes back."""
    with Client(port) as client:
        response = client.ws_open(path)
        assert response.status == 101, response
        client.ws_send(data)
        return client.ws_recv()[1]


class Load:
    """What load() saw. Times in seconds since its start."""

    def __init__(self):
        self.requests = 0       # answered with a final status
        self.statuses = {}      # status: count
        self.errors = []        # (time, client, text) of requests not answered
        self.connects = 0       # client connections made
        self.outstanding = 0
        self.peak_outstanding = 0
        self.latencies = []     # per answered request
        self.finished = []      # (start, end, client) per answered request
        self.start = time.monotonic()

    def now(self):
        return time.monotonic() - self.start

    def percentile(self, p):
        values = sorted(self.latencies)
        return values[min(len(values) - 1, int(len(values) * p / 100))]

    def __repr__(self):
        return (f"<{self.requests} requests {self.statuses}, "
                f"{len(self.errors)} errors, peak {self.peak_outstanding}>")


class _LoadClient:
    def __init__(self, result, number, port, path, keepalive, headers, timeout):
        self.result = result
        self.number = number
        self.port = port
        self.keepalive = keepalive
        self.timeout = timeout
        self.streams = None
        extra = "".join(f"{n}: {v}\r\n" for n, v in headers)
        if not keepalive:
            extra += "Connection: close\r\n"
        self.text = (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                     f"{extra}\r\n").encode()

    def close(self):
        if self.streams:
            self.streams[1].close()
            self.streams = None

    async def connect(self):
        self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        self.result.connects += 1

    async def _exchange(self):
        if self.streams is None:
            await self.connect()
        reader, writer = self.streams
        writer.write(self.text)
        head = await reader.readuntil(b"\r\n\r\n")
        response = Response(head)
        length = response.header("content-length")
        if length is not None:
            await reader.readexactly(int(length))
        elif "chunked" in response.header("transfer-encoding", ""):
            size = -1
            while size:
                size = int((await reader.readuntil(b"\r\n"))[:-2], 16)
                await reader.readexactly(size + 2 if size else 0)
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
        else:
            await reader.read(-1)
        if (not self.keepalive or
                "close" in response.header("connection", "").lower()):
            self.close()
        return response.status

    async def one(self):
        r = self.result
        began = r.now()
        r.outstanding += 1
        r.peak_outstanding = max(r.peak_outstanding, r.outstanding)
        try:
            status = await asyncio.wait_for(self._exchange(), self.timeout)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError,
                ValueError) as error:
            r.errors.append((r.now(), self.number, repr(error)))
            self.close()
            return
        finally:
            r.outstanding -= 1
        r.requests += 1
        r.statuses[status] = r.statuses.get(status, 0) + 1
        r.latencies.append(r.now() - began)
        r.finished.append((began, r.now(), self.number))


async def _closed_loop(clients, result, seconds):
    async def repeat(client):
        while result.now() < seconds:
            before = len(result.errors)
            await client.one()
            if len(result.errors) > before:
                await asyncio.sleep(0.01)

    await asyncio.gather(*(repeat(c) for c in clients))


async def _bursts(clients, result, seconds, rate, burst):
    idle, running = list(clients), set()

    async def use(client):
        await client.one()
        idle.append(client)

    beat = 0
    while result.now() < seconds:
        for _ in range(min(burst, len(idle))):
            task = asyncio.ensure_future(use(idle.pop(0)))
            running.add(task)
            task.add_done_callback(running.discard)
        beat += 1
        await asyncio.sleep(max(0.0, beat * burst / rate - result.now()))
    if running:
        await asyncio.wait(set(running))


async def _load(port, path, clients, seconds, rate, burst, keepalive, headers,
                timeout, during):
    result = Load()
    pool = [_LoadClient(result, i, port, path, keepalive, headers, timeout)
            for i in range(clients)]
    if keepalive and rate:
        await asyncio.gather(*(c.connect() for c in pool))
        result.start = time.monotonic()
    side = None
    if during:
        side = asyncio.get_running_loop().run_in_executor(None, during, result)
    if rate:
        await _bursts(pool, result, seconds, rate, burst)
    else:
        await _closed_loop(pool, result, seconds)
    if side:
        await side
    for client in pool:
        client.close()
    await asyncio.sleep(0)
    return result


def load(port, path="/bytes/128", clients=16, seconds=2.0, rate=None, burst=1,
         keepalive=True, headers=(), timeout=10, during=None):
    """Loads a port; returns a Load.

    Without rate each client sends its next request when the last was
    answered. With it, `burst` requests start together, on as many idle
    clients, rate/burst times a second. during(result) runs in a thread
    meanwhile.
    """
    return asyncio.run(_load(port, path, clients, seconds, rate, burst,
                             keepalive, headers, timeout, during))
