/* SPDX-License-Identifier: MIT */
/*
 * What keyword parsers get: one logical line, split into words, and a way to
 * say what is wrong with which word.  Parsing goes on after an error, so that
 * -c reports every bad line in one run.
 */
#ifndef SHM_CONF_PARSE_H
#define SHM_CONF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "shm/base/err.h"

struct conf;
struct proxy;

enum { CONF_WORDS_MAX = 256 };

struct conf_word {
	char *s;     /* NUL-terminated, quotes and escapes resolved */
	int col;     /* 1-based column where it began in the file */
	bool quoted; /* some part was quoted: never taken for a keyword */
};

struct conf_line {
	const char *file; /* as given to -f */
	int line;         /* 1-based */
	int count;
	int end_col; /* column behind the last word */
	struct conf_word word[CONF_WORDS_MAX];
};

struct conf_parse {
	struct conf *conf;          /* what is being filled */
	struct proxy *px;           /* section at hand, NULL in global */
	const struct conf_line *ln; /* line at hand */
	bool negated;               /* the line began with "no" */
	int error_count;
	int warning_count;
	bool quiet;   /* collect counts only */
	bool offline; /* resolve no names, open no other file */
	FILE *out;    /* messages go here, NULL: stderr */
};

/*
 * Report about word i of the line at hand (i >= count: the end of the line)
 * as "[ALERT]    (pid) : config : parsing [file:line] : col N: ...".
 * conf_error() returns -WSE_SYNTAX for convenience.
 */
int conf_error(struct conf_parse *cp, int i, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void
conf_warn(struct conf_parse *cp, int i, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* About no line in particular (after the last one). */
int conf_error_at(struct conf_parse *cp, const char *file, int line,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void conf_warn_at(struct conf_parse *cp, const char *file, int line,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* About a column of a line that is not at hand; 0: the line. */
int conf_error_col(struct conf_parse *cp, const char *file, int line, int col,
    const char *fmt, ...) PRINTF_LIKE(5, 6);
void conf_warn_col(struct conf_parse *cp, const char *file, int line, int col,
    const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Word i of the line at hand, "" behind its end. */
const char *conf_word(const struct conf_parse *cp, int i);
/* Nearest of the n names to `word` by edit distance, or NULL. */
const char *conf_nearest(const char *word, const char *const *names, int n);

/* Word i as a number, a time, a size; errors are reported. */
MUST_USE int
conf_arg_int(struct conf_parse *cp, int i, long min, long max, int *v_r);
MUST_USE int conf_arg_ms(struct conf_parse *cp, int i, unsigned *ms_r);
MUST_USE int conf_arg_size(struct conf_parse *cp, int i, unsigned long long max,
    unsigned long long *bytes_r);
/* Reports when word i (needed: `what`) is missing or words follow word n-1. */
MUST_USE int conf_need(struct conf_parse *cp, int i, const char *what);
int conf_no_more(struct conf_parse *cp, int n);

/* Numbers with units: "10s", "500ms", "1m", "2h", "1d", "10us"; plain = ms. */
MUST_USE int conf_time_ms(const char *s, unsigned unit_ms, unsigned *ms_r);
/* "64k", "1m", "1g". */
MUST_USE int conf_size(const char *s, unsigned long long *bytes_r);

#endif
