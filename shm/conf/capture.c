/* SPDX-License-Identifier: MIT */
/*
 * Parsers of captures: values kept for the log line.
 */
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/action.h"

enum { CAPTURE_LEN_MAX = 8192, CAPTURES_MAX = 256 };

static int
capture_take_len(struct conf_parse *cp, int i, unsigned *len_r)
{
	uint64_t n;

	if (i + 1 >= cp->ln->count || strcmp(cp->ln->word[i].s, "len") != 0)
		return conf_error(cp, i, "expected 'len' and a length");
	if (sv_to_u64(sv_str(cp->ln->word[i + 1].s), &n) < 0 || n == 0 ||
	    n > CAPTURE_LEN_MAX)
		return conf_error(cp, i + 1, "expected a length from 1 to %d",
		    CAPTURE_LEN_MAX);
	*len_r = (unsigned)n;
	return 0;
}

/* Append; name NULL: filled by a rule. The index or -WSE_SYNTAX. */
static int
capture_add(struct conf_parse *cp, bool request, const char *name, unsigned len)
{
	struct capture **tail =
	    request ? &cp->px->req_captures : &cp->px->res_captures;
	int *count =
	    request ? &cp->px->req_capture_count : &cp->px->res_capture_count;
	struct capture *c;

	if (*count == CAPTURES_MAX)
		return conf_error(cp, 0, "more than %d captures", CAPTURES_MAX);
	c = mem_alloc(sizeof(*c));
	c->name = name ? mem_strdup(name) : NULL;
	c->len_bytes = len;
	c->index = (*count)++;
	while (*tail)
		tail = &(*tail)->next;
	*tail = c;
	return c->index;
}

/* "request" or "response" at word i. */
static int
capture_take_side(struct conf_parse *cp, int i, bool *request_r)
{
	const char *w = i < cp->ln->count ? cp->ln->word[i].s : "";

	*request_r = strcmp(w, "request") == 0;
	if (*request_r || strcmp(w, "response") == 0)
		return 0;
	return conf_error(cp, i, "expected 'request' or 'response'");
}

static int
capture_take_end(struct conf_parse *cp, int i)
{
	if (i >= cp->ln->count)
		return 0;
	return conf_error(cp, i, "unexpected '%s'", cp->ln->word[i].s);
}

int
capture_parse(struct conf_parse *cp)
{
	const struct conf_line *ln = cp->ln;
	unsigned len;
	bool request;

	if (ln->count > 1 && strcmp(ln->word[1].s, "cookie") == 0)
		return conf_error(cp, 1,
		    "'capture cookie' is not supported; instead use "
		    "'http-request capture req.cook(NAME) len N'");
	if (capture_take_side(cp, 1, &request) < 0)
		return -WSE_SYNTAX;
	if (ln->count < 4 || strcmp(ln->word[2].s, "header") != 0)
		return conf_error(cp, 2,
		    "expected 'header', a name, 'len' "
		    "and a length");
	if (capture_take_len(cp, 4, &len) < 0 || capture_take_end(cp, 6) < 0)
		return -WSE_SYNTAX;
	return capture_add(cp, request, ln->word[3].s, len) < 0 ? -WSE_SYNTAX
								: 0;
}

int
capture_parse_declare(struct conf_parse *cp)
{
	unsigned len;
	bool request;

	if (cp->ln->count < 2 || strcmp(cp->ln->word[1].s, "capture") != 0)
		return conf_error(cp, 1, "expected 'capture'");
	if (capture_take_side(cp, 2, &request) < 0 ||
	    capture_take_len(cp, 3, &len) < 0 || capture_take_end(cp, 5) < 0)
		return -WSE_SYNTAX;
	return capture_add(cp, request, NULL, len) < 0 ? -WSE_SYNTAX : 0;
}

void
capture_list_free(struct capture **c)
{
	struct capture *one;

	while ((one = *c)) {
		*c = one->next;
		free(one->name);
		free(one);
	}
}

int
action_parse_capture(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	const struct conf_line *ln = cp->ln;
	bool request = set == RULES_HTTP_REQUEST;
	int i = *word;
	uint64_t id;

	if (expr_parse(cp, i, action_when(set), &r->args->expr) < 0)
		return -WSE_SYNTAX;
	*word = i + 3;
	if (i + 2 < ln->count && strcmp(ln->word[i + 1].s, "id") == 0) {
		if (sv_to_u64(sv_str(ln->word[i + 2].s), &id) < 0 ||
		    id >= CAPTURES_MAX)
			return conf_error(cp, i + 2, "expected a number");
		r->args->number = (int)id;
		r->args->len_bytes = CAPTURE_LEN_MAX;
		return 0;
	}
	if (!request)
		return conf_error(cp, i + 1,
		    "expected 'id' and the number of a declared capture");
	if (!(cp->px->cap & PX_FRONTEND))
		return conf_error(
		    cp, i - 1, "'capture' with 'len' belongs into a frontend");
	if (capture_take_len(cp, i + 1, &r->args->len_bytes) < 0)
		return -WSE_SYNTAX;
	r->args->number = capture_add(cp, true, NULL, r->args->len_bytes);
	return r->args->number < 0 ? -WSE_SYNTAX : 0;
}
