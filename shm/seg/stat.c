/* SPDX-License-Identifier: MIT */
/*
 * Statistics: where they lie, and their sums.
 *
 * Layout: one stride per process row: stat_proc, then a stat_proxy per proxy
 * row, then a stat_server per server row.  Each struct is an array of stat_t
 * with padding that stays 0.
 */
#include "shm/seg/stat.h"

#include <string.h>

#include "shm/base/chk.h"

_Static_assert(sizeof(struct stat_proc) % 128 == 0, "padded");
_Static_assert(sizeof(struct stat_proxy) % 128 == 0, "padded");
_Static_assert(sizeof(struct stat_server) % 128 == 0, "padded");

size_t
stat_stride(const struct board_dims *d)
{
	return sizeof(struct stat_proc) +
	    (size_t)d->proxy_count * sizeof(struct stat_proxy) +
	    (size_t)d->server_count * sizeof(struct stat_server);
}

static char *
block(const struct board *b, uint32_t proc)
{
	CHK(proc < b->cap.proc_count);
	return b->stat + proc * b->stat_stride;
}

struct stat_proc *
stat_proc(const struct board *b, uint32_t proc)
{
	return (struct stat_proc *)(void *)block(b, proc);
}

struct stat_proxy *
stat_proxy(const struct board *b, uint32_t proc, uint32_t row)
{
	CHK(row < b->cap.proxy_count);
	return (struct stat_proxy *)(void *)(block(b, proc) +
		   sizeof(struct stat_proc)) +
	    row;
}

struct stat_server *
stat_server(const struct board *b, uint32_t proc, uint32_t row)
{
	CHK(row < b->cap.server_count);
	return (struct stat_server *)(void *)(block(b, proc) +
		   sizeof(struct stat_proc) +
		   b->cap.proxy_count * sizeof(struct stat_proxy)) +
	    row;
}

/* Row 0 keeps the dead; other rows count while somebody has them. */
static bool
row_counts(const struct board *b, uint32_t proc)
{
	return proc == 0 ||
	    atomic_load_explicit(
		&b->proc[proc].instance, memory_order_relaxed) != 0;
}

static void
sum_add(stat_t *out, const stat_t *in, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(stat_t); i++)
		stat_add(&out[i],
		    atomic_load_explicit(&in[i], memory_order_relaxed));
}

void
stat_sum_proc(const struct board *b, struct stat_proc *out)
{
	uint64_t max = 0, m;
	uint32_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < b->cap.proc_count; i++) {
		if (!row_counts(b, i))
			continue;
		sum_add((stat_t *)out, (const stat_t *)stat_proc(b, i),
		    sizeof(*out));
		m = atomic_load_explicit(
		    &stat_proc(b, i)->lease_max_us, memory_order_relaxed);
		max = m > max ? m : max;
	}
	atomic_store_explicit(&out->lease_max_us, max, memory_order_relaxed);
}

void
stat_sum_proxy(const struct board *b, uint32_t row, struct stat_proxy *out)
{
	uint32_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < b->cap.proc_count; i++) {
		if (row_counts(b, i))
			sum_add((stat_t *)out,
			    (const stat_t *)stat_proxy(b, i, row),
			    sizeof(*out));
	}
}

void
stat_sum_server(const struct board *b, uint32_t row, struct stat_server *out)
{
	uint64_t last = 0, l;
	uint32_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < b->cap.proc_count; i++) {
		if (!row_counts(b, i))
			continue;
		sum_add((stat_t *)out, (const stat_t *)stat_server(b, i, row),
		    sizeof(*out));
		l = atomic_load_explicit(
		    &stat_server(b, i, row)->last_session_us,
		    memory_order_relaxed);
		last = l > last ? l : last;
	}
	atomic_store_explicit(
	    &out->last_session_us, last, memory_order_relaxed);
}

/* `first`: the struct of process row 0. */
static uint64_t
sum_at(const struct board *b, const void *first, size_t offset)
{
	const char *p = (const char *)first + offset;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < b->cap.proc_count; i++) {
		if (row_counts(b, i))
			sum += atomic_load_explicit(
			    (const stat_t *)(const void *)(p +
				i * b->stat_stride),
			    memory_order_relaxed);
	}
	return sum;
}

uint64_t
stat_sum_proc_at(const struct board *b, size_t offset)
{
	CHK(offset < sizeof(struct stat_proc));
	return sum_at(b, stat_proc(b, 0), offset);
}

uint64_t
stat_sum_proxy_at(const struct board *b, uint32_t row, size_t offset)
{
	CHK(offset < sizeof(struct stat_proxy));
	return sum_at(b, stat_proxy(b, 0, row), offset);
}

uint64_t
stat_sum_server_at(const struct board *b, uint32_t row, size_t offset)
{
	CHK(offset < sizeof(struct stat_server));
	return sum_at(b, stat_server(b, 0, row), offset);
}

/* Moves one struct; the field at `max_at` is no count but a maximum. */
static void
retire(stat_t *to, stat_t *from, size_t bytes, const stat_t *max_at)
{
	size_t i;
	uint64_t v;

	for (i = 0; i < bytes / sizeof(stat_t); i++) {
		v = atomic_load_explicit(&from[i], memory_order_relaxed);
		if (v == 0)
			continue;
		atomic_store_explicit(&from[i], 0, memory_order_relaxed);
		if (&from[i] != max_at)
			stat_add(&to[i], v);
		else if (v > atomic_load_explicit(&to[i], memory_order_relaxed))
			atomic_store_explicit(&to[i], v, memory_order_relaxed);
	}
}

static uint32_t
rows(const _Atomic uint32_t *used, uint32_t cap)
{
	uint32_t n = atomic_load_explicit(used, memory_order_relaxed);

	return n < cap ? n : cap;
}

void
stat_retire(const struct board *b, uint32_t proc)
{
	struct stat_server *s;
	uint32_t i, n;

	CHK(proc != 0);
	retire((stat_t *)stat_proc(b, 0), (stat_t *)stat_proc(b, proc),
	    sizeof(struct stat_proc), &stat_proc(b, proc)->lease_max_us);
	/* only rows in use: reading a hole of the segment would fill it */
	n = rows(&b->hdr->used_proxies, b->cap.proxy_count);
	for (i = 0; i < n; i++)
		retire((stat_t *)stat_proxy(b, 0, i),
		    (stat_t *)stat_proxy(b, proc, i), sizeof(struct stat_proxy),
		    NULL);
	n = rows(&b->hdr->used_servers, b->cap.server_count);
	for (i = 0; i < n; i++) {
		s = stat_server(b, proc, i);
		retire((stat_t *)stat_server(b, 0, i), (stat_t *)s, sizeof(*s),
		    &s->last_session_us);
	}
}
