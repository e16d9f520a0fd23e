/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "worker/ws_key.h"

static char bytes[256];
static struct arena arena;
static struct http_head req, res;

static int
setup(void **state)
{
	(void)state;
	memset(&req, 0, sizeof(req));
	memset(&res, 0, sizeof(res));
	arena = (struct arena){ bytes, 0, sizeof(bytes) };
	return 0;
}

static void
put(struct http_head *h, const char *name, const char *value)
{
	assert_int_equal(http_add(h, sv_str(name), sv_str(value)), 0);
}

static void
ws_key__example_of_the_rfc__is_accepted(void **state)
{
	(void)state;
	put(&req, "Upgrade", "websocket");
	put(&req, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
	assert_false(ws_key_is_accepted(&req, &res));
	put(&res, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_true(ws_key_is_accepted(&req, &res));
	res.hdr[0].value = SV("s3pPLMBiTxaQ9kYGzzhZRbK+xOO=");
	assert_false(ws_key_is_accepted(&req, &res));
	res.hdr[0].value = SV("");
	assert_false(ws_key_is_accepted(&req, &res));
}

static void
ws_key__endless_key__has_its_answer(void **state)
{
	char key[400];

	(void)state;
	memset(key, 'x', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	put(&req, "Upgrade", "websocket");
	put(&req, "Sec-WebSocket-Key", key);
	put(&res, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_false(ws_key_is_accepted(&req, &res));
	res.hdr[0].value = SV("Gki1jCntCb4AOOk95dkXu7c23t8=");
	assert_true(ws_key_is_accepted(&req, &res));
}

static void
ws_key__of_another_upgrade__is_not_looked_at(void **state)
{
	(void)state;
	put(&req, "Upgrade", "foo");
	put(&req, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
	assert_true(ws_key_is_accepted(&req, &res));
}

static void
ws_key__none_empty_or_two__is_not_given(void **state)
{
	(void)state;
	assert_false(ws_key_is_given(&req));
	put(&req, "Sec-WebSocket-Key", "");
	assert_false(ws_key_is_given(&req));
	req.hdr[0].value = SV("x");
	assert_true(ws_key_is_given(&req));
	put(&req, "sec-websocket-key", "x");
	assert_false(ws_key_is_given(&req));
}

static void
ws_key__websocket__gets_one_key(void **state)
{
	int i;

	(void)state;
	put(&req, "upgrade", "foo, WebSocket");
	assert_int_equal(ws_key_add(&req, &arena), 0);
	assert_int_equal(ws_key_add(&req, &arena), 0);
	assert_int_equal(req.hdr_count, 2);
	i = http_find_id(&req, HID_SEC_WEBSOCKET_KEY, 0);
	assert_int_equal(req.hdr[i].value.n, 24);
	assert_memory_equal(req.hdr[i].value.p + 22, "==", 2);
}

static void
ws_key__another_upgrade__gets_none(void **state)
{
	(void)state;
	put(&req, "upgrade", "websockets, foo");
	assert_int_equal(ws_key_add(&req, &arena), 0);
	assert_int_equal(req.hdr_count, 1);
	assert_true(ws_key_is_accepted(&req, &res));
}

static void
ws_key__arena_full__says_so(void **state)
{
	(void)state;
	arena.size_bytes = 8;
	put(&req, "upgrade", "websocket");
	assert_int_equal(ws_key_add(&req, &arena), -WSE_NOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    ws_key__example_of_the_rfc__is_accepted, setup),
		cmocka_unit_test_setup(
		    ws_key__endless_key__has_its_answer, setup),
		cmocka_unit_test_setup(
		    ws_key__of_another_upgrade__is_not_looked_at, setup),
		cmocka_unit_test_setup(
		    ws_key__none_empty_or_two__is_not_given, setup),
		cmocka_unit_test_setup(ws_key__websocket__gets_one_key, setup),
		cmocka_unit_test_setup(
		    ws_key__another_upgrade__gets_none, setup),
		cmocka_unit_test_setup(ws_key__arena_full__says_so, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
