/* SPDX-License-Identifier: MIT */
/*
 * Messages about the configuration, and the values all keywords share:
 * numbers, times, sizes, names that are nearly right.  Run by the master (and
 * by tests); nothing here is on a data path.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/base/mem.h"
#include "shm/conf/conf.h"
#include "shm/conf/parse.h"
#include "shm/conf/section.h"

/* Longest name conf_nearest() compares. */
enum { NAME_MAX_CHARS = 64 };

static void
say(struct conf_parse *cp, const char *level, const char *file, int line,
    int col, const char *fmt, va_list ap)
{
	FILE *out = cp->out ? cp->out : stderr;

	if (cp->quiet)
		return;
	fprintf(out, "%-10s (%d) : config : ", level, (int)getpid());
	if (file)
		fprintf(out, "parsing [%s:%d] : ", file, line);
	if (col)
		fprintf(out, "col %d: ", col);
	vfprintf(out, fmt, ap);
	fputc('\n', out);
}

static int
word_col(const struct conf_line *ln, int i)
{
	if (!ln)
		return 0;
	return i >= 0 && i < ln->count ? ln->word[i].col : ln->end_col;
}

int
conf_error(struct conf_parse *cp, int i, const char *fmt, ...)
{
	const struct conf_line *ln = cp->ln;
	va_list ap;

	cp->error_count++;
	va_start(ap, fmt);
	say(cp, "[ALERT]", ln ? ln->file : NULL, ln ? ln->line : 0,
	    word_col(ln, i), fmt, ap);
	va_end(ap);
	return -WSE_SYNTAX;
}

void
conf_warn(struct conf_parse *cp, int i, const char *fmt, ...)
{
	const struct conf_line *ln = cp->ln;
	va_list ap;

	/* A line of a defaults section was warned about when it was read. */
	if (section_is_replay(cp))
		return;
	cp->warning_count++;
	va_start(ap, fmt);
	say(cp, "[WARNING]", ln ? ln->file : NULL, ln ? ln->line : 0,
	    word_col(ln, i), fmt, ap);
	va_end(ap);
}

int
conf_error_at(
    struct conf_parse *cp, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	cp->error_count++;
	va_start(ap, fmt);
	say(cp, "[ALERT]", file, line, 0, fmt, ap);
	va_end(ap);
	return -WSE_SYNTAX;
}

void
conf_warn_at(
    struct conf_parse *cp, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	cp->warning_count++;
	va_start(ap, fmt);
	say(cp, "[WARNING]", file, line, 0, fmt, ap);
	va_end(ap);
}

int
conf_error_col(struct conf_parse *cp, const char *file, int line, int col,
    const char *fmt, ...)
{
	va_list ap;

	cp->error_count++;
	va_start(ap, fmt);
	say(cp, "[ALERT]", file, line, col, fmt, ap);
	va_end(ap);
	return -WSE_SYNTAX;
}

void
conf_warn_col(struct conf_parse *cp, const char *file, int line, int col,
    const char *fmt, ...)
{
	va_list ap;

	cp->warning_count++;
	va_start(ap, fmt);
	say(cp, "[WARNING]", file, line, col, fmt, ap);
	va_end(ap);
}

const char *
conf_word(const struct conf_parse *cp, int i)
{
	return i >= 0 && i < cp->ln->count ? cp->ln->word[i].s : "";
}

static int
min3(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap neighbours) from a to b. */
static int
edit_distance(const char *a, const char *b)
{
	int row[3][NAME_MAX_CHARS + 1];
	int na = (int)strlen(a), nb = (int)strlen(b);

	if (na > NAME_MAX_CHARS || nb > NAME_MAX_CHARS)
		return INT_MAX;
	for (int j = 0; j <= nb; j++)
		row[0][j] = j;
	for (int i = 1; i <= na; i++) {
		int *cur = row[i % 3], *up = row[(i + 2) % 3];
		const int *up2 = row[(i + 1) % 3];

		cur[0] = i;
		for (int j = 1; j <= nb; j++) {
			int same = a[i - 1] == b[j - 1];

			cur[j] =
			    min3(up[j] + 1, cur[j - 1] + 1, up[j - 1] + !same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < cur[j])
				cur[j] = up2[j - 2] + 1;
		}
	}
	return row[na % 3][nb];
}

const char *
conf_nearest(const char *word, const char *const *names, int n)
{
	const char *best = NULL;
	int len = (int)strlen(word), best_edits = len / 3 + 1;

	if (!*word)
		return NULL;
	for (int i = 0; i < n; i++) {
		int d;

		/* The difference in length needs as many edits. */
		if (abs((int)strlen(names[i]) - len) > best_edits)
			continue;
		d = edit_distance(word, names[i]);
		if (d < best_edits || (!best && d == best_edits)) {
			best = names[i];
			best_edits = d;
		}
	}
	return best;
}

