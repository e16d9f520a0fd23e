# SPDX-License-Identifier: MIT
"""Messages on and beyond the edge of HTTP/1, for the smuggling scenarios.

requests() and responses() give (name, bytes). A second request in the bytes
has the target /smuggled, so that it is seen where a parser takes it for one.
"""

HOST = b"Host: h\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ZERO = b"0\r\n\r\n"


def get(extra=b"", line=b"GET /m HTTP/1.1\r\n", host=HOST):
    return line + host + extra + b"\r\n"


def post(fields, body=b"", host=HOST):
    return b"POST /m HTTP/1.1\r\n" + host + fields + b"\r\n" + body


def codings():
    """Ways to write Transfer-Encoding, each with a body of both readings."""
    for name, value in {
            "plain": b"chunked", "upper": b"CHUNKED", "tab": b"\tchunked",
            "trailing_space": b"chunked ", "vtab": b"\x0bchunked",
            "nbsp": b"chunked\xa0", "quote": b"\"chunked\"",
            "identity": b"identity", "twice": b"chunked, chunked",
            "gzip_chunked": b"gzip, chunked", "chunked_gzip": b"chunked, gzip",
            "chunked_identity": b"chunked, identity", "comma": b"chunked,",
            "comma_first": b",chunked", "param": b"chunked;q=1",
            "empty": b"", "cow": b"cow", "xchunked": b"xchunked",
            "nul": b"chunked\0", "semicolon": b"chunked;", "cr": b"chunked\r",
    }.items():
        field = b"Transfer-Encoding: " + value + b"\r\n"
        yield f"te_{name}", post(field, ZERO + SMUGGLED)
        yield f"te_{name}_cl", post(
            field + b"Content-Length: %d\r\n" % len(ZERO + SMUGGLED),
            ZERO + SMUGGLED)
        yield f"cl_te_{name}", post(
            b"Content-Length: %d\r\n" % len(ZERO + SMUGGLED) + field,
            ZERO + SMUGGLED)
    for name, field in {
            "space_before_colon": b"Transfer-Encoding : chunked\r\n",
            "tab_before_colon": b"Transfer-Encoding\t: chunked\r\n",
            "space_first": b" Transfer-Encoding: chunked\r\n",
            "fold": b"Transfer-Encoding:\r\n chunked\r\n",
            "fold_tab": b"Transfer-Encoding:\r\n\tchunked\r\n",
            "lf": b"X: y\nTransfer-Encoding: chunked\r\n",
            "cr": b"X: y\rTransfer-Encoding: chunked\r\n",
            "nul_name": b"Transfer-Encoding\0: chunked\r\n",
            "underscore": b"Transfer_Encoding: chunked\r\n",
            "no_colon": b"Transfer-Encoding chunked\r\n",
            "two_fields": CHUNKED + CHUNKED,
            "two_fields_identity": CHUNKED + b"Transfer-Encoding: identity\r\n",
            "high_name": b"Transfer-Encoding\xa0: chunked\r\n",
            "connection": b"Connection: Transfer-Encoding\r\n" + CHUNKED,
    }.items():
        yield f"te_field_{name}", post(
            field + b"Content-Length: %d\r\n" % len(ZERO + SMUGGLED),
            ZERO + SMUGGLED)
        yield f"te_alone_{name}", post(field, ZERO + SMUGGLED)


def lengths():
    for name, value in {
            "plus": b"+5", "minus": b"-5", "zero_minus": b"-0", "hex": b"0x5",
            "space": b"5 5", "comma": b"5, 5", "comma_differs": b"5, 6",
            "trailing_comma": b"5,", "leading_comma": b",5", "empty": b"",
            "leading_zero": b"005", "float": b"5.0", "exp": b"5e0",
            "huge": b"99999999999999999999999", "max": b"18446744073709551621",
            "quote": b"\"5\"", "vtab": b"\x0b5", "nbsp": b"5\xa0",
            "letters": b"five", "tab": b"\t5\t", "underscore": b"5_0",
            "nul": b"5\0",
    }.items():
        yield f"cl_{name}", post(
            b"Content-Length: " + value + b"\r\n", b"hello" + SMUGGLED)
    for name, fields in {
            "twice": b"Content-Length: 5\r\nContent-Length: 5\r\n",
            "differ": b"Content-Length: 5\r\nContent-Length: 6\r\n",
            "differ_case": b"Content-Length: 5\r\ncontent-length: 0\r\n",
            "space_before_colon": b"Content-Length : 5\r\n",
            "fold": b"Content-Length:\r\n 5\r\n",
            "fold_more": b"Content-Length: 5\r\n 0\r\n",
            "lf": b"X: y\nContent-Length: 5\r\n",
            "connection": b"Connection: Content-Length\r\n"
                          b"Content-Length: 5\r\n",
            "underscore": b"Content_Length: 5\r\n",
    }.items():
        yield f"cl_fields_{name}", post(fields, b"hello" + SMUGGLED)
    yield "cl_get", get(b"Content-Length: 5\r\n") + b"hello" + SMUGGLED
    yield "cl_head", get(b"Content-Length: 5\r\n",
                         b"HEAD /m HTTP/1.1\r\n") + b"hello"
    yield "te_10", get(CHUNKED, b"POST /m HTTP/1.0\r\n") + ZERO + SMUGGLED
    yield "cl_te_10", get(CHUNKED + b"Content-Length: 5\r\n",
                          b"POST /m HTTP/1.0\r\n") + ZERO + SMUGGLED


