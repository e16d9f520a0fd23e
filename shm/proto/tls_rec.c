/* SPDX-License-Identifier: MIT */
/*
 * See tls_rec.h.  This file seals; tls_open.c opens.
 */
#include <stdatomic.h>
#include <sys/uio.h>

#include "shm/base/chk.h"
#include "shm/proto/tls_aead.h"
#include "shm/proto/tls_key.h"
#include "shm/proto/tls_rec.h"
#include "shm/proto/tls_wire.h"

/* Up to here plaintext is gathered first, so that the cipher runs once. */
enum { GATHER_BYTES = 2048 };

static _Atomic uint64_t limit_override;

void
tls_rec_set_limit(uint64_t records)
{
	atomic_store_explicit(&limit_override, records, memory_order_relaxed);
}

static bool
is_at_limit(const struct tls_state *st)
{
	uint64_t limit =
	    atomic_load_explicit(&limit_override, memory_order_relaxed);

	if (limit == 0)
		limit = tls_key_suite(st->aead)->record_limit;
	return st->tx.seq >= limit;
}

static bool
is_update_due(const struct tls_state *st)
{
	return st->version == 13 && (st->owes_update || is_at_limit(st));
}

static size_t
overhead(const struct tls_state *st)
{
	if (st->version == 13)
		return TLS_REC_HDR + 1 + TLS_TAG_BYTES;
	return TLS_REC_HDR + tls_key_suite(st->aead)->explicit_bytes +
	    TLS_TAG_BYTES;
}

size_t
tls_rec_sealed_bytes(const struct tls_state *st, size_t n)
{
	size_t update = is_update_due(st) ? TLS_REC_UPDATE_BYTES : 0;

	return update + overhead(st) + n;
}

void
tls_wire_nonce(const struct tls_dir *d, uint8_t nonce[TLS_IV_BYTES])
{
	memcpy(nonce, d->iv, 4);
	tls_wire_put_u64(nonce + 4, d->seq);
	for (int i = 4; i < TLS_IV_BYTES; i++)
		nonce[i] ^= d->iv[i];
}

