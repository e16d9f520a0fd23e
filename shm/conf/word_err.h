/* SPDX-License-Identifier: MIT */
/*
 * Messages about a place inside a word of the line at hand.
 */
#ifndef SHM_CONF_WORD_ERR_H
#define SHM_CONF_WORD_ERR_H

#include <stddef.h>

#include "shm/conf/parse.h"

/* As conf_error(), about byte `off` of word i. Returns -WSE_SYNTAX. */
int word_error(struct conf_parse *cp, int i, size_t off, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void word_warn(struct conf_parse *cp, int i, size_t off, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#endif