def chunks():
    for name, body in {
            "plain": b"5\r\nhello\r\n0\r\n\r\n",
            "upper": b"A\r\n0123456789\r\n0\r\n\r\n",
            "zeros": b"0005\r\nhello\r\n000\r\n\r\n",
            "many_zeros": b"0" * 40 + b"5\r\nhello\r\n0\r\n\r\n",
            "extension": b"5;a=b\r\nhello\r\n0;c\r\n\r\n",
            "extension_space": b"5 ; a = b\r\nhello\r\n0\r\n\r\n",
            "extension_quoted": b"5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n",
            "extension_lf": b"5;a\nhello\r\n0\r\n\r\n",
            "extension_cr": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
            "extension_nul": b"5;a\0\r\nhello\r\n0\r\n\r\n",
            "trailing_space": b"5 \r\nhello\r\n0\r\n\r\n",
            "trailing_tab": b"5\t\r\nhello\r\n0\r\n\r\n",
            "leading_space": b" 5\r\nhello\r\n0\r\n\r\n",
            "plus": b"+5\r\nhello\r\n0\r\n\r\n",
            "minus": b"-5\r\nhello\r\n0\r\n\r\n",
            "hex_prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
            "underscore": b"5_0\r\nhello\r\n0\r\n\r\n",
            "letters": b"g\r\nhello\r\n0\r\n\r\n",
            "empty_size": b"\r\nhello\r\n0\r\n\r\n",
            "no_crlf_after": b"5\r\nhelloX\r\n0\r\n\r\n",
            "short": b"4\r\nhello\r\n0\r\n\r\n",
            "long": b"6\r\nhello\r\n0\r\n\r\n",
            "lf_only": b"5\nhello\n0\n\n",
            "lf_after_size": b"5\nhello\r\n0\r\n\r\n",
            "lf_after_data": b"5\r\nhello\n0\r\n\r\n",
            "cr_only": b"5\rhello\r0\r\r",
            "overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
            "overflow_32": b"100000005\r\nhello\r\n0\r\n\r\n",
            "ffffffffffffffff": b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            "trailer": b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n",
            "trailer_te": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked"
                          b"\r\n\r\n",
            "trailer_cl": b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n",
            "trailer_host": b"5\r\nhello\r\n0\r\nHost: other\r\n\r\n",
            "trailer_fold": b"5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
            "trailer_space": b"5\r\nhello\r\n0\r\nX : a\r\n\r\n",
            "trailer_lf": b"5\r\nhello\r\n0\r\nX: a\n\r\n",
            "trailer_no_colon": b"5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1"
                                b"\r\n\r\n",
            "end_lf": b"5\r\nhello\r\n0\r\n\n",
            "end_lf_2": b"5\r\nhello\r\n0\n\n",
    }.items():
        yield f"chunk_{name}", post(CHUNKED, body + SMUGGLED)


