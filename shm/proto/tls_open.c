/* SPDX-License-Identifier: MIT */
/*
 * The opening half of tls_rec.h.
 */
#include "shm/base/chk.h"
#include "shm/proto/tls_aead.h"
#include "shm/proto/tls_key.h"
#include "shm/proto/tls_msg.h"
#include "shm/proto/tls_rec.h"
#include "shm/proto/tls_wire.h"

/* A record on its way from wire to content. */
struct piece {
	uint8_t *head;  /* 5 bytes */
	uint8_t *body;  /* ciphertext, then content in its place */
	size_t n;       /* bytes of it */
	uint8_t type;   /* outer, then inner */
	uint8_t *alert; /* out: what to send when refused */
};

static int
refuse(struct piece *c, uint8_t alert)
{
	*c->alert = alert;
	return alert == TLS_ALERT_RECORD_OVERFLOW ? -WSE_TOOBIG : -WSE_PROTO;
}

/* Before the body is there: can this be a record of the connection? */
static int
check_header(const struct tls_state *st, struct piece *c)
{
	const struct tls_suite *s = tls_key_suite(st->aead);
	size_t least =
	    TLS_TAG_BYTES + (st->version == 13 ? 1u : s->explicit_bytes);

	c->type = c->head[0];
	c->n = (size_t)c->head[3] << 8 | c->head[4];
	if (c->type != TLS_TYPE_DATA &&
	    (st->version == 13 ||
		(c->type != TLS_TYPE_ALERT && c->type != TLS_TYPE_HANDSHAKE)))
		return refuse(c, TLS_ALERT_UNEXPECTED_MESSAGE);
	if (c->head[1] != 3 || c->head[2] != 3)
		return refuse(c, TLS_ALERT_PROTOCOL_VERSION);
	if (c->n > TLS_REC_CIPHER_MAX)
		return refuse(c, TLS_ALERT_RECORD_OVERFLOW);
	if (c->n < least)
		return refuse(c, TLS_ALERT_BAD_RECORD_MAC);
	return 0;
}

/* Decrypt in place; content and padding remain. */
static int
decrypt(struct tls_rec *r, struct piece *c)
{
	struct tls_state *st = &r->st;
	uint8_t nonce[TLS_IV_BYTES], aad[TLS_AAD_MAX];
	size_t aad_bytes = TLS_REC_HDR;

	tls_wire_nonce(&st->rx, nonce);
	if (st->version == 12 && st->aead != TLS_CHACHA20_POLY1305) {
		memcpy(nonce + 4, c->body, 8);
		c->body += 8;
		c->n -= 8;
	}
	c->n -= TLS_TAG_BYTES;
	if (st->version == 12)
		aad_bytes = tls_wire_aad12(st->rx.seq, c->type, c->n, aad);
	else
		memcpy(aad, c->head, TLS_REC_HDR);
	if (tls_aead_begin(r->rx_ctx, nonce, aad, aad_bytes) < 0 ||
	    tls_aead_turn(r->rx_ctx, c->body, c->body, c->n) < 0)
		return refuse(c, TLS_ALERT_INTERNAL_ERROR);
	if (st->rx.seq == UINT64_MAX ||
	    tls_aead_check(r->rx_ctx, c->body + c->n) < 0)
		return refuse(c, TLS_ALERT_BAD_RECORD_MAC);
	st->rx.seq++;
	return 0;
}

/* TLS 1.3: zeros off the end, then the type (RFC 8446 5.4). */
static int
strip(struct piece *c)
{
	if (c->n > TLS_REC_PLAIN_MAX + 1)
		return refuse(c, TLS_ALERT_RECORD_OVERFLOW);
	while (c->n > 0 && c->body[c->n - 1] == 0)
		c->n--;
	if (c->n == 0)
		return refuse(c, TLS_ALERT_UNEXPECTED_MESSAGE);
	c->type = c->body[--c->n];
	return 0;
}

/* What a record that is no data means. */
static int
take_other(struct tls_rec *r, struct piece *c, enum tls_got *got_r)
{
	struct tls_state *st = &r->st;

	if (c->type == TLS_TYPE_ALERT && st->hs_have == 0)
		return tls_msg_alert(r, c->body, c->n, got_r, c->alert);
	if (c->type != TLS_TYPE_HANDSHAKE || c->n == 0)
		return refuse(c, TLS_ALERT_UNEXPECTED_MESSAGE);
	if (st->version == 12)
		return refuse(c, TLS_ALERT_NO_RENEGOTIATION);
	return tls_msg_take(r, c->body, c->n, c->alert);
}

/* Content to meaning, with the floods counted. */
static int
take(struct tls_rec *r, struct piece *c, enum tls_got *got_r, struct sv *data_r)
{
	struct tls_state *st = &r->st;

	if (c->n > TLS_REC_PLAIN_MAX)
		return refuse(c, TLS_ALERT_RECORD_OVERFLOW);
	if (c->type != TLS_TYPE_DATA || c->n == 0) {
		if (++st->empty_run > TLS_REC_RUN_MAX)
			return refuse(c, TLS_ALERT_UNEXPECTED_MESSAGE);
	} else {
		st->empty_run = 0;
		st->updates_run = 0;
	}
	if (c->type != TLS_TYPE_DATA)
		return take_other(r, c, got_r);
	/* nothing comes between the parts of a message, RFC 8446 5.1 */
	if (st->hs_have > 0)
		return refuse(c, TLS_ALERT_UNEXPECTED_MESSAGE);
	*got_r = TLS_GOT_DATA;
	*data_r = sv_of((const char *)c->body, c->n);
	return 0;
}

ssize_t
tls_rec_open(struct tls_rec *r, uint8_t *p, size_t n, enum tls_got *got_r,
    struct sv *data_r, uint8_t *alert_r)
{
	struct tls_state *st = &r->st;
	struct piece c = {
		.head = p, .body = p + TLS_REC_HDR, .alert = alert_r
	};
	size_t all;
	int e;

	*got_r = TLS_GOT_NOTHING;
	*data_r = SV_NULL;
	*alert_r = 0;
	if (st->got_close || st->is_broken)
		return -WSE_EOF;
	if (n < TLS_REC_HDR)
		return 0;
	e = check_header(st, &c);
	all = TLS_REC_HDR + c.n;
	if (e == 0 && n < all)
		return 0;
	if (e == 0 && !r->rx_ctx) {
		r->rx_ctx = tls_aead_get(st->aead, st->rx.key, false);
		if (!r->rx_ctx)
			return -WSE_NOMEM;
	}
	if (e == 0)
		e = decrypt(r, &c);
	if (e == 0 && st->version == 13)
		e = strip(&c);
	if (e == 0)
		e = take(r, &c, got_r, data_r);
	if (e == 0)
		return (ssize_t)all;
	st->is_broken = true;
	*got_r = TLS_GOT_NOTHING;
	return e;
}
