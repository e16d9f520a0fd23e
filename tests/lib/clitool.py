# SPDX-License-Identifier: MIT
"""Talk to the runtime API of a Proxy."""

import csv
import socket


def command(proxy, text):
    """The answer to a command (or several, by `;`), without its last line."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(proxy.dir / "admin.sock"))
        s.sendall(text.encode() + b"\n")
        answer = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    assert answer.endswith("\n"), answer
    return answer[:-1]


def stat(proxy, backend, server=None):
    """A row of `show stat`, by names of its columns; or all of a backend."""
    text = command(proxy, "show stat")
    rows = csv.DictReader(text.lstrip("# ").strip().splitlines())
    found = {r["svname"]: r for r in rows if r["pxname"] == backend}
    return found if server is None else found[server]
