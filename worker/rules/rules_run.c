/* SPDX-License-Identifier: MIT */
/*
 * Running a list of rules, and choosing backend and server.
 */
#include "worker/rules/act.h"
#include "worker/rules/logfmt_out.h"
#include "worker/rules/var.h"

/* What an action wants next. */
enum rule_step {
	STEP_NEXT,
	STEP_STOP,
	STEP_REPLY,
	STEP_REJECT,
	STEP_SERVICE,
	STEP_ERROR
};

static enum rule_step
step_of(bool ok)
{
	return ok ? STEP_NEXT : STEP_ERROR;
}

static enum rule_step
run_set_var(const struct rule *r, struct txn *t)
{
	const struct action_args *a = r->args;
	struct sample s;

	if (r->act == ACT_UNSET_VAR) {
		var_unset(t, a->scope, a->var);
		return STEP_NEXT;
	}
	if (a->fmt) {
		if (!logfmt_eval(a->fmt, t, &s.s))
			return STEP_ERROR;
		s.type = SMP_STR;
	} else if (!expr_eval(a->expr, t, &s)) {
		return STEP_NEXT;
	}
	var_set(t, a->scope, a->var, &s);
	return STEP_NEXT;
}

static void
addr_set_port(struct addr *a, long long port)
{
	if (port < 0 || port > 65535)
		return;
	if (a->u.sa.sa_family == AF_INET)
		a->u.in4.sin_port = htons((uint16_t)port);
	else if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons((uint16_t)port);
	else
		return;
	a->has_port = true;
}

static long long
addr_port(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return ntohs(a->u.in4.sin_port);
	if (a->u.sa.sa_family == AF_INET6)
		return ntohs(a->u.in6.sin6_port);
	return -1;
}

static void
run_set_dst(const struct rule *r, struct txn *t)
{
	const struct addr *old =
	    t->dst_override.len ? &t->dst_override : &t->cli->dst;
	struct addr next = *old;
	struct sample s;

	if (!expr_eval(r->args->expr, t, &s))
		return;
	if (r->act == ACT_SET_DST) {
		if (!sample_cast(t, &s, SMP_ADDR))
			return;
		next = s.addr;
		addr_set_port(&next, addr_port(old));
	} else {
		if (!sample_to_int(&s))
			return;
		addr_set_port(&next, s.i);
	}
	t->dst_override = next;
}

static enum rule_step
run_capture(const struct rule *r, struct txn *t, enum rule_set set)
{
	bool request = set == RULES_HTTP_REQUEST;
	struct sv *to = request ? t->req_capture : t->res_capture;
	int count =
	    request ? t->fe->req_capture_count : t->fe->res_capture_count;
	const struct capture *c =
	    request ? t->fe->req_captures : t->fe->res_captures;
	struct sample s;

	if (!to || r->args->number >= count)
		return STEP_NEXT;
	if (!expr_eval(r->args->expr, t, &s) || !sample_to_str(t, &s))
		return STEP_NEXT;
	while (c && c->index != r->args->number)
		c = c->next;
	if (c && s.s.n > c->len_bytes)
		s.s.n = c->len_bytes;
	return step_of(sample_dup(t, s.s, &to[r->args->number]));
}

static enum rule_step
run_set_status(const struct action_args *a, struct http_head *h)
{
	h->status = (uint16_t)a->number;
	h->reason =
	    sv_str(a->reason ? a->reason : http_reason((unsigned)a->number));
	return STEP_NEXT;
}

static enum rule_step
run_reply(const struct rule *r, struct txn *t, struct rule_reply *reply)
{
	bool none = false, ok;

	if (r->act == ACT_REDIRECT)
		ok = act_reply_redirect(r->args->redirect, t, reply, &none);
	else
		ok = act_reply_make(
		    r->args->reply, t, r->act == ACT_DENY, reply);
	if (!ok)
		return STEP_ERROR;
	return none ? STEP_NEXT : STEP_REPLY;
}

static void
run_log_level(const struct action_args *a, struct txn *t)
{
	t->log.silent = a->number == ACT_LOG_SILENT;
	if (!t->log.silent)
		t->log.level = (enum log_level)a->number;
}

/* h: the head the set works on, which is there. */
static enum rule_step
run_action(const struct rule *r, enum rule_set set, struct txn *t,
    struct http_head *h, struct rule_reply *reply)
{
	const struct action_args *a = r->args;

