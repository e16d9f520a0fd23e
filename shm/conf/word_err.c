/* SPDX-License-Identifier: MIT */
/*
 * The column of a byte inside a word: where the word began, plus its offset.
 * Exact unless quotes or escapes come before it in the word.
 */
#include "shm/conf/word_err.h"

#include <stdarg.h>
#include <stdio.h>

/* A line of one word, whose column is that of the byte. */
static void
word_line(struct conf_line *l, const struct conf_line *from, int i, size_t off)
{
	l->file = from->file;
	l->line = from->line;
	l->count = 1;
	l->word[0] = (struct conf_word){ .s = NULL };
	if (i >= 0 && i < from->count) {
		l->word[0] = from->word[i];
		l->word[0].col += (int)off + (from->word[i].quoted ? 1 : 0);
	}
}

int
word_error(struct conf_parse *cp, int i, size_t off, const char *fmt, ...)
{
	const struct conf_line *ln = cp->ln;
	struct conf_line one;
	char msg[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (i >= ln->count || off == 0)
		return conf_error(cp, i, "%s", msg);
	word_line(&one, ln, i, off);
	cp->ln = &one;
	conf_error(cp, 0, "%s", msg);
	cp->ln = ln;
	return -WSE_SYNTAX;
}

void
word_warn(struct conf_parse *cp, int i, size_t off, const char *fmt, ...)
{
	const struct conf_line *ln = cp->ln;
	struct conf_line one;
	char msg[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (i >= ln->count || off == 0) {
		conf_warn(cp, i, "%s", msg);
		return;
	}
	word_line(&one, ln, i, off);
	cp->ln = &one;
	conf_warn(cp, 0, "%s", msg);
	cp->ln = ln;
}

bool
word_is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

int
word_check_text(struct conf_parse *cp, int i, const char *what)
{
	const char *s = cp->ln->word[i].s, *p = s;

	while (*p && !word_is_control(*p))
		p++;
	if (!*p)
		return 0;
	return word_error(cp, i, (size_t)(p - s),
	    "control characters cannot be part of a %s", what);
}