def heads():
    for name, line in {
            "lower_method": b"get /m HTTP/1.1", "no_version": b"GET /m",
            "version_09": b"GET /m HTTP/0.9", "version_12": b"GET /m HTTP/1.2",
            "version_2": b"GET /m HTTP/2.0", "version_10": b"GET /m HTTP/1.0",
            "version_011": b"GET /m HTTP/01.1", "version_1": b"GET /m HTTP/1",
            "version_lower": b"GET /m http/1.1",
            "version_dots": b"GET /m HTTP/1.1.1",
            "two_spaces": b"GET  /m HTTP/1.1",
            "two_spaces_2": b"GET /m  HTTP/1.1", "tab": b"GET\t/m\tHTTP/1.1",
            "space_first": b" GET /m HTTP/1.1",
            "space_last": b"GET /m HTTP/1.1 ", "extra": b"GET /m x HTTP/1.1",
            "vtab": b"GET\x0b/m HTTP/1.1", "cr": b"GET /m\r HTTP/1.1",
            "nul": b"GET /m\0 HTTP/1.1", "ctl": b"GET /m\x01 HTTP/1.1",
            "del": b"GET /m\x7f HTTP/1.1", "high": b"GET /m\xe9 HTTP/1.1",
            "fragment": b"GET /m#x HTTP/1.1", "no_slash": b"GET m HTTP/1.1",
            "star": b"GET * HTTP/1.1", "method_slash": b"G/T /m HTTP/1.1",
            "method_colon": b"GET: /m HTTP/1.1", "empty": b"",
            "absolute": b"GET http://h/m HTTP/1.1",
            "absolute_other": b"GET http://other/m HTTP/1.1",
            "absolute_user": b"GET http://u@h/m HTTP/1.1",
            "connect": b"CONNECT h:80 HTTP/1.1",
            "connect_path": b"CONNECT /m HTTP/1.1",
            "pri": b"PRI * HTTP/2.0",
    }.items():
        yield f"line_{name}", line + b"\r\n" + HOST + b"\r\n"
    for name, fields in {
            "space_before_colon": b"X : y\r\n", "no_colon": b"XY\r\n",
            "empty_name": b": y\r\n", "space_in_name": b"X Y: z\r\n",
            "fold": b"X: y\r\n z\r\n", "fold_tab": b"X: y\r\n\tz\r\n",
            "fold_empty": b"X: y\r\n \r\n", "fold_first": b" X: y\r\n",
            "cr": b"X: y\rz\r\n", "lf": b"X: y\nZ: a\r\n",
            "cr_cr_lf": b"X: y\r\r\n", "nul": b"X: y\0z\r\n",
            "ctl": b"X: y\x01z\r\n", "del": b"X: y\x7fz\r\n",
            "vtab": b"X: y\x0bz\r\n", "high": b"X: y\xe9z\r\n",
            "name_high": b"X\xe9: y\r\n", "name_ctl": b"X\x01: y\r\n",
            "name_quote": b"\"X\": y\r\n", "name_bracket": b"X[]: y\r\n",
            "name_slash": b"X/Y: y\r\n", "value_colon": b"X: a:b\r\n",
            "tab_value": b"X:\ty\t\r\n", "cr_in_name": b"X\r: y\r\n",
            "cr_start": b"\rX: y\r\n",
    }.items():
        yield f"field_{name}", get(fields)
    for name, host in {
            "none": b"", "two": b"Host: h\r\nHost: h\r\n",
            "two_differ": b"Host: h\r\nHost: i\r\n", "empty": b"Host:\r\n",
            "list": b"Host: h, i\r\n", "space": b"Host: h i\r\n",
            "slash": b"Host: h/x\r\n", "at": b"Host: u@h\r\n",
            "port": b"Host: h:80\r\n", "bad_port": b"Host: h:80x\r\n",
            "ipv6": b"Host: [::1]:80\r\n", "fold": b"Host:\r\n h\r\n",
            "space_before_colon": b"Host : h\r\n",
    }.items():
        yield f"host_{name}", get(host=host)
    yield "lf_only", b"GET /m HTTP/1.1\nHost: h\n\n"
    yield "lf_end", b"GET /m HTTP/1.1\r\nHost: h\r\n\n"
    yield "cr_only", b"GET /m HTTP/1.1\rHost: h\r\r"
    yield "crlf_before", b"\r\n\r\n" + get()
    yield "lf_before", b"\n" + get()
    yield "cr_before", b"\r" + get()
    yield "nul_before", b"\0" + get()
    yield "many_fields", get(b"".join(b"X-%d: y\r\n" % i for i in range(300)))
    yield "long_field", get(b"X: " + b"y" * 40000 + b"\r\n")
    yield "long_line", get(line=b"GET /m" + b"y" * 40000 + b" HTTP/1.1\r\n")
    yield "upgrade_h2c", get(b"Upgrade: h2c\r\nHTTP2-Settings: AA\r\n"
                             b"Connection: Upgrade, HTTP2-Settings\r\n")
    yield "upgrade_cl", post(
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"hello" + SMUGGLED)
    yield "connection_host", get(b"Connection: Host\r\n")
    yield "connection_cookie", get(b"Connection: Cookie\r\nCookie: a=b\r\n")
    yield "expect_odd", post(b"Expect: odd\r\nContent-Length: 5\r\n", b"hello")
    yield "pipelined", get() + SMUGGLED


