/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/proto/h2_pair.h"

#include <stdlib.h>
#include <string.h>

#include "shm/base/chk.h"

static char
pattern(uint32_t id, uint64_t at)
{
	return (char)(at * 31 + at / 251 + id);
}

static void
check(struct pair_end *e, uint32_t id, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((char)p[i] != pattern(id, e->got + i))
			e->wrong = true;
	e->got += n;
}

/* ---- our side ---- */

static char body[H2_FRAME_MAX];

static uint32_t
id_of(void *user)
{
	return (uint32_t)(uintptr_t)user;
}

static bool
us_begin(void *conn, uint32_t id, void **user, struct h2_into *into)
{
	struct pair *p = conn;

	if (p->refuse)
		return false;
	*user = (void *)(uintptr_t)id;
	p->a = (struct arena){ p->arena, 0, sizeof(p->arena) };
	into->head = &p->head;
	into->arena = &p->a;
	into->method = HTTP_GET;
	if (pair_us(p, id)->path[0] == '!')
		into->upgrade = SV("websocket");
	return true;
}

static void
answer(struct pair *p, uint32_t id)
{
	struct pair_end *e = pair_us(p, id);
	static struct h2_fields f;
	static struct http_head h;

	memset(&h, 0, offsetof(struct http_head, hdr));
	h.is_response = true;
	h.status = p->head.conn_upgrade ? 101 : 200;
	CHK(http_add(&h, SV("Server"), SV("us")) == 0);
	CHK(h2_head_response(&h, p->head.conn_upgrade, &f) == 0);
	e->total = p->reply_bytes;
	e->ends = !p->head.conn_upgrade;
	CHK(h2_sess_respond(p->s, id, &f, true) == 0);
}

static void
us_head(void *conn, void *user, enum h2_part part, int err, bool end)
{
	struct pair *p = conn;
	struct pair_end *e = pair_us(p, id_of(user));

	e->heads++;
	e->err = err;
	e->got_end |= end;
	e->trailers |= part == H2_TRAILERS;
	if (part == H2_RESPONSE)
		e->status = p->head.status;
	if (part == H2_REQUEST && !err && p->head.target.n < sizeof(e->path))
		memcpy(e->path, p->head.target.p, p->head.target.n);
	if (part == H2_REQUEST && !err && !p->silent)
		answer(p, id_of(user));
}

static void
us_data(void *conn, void *user, struct sv data)
{
	struct pair *p = conn;
	struct pair_end *e = pair_us(p, id_of(user));

	check(e, id_of(user), (const uint8_t *)data.p, data.n);
	if (e->hold)
		e->held += data.n;
	else
		h2_sess_consume(p->s, id_of(user), data.n);
}

static void
us_end(void *conn, void *user)
{
	pair_us(conn, id_of(user))->got_end = true;
}

static void
us_close(void *conn, void *user, uint32_t id, uint32_t code, bool by_peer)
{
	struct pair_end *e = pair_us(conn, id);

	CHK(!user || id_of(user) == id);
	e->closed = true;
	e->code = code;
	e->by_peer = by_peer;
}

static size_t
us_pull(
    void *conn, void *user, size_t max, const char **p_r, enum h2_more *more_r)
{
	struct pair_end *e = pair_us(conn, id_of(user));
	size_t n = e->total - e->sent < max ? e->total - e->sent : max;

	for (size_t i = 0; i < n; i++)
		body[i] = pattern(id_of(user), e->sent + i);
	*p_r = body;
	if (e->ends && e->sent + n == e->total)
		*more_r = H2_MORE_END;
	return n;
}

static void
us_sent(void *conn, void *user, size_t n)
{
	pair_us(conn, id_of(user))->sent += n;
}

static void
us_control(void *conn, enum h2_type type, bool ack)
{
	struct pair *p = conn;

	p->goaways += type == H2_GOAWAY;
	p->settings += type == H2_SETTINGS && !ack;
	p->acks += type == H2_SETTINGS && ack;
	p->pings += type == H2_PING;
}

const struct h2_events pair_events = { us_begin, us_head, us_data, us_end,
	us_close, us_pull, us_sent, us_control };

/* ---- the peer ---- */

static ssize_t
them_read(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct pair_end *e = pair_them(user, (uint32_t)id);
	size_t n = e->total - e->sent < length ? e->total - e->sent : length;

	(void)ng, (void)source;
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)pattern((uint32_t)id, e->sent + i);
	e->sent += n;
	if (e->ends && e->sent == e->total)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (n == 0)
		return NGHTTP2_ERR_DEFERRED;
	return (ssize_t)n;
}

#define NV(n, v)                                                      \
	{                                                             \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), \
		    sizeof(n) - 1, sizeof(v) - 1, 0                   \
	}

static void
them_answer(struct pair *p, int32_t id)
{
	struct pair_end *e = pair_them(p, (uint32_t)id);
	nghttp2_nv nv[] = { NV(":status", "200"), NV("server", "them"),
		NV("x-long", "something that a table would like to keep") };
	nghttp2_data_provider d = { .read_callback = them_read };

	e->total = p->reply_bytes;
	e->ends = !p->reply_upgrade;
	CHK(nghttp2_submit_response(p->peer, id, nv, 3, &d) == 0);
}

