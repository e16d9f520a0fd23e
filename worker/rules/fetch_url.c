/* SPDX-License-Identifier: MIT */
/*
 * Fetches of the request line: method, target and its parts.
 */
#include "worker/rules/fetch.h"

bool
fetch_url_path(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	if (!t->req || n > 0)
		return false;
	sample_set_str(out, http_path(t->req));
	return out->s.n > 0;
}

bool
fetch_url_pathq(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	struct sv path;

	(void)a;
	(void)argc;
	if (!t->req || n > 0)
		return false;
	path = http_path(t->req);
	if (path.n == 0)
		return false;
	return sample_set_str(
	    out, sv_from(t->req->target, (size_t)(path.p - t->req->target.p)));
}

bool
fetch_url_query(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	if (!t->req || n > 0 || sv_find_char(t->req->target, '?', 0) < 0)
		return false;
	return sample_set_str(out, http_query(t->req));
}

bool
fetch_url_whole(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return t->req && n <= 0 && sample_set_str(out, t->req->target);
}

bool
fetch_url_next_param(
    struct sv *rest, char delim, struct sv *name_r, struct sv *value_r)
{
	size_t i;

	while (rest->n) {
		struct sv pair;
		ssize_t eq;

		for (i = 0; i < rest->n; i++) {
			if (rest->p[i] == '&' || rest->p[i] == ';' ||
			    rest->p[i] == delim)
				break;
		}
		pair = sv_of(rest->p, i);
		*rest = sv_from(*rest, i + 1);
		eq = sv_find_char(pair, '=', 0);
		if (eq < 0)
			continue;
		*name_r = sv_of(pair.p, (size_t)eq);
		*value_r = sv_from(pair, (size_t)eq + 1);
		return true;
	}
	return false;
}

bool
fetch_url_param(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	struct sv want = argc > 0 ? a[0].s : SV_NULL;
	char delim = argc > 1 && a[1].s.n ? a[1].s.p[0] : '?';
	struct sv rest, name, value;
	ssize_t from;

	if (!t->req)
		return false;
	from = sv_find_char(t->req->target, delim, 0);
	if (from < 0)
		return false;
	rest = sv_from(t->req->target, (size_t)from + 1);
	while (fetch_url_next_param(&rest, delim, &name, &value)) {
		if (want.n && !sv_eq(name, want))
			continue;
		/* Without an iteration the first counts. */
		if (n <= 0)
			return sample_set_str(out, value);
		n--;
	}
	return false;
}

bool
fetch_url_param_val(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return fetch_url_param(t, a, argc, n, out) && sample_to_int(out);
}

bool
fetch_url_base(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	struct sv host = SV_NULL, path;
	char *p;
	int i;

	(void)a;
	(void)argc;
	if (!t->req || n > 0)
		return false;
	i = http_find_id(t->req, HID_HOST, 0);
	if (i >= 0)
		host = t->req->hdr[i].value;
	path = http_path(t->req);
	if (host.n == 0)
		return path.p && sample_set_str(out, path);
	p = sample_mem(t, host.n + path.n);
	if (!p)
		return false;
	memcpy(p, host.p, host.n);
	if (path.n)
		memcpy(p + host.n, path.p, path.n);
	return sample_set_str(out, sv_of(p, host.n + path.n));
}

bool
fetch_url_method(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	ssize_t end;

	(void)a;
	(void)argc;
	if (n > 0)
		return false;
	out->type = SMP_METH;
	if (t->req) {
		out->s = t->req->method_text;
		return true;
	}
	end = sv_find_char(t->req_line, ' ', 0);
	if (end <= 0)
		return false;
	out->s = sv_of(t->req_line.p, (size_t)end);
	return true;
}

/* Host and port of an absolute-form target. */
static bool
url_authority(struct txn *t, struct sv *host_r, struct sv *port_r)
{
	struct sv s;
	ssize_t at;
	size_t i;

	if (!t->req)
		return false;
	at = sv_find(t->req->target, SV("://"));
	if (at <= 0)
		return false;
	s = sv_from(t->req->target, (size_t)at + 3);
	for (i = 0; i < s.n && s.p[i] != '/' && s.p[i] != '?'; i++)
		;
	s.n = i;
	at = sv_find_char(s, '@', 0);
	if (at >= 0)
		s = sv_from(s, (size_t)at + 1);
	at = s.n && s.p[0] == '[' ? sv_find_char(s, ']', 0) : 0;
	if (at < 0)
		return false;
	at = sv_find_char(s, ':', (size_t)at);
	*port_r = at < 0 ? SV_NULL : sv_from(s, (size_t)at + 1);
	*host_r = at < 0 ? s : sv_of(s.p, (size_t)at);
	if (host_r->n > 1 && host_r->p[0] == '[')
		*host_r = sv_of(host_r->p + 1, host_r->n - 2);
	return true;
}

bool
fetch_url_ip(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	struct sv host, port;

	(void)a;
	(void)argc;
	return n <= 0 && url_authority(t, &host, &port) &&
	    sample_set_str(out, host) && sample_cast(t, out, SMP_ADDR);
}

bool
fetch_url_port(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	struct sv host, port;

	(void)a;
	(void)argc;
	if (n > 0 || !url_authority(t, &host, &port))
		return false;
	if (port.n == 0)
		return sample_set_int(out, 80);
	return sample_set_str(out, port) && sample_to_int(out);
}
