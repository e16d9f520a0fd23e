# SPDX-License-Identifier: MIT
"""What the documents and the installed files promise."""

import os
import re
import tempfile
from pathlib import Path

from wsbtest import BUILD, ROOT, Origin, Program, check_config, free_port, \
    get, limit, run, skip, wait_until


def configs_in(path):
    text = (ROOT / path).read_text()
    return re.findall(r"^```haproxy\n(.*?)^```", text, re.M | re.S)


def test_readme_configurations_are_valid():
    found = configs_in("README.md")
    assert found
    for text in found:
        done = check_config(text)
        assert done.returncode == 0, done.stdout + done.stderr


def test_manual_page_example_is_valid():
    page = (ROOT / "tools/man/wsbroker.conf.5.in").read_text()
    text = re.search(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)[1]
    done = check_config(text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_example_configuration_is_valid():
    text = (ROOT / "tools/conf/wsbroker.conf").read_text()
    # The service's user may not exist where the tests run.
    text = re.sub(r"^\s*(user|group) wsbroker$", "", text, flags=re.M)
    text = text.replace("group wsbroker ", "")
    done = check_config(text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_debians_haproxy_configuration_is_valid():
    path = Path("/etc/haproxy/haproxy.cfg")
    if not path.is_file():
        skip("haproxy is not installed")
    done = run([BUILD / "wsbroker", "-c", "-V", "-f", path])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Configuration file is valid" in done.stdout


def quickstart(*args):
    return run([ROOT / "tools/quickstart", *args], timeout=120)


@limit(150)
def test_quickstart_once_sends_both_and_cleans_up():
    before = set(os.listdir(tempfile.gettempdir()))
    done = quickstart("--once", "--port", str(free_port()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 OK" in done.stdout, done.stdout
    assert 'got "hello through wsbroker"' in done.stdout, done.stdout
    left = set(os.listdir(tempfile.gettempdir())) - before
    assert not [n for n in left if n.startswith("tmp.")], left


def test_quickstart_names_a_busy_port():
    port = Origin().port
    done = quickstart("--once", "--port", str(port))
    assert done.returncode == 1, done.stdout
    assert f"port {port} is in use" in done.stderr, done.stderr
    assert "--port" in done.stderr


@limit(150)
def test_quickstart_ends_at_ctrl_c():
    port = free_port()
    started = Program([ROOT / "tools/quickstart", "--port", port]).start()
    wait_until(lambda: "Ctrl-C" in started.stdout(), 100)
    assert get(port, "/bytes/5").body == b"01234"
    os.killpg(started.pid, 2)
    code = started.wait()
    assert code == 130, (code, started.stderr())


def test_install_places_everything():
    with tempfile.TemporaryDirectory() as dest:
        done = run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={dest}"],
                   timeout=60)
        assert done.returncode == 0, done.stderr
        for path in (
                "usr/sbin/wsbroker", "usr/bin/wsbroker-top",
                "usr/bin/wsbroker-ctl",
                "usr/share/man/man8/wsbroker.8",
                "usr/share/man/man1/wsbroker-top.1",
                "usr/share/man/man5/wsbroker.conf.5",
                "etc/wsbroker/wsbroker.conf", "etc/wsbroker/errors",
                "etc/init.d/wsbroker", "etc/default/wsbroker",
                "usr/lib/systemd/system/wsbroker.service",
                "usr/share/doc/wsbroker/examples/wsbroker.openrc"):
            assert Path(dest, path).exists(), path
        assert not Path(dest, "usr/bin/wsbroker-origin").exists()
        script = Path(dest, "etc/init.d/wsbroker").read_text()
        assert "CTL=/usr/bin/wsbroker-ctl\n" in script
        assert "@" not in re.sub(r"\$@", "", script)
        # A configuration somebody wrote stays.
        Path(dest, "etc/wsbroker/wsbroker.conf").write_text("# mine\n")
        run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={dest}"],
            timeout=60)
        kept = Path(dest, "etc/wsbroker/wsbroker.conf").read_text()
        assert kept == "# mine\n"
