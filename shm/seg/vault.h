/* SPDX-License-Identifier: MIT */
/*
 * A worker's vault: for each slot it holds, the portable state of the
 * connection.  Mapped by that worker and the broker alone, kept out of core
 * dumps.  An entry is valid while `ready` equals the slot's generation.
 */
#ifndef SHM_SEG_VAULT_H
#define SHM_SEG_VAULT_H

#include <sys/types.h>

#include "shm/seg/board.h"

enum { VAULT_STATE_MAX = 488, VAULT_PAGE_SLOTS = 4096 / 512 };

/* What an entry holds, and what ALPN said.  state[] is that of TLS, if any,
 * then that of HTTP/2, if any. */
enum vault_kind {
	VAULT_PLAIN = 0, /* no TLS: none of it */
	VAULT_TLS = 1,   /* tls_state_pack() */
	VAULT_KIND_MASK = 0xff,
	VAULT_ALPN_H1 = 0x100, /* http/1.1; none of them: no ALPN */
	VAULT_ALPN_H2 = 0x200,
	VAULT_ALPN_MASK = 0xff00,
	VAULT_H2 = 0x10000 /* it speaks HTTP/2: H2_PORT_IDLE_BYTES at the end,
			      h2_port_pack() */
};

struct vault_entry {
	_Alignas(512) _Atomic uint32_t ready; /* generation, 0: not valid */
	uint32_t pad;
	uint32_t state_bytes; /* of state[] in use; 0 for plain h1 */
	uint32_t kind;        /* enum vault_kind */
	uint8_t state[VAULT_STATE_MAX];
};

struct vault {
	struct vault_entry *entry;
	uint32_t slot_count;
	size_t bytes;
};

/* Create and seal; the creator (master) does not map it. */
MUST_USE int vault_create(uint32_t slot_count, int *fd_r);
/* Map writable, MADV_DONTDUMP. Checks size and seals. */
MUST_USE int vault_attach(int fd, uint32_t slot_count, struct vault *v_r);
void vault_detach(struct vault *v);
/* Holder, before the release CAS: state (may be 0 bytes), then ready = gen. */
void vault_put(struct vault *v, uint32_t slot, uint32_t gen, uint32_t kind,
    const void *state, uint32_t bytes);
/* After a won CAS: exchange ready to 0. True if it was gen; state is then
 * valid. */
bool vault_take(struct vault *v, uint32_t slot, uint32_t gen);
/*
 * broker, after vault_take(): a private copy of the state, whose length and
 * content the worker may have forged. Bytes copied or -WSE_CORRUPT.
 */
MUST_USE ssize_t vault_copy(const struct vault *v, uint32_t slot,
    uint32_t *kind_r, void *out, size_t room);
/*
 * Give back the memory of the VAULT_PAGE_SLOTS entries from this one on, which
 * are wiped; they read as zero.
 */
void vault_forget(struct vault *v, uint32_t first);
/* Wipe an entry's secrets. */
void vault_wipe(struct vault *v, uint32_t slot);

#endif
