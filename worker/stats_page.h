/* SPDX-License-Identifier: MIT */
/* The status page. */
#ifndef WORKER_STATS_PAGE_H
#define WORKER_STATS_PAGE_H

#include "worker/svc.h"

/* What a request's target asks of a proxy's `stats uri`; NULL: nothing. */
const struct svc_kind *
stats_page_kind(const struct proxy *px, struct sv target);

/* Made of worker/stats.html. */
extern const char stats_html[];

#endif
