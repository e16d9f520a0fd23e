/* SPDX-License-Identifier: MIT */
/*
 * Transitions of the slot table, each a compare-and-swap on one word; run by
 * the broker and the workers.
 *
 * A transition reads the word, compares what its caller believes and swaps.
 * When the swap fails somebody was faster and the belief is stale: nothing is
 * retried here.
 */
#include "shm/seg/slot.h"

#include <openssl/sha.h>
#include <string.h>

#include "shm/base/chk.h"

#define BIT(s) (1u << (s))

static const char *const state_names[SLOT_STATE_N] = {
	[SLOT_FREE] = "free",
	[SLOT_DIALING] = "dialing",
	[SLOT_LEASED] = "leased",
	[SLOT_IDLE] = "idle",
	[SLOT_TUNNEL] = "tunnel",
	[SLOT_CLOSING] = "closing",
	[SLOT_QUARANTINE] = "quarantine",
};

static const char *const tag_names[TAG_N] = {
	[TAG_NONE] = "-",
	[TAG_H1] = "h1",
	[TAG_H2] = "h2",
	[TAG_H2WS] = "h2ws",
};

static bool
tag_is_set(enum slot_tag tag)
{
	return tag > TAG_NONE && tag < TAG_N;
}

/*
 * The word of slot i, if its generation and holder are the given ones and its
 * state is one of `states` (bits).
 */
static int
expect(const struct board *b, uint32_t i, uint32_t gen, uint32_t holder,
    unsigned states, uint64_t *word_r)
{
	struct slot_view v;

	if (i >= b->cap.slot_count)
		return -WSE_RANGE;
	*word_r = atomic_load(&b->slot[i].word);
	v = slot_unpack(*word_r);
	if (v.gen != gen || v.holder != holder || !(states & BIT(v.state)))
		return -WSE_STALE;
	return 0;
}

static int
swap(const struct board *b, uint32_t i, uint64_t old, struct slot_view to)
{
	if (!atomic_compare_exchange_strong(
		&b->slot[i].word, &old, slot_pack(to)))
		return -WSE_STALE;
	return 0;
}

/* From any of `states` held by `from` to (state, to), the tag stays. */
static int
pass(const struct board *b, uint32_t i, uint32_t gen, uint32_t from,
    unsigned states, enum slot_state state, uint32_t to)
{
	struct slot_view v;
	uint64_t old;
	int r;

	r = expect(b, i, gen, from, states, &old);
	if (r < 0)
		return r;
	v = slot_unpack(old);
	v.state = state;
	v.holder = to;
	return swap(b, i, old, v);
}

/* To FREE: no holder, no tag. */
static int
vacate(const struct board *b, uint32_t i, uint32_t gen, uint32_t holder,
    unsigned states)
{
	struct slot_view v = { .gen = gen, .state = SLOT_FREE };
	uint64_t old;
	int r;

	r = expect(b, i, gen, holder, states, &old);
	return r < 0 ? r : swap(b, i, old, v);
}

struct slot_view
slot_get(const struct board *b, uint32_t i)
{
	CHK(i < b->cap.slot_count);
	return slot_unpack(atomic_load(&b->slot[i].word));
}

int
slot_dial(const struct board *b, uint32_t i, uint32_t server, uint32_t epoch,
    const struct slot_key *key, uint64_t now_us, uint32_t *gen_r)
{
	struct slot_view v;
	struct slot *s;
	uint64_t old;
	int r;

	if (i >= b->cap.slot_count)
		return -WSE_RANGE;
	s = &b->slot[i];
	old = atomic_load(&s->word);
	v = slot_unpack(old);
	if (v.state != SLOT_FREE)
		return -WSE_STALE;
	v.gen = v.gen == UINT32_MAX ? 1 : v.gen + 1; /* 0 is never valid */
	v.state = SLOT_DIALING;
	v.holder = HOLDER_BROKER;
	v.tag = TAG_NONE;
	r = swap(b, i, old, v);
	if (r < 0)
		return r;
	s->server = server;
	s->epoch = epoch;
	s->key = *key;
	atomic_store_explicit(&s->born_us, now_us, memory_order_relaxed);
	atomic_store_explicit(&s->idle_us, 0, memory_order_relaxed);
	atomic_store_explicit(&s->uses, 0, memory_order_relaxed);
	*gen_r = v.gen;
	return 0;
}

