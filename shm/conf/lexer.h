/* SPDX-License-Identifier: MIT */
/*
 * Text to lines of words, with a shell's quoting.
 *
 * Outside quotes a blank ends a word and '#' the line.  '...' is literal.  In
 * "..." $NAME, ${NAME} and ${NAME-default} are replaced; .FILE, .LINE and
 * .SECTION are names of the parser's own.  Outside '...' a backslash makes
 * \\ \" \' \$ \# and "\ " literal, \t \n \r \xHH what they are in C, and is
 * kept before anything else (so that regular expressions need no doubling).
 */
#ifndef SHM_CONF_LEXER_H
#define SHM_CONF_LEXER_H

#include <stddef.h>

#include "shm/conf/parse.h"

struct lexer {
	struct conf_line ln; /* the line at hand; words point into text */
	const char *section; /* for ${.SECTION}, or NULL */
	char *text;          /* resolved words, NUL-terminated each */
	size_t text_bytes, text_room;
};

/*
 * Split one line (n bytes, no newline) into lx->ln, whose file and line the
 * caller has set.  0, or -WSE_SYNTAX with a message and its column.
 */
MUST_USE int lexer_split(struct lexer *lx, const char *s, size_t n, int *col_r,
    char *err, size_t err_room);
/* Frees what the lexer holds, not the lexer. */
void lexer_done(struct lexer *lx);

#endif
