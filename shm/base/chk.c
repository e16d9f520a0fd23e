/* SPDX-License-Identifier: MIT */
/*
 * What happens when an assertion fails, in any process.
 */
#include "shm/base/chk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
chk_fail(const char *file, int line, const char *what)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "wsbroker[%d]: %s:%d: broken: %s\n",
	    (int)getpid(), file, line, what);
	if (n > (int)sizeof(text) - 1)
		n = sizeof(text) - 1;
	/* stdio may be locked or half written here */
	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
		abort();
	abort();
}