def requests():
    for source in (codings, lengths, chunks, heads):
        yield from source()


OK = b"HTTP/1.1 200 OK\r\n"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def responses():
    """(name, bytes of a server in answer to one request)"""
    for name, fields in {
            "differ": b"Content-Length: 5\r\nContent-Length: 6\r\n",
            "same": b"Content-Length: 5\r\nContent-Length: 5\r\n",
            "list": b"Content-Length: 5, 5\r\n",
            "list_differs": b"Content-Length: 5, 9\r\n",
            "plus": b"Content-Length: +5\r\n",
            "minus": b"Content-Length: -5\r\n",
            "hex": b"Content-Length: 0x5\r\n",
            "huge": b"Content-Length: 18446744073709551621\r\n",
            "empty": b"Content-Length:\r\n",
            "space_before_colon": b"Content-Length : 5\r\n",
            "fold": b"Content-Length:\r\n 5\r\n",
            "lf": b"X: y\nContent-Length: 5\r\n",
            "nul": b"X: \0\r\nContent-Length: 5\r\n",
            "cr": b"X: y\rContent-Length: 9\r\nContent-Length: 5\r\n",
            "te": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "connection": b"Connection: Content-Length\r\n"
                          b"Content-Length: 5\r\n",
    }.items():
        yield f"cl_{name}", OK + fields + b"\r\nhello" + EVIL
    for name, value in {
            "plain": b"chunked", "identity": b"identity", "cow": b"cow",
            "twice": b"chunked, chunked", "gzip": b"gzip, chunked",
            "not_last": b"chunked, gzip", "vtab": b"\x0bchunked",
            "quote": b"\"chunked\"", "empty": b"",
    }.items():
        yield f"te_{name}", (OK + b"Transfer-Encoding: " + value
                             + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + EVIL)
    for name, body in {
            "lf": b"5\nhello\n0\n\n", "space": b"5 \r\nhello\r\n0\r\n\r\n",
            "plus": b"+5\r\nhello\r\n0\r\n\r\n",
            "hex": b"0x5\r\nhello\r\n0\r\n\r\n",
            "short": b"4\r\nhello\r\n0\r\n\r\n",
            "overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
            "extension_lf": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
            "trailer_bad": b"5\r\nhello\r\n0\r\nX Y: a\r\n\r\n",
            "trailer_te": b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
    }.items():
        yield f"chunk_{name}", OK + CHUNKED + b"\r\n" + body + EVIL
    for name, line in {
            "version_2": b"HTTP/2.0 200 OK", "lower": b"http/1.1 200 OK",
            "status_2": b"HTTP/1.1 20 OK", "status_4": b"HTTP/1.1 2000 OK",
            "status_letters": b"HTTP/1.1 2x0 OK", "no_status": b"HTTP/1.1",
            "two_spaces": b"HTTP/1.1  200 OK", "tab": b"HTTP/1.1\t200\tOK",
            "nul": b"HTTP/1.1 200 O\0K", "cr": b"HTTP/1.1 200 O\rK",
            "status_099": b"HTTP/1.1 099 OK", "status_600": b"HTTP/1.1 600 OK",
    }.items():
        yield f"line_{name}", line + b"\r\nContent-Length: 5\r\n\r\nhello"
    for name, field in {
            "space_in_name": b"X Y: z\r\n", "no_colon": b"XY\r\n",
            "fold": b"X: y\r\n z\r\n", "nul": b"X: y\0\r\n",
            "cr": b"X: y\rz\r\n", "ctl": b"X: y\x01\r\n",
            "empty_name": b": y\r\n", "name_high": b"X\xe9: y\r\n",
    }.items():
        yield f"field_{name}", OK + field + b"Content-Length: 5\r\n\r\nhello"
    yield "more_than_length", OK + b"Content-Length: 5\r\n\r\nhello" + EVIL
    yield "body_with_204", (b"HTTP/1.1 204 No\r\nContent-Length: 38\r\n\r\n"
                            + EVIL)
    yield "body_with_304", (b"HTTP/1.1 304 No\r\nContent-Length: 38\r\n\r\n"
                            + EVIL)
    yield "chunked_204", b"HTTP/1.1 204 No\r\n" + CHUNKED + b"\r\n" + ZERO
    yield "interim_with_length", (
        b"HTTP/1.1 103 Hints\r\nContent-Length: 38\r\n\r\n" + EVIL)
    yield "unasked_101", b"HTTP/1.1 101 Switch\r\n\r\n" + EVIL
    yield "two_at_once", EVIL.replace(b"evil", b"good") + EVIL
