/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/worker/rules/fixture.h"

#define HOLDS(c) assert_true(fix_cond(x, c))
#define FAILS(c) assert_false(fix_cond(x, c))

static const char get[] = "GET /img/a.PNG?q=1 HTTP/1.1\r\n"
			  "Host: www.Ex.test:81\r\nX: b, c\r\nX: d\r\n"
			  "Empty:\r\nN: 85\r\nC: 10.9.8.7, 192.168.1.1\r\n"
			  "\r\n";

static void
acl_eval__text__each_method(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, get);
	HOLDS("{ path /img/a.PNG }");
	FAILS("{ path /img/a.png }");
	HOLDS("{ path -i /img/a.png }");
	HOLDS("{ path /x /img/a.PNG }");
	HOLDS("{ path_beg /img }");
	FAILS("{ path_beg /IMG }");
	HOLDS("{ path_end -i .png .gif }");
	HOLDS("{ path_sub g/a }");
	HOLDS("{ path_sub -i G/A }");
	HOLDS("{ path_dir img }");
	FAILS("{ path_dir im }");
	HOLDS("{ path_reg ^/img/[a-z]\\.PNG$ }");
	HOLDS("{ path_reg -i ^/img/[a-z]\\.png$ }");
	HOLDS("{ path_reg ^/(?!jpg) }");
	FAILS("{ path_reg ^/img/$ }");
	HOLDS("{ path_len 10 }");
	HOLDS("{ path_len gt 5 }");
	HOLDS("{ path,lower /img/a.png }");
	HOLDS("{ url_end q=1 }");
	HOLDS("{ url_param(q) 1 }");
	HOLDS("{ urlp_reg(q) ^[0-9]$ }");
	HOLDS("{ hdr_dom(host) -i ex.test }");
	FAILS("{ hdr_dom(host) -i x.test }");
	HOLDS("{ hdr_beg(host) www. }");
	HOLDS("{ hdr_end(host) :81 }");
	HOLDS("{ base_sub test:81/img }");
	FAILS("{ path_beg /img/a.PNGlong }");
	fix_free(&x);
}

static void
acl_eval__several_values__any_matches(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, get);
	HOLDS("{ hdr(x) b }");
	HOLDS("{ hdr(x) c }");
	HOLDS("{ hdr(x) d }");
	FAILS("{ hdr(x) e }");
	FAILS("{ hdr(x,1) c }");
	HOLDS("{ hdr(x,-1) d }");
	HOLDS("{ req.fhdr(x) -m beg b, }");
	HOLDS("{ hdr_cnt(x) 3 }");
	HOLDS("{ hdr_cnt(nope) 0 }");
	HOLDS("{ hdr_sub(x) c }");
	HOLDS("{ hdr(x),upper D }");
	HOLDS("{ hdr_ip(c) 10.0.0.0/8 }");
	HOLDS("{ hdr_ip(c) 192.168.0.0/16 }");
	FAILS("{ hdr_ip(c) 172.16.0.0/12 }");
	fix_free(&x);
}

static void
acl_eval__found_and_bool__without_patterns(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, get);
	HOLDS("{ hdr(x) -m found }");
	HOLDS("{ hdr(empty) -m found }");
	FAILS("{ hdr(nope) -m found }");
	HOLDS("{ always_true }");
	FAILS("{ always_false }");
	FAILS("{ ssl_fc }");
	HOLDS("!{ ssl_fc }");
	HOLDS("! { ssl_fc }");
	HOLDS("{ http_first_req }");
	HOLDS("{ hdr_cnt(x) -m bool }");
	FAILS("{ var(txn.none) -m bool }");
	fix_free(&x);
}

static void
acl_eval__integers__ranges_and_operators(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, get);
	HOLDS("{ hdr_val(n) 80:90 }");
	HOLDS("{ hdr_val(n) 85 }");
	HOLDS("{ hdr_val(n) ge 85 }");
	FAILS("{ hdr_val(n) gt 85 }");
	HOLDS("{ hdr_val(n) le 85 }");
	FAILS("{ hdr_val(n) lt 85 }");
	HOLDS("{ hdr_val(n) eq 85 }");
	HOLDS("{ hdr_val(n) 1 2 85 }");
	HOLDS("{ hdr_val(n) lt 10 gt 80 }");
	HOLDS("{ hdr_val(n) :90 }");
	HOLDS("{ hdr_val(n) 80: }");
	FAILS("{ hdr_val(n) 86: }");
	HOLDS("{ hdr(n) -m int 80:90 }");
	HOLDS("{ dst_port 8080 }");
	HOLDS("{ int(-5) -5 }");
	fix_free(&x);
}

