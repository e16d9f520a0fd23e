# SPDX-License-Identifier: MIT
"""The scenario library: start things, talk to them, look inside, clean up.

A scenario is a function test_*() in tests/scenario/test_*.py. It takes no
argument, and what it starts here is stopped after it:

    from wsbtest import Origin, Proxy, get

    def test_a_request_passes():
        origin = Origin()
        proxy = Proxy("backend b\\n server s 127.0.0.1:{origin}", origin=origin)
        assert get(proxy.port, "/bytes/5").body == b"01234"

A Proxy without a `global` section gets one (see PREAMBLE); one without a
frontend gets a frontend on {port} to its only backend. WSB_BUILD names the
build directory.
"""

import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WSB_BUILD") or ROOT / "build").resolve()
SANITIZED = BUILD.name.split("-")[0] in ("asan", "ubsan", "tsan", "fuzz")

PREAMBLE = """
global
    stats socket {dir}/admin.sock level admin
    nbproc {workers}
    maxconn 2000
    log stderr format raw local0
defaults
    mode http
    log global
    option httplog
    timeout client 10s
    timeout server 10s
    timeout connect 2s
    timeout queue 5s
"""

FRONTEND = """
frontend fe
    bind 127.0.0.1:{port}
    default_backend %s
"""

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_started = []


class Skip(Exception):
    """The test cannot run here; the reason is its text."""


def skip(reason):
    raise Skip(reason)


def limit(seconds):
    """Decorator: the test may take so long (default 60 s)."""

    def mark(function):
        function.limit_s = seconds
        return function

    return mark


def slow(function):
    """Decorator: left out by tests/run --fast."""
    function.slow = True
    return function


def needs(*programs):
    for program in programs:
        if not find_program(program):
            skip(f"{program} is not installed")


def find_program(name):
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return shutil.which(name, path=path)


_reserved = []


def free_port():
    """A port that no client's side and no other test can be given.

    It stays bound, so that others do not take it; with SO_REUSEADDR, so that
    a server can.
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


def wait_until(condition, timeout=5.0, step=0.02, what="the condition"):
    """Polls condition() until it is true; returns what it returned."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(step)


def run(argv, timeout=30, **options):
    """A command to its end; returns its CompletedProcess (text)."""
    argv = [str(a) for a in argv]
    argv[0] = find_program(argv[0]) or argv[0]
    return subprocess.run(
        argv, capture_output=True, text=True, errors="replace",
        timeout=timeout, **options)


def curl(*args, timeout=20):
    needs("curl")
    return run(["curl", "-sS", "--max-time", timeout, *args], timeout + 5)


