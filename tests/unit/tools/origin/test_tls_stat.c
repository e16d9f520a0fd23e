/* SPDX-License-Identifier: MIT */
#include "tools/origin/tls_stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int
reset(void **state)
{
	(void)state;
	tls_stat_reset();
	return 0;
}

static void
assert_json_has(const char *part)
{
	char json[TLS_STAT_JSON_LEN];
	size_t len = tls_stat_write(json);

	assert_int_equal(len, strlen(json));
	if (!strstr(json, part))
		fail_msg("%s is not in %s", part, json);
}

static void
tls_stat__handshakes__are_counted_by_kind(void **state)
{
	struct tls_stat_shake s = { .version = "TLSv1.3",
		.cipher = "C1",
		.sni = "a.test",
		.alpn = "http/1.1,not this",
		.alpn_len = 8 };

	(void)state;
	tls_stat_count(&s);
	s.resumed = true;
	s.alpn = NULL;
	s.sni = NULL;
	tls_stat_count(&s);
	s.cipher = "C2";
	s.version = "TLSv1.2";
	tls_stat_count(&s);
	tls_stat_fail("no cipher");
	assert_json_has("{\"full\": 1, \"resumed\": 2, \"failed\": 1, ");
	assert_json_has("\"versions\": {\"TLSv1.3\": 2, \"TLSv1.2\": 1}");
	assert_json_has("\"ciphers\": {\"C1\": 2, \"C2\": 1}");
	assert_json_has("\"alpn\": {\"http/1.1\": 1, \"none\": 2}");
	assert_json_has("\"sni\": \"\", \"last_error\": \"no cipher\"}");
}

static void
tls_stat__nothing_yet__empty_tables(void **state)
{
	(void)state;
	assert_json_has("\"versions\": {}, \"ciphers\": {}, \"alpn\": {}, ");
}

static void
tls_stat__what_json_would_escape__is_replaced(void **state)
{
	struct tls_stat_shake s = {
		.version = "v", .cipher = "c", .sni = "a\"b\\c\n\xff"
	};

	(void)state;
	tls_stat_count(&s);
	tls_stat_break("\"");
	assert_json_has("\"sni\": \"a?b?c??\", \"last_error\": \"?\"");
	assert_json_has("\"broken\": 1");
}

static void
tls_stat__more_and_longer_names_than_fit__still_written(void **state)
{
	char cipher[100], sni[1000];
	struct tls_stat_shake s = { .version = cipher,
		.cipher = cipher,
		.sni = sni,
		.alpn = cipher,
		.alpn_len = 99 };

	(void)state;
	memset(sni, 's', sizeof(sni) - 1);
	sni[sizeof(sni) - 1] = '\0';
	for (int i = 0; i < 1000; i++) {
		memset(cipher, 'c', sizeof(cipher));
		cipher[snprintf(cipher, sizeof(cipher), "%d", i)] = '-';
		cipher[sizeof(cipher) - 1] = '\0';
		tls_stat_count(&s);
	}
	tls_stat_fail(sni);
	assert_int_equal(tls_stat.ciphers[TLS_STAT_NAMES - 1].count,
	    1000 - TLS_STAT_NAMES + 1);
	assert_json_has("\"full\": 1000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    tls_stat__handshakes__are_counted_by_kind, reset),
		cmocka_unit_test_setup(
		    tls_stat__nothing_yet__empty_tables, reset),
		cmocka_unit_test_setup(
		    tls_stat__what_json_would_escape__is_replaced, reset),
		cmocka_unit_test_setup(
		    tls_stat__more_and_longer_names_than_fit__still_written,
		    reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
