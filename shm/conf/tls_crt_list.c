/* SPDX-License-Identifier: MIT */
/*
 * crt-list files, a certificate a line:
 *
 *	<file> [ '[' <option>... ']' ] [ [!]<name>... ]
 *
 * Names (with *.example.com for any first label) are what SNI must say, those
 * of the certificate by default; !name takes one out.  A line whose name is
 * '*' is the default.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/section.h"
#include "shm/conf/tls_conf_int.h"

/* What one line says. */
struct list_line {
	struct conf_line ln; /* its words; brackets are words of their own */
	struct tls_opts opts;
	bool has_opts;
	int first_name; /* index of its word */
	struct tls_names *names, *not_for;
	bool is_default;
};

static int
add_word(struct conf_parse *cp, struct conf_line *ln, char *s, int col)
{
	if (ln->count == CONF_WORDS_MAX)
		return conf_error(
		    cp, 0, "more than %d words on a line", CONF_WORDS_MAX);
	ln->word[ln->count++] = (struct conf_word){ .s = s, .col = col };
	return 0;
}

/*
 * Split text in place.  A bracket that opens or closes a word is moved out of
 * it: "[" and "]" become words by themselves.
 */
static int
split(struct conf_parse *cp, struct conf_line *ln, char *text)
{
	static char open[] = "[", close[] = "]";
	char *p = text;

	ln->count = 0;
	for (;;) {
		char *end;
		size_t n;
		int col, r = 0;
		bool closes;

		while (isspace((unsigned char)*p))
			p++;
		if (!*p || *p == '#')
			break;
		col = (int)(p - text) + 1;
		if (*p == '[' && ln->count > 0) {
			r = add_word(cp, ln, open, col);
			p++;
			if (r)
				return r;
			continue;
		}
		n = strcspn(p, " \t\r\n");
		end = p + n + (p[n] != '\0');
		p[n] = '\0';
		closes = n > 0 && p[n - 1] == ']' && ln->count > 0;
		if (closes)
			p[--n] = '\0';
		if (n > 0)
			r = add_word(cp, ln, p, col);
		if (r == 0 && closes)
			r = add_word(cp, ln, close, col + (int)n);
		if (r)
			return r;
		p = end;
	}
	ln->end_col = (int)(p - text) + 1;
	return 0;
}

static int
unknown_option(struct conf_parse *cp, int i)
{
	static const char *const known[] = { "alpn", "no-alpn", "ca-file",
		"verify", "ciphers", "ciphersuites", "curves", "ssl-min-ver",
		"ssl-max-ver" };
	const char *near = conf_nearest(
	    conf_word(cp, i), known, sizeof(known) / sizeof(*known));

	return conf_error(cp, i,
	    "'%s' is not an option of a crt-list line that wsbroker "
	    "supports%s%s%s",
	    conf_word(cp, i), near ? "; did you mean '" : "", near ? near : "",
	    near ? "'?" : "");
}

/* "[ option... ]" from word 1 on. */
static int
parse_options(struct conf_parse *cp, struct list_line *l)
{
	int i = 1;

	l->first_name = 1;
	if (strcmp(conf_word(cp, 1), "[") != 0)
		return 0;
	for (i = 2; strcmp(conf_word(cp, i), "]") != 0;) {
		int r;

		if (i >= l->ln.count)
			return conf_error(cp, i, "'[' without ']'");
		r = strcmp(conf_word(cp, i), "no-tls-tickets") == 0
		    ? 0
		    : tls_opts_parse(cp, i, &l->opts, false);
		if (r < 0)
			return r;
		if (r == 0)
			return unknown_option(cp, i);
		l->has_opts = true;
		i += r;
	}
	l->first_name = i + 1;
	return 0;
}