def _children(pid):
    """All descendants of pid as {pid: comm}."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = Path("/proc", entry, "stat").read_text()
        except OSError:
            continue
        comm = text[text.index("(") + 1:text.rindex(")")]
        state, ppid = text[text.rindex(")") + 2:].split()[:2]
        if state not in "ZX":
            parents[int(entry)] = (int(ppid), comm)
    found, todo = {}, [pid]
    while todo:
        parent = todo.pop()
        for child, (ppid, comm) in parents.items():
            if ppid == parent and child not in found:
                found[child] = comm
                todo.append(child)
    return found


class Program:
    """A process of its own group that dies with the test."""

    def __init__(self, argv, env=None, cwd=None, nofile=None, pass_fds=()):
        self.dir = Path(tempfile.mkdtemp(prefix="wsbtest."))
        os.chmod(self.dir, 0o755)
        self.nofile = nofile
        self.pass_fds = pass_fds
        self.argv = [str(a) for a in argv]
        self.env = env
        self.cwd = cwd
        self.process = None
        self.expected_end = False
        _started.append(self)

    def start(self):
        def before_exec():
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if self.nofile:
                import resource
                resource.setrlimit(
                    resource.RLIMIT_NOFILE, (self.nofile, self.nofile))

        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL,
            stdout=open(self.dir / "stdout", "wb"),
            stderr=open(self.dir / "stderr", "wb"),
            env={**os.environ, **(self.env or {})}, cwd=self.cwd,
            preexec_fn=before_exec, pass_fds=self.pass_fds,
            start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stdout(self):
        return (self.dir / "stdout").read_text(errors="replace")

    def stderr(self):
        path = self.dir / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=10):
        self.expected_end = True
        return self.process.wait(timeout)

    def wait_port(self, port, timeout=10.0):
        def answers():
            if not self.alive():
                raise AssertionError(
                    f"{self.argv[0]} ended with {self.process.returncode}: "
                    + (self.stderr() or self.stdout())[-2000:])
            with socket.socket() as s:
                s.settimeout(1)
                return s.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers, timeout, what=f"{self.argv[0]} on port {port}")

    def stop(self, number=signal.SIGTERM, timeout=10):
        """Ends it; returns its exit code."""
        self.expected_end = True
        if self.alive():
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(
                    f"{self.argv[0]} did not stop in {timeout} s") from None
        return self.process.returncode if self.process else None

    def kill(self):
        self.expected_end = True
        if self.process is None:
            return
        victims = [self.pid, *_children(self.pid)] if self.alive() else []
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.process.wait(5)

    def verify(self):
        """Called before it is stopped: raises if something went wrong."""
        if self.process and not self.alive() and not self.expected_end:
            raise AssertionError(
                f"{self.argv[0]} ended by itself with "
                f"{self.process.returncode}: {self.stderr()[-2000:]}")

    def verify_end(self):
        """Called after it has ended."""

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Origin(Program):
    """wsbroker-origin; its statistics come over a port of its own."""

    def __init__(self, *args, port=0, nofile=None):
        super().__init__([
            BUILD / "wsbroker-origin", "--listen", f"127.0.0.1:{port}",
            "--admin", "127.0.0.1:0", *args], nofile=nofile)
        self.start()

        def addresses():
            assert self.alive(), self.stderr()
            return re.search(
                r"listening on \S+:(\d+)\nadmin on \S+:(\d+)", self.stdout())

        match = wait_until(addresses, what="the origin's addresses")
        self.port, self.admin_port = int(match[1]), int(match[2])

    def stats(self):
        return json.loads(get(self.admin_port, "/_stats").body)

    def reset(self):
        get(self.admin_port, "/_stats/reset")

    def pause(self):
        self.send_signal(signal.SIGSTOP)

    def resume(self):
        self.send_signal(signal.SIGCONT)

    def kill(self):
        if self.alive():
            self.resume()
        super().kill()


SANITIZER_WORDS = (
    "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error: ",
    "WARNING: ThreadSanitizer", "assertion failed")


class Proxy(Program):
    """build/wsbroker in the foreground, on a configuration text.

    {name} in the text is replaced by: dir, port, port2 ... (free ones),
    workers, origin (its port), and by keyword arguments. After the test the
    board must check clean and no sanitizer may have spoken.
    """

    def __init__(self, config, *, origin=None, workers=1, args=(), env=None,
                 nofile=None, start=True, check=True, pass_fds=(), **values):
        super().__init__([], env=env, nofile=nofile, pass_fds=pass_fds)
        self.check_after = check
        self.values = {"dir": self.dir, "workers": workers, **values}
        if origin is not None:
            self.values["origin"] = origin.port
        self.config = self.dir / "wsbroker.conf"
        self.write(config)
        self.port = self.values.get("port")
        self.argv = [
            str(BUILD / "wsbroker"), "-db", *map(str, args), "-f",
            str(self.config)]
        if start:
            self.start()
            if self.port:
                self.wait_port(self.port)
            self.wait_workers()

    def write(self, config):
        """Fills in the configuration and writes its file."""
        if not re.search(r"^\s*global\b", config, re.M):
            config = PREAMBLE + config
        backend = re.search(r"^\s*backend\s+(\S+)", config, re.M)
        if backend and not re.search(r"^\s*(frontend|listen)\b", config, re.M):
            config += FRONTEND % backend[1]

        def value(match):
            name = match[1]
            if name not in self.values and re.fullmatch(r"port\d*", name):
                self.values[name] = free_port()
            return str(self.values[name])

        text = re.sub(r"(?<![$%])\{(\w+)\}", value, config)
        self.config.write_text(text + "\n")

    def wait_workers(self, timeout=10):
        """Until broker and workers run under their names."""
        def ready():
            found = self.pids()
            return found["broker"] and found["workers"] or not self.alive()

        wait_until(ready, timeout, what="broker and workers")

    def wait_running(self, timeout=20):
        """Until every process is: whoever is killed before ends the start."""
        wait_until(lambda: all(p["state"] == "run"
                               for p in self.board()["processes"]), timeout,
                   what="all processes")

    def pids(self):
        """{"master": pid, "broker": [pid], "workers": [pid, ...]}"""
        found = {"master": self.pid, "broker": [], "workers": []}
        for pid, comm in sorted(_children(self.pid).items()):
            if comm.startswith("wsb-broker"):
                found["broker"].append(pid)
            elif comm.startswith("wsb-worker"):
                found["workers"].append(pid)
        return found

    def reload(self):
        self.send_signal(signal.SIGUSR2)

    def log(self):
        """What it wrote to stderr: with the PREAMBLE, also its log."""
        return self.stderr().splitlines()

    def wait_log(self, pattern, timeout=5):
        """The first log line that matches; waits for it."""
        return wait_until(
            lambda: next((s for s in self.log() if re.search(pattern, s)),
                         None), timeout, what=f"log line /{pattern}/")

    def top(self, *args):
        return run([BUILD / "wsbroker-top", "--pid", self.pid, *args])

    def check(self):
        """wsbroker-top --check must find nothing."""
        done = self.top("--check")
        assert done.returncode == 0, (
            f"wsbroker-top --check: {done.stdout}{done.stderr}")

    def board(self):
        done = self.top("--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def descriptors(self, pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    def verify(self):
        super().verify()
        if self.alive() and self.check_after and not self.expected_end:
            self.check()

    def verify_end(self):
        text = self.stderr()
        for word in SANITIZER_WORDS:
            at = text.find(word)
            if at >= 0:
                raise AssertionError(text[max(0, at - 200):at + 4000])


def kills_under_load(proxy, ask, seconds, least):
    """A worker or the broker dies each second while 8 clients ask.

    ask(k, n): client k's request after n of all; (answer, the body it should
    have). None may get another's, and at most one a client fails per death.
    """
    end = time.monotonic() + seconds
    wrong, failed, done = [], [], [0]

    def client(k):
        while time.monotonic() < end:
            try:
                answer, body = ask(k, done[0])
            except (OSError, AssertionError, ValueError) as error:
                failed.append(error)
                continue
            done[0] += 1
            if answer.status != 200:
                failed.append(answer.status)
            elif answer.body != body:
                wrong.append((k, len(answer.body)))

    proxy.wait_running()
    threads = [threading.Thread(target=client, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    kills = 0
    while time.monotonic() < end - 1:
        time.sleep(1.0)
        pids = proxy.pids()
        victims = pids["workers"] if kills % 3 else pids["broker"]
        if victims:
            kills += 1
            os.kill(victims[kills % len(victims)], signal.SIGKILL)
    for t in threads:
        t.join()
    assert not wrong, wrong[:5]
    assert done[0] > least, (done, failed[:5])
    assert len(failed) <= 8 * kills, (len(failed), failed[:5])


def check_config(text, *args):
    """wsbroker -c on a text; returns its CompletedProcess."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(text)
        f.flush()
        return run([BUILD / "wsbroker", "-c", *args, "-f", f.name])