static int
them_frame(nghttp2_session *ng, const nghttp2_frame *f, void *user)
{
	struct pair *p = user;
	struct pair_end *e = pair_them(p, (uint32_t)f->hd.stream_id);

	(void)ng;
	if (f->hd.type == NGHTTP2_GOAWAY)
		p->peer_goaway = f->goaway.error_code + 1;
	if (f->hd.type == NGHTTP2_HEADERS) {
		e->heads++;
		if (f->headers.cat == NGHTTP2_HCAT_REQUEST)
			them_answer(p, f->hd.stream_id);
	}
	if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
	    (f->hd.flags & NGHTTP2_FLAG_END_STREAM))
		e->got_end = true;
	return 0;
}

static int
them_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
    size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
    void *user)
{
	struct pair_end *e = pair_them(user, (uint32_t)f->hd.stream_id);

	(void)ng, (void)flags;
	if (name_bytes == 7 && memcmp(name, ":status", 7) == 0)
		e->status = atoi((const char *)value);
	if (name_bytes == 5 && memcmp(name, ":path", 5) == 0)
		memcpy(e->path, value, value_bytes < 63 ? value_bytes : 63);
	return 0;
}

static int
them_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
    size_t n, void *user)
{
	(void)ng, (void)flags;
	check(pair_them(user, (uint32_t)id), (uint32_t)id, data, n);
	return 0;
}

static int
them_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
	struct pair_end *e = pair_them(user, (uint32_t)id);

	(void)ng;
	e->closed = true;
	e->code = code;
	return 0;
}

struct pair *
pair_new(bool is_server, const nghttp2_settings_entry *set, size_t count,
    uint32_t window)
{
	struct pair *p = calloc(1, sizeof(*p));
	nghttp2_session_callbacks *cb;

	CHK(p && nghttp2_session_callbacks_new(&cb) == 0);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, them_frame);
	nghttp2_session_callbacks_set_on_header_callback(cb, them_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    cb, them_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, them_close);
	if (is_server)
		CHK(nghttp2_session_client_new(&p->peer, cb, p) == 0);
	else
		CHK(nghttp2_session_server_new(&p->peer, cb, p) == 0);
	nghttp2_session_callbacks_del(cb);
	CHK(nghttp2_submit_settings(p->peer, 0, set, count) == 0);
	p->cfg = (struct h2_cfg){ .is_server = is_server,
		.connect_protocol = is_server,
		.max_streams = 100,
		.window_bytes = window,
		.conn_window_bytes = 4 * window > 65535 ? 4 * window : 65535,
		.head_max_bytes = 16384 };
	p->s = h2_sess_new(&p->cfg, &pair_events, p, p->now_ms);
	CHK(p->s);
	return p;
}

void
pair_free(struct pair **p)
{
	h2_sess_free(&(*p)->s);
	nghttp2_session_del((*p)->peer);
	free(*p);
	*p = NULL;
}

bool
pair_out(struct pair *p)
{
	uint8_t b[5000];
	ssize_t n, r;

	n = h2_sess_output(p->s, b, sizeof(b));
	CHK(n >= 0);
	if (n == 0)
		return false;
	r = nghttp2_session_mem_recv(p->peer, b, (size_t)n);
	if (r != n)
		p->peer_err = (int)r;
	return true;
}

ssize_t
pair_feed(struct pair *p, const void *b, size_t n)
{
	CHK(p->raw_bytes + n <= PAIR_RAW);
	if (n)
		memcpy(p->raw + p->raw_bytes, b, n);
	p->raw_bytes += n;
	n = p->feed_step ? 0 : p->raw_bytes;
	do {
		ssize_t r;

		n += p->feed_step;
		if (n > p->raw_bytes)
			n = p->raw_bytes;
		r = h2_sess_feed(p->s, p->raw, n, p->now_ms);
		if (r < 0)
			return r;
		memmove(p->raw, p->raw + r, p->raw_bytes - (size_t)r);
		p->raw_bytes -= (size_t)r;
		n -= (size_t)r;
	} while (n < p->raw_bytes);
	CHK(p->raw_bytes < H2_HD_BYTES + H2_FRAME_MAX);
	return 0;
}

bool
pair_in(struct pair *p)
{
	const uint8_t *b;
	ssize_t n = nghttp2_session_mem_send(p->peer, &b);

	CHK(n >= 0);
	if (n == 0)
		return false;
	CHK(pair_feed(p, b, (size_t)n) == 0);
	return true;
}

void
pair_run(struct pair *p)
{
	bool more = true;

	while (more) {
		more = false;
		while (pair_out(p))
			more = true;
		while (!p->frozen && pair_in(p))
			more = true;
	}
}

