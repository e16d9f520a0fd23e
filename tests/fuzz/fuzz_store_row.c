/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the rows of the state directory (libFuzzer).
 *
 * Input: the text of a row.  What is accepted is written the same way after it
 * was read again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/store_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_be(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void
admin(struct sv text)
{
	char once[1024], twice[1024];
	struct store_admin a;

	if (store_row_get_admin(text, &a) != 0)
		return;
	must_be(a.weight <= 256 && a.maxconn <= INT32_MAX, "a range");
	if (strchr(a.addr, ' ') || strchr(a.caddr, ' '))
		return;
	(void)store_row_put_admin(&a, once, sizeof(once));
	must_be(store_row_get_admin(sv_str(once), &a) == 0, "what we wrote");
	(void)store_row_put_admin(&a, twice, sizeof(twice));
	must_be(strcmp(once, twice) == 0, "the same again");
}

static void
seen(struct sv text)
{
	char once[1024], twice[1024];
	struct store_seen s;

	if (store_row_get_seen(text, &s) != 0)
		return;
	must_be(s.able <= 2 && s.op <= 3, "a range");
	(void)store_row_put_seen(&s, once, sizeof(once));
	must_be(store_row_get_seen(sv_str(once), &s) == 0, "what we wrote");
	(void)store_row_put_seen(&s, twice, sizeof(twice));
	must_be(strcmp(once, twice) == 0, "the same again");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv text = sv_of((const char *)data, size);

	admin(text);
	seen(text);
	return 0;
}
