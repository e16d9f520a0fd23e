# SPDX-License-Identifier: MIT
"""Metrics for Prometheus: format, and counts beside the origin's own."""

import re
import subprocess

from wsbtest import ROOT, Client, Origin, Proxy, curl, get, needs

CONFIG = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend fe
    bind 127.0.0.1:{port}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    default_backend be
backend be
"""


def start(servers="    server s1 127.0.0.1:{origin}\n", **values):
    config = CONFIG.replace("{{", "{").replace("}}", "}")
    return Proxy(config + servers, **values)


def metrics(proxy, path="/metrics"):
    answer = get(proxy.port, path)
    assert answer.status == 200, answer
    return answer.body.decode()


def value(text, sample):
    found = re.search(r"^%s (\S+)$" % re.escape(sample), text, re.M)
    return float(found[1]) if found else None


def check(text):
    needs("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=text,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_count_what_the_origin_counts():
    origin = Origin()
    proxy = start(origin=origin, workers=3)
    for _ in range(40):
        assert get(proxy.port, "/bytes/100").status == 200
    assert get(proxy.port, "/status/503").status == 503
    text = metrics(proxy)
    check(text)
    one = '{proxy="be",server="s1"'
    served = origin.stats()["requests"]
    assert served == 41
    assert value(text, f'haproxy_server_sessions_total{one}}}') == served
    assert value(text, f'haproxy_server_http_responses_total{one},code="2xx"}}'
                 ) == 40
    assert value(text, 'haproxy_frontend_http_responses_total'
                 '{proxy="fe",code="5xx"}') == 1
    assert value(text, 'wsbroker_backend_request_duration_seconds_count'
                 '{proxy="be"}') == served
    assert value(text, f'haproxy_server_connection_attempts_total{one}}}'
                 ) == origin.stats()["accepted"]


def test_any_version_of_http_gets_the_same():
    proxy = start(origin=Origin())
    names = [set(re.findall(r"^# TYPE (\S+)", text, re.M)) for text in (
        metrics(proxy),
        curl("-0", f"http://127.0.0.1:{proxy.port}/metrics").stdout,
        curl("--http2-prior-knowledge",
             f"http://127.0.0.1:{proxy.port}/metrics").stdout)]
    assert len(names[0]) > 80
    assert names[0] == names[1] == names[2]
    with Client(proxy.port) as c:
        assert c.request("HEAD", "/metrics").status == 200
        assert len(c.get("/bytes/3").body) == 3


def test_thousands_of_servers_are_told_while_others_are_served():
    """Megabytes of metrics, read slowly, keep nobody waiting."""
    origin = Origin()
    servers = "".join(f"    server s{i} 127.0.0.1:{{origin}}\n"
                      for i in range(1500))
    proxy = start(servers, origin=origin)
    with Client(proxy.port, rcvbuf=65536) as slow, Client(proxy.port) as other:
        slow.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(50):
            assert other.get("/bytes/10").status == 200
        text = metrics(proxy)
    check(text)
    assert text.count("haproxy_server_sessions_total{") == 1500
    assert len(text) > 2000000, len(text)


def test_the_dashboard_asks_for_what_there_is():
    text = metrics(start(origin=Origin()))
    there = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    dashboard = (ROOT / "tools/grafana/wsbroker.json").read_text()
    asked = {re.sub("_bucket$", "", name) for name in re.findall(
        r"(?:haproxy|wsbroker)_\w+_\w+", dashboard)}
    assert len(asked) > 15
    assert asked <= there, asked - there
