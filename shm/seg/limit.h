/* SPDX-License-Identifier: MIT */
/*
 * Limited counts: an array of per-process cells whose value is their sum.
 * Acquire adds to a cell (seq_cst), sums, and undoes when over: the limit is
 * never exceeded, and whoever undoes asks the broker, so no waiter is lost.
 */
#ifndef SHM_SEG_LIMIT_H
#define SHM_SEG_LIMIT_H

#include "shm/seg/board.h"

/* LIM_GLOBAL row 0: client connections; LIM_PROXY: fe connections; LIM_BACKEND:
 * streams; LIM_SERVER: requests; LIM_TUNNEL: tunnels of a server; LIM_TLS row
 * 0: client connections through TLS */
enum limit_kind {
	LIM_GLOBAL,
	LIM_FRONTEND,
	LIM_BACKEND,
	LIM_SERVER,
	LIM_TUNNEL,
	LIM_TLS,
	LIM_KIND_N
};

/* Cells of a process lie together; the cell of (kind, row) in process row
 * `proc`. */
_Atomic uint32_t *limit_cell(
    const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc);
/* Sum over all process rows. */
uint32_t limit_sum(const struct board *b, enum limit_kind k, uint32_t row);
/* Add one for `proc` if the sum stays <= max (0: no limit, just counts). */
bool limit_try(const struct board *b, enum limit_kind k, uint32_t row,
    uint32_t proc, uint32_t max);
void limit_add(
    const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc);
/* Take one back; a cell never goes below 0 (CHK in its own process). */
void limit_drop(
    const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc);
/* The same for a cell of another process, whose value is input: 0 or
 * -WSE_CORRUPT (it was 0 and stays so). */
MUST_USE int limit_take_back(
    const struct board *b, enum limit_kind k, uint32_t row, uint32_t proc);
/* Bytes of one process's cells. */
size_t limit_stride(const struct board_dims *d);
/* broker: zero all cells of a dead process's row. */
void limit_reap(const struct board *b, uint32_t proc);

#endif