class Nginx(Program):
    """A real nginx; `server` is the inside of its server block."""

    def __init__(self, server="location / { return 200 hello; }", http="",
                 workers=1, connections=4096, nofile=None):
        needs("nginx")
        super().__init__([find_program("nginx")], nofile=nofile)
        self.port = free_port()
        self.root = self.dir / "www"
        self.root.mkdir()
        user = "user root;" if os.getuid() == 0 else ""
        (self.dir / "nginx.conf").write_text(f"""
            {user} daemon off; pid {self.dir}/pid;
            worker_processes {workers};
            error_log {self.dir}/error.log;
            events {{ worker_connections {connections}; }}
            http {{
                access_log off; root {self.root}; default_type text/plain;
                client_body_temp_path {self.dir}/body;
                proxy_temp_path {self.dir}/proxy;
                fastcgi_temp_path {self.dir}/fcgi;
                uwsgi_temp_path {self.dir}/uwsgi;
                scgi_temp_path {self.dir}/scgi;
                keepalive_requests 1000000;
                {http}
                server {{ listen 127.0.0.1:{self.port}; {server} }}
            }}""")
        self.argv += ["-p", str(self.dir), "-c", str(self.dir / "nginx.conf"),
                      "-e", str(self.dir / "error.log")]
        self.start()
        self.wait_port(self.port)


