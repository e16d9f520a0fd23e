/* SPDX-License-Identifier: MIT */
/*
 * Variables of log formats: captures and the request line.
 */
#include "worker/rules/logfmt_var.h"

#define VAR(name)                                    \
	void logfmt_var_##name(struct logfmt_out *o, \
	    const struct logfmt_item *it __attribute__((unused)))

/* "{a|b}"; nothing at all without captures. */
static void
put_captures(struct logfmt_out *o, const struct logfmt_item *it,
    const struct sv *v, int count)
{
	bool quote = it->flags & LOGFMT_QUOTE;
	int k;

	if (!v || !count)
		return;
	if (quote)
		logfmt_put_char(o, '"');
	logfmt_put_char(o, '{');
	for (k = 0; k < count; k++) {
		if (k)
			logfmt_put_char(o, '|');
		logfmt_put_encoded(o, it, LOGFMT_SET_HDR, v[k]);
	}
	logfmt_put_char(o, '}');
	if (quote)
		logfmt_put_char(o, '"');
}

/* "a b", each quoted on its own or "-". */
static void
put_capture_list(struct logfmt_out *o, const struct logfmt_item *it,
    const struct sv *v, int count)
{
	bool quote = it->flags & LOGFMT_QUOTE;
	int k;

	for (k = 0; v && k < count; k++) {
		if (k)
			logfmt_put_char(o, ' ');
		if (quote)
			logfmt_put_char(o, '"');
		if (v[k].p)
			logfmt_put_encoded(o, it, LOGFMT_SET_HDR, v[k]);
		else if (!quote)
			logfmt_put_char(o, '-');
		if (quote)
			logfmt_put_char(o, '"');
	}
}

VAR(hr)
{
	put_captures(o, it, o->t->req_capture, o->t->fe->req_capture_count);
}

VAR(hs)
{
	put_captures(o, it, o->t->res_capture, o->t->fe->res_capture_count);
}

VAR(hrl)
{
	put_capture_list(o, it, o->t->req_capture, o->t->fe->req_capture_count);
}

VAR(hsl)
{
	put_capture_list(o, it, o->t->res_capture, o->t->fe->res_capture_count);
}

/* Word `index` of the request line as received. */
static struct sv
put_line_word(const struct logfmt_out *o, int index)
{
	struct sv s = o->t->req_line;
	ssize_t at;

	for (; index > 0; index--) {
		at = sv_find_char(s, ' ', 0);
		if (at < 0)
			return SV_NULL;
		s = sv_from(s, (size_t)at + 1);
	}
	at = sv_find_char(s, ' ', 0);
	return at < 0 ? s : sv_of(s.p, (size_t)at);
}

/* Encoded and quoted; <BADREQ> where no request was understood. */
static void
put_line_part(
    struct logfmt_out *o, const struct logfmt_item *it, struct sv part)
{
	bool quote = it->flags & LOGFMT_QUOTE;

	if (o->t->req_line.n == 0)
		part = SV("<BADREQ>");
	if (quote)
		logfmt_put_char(o, '"');
	logfmt_put_encoded(o, it, LOGFMT_SET_URI, part);
	if (quote)
		logfmt_put_char(o, '"');
}

VAR(r)
{
	put_line_part(o, it, o->t->req_line);
}

VAR(HM)
{
	put_line_part(o, it, put_line_word(o, 0));
}

VAR(HU)
{
	put_line_part(o, it, put_line_word(o, 1));
}

VAR(HV)
{
	put_line_part(o, it, put_line_word(o, 2));
}

VAR(HP)
{
	struct sv s = put_line_word(o, 1);
	ssize_t at = sv_find_char(s, '?', 0);

	put_line_part(o, it, at < 0 ? s : sv_of(s.p, (size_t)at));
}

VAR(HPO)
{
	struct sv s = put_line_word(o, 1);
	ssize_t at = sv_find_char(s, '?', 0);

	if (at >= 0)
		s.n = (size_t)at;
	at = sv_find(s, SV("://"));
	if (at > 0) {
		at = sv_find_char(s, '/', (size_t)at + 3);
		s = at < 0 ? SV("/") : sv_from(s, (size_t)at);
	}
	put_line_part(o, it, s);
}

VAR(HQ)
{
	struct sv s = put_line_word(o, 1);
	ssize_t at = sv_find_char(s, '?', 0);

	put_line_part(o, it, at < 0 ? SV_NULL : sv_from(s, (size_t)at));
}