int
slot_dial_lease(const struct board *b, uint32_t i, uint32_t gen,
    enum slot_tag tag, uint32_t to)
{
	struct slot_view v = {
		.gen = gen, .holder = to, .tag = tag, .state = SLOT_LEASED
	};
	uint64_t old;
	int r;

	CHK(tag_is_set(tag) && to != HOLDER_BROKER && to <= INSTANCE_MAX);
	r = expect(b, i, gen, HOLDER_BROKER, BIT(SLOT_DIALING), &old);
	return r < 0 ? r : swap(b, i, old, v);
}

int
slot_dial_idle(const struct board *b, uint32_t i, uint32_t gen,
    enum slot_tag tag, uint64_t now_us)
{
	struct slot_view v = { .gen = gen,
		.holder = HOLDER_BROKER,
		.tag = tag,
		.state = SLOT_IDLE };
	uint64_t old;
	int r;

	CHK(tag_is_set(tag));
	r = expect(b, i, gen, HOLDER_BROKER, BIT(SLOT_DIALING), &old);
	if (r < 0)
		return r;
	atomic_store_explicit(
	    &b->slot[i].idle_us, now_us, memory_order_relaxed);
	return swap(b, i, old, v);
}

int
slot_dial_fail(const struct board *b, uint32_t i, uint32_t gen)
{
	return vacate(b, i, gen, HOLDER_BROKER, BIT(SLOT_DIALING));
}

int
slot_release(const struct board *b, uint32_t i, uint32_t gen, uint32_t w,
    enum slot_tag tag, uint64_t now_us)
{
	struct slot_view v;
	uint64_t old;
	int r;

	r = expect(b, i, gen, w, BIT(SLOT_LEASED), &old);
	if (r < 0)
		return r;
	v = slot_unpack(old);
	if (tag != v.tag && !(v.tag == TAG_H2 && tag == TAG_H2WS))
		return -WSE_RANGE;
	v.tag = tag;
	v.state = SLOT_IDLE;
	atomic_store_explicit(
	    &b->slot[i].idle_us, now_us, memory_order_relaxed);
	return swap(b, i, old, v);
}

int
slot_acquire(const struct board *b, uint32_t i, uint32_t gen, uint32_t w)
{
	return pass(b, i, gen, w, BIT(SLOT_IDLE), SLOT_LEASED, w);
}

int
slot_steal(
    const struct board *b, uint32_t i, uint32_t gen, uint32_t from, uint32_t to)
{
	CHK(to != HOLDER_BROKER && to <= INSTANCE_MAX);
	return pass(b, i, gen, from, BIT(SLOT_IDLE), SLOT_LEASED, to);
}

int
slot_park(const struct board *b, uint32_t i, uint32_t gen, uint32_t w)
{
	return pass(b, i, gen, w, BIT(SLOT_IDLE), SLOT_IDLE, HOLDER_BROKER);
}

int
slot_evict(const struct board *b, uint32_t i, uint32_t gen, uint32_t from)
{
	return pass(
	    b, i, gen, from, BIT(SLOT_IDLE), SLOT_CLOSING, HOLDER_BROKER);
}

int
slot_close(const struct board *b, uint32_t i, uint32_t gen, uint32_t w)
{
	return pass(
	    b, i, gen, w, BIT(SLOT_LEASED) | BIT(SLOT_TUNNEL), SLOT_CLOSING, w);
}

int
slot_free(const struct board *b, uint32_t i, uint32_t gen, uint32_t holder)
{
	return vacate(b, i, gen, holder, BIT(SLOT_CLOSING));
}

