/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/proto/h1.h"
#include "worker/hop.h"

static struct http_head head;
static char text[4096], out[4096];
static char arena_bytes[4096];

/* Parse the fields, strip, and write them again. */
static const char *
stripped(const char *fields, bool keep_upgrade)
{
	struct h1_scan sc = { 0 };
	struct h1_fault f;
	ssize_t n;

	memset(&head, 0, sizeof(head));
	snprintf(
	    text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);
	n = h1_parse_request(text, strlen(text), sizeof(text), &sc, &head, &f);
	assert_true(n > 0);
	hop_strip(&head, keep_upgrade);
	n = h1_write_head(&head, out, sizeof(out) - 1);
	assert_true(n > 0);
	out[n] = '\0';
	return strstr(out, "Host: h\r\n") + strlen("Host: h\r\n");
}

static void
hop__nothing_to_strip__all_stays(void **state)
{
	(void)state;
	assert_string_equal(
	    stripped("A: 1\r\nB: 2\r\n", false), "A: 1\r\nB: 2\r\n\r\n");
}

static void
hop__connection__takes_what_it_names(void **state)
{
	(void)state;
	assert_string_equal(
	    stripped("X-A: 1\r\nConnection: x-a, keep-alive\r\n"
		     "Connection: X-B\r\nX-B: 2\r\nX-C: 3\r\nKeep-Alive: 5\r\n"
		     "Proxy-Connection: close\r\n",
		false),
	    "X-C: 3\r\n\r\n");
}

static void
hop__connection_names_host__host_stays(void **state)
{
	(void)state;
	assert_string_equal(
	    stripped("Connection: host, x\r\nX: 1\r\n", false), "\r\n");
	assert_true(http_find_id(&head, HID_HOST, 0) >= 0);
}

static void
hop__te__only_trailers_passes(void **state)
{
	(void)state;
	assert_string_equal(
	    stripped("TE: gzip, trailers\r\n", false), "TE: trailers\r\n\r\n");
	assert_string_equal(stripped("TE: gzip\r\n", false), "\r\n");
}

static void
hop__lengths__one_plain_one_is_left(void **state)
{
	(void)state;
	assert_string_equal(stripped("Content-Length: 3\r\n"
				     "Content-Length: 3\r\n",
				false),
	    "Content-Length: 3\r\n\r\n");
	assert_string_equal(
	    stripped("Transfer-Encoding: chunked\r\n", false), "\r\n");
}

static void
hop__upgrade__goes_unless_wanted(void **state)
{
	(void)state;
	assert_string_equal(
	    stripped("Upgrade: foo\r\nConnection: upgrade\r\n", false), "\r\n");
	assert_string_equal(
	    stripped("Upgrade: foo\r\nConnection: upgrade\r\n", true),
	    "Upgrade: foo\r\n\r\n");
}

static bool
filtered(const char *fields)
{
	struct arena a = { arena_bytes, 0, sizeof(arena_bytes) };

	(void)stripped(fields, true);
	return hop_upgrade_filter(&head, &a);
}

static void
hop__upgrade_h2c__only_its_tokens_go(void **state)
{
	int i;

	(void)state;
	assert_false(filtered("Upgrade: h2c\r\n"));
	assert_int_equal(http_find_id(&head, HID_UPGRADE, 0), -1);
	assert_false(filtered("Upgrade: h2\r\nUpgrade: H2C,h2\r\n"));
	assert_true(filtered("Upgrade: h2c\r\nUpgrade: h2c,websocket,foo\r\n"));
	i = http_find_id(&head, HID_UPGRADE, 0);
	assert_true(i >= 0);
	assert_true(sv_eq(head.hdr[i].value, SV("websocket, foo")));
	assert_int_equal(http_find_id(&head, HID_UPGRADE, (unsigned)i + 1), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hop__nothing_to_strip__all_stays),
		cmocka_unit_test(hop__connection__takes_what_it_names),
		cmocka_unit_test(hop__connection_names_host__host_stays),
		cmocka_unit_test(hop__te__only_trailers_passes),
		cmocka_unit_test(hop__lengths__one_plain_one_is_left),
		cmocka_unit_test(hop__upgrade__goes_unless_wanted),
		cmocka_unit_test(hop__upgrade_h2c__only_its_tokens_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
