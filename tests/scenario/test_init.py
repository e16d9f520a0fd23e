# SPDX-License-Identifier: MIT
"""The init scripts and units that `make install` places, run for real."""

import os
import re
import socket

from sandbox import Sandbox
from wsbtest import BUILD, find_program, limit, needs, run, skip, wait_until

SCRIPT = "/etc/init.d/wsbroker"
PID = "/run/wsbroker/wsbroker.pid"


def machine():
    """The stock configuration installed, with its server."""
    box = Sandbox()
    box.install()
    box.origin(8000)
    return box


def served(box):
    return box.probe("http://127.0.0.1:80/")


def broken(box):
    box.write("/etc/wsbroker/wsbroker.conf",
              box.read("/etc/wsbroker/wsbroker.conf") + "frontend x\n  bindd y")


def service(box, word, code):
    return box.run(SCRIPT, word, code=code)


@limit(120)
def test_lsb_start_status_restart_stop():
    box = machine()
    service(box, "status", 3)
    service(box, "stop", 0)
    service(box, "start", 0)
    assert served(box)
    service(box, "start", 0)
    status = service(box, "status", 0)
    pid = box.read(PID).strip()
    assert f"(process {pid})" in status.stdout and "worker" in status.stdout
    for path, mode in (("/run/wsbroker", 0o755),
                       ("/run/wsbroker/master.sock", 0o600),
                       ("/run/wsbroker/admin.sock", 0o660),
                       ("/var/lib/wsbroker/state", 0o700),
                       ("/var/lib/wsbroker/empty", 0o555)):
        assert os.stat(box.path(path)).st_mode & 0o7777 == mode, path
    service(box, "restart", 0)
    assert served(box) and box.read(PID).strip() != pid
    service(box, "force-reload", 0)
    assert served(box)
    service(box, "stop", 0)
    service(box, "status", 3)
    assert not {"wsb-master", "wsb-broker", "wsb-worker"} & set(
        box.processes())


@limit(120)
def test_lsb_errors_have_their_codes():
    box = machine()
    service(box, "sing", 2)
    service(box, "drain", 7)
    os.mkdir(box.path("/run/wsbroker"))
    box.write(PID, "1\n")
    service(box, "status", 1)         # dead, its pid file left
    service(box, "start", 0)
    assert box.read(PID) != "1\n"
    good = box.read("/etc/wsbroker/wsbroker.conf")
    broken(box)
    for word in ("start", "status"):
        service(box, word, 0)         # it runs, whatever the file says now
    for word in ("restart", "force-reload", "configtest"):
        done = service(box, word, 6)
        assert re.search(r"wsbroker\.conf:\d+\].*bindd", done.stderr), word
    assert served(box)
    service(box, "drain", 0)
    wait_until(lambda: box.run(SCRIPT, "status").returncode == 3, 20)
    assert "bindd" in service(box, "start", 6).stderr
    box.write("/etc/wsbroker/wsbroker.conf", good)
    service(box, "configtest", 0)
    os.rename(box.path("/usr/sbin/wsbroker"), box.path("/usr/sbin/gone"))
    service(box, "start", 5)
    service(box, "stop", 0)


@limit(120)
def test_lsb_stop_is_bounded_by_the_defaults_file():
    box = machine()
    box.write("/etc/default/wsbroker", 'DRAIN_TIME="1s"\nEXTRAOPTS="-n 123"\n')
    service(box, "start", 0)
    info = box.run("wsbroker-ctl", "cmd", "show info", code=0).stdout
    assert "\nMaxconn: 123\n" in info
    box.run("setsid", "-f", "wsbroker-origin", "--probe",
            "http://127.0.0.1:80/delay/60000")
    wait_until(lambda: "\nCurrConns: 1\n" in box.run(
        "wsbroker-ctl", "cmd", "show info").stdout, 20)
    service(box, "stop", 0)
    service(box, "status", 3)


