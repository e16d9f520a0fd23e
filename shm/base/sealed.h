/* SPDX-License-Identifier: MIT */
/*
 * Bytes that travel between processes by descriptor: memory without a name
 * that nobody can change or shorten any more.  For secrets that are too long
 * for a message: they lie in no file, no board and no core dump, and are gone
 * with the last descriptor.
 */
#ifndef SHM_BASE_SEALED_H
#define SHM_BASE_SEALED_H

#include "shm/base/err.h"
#include "shm/base/sv.h"

/* Copies `text` (not empty) into new sealed memory. 0 or -WSE_SYS. */
MUST_USE int sealed_make(struct sv text, int *fd_r);
/*
 * The bytes behind fd, at most `most`, readable until sealed_unmap().
 * -WSE_DENIED: not sealed, so that its maker could change it; -WSE_TOOBIG;
 * -WSE_SYS.  fd stays the caller's.
 */
MUST_USE int sealed_map(int fd, size_t most, struct sv *text_r);
void sealed_unmap(struct sv *text);
/* 0 if sealed_map() would not refuse it. */
MUST_USE int sealed_check(int fd, size_t most);

#endif
