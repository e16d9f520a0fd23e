# SPDX-License-Identifier: MIT
"""Interim responses: a server may say many, but not for ever."""

from wsbridge import PLAIN_WAYS, Bridge
from wsbtest import limit

MOST = 128


def interim(peer):
    if peer.http == "h1":
        peer.raw(b"HTTP/1.1 102 Processing\r\n\r\n")
    else:
        peer.raw(peer.head(102, []))


@limit(60)
def test_their_number_is_bounded():
    def serve(peer):
        for _ in range(int(peer.path[1:])):
            interim(peer)
        peer.answer(200, body=b"at last")

    bridge = Bridge(serve)
    for way in PLAIN_WAYS:
        for count, status in ((MOST, 200), (MOST + 1, 502), (3, 200)):
            with bridge.client(way) as client:
                assert client.plain(f"/{count}") == status, (way, count)
    log = [line for line in bridge.proxy.log() if f"/{MOST + 1} " in line]
    assert len(log) == len(PLAIN_WAYS), log
    assert all(" 502 " in line and " PH-- " in line for line in log), log
