/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of TLS record opening (libFuzzer).
 *
 * The first byte chooses version, suite and role.  What follows are records:
 * {how, type, length of two bytes, bytes}.  The bytes are either sealed with
 * the right key, as a peer that breaks the protocol would, or given as they
 * are.  What must hold:
 * - a record that is not all there changes nothing;
 * - what is told lies inside the record;
 * - after a refusal nothing is opened;
 * - the state can be packed after each record, and comes back the same;
 * - what we seal in between, the other end opens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "shm/proto/tls_aead.h"
#include "shm/proto/tls_key.h"
#include "shm/proto/tls_rec.h"
#include "shm/proto/tls_wire.h"

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

enum { ROOM = 5 + 65535 };

static uint8_t wire[ROOM], copy[ROOM], out[20000];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
choose(struct tls_state *st, uint8_t how)
{
	uint8_t secret[TLS_SECRET_MAX];

	memset(st, 0, sizeof(*st));
	st->version = how & 1 ? 13 : 12;
	st->is_client = how & 2;
	st->aead = (uint8_t)((how >> 2) % TLS_AEAD_N);
	st->hash_bytes = tls_key_suite(st->aead)->hash_bytes;
	st->plain_max = TLS_REC_PLAIN_MAX;
	memset(secret, 0x5e, sizeof(secret));
	if (st->version == 13) {
		MUST(tls_key_set(st, &st->rx, secret) == 0);
		secret[0] ^= 1;
		MUST(tls_key_set(st, &st->tx, secret) == 0);
		return;
	}
	MUST(tls_key_expand(st, secret, secret, secret) == 0);
	st->rx.seq = st->tx.seq = 1;
}

/* Seal n bytes as the peer, under our reading key, with any type. */
static size_t
seal_as_peer(struct tls_rec *r, uint8_t type, const uint8_t *p, size_t n)
{
	struct tls_state *st = &r->st;
	bool has_nonce = st->version == 12 && st->aead != TLS_CHACHA20_POLY1305;
	size_t body = n + 16 + (has_nonce ? 8 : 0), aad_bytes = 5;
	uint8_t nonce[TLS_IV_BYTES], aad[TLS_AAD_MAX], *at = wire + 5;
	struct evp_cipher_ctx_st *c;

	wire[0] = st->version == 13 ? 23 : type;
	wire[1] = wire[2] = 3;
	wire[3] = (uint8_t)(body >> 8);
	wire[4] = (uint8_t)body;
	memcpy(aad, wire, 5);
	if (st->version == 12)
		aad_bytes = tls_wire_aad12(st->rx.seq, type, n, aad);
	tls_wire_nonce(&st->rx, nonce);
	if (has_nonce) {
		memcpy(at, nonce + 4, 8);
		at += 8;
	}
	c = tls_aead_get(st->aead, st->rx.key, true);
	MUST(c && tls_aead_begin(c, nonce, aad, aad_bytes) == 0);
	MUST(tls_aead_turn(c, at, p, n) == 0 && tls_aead_tag(c, at + n) == 0);
	tls_aead_put(st->aead, &c);
	return 5 + body;
}

static void
check_moving(struct tls_state *st)
{
	uint8_t packed[TLS_STATE_BYTES_MAX];
	struct tls_state back;
	ssize_t n = tls_state_pack(st, packed, sizeof(packed));

	MUST(n > 0);
	/* one that refused a flood holds counts above the bounds */
	if (st->is_broken)
		return;
	MUST(tls_state_unpack(&back, packed, (size_t)n) == 0);
	MUST(memcmp(&back, st, sizeof(back)) == 0);
}

static void
check_sealing(struct tls_rec *r)
{
	struct iovec iov = { (void *)(uintptr_t) "abc", 3 };
	struct tls_rec peer = { .st = r->st };
	size_t at = 0;
	enum tls_got got = TLS_GOT_NOTHING;
	struct sv text = SV_NULL;
	uint8_t alert;
	ssize_t n, k;

	peer.st.is_client = !r->st.is_client;
	peer.st.rx = r->st.tx;
	peer.st.tx = r->st.rx;
	peer.st.is_broken = peer.st.got_close = peer.st.sent_close = false;
	peer.st.empty_run = 0;
	peer.st.updates_run = 0;
	peer.st.hs_have = 0;
	n = tls_rec_seal(r, &iov, 1, out, sizeof(out));
	MUST(n > 0 && !r->st.owes_update);
	for (; at < (size_t)n; at += (size_t)k) {
		k = tls_rec_open(
		    &peer, out + at, (size_t)n - at, &got, &text, &alert);
		MUST(k > 0);
	}
	MUST(got == TLS_GOT_DATA && sv_eq(text, SV("abc")));
	tls_rec_wipe(&peer);
}

/* One record of n bytes in wire[]. False when no other can follow. */
static bool
give(struct tls_rec *r, size_t n)
{
	struct tls_state before = r->st;
	enum tls_got got;
	struct sv text;
	uint8_t alert;
	ssize_t k;

	memcpy(copy, wire, n);
	for (size_t cut = 0; cut < n; cut += 1 + cut) {
		struct tls_rec part = { .st = r->st };

		k = tls_rec_open(&part, wire, cut, &got, &text, &alert);
		MUST(k <= (ssize_t)cut);
		if (k == 0)
			MUST(memcmp(&part.st, &before, sizeof(before)) == 0);
		tls_rec_wipe(&part);
		memcpy(wire, copy, n);
	}
	k = tls_rec_open(r, wire, n, &got, &text, &alert);
	MUST(k <= (ssize_t)n && (unsigned)got < TLS_GOT_N);
	if (text.n > 0)
		MUST((const uint8_t *)text.p >= wire + 5 &&
		    (const uint8_t *)text.p + text.n <= wire + k);
	check_moving(&r->st);
	if (k < 0) {
		MUST(r->st.is_broken && text.n == 0 && alert != 0);
		MUST(tls_rec_open(r, wire, n, &got, &text, &alert) == -WSE_EOF);
	}
	return k > 0 && !r->st.is_broken && !r->st.got_close;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_rec r = { 0 };
	size_t n, put;
	bool go_on = size > 0;

	if (size > 0) {
		choose(&r.st, data[0]);
		data++;
		size--;
	}
	while (go_on && size >= 4) {
		uint8_t how = data[0], type = data[1];

		n = (size_t)data[2] << 8 | data[3];
		data += 4;
		size -= 4;
		n = n < size ? n : size;
		n = n < 20000 ? n : 20000;
		if (how & 1) {
			put = seal_as_peer(&r, type, data, n);
		} else {
			memcpy(wire, data, n);
			put = n;
		}
		go_on = give(&r, put);
		if (go_on && how & 2)
			tls_rec_idle(&r);
		if (go_on && how & 4)
			check_sealing(&r);
		data += n;
		size -= n;
	}
	tls_rec_wipe(&r);
	return 0;
}
