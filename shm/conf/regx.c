/* SPDX-License-Identifier: MIT */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "shm/conf/regx.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/base/mem.h"

struct regx {
	pcre2_code *code;
};

/* One per process: patterns are matched one at a time. */
static pcre2_match_data *match_data;
static pcre2_match_context *match_context;

/* Steps of backtracking before a match is given up: about 50 ms. */
enum { REGX_STEPS_MAX = 1000000 };

static void
regx_init(void)
{
	if (match_data)
		return;
	match_data = pcre2_match_data_create(REGX_GROUPS_MAX, NULL);
	match_context = pcre2_match_context_create(NULL);
	if (match_context)
		pcre2_set_match_limit(match_context, REGX_STEPS_MAX);
}

int
regx_new(const char *pattern, bool icase, struct regx **r, char *err,
    size_t err_room)
{
	uint32_t opt = PCRE2_NO_UTF_CHECK | (icase ? PCRE2_CASELESS : 0);
	PCRE2_UCHAR text[128];
	PCRE2_SIZE at = 0;
	pcre2_code *code;
	int e = 0;

	*r = NULL;
	regx_init();
	code = pcre2_compile(
	    (PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, opt, &e, &at, NULL);
	if (!code) {
		pcre2_get_error_message(e, text, sizeof(text));
		snprintf(err, err_room,
		    "regular expression '%s' is invalid at offset %zu: %s",
		    pattern, (size_t)at, (const char *)text);
		return -WSE_SYNTAX;
	}
	/* Without JIT the interpreter matches. */
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	*r = mem_alloc(sizeof(**r));
	(*r)->code = code;
	return 0;
}

void
regx_free(struct regx **r)
{
	if (!*r)
		return;
	pcre2_code_free((*r)->code);
	free(*r);
	*r = NULL;
}

static bool
regx_run(const struct regx *r, struct sv subject, uint32_t options,
    struct regx_groups *g_r)
{
	const PCRE2_SIZE *v;
	int n, i;

	if (!match_data)
		return false;
	n = pcre2_match(r->code, (PCRE2_SPTR)(subject.p ? subject.p : ""),
	    subject.n, 0, options, match_data, match_context);
	if (n < 0)
		return false;
	if (!g_r)
		return true;
	if (n == 0)
		n = REGX_GROUPS_MAX;
	memset(g_r, 0, sizeof(*g_r));
	v = pcre2_get_ovector_pointer(match_data);
	for (i = 0; i < n; i++) {
		if (v[2 * i] == PCRE2_UNSET)
			continue;
		g_r->group[i] =
		    sv_of(subject.p + v[2 * i], v[2 * i + 1] - v[2 * i]);
	}
	g_r->count = n;
	return true;
}

bool
regx_match(const struct regx *r, struct sv subject, struct regx_groups *g_r)
{
	return regx_run(r, subject, 0, g_r);
}

bool
regx_match_rest(
    const struct regx *r, struct sv subject, struct regx_groups *g_r)
{
	return regx_run(r, subject, PCRE2_NOTBOL, g_r);
}

ssize_t
regx_expand(struct sv with, const struct regx_groups *g, char *out, size_t room)
{
	size_t n = 0, i;

	for (i = 0; i < with.n; i++) {
		struct sv piece = sv_of(with.p + i, 1);

		if (with.p[i] == '\\' && i + 1 < with.n) {
			i++;
			piece.p++;
			if (with.p[i] >= '0' && with.p[i] <= '9')
				piece = g->group[with.p[i] - '0'];
		}
		if (piece.n > room - n)
			return -WSE_TOOBIG;
		if (piece.n)
			memcpy(out + n, piece.p, piece.n);
		n += piece.n;
	}
	return (ssize_t)n;
}
