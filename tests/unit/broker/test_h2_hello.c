/* SPDX-License-Identifier: MIT */
/*
 * The first SETTINGS of a server, and what comes in their place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "tests/unit/broker/h2_world.h"

struct bad_hello {
	enum h2o_mode mode;
	enum lease_fail why;
	const char *text;
};

static void
hello__bad_servers__fail_with_a_reason(void **state)
{
	static const struct bad_hello bad[] = {
		{ H2O_SILENT, LFAIL_TIMEOUT, "no SETTINGS" },
		{ H2O_HTTP1, LFAIL_PROTO, "not HTTP/2" },
		{ H2O_NOT_FIRST, LFAIL_PROTO, "not HTTP/2" },
		{ H2O_GOAWAY, LFAIL_PROTO, "instead of" },
		{ H2O_CLOSE, LFAIL_PROTO, "instead of" },
	};
	struct fake_lease *l;
	unsigned i, v;

	(void)state;
	for (v = 0; v < 2; v++)
		for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			world_set_up(v ? "h2" : NULL, bad[i].mode, 0);
			rig.px.tmo.connect_ms =
			    bad[i].mode == H2O_SILENT ? 300 : 5000;
			world_go(1);
			l = world_get(0, H2);
			assert_true(l->failed);
			assert_int_equal(l->f.why, bad[i].why);
			assert_non_null(strstr(l->f.text, bad[i].text));
			assert_string_equal(
			    rig.board.server[0].last_error, l->f.text);
			assert_int_equal(rig.board.server[0].dial_errors, 1);
			rig_until(&rig, origin.open == 0, 4000);
			assert_int_equal(
			    rig_count(&rig, SLOT_FREE), rig.slot_count);
			world_tear_down();
		}
}

static void
hello__settings_in_pieces__are_waited_for(void **state)
{
	static const enum h2o_mode modes[] = { H2O_SLOW, H2O_HALF };
	struct fake_lease *l;
	unsigned i, v;

	(void)state;
	for (v = 0; v < 2; v++)
		for (i = 0; i < 2; i++) {
			world_set_up(v ? "h2" : NULL, modes[i], 0);
			rig.px.tmo.connect_ms = 20000;
			world_go(1);
			l = world_get(0, H2);
			assert_true(l->granted);
			if (modes[i] == H2O_HALF)
				assert_int_equal(
				    l->port.send_window, 65535 + 1);
			fake_ping(l);
			fake_close(&fake[0], l);
			assert_int_equal(origin.accepted, 1);
			world_tear_down();
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello__bad_servers__fail_with_a_reason),
		cmocka_unit_test(hello__settings_in_pieces__are_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
