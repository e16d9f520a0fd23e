/* SPDX-License-Identifier: MIT */
/*
 * Messages about a place inside a word of the line at hand.
 */
#ifndef SHM_CONF_WORD_ERR_H
#define SHM_CONF_WORD_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "shm/conf/parse.h"

/* As conf_error(), about byte `off` of word i. Returns -WSE_SYNTAX. */
int word_error(struct conf_parse *cp, int i, size_t off, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void word_warn(struct conf_parse *cp, int i, size_t off, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* A byte that no header, target or reason may hold: it could end its line. */
bool word_is_control(char c);
/* Error if word i holds one; `what` names what it is for. */
MUST_USE int word_check_text(struct conf_parse *cp, int i, const char *what);

#endif
