/* SPDX-License-Identifier: MIT */
/*
 * See tls_state.h.  The form, little-endian:
 *
 *   magic 'T', form 1, version, aead, flags, empty_run, hs_have, hash_bytes,
 *   hs_head[4], hs_left u32, updates_run u16, tickets u16, plain_max u16,
 *   0 u16, then rx and tx: seq u64, secret (1.3), key, iv
 */
#include <openssl/crypto.h>

#include "shm/base/chk.h"
#include "shm/proto/tls_key.h"
#include "shm/proto/tls_msg.h"
#include "shm/proto/tls_rec.h"

enum { MAGIC = 'T', FORM = 1, HEAD_BYTES = 24 };

enum flag {
	FLAG_CLIENT = 1,
	FLAG_SENT_CLOSE = 2,
	FLAG_GOT_CLOSE = 4,
	FLAG_BROKEN = 8,
	FLAG_OWES_UPDATE = 16,
	FLAG_ALL = 31
};

_Static_assert(sizeof(struct tls_state) <= TLS_STATE_BYTES_MAX,
    "an idle connection stays small");
_Static_assert(
    HEAD_BYTES + 2 * (8 + TLS_SECRET_MAX + TLS_KEY_MAX + TLS_IV_BYTES) <=
	TLS_STATE_BYTES_MAX,
    "the portable form fits its room");

static uint8_t *
put(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

static uint64_t
get(const uint8_t **p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)(*p)[i] << (8 * i);
	*p += bytes;
	return v;
}

static unsigned
secret_bytes(const struct tls_state *st)
{
	return st->version == 13 ? st->hash_bytes : 0;
}

static size_t
packed_bytes(const struct tls_state *st)
{
	return HEAD_BYTES +
	    2u *
	    (8u + secret_bytes(st) + tls_key_suite(st->aead)->key_bytes +
		TLS_IV_BYTES);
}

static uint8_t *
put_dir(uint8_t *p, const struct tls_state *st, const struct tls_dir *d)
{
	unsigned secret = secret_bytes(st);
	unsigned key = tls_key_suite(st->aead)->key_bytes;

	p = put(p, d->seq, 8);
	memcpy(p, d->secret, secret);
	p += secret;
	memcpy(p, d->key, key);
	p += key;
	memcpy(p, d->iv, TLS_IV_BYTES);
	return p + TLS_IV_BYTES;
}

static const uint8_t *
get_dir(const uint8_t *p, const struct tls_state *st, struct tls_dir *d)
{
	unsigned secret = secret_bytes(st);
	unsigned key = tls_key_suite(st->aead)->key_bytes;

	d->seq = get(&p, 8);
	memcpy(d->secret, p, secret);
	p += secret;
	memcpy(d->key, p, key);
	p += key;
	memcpy(d->iv, p, TLS_IV_BYTES);
	return p + TLS_IV_BYTES;
}

ssize_t
tls_state_pack(const struct tls_state *st, uint8_t *out, size_t room)
{
	size_t n = packed_bytes(st);
	uint8_t *p = out;
	unsigned flags = 0;

	if (room < n)
		return -WSE_TOOBIG;
	flags |= st->is_client ? FLAG_CLIENT : 0;
	flags |= st->sent_close ? FLAG_SENT_CLOSE : 0;
	flags |= st->got_close ? FLAG_GOT_CLOSE : 0;
	flags |= st->is_broken ? FLAG_BROKEN : 0;
	flags |= st->owes_update ? FLAG_OWES_UPDATE : 0;
	p = put(p, MAGIC, 1);
	p = put(p, FORM, 1);
	p = put(p, st->version, 1);
	p = put(p, st->aead, 1);
	p = put(p, flags, 1);
	p = put(p, st->empty_run, 1);
	p = put(p, st->hs_have, 1);
	p = put(p, st->hash_bytes, 1);
	memcpy(p, st->hs_head, 4);
	p = put(p + 4, st->hs_left, 4);
	p = put(p, st->updates_run, 2);
	p = put(p, st->tickets, 2);
	p = put(p, st->plain_max, 2);
	p = put(p, 0, 2);
	p = put_dir(p, st, &st->rx);
	p = put_dir(p, st, &st->tx);
	CHK(p == out + n);
	return (ssize_t)n;
}

/* The fixed head; true if it makes sense so far. */
static bool
is_head_read(struct tls_state *st, const uint8_t *p)
{
	unsigned magic = (unsigned)get(&p, 1), form = (unsigned)get(&p, 1);
	unsigned flags;

	st->version = (uint8_t)get(&p, 1);
	st->aead = (uint8_t)get(&p, 1);
	flags = (unsigned)get(&p, 1);
	st->is_client = flags & FLAG_CLIENT;
	st->sent_close = flags & FLAG_SENT_CLOSE;
	st->got_close = flags & FLAG_GOT_CLOSE;
	st->is_broken = flags & FLAG_BROKEN;
	st->owes_update = flags & FLAG_OWES_UPDATE;
	st->empty_run = (uint8_t)get(&p, 1);
	st->hs_have = (uint8_t)get(&p, 1);
	st->hash_bytes = (uint8_t)get(&p, 1);
	memcpy(st->hs_head, p, 4);
	p += 4;
	st->hs_left = (uint32_t)get(&p, 4);
	st->updates_run = (uint16_t)get(&p, 2);
	st->tickets = (uint16_t)get(&p, 2);
	st->plain_max = (uint16_t)get(&p, 2);
	return magic == MAGIC && form == FORM && flags <= FLAG_ALL &&
	    get(&p, 2) == 0 && (st->version == 12 || st->version == 13) &&
	    st->aead < TLS_AEAD_N &&
	    st->hash_bytes == tls_key_suite(st->aead)->hash_bytes;
}

static bool
is_sound(const struct tls_state *st)
{
	if (st->empty_run > TLS_REC_RUN_MAX ||
	    st->updates_run > TLS_REC_RUN_MAX)
		return false;
	if (st->plain_max < 512 || st->plain_max > TLS_REC_PLAIN_MAX)
		return false;
	if (st->version == 12)
		return !st->owes_update && st->hs_have == 0 &&
		    st->hs_left == 0 && st->tickets == 0;
	return tls_msg_is_sound(st);
}

int
tls_state_unpack(struct tls_state *st, const uint8_t *p, size_t n)
{
	memset(st, 0, sizeof(*st));
	if (n >= HEAD_BYTES && is_head_read(st, p) && n == packed_bytes(st) &&
	    is_sound(st)) {
		p = get_dir(p + HEAD_BYTES, st, &st->rx);
		get_dir(p, st, &st->tx);
		return 0;
	}
	tls_state_wipe(st);
	return -WSE_CORRUPT;
}

bool
tls_state_is_quiet(const struct tls_state *st)
{
	return !st->sent_close && !st->got_close && !st->is_broken &&
	    !st->owes_update && st->hs_have == 0;
}

bool
tls_state_is_truncated(const struct tls_state *st)
{
	return !st->got_close;
}

void
tls_state_wipe(struct tls_state *st)
{
	OPENSSL_cleanse(st, sizeof(*st));
}
