/* SPDX-License-Identifier: MIT */
/*
 * The default pages of the proxy's own answers.
 */
#ifndef WORKER_REPLY_H
#define WORKER_REPLY_H

#include <stdint.h>

#include "shm/base/sv.h"

struct reply_page {
	uint16_t status;
	const char *reason;
	const char *text; /* one sentence */
};

/* The page of a status; the one of 500 where there is none. */
const struct reply_page *reply_page(unsigned status);

#endif
