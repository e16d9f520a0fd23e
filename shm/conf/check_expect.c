/* SPDX-License-Identifier: MIT */
/*
 * http-check expect: the words behind it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/check.h"
#include "shm/conf/proxy.h"
#include "shm/conf/regx.h"

enum { STATUS_MIN = 100, STATUS_MAX = 999, BODY_MAX = 1 << 20 };

static const struct {
	const char *name;
	uint8_t status;
} statuses[] = {
	{ "L7OK", CHECK_L7OK },
	{ "L7OKC", CHECK_L7OKC },
	{ "L6OK", CHECK_L6OK },
	{ "L4OK", CHECK_L4OK },
	{ "L7RSP", CHECK_L7RSP },
	{ "L7STS", CHECK_L7STS },
	{ "L6RSP", CHECK_L6RSP },
	{ "L4CON", CHECK_L4CON },
	{ "L7TOUT", CHECK_L7TOUT },
	{ "L6TOUT", CHECK_L6TOUT },
	{ "L4TOUT", CHECK_L4TOUT },
};

static int
take_status(struct conf_parse *cp, int i, const char *last, uint8_t *at)
{
	/* each option has its kind of them: OK, failed, timed out */
	for (size_t k = 0; k < sizeof(statuses) / sizeof(*statuses); k++) {
		if (strcmp(statuses[k].name, conf_word(cp, i)) != 0)
			continue;
		if (!strstr(statuses[k].name, last))
			break;
		*at = statuses[k].status;
		return 0;
	}
	return conf_error(cp, i, "'http-check expect': '%s' cannot be '%s'",
	    conf_word(cp, i - 1), conf_word(cp, i));
}

static int
take_error_status(struct conf_parse *cp, int i, uint8_t *at)
{
	const char *w = conf_word(cp, i);

	if (strstr(w, "RSP") || strstr(w, "STS") || strstr(w, "CON"))
		return take_status(cp, i, "", at);
	return take_status(cp, i, "-", at);
}

/* An option in front of the match; 0, 1: it is none, or -WSE_*. */
static int
take_option(struct conf_parse *cp, int i, struct check_expect *e)
{
	const char *w = conf_word(cp, i);

	if (strcmp(w, "comment") == 0) {
		if (conf_need(cp, i + 1, "a text"))
			return -WSE_SYNTAX;
		proxy_set_string(&e->comment, conf_word(cp, i + 1));
		return 0;
	}
	if (strcmp(w, "min-recv") == 0)
		return conf_arg_int(cp, i + 1, -1, BODY_MAX, &e->min_recv);
	if (strcmp(w, "ok-status") == 0)
		return take_status(cp, i + 1, "OK", &e->ok_status);
	if (strcmp(w, "error-status") == 0)
		return take_error_status(cp, i + 1, &e->error_status);
	if (strcmp(w, "tout-status") == 0)
		return take_status(cp, i + 1, "TOUT", &e->tout_status);
	return 1;
}

/* "200-299,304" */
static int
take_ranges(struct conf_parse *cp, int i, struct check_expect *e)
{
	const char *p = e->text;
	unsigned long from, to;
	char *end;

	for (;;) {
		if (!isdigit((unsigned char)*p))
			break;
		from = to = strtoul(p, &end, 10);
		p = end;
		if (*p == '-' && isdigit((unsigned char)p[1])) {
			to = strtoul(p + 1, &end, 10);
			p = end;
		}
		if (from < STATUS_MIN || to > STATUS_MAX || from > to)
			break;
		e->range = mem_realloc(
		    e->range, (e->range_count + 1) * sizeof(*e->range));
		e->range[e->range_count].from = (unsigned)from;
		e->range[e->range_count++].to = (unsigned)to;
		if (*p == '\0')
			return 0;
		if (*p++ != ',')
			break;
	}
	return conf_error(cp, i,
	    "'http-check expect status' expects codes and ranges of them "
	    "('200-399,404'), not '%s'",
	    e->text);
}

static int
take_pattern(struct conf_parse *cp, int i, struct check_expect *e)
{
	char err[256];

	if (conf_need(cp, i, "a pattern"))
		return -WSE_SYNTAX;
	proxy_set_string(&e->text, conf_word(cp, i));
	switch (e->match) {
	case CHECK_MATCH_STATUS:
		return take_ranges(cp, i, e);
	case CHECK_MATCH_RSTATUS:
	case CHECK_MATCH_RSTRING:
		if (regx_new(e->text, false, &e->re, err, sizeof(err)) == 0)
			return 0;
		return conf_error(cp, i, "'http-check expect': %s", err);
	case CHECK_MATCH_STRING:
	case CHECK_MATCH_N:
		break;
	}
	return 0;
}

int
check_expect_parse(struct conf_parse *cp, int i, struct check_expect *e)
{
	static const char *const names[CHECK_MATCH_N] = { "status", "rstatus",
		"string", "rstring" };
	const char *w = conf_word(cp, i);
	int r, m;

	while ((r = take_option(cp, i, e)) == 0)
		i += 2;
	if (r < 0)
		return -WSE_SYNTAX;
	for (; *conf_word(cp, i) == '!'; i++) {
		e->negated = !e->negated;
		if (conf_word(cp, i)[1])
			break; /* "!status" */
	}
	w = conf_word(cp, i);
	w += *w == '!';
	for (m = 0; m < CHECK_MATCH_N; m++)
		if (strcmp(names[m], w) == 0)
			break;
	if (m == CHECK_MATCH_N)
		return conf_error(cp, i,
		    "'http-check expect' expects 'status', 'rstatus', "
		    "'string' or 'rstring', not '%s'",
		    w);
	e->match = (enum check_match)m;
	if (take_pattern(cp, i + 1, e))
		return -WSE_SYNTAX;
	return conf_no_more(cp, i + 2);
}

void
check_expect_done(struct check_expect *e)
{
	free(e->text);
	free(e->range);
	free(e->comment);
	if (e->re)
		regx_free(&e->re);
}
