# SPDX-License-Identifier: MIT
"""Rules, ACLs, fetches, converters, captures: HAProxy's and wsbroker's."""

from compare import R, RHEAD, Case, answer, compare

GET11 = "GET /{0} HTTP/1.1\nHost: h\n\n".format
RICH = ("GET /img/a.png?x=1&y=two&x=3 HTTP/1.1\nHost: www.Example.com:8080\n"
        "User-Agent: agent/1.0\nAccept: a/b\nAccept: c/d, e/f;q=0.5\n"
        "Cookie: sid=abc; other=1\nX-Num: 42\nX-Empty:\nX-List: a,b,,c\n\n")


def sets(*expressions):
    """http-request lines that put each expression into a header."""
    return "\n".join(f"http-request set-header X-{i} \"%[{e}]\""
                     for i, e in enumerate(expressions))


# What a fetch or a converter gives is shown by the request the server gets.
FETCHES = {
    "uri": ["url", "path", "pathq", "query", "method", "req.ver",
            "base", "url_param(x)", "urlp(y)", "urlp(none)", "path,length",
            ],
    "headers": ["req.hdr(host)", "hdr(accept)", "req.hdr(accept,1)",
                "req.hdr(accept,-1)", "req.fhdr(accept)",
                "req.fhdr(accept,1)", "req.hdr_cnt(accept)",
                "req.fhdr_cnt(accept)", "req.hdr(x-empty)", "req.hdr(none)",
                "req.hdr(x-list,3)", "req.hdr(x-list,4)",
                "req.hdr_val(x-num)", "req.cook(sid)", "cook(other)",
                "hdr(x-num,1)", "req.hdr_names", ],
    "client": ["src", "dst", "fe_name", "http_first_req",
               "ssl_fc", "src,ipmask(8)", "fe_id,length", "nbproc,length"],
    "constants": ["str(hello)", "int(5)", "bool(true)", "ipv4(1.2.3.4)",
                  "str(a b)", "always_true", "always_false", "bin(4142)"],
    "strings": ["path,lower", "path,upper", "path,sha1,hex",
                "path,base64", "path,hex", "path,b64dec", "str(YWI=),b64dec",
                "str(ab),concat(-,,x)", "path,field(2,/)", "path,field(-1,/)",
                "path,word(2,/)", "path,word(-1,/)", "path,bytes(1,3)",
                "path,length", "path,regsub(a,b)", "path,regsub(a,b,g)",
                "str(a%20b),url_dec", "str(a b&c),url_enc", "path,crc32",
                "path,djb2", "path,sdbm", 
                "path,sha2(256),hex",
                "str(a),strcmp(txn.none)", "str(abcdef),rtrim(ef)", "str(abc),ltrim(a)",
                "str(x),iif(y,n)", "bool(1),iif(y,n)"],
    "numbers": ["int(5),add(3)", "int(5),sub(7)", "int(5),mul(3)",
                "int(17),div(5)", "int(17),mod(5)", "int(5),neg", "int(5),not",
                "int(6),and(3)", "int(6),or(1)", "int(6),xor(3)",
                "int(6),even", "int(6),odd", "int(6),bool", "int(6),cpl",
                "int(6),hex", "str(12),add(1)", "req.hdr(x-num),add(1)",
                "int(1700000000),utime(%Y-%m-%d)",
                "int(1700000000),http_date", "int(1700000000),ltime(%Y)"],
}


def test_fetches():
    cases = []
    for group, expressions in FETCHES.items():
        for i in range(0, len(expressions), 4):
            cases.append(Case(
                f"{group}_{i}", [RICH, R], fe=sets(*expressions[i:i + 4]),
                only="s1|status"))
    compare(cases)


# Conditions: true ones add a header.
CONDITIONS = [
    "path_beg /img", "path_end .png", "path_sub a.p", "path_dir img",
    "path_dom a", "path_reg ^/img/.*png$", "path_len 10", "path -i /IMG/A.PNG",
    "path /img/a.png", "path_beg -i /IMG", "hdr(host) -i www.example.com:8080",
    "hdr_beg(host) -i www.", "hdr_dom(host) -i example.com",
    "hdr_end(host) 8080", "hdr_sub(accept) e/f", "hdr_cnt(accept) 3",
    "hdr_cnt(accept) gt 2", "hdr_cnt(accept) 1:2", "hdr_val(x-num) ge 42",
    "hdr_val(x-num) lt 42", "hdr(x-empty) -m found", "hdr(none) -m found",
    "hdr(x-num) -m int 40:50", "hdr(x-num) -m int gt 50",
    "hdr(x-num) -m len 2", "hdr(accept) c/d a/b", "src 127.0.0.0/8",
    "src 10.0.0.0/8 127.0.0.1", "method GET HEAD", "method POST",
    "url_beg /img", "url_sub y=two", "urlp(x) 1", "urlp_reg(y) ^t.o$",
    "query -m sub two", "query -m beg x=", "req.ver 1.1", "cook(sid) abc",
    "cook_beg(sid) ab", "path,lower -m str /img/a.png", "ssl_fc",
    "path -m reg -i IMG", "path -m end .png .gif", "always_true",
    "req.hdr(x-num),add(1) -m int 43", "src,ipmask(8) 127.0.0.0",
    "http_first_req", "bool(true)", "int(5) 1:9", "str(a) -m str a b",
    "path -m dir img", "hdr(host) -m dom example", "path -m len 10:12",
]
COMBINED = [
    "if {{ path_beg /img }} {{ method GET }}",
    "if {{ path_beg /no }} or {{ method GET }}",
    "if {{ path_beg /no }} || {{ method GET }} {{ path_beg /img }}",
    "if !{{ path_beg /no }} {{ method GET }}",
    "if ! {{ path_beg /img }}",
    "unless {{ path_beg /no }}",
    "if is_img !is_post", "if is_img or is_post", "unless is_img",
    "if TRUE", "if FALSE", "if METH_GET", "if METH_POST", "if LOCALHOST",
    "if HTTP_1.1", "if HTTP_1.0", "if HTTP_URL_ABS", "if HTTP_URL_SLASH",
    "if HTTP_CONTENT", "if REQ_CONTENT", "if HTTP", "if WAIT_END",
    "if two_lines", "if from_file",
]


