/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "shm/proto/proxy_hdr.h"

static struct proxy_peer src, dst;

static ssize_t
parse(const char *text)
{
	return proxy_hdr_parse(text, strlen(text), &src, &dst);
}

static struct sockaddr_in
in4(const char *ip, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}

static struct sockaddr_in6
in6(const char *ip, uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };

	a.sin6_port = htons(port);
	assert_int_equal(inet_pton(AF_INET6, ip, &a.sin6_addr), 1);
	return a;
}

static void
proxy_hdr__v1_tcp4__addresses(void **state)
{
	struct sockaddr_in a = in4("192.0.2.1", 1234), b = in4("10.0.0.1", 80);

	(void)state;
	assert_int_equal(
	    parse("PROXY TCP4 192.0.2.1 10.0.0.1 1234 80\r\nGET"), 39);
	assert_memory_equal(&src.ss, &a, sizeof(a));
	assert_memory_equal(&dst.ss, &b, sizeof(b));
}

static void
proxy_hdr__v1_tcp6__addresses(void **state)
{
	struct sockaddr_in6 a = in6("2001:db8::1", 65535);

	(void)state;
	assert_true(parse("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n") > 0);
	assert_memory_equal(&src.ss, &a, sizeof(a));
}

static void
proxy_hdr__v1_unknown__nothing_told(void **state)
{
	(void)state;
	assert_int_equal(parse("PROXY UNKNOWN\r\n"), 15);
	assert_int_equal(src.len, 0);
	assert_int_equal(parse("PROXY UNKNOWN whatever it is\r\n"), 30);
}

static void
proxy_hdr__v1_in_pieces__waits(void **state)
{
	static const char text[] = "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(proxy_hdr_parse(text, n, &src, &dst), 0);
	assert_int_equal(parse(text), sizeof(text) - 1);
}

static void
proxy_hdr__v1_malformed__refused(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
		"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n",
		"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
		"PROXY \r\n",
		"PROXY TCP4 1111111111111111111111111111111111111111111111111"
		"11111111111111111111111111111111111111111111111111111",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i]), -WSE_SYNTAX);
}

static ssize_t
round_trip(unsigned version, const void *a, const void *b)
{
	char text[PROXY_HDR_MAX];
	ssize_t n = proxy_hdr_write(version, a, b, text, sizeof(text));

	assert_true(n > 0);
	for (ssize_t k = 0; k < n; k++)
		assert_int_equal(
		    proxy_hdr_parse(text, (size_t)k, &src, &dst), 0);
	assert_int_equal(proxy_hdr_parse(text, (size_t)n, &src, &dst), n);
	return n;
}

static void
proxy_hdr__written__reads_the_same(void **state)
{
	struct sockaddr_in a = in4("192.0.2.7", 4567), b = in4("10.1.1.1", 443);
	struct sockaddr_in6 c = in6("2001:db8::9", 1), d = in6("::1", 2);

	(void)state;
	for (unsigned v = 1; v <= 2; v++) {
		(void)round_trip(v, &a, &b);
		assert_memory_equal(&src.ss, &a, sizeof(a));
		assert_memory_equal(&dst.ss, &b, sizeof(b));
		(void)round_trip(v, &c, &d);
		assert_memory_equal(&src.ss, &c, sizeof(c));
		assert_memory_equal(&dst.ss, &d, sizeof(d));
		(void)round_trip(v, &a, &d);
		assert_int_equal(src.len, 0);
	}
}

static void
proxy_hdr__v2_extensions__passed_over(void **state)
{
	char text[64] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11"
			"\1\2\3\4\5\6\7\10\0\x50\1\xbb\4\0\2xy";

	(void)state;
	memcpy(text, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11", 16);
	assert_int_equal(proxy_hdr_parse(text, 33, &src, &dst), 33);
	assert_int_equal(src.ss.ss_family, AF_INET);
	text[12] = 0x31;
	assert_int_equal(proxy_hdr_parse(text, 33, &src, &dst), -WSE_SYNTAX);
	text[12] = 0x21;
	text[15] = 4;
	assert_int_equal(proxy_hdr_parse(text, 33, &src, &dst), -WSE_SYNTAX);
	text[14] = 0x10;
	assert_int_equal(proxy_hdr_parse(text, 33, &src, &dst), -WSE_TOOBIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxy_hdr__v1_tcp4__addresses),
		cmocka_unit_test(proxy_hdr__v1_tcp6__addresses),
		cmocka_unit_test(proxy_hdr__v1_unknown__nothing_told),
		cmocka_unit_test(proxy_hdr__v1_in_pieces__waits),
		cmocka_unit_test(proxy_hdr__v1_malformed__refused),
		cmocka_unit_test(proxy_hdr__written__reads_the_same),
		cmocka_unit_test(proxy_hdr__v2_extensions__passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