static void
add_name(struct tls_names **list, const char *s)
{
	struct tls_names *n = mem_alloc(sizeof(*n));

	n->s = mem_strdup(s);
	for (char *p = n->s; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	n->next = *list;
	*list = n;
}

static int
parse_names(struct conf_parse *cp, struct list_line *l)
{
	for (int i = l->first_name; i < l->ln.count; i++) {
		const char *s = conf_word(cp, i);
		bool is_not = *s == '!';

		s += is_not;
		if (!*s || strchr(*s == '*' ? s + 1 : s, '*') ||
		    (*s == '*' && s[1] && s[1] != '.') || strchr("[]", *s))
			return conf_error(cp, i,
			    "'%s' is not a name for SNI; expected "
			    "'www.example.com', '*.example.com' or, to take "
			    "one out, '!www.example.com'",
			    conf_word(cp, i));
		if (strcmp(s, "*") == 0 && !is_not)
			l->is_default = true;
		add_name(is_not ? &l->not_for : &l->names, s);
	}
	return 0;
}

static void
fill_entry(struct tls_entry *e, const struct list_line *l, const struct bind *b)
{
	tls_opts_copy(&e->opts, &l->opts);
	tls_opts_default(&e->opts, &b->tls.opts);
	for (const struct tls_names *n = l->names; n; n = n->next)
		add_name(&e->names, n->s);
	for (const struct tls_names *n = l->not_for; n; n = n->next)
		add_name(&e->not_for, n->s);
	e->is_own = l->has_opts;
	e->is_default = l->is_default;
}

static int
parse_line(struct conf_parse *cp, struct tls_front *f, const struct bind *b,
    struct list_line *l)
{
	struct tls_word at = {
		.file = l->ln.file, .line = l->ln.line, .col = l->ln.word[0].col
	};
	bool verifies = b->tls.opts.verify != TLS_VERIFY_NONE;
	struct tls_entry *e = NULL;
	char *path;
	int r;

	if (parse_options(cp, l) || parse_names(cp, l))
		return -WSE_SYNTAX;
	if (l->opts.verify_set)
		verifies = l->opts.verify != TLS_VERIFY_NONE;
	if (verifies && !l->opts.ca_file.s && !b->tls.opts.ca_file.s)
		return conf_error(cp, 0,
		    "'verify' without a 'ca-file' that says whose "
		    "certificates are good");
	if (cp->offline)
		return 0;
	path = tls_word_path(cp->conf->global.crt_base, conf_word(cp, 0));
	r = tls_front_load(cp, f, path, &at, &e);
	free(path);
	for (; e; e = e->next)
		fill_entry(e, l, b);
	return r;
}

static void
line_done(struct list_line *l)
{
	tls_opts_done(&l->opts);
	tls_names_free(&l->names);
	tls_names_free(&l->not_for);
	l->opts = (struct tls_opts){ 0 };
	l->has_opts = l->is_default = false;
}

int
tls_crt_list_parse(struct conf_parse *cp, struct tls_front *f,
    const struct bind *b, const char *path, FILE *in)
{
	const struct conf_line *before = cp->ln;
	struct list_line *l = mem_alloc(sizeof(*l));
	char *text = NULL;
	size_t room = 0;
	int r = 0;

	l->ln.file = section_file_name(cp->conf, path);
	cp->ln = &l->ln;
	while (getline(&text, &room, in) > 0) {
		l->ln.line++;
		/* Tell of every bad line. */
		if (split(cp, &l->ln, text) ||
		    (l->ln.count && parse_line(cp, f, b, l)))
			r = -WSE_SYNTAX;
		line_done(l);
	}
	cp->ln = before;
	free(text);
	free(l);
	return r;
}

int
tls_crt_list_read(struct conf_parse *cp, struct tls_front *f,
    const struct bind *b, const struct tls_word *at)
{
	char *path = tls_word_path(cp->conf->global.crt_base, at->s);
	FILE *in = fopen(path, "re");
	int r;

	if (in) {
		r = tls_crt_list_parse(cp, f, b, path, in);
		fclose(in);
	} else {
		r = tls_error(cp, at, "'crt-list': cannot read '%s': %s", path,
		    strerror(errno));
	}
	free(path);
	return r;
}
