/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/cookie.h"

static char bytes[4096];
static struct http_head req, res;
static struct server srv[2];
static struct proxy be;
static struct txn t;
static bool is_down[2];

static bool
is_up(const struct server *s)
{
	return !is_down[s - srv];
}

static int
setup(void **state)
{
	(void)state;
	memset(&req, 0, sizeof(req));
	memset(&res, 0, sizeof(res));
	memset(srv, 0, sizeof(srv));
	memset(&be, 0, sizeof(be));
	memset(&t, 0, sizeof(t));
	memset(is_down, 0, sizeof(is_down));
	txn_hooks.srv_is_up = is_up;
	srv[0].cookie = (char *)(uintptr_t) "A";
	srv[0].next = &srv[1];
	srv[1].cookie = (char *)(uintptr_t) "B";
	be.servers = srv;
	be.cookie.name = (char *)(uintptr_t) "SRV";
	be.cookie.insert = be.cookie.indirect = true;
	t = (struct txn){ .be = &be, .fe = &be, .req = &req, .res = &res };
	t.arena = (struct arena){ bytes, 0, sizeof(bytes) };
	return 0;
}

static void
put(struct http_head *h, const char *name, const char *value)
{
	assert_int_equal(http_add(h, sv_str(name), sv_str(value)), 0);
}

/* A request with that Cookie: what the server sees of it, NULL: no field. */
static void
expect(const char *cookie, const char *left, const struct server *s, char req_c)
{
	setup(NULL);
	put(&req, "Cookie", cookie);
	assert_int_equal(cookie_request(&t, false), 0);
	if (!left)
		assert_int_equal(req.hdr_count, 0);
	else
		assert_true(sv_eq(req.hdr[0].value, sv_str(left)));
	assert_ptr_equal(t.cookie.srv, s);
	assert_int_equal(t.cookie.req, req_c);
}

static void
cookie__of_a_server__chooses_it_and_goes(void **state)
{
	(void)state;
	expect("SRV=B", NULL, &srv[1], COOKIE_VALID);
	expect("a=1; SRV=B", "a=1", &srv[1], COOKIE_VALID);
	expect("SRV=B; a=1", "a=1", &srv[1], COOKIE_VALID);
	expect("a=1; SRV=B; b=2", "a=1; b=2", &srv[1], COOKIE_VALID);
	expect("a=1;SRV=B;b=2", "a=1; b=2", &srv[1], COOKIE_VALID);
	expect("SRV=B; SRV=A", NULL, &srv[1], COOKIE_VALID);
	expect("SRV=x; SRV=A", NULL, &srv[0], COOKIE_VALID);
	expect("SRV=C; a=", "a=", NULL, COOKIE_INVALID);
	expect("SRV=", NULL, NULL, COOKIE_INVALID);
	expect("SRV; xSRV=A; a=SRV=A", "SRV; xSRV=A; a=SRV=A", NULL, 0);
	expect("", "", NULL, 0);
	expect(";;; ", ";;; ", NULL, 0);
}

static void
cookie__in_several_fields__goes_from_all(void **state)
{
	(void)state;
	put(&req, "Cookie", "SRV=A");
	put(&req, "X", "SRV=A");
	put(&req, "cookie", "b=1; SRV=B");
	assert_int_equal(cookie_request(&t, false), 0);
	assert_int_equal(req.hdr_count, 2);
	assert_true(sv_eq(req.hdr[1].value, SV("b=1")));
	assert_ptr_equal(t.cookie.srv, &srv[0]);
	/* once is enough */
	put(&req, "Cookie", "SRV=B");
	assert_int_equal(cookie_request(&t, false), 0);
	assert_int_equal(req.hdr_count, 3);
}

static void
cookie__server_is_down__another_of_the_same_serves(void **state)
{
	(void)state;
	is_down[1] = true;
	put(&req, "Cookie", "SRV=B");
	assert_int_equal(cookie_request(&t, false), 0);
	assert_null(t.cookie.srv);
	assert_int_equal(t.cookie.req, COOKIE_DOWN);
	setup(NULL);
	is_down[0] = true;
	srv[1].cookie = srv[0].cookie;
	put(&req, "Cookie", "SRV=A");
	assert_int_equal(cookie_request(&t, false), 0);
	assert_ptr_equal(t.cookie.srv, &srv[1]);
	cookie_leave(&t);
	assert_null(t.cookie.srv);
	assert_int_equal(t.cookie.req, COOKIE_DOWN);
}

static void
cookie__a_rule_chose__is_not_used(void **state)
{
	(void)state;
	put(&req, "Cookie", "SRV=B");
	assert_int_equal(cookie_request(&t, true), 0);
	assert_null(t.cookie.srv);
	assert_int_equal(t.cookie.req, COOKIE_UNUSED);
	t.srv = &srv[0];
	assert_int_equal(cookie_response(&t), 0);
	assert_int_equal(res.hdr_count, 0);
}

static void
cookie__arena_full__says_so(void **state)
{
	(void)state;
	put(&req, "Cookie", "SRV=B");
	t.arena.size_bytes = 2;
	assert_int_equal(cookie_request(&t, false), -WSE_NOMEM);
	t.srv = &srv[0];
	assert_int_equal(cookie_response(&t), -WSE_NOMEM);
}

static void
says(unsigned i, const char *value)
{
	assert_true(i < res.hdr_count);
	assert_true(sv_eq(res.hdr[i].value, sv_str(value)));
}