	switch (r->act) {
	case ACT_ALLOW:
		return STEP_STOP;
	case ACT_REJECT:
		return STEP_REJECT;
	case ACT_DENY:
	case ACT_RETURN:
	case ACT_REDIRECT:
		return run_reply(r, t, reply);
	case ACT_SET_HEADER:
		return step_of(act_hdr_set(a, t, h));
	case ACT_ADD_HEADER:
		return step_of(act_hdr_add(a, t, h));
	case ACT_DEL_HEADER:
		return step_of(act_hdr_del(a, h));
	case ACT_REPLACE_HEADER:
	case ACT_REPLACE_VALUE:
		return step_of(
		    act_hdr_replace(a, t, h, r->act == ACT_REPLACE_VALUE));
	case ACT_SET_METHOD:
		return step_of(act_uri_method(a, t));
	case ACT_SET_PATH:
		return step_of(act_uri_path(a, t));
	case ACT_SET_PATHQ:
		return step_of(act_uri_pathq(a, t));
	case ACT_SET_QUERY:
		return step_of(act_uri_query(a, t));
	case ACT_SET_URI:
		return step_of(act_uri_whole(a, t));
	case ACT_REPLACE_PATH:
	case ACT_REPLACE_PATHQ:
	case ACT_REPLACE_URI:
		return step_of(act_uri_replace(r, t));
	case ACT_SET_STATUS:
		return run_set_status(a, h);
	case ACT_SET_VAR:
	case ACT_UNSET_VAR:
		return run_set_var(r, t);
	case ACT_SET_DST:
	case ACT_SET_DST_PORT:
		run_set_dst(r, t);
		return STEP_NEXT;
	case ACT_CAPTURE:
		return run_capture(r, t, set);
	case ACT_SET_LOG_LEVEL:
		run_log_level(a, t);
		return STEP_NEXT;
	case ACT_USE_SERVICE:
		return STEP_SERVICE;
	case ACT_TARPIT:
	case ACT_USE_BACKEND:
	case ACT_USE_SERVER:
	case ACT_N:
		break;
	}
	return STEP_NEXT;
}

enum rule_verdict
rules_run(const struct rule_list *l, enum rule_set set, struct txn *t,
    struct rule_reply *reply)
{
	struct http_head *h = set == RULES_HTTP_REQUEST ? t->req : t->res;
	const struct rule *r;

	for (r = l->head; r && h; r = r->next) {
		if (!cond_eval(r->cond, t))
			continue;
		switch (run_action(r, set, t, h, reply)) {
		case STEP_NEXT:
			continue;
		case STEP_STOP:
			return RULE_CONTINUE;
		case STEP_REPLY:
			return RULE_REPLY;
		case STEP_REJECT:
			return RULE_REJECT;
		case STEP_SERVICE:
			return RULE_SERVICE;
		case STEP_ERROR:
			return RULE_ERROR;
		}
	}
	return RULE_CONTINUE;
}

/* A name made of a format: not kept, NUL-terminated. */
static bool
rules_name(const struct logfmt *f, struct txn *t, char *out, size_t room)
{
	size_t n = logfmt_build(f, t, out, room - 1);

	out[n] = '\0';
	return n > 0;
}

struct proxy *
rules_backend(struct txn *t)
{
	const struct rule *r;
	char name[256];

	for (r = t->fe->rules[RULES_USE_BACKEND].head; r; r = r->next) {
		struct proxy *be = r->args->be;

		if (!cond_eval(r->cond, t))
			continue;
		if (r->args->fmt &&
		    rules_name(r->args->fmt, t, name, sizeof(name)))
			be = conf_find_proxy(t->conf, name, PX_BACKEND);
		if (be)
			return be;
		/* A name that does not exist: default_backend. */
		break;
	}
	if (t->fe->default_backend)
		return t->fe->default_backend;
	/* A listen section serves itself. */
	if (t->fe->cap & PX_BACKEND)
		return (struct proxy *)(uintptr_t)t->fe;
	return NULL;
}

struct server *
rules_server(struct txn *t)
{
	const struct rule *r;
	char name[256];

	if (!t->be)
		return NULL;
	for (r = t->be->rules[RULES_USE_SERVER].head; r; r = r->next) {
		if (!cond_eval(r->cond, t))
			continue;
		if (!r->args->fmt)
			return r->args->srv;
		if (rules_name(r->args->fmt, t, name, sizeof(name)))
			return conf_find_server(t->be, name);
		return NULL;
	}
	return NULL;
}

static void
rules_capture(struct txn *t, const struct http_head *h, const struct capture *c,
    struct sv *to)
{
	for (; h && to && c; c = c->next) {
		int i, last = -1;

		for (i = 0; c->name && i < h->hdr_count; i++) {
			if (sv_ieq(h->hdr[i].name, sv_str(c->name)))
				last = i;
		}
		if (last >= 0) {
			struct sv v = h->hdr[last].value;

			if (v.n > c->len_bytes)
				v.n = c->len_bytes;
			/* Kept for the log, when the head is gone. */
			if (!sample_dup(t, v, &to[c->index]))
				to[c->index] = SV_NULL;
		}
	}
}

void
rules_capture_request(struct txn *t)
{
	rules_capture(t, t->req, t->fe->req_captures, t->req_capture);
}

void
rules_capture_response(struct txn *t)
{
	rules_capture(t, t->res, t->fe->res_captures, t->res_capture);
}
