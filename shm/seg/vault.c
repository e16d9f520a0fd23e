/* SPDX-License-Identifier: MIT */
/*
 * A worker's vault.  The master creates it, the worker writes it, the broker
 * reads what a release left there and trusts none of it.
 */
#include "shm/seg/vault.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>

#include "shm/base/chk.h"
#include "shm/seg/memfd.h"

_Static_assert(sizeof(struct vault_entry) == 512, "entries do not share lines");

int
vault_create(uint32_t slot_count, int *fd_r)
{
	return memfd_make(
	    "wsb-vault", (size_t)slot_count * sizeof(struct vault_entry), fd_r);
}

int
vault_attach(int fd, uint32_t slot_count, struct vault *v_r)
{
	size_t bytes, want = (size_t)slot_count * sizeof(struct vault_entry);
	void *p;
	int r;

	r = memfd_size(fd, &bytes);
	if (r < 0)
		return r;
	if (slot_count == 0 || bytes != want)
		return -WSE_RANGE;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -WSE_SYS;
	if (madvise(p, bytes, MADV_DONTDUMP) < 0) {
		munmap(p, bytes);
		return -WSE_SYS;
	}
	v_r->entry = p;
	v_r->slot_count = slot_count;
	v_r->bytes = bytes;
	return 0;
}

void
vault_detach(struct vault *v)
{
	if (v->entry)
		CHK(munmap(v->entry, v->bytes) == 0);
	memset(v, 0, sizeof(*v));
}

void
vault_put(struct vault *v, uint32_t slot, uint32_t gen, uint32_t kind,
    const void *state, uint32_t bytes)
{
	struct vault_entry *e;

	CHK(slot < v->slot_count && gen != 0 && bytes <= VAULT_STATE_MAX);
	e = &v->entry[slot];
	e->kind = kind;
	e->state_bytes = bytes;
	if (bytes > 0)
		memcpy(e->state, state, bytes);
	atomic_store(&e->ready, gen);
}

bool
vault_take(struct vault *v, uint32_t slot, uint32_t gen)
{
	CHK(slot < v->slot_count);
	return atomic_exchange(&v->entry[slot].ready, 0) == gen && gen != 0;
}

ssize_t
vault_copy(const struct vault *v, uint32_t slot, uint32_t *kind_r, void *out,
    size_t room)
{
	const struct vault_entry *e;
	uint32_t n;

	CHK(slot < v->slot_count);
	e = &v->entry[slot];
	/* volatile: read once, the other side may write at any time */
	n = *(const volatile uint32_t *)&e->state_bytes;
	if (n > VAULT_STATE_MAX || n > room)
		return -WSE_CORRUPT;
	*kind_r = *(const volatile uint32_t *)&e->kind;
	memcpy(out, e->state, n);
	return (ssize_t)n;
}

void
vault_forget(struct vault *v, uint32_t first)
{
	CHK(first % VAULT_PAGE_SLOTS == 0 &&
	    first + VAULT_PAGE_SLOTS <= v->slot_count);
	/* where pages are larger nothing is given back */
	(void)madvise(&v->entry[first],
	    VAULT_PAGE_SLOTS * sizeof(struct vault_entry), MADV_REMOVE);
}

void
vault_wipe(struct vault *v, uint32_t slot)
{
	struct vault_entry *e;

	CHK(slot < v->slot_count);
	e = &v->entry[slot];
	atomic_store(&e->ready, 0);
	e->kind = 0;
	e->state_bytes = 0;
	OPENSSL_cleanse(e->state, sizeof(e->state));
}
