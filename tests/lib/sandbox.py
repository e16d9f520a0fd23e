# SPDX-License-Identifier: MIT
"""A machine for a test: the files of this one under a layer that is thrown
away, with its own /run, /tmp, processes and network.

    box = Sandbox()
    box.install()                   # make install
    box.run("service", "wsbroker", "start", code=0)
    box.path("/run/wsbroker")       # the same, seen from here

Needs root and overlayfs; skips the test otherwise. Nothing outlives it.
"""

import os
import subprocess

from wsbtest import BUILD, Program, _children, needs, run, skip, wait_until

ENTER = r"""
set -e
fs=$1
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$fs"
mkdir "$fs/up" "$fs/work" "$fs/root"
mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$fs/up,workdir=$fs/work" "$fs/root"
mount -t proc proc "$fs/root/proc"
mount -t tmpfs -o mode=755 tmpfs "$fs/root/dev"
for d in null zero full random urandom tty; do
    touch "$fs/root/dev/$d"
    mount --bind "/dev/$d" "$fs/root/dev/$d"
done
ln -s /proc/self/fd "$fs/root/dev/fd"
mkdir "$fs/root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$fs/root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$fs/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$fs/root/tmp"
exec chroot "$fs/root" /usr/bin/python3 -c "$2"
"""

# Process 1: takes the status of orphans, brings the loopback up, waits.
INIT = r"""
import fcntl, signal, socket, struct
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
print("ready", flush=True)
while True:
    signal.pause()
"""


class Sandbox(Program):
    def __init__(self):
        needs("unshare", "nsenter", "mount")
        super().__init__([])
        if os.getuid() != 0:
            skip("needs root")
        (self.dir / "fs").mkdir()
        self.first = None
        self.argv = ["unshare", "--mount", "--pid", "--net", "--ipc", "--fork",
                     "--kill-child", "sh", "-c", ENTER, "enter",
                     str(self.dir / "fs"), INIT]
        self.start()
        wait_until(lambda: "ready" in self.stdout() or not self.alive(), 20,
                   what="the sandbox")
        if not self.alive():
            self.expected_end = True
            skip("no sandbox: " + self.stderr().strip())
        self.first = min(_children(self.pid))
        self.copy(BUILD / "wsbroker-origin", "/usr/local/bin")

    def path(self, name, links=0):
        """Seen from here, without links: an absolute one would lead out."""
        assert links < 40 and name.startswith("/"), name
        root, at = f"/proc/{self.first}/root", ""
        parts = [p for p in name.split("/") if p not in ("", ".")]
        for n, part in enumerate(parts):
            if part == "..":
                at = os.path.dirname(at)
                continue
            if os.path.islink(f"{root}{at}/{part}"):
                to = os.readlink(f"{root}{at}/{part}")
                return self.path("/".join(
                    [to if to[0] == "/" else f"{at}/{to}", *parts[n + 1:]]),
                    links + 1)
            at = f"{at}/{part}"
        return root + at

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def write(self, name, text, mode=0o644):
        """A file of its own, in place of what was there."""
        self.run("rm", "-f", name, code=0)
        with open(self.path(name), "x", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def exists(self, name):
        return self.run("test", "-e", name, "-o", "-L", name).returncode == 0

    def copy(self, source, target):
        """A file, or all that is in a folder, into a folder inside."""
        folder, names = (source, ".") if os.path.isdir(source) else (
            os.path.dirname(source), os.path.basename(source))
        archive = self.dir / "copy.tar"
        done = run(["tar", "-C", folder, "-cf", archive, names])
        assert done.returncode == 0, done.stderr
        with open(archive, "rb") as f:
            self.run("tar", "-x", "--keep-directory-symlink", "--no-overwrite-dir",
                     "-C", target, code=0, stdin=f)

    def run(self, *argv, code=None, timeout=60, stdin=subprocess.DEVNULL,
            **env):
        """A command inside to its end; `code` is what it must exit with."""
        words = ["nsenter", "-t", str(self.first), "-m", "-p", "-n", "-i",
                 "--root", "--wdns=/", "env", "-i", "HOME=/root", "LC_ALL=C",
                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                 "/sbin:/bin", *(f"{k}={v}" for k, v in env.items()),
                 *map(str, argv)]
        # Not through pipes: a service that is started keeps them open.
        with open(self.dir / "out", "w+") as out, open(
                self.dir / "err", "w+") as err:
            done = subprocess.run(words, stdin=stdin, stdout=out, stderr=err,
                                  timeout=timeout)
            out.seek(0)
            err.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        assert code is None or done.returncode == code, (
            f"{' '.join(map(str, argv))}: {done.returncode}, not {code}: "
            f"{done.stdout}{done.stderr}")
        return done

    def probe(self, url):
        """A request from inside; True if the answer was 200."""
        done = self.run("wsbroker-origin", "--probe", url)
        return done.returncode == 0 and " 200 " in done.stdout

    def origin(self, port):
        """The demo origin inside."""
        self.run("setsid", "-f", "wsbroker-origin", "--listen",
                 f"127.0.0.1:{port}", code=0)
        wait_until(lambda: self.probe(f"http://127.0.0.1:{port}/"), 20,
                   what="the origin inside")

    def processes(self):
        """Command names of all processes inside."""
        return [comm for comm in _children(self.pid).values()]

    def install(self):
        """What `make install` places, and what goes with it."""
        done = run(["make", "-C", BUILD, "install",
                    f"DESTDIR={self.dir}/stage"], 120)
        assert done.returncode == 0, done.stderr
        self.copy(self.dir / "stage", "/")
        self.run("systemd-sysusers", "/usr/lib/sysusers.d/wsbroker.conf",
                 code=0)

    def stop(self, number=9, timeout=10):
        if self.alive() and self.first:
            os.kill(self.first, number)
            self.wait(timeout)
