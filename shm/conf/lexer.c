/* SPDX-License-Identifier: MIT */
/*
 * Text to lines of words.  See lexer.h for the rules.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/lexer.h"
#include "shm/conf/rule.h"

/* One line while it is split. */
struct scan {
	struct lexer *lx;
	const char *s;                /* the line */
	size_t n, at;                 /* its length, the next byte */
	size_t start[CONF_WORDS_MAX]; /* offset of each word in lx->text */
	bool in_word;
	char quote; /* the open quote, or 0 */
	size_t quote_at;
	char *err;
	size_t err_room;
};

static void
put_bytes(struct lexer *lx, const char *s, size_t n)
{
	if (lx->text_bytes + n > lx->text_room) {
		lx->text_room = (lx->text_bytes + n) * 2 + 256;
		lx->text = mem_realloc(lx->text, lx->text_room);
	}
	if (n)
		memcpy(lx->text + lx->text_bytes, s, n);
	lx->text_bytes += n;
}

static void
put(struct lexer *lx, char c)
{
	put_bytes(lx, &c, 1);
}

static int
fail(struct scan *sc, size_t at, int *col_r, const char *text)
{
	snprintf(sc->err, sc->err_room, "%s", text);
	*col_r = at < INT_MAX ? (int)at + 1 : INT_MAX;
	return -WSE_SYNTAX;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* sc->at is at a backslash outside '...'. */
static int
scan_escape(struct scan *sc, int *col_r)
{
	char c = sc->at + 1 < sc->n ? sc->s[sc->at + 1] : '\0';
	int hi, lo;

	switch (c) {
	case ' ':
	case '\\':
	case '"':
	case '\'':
	case '#':
	case '$':
		put(sc->lx, c);
		break;
	case 't':
		put(sc->lx, '\t');
		break;
	case 'n':
		put(sc->lx, '\n');
		break;
	case 'r':
		put(sc->lx, '\r');
		break;
	case 'x':
		hi = sc->at + 2 < sc->n ? hex(sc->s[sc->at + 2]) : -1;
		lo = sc->at + 3 < sc->n ? hex(sc->s[sc->at + 3]) : -1;
		if (hi < 0 || lo < 0)
			return fail(sc, sc->at, col_r,
			    "\\x needs two hexadecimal digits");
		if (!hi && !lo)
			return fail(sc, sc->at, col_r,
			    "\\x00 is not allowed: words cannot hold a NUL");
		put(sc->lx, (char)(hi << 4 | lo));
		sc->at += 2;
		break;
	default:
		put(sc->lx, '\\');
		sc->at++;
		return 0;
	}
	sc->at += 2;
	return 0;
}

static bool
is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Value of a variable or, for an unset one, NULL. */
static const char *
variable(struct lexer *lx, const char *name, char *room, size_t room_bytes)
{
	const char *v;

	if (strcmp(name, ".FILE") == 0)
		return lx->ln.file;
	if (strcmp(name, ".SECTION") == 0)
		return lx->section ? lx->section : "";
	if (strcmp(name, ".LINE") == 0) {
		snprintf(room, room_bytes, "%d", lx->ln.line);
		return room;
	}
	v = getenv(name);
	/* HAProxy's names for its formats, to build a log-format on. */
	if (!v && strcmp(name, "HAPROXY_HTTP_LOG_FMT") == 0)
		return logfmt_httplog;
	if (!v && strcmp(name, "HAPROXY_TCP_LOG_FMT") == 0)
		return logfmt_tcplog;
	return v;
}

/* sc->at is at a '$' inside "...". */
static int
scan_variable(struct scan *sc, int *col_r)
{
	size_t at = sc->at + 1, from, dflt = 0, dflt_end = 0;
	bool brace = at < sc->n && sc->s[at] == '{';
	char name[256], room[32];
	const char *v;

	at += brace;
	from = at;
	if (brace && at < sc->n && sc->s[at] == '.')
		at++;
	while (at < sc->n && is_name_char(sc->s[at]))
		at++;
	if (at == from || at - from >= sizeof(name) ||
	    isdigit((unsigned char)sc->s[from]))
		return fail(sc, sc->at, col_r,
		    "'$' needs the name of a variable; write \\$ for a dollar");
	memcpy(name, sc->s + from, at - from);
	name[at - from] = '\0';
	if (brace && at < sc->n && sc->s[at] == '-') {
		dflt = ++at;
		while (at < sc->n && sc->s[at] != '}')
			at++;
		dflt_end = at;
	}
	if (brace && (at >= sc->n || sc->s[at] != '}'))
		return fail(sc, sc->at, col_r, "'${' without a '}'");
	at += brace;
	v = variable(sc->lx, name, room, sizeof(room));
	if (v)
		put_bytes(sc->lx, v, strlen(v));
	else if (dflt)
		put_bytes(sc->lx, sc->s + dflt, dflt_end - dflt);
	sc->at = at;
	return 0;
}

static int
word_begin(struct scan *sc, int *col_r)
{
	struct conf_line *ln = &sc->lx->ln;

	if (ln->count == CONF_WORDS_MAX)
		return fail(sc, sc->at, col_r, "too many words on the line");
	sc->start[ln->count] = sc->lx->text_bytes;
	ln->word[ln->count] =
	    (struct conf_word){ NULL, (int)sc->at + 1, false };
	ln->count++;
	sc->in_word = true;
	return 0;
}

static void
word_end(struct scan *sc)
{
	if (sc->in_word) {
		put(sc->lx, '\0');
		sc->lx->ln.end_col = (int)sc->at + 1;
	}
	sc->in_word = false;
}

/* The byte at sc->at is part of a word. */
static int
scan_byte(struct scan *sc, int *col_r)
{
	char c = sc->s[sc->at];

	if (c == '\\' && sc->quote != '\'')
		return scan_escape(sc, col_r);
	if (c == '$' && sc->quote == '"')
		return scan_variable(sc, col_r);
	if (sc->quote ? c == sc->quote : c == '"' || c == '\'') {
		sc->quote = sc->quote ? '\0' : c;
		sc->quote_at = sc->at;
		sc->lx->ln.word[sc->lx->ln.count - 1].quoted = true;
	} else {
		put(sc->lx, c);
	}
	sc->at++;
	return 0;
}

static int
scan_line(struct scan *sc, int *col_r)
{
	while (sc->at < sc->n) {
		char c = sc->s[sc->at];
		int r;

		if (!sc->quote && c == '#')
			break;
		if (!sc->quote && isspace((unsigned char)c)) {
			word_end(sc);
			sc->at++;
			continue;
		}
		r = sc->in_word ? 0 : word_begin(sc, col_r);
		if (r == 0)
			r = scan_byte(sc, col_r);
		if (r)
			return r;
	}
	if (sc->quote)
		return fail(sc, sc->quote_at, col_r, "unmatched quote");
	word_end(sc);
	return 0;
}

int
lexer_split(struct lexer *lx, const char *s, size_t n, int *col_r, char *err,
    size_t err_room)
{
	struct scan sc = {
		.lx = lx, .s = s, .n = n, .err = err, .err_room = err_room
	};
	const char *nul = n ? memchr(s, '\0', n) : NULL;
	int r;

	lx->ln.count = 0;
	lx->ln.end_col = 1;
	lx->text_bytes = 0;
	if (nul)
		return fail(
		    &sc, (size_t)(nul - s), col_r, "the line holds a NUL byte");
	if (n > INT_MAX - 2)
		return fail(&sc, 0, col_r, "the line is too long");
	r = scan_line(&sc, col_r);
	if (r) {
		lx->ln.count = 0;
		return r;
	}
	for (int i = 0; i < lx->ln.count; i++)
		lx->ln.word[i].s = lx->text + sc.start[i];
	return 0;
}

void
lexer_done(struct lexer *lx)
{
	free(lx->text);
	lx->text = NULL;
	lx->text_bytes = lx->text_room = 0;
	lx->ln.count = 0;
}
