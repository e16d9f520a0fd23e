/* SPDX-License-Identifier: MIT */
/*
 * Rows of the metrics.
 */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include "worker/svc.h"

enum metric_scope {
	SCOPE_GLOBAL,
	SCOPE_FRONTEND, /* {proxy} */
	SCOPE_BACKEND,  /* {proxy} */
	SCOPE_SERVER,   /* {proxy,server} */
	SCOPE_WORKER,   /* {worker,pid} */
	SCOPE_POOL,     /* {proxy,server,tag,state}: the slot table */
	SCOPE_PROC_TBL, /* a metric for each row of stat_tbl_proc */
	SCOPE_N
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* One label more, and its values. */
struct metric_labels {
	const char *key;
	int count;
	const char *const *names;
};

/*
 * A sample is value(), false: there is none; or the sum of the counter at
 * `offset` of the struct for the scope, with labels of as many in a row.
 */
struct metric {
	const char *name, *help;
	enum metric_scope scope;
	enum metric_type type;
	size_t offset, sum_offset; /* histogram: counts, sum in microseconds */
	uint32_t unit_us;          /* hist.h */
	const struct metric_labels *labels;
	bool (*value)(const struct board *b, uint32_t row, int label, double *);
};

/* Ended by SCOPE_N. */
extern const struct metric metrics_tbl[];

#endif
