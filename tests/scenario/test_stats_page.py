# SPDX-License-Identifier: MIT
"""The status page: its figures, its policy, and a browser's view of it."""

import json
import re

from wsbtest import Origin, Proxy, check_config, get, needs, run

CONFIG = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend fe
    bind 127.0.0.1:{port}
    stats uri /status
    stats refresh 1s
    stats hide-version
    default_backend be
backend be
    server s1 127.0.0.1:{origin}
"""


def start(origin):
    proxy = Proxy(CONFIG, origin=origin, workers=2)
    for _ in range(25):
        assert get(proxy.port, "/bytes/10").status == 200
    return proxy


def test_figures_are_the_origins():
    origin = Origin()
    proxy = start(origin)
    answer = get(proxy.port, "/status;live")
    assert answer.status == 200 and answer.header("cache-control") == "no-store"
    live = json.loads(answer.body)
    server = live["servers"][0]
    assert (server["backend"], server["name"], server["state"]) == (
        "be", "s1", "UP")
    assert server["requests"] == origin.stats()["requests"] == 25
    assert server["connects"] == origin.stats()["accepted"]
    assert server["tags"]["h1"][0] == server["connects"]
    assert live["refresh_ms"] == 1000 and live["version"] == ""
    assert len(live["workers"]) == 2 and "addr" not in server
    get(proxy.port, "/statusx")
    assert origin.stats()["requests"] == 26


def test_the_page_asks_nobody_else():
    proxy = start(Origin())
    answer = get(proxy.port, "/status")
    policy = answer.header("content-security-policy")
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    text = answer.body.decode()
    assert text.endswith("</html>\n")
    links = set(re.findall(r"https?://[^\"'\s]+", text))
    assert links == {"http://www.w3.org/2000/svg"}, links  # a name, no link


def test_a_browser_shows_it():
    needs("chromium")
    proxy = start(Origin())
    done = run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={proxy.dir}/browser", "--window-size=390,844",
         "--virtual-time-budget=4000", "--dump-dom",
         f"http://127.0.0.1:{proxy.port}/status"], timeout=120)
    assert ">be/s1<" in done.stdout, done.stdout[-3000:] + done.stderr
    assert ">worker 2<" in done.stdout
    assert "<polyline" in done.stdout
    assert 'id="lost" class="bad" role="alert" hidden' in done.stdout


def test_what_is_not_there_is_refused():
    for line in ("stats auth a:b", "stats admin if TRUE", "stats uri x"):
        done = check_config(
            CONFIG.replace("stats hide-version", line)
            .replace("{port}", "1024").replace("{origin}", "1025"))
        assert done.returncode == 1 and "stats" in done.stderr, done
