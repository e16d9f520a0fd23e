/* SPDX-License-Identifier: MIT */
/*
 * Answers of the proxy itself: return, deny, redirect.
 */
#include "worker/rules/act.h"
#include "worker/rules/logfmt_out.h"

static bool
reply_begin(struct rule_reply *reply, unsigned status)
{
	reply->status = (uint16_t)status;
	reply->head->is_response = true;
	reply->head->minor = 1;
	reply->head->status = (uint16_t)status;
	reply->head->reason = sv_str(http_reason(status));
	return true;
}

/* errorfile of the backend, else of the frontend; NULL: our own page. */
static const struct errorfile *
reply_errorfile(const struct txn *t, unsigned status)
{
	const struct proxy *px[2] = { t->be, t->fe };
	int k, i;

	for (k = 0; k < 2; k++) {
		for (i = 0; px[k] && i < ERRORFILE_N; i++) {
			const struct errorfile *f = &px[k]->errorfiles[i];

			if (f->status == status && f->bytes)
				return f;
		}
	}
	return NULL;
}

static bool
reply_hdr(struct rule_reply *reply, struct sv name, struct sv value)
{
	return http_add(reply->head, name, value) == 0;
}

bool
act_reply_make(const struct reply_args *a, struct txn *t, bool is_deny,
    struct rule_reply *reply)
{
	const struct reply_hdr *h;
	struct sv value;

	reply_begin(reply, a->status);
	reply->is_deny = is_deny;
	reply->body = SV_NULL;
	switch (a->kind) {
	case REPLY_PAGE:
		reply->file = reply_errorfile(t, a->status);
		reply->is_page = !reply->file;
		return true;
	case REPLY_FILE:
		reply->file = &a->file;
		return true;
	case REPLY_BYTES:
		reply->body = a->body;
		break;
	case REPLY_FMT:
		if (!logfmt_eval(a->fmt, t, &reply->body))
			return false;
		break;
	case REPLY_EMPTY:
	case REPLY_N:
		break;
	}
	for (h = a->hdrs; h; h = h->next) {
		if (!logfmt_eval(h->fmt, t, &value) ||
		    !reply_hdr(reply, sv_str(h->name), sv_trim(value)))
			return false;
	}
	if (!a->content_type || reply->body.n == 0)
		return true;
	return reply_hdr(reply, SV("Content-Type"), sv_str(a->content_type));
}

/* Path and query of the request as the options want them. */
static struct sv
redirect_rest(const struct redirect_args *a, const struct txn *t, bool *slash_r)
{
	struct sv path = t->req ? http_path(t->req) : SV_NULL, rest;

	*slash_r = false;
	if (!path.p || path.n == 0)
		return SV("/");
	rest = sv_from(t->req->target, (size_t)(path.p - t->req->target.p));
	if (!a->drop_query)
		return rest;
	*slash_r = a->append_slash && path.p[path.n - 1] != '/';
	return path;
}

static bool
redirect_location(const struct redirect_args *a, struct txn *t, struct sv to,
    struct sv *out_r)
{
	struct sv part[5] = { to };
	size_t n = 0, k;
	bool slash = false;
	char *p;
	int host;

	if (a->kind == REDIRECT_SCHEME) {
		part[1] = SV("://");
		host = t->req ? http_find_id(t->req, HID_HOST, 0) : -1;
		if (host >= 0)
			part[2] = t->req->hdr[host].value;
	} else if (a->kind == REDIRECT_PREFIX && sv_eq(to, SV("/"))) {
		/* "/" means the same place, with the options' changes. */
		part[0] = SV_NULL;
	}
	if (a->kind != REDIRECT_LOCATION)
		part[3] = redirect_rest(a, t, &slash);
	if (slash)
		part[4] = SV("/");
	for (k = 0; k < 5; k++)
		n += part[k].n;
	p = sample_mem(t, n);
	if (!p)
		return false;
	*out_r = sv_of(p, n);
	for (k = 0; k < 5; p += part[k].n, k++) {
		if (part[k].n)
			memcpy(p, part[k].p, part[k].n);
	}
	return true;
}

bool
act_reply_redirect(const struct redirect_args *a, struct txn *t,
    struct rule_reply *reply, bool *none_r)
{
	struct sv to, location;

	*none_r = false;
	if (!logfmt_eval(a->to, t, &to))
		return false;
	if (to.n == 0 && a->ignore_empty) {
		*none_r = true;
		return true;
	}
	reply_begin(reply, a->code);
	if (!redirect_location(a, t, to, &location) ||
	    !reply_hdr(reply, SV("Location"), location))
		return false;
	if ((a->code == 302 || a->code == 303 || a->code == 307) &&
	    !reply_hdr(reply, SV("Cache-Control"), SV("no-cache")))
		return false;
	return !a->cookie ||
	    reply_hdr(reply, SV("Set-Cookie"), sv_str(a->cookie));
}
