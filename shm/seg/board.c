/* SPDX-License-Identifier: MIT */
/*
 * Making and attaching the board.
 *
 * The layout follows from the capacities alone, so whoever attaches computes
 * it anew and compares: no offset read from the segment is ever used.
 */
#include "shm/seg/board.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/seg/limit.h"
#include "shm/seg/memfd.h"
#include "shm/seg/slot.h"
#include "shm/seg/stat.h"

enum {
	SLOTS_MAX = 1 << 24,
	PROXIES_MAX = 1 << 16,
	SERVERS_MAX = 1 << 18,
	PROCS_MAX = 1 << 12,
	ALIGN_BYTES = 4096,
};

_Static_assert(sizeof(struct slot) == 64, "a slot is a cache line");
_Static_assert(sizeof(struct board_hdr) <= ALIGN_BYTES, "header fits a page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
    "words are shared between processes");

static uint64_t
place(uint64_t *end, uint64_t count, uint64_t bytes)
{
	uint64_t at = *end;

	*end =
	    (at + count * bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	return at;
}

/* Magic, sizes, capacities and offsets; zero elsewhere. */
static void
layout(const struct board_dims *d, struct board_hdr *h)
{
	uint64_t end = ALIGN_BYTES;

	memset(h, 0, sizeof(*h));
	h->magic = BOARD_MAGIC;
	h->abi = BOARD_ABI;
	h->hdr_bytes = sizeof(*h);
	h->cap = *d;
	h->stat_stride_bytes = stat_stride(d);
	h->off_proxy = place(&end, d->proxy_count, sizeof(struct board_proxy));
	h->off_server =
	    place(&end, d->server_count, sizeof(struct board_server));
	h->off_slot = place(&end, d->slot_count, sizeof(struct slot));
	h->off_proc = place(&end, d->proc_count, sizeof(struct board_proc));
	h->off_cell = place(&end, d->proc_count, limit_stride(d));
	h->off_stat = place(&end, d->proc_count, h->stat_stride_bytes);
	h->total_bytes = end;
}

static bool
dims_are_sane(const struct board_dims *d)
{
	return d->slot_count > 0 && d->slot_count <= SLOTS_MAX &&
	    d->proxy_count > 0 && d->proxy_count <= PROXIES_MAX &&
	    d->server_count > 0 && d->server_count <= SERVERS_MAX &&
	    d->proc_count > 0 && d->proc_count <= PROCS_MAX;
}

static int
map(int fd, bool writable, const struct board_hdr *h, struct board *b)
{
	char *base;

	base = mmap(NULL, h->total_bytes,
	    writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return -WSE_SYS;
	memset(b, 0, sizeof(*b));
	b->hdr = (struct board_hdr *)(void *)base;
	b->cap = h->cap;
	b->bytes = h->total_bytes;
	b->proxy = (struct board_proxy *)(void *)(base + h->off_proxy);
	b->server = (struct board_server *)(void *)(base + h->off_server);
	b->slot = (struct slot *)(void *)(base + h->off_slot);
	b->proc = (struct board_proc *)(void *)(base + h->off_proc);
	b->cell = (_Atomic uint32_t *)(void *)(base + h->off_cell);
	b->stat = base + h->off_stat;
	b->stat_stride = h->stat_stride_bytes;
	return 0;
}

int
board_create(const struct board_dims *d, struct board *b_r, int *fd_r)
{
	struct board_hdr h;
	int fd, r;

	if (!dims_are_sane(d))
		return -WSE_RANGE;
	layout(d, &h);
	r = memfd_make(BOARD_MEMFD_NAME, h.total_bytes, &fd);
	if (r < 0)
		return r;
	r = map(fd, true, &h, b_r);
	if (r < 0) {
		close(fd);
		return r;
	}
	memcpy(b_r->hdr, &h, sizeof(h));
	*fd_r = fd;
	return 0;
}

int
board_attach(int fd, bool writable, struct board *b_r)
{
	struct board_hdr h, want;
	size_t bytes;
	int r;

	r = memfd_size(fd, &bytes);
	if (r < 0)
		return r;
	if (bytes < sizeof(h))
		return -WSE_SYNTAX;
	/* a private copy: what is checked is what is used */
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return -WSE_SYS;
	if (h.magic != BOARD_MAGIC)
		return -WSE_SYNTAX;
	if (h.abi != BOARD_ABI || h.hdr_bytes != sizeof(h))
		return -WSE_UNSUPP;
	if (!dims_are_sane(&h.cap))
		return -WSE_CORRUPT;
	layout(&h.cap, &want);
	if (want.total_bytes != h.total_bytes || want.total_bytes != bytes ||
	    want.stat_stride_bytes != h.stat_stride_bytes ||
	    want.off_proxy != h.off_proxy || want.off_server != h.off_server ||
	    want.off_slot != h.off_slot || want.off_proc != h.off_proc ||
	    want.off_cell != h.off_cell || want.off_stat != h.off_stat)
		return -WSE_CORRUPT;
	return map(fd, writable, &want, b_r);
}

void
board_detach(struct board *b)
{
	if (b->hdr)
		CHK(munmap(b->hdr, b->bytes) == 0);
	memset(b, 0, sizeof(*b));
}

int
board_reopen_readonly(int fd, int *ro_fd_r)
{
	char path[64];
	int ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	if (ro < 0)
		return -WSE_SYS;
	*ro_fd_r = ro;
	return 0;
}
