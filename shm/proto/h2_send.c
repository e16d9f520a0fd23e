/* SPDX-License-Identifier: MIT */
/*
 * What the caller has a session send.  See h2_sess.h.
 */
#include "shm/proto/h2_sess_int.h"

enum { FIELDS_MAX = HTTP_HDR_MAX + 5 };

static int
err_of(int err)
{
	if (err == NGHTTP2_ERR_NOMEM)
		return -WSE_NOMEM;
	return err ? -WSE_DENIED : 0;
}

/* nghttp2 copies names (in lower case) and values. */
static size_t
fields_of(const struct h2_fields *f, nghttp2_nv *nv)
{
	for (unsigned i = 0; i < f->count; i++)
		nv[i] = (nghttp2_nv){
			(uint8_t *)(uintptr_t)f->f[i].name.p,
			(uint8_t *)(uintptr_t)f->f[i].value.p,
			f->f[i].name.n,
			f->f[i].value.n,
			NGHTTP2_NV_FLAG_NONE,
		};
	return f->count;
}

static bool
is_method_connect(const struct h2_fields *f)
{
	return f->count && sv_eq(f->f[0].name, SV(":method")) &&
	    sv_eq(f->f[0].value, SV("CONNECT"));
}

ssize_t
h2_sess_request(
    struct h2_sess *s, const struct h2_fields *f, bool has_body, void *user)
{
	uint32_t id = nghttp2_session_get_next_stream_id(s->ng);
	nghttp2_nv nv[FIELDS_MAX];
	nghttp2_data_provider body;
	struct h2_stream *st;
	int32_t got;

	if (!h2_sess_can_open(s))
		return -WSE_DENIED;
	st = h2_sess_stream_new(s, id);
	if (!st)
		return -WSE_NOMEM;
	st->user = user;
	st->out_ended = !has_body;
	st->is_connect = is_method_connect(f);
	body = h2_sess_provider(st);
	got = nghttp2_submit_request(
	    s->ng, NULL, nv, fields_of(f, nv), has_body ? &body : NULL, st);
	if (got < 0) {
		h2_sess_stream_free(s, st);
		return err_of(got);
	}
	CHK((uint32_t)got == id);
	return got;
}

int
h2_sess_interim(struct h2_sess *s, uint32_t id, const struct h2_fields *f)
{
	struct h2_stream *st = h2_sess_stream(s, id);
	nghttp2_nv nv[FIELDS_MAX];
	int32_t err;

	if (!st || st->is_dead)
		return -WSE_NOTFOUND;
	if (st->interims == H2_INTERIMS_MAX)
		return 0;
	st->interims++;
	err = nghttp2_submit_headers(s->ng, NGHTTP2_FLAG_NONE, (int32_t)id,
	    NULL, nv, fields_of(f, nv), NULL);
	return err_of(err < 0 ? err : 0);
}

int
h2_sess_respond(
    struct h2_sess *s, uint32_t id, const struct h2_fields *f, bool has_body)
{
	struct h2_stream *st = h2_sess_stream(s, id);
	nghttp2_nv nv[FIELDS_MAX];
	nghttp2_data_provider body;
	int err;

	if (!st || st->is_dead)
		return -WSE_NOTFOUND;
	body = h2_sess_provider(st);
	err = nghttp2_submit_response(
	    s->ng, (int32_t)id, nv, fields_of(f, nv), has_body ? &body : NULL);
	if (err)
		return err_of(err);
	st->out_ended = !has_body;
	if (st->is_connect && has_body && f->count && f->f[0].value.n &&
	    f->f[0].value.p[0] == '2')
		st->is_tunnel = true;
	return 0;
}

int
h2_sess_trailers(struct h2_sess *s, uint32_t id, const struct h2_fields *f)
{
	struct h2_stream *st = h2_sess_stream(s, id);
	nghttp2_nv nv[FIELDS_MAX];

	if (!st || st->is_dead)
		return -WSE_NOTFOUND;
	st->out_ended = true;
	return err_of(
	    nghttp2_submit_trailer(s->ng, (int32_t)id, nv, fields_of(f, nv)));
}

void
h2_sess_resume(struct h2_sess *s, uint32_t id)
{
	(void)nghttp2_session_resume_data(s->ng, (int32_t)id);
}

void
h2_sess_consume(struct h2_sess *s, uint32_t id, size_t n)
{
	struct h2_stream *st = h2_sess_stream(s, id);

	if (st) {
		CHK(n <= st->held_bytes);
		st->held_bytes -= (uint32_t)n;
	}
	if (nghttp2_session_consume(s->ng, (int32_t)id, n) != 0)
		h2_sess_end(s, H2_INTERNAL_ERROR);
}

void
h2_sess_cut_note(struct h2_sess *s, uint32_t id)
{
	struct h2_cut *c = &s->cut;
	uint32_t *at;

	for (int i = 0; i < H2_CUT_MAX; i++)
		if (c->id[i] == id)
			return;
	at = &c->id[c->count++ % H2_CUT_MAX];
	if (*at > c->below)
		c->below = *at;
	*at = id;
}

int
h2_sess_cut(struct h2_sess *s, uint32_t id, uint32_t code)
{
	struct h2_stream *st = h2_sess_stream(s, id);

	h2_sess_cut_note(s, id);
	if (st)
		st->is_dead = true;
	if (s->dec_id == id)
		s->dec_id = 0; /* what it is decoded into may go */
	return nghttp2_submit_rst_stream(
	    s->ng, NGHTTP2_FLAG_NONE, (int32_t)id, code);
}

void
h2_sess_reset(struct h2_sess *s, uint32_t id, enum h2_error code)
{
	struct h2_stream *st = h2_sess_stream(s, id);

	if (st && !st->is_dead && h2_sess_cut(s, id, code) != 0)
		h2_sess_end(s, H2_INTERNAL_ERROR);
}

void
h2_sess_drain(struct h2_sess *s, bool is_final)
{
	int err;

	if (h2_sess_is_going(s))
		return;
	if (!is_final && s->cfg.is_server) {
		err = nghttp2_submit_shutdown_notice(s->ng);
	} else {
		s->going = true;
		err = nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE,
		    nghttp2_session_get_last_proc_stream_id(s->ng), H2_NO_ERROR,
		    NULL, 0);
	}
	if (err)
		h2_sess_end(s, H2_INTERNAL_ERROR);
}

int
h2_sess_reset_unopened(struct h2_sess *s)
{
	uint32_t id = nghttp2_session_get_next_stream_id(s->ng);

	if (!h2_sess_can_open(s) || id > H2_ID_MAX - 2)
		return -WSE_DENIED;
	if (nghttp2_session_set_next_stream_id(s->ng, (int32_t)id + 2) != 0)
		return -WSE_DENIED;
	return err_of(h2_sess_cut(s, id, H2_INTERNAL_ERROR));
}

void
h2_sess_end(struct h2_sess *s, enum h2_error code)
{
	s->over = s->going = true;
	(void)nghttp2_session_terminate_session(s->ng, code);
}

int
h2_sess_ping(struct h2_sess *s)
{
	return err_of(nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, NULL));
}