int
slot_tunnel(const struct board *b, uint32_t i, uint32_t gen, uint32_t w)
{
	return pass(b, i, gen, w, BIT(SLOT_LEASED), SLOT_TUNNEL, w);
}

int
slot_move(
    const struct board *b, uint32_t i, uint32_t gen, uint32_t from, uint32_t to)
{
	struct slot_view v;
	uint64_t old;
	int r;

	CHK(to != HOLDER_BROKER && to <= INSTANCE_MAX);
	r = expect(b, i, gen, from, BIT(SLOT_LEASED) | BIT(SLOT_TUNNEL), &old);
	if (r < 0)
		return r;
	v = slot_unpack(old);
	v.holder = to;
	return swap(b, i, old, v);
}

int
slot_reap(const struct board *b, uint32_t i, uint32_t gen, uint32_t dead)
{
	unsigned states;

	if (dead == HOLDER_BROKER)
		states = BIT(SLOT_DIALING) | BIT(SLOT_IDLE) | BIT(SLOT_CLOSING);
	else
		states =
		    BIT(SLOT_LEASED) | BIT(SLOT_CLOSING) | BIT(SLOT_TUNNEL);
	return vacate(b, i, gen, dead, states);
}

void
slot_quarantine(const struct board *b, uint32_t i)
{
	struct slot_view v;
	uint64_t old;

	CHK(i < b->cap.slot_count);
	old = atomic_load(&b->slot[i].word);
	do {
		v = slot_unpack(old);
		v.holder = HOLDER_BROKER;
		v.tag = TAG_NONE;
		v.state = SLOT_QUARANTINE;
	} while (!atomic_compare_exchange_weak(
	    &b->slot[i].word, &old, slot_pack(v)));
}

int
slot_unquarantine(const struct board *b, uint32_t i, uint32_t gen)
{
	return vacate(b, i, gen, HOLDER_BROKER, BIT(SLOT_QUARANTINE));
}

const char *
slot_state_name(enum slot_state s)
{
	return (unsigned)s < SLOT_STATE_N ? state_names[s] : "invalid";
}

const char *
slot_tag_name(enum slot_tag t)
{
	return (unsigned)t < TAG_N ? tag_names[t] : "invalid";
}

enum { PART_MAX = 256, PARTS_N = 4 };

/*
 * Append a length-prefixed part; one that is too long goes in as its hash,
 * its length tells the two apart.
 */
static size_t
part_put(uint8_t *out, const void *p, size_t n)
{
	uint64_t len = n;

	memcpy(out, &len, sizeof(len));
	if (n > PART_MAX) {
		SHA256(p, n, out + sizeof(len));
		n = SHA256_DIGEST_LENGTH;
	} else if (n > 0) {
		memcpy(out + sizeof(len), p, n);
	}
	return sizeof(len) + n;
}

void
slot_key_make(struct slot_key *k, const void *name, size_t name_bytes,
    const void *dst, size_t dst_bytes, const void *src, size_t src_bytes,
    const void *proxy, size_t proxy_bytes)
{
	uint8_t in[PARTS_N * (PART_MAX + sizeof(uint64_t))];
	uint8_t md[SHA256_DIGEST_LENGTH];
	size_t n = 0;

	n += part_put(in + n, name, name_bytes);
	n += part_put(in + n, dst, dst_bytes);
	n += part_put(in + n, src, src_bytes);
	n += part_put(in + n, proxy, proxy_bytes);
	SHA256(in, n, md);
	memcpy(k->b, md, sizeof(k->b));
}

void
slot_key_add_sni(struct slot_key *k, const void *sni, size_t sni_bytes)
{
	uint8_t in[2 * (PART_MAX + sizeof(uint64_t))];
	uint8_t md[SHA256_DIGEST_LENGTH];
	size_t n;

	if (sni_bytes == 0)
		return;
	n = part_put(in, k->b, sizeof(k->b));
	n += part_put(in + n, sni, sni_bytes);
	SHA256(in, n, md);
	memcpy(k->b, md, sizeof(k->b));
}