/* Plain bytes, then the type byte of TLS 1.3, through the cipher to out. */
static int
turn_all(struct tls_rec *r, const struct iovec *iov, int iovcnt, size_t n,
    uint8_t type, uint8_t *out)
{
	size_t tail = r->st.version == 13 ? 1 : 0, at = 0;
	int e = 0;

	if (n <= GATHER_BYTES) {
		for (int i = 0; i < iovcnt; i++) {
			if (iov[i].iov_len > 0)
				memcpy(
				    out + at, iov[i].iov_base, iov[i].iov_len);
			at += iov[i].iov_len;
		}
		out[at] = type; /* the tag's place in TLS 1.2 */
		return tls_aead_turn(r->tx_ctx, out, out, n + tail);
	}
	for (int i = 0; i < iovcnt && e == 0; i++) {
		e = tls_aead_turn(
		    r->tx_ctx, out + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	if (e == 0)
		e = tls_aead_turn(r->tx_ctx, out + at, &type, tail);
	return e;
}

/* Header and additional data. Returns bytes of additional data. */
static size_t
write_header(const struct tls_state *st, uint8_t type, size_t n, uint8_t *out,
    uint8_t aad[TLS_AAD_MAX])
{
	size_t body = overhead(st) - TLS_REC_HDR + n;

	out[0] = st->version == 13 ? TLS_TYPE_DATA : type;
	out[1] = 3;
	out[2] = 3;
	out[3] = (uint8_t)(body >> 8);
	out[4] = (uint8_t)body;
	if (st->version == 12)
		return tls_wire_aad12(st->tx.seq, type, n, aad);
	memcpy(aad, out, TLS_REC_HDR);
	return TLS_REC_HDR;
}

/* One record of n plain bytes; out has room. */
static ssize_t
seal_one(struct tls_rec *r, uint8_t type, const struct iovec *iov, int iovcnt,
    size_t n, uint8_t *out)
{
	struct tls_state *st = &r->st;
	uint8_t nonce[TLS_IV_BYTES], aad[TLS_AAD_MAX];
	size_t aad_bytes, at = TLS_REC_HDR;
	int e;

	if (!r->tx_ctx)
		r->tx_ctx = tls_aead_get(st->aead, st->tx.key, true);
	if (!r->tx_ctx)
		return -WSE_NOMEM;
	aad_bytes = write_header(st, type, n, out, aad);
	tls_wire_nonce(&st->tx, nonce);
	if (st->version == 12 && st->aead != TLS_CHACHA20_POLY1305) {
		memcpy(out + at, nonce + 4, 8);
		at += 8;
	}
	e = tls_aead_begin(r->tx_ctx, nonce, aad, aad_bytes);
	if (e == 0)
		e = turn_all(r, iov, iovcnt, n, type, out + at);
	at += n + (st->version == 13);
	if (e == 0)
		e = tls_aead_tag(r->tx_ctx, out + at);
	/* a nonce is never used again, whatever happened */
	st->tx.seq++;
	return e == 0 ? (ssize_t)(at + TLS_TAG_BYTES) : e;
}

ssize_t
tls_rec_update(struct tls_rec *r, bool request, uint8_t *out, size_t room)
{
	struct tls_state *st = &r->st;
	uint8_t msg[5] = { 24, 0, 0, 1, request };
	struct iovec iov = { msg, sizeof(msg) };
	ssize_t n;

	if (st->version == 12)
		return request ? -WSE_UNSUPP : 0;
	if (st->sent_close)
		return request ? -WSE_EOF : 0;
	if (!request && !is_update_due(st))
		return 0;
	if (room < TLS_REC_UPDATE_BYTES)
		return -WSE_TOOBIG;
	n = seal_one(r, TLS_TYPE_HANDSHAKE, &iov, 1, sizeof(msg), out);
	if (n < 0)
		return n;
	/* having said so, no record may leave under the old key */
	if (tls_key_next(st, &st->tx) < 0 ||
	    tls_aead_rekey(r->tx_ctx, st->tx.key, true) < 0) {
		st->sent_close = true;
		return -WSE_NOMEM;
	}
	st->owes_update = false;
	return n;
}

ssize_t
tls_rec_seal(struct tls_rec *r, const struct iovec *iov, int iovcnt,
    uint8_t *out, size_t room)
{
	struct tls_state *st = &r->st;
	size_t n = 0;
	ssize_t first, second;

	for (int i = 0; i < iovcnt; i++)
		n += iov[i].iov_len;
	if (st->sent_close)
		return -WSE_EOF;
	if (n > st->plain_max || room < tls_rec_sealed_bytes(st, n))
		return -WSE_TOOBIG;
	if (st->version == 12 && is_at_limit(st))
		return -WSE_RANGE;
	first = tls_rec_update(r, false, out, room);
	if (first < 0)
		return first;
	second = seal_one(r, TLS_TYPE_DATA, iov, iovcnt, n, out + first);
	return second < 0 ? second : first + second;
}

ssize_t
tls_rec_alert(struct tls_rec *r, uint8_t alert, uint8_t *out, size_t room)
{
	struct tls_state *st = &r->st;
	bool warning = alert == TLS_ALERT_CLOSE_NOTIFY ||
	    alert == TLS_ALERT_USER_CANCELED ||
	    alert == TLS_ALERT_NO_RENEGOTIATION;
	uint8_t msg[2] = { warning ? 1 : 2, alert };
	struct iovec iov = { msg, sizeof(msg) };
	ssize_t n;

	if (st->sent_close)
		return -WSE_EOF;
	if (room < overhead(st) + sizeof(msg))
		return -WSE_TOOBIG;
	n = seal_one(r, TLS_TYPE_ALERT, &iov, 1, sizeof(msg), out);
	if (n > 0 && (alert == TLS_ALERT_CLOSE_NOTIFY || !warning)) {
		st->sent_close = true;
		st->owes_update = false;
	}
	return n;
}

void
tls_rec_idle(struct tls_rec *r)
{
	if (r->rx_ctx)
		tls_aead_put(r->st.aead, &r->rx_ctx);
	if (r->tx_ctx)
		tls_aead_put(r->st.aead, &r->tx_ctx);
}

void
tls_rec_wipe(struct tls_rec *r)
{
	tls_rec_idle(r);
	tls_state_wipe(&r->st);
}

void
tls_rec_drain(void)
{
	tls_aead_drain();
}
