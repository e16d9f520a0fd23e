/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "shm/proto/http.h"

static const struct {
	struct sv name;
	enum http_hid id;
} names[] = {
	{ SV("Connection"), HID_CONNECTION },
	{ SV("CONTENT-LENGTH"), HID_CONTENT_LENGTH },
	{ SV("transfer-Encoding"), HID_TRANSFER_ENCODING },
	{ SV("host"), HID_HOST },
	{ SV("expect"), HID_EXPECT },
	{ SV("upgrade"), HID_UPGRADE },
	{ SV("keep-alive"), HID_KEEP_ALIVE },
	{ SV("proxy-connection"), HID_PROXY_CONNECTION },
	{ SV("TE"), HID_TE },
	{ SV("trailer"), HID_TRAILER },
	{ SV("x-forwarded-for"), HID_X_FORWARDED_FOR },
	{ SV("cookie"), HID_COOKIE },
	{ SV("set-cookie"), HID_SET_COOKIE },
	{ SV("date"), HID_DATE },
	{ SV("sec-websocket-key"), HID_SEC_WEBSOCKET_KEY },
	{ SV("sec-websocket-accept"), HID_SEC_WEBSOCKET_ACCEPT },
	{ SV("sec-websocket-version"), HID_SEC_WEBSOCKET_VERSION },
	{ SV("HTTP2-Settings"), HID_HTTP2_SETTINGS },
	{ SV(""), HID_OTHER },
	{ SV("h"), HID_OTHER },
	{ SV("hosts"), HID_OTHER },
	{ SV("\x08ost"), HID_OTHER },
	{ SV("content_length"), HID_OTHER },
	{ SV("content\rlength"), HID_OTHER },
	{ SV("transfer-encoding-of-some-other-kind"), HID_OTHER },
};

static void
http_hid_of__names__any_case(void **state)
{
	unsigned found = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(http_hid_of(names[i].name), names[i].id);
		found += names[i].id != HID_OTHER;
	}
	assert_int_equal(found, HID_N - 1);
}

static void
http_method_of__names__exact_case(void **state)
{
	(void)state;
	assert_int_equal(http_method_of(SV("GET")), HTTP_GET);
	assert_int_equal(http_method_of(SV("PATCH")), HTTP_PATCH);
	assert_int_equal(http_method_of(SV("CONNECT")), HTTP_CONNECT);
	assert_int_equal(http_method_of(SV("get")), HTTP_OTHER);
	assert_int_equal(http_method_of(SV("")), HTTP_OTHER);
}

static void
http_add_find_del__fields__order_is_kept(void **state)
{
	static struct http_head h;

	(void)state;
	memset(&h, 0, sizeof(h));
	assert_int_equal(http_add(&h, SV("A"), SV("1")), 0);
	assert_int_equal(http_add(&h, SV("Host"), SV("h")), 0);
	assert_int_equal(http_add(&h, SV("b"), SV("2")), 0);
	assert_int_equal(http_add(&h, SV("a"), SV("3")), 0);
	assert_int_equal(http_find(&h, SV("a"), 0), 0);
	assert_int_equal(http_find(&h, SV("a"), 1), 3);
	assert_int_equal(http_find(&h, SV("a"), 4), -1);
	assert_int_equal(http_find(&h, SV("HOST"), 0), 1);
	assert_int_equal(http_find_id(&h, HID_HOST, 0), 1);
	assert_int_equal(http_find_id(&h, HID_COOKIE, 0), -1);
	http_del(&h, 1);
	assert_int_equal(h.hdr_count, 3);
	assert_true(sv_eq(h.hdr[1].name, SV("b")));
	http_del(&h, 2);
	assert_int_equal(http_find(&h, SV("a"), 1), -1);
	while (h.hdr_count < HTTP_HDR_MAX)
		assert_int_equal(http_add(&h, SV("x"), SV("")), 0);
	assert_int_equal(http_add(&h, SV("x"), SV("")), -WSE_FULL);
}

static const struct {
	const char *target, *path, *query;
	enum http_method method;
} targets[] = {
	{ "/", "/", "", HTTP_GET },
	{ "/a/b?c=d?e", "/a/b", "c=d?e", HTTP_GET },
	{ "/?", "/", "", HTTP_GET },
	{ "//a?b", "//a", "b", HTTP_GET },
	{ "/a://b", "/a://b", "", HTTP_GET },
	{ "http://h/x?y", "/x", "y", HTTP_GET },
	{ "http://h", "", "", HTTP_GET },
	{ "http://h?x/y", "", "x/y", HTTP_GET },
	{ "*", "", "", HTTP_OPTIONS },
	{ "h:443", "", "", HTTP_CONNECT },
};

static void
http_path__all_forms__as_in_haproxy(void **state)
{
	static struct http_head h;

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		h.target = sv_str(targets[i].target);
		h.method = targets[i].method;
		assert_true(sv_eq(http_path(&h), sv_str(targets[i].path)));
		assert_true(sv_eq(http_query(&h), sv_str(targets[i].query)));
	}
}

static void
http_reason__known_and_unknown(void **state)
{
	(void)state;
	assert_string_equal(http_reason(200), "OK");
	assert_string_equal(http_reason(503), "Service Unavailable");
	assert_string_equal(http_reason(999), "Unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_hid_of__names__any_case),
		cmocka_unit_test(http_method_of__names__exact_case),
		cmocka_unit_test(http_add_find_del__fields__order_is_kept),
		cmocka_unit_test(http_path__all_forms__as_in_haproxy),
		cmocka_unit_test(http_reason__known_and_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
