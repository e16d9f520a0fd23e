/* SPDX-License-Identifier: MIT */
/*
 * See wire.h.  Each call unpacks the state, works with it and packs it again:
 * an idle connection costs its few hundred bytes and no more.
 *
 * Once anything was sealed the packed state is out of date, and sealing with
 * it again would use a nonce twice: it is packed anew or wiped.
 */
#include "broker/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <openssl/crypto.h>

#include "shm/base/clock.h"
#include "shm/base/mem.h"
#include "shm/proto/h2_idle.h"

enum {
	RECORD_MAX = TLS_REC_HDR + TLS_REC_CIPHER_MAX,
	READ_MAX = 32768,
	ANSWER_MAX = 4096,
	OUT_MAX = 65536,    /* answers the socket does not take */
	REST_WAIT_MS = 1000 /* for the rest of a frame */
};

struct wire {
	struct bslot *s;
	struct tls_rec rec;
	struct h2_port port;
	uint8_t *in; /* plaintext not taken by h2_idle yet */
	size_t in_bytes;
};

/* --- out --- */

static int
out_add(struct kept *k, const void *p, size_t n)
{
	if (k->out_bytes + n > OUT_MAX)
		return -WSE_RESET;
	k->out = mem_realloc(k->out, k->out_bytes + n);
	memcpy(k->out + k->out_bytes, p, n);
	k->out_bytes += n;
	return 0;
}

/* Into records, if it speaks TLS. */
static int
say(struct wire *w, const uint8_t *p, size_t n)
{
	uint8_t b[ANSWER_MAX + TLS_REC_OVERHEAD_MAX + TLS_REC_UPDATE_BYTES];
	struct iovec v;
	ssize_t k;
	int r = 0;

	if (!w->s->is_tls)
		return out_add(w->s->kept, p, n);
	while (n > 0 && r == 0) {
		v.iov_base = (void *)(uintptr_t)p;
		v.iov_len = n < w->rec.st.plain_max ? n : w->rec.st.plain_max;
		k = tls_rec_seal(&w->rec, &v, 1, b, sizeof(b));
		if (k <= 0)
			return -WSE_PROTO;
		r = out_add(w->s->kept, b, (size_t)k);
		p += v.iov_len;
		n -= v.iov_len;
	}
	return r;
}

/* A KeyUpdate that is owed. */
static int
pay(struct wire *w)
{
	uint8_t b[TLS_REC_UPDATE_BYTES];
	ssize_t n;

	if (!w->s->is_tls)
		return 0;
	n = tls_rec_update(&w->rec, false, b, sizeof(b));
	if (n < 0)
		return -WSE_PROTO;
	return n > 0 ? out_add(w->s->kept, b, (size_t)n) : 0;
}