class Apache(Program):
    """A real apache2; `extra` is added to its configuration."""

    def __init__(self, extra=""):
        needs("apache2")
        super().__init__([find_program("apache2")])
        self.port = free_port()
        self.root = self.dir / "www"
        self.root.mkdir()
        modules = "".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
            for name in ("mpm_event", "authz_core", "dir", "headers", "alias",
                         "mime"))
        user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
        (self.dir / "apache.conf").write_text(f"""{modules}{user}
            ServerName localhost
            Listen 127.0.0.1:{self.port}
            PidFile {self.dir}/pid
            ErrorLog {self.dir}/error.log
            Mutex file:{self.dir} default
            DefaultRuntimeDir {self.dir}
            TypesConfig /dev/null
            DocumentRoot {self.root}
            KeepAlive On
            MaxKeepAliveRequests 0
            <Directory {self.root}>
                Require all granted
            </Directory>
            {extra}
            """)
        self.argv += ["-d", str(self.dir), "-f", str(self.dir / "apache.conf"),
                      "-DFOREGROUND"]
        self.start()
        self.wait_port(self.port)


class Haproxy(Program):
    """A real HAProxy on a configuration text; {port} as in Proxy."""

    def __init__(self, config, **values):
        needs("haproxy")
        super().__init__([find_program("haproxy")])
        self.port = free_port()
        values = {"port": self.port, "dir": self.dir, **values}
        path = self.dir / "haproxy.cfg"
        path.write_text(re.sub(
            r"(?<![$%])\{(\w+)\}", lambda m: str(values[m[1]]), config))
        self.argv += ["-db", "-f", str(path)]
        self.start()
        self.wait_port(self.port)


class Thread:
    """Base of what runs as a thread of the test."""

    def __init__(self):
        _started.append(self)
        self.error = None

    def verify(self):
        if self.error:
            raise self.error

    def stop(self):
        raise NotImplementedError

    def kill(self):
        self.stop()

    def verify_end(self):
        pass

    def remove(self):
        pass


class FakeServer(Thread):
    """A server whose behaviour is a function: handler(socket, number).

    It is called in a thread per accepted connection, number counting from
    0; the socket is closed after it. ConnectionError in it is ignored, any
    other exception fails the test.
    """

    def __init__(self, handler, backlog=128):
        super().__init__()
        self.handler = handler
        self.accepted = 0
        self.sockets = []
        self.listener = socket.create_server(
            ("127.0.0.1", 0), backlog=backlog)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            number, self.accepted = self.accepted, self.accepted + 1
            self.sockets.append(client)
            threading.Thread(
                target=self._serve, args=(client, number), daemon=True).start()

    def _serve(self, client, number):
        try:
            with client:
                self.handler(client, number)
        except (ConnectionError, TimeoutError):
            pass
        except Exception as error:  # noqa: BLE001, reported by verify()
            if self.error is None and self.listener.fileno() >= 0:
                self.error = error

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for client in self.sockets:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Syslog(Thread):
    """Catches syslog lines; Syslog() by UDP, Syslog(path) on a socket."""

    def __init__(self, path=None):
        super().__init__()
        self.path = path
        self.lines = []
        self.socket = None
        self.listen()

    def listen(self):
        """(Again) after close(): as a syslog daemon that restarts."""
        if self.path:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            if os.path.exists(self.path):
                os.unlink(self.path)
            self.socket.bind(str(self.path))
            os.chmod(self.path, 0o666)
            self.address = str(self.path)
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
            self.address = f"127.0.0.1:{self.port}"
        threading.Thread(
            target=self._read, args=(self.socket,), daemon=True).start()

    def _read(self, sock):
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                return
            if not data or data == b"\0stop":
                return
            self.lines.append(data.decode(errors="replace"))

    def close(self):
        if self.socket is None:
            return
        sock, self.socket = self.socket, None
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()
        if self.path and os.path.exists(self.path):
            os.unlink(self.path)

    def stop(self):
        self.close()

    def wait(self, pattern, timeout=5):
        return wait_until(
            lambda: next((s for s in self.lines if re.search(pattern, s)),
                         None), timeout, what=f"syslog line /{pattern}/")


def cleanup():
    """Stops what the test started; returns the errors that shows."""
    errors = []

    def attempt(function):
        try:
            function()
        except Exception as error:  # noqa: BLE001, reported by the runner
            errors.append(error)

    while _started:
        # The proxy is looked at while its servers still live.
        for thing in reversed(_started):
            attempt(thing.verify)
        for thing in reversed(_started):
            attempt(thing.stop)
        for thing in reversed(_started):
            attempt(thing.kill)
            attempt(thing.verify_end)
            if not errors or not os.environ.get("WSB_KEEP"):
                thing.remove()
        _started.clear()
    return errors


# The clients come last: they use nothing but sockets.
from wsbclient import (  # noqa: E402,F401
    Client, Response, get, load, request, ws_echo)

assert sys.version_info >= (3, 9)
