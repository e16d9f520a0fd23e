/* SPDX-License-Identifier: MIT */
/*
 * Fetches of the messages as wholes: status, versions, bodies, captures.
 */
#include "worker/rules/fetch.h"

bool
fetch_msg_status(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	if (n > 0)
		return false;
	if (t->res)
		return sample_set_int(out, t->res->status);
	return t->status && sample_set_int(out, t->status);
}

static bool
msg_ver(const struct http_head *h, bool is_h2, int n, struct sample *out)
{
	if (!h || n > 0)
		return false;
	if (is_h2)
		return sample_set_str(out, SV("2.0"));
	return sample_set_str(out, h->minor ? SV("1.1") : SV("1.0"));
}

bool
fetch_msg_req_ver(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return msg_ver(t->req, t->req_h2, n, out);
}

bool
fetch_msg_res_ver(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return msg_ver(t->res, t->res_h2, n, out);
}

bool
fetch_msg_first_req(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return n <= 0 && t->cli &&
	    sample_set_bool(out, t->cli->request_count <= 1);
}

bool
fetch_msg_proto_http(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return n <= 0 && sample_set_bool(out, t->req != NULL);
}

bool
fetch_msg_body(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	if (n > 0 || !t->req)
		return false;
	out->type = SMP_BIN;
	out->s = t->req_body;
	return true;
}

bool
fetch_msg_body_len(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return n <= 0 && t->req &&
	    sample_set_int(out, (long long)t->req_body.n);
}

bool
fetch_msg_body_size(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	if (n > 0 || !t->req)
		return false;
	if (t->req->has_length)
		return sample_set_int(out, (long long)t->req->content_length);
	return sample_set_int(out, (long long)t->req_body.n);
}

static bool
msg_capture(const struct sv *captures, int count, const struct fetch_arg *a,
    int n, struct sample *out)
{
	if (!captures || n > 0 || a[0].i < 0 || a[0].i >= count)
		return false;
	if (!captures[a[0].i].p)
		return false;
	return sample_set_str(out, captures[a[0].i]);
}

bool
fetch_msg_cap_req(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)argc;
	return msg_capture(t->req_capture, t->fe->req_capture_count, a, n, out);
}

bool
fetch_msg_cap_res(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)argc;
	return msg_capture(t->res_capture, t->fe->res_capture_count, a, n, out);
}

/* Word 0 or 1 of the request line as received. */
static bool
msg_line_word(const struct txn *t, int word, int n, struct sample *out)
{
	struct sv s = t->req_line;
	ssize_t at;

	for (; word > 0; word--) {
		at = sv_find_char(s, ' ', 0);
		if (at < 0)
			return false;
		s = sv_from(s, (size_t)at + 1);
	}
	at = sv_find_char(s, ' ', 0);
	if (at >= 0)
		s.n = (size_t)at;
	return n <= 0 && s.n > 0 && sample_set_str(out, s);
}

bool
fetch_msg_cap_method(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return msg_line_word(t, 0, n, out);
}

bool
fetch_msg_cap_uri(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	ssize_t at;

	(void)a;
	(void)argc;
	if (!msg_line_word(t, 1, n, out))
		return false;
	/* Without scheme and authority. */
	at = sv_find(out->s, SV("://"));
	at = sv_find_char(out->s, '/', at > 0 ? (size_t)at + 3 : 0);
	if (at < 0)
		return false;
	out->s = sv_from(out->s, (size_t)at);
	return true;
}

bool
fetch_msg_cap_ver(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return msg_line_word(t, 2, n, out);
}

bool
fetch_msg_unique_id(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	(void)a;
	(void)argc;
	return n <= 0 && t->unique_id.n && sample_set_str(out, t->unique_id);
}
