/* SPDX-License-Identifier: MIT */
/*
 * Assertions.  Always compiled in, cheap, for our own invariants only: what
 * comes from the network, the config or another process is validated instead.
 */
#ifndef SHM_BASE_CHK_H
#define SHM_BASE_CHK_H

#include "shm/base/err.h"

/* Logs the place and the text to stderr, then abort()s. */
NORETURN void chk_fail(const char *file, int line, const char *what);

#define CHK(x)                                            \
	do {                                              \
		if (__builtin_expect(!(x), 0))            \
			chk_fail(__FILE__, __LINE__, #x); \
	} while (0)

#endif
