/* SPDX-License-Identifier: MIT */
#include "shm/seg/hist.h"

const uint32_t hist_bounds[STAT_HIST_N - 1] = { 1, 2, 5, 10, 20, 50, 100, 200,
	500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000,
	1000000, 2000000, 5000000 };

void
hist_add(stat_t *h, uint64_t value_us, uint32_t unit_us)
{
	uint64_t v = value_us / unit_us + (value_us % unit_us != 0);
	int lo = 0, hi = STAT_HIST_N - 1, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (v <= hist_bounds[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	stat_add(&h[lo], 1);
}

uint64_t
hist_diff(const stat_t *now, const stat_t *before, uint64_t n_r[STAT_HIST_N])
{
	uint64_t sum = 0, a, b;
	int i;

	for (i = 0; i < STAT_HIST_N; i++) {
		a = atomic_load_explicit(&now[i], memory_order_relaxed);
		b = before
		    ? atomic_load_explicit(&before[i], memory_order_relaxed)
		    : 0;
		n_r[i] = a > b ? a - b : 0;
		sum += n_r[i];
	}
	return sum;
}

uint64_t
hist_percentile(const uint64_t n[STAT_HIST_N], uint32_t unit_us, double percent)
{
	double want, below = 0, sum = 0, from, to;
	int i;

	for (i = 0; i < STAT_HIST_N; i++)
		sum += (double)n[i];
	if (sum <= 0)
		return 0;
	want = sum * percent / 100;
	for (i = 0; i < STAT_HIST_N - 1; i++) {
		if (n[i] && below + (double)n[i] >= want)
			break;
		below += (double)n[i];
	}
	if (i == STAT_HIST_N - 1)
		return (uint64_t)hist_bounds[i - 1] * unit_us;
	from = i ? hist_bounds[i - 1] : 0;
	to = hist_bounds[i];
	return (uint64_t)((from + (to - from) * (want - below) / (double)n[i]) *
	    unit_us);
}
