/* SPDX-License-Identifier: MIT */
/*
 * Histograms among the statistics: counts by upper bound, the bounds being
 * 1, 2, 5, 10, 20, ... times a unit.  One writer each, as all counters.
 */
#ifndef SHM_SEG_HIST_H
#define SHM_SEG_HIST_H

#include "shm/seg/stat.h"

/* The units of the histograms in stat.h, microseconds. */
enum {
	HIST_LEASE_UNIT_US = 1,       /* 1 us .. 5 s, more */
	HIST_LOOP_UNIT_US = 1,        /* the same */
	HIST_REQUEST_UNIT_US = 100,   /* 100 us .. 500 s */
	HIST_TUNNEL_UNIT_US = 100000, /* 0.1 s .. 5.8 days */
};

/* Upper bounds, included, in units; the last count has none. */
extern const uint32_t hist_bounds[STAT_HIST_N - 1];

/* Count a value. */
void hist_add(stat_t *h, uint64_t value_us, uint32_t unit_us);
/* Counts of `now` less those of `before` (NULL: none); returns their sum. */
uint64_t
hist_diff(const stat_t *now, const stat_t *before, uint64_t n_r[STAT_HIST_N]);
/*
 * Microseconds that `percent` of the values do not exceed, interpolated within
 * the bounds; 0 if there are none, the last bound if it is beyond.
 */
uint64_t hist_percentile(
    const uint64_t n[STAT_HIST_N], uint32_t unit_us, double percent);

#endif