def openrc():
    """A machine with OpenRC's programs, which are not what boots it."""
    box = machine()
    if not find_program("openrc-run"):
        os.mkdir(box.dir / "debs")
        if run(["apt-get", "-q", "download", "openrc", "librc1", "libeinfo1"],
               60, cwd=box.dir / "debs").returncode:
            skip("OpenRC is not installed and cannot be fetched")
        for deb in (box.dir / "debs").iterdir():
            assert run(["dpkg", "-x", deb, box.dir / "rc"]).returncode == 0
        box.copy(box.dir / "rc", "/")
        box.run("ldconfig")
    for name in ("exclusive", "started", "starting", "stopping", "inactive",
                 "wasinactive", "failed", "daemons", "options", "tmp"):
        os.makedirs(box.path(f"/run/openrc/{name}"), exist_ok=True)
    box.write("/run/openrc/softlevel", "default\n")
    box.write("/etc/rc.conf", 'rc_provide="net"\nrc_cgroup_mode="none"\n')
    box.write(SCRIPT, (BUILD / "wsbroker.openrc").read_text(), 0o755)
    return box


@limit(120)
def test_openrc_start_status_restart_stop():
    box = openrc()
    service(box, "status", 3)
    service(box, "start", 0)
    assert served(box)
    pid = box.read(PID)
    assert "runs (process" in service(box, "status", 0).stdout
    service(box, "start", 0)
    assert box.read(PID) == pid
    service(box, "restart", 0)
    assert served(box) and box.read(PID) != pid
    pid = box.read(PID)
    broken(box)
    assert box.run(SCRIPT, "restart").returncode != 0
    assert box.run(SCRIPT, "configtest").returncode != 0
    assert served(box) and box.read(PID) == pid
    service(box, "drain", 0)
    wait_until(lambda: "wsb-master" not in box.processes(), 20)
    service(box, "stop", 0)
    assert box.run(SCRIPT, "start").returncode != 0


def test_units_pass_systemd_analyze():
    needs("systemd-analyze")
    box = machine()
    folder = "/usr/lib/systemd/system"
    os.symlink("wsbroker@.service",
               box.path(f"{folder}/wsbroker@edge.service"))
    for unit in ("wsbroker.service", "wsbroker@edge.service"):
        done = box.run("systemd-analyze", "verify", "--man=no",
                       "--recursive-errors=no", f"{folder}/{unit}")
        assert done.returncode == 0 and "wsbroker" not in done.stderr, (
            done.stderr)
    # It does tell.
    box.write("/tmp/x.service", box.read(f"{folder}/wsbroker.service").replace(
        "KillMode=mixed", "KillMode=never").replace("sbin/wsbroker", "no"))
    done = box.run("systemd-analyze", "verify", "--man=no",
                   "--recursive-errors=no", "/tmp/x.service")
    assert done.returncode != 0 and "kill mode" in done.stderr, done.stderr


def unit_value(box, name):
    return re.findall(rf"^{name}=(.*)$", box.read(
        "/usr/lib/systemd/system/wsbroker.service"), re.M)


@limit(120)
def test_the_unit_starts_and_stops_it_as_systemd_would():
    """Its commands, capabilities and notify socket; no systemd runs here."""
    box = machine()
    os.makedirs(box.path("/run/wsbroker"))
    values = dict(CONFIG="/etc/wsbroker/wsbroker.conf")
    values.update(NOTIFY_SOCKET="/run/notify")

    def command(name):
        text = unit_value(box, name)[0].replace("$EXTRAOPTS", "")
        return text.replace("${CONFIG}", values["CONFIG"]).split()

    rights = unit_value(box, "CapabilityBoundingSet")[0].lower().replace(
        "cap_", "+").replace(" ", ",")
    limits = ["setpriv", "--no-new-privs", "--bounding-set", f"-all,{rights}"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(box.path("/run/notify"))
        s.settimeout(30)
        box.run(*limits, *command("ExecStartPre"), code=0)
        box.run("setsid", "-f", *limits, *command("ExecStart"), **values,
                code=0)
        assert "READY=1" in s.recv(200).decode()
        assert served(box)
        master = box.run("cat", PID).stdout
        box.run(*command("ExecStop"), code=0)
        said = s.recv(200).decode()
        assert "STOPPING=1" in said and "STATUS=" in said
        assert master and not box.exists(PID)
