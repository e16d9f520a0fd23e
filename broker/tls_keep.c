/* SPDX-License-Identifier: MIT */
/*
 * See tls_keep.h.  What comes from a vault was written by a worker and is
 * checked like network input.
 */
#include "broker/tls_keep.h"

#include <errno.h>
#include <stdlib.h>
#include <openssl/crypto.h>

#include "shm/base/mem.h"
#include "shm/proto/tls_rec.h"

/* Packed state in hand. */
struct tls_kept {
	uint32_t kind, bytes;
	uint8_t state[];
};

enum { RECORD_MAX = TLS_REC_HDR + TLS_REC_CIPHER_MAX, READ_MAX = 32768 };

void
tls_keep_wipe(struct bslot *s)
{
	if (!s->tls)
		return;
	OPENSSL_cleanse(s->tls, sizeof(*s->tls) + s->tls->bytes);
	free(s->tls);
	s->tls = NULL;
}

void
tls_keep_set(
    struct bslot *s, uint32_t kind, const uint8_t *state, uint32_t bytes)
{
	tls_keep_wipe(s);
	s->tls = mem_alloc(sizeof(*s->tls) + bytes);
	s->tls->kind = kind;
	s->tls->bytes = bytes;
	memcpy(s->tls->state, state, bytes);
	s->is_tls = true;
}

bool
tls_keep_take(struct bslot *s, struct peer *from)
{
	uint8_t state[VAULT_STATE_MAX];
	struct tls_state st = { 0 };
	uint32_t kind = 0;
	ssize_t n;
	bool ok;

	if (!s->is_tls)
		return true;
	n = vault_copy(
	    &from->vault, state_index(s), &kind, state, sizeof(state));
	vault_wipe(&from->vault, state_index(s));
	ok = n > 0 && (kind & VAULT_KIND_MASK) == VAULT_TLS &&
	    tls_state_unpack(&st, state, (size_t)n) == 0 &&
	    tls_state_is_quiet(&st) && st.is_client;
	if (ok)
		tls_keep_set(s, kind, state, (uint32_t)n);
	tls_state_wipe(&st);
	OPENSSL_cleanse(state, sizeof(state));
	return ok;
}

void
tls_keep_give(struct bslot *s, struct peer *to)
{
	if (!s->tls)
		return;
	vault_put(&to->vault, state_index(s), s->gen, s->tls->kind,
	    s->tls->state, s->tls->bytes);
	tls_keep_wipe(s);
}

static bool
unpack(const struct bslot *s, struct tls_rec *r)
{
	memset(r, 0, sizeof(*r));
	return s->tls &&
	    tls_state_unpack(&r->st, s->tls->state, s->tls->bytes) == 0;
}

/* The state has moved on. */
static bool
pack(struct bslot *s, const struct tls_rec *r)
{
	uint8_t state[TLS_STATE_BYTES_MAX];
	ssize_t n = -WSE_PROTO;

	if (tls_state_is_quiet(&r->st))
		n = tls_state_pack(&r->st, state, sizeof(state));
	if (n > 0)
		tls_keep_set(s, s->tls->kind, state, (uint32_t)n);
	OPENSSL_cleanse(state, sizeof(state));
	return n > 0;
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
open_all(struct tls_rec *r, uint8_t *p, size_t n)
{
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	ssize_t k;

	while (n > 0) {
		k = tls_rec_open(r, p, n, &got, &data, &alert);
		if (k <= 0)
			return -WSE_PROTO;
		if (got == TLS_GOT_CLOSE || got == TLS_GOT_ALERT)
			return -WSE_EOF;
		if (got == TLS_GOT_DATA && data.n > 0)
			return -WSE_PROTO;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int
read_records(struct bslot *s, struct tls_rec *r)
{
	static uint8_t buf[READ_MAX];
	uint8_t b[TLS_REC_UPDATE_BYTES];
	ssize_t n = recv(s->fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	size_t whole;
	int e;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -WSE_RESET;
	if (n == 0)
		return -WSE_EOF;
	whole = whole_records(buf, (size_t)n);
	if (whole == 0)
		return n >= RECORD_MAX ? -WSE_PROTO : -WSE_AGAIN;
	/* out of the socket: the same bytes */
	if (recv(s->fd, buf, whole, MSG_DONTWAIT) != (ssize_t)whole)
		return -WSE_RESET;
	e = open_all(r, buf, whole);
	if (e != 0)
		return e;
	n = tls_rec_update(r, false, b, sizeof(b));
	if (n > 0 &&
	    send(s->fd, b, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		return -WSE_RESET;
	return n < 0 || !pack(s, r) ? -WSE_PROTO : 0;
}

int
tls_keep_read(struct bslot *s)
{
	struct tls_rec r;
	int e = -WSE_CORRUPT;

	if (unpack(s, &r))
		e = read_records(s, &r);
	tls_rec_wipe(&r);
	return e;
}

void
tls_keep_bye(struct bslot *s)
{
	uint8_t b[TLS_REC_ALERT_MAX];
	struct tls_rec r;
	ssize_t n = 0;

	if (s->fd < 0 || !unpack(s, &r))
		return;
	n = tls_rec_alert(&r, TLS_ALERT_CLOSE_NOTIFY, b, sizeof(b));
	if (n > 0)
		(void)!send(s->fd, b, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	tls_rec_wipe(&r);
}
