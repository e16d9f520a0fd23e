/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "broker/store_row.h"

static const char admin_text[] =
    "at_us=1764000000000000 admin=9 cadmin=4 weight=7 cweight=10 maxconn=5 "
    "cmaxconn=100 addr=127.0.0.1:8080 caddr=[::1]:80";

static void
get_admin__what_put_wrote__is_the_same(void **state)
{
	struct store_admin a;
	char out[1024];

	(void)state;
	assert_int_equal(store_row_get_admin(sv_str(admin_text), &a), 0);
	assert_int_equal(a.admin, 9);
	assert_int_equal(a.cweight, 10);
	assert_string_equal(a.addr, "127.0.0.1:8080");
	assert_int_equal(
	    store_row_put_admin(&a, out, sizeof(out)), sizeof(admin_text) - 1);
	assert_string_equal(out, admin_text);
}

static void
get_admin__names_of_another_version__are_passed_over(void **state)
{
	struct store_admin a;

	(void)state;
	assert_int_equal(
	    store_row_get_admin(SV("colour=blue weight=3 x="), &a), 0);
	assert_int_equal(a.weight, 3);
	assert_int_equal(a.maxconn, 0);
}

static void
get_admin__every_beginning__is_read_or_refused(void **state)
{
	struct store_admin a;

	(void)state;
	for (size_t n = 0; n < sizeof(admin_text); n++) {
		int r = store_row_get_admin(sv_of(admin_text, n), &a);

		assert_true(r == 0 || r == -WSE_SYNTAX);
	}
}

static void
get_admin__out_of_range__is_refused(void **state)
{
	static const char *const bad[] = { "weight=257", "admin=64",
		"maxconn=2147483648", "weight=-1", "weight=", "weight=1x",
		"weight", "=1", " weight=1", "weight=1  maxconn=2",
		"weight=99999999999999999999" };
	struct store_admin a;
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(
		    store_row_get_admin(sv_str(bad[i]), &a), 0);
	assert_int_not_equal(
	    store_row_get_admin(sv_of("weight=1\0", 9), &a), 0);
	snprintf(text, sizeof(text), "addr=%0*d", STORE_ADDR_MAX, 1);
	assert_int_equal(store_row_get_admin(sv_str(text), &a), -WSE_RANGE);
	snprintf(text, sizeof(text), "addr=%0*d", STORE_ADDR_MAX - 1, 1);
	assert_int_equal(store_row_get_admin(sv_str(text), &a), 0);
}

static void
get_seen__what_put_wrote__is_the_same(void **state)
{
	struct store_seen s = { 2, UINT64_MAX, 3, UINT32_MAX, UINT64_MAX, 1, 2,
		3, "unix@/run/app.sock" },
			  r;
	char out[1024];

	(void)state;
	(void)store_row_put_seen(&s, out, sizeof(out));
	assert_int_equal(store_row_get_seen(sv_str(out), &r), 0);
	assert_memory_equal(&s, &r, sizeof(s));
	assert_int_not_equal(store_row_get_seen(SV("able=3"), &r), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_admin__what_put_wrote__is_the_same),
		cmocka_unit_test(
		    get_admin__names_of_another_version__are_passed_over),
		cmocka_unit_test(
		    get_admin__every_beginning__is_read_or_refused),
		cmocka_unit_test(get_admin__out_of_range__is_refused),
		cmocka_unit_test(get_seen__what_put_wrote__is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
