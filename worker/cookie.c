/* SPDX-License-Identifier: MIT */
#include "worker/cookie.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shm/proto/http.h"

enum {
	DATE_CHARS = 5,   /* of seconds / 4, 6 bits each */
	FUTURE_S = 86400, /* what is later than that is no date */
	TEXT_BYTES = 128  /* of a Set-Cookie, besides names and attributes */
};

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Part of a field up to the next ';', as it stands; then name and value. */
struct crumb {
	struct sv all, name, value;
};

static bool
crumb_next(struct sv *rest, struct crumb *c)
{
	ssize_t end, eq;

	if (!rest->p)
		return false;
	end = sv_find_char(*rest, ';', 0);
	c->all = end < 0 ? *rest : sv_of(rest->p, (size_t)end);
	*rest = end < 0 ? SV_NULL : sv_from(*rest, (size_t)end + 1);
	eq = sv_find_char(c->all, '=', 0);
	c->name = eq < 0 ? SV_NULL : sv_trim(sv_of(c->all.p, (size_t)eq));
	c->value = eq < 0 ? SV_NULL : sv_trim(sv_from(c->all, (size_t)eq + 1));
	return true;
}

static bool
is_ours(const struct txn *t, const struct crumb *c)
{
	return c->name.n && sv_eq(c->name, sv_str(t->be->cookie.name));
}

/* --- dates --- */

static uint32_t
now_s(void)
{
	return (uint32_t)time(NULL);
}

static bool
date_get(struct sv s, uint32_t *date_r)
{
	uint32_t v = 0;

	if (s.n < DATE_CHARS)
		return false;
	for (int i = 0; i < DATE_CHARS; i++) {
		const char *p = s.p[i] ? strchr(digits, s.p[i]) : NULL;

		if (!p)
			return false;
		v = v << 6 | (uint32_t)(p - digits);
	}
	*date_r = v << 2;
	return true;
}

/* "|" and the date: bytes, no NUL. */
static size_t
date_put(char *out, uint32_t date)
{
	uint32_t v = date >> 2;

	out[0] = '|';
	for (int i = DATE_CHARS; i > 0; i--, v >>= 6)
		out[i] = digits[v & 63];
	return DATE_CHARS + 1;
}

static bool
is_past(uint32_t date, unsigned limit_s)
{
	int64_t age = (int64_t)now_s() - date;

	return age > (int64_t)limit_s || age < -FUTURE_S;
}

/* "value|last|first": the value, if it is none too old. */
static struct sv
dates_take(struct txn *t, struct sv value)
{
	const struct proxy_cookie *c = &t->be->cookie;
	struct txn_cookie *ck = &t->cookie;
	ssize_t bar = sv_find_char(value, '|', 0), next;
	struct sv rest;

	if (bar < 0)
		return value;
	rest = sv_from(value, (size_t)bar + 1);
	value = sv_of(value.p, (size_t)bar);
	if (!date_get(rest, &ck->last_s))
		ck->last_s = 0;
	next = sv_find_char(rest, '|', 0);
	if (next < 0 ||
	    !date_get(sv_from(rest, (size_t)next + 1), &ck->first_s))
		ck->first_s = 0;
	if (ck->first_s && c->maxlife_s) {
		if (!is_past(ck->first_s, c->maxlife_s))
			return value;
		ck->req = COOKIE_OLD;
	} else if (ck->last_s && c->maxidle_s) {
		if (!is_past(ck->last_s, c->maxidle_s))
			return value;
		ck->req = COOKIE_EXPIRED;
	} else {
		return value;
	}
	ck->first_s = ck->last_s = 0;
	return SV_NULL;
}

/* --- requests --- */

/* The first server of that value that may be used. */
static void
choose(struct txn *t, struct sv value, bool is_chosen)
{
	struct txn_cookie *ck = &t->cookie;
	const struct server *srv = NULL;

	if (ck->srv)
		return; /* the first one counts */
	if (value.n && !is_chosen)
		srv = t->be->servers;
	for (; srv; srv = srv->next) {
		if (!srv->cookie || !sv_eq(value, sv_str(srv->cookie)))
			continue;
		ck->req = COOKIE_DOWN;
		if (!txn_hooks.srv_is_up || !txn_hooks.srv_is_up(srv))
			continue;
		ck->req = COOKIE_VALID;
		ck->srv = srv;
		ck->is_direct = true;
		return;
	}
	if (ck->req != COOKIE_DOWN && ck->req != COOKIE_EXPIRED &&
	    ck->req != COOKIE_OLD)
		ck->req = is_chosen ? COOKIE_UNUSED : COOKIE_INVALID;
}

