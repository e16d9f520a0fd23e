/* SPDX-License-Identifier: MIT */
#include "tools/origin/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plan
read_target(const char *target)
{
	struct req req = { .method = "GET", .method_len = 3, .path = target };
	const char *q = strchr(target, '?');
	struct plan plan;

	req.path_len = q ? (size_t)(q - target) : strlen(target);
	req.query = q ? q + 1 : target + req.path_len;
	req.query_len = strlen(req.query);
	plan_read(&plan, &req);
	return plan;
}

static void
plan__no_words__leaves_everything_unset(void **state)
{
	struct plan plan = read_target("/bytes/17");

	(void)state;
	assert_int_equal(plan.kind, PLAN_BYTES);
	assert_int_equal(plan.n, 17);
	assert_int_equal(plan.status, 200);
	assert_false(plan.close || plan.drop || plan.early || plan.head);
	assert_true(plan.h2.reset == PLAN_UNSET && plan.h2.at == PLAN_UNSET);
	assert_true(plan.h2.goaway == PLAN_UNSET);
	assert_true(plan.h2.setting == PLAN_UNSET);
	assert_int_equal(plan.h2.pings + plan.h2.late + plan.delay, 0);
}

static void
plan__words__are_read_in_any_order(void **state)
{
	struct plan plan =
	    read_target("/echo?at=5&rst&reset=0&x=1&&delay=20&close=1&late=3");

	(void)state;
	assert_int_equal(plan.kind, PLAN_ECHO);
	assert_int_equal(plan.h2.at, 5);
	assert_int_equal(plan.h2.reset, 0);
	assert_int_equal(plan.h2.late, 3);
	assert_int_equal(plan.delay, 20);
	assert_true(plan.rst && plan.close && !plan.drop);
}

static void
plan__numbers_that_are_none_or_too_big__are_ignored(void **state)
{
	struct plan plan = read_target("/conn?delay=1x&status=1000&hints=11&"
				       "at=&pings&reset=4294967296&value=-1");

	(void)state;
	assert_int_equal(plan.delay + plan.hints + plan.h2.pings, 0);
	assert_int_equal(plan.status, 200);
	assert_true(plan.h2.reset == PLAN_UNSET && plan.h2.at == PLAN_UNSET);
	assert_int_equal(plan.h2.value, 0);
	assert_int_equal(read_target("/conn?status=99").status, 200);
}

static void
plan__paths__are_whole_or_end_in_a_number(void **state)
{
	static const struct {
		const char *target;
		enum plan_kind kind;
	} rows[] = {
		{ "/", PLAN_PAGE },
		{ "/bytes/", PLAN_NOT_FOUND },
		{ "/bytes/1x", PLAN_NOT_FOUND },
		{ "/bytes/1234567890123456", PLAN_NOT_FOUND },
		{ "/echo/", PLAN_NOT_FOUND },
		{ "/abort", PLAN_ABORT },
		{ "/abort/3", PLAN_ABORT },
		{ "/close", PLAN_CLOSE },
		{ "/delay/3", PLAN_CONN },
		{ "/status/999", PLAN_STATUS },
		{ "/status/100", PLAN_NOT_FOUND },
		{ "/ws", PLAN_WS_MISSING },
		{ "/_stats", PLAN_STATS },
		{ "*", PLAN_NOT_FOUND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    read_target(rows[i].target).kind, rows[i].kind);
	assert_true(read_target("/close").close);
	assert_true(plan_is_early(&(struct plan){ .kind = PLAN_ABORT }));
}

static void
plan__handshake__makes_every_path_a_websocket(void **state)
{
	struct req req = { .method = "GET",
		.method_len = 3,
		.path = "/x",
		.path_len = 2,
		.query = "",
		.ws_token = true,
		.upgrade = true,
		.key = "abc" };
	struct plan plan;

	(void)state;
	plan_read(&plan, &req);
	assert_int_equal(plan.kind, PLAN_WS);
	assert_string_equal(plan.key, "abc");
	req.query = "status=403";
	req.query_len = 10;
	plan_read(&plan, &req);
	assert_int_equal(plan.kind, PLAN_NOT_FOUND);
	req.query_len = 0;
	req.upgrade = false;
	plan_read(&plan, &req);
	assert_int_equal(plan.kind, PLAN_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan__no_words__leaves_everything_unset),
		cmocka_unit_test(plan__words__are_read_in_any_order),
		cmocka_unit_test(
		    plan__numbers_that_are_none_or_too_big__are_ignored),
		cmocka_unit_test(plan__paths__are_whole_or_end_in_a_number),
		cmocka_unit_test(plan__handshake__makes_every_path_a_websocket),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