static void
cookie__none_came__is_set(void **state)
{
	(void)state;
	t.srv = &srv[1];
	be.cookie.nocache = be.cookie.secure = be.cookie.httponly = true;
	be.cookie.domains = (char *)(uintptr_t) "; domain=.a.b";
	be.cookie.attrs = (char *)(uintptr_t) "; SameSite=Lax";
	assert_int_equal(cookie_response(&t), 0);
	says(0, "SRV=B; path=/; domain=.a.b; HttpOnly; Secure; SameSite=Lax");
	says(1, "private");
	assert_int_equal(t.cookie.res, COOKIE_INSERTED);
	setup(NULL);
	t.srv = &srv[1];
	srv[1].cookie = NULL;
	assert_int_equal(cookie_response(&t), 0);
	says(0, "SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
}

static void
cookie__no_store_is_said__needs_no_private(void **state)
{
	(void)state;
	t.srv = &srv[1];
	be.cookie.nocache = true;
	put(&res, "cache-control", "max-age=0, No-Store");
	assert_int_equal(cookie_response(&t), 0);
	assert_int_equal(res.hdr_count, 2);
}

static void
cookie__of_the_server__is_dropped_or_changed(void **state)
{
	(void)state;
	t.srv = &srv[1];
	put(&res, "Set-Cookie", "SRV=own; path=/x");
	put(&res, "Set-Cookie", "a=1");
	assert_int_equal(cookie_response(&t), 0);
	assert_int_equal(res.hdr_count, 2);
	says(0, "a=1");
	says(1, "SRV=B; path=/");
	setup(NULL);
	t.srv = &srv[1];
	be.cookie.insert = be.cookie.indirect = false;
	be.cookie.rewrite = true;
	put(&res, "Set-Cookie", "SRV=own; path=/x");
	assert_int_equal(cookie_response(&t), 0);
	says(0, "SRV=B; path=/x");
	be.cookie.rewrite = false;
	be.cookie.prefix = true;
	assert_int_equal(cookie_response(&t), 0);
	says(0, "SRV=B~B; path=/x");
	assert_int_equal(t.cookie.res, COOKIE_REWRITTEN);
}

static void
cookie__prefix__is_taken_off(void **state)
{
	(void)state;
	be.cookie.insert = be.cookie.indirect = false;
	be.cookie.prefix = true;
	put(&req, "Cookie", "a=1; SRV=B~x~y; b=2");
	assert_int_equal(cookie_request(&t, false), 0);
	assert_true(sv_eq(req.hdr[0].value, SV("a=1; SRV=x~y; b=2")));
	assert_ptr_equal(t.cookie.srv, &srv[1]);
}

static void
cookie__dates__come_back_as_they_went(void **state)
{
	char text[64];
	uint32_t now = (uint32_t)time(NULL);

	(void)state;
	t.srv = &srv[1];
	be.cookie.maxidle_s = 100;
	be.cookie.maxlife_s = 1000;
	assert_int_equal(cookie_response(&t), 0);
	snprintf(text, sizeof(text), "%.*s", 17, res.hdr[0].value.p);
	assert_int_equal(strlen(text), sizeof("SRV=B|12345|12345") - 1);
	put(&req, "Cookie", text);
	assert_int_equal(cookie_request(&t, false), 0);
	assert_ptr_equal(t.cookie.srv, &srv[1]);
	assert_true(t.cookie.last_s - now < 12);
	assert_true(t.cookie.first_s - now < 12);
	setup(NULL);
	be.cookie.maxlife_s = 1000;
	put(&req, "Cookie", "SRV=B|AAAAA|AAAAB");
	assert_int_equal(cookie_request(&t, false), 0);
	assert_null(t.cookie.srv);
	assert_int_equal(t.cookie.req, COOKIE_OLD);
}

/* Whatever comes: nothing is written beyond, and no cookie of ours is left. */
static void
cookie__noise__stays_within(void **state)
{
	static const char signs[] = "SRV==AB;;  a|~\t\"";
	char text[40];

	(void)state;
	srand(7);
	for (int k = 0; k < 50000; k++) {
		size_t n = (size_t)rand() % sizeof(text);

		for (size_t i = 0; i < n; i++)
			text[i] = signs[(size_t)rand() % (sizeof(signs) - 1)];
		setup(NULL);
		be.cookie.insert = be.cookie.indirect = k & 1;
		be.cookie.prefix = !(k & 1);
		assert_int_equal(
		    http_add(&req, SV("Cookie"), sv_of(text, n)), 0);
		bytes[n + 8] = '!'; /* behind what it may take */
		assert_int_equal(cookie_request(&t, false), 0);
		assert_true(req.hdr_count == 0 || req.hdr[0].value.n <= n);
		assert_int_equal(bytes[n + 8], '!');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    cookie__of_a_server__chooses_it_and_goes, setup),
		cmocka_unit_test_setup(
		    cookie__in_several_fields__goes_from_all, setup),
		cmocka_unit_test_setup(
		    cookie__server_is_down__another_of_the_same_serves, setup),
		cmocka_unit_test_setup(
		    cookie__a_rule_chose__is_not_used, setup),
		cmocka_unit_test_setup(cookie__arena_full__says_so, setup),
		cmocka_unit_test_setup(cookie__none_came__is_set, setup),
		cmocka_unit_test_setup(
		    cookie__no_store_is_said__needs_no_private, setup),
		cmocka_unit_test_setup(
		    cookie__of_the_server__is_dropped_or_changed, setup),
		cmocka_unit_test_setup(cookie__prefix__is_taken_off, setup),
		cmocka_unit_test_setup(
		    cookie__dates__come_back_as_they_went, setup),
		cmocka_unit_test_setup(cookie__noise__stays_within, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
