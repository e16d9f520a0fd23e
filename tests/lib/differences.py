# SPDX-License-Identifier: MIT
"""Where wsbroker differs from HAProxy 2.6 by intention, and why.

compare() fails on a difference that has no row here, and on a row that no
longer differs. What differs everywhere is listed in compare.py; requests and
responses that wsbroker alone refuses, in test_smuggling.py.
"""

import fnmatch
import re


class Differs:
    """In these cases (shell patterns), at these paths (a regular expression),
    wsbroker shows something else (a value it must hold, or None)."""

    def __init__(self, cases, paths, why, value=None):
        self.cases, self.paths, self.why = cases.split(), paths, why
        self.value = value
        self.used = 0

    def is_of(self, case):
        return any(fnmatch.fnmatchcase(case, c) for c in self.cases)

    def covers(self, case, path, value):
        if not self.is_of(case) or not re.fullmatch(self.paths, path):
            return False
        if self.value is not None and not re.search(self.value, str(value)):
            return False
        self.used += 1
        return True


FIELDS = r"(client|s\d)\[\d\]\[\d\]\.fields"

INTENDED = [
    # Messages
    Differs("keep_10*_to_11_chunked", ".*",
            "no chunks to an HTTP/1.0 client (RFC 9112, 7): the body ends with "
            "the connection"),
    Differs("chunks_to_10 trailers_to_10", "client.*",
            "no chunks, so no trailers, to an HTTP/1.0 client"),
    Differs("interim_to_10", "client.*",
            "no 1xx to an HTTP/1.0 client (RFC 9110, 15.2)"),
    Differs("hop_by_hop", FIELDS,
            "what Connection names, Keep-Alive and Proxy-Connection are the "
            "hop's (RFC 9110, 7.6.1)"),
    Differs("expect_refused expect_refused_then_body early_response_close",
            r"client.*|log.*(timers|term|client)",
            "when nobody reads the rest of a body it is not awaited: the "
            "answer says close"),
    Differs("upgrade_orphan_*", FIELDS,
            "Upgrade without Connection: upgrade, or the other way round, is "
            "removed"),
    Differs("upgrade_h2c*", FIELDS, "h2c is stripped, with its settings"),
    Differs("upgrade_10", FIELDS,
            "Upgrade in HTTP/1.0 is ignored (RFC 9110, 7.8)"),
    Differs("websocket_nocache nocache_4 nocache_5", r"client.*fields",
            "nocache: every response that gives a cookie is private; HAProxy "
            "says so only where it thinks that a cache would keep it",
            "cache-control: private"),
    Differs("cookie_denied", r"log.*(server|term)",
            "what a rule denies is not looked at for a server", "NOSRV|PRNN"),
    Differs("upgrade_websocket_wrong_accept", ".*",
            "a 101 whose Accept is not the key's is no WebSocket"),
    Differs("upgrade_with_body", ".*",
            "an upgrade with a body is allowed to an h1 server"),
    Differs("connect connect_refused", FIELDS,
            "Host goes on as it came, with a default port", "host: h:443"),
    # Ends
    Differs("abort_reset", r"s1.*|log.*|note.accepted",
            "a client that resets is gone: its request ends at once, not when "
            "the answer comes"),
    Differs("abort_queued_reset", r"s1.accepted|log.*|note.accepted",
            "as before; nor does its request leave the queue for a server"),
    Differs("abort_dial_fin", FIELDS,
            "the client's FIN was seen before the answer: it says close",
            "connection: close"),
    Differs("cD_body_stalls", r"client.*line|log.*(status|term)",
            "timeout client, not timeout server, is for a client that stops "
            "in its body"),
    Differs("PR_body_bad_chunk", r"log.*(timers|request)",
            "the head was understood, so it is logged", "^0/|POST"),
    Differs("PD_body_bad_chunk_later PD_bad_chunk", r"log.*term",
            "the proxy blocks bad chunks: PD, as the manual has it", "PD--"),
    Differs("SH_close retry_reused", r".*",
            "a reused connection that closes under a request gets the client "
            "a second try, or a 502, not a silent end"),
    Differs("PH_bad_status", ".*", "a status of four digits is none", None),
    Differs("PH_response_rule", r"s1.*fate",
            "the connection of a response that was thrown away is closed",
            "FIN"),
    Differs("retry_empty_post", ".*",
            "a POST that may have been executed is never repeated"),
    Differs("deny_400", "client.*",
            "a request that was understood is denied without closing"),
    Differs("redirect_post", "client.*|log.*",
            "its body was read, so the connection is kept"),
    # Servers
    Differs("roundrobin_weights roundrobin_big", "note.order",
            "the same shares in another smooth order"),
    Differs("held_leastconn_weights", "note.order",
            "servers of equal load take turns by position, not by age"),
    Differs("accept_proxy_v1_unknown_more", ".*",
            "what follows UNKNOWN is ignored, as the specification says"),
    Differs("accept_proxy_bad_address", ".*", "1.2.3.400 is no address"),
    # Logs
    Differs("same*_bi refused*_bi shaped*_bp", "log.*line",
            "the own end of a server connection is not asked for", "-"),
    Differs("bad*_status_ refused*_status_", "log.*line",
            "the status that was sent, also where no server gave it", "[45]"),
]
