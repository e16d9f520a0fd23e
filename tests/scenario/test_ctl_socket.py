# SPDX-License-Identifier: MIT
"""The master's command socket (-S)."""

import os
import re
import signal
import socket
import threading

from wsbtest import BUILD, Origin, Proxy, free_port, get, run, wait_until

PLAIN = "backend be\n    server s1 127.0.0.1:{origin}\n"


def master(workers=1, options="", **values):
    proxy = Proxy(PLAIN, origin=Origin(), workers=workers, start=False,
                  **values)
    proxy.socket = proxy.dir / "master.sock"
    proxy.argv[1:1] = ["-S", f"{proxy.socket}{options}"]
    proxy.start()
    proxy.wait_port(proxy.values["port"])
    proxy.wait_workers()
    proxy.wait_running()
    return proxy


def connect(proxy):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(str(proxy.socket))
    return s


def read_all(s):
    data = b""
    while piece := s.recv(65536):
        data += piece
    return data.decode()


def ask(proxy, text, half_close=True):
    with connect(proxy) as s:
        s.sendall(text.encode())
        if half_close:
            s.shutdown(socket.SHUT_WR)
        return read_all(s)


def read_until(s, end):
    data = b""
    while not data.endswith(end):
        piece = s.recv(65536)
        assert piece, data
        data += piece
    return data.decode()


def test_show_proc_lists_all_processes():
    proxy = master(workers=2)
    pids = proxy.pids()
    text = ask(proxy, "show proc\n")
    assert text.startswith(
        "#<PID>          <type>          <reloads>       <uptime>        "
        "<version>      \n"), text
    rows = re.findall(
        r"^(\d+) +(\w+) +(\d+) +\d+d\d\dh\d\dm\d\ds +[\d.]+ *$", text, re.M)
    assert rows[0] == (str(proxy.pid), "master", "0")
    assert {int(r[0]) for r in rows if r[1] == "worker"} == set(
        pids["workers"])
    assert [int(r[0]) for r in rows if r[1] == "broker"] == pids["broker"]
    assert "# workers\n" in text and "# old workers\n# broker" in text
    assert text.endswith("\n\n")


def test_commands_reach_the_service():
    proxy = master()
    for at in ("@1", "@!1", "@2"):
        assert f"Pid: {proxy.pid}\n" in ask(proxy, f"{at} show info\n")
    both = ask(proxy, "@1 show version;show version")
    assert both.count("0.1.0\n\n") == 2, both
    stat = ask(proxy, "@1 show stat\n", half_close=False)
    assert "\nbe,s1," in stat and stat.endswith("\n\n"), stat
    assert ask(proxy, "@1 set server be/s1 state maint\n") == "\n"
    assert get(proxy.values["port"], "/").status == 503


def test_a_payload_reaches_the_service_in_pieces():
    proxy = master()
    with connect(proxy) as s:
        for piece in ("@1 set ssl ce", "rt x.pem <<", "\nline", "\nline\n",
                      "\n"):
            s.sendall(piece.encode())
        assert "not referenced" in read_all(s)
    # Without its end nothing happens, and nothing stays.
    assert "not referenced" not in ask(
        proxy, "@1 set ssl cert x.pem <<\nline\n")


def test_a_prompt_keeps_the_connection():
    proxy = master()
    with connect(proxy) as s:
        s.sendall(b"prompt\n")
        assert read_until(s, b"> ") == "\nmaster> "
        s.sendall(b"show version\n@1\nshow servers state\n@master\n")
        text = read_until(s, b"master> ")
        while "srv_agent_port" not in text or not text.endswith("master> "):
            text += read_until(s, b"> ")
        assert text.count("1> ") == 2, text
        s.sendall(b"quit\n")
        assert read_all(s) == ""


def test_nonsense_is_answered():
    proxy = master()
    assert "Unknown command: 'reloda'" in ask(proxy, "reloda\n")
    assert "No such process: '@x'" in ask(proxy, "@x show info\n")
    assert ask(proxy, "\n") == "" and ask(proxy, "") == ""
    try:
        assert ask(proxy, "a" * 20000) == ""
    except ConnectionError:
        pass    # it has not waited for the rest
    text = ask(proxy, "help\n")
    for word in ("@1", "show proc", "drain", "prompt", "quit"):
        assert re.search(rf"^  {word} .*: \w", text, re.M), text


def test_rights_hold_in_master_and_service():
    proxy = master(options=",mode,640,level,user")
    assert os.stat(proxy.socket).st_mode & 0o777 == 0o640
    assert ask(proxy, "drain\n") == "Permission denied\n\n"
    assert ask(proxy, "@1 set server be/s1 state maint\n") == (
        "Permission denied\n\n")
    assert "worker" in ask(proxy, "show proc\n")


def test_many_and_silent_clients_hold_nobody_up():
    proxy = master()
    silent = [connect(proxy) for _ in range(15)]
    assert "worker" in ask(proxy, "show proc\n")
    more = connect(proxy)   # waits in the backlog beside the next one
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(ask(proxy, "show version\n")))
    waiting.start()
    assert get(proxy.values["port"], "/").status == 200
    for s in [*silent, more]:
        s.close()
    waiting.join(30)
    assert answers == ["0.1.0\n\n"]


def test_a_reader_that_is_slow_gets_all():
    proxy = master()
    with connect(proxy) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b";".join([b"@1 show stat"] * 300) + b"\n")
        assert get(proxy.values["port"], "/").status == 200
        assert read_all(s).count("\nbe,BACKEND,") == 300


def test_the_broker_dies_under_a_command():
    proxy = master()
    with connect(proxy) as s:
        s.sendall(b"@1 set ssl cert x.pem <<\nline\n")
        wait_until(lambda: "master" in ask(proxy, "show proc\n"), 10)
        os.kill(proxy.pids()["broker"][0], signal.SIGKILL)
        read_all(s)
    wait_until(lambda: "Name: wsbroker" in ask(proxy, "@1 show info\n"), 20,
               what="an answer of the new broker")


def test_drain_ends_the_service_and_the_socket_goes():
    proxy = master()
    assert ask(proxy, "drain\n").startswith("Draining: ")
    assert proxy.wait(20) == 0
    assert not proxy.socket.exists()


def test_a_bad_address_is_refused():
    proxy = master()
    for value, text in (("/x,mode", "lacks its value"),
                        (proxy.socket, "another process listens there")):
        done = run([BUILD / "wsbroker", "-db", "-S", value, "-f",
                    twin(proxy)])
        assert done.returncode == 1 and text in done.stderr, done.stderr


def twin(proxy):
    """Its configuration without what only one process can have."""
    path = proxy.dir / "twin.conf"
    path.write_text(re.sub(
        r"^.*stats socket.*$|(?<=127\.0\.0\.1:)%d" % proxy.values["port"],
        lambda m: "" if "stats" in m[0] else str(free_port()),
        proxy.config.read_text(), flags=re.M))
    return path