static void
acl_eval__addresses__networks_of_both_kinds(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	HOLDS("{ src 10.1.2.3 }");
	HOLDS("{ src 10.0.0.0/8 }");
	HOLDS("{ src 10.1.2.0/255.255.255.0 }");
	HOLDS("{ src 10.1.2.2/31 }");
	FAILS("{ src 10.1.2.4/31 }");
	HOLDS("{ src 0.0.0.0/0 }");
	HOLDS("{ src ::ffff:10.1.2.3 }");
	FAILS("{ src ::1 fe80::/10 }");
	FAILS("LOCALHOST");
	x->cli.src.u.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	x->cli.src.u.in6.sin6_addr = in6addr_loopback;
	HOLDS("{ src ::1 }");
	HOLDS("{ src ::/64 }");
	FAILS("{ src 127.0.0.0/8 }");
	HOLDS("LOCALHOST");
	HOLDS("{ str(10.0.0.1) -m ip 10.0.0.0/24 }");
	FAILS("{ str(ten) -m ip 10.0.0.0/24 }");
	fix_free(&x);
}

static void
cond_eval__and_or_not__as_written(void **state)
{
	struct fix *x = fix_new(" acl yes always_true\n"
				" acl no always_false\n"
				" acl two path /none\n acl two path /img/a.PNG",
	    "");

	(void)state;
	fix_request(x, get);
	HOLDS("yes");
	HOLDS("yes !no");
	FAILS("yes no");
	HOLDS("no || yes");
	HOLDS("no or no or yes");
	FAILS("no or yes no");
	HOLDS("two");
	FAILS("!two");
	HOLDS("METH_GET");
	FAILS("METH_POST");
	HOLDS("HTTP_1.1 !HTTP_1.0 HTTP");
	HOLDS("HTTP_URL_SLASH !HTTP_URL_ABS !HTTP_URL_STAR TRUE WAIT_END");
	FAILS("HTTP_CONTENT or FALSE");
	HOLDS("{ method GET }");
	FAILS("{ method -i get }");
	assert_true(cond_eval(NULL, &x->t));
	fix_free(&x);
}

static void
acl_eval__many_strings__are_hashed(void **state)
{
	struct fix *x = fix_new(" acl many path -i /1 /2 /3 /4 /5 /6 /7 /8 /9 "
				"/10 /11 /12 /13 /IMG/a.png\n",
	    "");

	(void)state;
	assert_non_null(x->fe->acls->set);
	fix_request(x, get);
	HOLDS("many");
	fix_request(x, "GET /10 HTTP/1.1\r\nHost: h\r\n\r\n");
	HOLDS("many");
	fix_request(x, "GET /14 HTTP/1.1\r\nHost: h\r\n\r\n");
	FAILS("many");
	fix_free(&x);
}

static void
acl_eval__response__status_and_fields(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_response(x, "HTTP/1.1 503 S\r\nX: y\r\nContent-Length: 0\r\n\r\n");
	HOLDS("{ status 503 }");
	HOLDS("{ status 500:599 }");
	HOLDS("{ res.hdr(x) y }");
	HOLDS("{ shdr_beg(x) y }");
	fix_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acl_eval__text__each_method),
		cmocka_unit_test(acl_eval__several_values__any_matches),
		cmocka_unit_test(acl_eval__found_and_bool__without_patterns),
		cmocka_unit_test(acl_eval__integers__ranges_and_operators),
		cmocka_unit_test(acl_eval__addresses__networks_of_both_kinds),
		cmocka_unit_test(cond_eval__and_or_not__as_written),
		cmocka_unit_test(acl_eval__many_strings__are_hashed),
		cmocka_unit_test(acl_eval__response__status_and_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