static size_t
put(char *out, size_t n, const char *from, const char *to)
{
	memcpy(out + n, from, (size_t)(to - from));
	return n + (size_t)(to - from);
}

/*
 * One of ours: what the server may see of it goes to out + n. The new n, or -1
 * if it sees nothing of it.
 */
static ssize_t
take(struct txn *t, const struct crumb *c, bool is_chosen, char *out, size_t n)
{
	const struct proxy_cookie *conf = &t->be->cookie;
	const char *end = c->all.p + c->all.n, *rest = c->value.p;
	ssize_t at = -1;

	if (conf->prefix) {
		at = sv_find_char(c->value, '~', 0);
		choose(t, at < 0 ? c->value : sv_of(c->value.p, (size_t)at),
		    is_chosen);
		rest = c->value.p + at + 1; /* at -1: all of it */
	} else {
		choose(t, dates_take(t, c->value), is_chosen);
	}
	if (conf->insert && conf->indirect)
		return -1;
	n = put(out, n, c->all.p, c->name.p + c->name.n);
	out[n++] = '=';
	return (ssize_t)put(out, n, rest, end);
}

/* A Cookie field; its value may become empty. 0 or -WSE_NOMEM. */
static int
field_read(struct txn *t, struct sv *v, bool is_chosen)
{
	struct sv rest = *v;
	struct crumb c;
	size_t n = 0;
	char *out = NULL;
	bool cut = false;

	while (!out && crumb_next(&rest, &c))
		if (is_ours(t, &c) && !(out = arena_get(&t->arena, v->n + 1)))
			return -WSE_NOMEM;
	if (!out)
		return 0; /* none of ours */
	for (rest = *v; crumb_next(&rest, &c);) {
		size_t from = n;
		ssize_t all;

		if (n)
			out[n++] = ';';
		if (n && cut && c.all.n && c.all.p[0] != ' ')
			out[n++] = ' '; /* there is room: something went */
		all = is_ours(t, &c)
		    ? take(t, &c, is_chosen, out, n)
		    : (ssize_t)put(out, n, c.all.p, c.all.p + c.all.n);
		cut = all < 0;
		n = cut ? from : (size_t)all;
	}
	*v = sv_trim(sv_of(out, n));
	return 0;
}

int
cookie_request(struct txn *t, bool is_chosen)
{
	struct txn_cookie *ck = &t->cookie;
	int i = -1, err;

	if (!t->be->cookie.name || ck->is_read)
		return 0;
	ck->is_read = true;
	ck->is_direct = is_chosen;
	while ((i = http_find_id(t->req, HID_COOKIE, (unsigned)(i + 1))) >= 0) {
		struct sv *v = &t->req->hdr[i].value;
		size_t before = v->n;

		err = field_read(t, v, is_chosen);
		if (err)
			return err;
		if (before && v->n == 0)
			http_del(t->req, (unsigned)i--);
	}
	return 0;
}

void
cookie_leave(struct txn *t)
{
	struct txn_cookie *ck = &t->cookie;

	if (ck->srv && ck->req == COOKIE_VALID)
		ck->req = COOKIE_DOWN;
	ck->srv = NULL;
	ck->is_direct = false;
}

/* --- responses --- */

/* In front of the value, or in its place. */
static int
value_set(struct txn *t, struct sv *v, const struct crumb *c, bool keep)
{
	struct sv id = sv_str(t->srv->cookie);
	const char *end = v->p + v->n;
	char *out = arena_get(&t->arena, v->n + id.n + 2);
	size_t n;

	if (!out)
		return -WSE_NOMEM;
	n = put(out, 0, v->p, c->value.p);
	n = put(out, n, id.p, id.p + id.n);
	if (keep)
		out[n++] = '~';
	n = put(out, n, c->value.p + (keep ? 0 : c->value.n), end);
	*v = sv_of(out, n);
	return 0;
}

