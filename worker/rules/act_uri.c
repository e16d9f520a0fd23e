/* SPDX-License-Identifier: MIT */
/*
 * Actions on the request line.  Bytes a target cannot hold are written as
 * %XX, so that no value can end the line.
 */
#include <ctype.h>

#include "shm/conf/regx.h"
#include "worker/rules/act.h"
#include "worker/rules/logfmt_out.h"

enum { URI_BYTES_MAX = 16384 };

/* Blanks and control bytes as %XX. */
static bool
uri_clean(struct txn *t, struct sv *s)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i, bad = 0, n = 0;
	char *p;

	for (i = 0; i < s->n; i++)
		bad += (unsigned char)s->p[i] <= 0x20 || s->p[i] == 0x7f;
	if (!bad)
		return true;
	p = sample_mem(t, s->n + 2 * bad);
	if (!p)
		return false;
	for (i = 0; i < s->n; i++) {
		unsigned char c = (unsigned char)s->p[i];

		if (c > 0x20 && c != 0x7f) {
			p[n++] = (char)c;
			continue;
		}
		p[n++] = '%';
		p[n++] = digits[c >> 4];
		p[n++] = digits[c & 15];
	}
	*s = sv_of(p, n);
	return true;
}

static bool
uri_value(const struct action_args *a, struct txn *t, struct sv *s)
{
	return logfmt_eval(a->fmt, t, s) && uri_clean(t, s);
}

/* The target is a, b and c in a row. */
static bool
uri_join(struct txn *t, struct sv a, struct sv b, struct sv c)
{
	size_t n = a.n + b.n + c.n;
	char *p = sample_mem(t, n);

	if (!p)
		return false;
	if (a.n)
		memcpy(p, a.p, a.n);
	if (b.n)
		memcpy(p + a.n, b.p, b.n);
	if (c.n)
		memcpy(p + a.n + b.n, c.p, c.n);
	t->req->target = sv_of(p, n);
	return true;
}

/* What stands before the path, and the query with its '?'. */
static bool
uri_split(const struct http_head *h, struct sv *before_r, struct sv *path_r,
    struct sv *query_r)
{
	struct sv path = http_path(h);

	if (!path.p || path.n == 0)
		return false;
	*before_r = sv_of(h->target.p, (size_t)(path.p - h->target.p));
	*path_r = path;
	*query_r = sv_from(h->target, before_r->n + path.n);
	return true;
}

bool
act_uri_method(const struct action_args *a, struct txn *t)
{
	struct sv s;
	size_t i;

	if (!logfmt_eval(a->fmt, t, &s))
		return false;
	/* A method that is no token would break the request line. */
	for (i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) &&
		    (!s.p[i] || !strchr("!#$%&'*+-.^_`|~", s.p[i])))
			return true;
	}
	if (s.n == 0)
		return true;
	t->req->method_text = s;
	t->req->method = http_method_of(s);
	return true;
}

bool
act_uri_path(const struct action_args *a, struct txn *t)
{
	struct sv before, path, query, s;

	if (!uri_value(a, t, &s))
		return false;
	if (s.n == 0 || !uri_split(t->req, &before, &path, &query))
		return true;
	return uri_join(t, before, s, query);
}

bool
act_uri_pathq(const struct action_args *a, struct txn *t)
{
	struct sv before, path, query, s;

	if (!uri_value(a, t, &s))
		return false;
	if (s.n == 0 || !uri_split(t->req, &before, &path, &query))
		return true;
	return uri_join(t, before, s, SV_NULL);
}

bool
act_uri_query(const struct action_args *a, struct txn *t)
{
	struct sv before, path, query, s, mark = SV("?");

	if (!uri_value(a, t, &s))
		return false;
	if (!uri_split(t->req, &before, &path, &query))
		return true;
	before.n += path.n;
	if (s.n == 0)
		mark = SV_NULL;
	return uri_join(t, before, mark, s);
}

bool
act_uri_whole(const struct action_args *a, struct txn *t)
{
	struct sv s;

	if (!uri_value(a, t, &s))
		return false;
	if (s.n)
		t->req->target = s;
	return true;
}

/* The part of the target that a replace- action looks at. */
static bool
uri_part(const struct rule *r, const struct http_head *h, struct sv *before_r,
    struct sv *part_r, struct sv *after_r)
{
	*before_r = *after_r = SV_NULL;
	*part_r = h->target;
	if (r->act == ACT_REPLACE_URI)
		return true;
	if (!uri_split(h, before_r, part_r, after_r))
		return false;
	if (r->act == ACT_REPLACE_PATHQ) {
		part_r->n += after_r->n;
		*after_r = SV_NULL;
	}
	return true;
}

bool
act_uri_replace(const struct rule *r, struct txn *t)
{
	struct sv before, part, after, with;
	char out[URI_BYTES_MAX];
	struct regx_groups g;
	ssize_t n;

	if (!uri_part(r, t->req, &before, &part, &after) ||
	    !regx_match(r->args->re, part, &g))
		return true;
	if (!logfmt_eval(r->args->fmt, t, &with))
		return false;
	n = regx_expand(with, &g, out, sizeof(out));
	if (n < 0)
		return false;
	part = sv_of(out, (size_t)n);
	return n == 0 ||
	    (uri_clean(t, &part) && uri_join(t, before, part, after));
}
