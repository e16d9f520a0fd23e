# SPDX-License-Identifier: MIT
"""The Debian package, built, installed, upgraded and removed for real."""

import os
import re

from sandbox import Sandbox
from wsbtest import ROOT, find_program, limit, needs, run, skip, wait_until

SCRIPT = "/etc/init.d/wsbroker"
CONF = "/etc/wsbroker/wsbroker.conf"
PID = "/run/wsbroker/wsbroker.pid"


def package(folder):
    """Built by tools/mkdeb, without optimisation, which takes less time."""
    needs("dpkg-buildpackage", "fakeroot")
    done = run([ROOT / "tools/mkdeb", folder], 580,
               env={**os.environ, "DEB_BUILD_OPTIONS": "noopt", "JOBS": "2"})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def next_version(deb):
    """The same, as version 99 and with another stock configuration."""
    tree = deb + ".tree"
    assert run(["dpkg-deb", "-R", deb, tree]).returncode == 0
    for name, old, new in (
            ("DEBIAN/control", r"(?m)^Version: .*", "Version: 99.0"),
            (CONF[1:], r"maxconn 20000", "maxconn 15000")):
        with open(f"{tree}/{name}", encoding="utf-8") as f:
            text = f.read()
        with open(f"{tree}/{name}", "w", encoding="utf-8") as f:
            f.write(re.sub(old, new, text))
    path = deb.replace(".deb", "_99.deb")
    done = run(["dpkg-deb", "--root-owner-group", "-b", tree, path])
    assert done.returncode == 0, done.stderr
    return path


def machine(*debs):
    box = Sandbox()
    box.run("rm", "-f", "/usr/sbin/policy-rc.d", code=0)
    # Package scripts start services where there is a runlevel.
    box.write("/usr/sbin/runlevel", "#!/bin/sh\necho N 2\n", 0o755)
    for deb in debs:
        box.copy(deb, "/root")
    box.origin(8000)
    return box


def dpkg(box, *words):
    return box.run("dpkg", *words, code=0, timeout=120,
                   DEBIAN_FRONTEND="noninteractive")


def served(box):
    return box.probe("http://127.0.0.1:80/")


@limit(600)
def test_it_installs_starts_upgrades_and_goes():
    if not find_program("dpkg"):
        skip("this is no Debian")
    box = Sandbox()
    first = package(box.dir)
    second = next_version(first)
    box = machine(first, second)
    dpkg(box, "-i", f"/root/{os.path.basename(first)}")
    assert re.search(r"^wsbroker:", box.read("/etc/passwd"), re.M)
    assert served(box), box.run("wsbroker-ctl", "status").stdout
    assert [n for n in os.listdir(box.path("/etc/rc2.d")) if re.fullmatch(
        r"S\d\dwsbroker", n)]
    assert box.exists("/etc/systemd/system/multi-user.target.wants/"
                      "wsbroker.service")
    box.run("dpkg", "-V", "wsbroker", code=0)

    # A file that was changed is kept, and the service goes on.
    own = box.read(CONF) + "# mine\n"
    box.write(CONF, own)
    before = box.read(PID)
    dpkg(box, "--force-confold", "-i", f"/root/{os.path.basename(second)}")
    assert served(box) and box.read(CONF) == own
    assert "maxconn 15000" in box.read(f"{CONF}.dpkg-dist")
    assert box.read(PID) != before      # it is the new program that runs
    master = box.run("readlink", f"/proc/{box.read(PID).strip()}/exe").stdout
    assert master == "/usr/sbin/wsbroker\n"

    # With errors in its file the service is not touched.
    before = box.read(PID)
    box.write(CONF, own + "frontend x\n  bindd y\n")
    dpkg(box, "--force-confold", "-i", f"/root/{os.path.basename(second)}")
    assert served(box) and box.read(PID) == before
    box.write(CONF, own)

    dpkg(box, "-r", "wsbroker")
    wait_until(lambda: "wsb-master" not in box.processes(), 20)
    assert box.read(CONF) == own and not box.exists("/usr/sbin/wsbroker")
    assert box.run(SCRIPT, "stop").returncode == 0
    dpkg(box, "-P", "wsbroker")
    for path in (CONF, SCRIPT, "/etc/default/wsbroker", "/var/lib/wsbroker"):
        assert not box.exists(path), path
    assert re.search(r"^wsbroker:", box.read("/etc/passwd"), re.M)