/* The server sets it itself. */
static int
server_cookies(struct txn *t)
{
	const struct proxy_cookie *conf = &t->be->cookie;
	struct txn_cookie *ck = &t->cookie;
	int i = -1, err;

	while ((i = http_find_id(t->res, HID_SET_COOKIE, (unsigned)(i + 1))) >=
	    0) {
		struct sv *v = &t->res->hdr[i].value, rest = *v;
		struct crumb c;

		if (!crumb_next(&rest, &c) || !is_ours(t, &c))
			continue;
		ck->res = COOKIE_PASSED;
		if (conf->preserve)
			continue;
		if (conf->insert || (conf->indirect && ck->is_direct)) {
			http_del(t->res, (unsigned)i--);
			ck->res = COOKIE_DELETED;
		} else if (t->srv->cookie && (conf->rewrite || conf->prefix)) {
			err = value_set(t, v, &c, conf->prefix);
			if (err)
				return err;
			ck->res = COOKIE_REWRITTEN;
		}
	}
	return 0;
}

/* The client has none, not this server's, or one whose dates have to change. */
static bool
is_to_be_set(const struct txn *t)
{
	const struct proxy_cookie *conf = &t->be->cookie;
	const struct txn_cookie *ck = &t->cookie;

	if (!conf->insert || (conf->preserve && ck->res == COOKIE_PASSED) ||
	    (conf->postonly && t->req->method != HTTP_POST))
		return false;
	if (!ck->is_direct)
		return true;
	if ((conf->maxidle_s || ck->last_s) &&
	    (!ck->last_s || (int32_t)(ck->last_s - now_s()) < 0))
		return true;
	return !conf->maxlife_s != !ck->first_s;
}

/* What Set-Cookie says. */
static struct sv
cookie_text(struct txn *t)
{
	const struct proxy_cookie *conf = &t->be->cookie;
	const char *id = t->srv->cookie, *end;
	const char *more[4] = { conf->domains ? conf->domains : "",
		conf->httponly ? "; HttpOnly" : "",
		conf->secure ? "; Secure" : "",
		conf->attrs ? conf->attrs : "" };
	size_t room = TEXT_BYTES + strlen(conf->name) + (id ? strlen(id) : 0) +
	    strlen(more[0]) + strlen(more[3]);
	uint32_t now = now_s() + 3, first = t->cookie.first_s;
	char *out = arena_get(&t->arena, room);
	size_t n;

	if (!out)
		return SV_NULL;
	n = (size_t)snprintf(out, room, "%s=%s", conf->name, id ? id : "");
	if (id && (conf->maxidle_s || conf->maxlife_s))
		n += date_put(out + n, now);
	if (id && conf->maxlife_s)
		n += date_put(out + n, first ? first : now);
	end = id ? "" : "; Expires=Thu, 01-Jan-1970 00:00:01 GMT";
	n += (size_t)snprintf(out + n, room - n, "%s; path=/%s%s%s%s", end,
	    more[0], more[1], more[2], more[3]);
	return sv_of(out, n);
}

/* Nobody but the client may keep the response: what it says already. */
static bool
is_private(const struct http_head *res)
{
	struct sv name = SV("Cache-Control");
	int i = -1;

	while ((i = http_find(res, name, (unsigned)(i + 1))) >= 0) {
		struct sv list = res->hdr[i].value, e;

		while (sv_next_elem(&list, &e))
			if (sv_ieq(e, SV("private")) ||
			    sv_ieq(e, SV("no-store")) ||
			    sv_ieq(e, SV("no-cache")))
				return true;
	}
	return false;
}

int
cookie_response(struct txn *t)
{
	const struct proxy_cookie *conf = &t->be->cookie;
	struct txn_cookie *ck = &t->cookie;
	struct sv text;
	int err;

	if (!conf->name)
		return 0;
	err = server_cookies(t);
	if (err || !is_to_be_set(t))
		return err;
	text = cookie_text(t);
	if (!text.p)
		return -WSE_NOMEM;
	err = http_add(t->res, SV("Set-Cookie"), text);
	ck->res =
	    ck->is_direct && t->srv->cookie ? COOKIE_UPDATED : COOKIE_INSERTED;
	if (!err && conf->nocache && !is_private(t->res))
		err = http_add(t->res, SV("Cache-Control"), SV("private"));
	return err;
}
