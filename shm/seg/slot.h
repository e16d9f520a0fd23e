/* SPDX-License-Identifier: MIT */
/*
 * The slot table: one slot per backend connection, one atomic word per slot.
 *
 * word = generation:32 | holder:24 | tag:4 | state:4.  The word is the truth;
 * lists and counts are hints.  Each transition of the design is one function
 * here, a compare-and-swap that fails when the word is not what the caller
 * believes.  The generation changes at FREE -> DIALING only.  Holder 0 is the
 * broker, any other the instance number of a worker.
 */
#ifndef SHM_SEG_SLOT_H
#define SHM_SEG_SLOT_H

#include "shm/seg/board.h"

enum slot_state {
	SLOT_FREE,
	SLOT_DIALING,
	SLOT_LEASED,
	SLOT_IDLE,
	SLOT_TUNNEL,
	SLOT_CLOSING,
	SLOT_QUARANTINE,
	SLOT_STATE_N
};
enum slot_tag { TAG_NONE, TAG_H1, TAG_H2, TAG_H2WS, TAG_N };
#define TAG_BIT(t) (1u << (t))

enum { HOLDER_BROKER = 0, INSTANCE_MAX = (1 << 24) - 1, SLOT_KEY_BYTES = 16 };

struct slot_key {
	uint8_t b[SLOT_KEY_BYTES]; /* first half of a SHA-256 */
};

struct slot {
	_Alignas(64) _Atomic uint64_t word;
	uint32_t server;          /* row; broker, while DIALING */
	uint32_t epoch;           /* broker, while DIALING */
	struct slot_key key;      /* broker, while DIALING */
	_Atomic uint64_t born_us; /* monotonic; broker */
	_Atomic uint64_t idle_us; /* monotonic, last release; holder */
	_Atomic uint32_t uses;    /* requests carried; holder, while LEASED */
	uint32_t pad;
};

struct slot_view {
	uint32_t gen;
	uint32_t holder;
	enum slot_tag tag;
	enum slot_state state;
};

static inline uint64_t
slot_pack(struct slot_view v)
{
	return (uint64_t)v.gen << 32 | (uint64_t)(v.holder & 0xffffff) << 8 |
	    (uint64_t)(v.tag & 15) << 4 | (uint64_t)(v.state & 15);
}

static inline struct slot_view
slot_unpack(uint64_t w)
{
	return (struct slot_view){
		.gen = (uint32_t)(w >> 32),
		.holder = (uint32_t)(w >> 8) & 0xffffff,
		.tag = (enum slot_tag)(w >> 4 & 15),
		.state = (enum slot_state)(w & 15),
	};
}

/* The current word; i must be < cap.slot_count. */
struct slot_view slot_get(const struct board *b, uint32_t i);

/*
 * Transitions. All return 0, -WSE_RANGE (no such slot) or -WSE_STALE (the
 * word is another one: somebody was faster). seq_cst.
 */
/* broker: FREE -> DIALING; fills in server, epoch, key, born; new generation
 * out. */
MUST_USE int
slot_dial(const struct board *b, uint32_t i, uint32_t server, uint32_t epoch,
    const struct slot_key *key, uint64_t now_us, uint32_t *gen_r);
/* broker: DIALING -> LEASED(to) */
MUST_USE int slot_dial_lease(const struct board *b, uint32_t i, uint32_t gen,
    enum slot_tag tag, uint32_t to);
/* broker: DIALING -> IDLE(broker) */
MUST_USE int slot_dial_idle(const struct board *b, uint32_t i, uint32_t gen,
    enum slot_tag tag, uint64_t now_us);
/* broker: DIALING -> FREE */
MUST_USE int slot_dial_fail(const struct board *b, uint32_t i, uint32_t gen);
/* worker w: LEASED(w) -> IDLE(w); write the vault state and `ready` before. May
 * raise the tag h2 to h2ws. */
MUST_USE int slot_release(const struct board *b, uint32_t i, uint32_t gen,
    uint32_t w, enum slot_tag tag, uint64_t now_us);
/* worker w: IDLE(w) -> LEASED(w) */
MUST_USE int
slot_acquire(const struct board *b, uint32_t i, uint32_t gen, uint32_t w);
/* broker: IDLE(from) -> LEASED(to) */
MUST_USE int slot_steal(const struct board *b, uint32_t i, uint32_t gen,
    uint32_t from, uint32_t to);
/* broker: IDLE(w) -> IDLE(broker) */
MUST_USE int
slot_park(const struct board *b, uint32_t i, uint32_t gen, uint32_t w);
/* broker: IDLE(from) -> CLOSING(broker) */
MUST_USE int
slot_evict(const struct board *b, uint32_t i, uint32_t gen, uint32_t from);
/* worker w: LEASED(w) | TUNNEL(w) -> CLOSING(w) */
MUST_USE int
slot_close(const struct board *b, uint32_t i, uint32_t gen, uint32_t w);
/* broker: CLOSING(holder) -> FREE */
MUST_USE int
slot_free(const struct board *b, uint32_t i, uint32_t gen, uint32_t holder);
/* worker w: LEASED(w) -> TUNNEL(w) */
MUST_USE int
slot_tunnel(const struct board *b, uint32_t i, uint32_t gen, uint32_t w);
/* broker: LEASED(w) | TUNNEL(w) -> same state (n) */
MUST_USE int slot_move(const struct board *b, uint32_t i, uint32_t gen,
    uint32_t from, uint32_t to);
/* broker: LEASED | CLOSING | TUNNEL of a dead worker (or DIALING, IDLE(broker)
 * of a dead broker) -> FREE */
MUST_USE int
slot_reap(const struct board *b, uint32_t i, uint32_t gen, uint32_t dead);
/* broker: whatever it is -> QUARANTINE, when shared state contradicts itself.
 */
void slot_quarantine(const struct board *b, uint32_t i);
/* broker: QUARANTINE -> FREE, once nobody can name it any more. */
MUST_USE int slot_unquarantine(const struct board *b, uint32_t i, uint32_t gen);

const char *slot_state_name(enum slot_state s);
const char *slot_tag_name(enum slot_tag t);

/*
 * The reuse key: SHA-256 over length-prefixed parts, first 128 bits.
 * name: pool-conn-name; dst, src: socket addresses; proxy: PROXY header
 * bytes.
 */
struct sv;
void slot_key_make(struct slot_key *k, const void *name, size_t name_bytes,
    const void *dst, size_t dst_bytes, const void *src, size_t src_bytes,
    const void *proxy, size_t proxy_bytes);
/* Make an SNI part of it; none (0 bytes) leaves it as it is. */
void slot_key_add_sni(struct slot_key *k, const void *sni, size_t sni_bytes);

#endif
