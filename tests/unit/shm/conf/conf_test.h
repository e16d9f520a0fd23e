/* SPDX-License-Identifier: MIT */
/*
 * Parse a text and keep what was said about it.
 */
#ifndef TESTS_UNIT_SHM_CONF_CONF_TEST_H
#define TESTS_UNIT_SHM_CONF_CONF_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shm/conf/conf.h"

struct run {
	struct conf_parse cp;
	char *said; /* after run_finish() */
	size_t said_bytes;
	int read, finish; /* results */
};

static inline void
run_begin(struct run *r)
{
	memset(r, 0, sizeof(*r));
	r->cp.conf = conf_new();
	r->cp.out = open_memstream(&r->said, &r->said_bytes);
	r->cp.offline = true;
}

static inline void
run_finish(struct run *r)
{
	r->finish = conf_finish(&r->cp);
	fclose(r->cp.out);
	r->cp.out = NULL;
}

static inline void
run_text(struct run *r, const char *text)
{
	run_begin(r);
	r->read = conf_read_text(&r->cp, "t.cfg", text);
	run_finish(r);
}

static inline void
run_end(struct run *r)
{
	conf_free(&r->cp.conf);
	free(r->said);
	r->said = NULL;
}

/* The text must be right, without a warning. */
static inline void
run_good(struct run *r, const char *text)
{
	run_text(r, text);
	if (r->said_bytes)
		print_error("%s", r->said);
	assert_int_equal(r->read, 0);
	assert_int_equal(r->finish, 0);
	assert_int_equal(r->cp.error_count, 0);
	assert_int_equal(r->cp.warning_count, 0);
}

/* What every test needs around its own lines. */
#define DEFAULTS                 \
	"defaults\n"             \
	"\tmode http\n"          \
	"\ttimeout client 10s\n" \
	"\ttimeout connect 1s\n" \
	"\ttimeout server 10s\n"

#endif