static uint32_t
request(struct pair *p, struct http_head *h, uint64_t bytes, bool ends)
{
	static struct h2_fields f;
	struct pair_end *e;
	ssize_t id;

	p->a = (struct arena){ p->arena, 0, sizeof(p->arena) };
	CHK(h2_head_request(h, SV("https"), &p->a, &f) == 0);
	id = h2_sess_request(p->s, &f, bytes || !ends,
	    (void *)(uintptr_t)nghttp2_session_get_last_proc_stream_id(
		p->peer));
	CHK(id > 0);
	/* the id is the user, known only now */
	CHK(h2_move_attach(p->s, (uint32_t)id, (void *)(uintptr_t)id));
	e = pair_us(p, (uint32_t)id);
	memset(e, 0, sizeof(*e));
	memset(pair_them(p, (uint32_t)id), 0, sizeof(*e));
	e->total = bytes;
	e->ends = ends;
	return (uint32_t)id;
}

uint32_t
pair_request(struct pair *p, const char *path, uint64_t bytes)
{
	static struct http_head h;

	memset(&h, 0, offsetof(struct http_head, hdr));
	h.method_text = SV("GET");
	h.target = sv_str(path);
	h.framing = bytes ? HTTP_BODY_CHUNKED : HTTP_BODY_NONE;
	CHK(http_add(&h, SV("Host"), SV("example.org")) == 0);
	CHK(http_add(&h, SV("User-Agent"), SV("pair")) == 0);
	return request(p, &h, bytes, true);
}

uint32_t
pair_connect(struct pair *p)
{
	static struct http_head h;
	uint32_t id;

	memset(&h, 0, offsetof(struct http_head, hdr));
	h.method_text = SV("GET");
	h.target = SV("/chat");
	h.conn_upgrade = true;
	CHK(http_add(&h, SV("Host"), SV("example.org")) == 0);
	CHK(http_add(&h, SV("Connection"), SV("Upgrade")) == 0);
	CHK(http_add(&h, SV("Upgrade"), SV("websocket")) == 0);
	id = request(p, &h, 0, false);
	pair_us(p, id)->path[0] = '!';
	return id;
}

uint32_t
pair_peer_request(struct pair *p, const char *path, uint64_t bytes)
{
	nghttp2_nv nv[] = { NV(":method", "POST"), NV(":scheme", "https"),
		{ (uint8_t *)":path", (uint8_t *)(uintptr_t)path, 5,
		    strlen(path), 0 },
		NV(":authority", "example.org"), NV("user-agent", "pair"),
		NV("x-long", "something that a table would like to keep") };
	nghttp2_data_provider d = { .read_callback = them_read };
	struct pair_end *e;
	int32_t id;

	id = nghttp2_submit_request(
	    p->peer, NULL, nv, 6, bytes ? &d : NULL, NULL);
	CHK(id > 0);
	e = pair_them(p, (uint32_t)id);
	memset(e, 0, sizeof(*e));
	memset(pair_us(p, (uint32_t)id), 0, sizeof(*e));
	e->total = bytes;
	e->ends = true;
	return (uint32_t)id;
}

uint32_t
pair_peer_connect(struct pair *p)
{
	nghttp2_nv nv[] = { NV(":method", "CONNECT"),
		NV(":protocol", "websocket"), NV(":scheme", "https"),
		NV(":path", "/chat"), NV(":authority", "example.org") };
	nghttp2_data_provider d = { .read_callback = them_read };
	int32_t id;

	id = nghttp2_submit_request(p->peer, NULL, nv, 5, &d, NULL);
	CHK(id > 0);
	memset(pair_them(p, (uint32_t)id), 0, sizeof(struct pair_end));
	memset(pair_us(p, (uint32_t)id), 0, sizeof(struct pair_end));
	return (uint32_t)id;
}

void
pair_move(struct pair *p)
{
	static struct h2_port port, again;
	uint8_t b[H2_PORT_BYTES_MAX];
	struct h2_cfg other = { .max_streams = 100,
		.window_bytes = 1,
		.conn_window_bytes = 70000,
		.head_max_bytes = 16384 };
	ssize_t n;
	int r;

	for (int idle = 0; (r = h2_move_ready(p->s)) == -WSE_AGAIN; idle++) {
		while (pair_out(p) | pair_in(p))
			idle = 0;
		CHK(idle < 3);
	}
	CHK(r == 0);
	h2_move_out(p->s, &port);
	n = h2_port_pack(&port, b, sizeof(b));
	CHK(n > 0 && (port.stream_count || n < 128));
	CHK(h2_port_unpack(&again, b, (size_t)n) == 0);
	h2_sess_free(&p->s);
	p->s = h2_move_in(&other, &pair_events, p, &again, p->now_ms);
	CHK(p->s);
	CHK(!h2_sess_has_output(p->s));
	for (unsigned i = 0; i < again.stream_count; i++) {
		uint32_t id = again.stream[i].id;

		CHK(h2_move_attach(p->s, id, (void *)(uintptr_t)id));
		h2_sess_resume(p->s, id);
	}
}
