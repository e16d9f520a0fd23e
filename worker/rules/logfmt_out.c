/* SPDX-License-Identifier: MIT */
/*
 * Writing log formats.
 */
#include "worker/rules/logfmt_out.h"

#include "worker/rules/expr_eval.h"

enum { LOGFMT_EVAL_BYTES_MAX = 16384 };

static const char upper_hex[] = "0123456789ABCDEF";

void
logfmt_put(struct logfmt_out *o, struct sv s)
{
	size_t room = (size_t)(o->end - o->p);

	if (s.n > room)
		s.n = room;
	if (s.n)
		memcpy(o->p, s.p, s.n);
	o->p += s.n;
}

void
logfmt_put_int(struct logfmt_out *o, long long i)
{
	char tmp[SAMPLE_INT_BYTES];

	if (o->end - o->p >= SAMPLE_INT_BYTES)
		o->p += sample_put_int(o->p, i);
	else
		logfmt_put(o, sv_of(tmp, sample_put_int(tmp, i)));
}

void
logfmt_put_hex(struct logfmt_out *o, unsigned long long v, unsigned digits)
{
	unsigned n = 16;

	while (n > digits && n > 1 && !(v >> (4 * (n - 1))))
		n--;
	while (n--)
		logfmt_put_char(o, upper_hex[v >> (4 * n) & 15]);
}

static void
logfmt_put_coded(struct logfmt_out *o, char mark, unsigned char c)
{
	/* Never half of it. */
	if (o->end - o->p < 3) {
		o->end = o->p;
		return;
	}
	*o->p++ = mark;
	*o->p++ = upper_hex[c >> 4];
	*o->p++ = upper_hex[c & 15];
}

static bool
logfmt_is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* Control bytes never reach a log line or a header as they are. */
static void
logfmt_put_safe(struct logfmt_out *o, unsigned flags, struct sv s)
{
	bool is_http = o->use == LOGFMT_HTTP || o->use == LOGFMT_BODY;
	char mark = is_http ? '%' : '#';
	size_t i, from = 0;

	if (o->use == LOGFMT_VALUE) {
		logfmt_put(o, s);
		return;
	}
	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool escape = (flags & LOGFMT_ESCAPE) &&
		    (c == '"' || c == '\\' || c == ']');

		if (!escape && !logfmt_is_control(c))
			continue;
		if (c == '\t' && is_http)
			continue;
		logfmt_put(o, sv_of(s.p + from, i - from));
		from = i + 1;
		if (escape) {
			logfmt_put_char(o, '\\');
			logfmt_put_char(o, (char)c);
		} else {
			logfmt_put_coded(o, mark, c);
		}
	}
	logfmt_put(o, sv_of(s.p + from, s.n - from));
}

void
logfmt_put_text(struct logfmt_out *o, const struct logfmt_item *it, struct sv s)
{
	bool quote = it->flags & LOGFMT_QUOTE;

	if (o->use != LOGFMT_LOG) {
		if (s.n)
			logfmt_put_safe(o, it->flags, s);
		return;
	}
	if (quote)
		logfmt_put_char(o, '"');
	if (s.n)
		logfmt_put_safe(o, it->flags, s);
	else if (!quote)
		logfmt_put_char(o, '-');
	if (quote)
		logfmt_put_char(o, '"');
}

/* Bytes of either set that are written as '#' and two digits. */
static bool
logfmt_is_coded(unsigned char c, enum logfmt_set set)
{
	if (c < 0x20 || c >= 0x7f || c == '"' || c == '#')
		return true;
	return set == LOGFMT_SET_HDR && (c == '{' || c == '|' || c == '}');
}

void
logfmt_put_encoded(struct logfmt_out *o, const struct logfmt_item *it,
    enum logfmt_set set, struct sv s)
{
	size_t i, from = 0;

	if (s.n == 0)
		return;
	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool coded = logfmt_is_coded(c, set);
		bool escape =
		    (it->flags & LOGFMT_ESCAPE) && (c == '\\' || c == ']');

		if (!coded && !escape)
			continue;
		logfmt_put(o, sv_of(s.p + from, i - from));
		from = i + coded;
		if (coded)
			logfmt_put_coded(o, '#', c);
		else
			logfmt_put_char(o, '\\');
	}
	logfmt_put(o, sv_of(s.p + from, s.n - from));
}

static void
logfmt_put_expr(struct logfmt_out *o, const struct logfmt_item *it)
{
	struct sample s;

	if (!expr_eval(it->expr, o->t, &s) || !sample_to_str(o->t, &s))
		s.s = SV_NULL;
	logfmt_put_text(o, it, s.s);
}

void
logfmt_put_item(struct logfmt_out *o, const struct logfmt_item *it)
{
	char *before = o->p;

	switch (it->kind) {
	case LOGFMT_TEXT:
		logfmt_put(o, it->text);
		break;
	case LOGFMT_BLANK:
		if (!o->blank)
			logfmt_put_char(o, ' ');
		o->blank = true;
		return;
	case LOGFMT_VAR:
		it->row->put(o, it);
		break;
	case LOGFMT_EXPR:
		logfmt_put_expr(o, it);
		break;
	}
	/* A variable that wrote nothing leaves no second blank. */
	if (o->p != before)
		o->blank = false;
}

size_t
logfmt_build(const struct logfmt *f, struct txn *t, char *out, size_t room)
{
	struct logfmt_out o = { .p = out, .end = out + room, .t = t };
	uint32_t used = t->arena.used_bytes;
	int k;

	o.use = f->use;
	o.blank = true; /* no blank at the start */
	for (k = 0; k < f->count; k++)
		logfmt_put_item(&o, &f->item[k]);
	/* What expressions made on the way is written by now. */
	t->arena.used_bytes = used;
	return (size_t)(o.p - out);
}

bool
logfmt_eval(const struct logfmt *f, struct txn *t, struct sv *out_r)
{
	char tmp[LOGFMT_EVAL_BYTES_MAX];

	if (f->constant) {
		*out_r = f->count ? f->item[0].text : sv_of("", 0);
		return true;
	}
	return sample_dup(
	    t, sv_of(tmp, logfmt_build(f, t, tmp, sizeof(tmp))), out_r);
}
