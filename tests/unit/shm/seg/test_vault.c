/* SPDX-License-Identifier: MIT */
#include "shm/seg/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

enum { SLOTS = 8 };

static struct vault worker, broker;
static int vault_fd;

static int
setup(void **state)
{
	(void)state;
	if (vault_create(SLOTS, &vault_fd) < 0 ||
	    vault_attach(vault_fd, SLOTS, &worker) < 0)
		return -1;
	return vault_attach(vault_fd, SLOTS, &broker);
}

static int
teardown(void **state)
{
	(void)state;
	vault_detach(&worker);
	vault_detach(&broker);
	close(vault_fd);
	return 0;
}

static void
vault_take__put_by_the_worker__once(void **state)
{
	uint8_t out[VAULT_STATE_MAX];
	uint32_t kind;

	(void)state;
	vault_put(&worker, 3, 17, 2, "secret", 6);
	assert_true(vault_take(&broker, 3, 17));
	assert_int_equal(vault_copy(&broker, 3, &kind, out, sizeof(out)), 6);
	assert_int_equal(kind, 2);
	assert_memory_equal(out, "secret", 6);
	assert_false(vault_take(&broker, 3, 17));
	assert_false(vault_take(&worker, 3, 17));
}

static void
vault_take__other_generation__fails_and_clears(void **state)
{
	(void)state;
	vault_put(&worker, 3, 17, 0, NULL, 0);
	assert_false(vault_take(&broker, 3, 18));
	assert_false(vault_take(&broker, 3, 17));
	assert_false(vault_take(&broker, 3, 0));
}

static void
vault_copy__forged_length__is_corrupt(void **state)
{
	uint8_t out[VAULT_STATE_MAX];
	uint32_t kind;

	(void)state;
	vault_put(&worker, 7, 1, 2, "x", 1);
	worker.entry[7].state_bytes = VAULT_STATE_MAX + 1;
	assert_int_equal(
	    vault_copy(&broker, 7, &kind, out, sizeof(out)), -WSE_CORRUPT);
	worker.entry[7].state_bytes = UINT32_MAX;
	assert_int_equal(
	    vault_copy(&broker, 7, &kind, out, sizeof(out)), -WSE_CORRUPT);
	worker.entry[7].state_bytes = 100;
	assert_int_equal(vault_copy(&broker, 7, &kind, out, 99), -WSE_CORRUPT);
}

static void
vault_wipe__secrets__are_gone(void **state)
{
	static const uint8_t zero[VAULT_STATE_MAX];

	(void)state;
	vault_put(&worker, 0, 9, 2, "secret", 6);
	vault_wipe(&broker, 0);
	assert_false(vault_take(&worker, 0, 9));
	assert_memory_equal(worker.entry[0].state, zero, sizeof(zero));
}

static void
vault_attach__other_size__is_refused(void **state)
{
	struct vault v;

	(void)state;
	assert_int_equal(vault_attach(vault_fd, SLOTS + 1, &v), -WSE_RANGE);
	assert_int_equal(vault_attach(vault_fd, 0, &v), -WSE_RANGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vault_take__put_by_the_worker__once),
		cmocka_unit_test(
		    vault_take__other_generation__fails_and_clears),
		cmocka_unit_test(vault_copy__forged_length__is_corrupt),
		cmocka_unit_test(vault_wipe__secrets__are_gone),
		cmocka_unit_test(vault_attach__other_size__is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