def test_conditions():
    lines = [f"http-request set-header X-{i} yes if {{ {c} }}"
             for i, c in enumerate(CONDITIONS)]
    combined = [
        "acl is_img path_beg /img", "acl is_post method POST",
        "acl two_lines path_beg /no", "acl two_lines path_beg /img",
        "acl from_file path_beg -i -f /dev/null"]
    combined += [
        "http-request set-header X-C%d yes %s" % (
            i, c.replace("{{", "{").replace("}}", "}"))
        for i, c in enumerate(COMBINED)]
    compare([
        Case(f"conditions_{i}", [RICH, R, GET11("b"), R],
             fe="\n".join(lines[i:i + 18]), only="s1|line")
        for i in range(0, len(lines), 18)] + [
        Case("combined", [RICH, R, "POST / HTTP/1.0\n\n", R],
             fe="\n".join(combined), only="s1|line")])


STATUSES = (403, 404, 405, 410, 413, 425, 429, 500, 501, 502, 503, 504)


def case(name, line, *steps, **more):
    return Case(name, list(steps) or [GET11("a/b?c=d"), R], fe=line, **more)


ACTIONS = [
    case("set_header", "http-request set-header X-A one\n"
         "http-request set-header x-a two\nhttp-request add-header X-A three"),
    case("set_header_format", "http-request set-header X-A "
         "\"%[src]:%[path]-%ci %H\"\n http-request del-header nothing"
         .replace("%H", "%HM")),
    case("del_header", "http-request del-header accept\n"
         "http-request del-header x- -m beg", RICH, R),
    case("del_header_end", "http-request del-header -num -m end\n"
         "http-request del-header ^co.*e$ -m reg\n"
         "http-request del-header mp -m sub", RICH, R),
    case("replace_header", "http-request replace-header Accept (.)/(.) \\2:\\1"
         "\nhttp-request replace-value Accept : ;", RICH, R),
    case("set_method", "http-request set-method POST"),
    case("set_path", "http-request set-path /new%[path]"),
    case("set_path_query", "http-request set-path /new?x=1"),
    case("set_query", "http-request set-query z=%[query]"),
    case("set_uri", "http-request set-uri /u?v"),
    case("set_pathq", "http-request set-pathq /p?q"),
    case("replace_path", "http-request replace-path /a/(.*) /c/\\1"),
    case("replace_pathq", "http-request replace-pathq (.*) /x\\1"),
    case("replace_uri", "http-request replace-uri (.*) /y\\1"),
    case("set_var", "http-request set-var(txn.a) path,upper\n"
         "http-request set-var(req.b) var(txn.a),length\n"
         "http-request set-header X-A %[var(txn.a)]:%[var(req.b)]\n"
         "http-request unset-var(txn.a)\n"
         "http-request set-header X-B %[var(txn.a)]."),
    case("set_var_sess", "http-request set-header X-A %[var(sess.n)]\n"
         "http-request set-var(sess.n) path",
         GET11("one"), R, GET11("two"), R),
    case("return_string", "http-request return status 404 content-type "
         "text/plain string \"gone away\" hdr X-A b hdr X-B %[path]"),
    case("return_lf", "http-request return status 200 content-type "
         "text/plain lf-string \"%[path] %[src]\""),
    case("return_empty", "http-request return status 204"),
    case("return_plain", "http-request return"),
    case("return_head", "http-request return status 200 content-type "
         "text/plain string hello", "HEAD / HTTP/1.1\nHost: h\n\n", RHEAD),
    case("return_10", "http-request return status 200 content-type "
         "text/plain string hello", "GET / HTTP/1.0\n\n", R),
    case("return_post", "http-request return status 200 content-type "
         "text/plain string hello",
         "POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello", R,
         GET11("b"), R),
    case("deny", "http-request deny if { path_beg /a }",
         GET11("a"), R, GET11("b"), R),
    case("deny_statuses", "\n".join(
        f"http-request deny deny_status {s} if {{ path /{s} }}"
        for s in STATUSES), *[x for s in STATUSES for x in (GET11(s), R)]),
    case("deny_400", "http-request deny deny_status 400"),
    case("deny_hdr", "http-request deny status 418 content-type text/plain "
         "string teapot hdr X-A b"),
    case("redirect_location", "http-request redirect location http://x/%[path]"
         " code 301"),
    case("redirect_prefix", "http-request redirect prefix https://x.y"),
    case("redirect_scheme", "http-request redirect scheme https code 307",
         RICH, R),
    case("redirect_drop_query", "http-request redirect prefix /z drop-query"),
    case("redirect_append_slash", "http-request redirect prefix /z "
         "append-slash drop-query"),
    case("redirect_cookie", "http-request redirect location / set-cookie a=b"
         " code 303"),
    case("redirect_clear_cookie", "http-request redirect location / "
         "clear-cookie a= code 308"),
    case("redirect_old", "redirect prefix /q if { path_beg /a }"),
    case("redirect_post", "http-request redirect location /",
         "POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello", R,
         GET11("b"), R),
    case("allow_stops", "http-request allow if { path_beg /a }\n"
         "http-request deny"),
    Case("response_headers", [GET11("a"), R], answer(head="Server: me\n"),
         fe="http-response set-header X-A %[status]\n"
            "http-response add-header X-A b\nhttp-response del-header server"),
    case("response_status", "http-response set-status 201 reason \"Made It\""),
    case("response_status_plain", "http-response set-status 404"),
    Case("response_replace", [GET11("a"), R], answer(head="X-A: abc\n"),
         fe="http-response replace-header X-A a(.*) z\\1\n"
            "http-response set-header X-B %[res.hdr(x-a)]"),
    case("response_condition", "http-response set-header X-A b if "
         "{ status 200:299 }\nhttp-response set-header X-B c if { status 404 }"
         "\nhttp-response set-header X-C %[var(txn.p)]\n"
         "http-request set-var(txn.p) path"),
    case("after_response", "http-after-response set-header X-After yes\n"
         "http-after-response set-status 202 if { status 200 }\n"
         "http-request deny if { path /denied }",
         GET11("a"), R, GET11("denied"), R),
    case("after_response_on_return", "http-after-response set-header X-A b\n"
         "http-request return status 200 content-type text/plain string x"),
    Case("order_of_sections", [GET11("a"), R],
         fe="http-request set-header X-A fe\n"
            "http-response set-header X-B fe\n"
            "http-response add-header X-C fe",
         be="http-request set-header X-A \"%[req.hdr(x-a)] be\"\n"
            "http-response set-header X-B be\n"
            "http-response add-header X-C be"),
    Case("use_backend", [GET11("one"), R, GET11("two"), R, GET11("x"), R],
         answer("default"), answer("other"),
         fe="use_backend o_{name} if { path /one }\n"
            "use_backend o_%[path,field(2,/)]_{name} if { path /two }",
         extra="backend o_{name}\n server s2 127.0.0.1:{s2}\n"
               "backend o_two_{name}\n server s2 127.0.0.1:{s2}"),
    Case("use_server", [GET11("one"), R, GET11("two"), R, GET11("two"), R],
         answer("1"), answer("2"),
         be="use-server s1 if { path /one }\nuse-server s2 if { path /two }"),
    Case("use_server_down", [GET11("one"), R], answer("1"), answer("2"),
         be="use-server s1 if { path /one }", opts=["disabled", ""]),
    Case("capture", [RICH, R], answer(head="Server: me\nX-Long: abcdefghij\n"),
         fe="capture request header Host len 10\n"
            "capture request header None len 5\n"
            "capture request header User-Agent len 64\n"
            "capture response header Server len 10\n"
            "capture response header X-Long len 4"),
    Case("capture_only_response", [RICH, R], answer(head="Server: me\n"),
         fe="capture response header Server len 10"),
    Case("capture_fetch", [RICH, R],
         fe="capture request header Host len 10\n"
            "http-request set-header X-A %[capture.req.hdr(0)]"),
    Case("capture_action", [RICH, R],
         fe="http-request capture path len 20\n"
            "http-request capture req.hdr(x-num) len 20"),
    Case("capture_odd_bytes", ["GET / HTTP/1.1\nHost: h\nX-Odd: a\"b|{}\xe9\t~\n\n", R],
         fe="capture request header X-Odd len 40"),
    case("log_level_silent", "http-request set-log-level silent if "
         "{ path /quiet }", GET11("quiet"), R, GET11("b"), R,
         only="client|log"),
    Case("set_dst_port", [GET11("a"), R], answer("one"), answer("two"),
         be="http-request set-dst-port int({s2})",
         opts=["", "disabled"], only="client"),
    Case("names", [GET11("a"), R, GET11("b"), R],
         be="http-response set-header X-S %[srv_name]/%[be_name]"),
    Case("missing_variable_in_format", [GET11("a"), R],
         fe="http-request set-header X-A a%[var(txn.no)]b%[req.hdr(no)]c"),
]


def test_actions():
    compare(ACTIONS)
