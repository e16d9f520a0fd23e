/* SPDX-License-Identifier: MIT */
/*
 * Limited counts over per-process cells; run by the broker and the workers.
 *
 * Layout: one stride per process row: the global cell, then frontends,
 * backends, servers, tunnels, TLS, rounded up so that two processes never share
 * a cache line.
 */
#include "shm/seg/limit.h"

#include "shm/base/chk.h"

enum { LINE_BYTES = 128 };

size_t
limit_stride(const struct board_dims *d)
{
	size_t cells =
	    2 + 2 * (size_t)d->proxy_count + 2 * (size_t)d->server_count;

	return (cells * sizeof(uint32_t) + LINE_BYTES - 1) / LINE_BYTES *
	    LINE_BYTES;
}

/* Number of the cell of (k, row) within a process's stride. */
static size_t
cell_no(const struct board *b, enum limit_kind k, uint32_t row)
{
	size_t proxies = b->cap.proxy_count, servers = b->cap.server_count;

	switch (k) {
	case LIM_GLOBAL:
		CHK(row == 0);
		return 0;
	case LIM_FRONTEND:
		CHK(row < proxies);
		return 1 + row;
	case LIM_BACKEND:
		CHK(row < proxies);
		return 1 + proxies + row;
	case LIM_SERVER:
		CHK(row < servers);
		return 1 + 2 * proxies + row;
	case LIM_TUNNEL:
		CHK(row < servers);
		return 1 + 2 * proxies + servers + row;
	case LIM_TLS:
		CHK(row == 0);
		return 1 + 2 * proxies + 2 * servers;
	case LIM_KIND_N:
		break;
	}
	chk_fail(__FILE__, __LINE__, "limit kind");
}

_Atomic uint32_t *
limit_cell(
    const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc)
{
	size_t stride = limit_stride(&b->cap) / sizeof(uint32_t);

	CHK(proc < b->cap.proc_count);
	return b->cell + proc * stride + cell_no(b, k, row);
}

uint32_t
limit_sum(const struct board *b, enum limit_kind k, uint32_t row)
{
	size_t stride = limit_stride(&b->cap) / sizeof(uint32_t);
	const _Atomic uint32_t *c = b->cell + cell_no(b, k, row);
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < b->cap.proc_count; i++, c += stride)
		sum += atomic_load(c);
	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

bool
limit_try(const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc,
    uint32_t max)
{
	_Atomic uint32_t *c = limit_cell(b, k, row, proc);

	atomic_fetch_add(c, 1);
	if (max == 0 || limit_sum(b, k, row) <= max)
		return true;
	/* not below 0 should the cell have been reaped meanwhile */
	(void)!limit_take_back(b, k, row, proc);
	return false;
}

void
limit_add(const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc)
{
	atomic_fetch_add(limit_cell(b, k, row, proc), 1);
}

int
limit_take_back(
    const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc)
{
	_Atomic uint32_t *c = limit_cell(b, k, row, proc);
	uint32_t n = atomic_load(c);

	do {
		if (n == 0)
			return -WSE_CORRUPT;
	} while (!atomic_compare_exchange_weak(c, &n, n - 1));
	return 0;
}

void
limit_drop(
    const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc)
{
	CHK(atomic_fetch_sub(limit_cell(b, k, row, proc), 1) != 0);
}

void
limit_reap(const struct board *b, uint32_t proc)
{
	size_t n = limit_stride(&b->cap) / sizeof(uint32_t), i;
	_Atomic uint32_t *c;

	CHK(proc < b->cap.proc_count);
	c = b->cell + proc * n;
	for (i = 0; i < n; i++)
		atomic_store(&c[i], 0);
}