/* Decimal digits from *s on; moves *s behind them. */
static int
digits(const char **s, unsigned long long *v_r)
{
	unsigned long long v = 0;
	const char *p = *s;

	if (!isdigit((unsigned char)*p))
		return -WSE_SYNTAX;
	for (; isdigit((unsigned char)*p); p++) {
		unsigned d = (unsigned)(*p - '0');

		if (v > (ULLONG_MAX - d) / 10)
			return -WSE_RANGE;
		v = v * 10 + d;
	}
	*s = p;
	*v_r = v;
	return 0;
}

int
conf_time_ms(const char *s, unsigned unit_ms, unsigned *ms_r)
{
	static const struct {
		const char *name;
		unsigned long long us;
	} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 },
		{ "m", 60000000 }, { "h", 3600000000ULL },
		{ "d", 86400000000ULL } };
	unsigned long long v, unit_us = unit_ms * 1000ULL;
	int r = digits(&s, &v);

	if (r)
		return r;
	if (*s) {
		unit_us = 0;
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (strcmp(s, units[i].name) == 0)
				unit_us = units[i].us;
		if (!unit_us)
			return -WSE_SYNTAX;
	}
	if (v > ULLONG_MAX / unit_us)
		return -WSE_RANGE;
	v *= unit_us;
	v = v / 1000 + (v % 1000 != 0); /* never round a limit to none */
	if (v > INT_MAX)
		return -WSE_RANGE;
	*ms_r = (unsigned)v;
	return 0;
}

int
conf_size(const char *s, unsigned long long *bytes_r)
{
	unsigned long long v;
	int shift = 0, r = digits(&s, &v);

	if (r)
		return r;
	switch (*s) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	case '\0':
		break;
	default:
		return -WSE_SYNTAX;
	}
	if (*s && s[1])
		return -WSE_SYNTAX;
	if (shift && v > ULLONG_MAX >> shift)
		return -WSE_RANGE;
	*bytes_r = v << shift;
	return 0;
}

int
conf_need(struct conf_parse *cp, int i, const char *what)
{
	if (i < cp->ln->count)
		return 0;
	return conf_error(cp, i, "'%s' expects %s", cp->ln->word[0].s, what);
}

int
conf_no_more(struct conf_parse *cp, int n)
{
	if (n >= cp->ln->count)
		return 0;
	return conf_error(cp, n, "'%s' cannot handle unexpected argument '%s'",
	    cp->ln->word[0].s, cp->ln->word[n].s);
}

int
conf_arg_int(struct conf_parse *cp, int i, long min, long max, int *v_r)
{
	const char *s = conf_word(cp, i);
	char *end;
	long v;

	if (conf_need(cp, i, "a number"))
		return -WSE_SYNTAX;
	errno = 0;
	v = strtol(s, &end, 10);
	if (end == s || *end || isspace((unsigned char)*s))
		return conf_error(cp, i, "'%s' is not a number", s);
	if (errno || v < min || v > max)
		return conf_error(cp, i,
		    "'%s' is out of range, expected %ld to %ld", s, min, max);
	*v_r = (int)v;
	return 0;
}

int
conf_arg_ms(struct conf_parse *cp, int i, unsigned *ms_r)
{
	const char *s = conf_word(cp, i);
	int r;

	if (conf_need(cp, i,
		"a time (a number in milliseconds, or with a unit: "
		"us, ms, s, m, h, d)"))
		return -WSE_SYNTAX;
	r = conf_time_ms(s, 1, ms_r);
	if (r == -WSE_RANGE)
		return conf_error(cp, i,
		    "timer overflow in argument '%s', at most 24 days", s);
	if (r)
		return conf_error(cp, i,
		    "'%s' is not a time: expected a number in milliseconds, or "
		    "with a unit: us, ms, s, m, h, d",
		    s);
	return 0;
}

int
conf_arg_size(struct conf_parse *cp, int i, unsigned long long max,
    unsigned long long *bytes_r)
{
	const char *s = conf_word(cp, i);
	int r;

	if (conf_need(cp, i, "a size in bytes, or with a unit: k, m, g"))
		return -WSE_SYNTAX;
	r = conf_size(s, bytes_r);
	if (r == -WSE_RANGE || (r == 0 && *bytes_r > max))
		return conf_error(
		    cp, i, "'%s' is out of range, at most %llu", s, max);
	if (r)
		return conf_error(cp, i,
		    "'%s' is not a size: expected bytes, or a unit: k, m, g",
		    s);
	return 0;
}