static int
flush(struct bslot *s)
{
	struct kept *k = s->kept;
	ssize_t n;

	while (k->out_bytes > 0) {
		n = send(
		    s->fd, k->out, k->out_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -WSE_RESET;
		k->out_bytes -= (size_t)n;
		memmove(k->out, k->out + n, k->out_bytes);
	}
	free(k->out);
	k->out = NULL;
	return 0;
}

/* --- in --- */

static void
in_add(struct wire *w, const void *p, size_t n)
{
	if (n == 0)
		return;
	w->in = mem_realloc(w->in, w->in_bytes + n);
	memcpy(w->in + w->in_bytes, p, n);
	w->in_bytes += n;
}

/* Bytes of whole records at p. */
static size_t
whole_records(const uint8_t *p, size_t n)
{
	size_t at = 0, len;

	while (n - at >= TLS_REC_HDR) {
		len = TLS_REC_HDR + ((size_t)p[at + 3] << 8 | p[at + 4]);
		if (len > n - at)
			break;
		at += len;
	}
	return at;
}

static int
open_all(struct wire *w, uint8_t *p, size_t n)
{
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	ssize_t k;

	while (n > 0) {
		k = tls_rec_open(&w->rec, p, n, &got, &data, &alert);
		if (k <= 0)
			return -WSE_PROTO;
		if (got == TLS_GOT_CLOSE || got == TLS_GOT_ALERT)
			return -WSE_EOF;
		if (got == TLS_GOT_DATA && data.n > 0) {
			if (!w->s->is_h2)
				return -WSE_PROTO;
			in_add(w, data.p, data.n);
		}
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* Plain text: all of it. TLS: whole records, the rest stays in the socket. */
static int
receive(struct wire *w)
{
	static uint8_t buf[READ_MAX];
	int peek = w->s->is_tls ? MSG_PEEK : 0;
	ssize_t n = recv(w->s->fd, buf, sizeof(buf), peek | MSG_DONTWAIT);
	size_t whole;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -WSE_RESET;
	if (n == 0)
		return -WSE_EOF;
	if (!w->s->is_tls) {
		in_add(w, buf, (size_t)n);
		return 0;
	}
	whole = whole_records(buf, (size_t)n);
	if (whole == 0)
		return n >= RECORD_MAX ? -WSE_PROTO : -WSE_AGAIN;
	/* out of the socket: the same bytes */
	if (recv(w->s->fd, buf, whole, MSG_DONTWAIT) != (ssize_t)whole)
		return -WSE_RESET;
	return open_all(w, buf, whole);
}

/* --- HTTP/2 --- */

static int
take_frames(struct wire *w)
{
	struct kept *k = w->s->kept;
	uint64_t quiet_ms = clock_ms() - k->at_ms;
	uint8_t out[ANSWER_MAX];
	size_t at = 0, n;
	ssize_t took;
	int r;

	k->at_ms = clock_ms();
	do {
		took = h2_idle_feed(&w->port, w->in + at, w->in_bytes - at,
		    quiet_ms, out, sizeof(out), &n);
		quiet_ms = 0;
		r = n > 0 ? say(w, out, n) : 0;
		if (took < 0)
			return (int)took;
		at += (size_t)took;
	} while (took > 0 && r == 0);
	if (at > 0) { /* what is left came just now */
		w->in_bytes -= at;
		memmove(w->in, w->in + at, w->in_bytes);
		k->rest_ms = clock_ms();
	}
	return r;
}

/* Part of a frame: kept until the next time, but not for ever. */
static int
keep_rest(struct wire *w)
{
	struct kept *k = w->s->kept;

	if (k->rest_bytes == 0)
		k->rest_ms = clock_ms();
	else if (w->in_bytes > 0 && clock_ms() - k->rest_ms > REST_WAIT_MS)
		return -WSE_TIMEOUT;
	free(k->rest);
	k->rest = w->in_bytes > 0 ? w->in : NULL;
	k->rest_bytes = w->in_bytes;
	if (w->in_bytes > 0)
		w->in = NULL;
	return 0;
}

/* --- the whole --- */

static bool
begin(struct wire *w, struct bslot *s)
{
	w->s = s;
	w->in = NULL;
	w->in_bytes = 0;
	if (!keep_unpack(s, &w->rec, &w->port))
		return false;
	in_add(w, s->kept->rest, s->kept->rest_bytes);
	return true;
}

static void
end(struct wire *w)
{
	tls_rec_wipe(&w->rec);
	if (w->in)
		OPENSSL_cleanse(w->in, w->in_bytes);
	free(w->in);
}

static void
farewell(struct wire *w)
{
	uint8_t bye[H2_IDLE_BYE_BYTES], b[TLS_REC_ALERT_MAX];
	struct kept *k = w->s->kept;
	ssize_t n;

	if (w->s->is_h2) {
		h2_idle_bye(bye);
		(void)!say(w, bye, sizeof(bye));
	}
	if (w->s->is_tls) {
		n = tls_rec_alert(
		    &w->rec, TLS_ALERT_CLOSE_NOTIFY, b, sizeof(b));
		if (n > 0)
			(void)!out_add(k, b, (size_t)n);
	}
	if (w->s->fd >= 0)
		(void)!flush(w->s);
}

/* Something was done with it, and r came of that. */
static int
settle(struct wire *w, int r)
{
	struct bslot *s = w->s;

	if (r == 0 || r == -WSE_AGAIN) {
		int e = pay(w);

		if (e == 0)
			e = flush(s);
		if (e == 0 && s->is_h2)
			e = keep_rest(w);
		if (e == 0 &&
		    !keep_pack(s, &w->rec, s->is_h2 ? &w->port : NULL))
			e = -WSE_PROTO;
		if (e != 0)
			r = e;
	}
	if (r != 0 && r != -WSE_AGAIN) {
		farewell(w);
		keep_wipe(s);
	}
	end(w);
	return r;
}

int
wire_read(struct bslot *s)
{
	struct wire w;
	int r, e;

	if (!begin(&w, s)) {
		end(&w);
		keep_wipe(s);
		return -WSE_CORRUPT;
	}
	r = receive(&w);
	if (s->is_h2) { /* also what came before the end */
		e = take_frames(&w);
		if (r == 0 || (r == -WSE_AGAIN && e != 0))
			r = e;
	}
	return settle(&w, r);
}

int
wire_hello(struct bslot *s, const struct h2_cfg *cfg, struct sv early)
{
	uint8_t hello[H2_IDLE_HELLO_BYTES];
	struct wire w;
	size_t n;
	int r;

	if (!s->kept)
		keep_set(s, VAULT_PLAIN, NULL, 0);
	if (!begin(&w, s)) {
		end(&w);
		keep_wipe(s);
		return -WSE_CORRUPT;
	}
	n = h2_idle_begin(cfg, &w.port, hello);
	s->is_h2 = true;
	in_add(&w, early.p, early.n);
	r = say(&w, hello, n);
	if (r == 0)
		r = take_frames(&w);
	return settle(&w, r);
}

unsigned
wire_streams(const struct bslot *s)
{
	struct tls_rec rec;
	struct h2_port p;
	bool ok = s->is_h2 && keep_unpack(s, &rec, &p);

	if (s->is_h2)
		tls_rec_wipe(&rec);
	return ok ? p.peer.streams : 0;
}

bool
wire_is_ready(const struct bslot *s, bool *connects_r)
{
	struct tls_rec rec;
	struct h2_port p;
	bool ok = s->is_h2 && keep_unpack(s, &rec, &p) &&
	    h2_idle_is_quiet(&p, s->kept->rest_bytes) && keep_is_quiet(s);

	if (s->is_h2)
		tls_rec_wipe(&rec);
	*connects_r = ok && p.peer.connects;
	return ok;
}

void
wire_bye(struct bslot *s)
{
	struct wire w;

	if (!s->kept)
		return;
	if (s->fd >= 0 && begin(&w, s)) {
		farewell(&w);
		end(&w);
	}
	keep_wipe(s);
}
