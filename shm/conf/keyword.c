/* SPDX-License-Identifier: MIT */
/*
 * Finding keywords in the tables, and saying what an unknown one may be.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/conf/keyword.h"
#include "shm/conf/rule.h"

/* More names than any one place has. */
enum { NAMES_MAX = 256 };

static const struct keyword *const tables[] = {
	global_tbl,
	global_life_tbl,
	global_tune_tbl,
	global_tls_tbl,
	proxy_kw_tbl,
	timeout_tbl,
	stats_tbl,
	option_tbl,
	check_tbl,
	balance_tbl,
	retry_tbl,
	cookie_tbl,
	errorfile_tbl,
	logging_tbl,
	rules_kw_tbl,
	bind_tbl,
	server_kw_tbl,
	NULL,
};

enum { BIND_TABLES = 2, SERVER_TABLES = 3 };

static const struct bind_keyword *const bind_tables[BIND_TABLES] = {
	bind_opt_tbl, bind_tls_tbl
};
static const struct server_keyword *const server_tables[SERVER_TABLES] = {
	server_opt_tbl, server_check_tbl, server_tls_tbl
};

const struct keyword *
keyword_table(int i)
{
	return tables[i];
}

/* Words of the line that name covers: 1 or 2, or 0 when it is another. */
static int
name_match(const char *name, const struct conf_line *ln)
{
	size_t n = strlen(ln->word[0].s);

	if (strncmp(name, ln->word[0].s, n) != 0)
		return 0;
	if (name[n] == '\0')
		return 1;
	return name[n] == ' ' && ln->count > 1 &&
		strcmp(name + n + 1, ln->word[1].s) == 0
	    ? 2
	    : 0;
}

const struct keyword *
keyword_find(const struct conf_line *ln, unsigned where)
{
	const struct keyword *found = NULL;
	bool is_proxy = where & KW_ALL;
	int best = 0;

	for (int i = 0; tables[i]; i++) {
		for (const struct keyword *kw = tables[i]; kw->name; kw++) {
			int n = 4 * name_match(kw->name, ln);

			if (n && (kw->where & where & KW_WHERE))
				n += 2;
			else if (n && is_proxy && (kw->where & KW_PROXY))
				n++;
			if (n > best) {
				best = n;
				found = kw;
			}
		}
	}
	return found;
}

const struct bind_keyword *
keyword_find_bind(const char *word)
{
	for (int i = 0; i < BIND_TABLES; i++)
		for (const struct bind_keyword *b = bind_tables[i]; b->name;
		     b++)
			if (strcmp(b->name, word) == 0)
				return b;
	return NULL;
}

const struct server_keyword *
keyword_find_server(const char *word)
{
	for (int i = 0; i < SERVER_TABLES; i++)
		for (const struct server_keyword *s = server_tables[i]; s->name;
		     s++)
			if (strcmp(s->name, word) == 0)
				return s;
	return NULL;
}

/* True if some keyword of two words begins with this one. */
static bool
is_first_of_two(const char *word)
{
	size_t n = strlen(word);

	for (int i = 0; tables[i]; i++)
		for (const struct keyword *kw = tables[i]; kw->name; kw++)
			if (strncmp(kw->name, word, n) == 0 &&
			    kw->name[n] == ' ')
				return true;
	return false;
}

static const char *
nearest(const char *text, unsigned where)
{
	const char *names[NAMES_MAX];
	int n = 0;

	for (int i = 0; tables[i]; i++)
		for (const struct keyword *kw = tables[i]; kw->name; kw++)
			if ((kw->where & where & KW_WHERE) && n < NAMES_MAX)
				names[n++] = kw->name;
	return conf_nearest(text, names, n);
}

int
keyword_unknown(struct conf_parse *cp, unsigned where, const char *section)
{
	const char *first = conf_word(cp, 0), *second = conf_word(cp, 1);
	const char *near, *name, *hint;
	char text[128];

	hint = unsupported_find(where, first, second, &name);
	if (hint)
		return conf_error(cp, 0,
		    "'%s' is not supported by this "
		    "version of wsbroker; instead %s",
		    name, hint);
	snprintf(text, sizeof(text), "%s", first);
	near = nearest(text, where);
	if (*second && (!near || is_first_of_two(first))) {
		/* "timeout clent", "optoin httplog" */
		snprintf(text, sizeof(text), "%s %s", first, second);
		near = nearest(text, where);
	}
	if (!near && !is_first_of_two(first))
		snprintf(text, sizeof(text), "%s", first);
	if (near)
		return conf_error(cp, 0,
		    "unknown keyword '%s' in '%s' section; did you mean '%s'?",
		    text, section, near);
	return conf_error(
	    cp, 0, "unknown keyword '%s' in '%s' section", text, section);
}

static int
option_names(unsigned where, const char **names)
{
	int n = 0;

	for (int i = 0; where == KW_BIND && i < BIND_TABLES; i++)
		for (const struct bind_keyword *b = bind_tables[i];
		     b->name && n < NAMES_MAX; b++)
			names[n++] = b->name;
	for (int i = 0; where != KW_BIND && i < SERVER_TABLES; i++)
		for (const struct server_keyword *s = server_tables[i];
		     s->name && n < NAMES_MAX; s++)
			names[n++] = s->name;
	return n;
}

int
keyword_unknown_option(struct conf_parse *cp, int i, unsigned where)
{
	const char *line = conf_word(cp, 0), *word = conf_word(cp, i);
	const char *names[NAMES_MAX], *name, *near;
	const char *hint = unsupported_find(where, word, NULL, &name);

	if (hint)
		return conf_error(cp, i,
		    "'%s' on a '%s' line is not supported "
		    "by this version of wsbroker; instead %s",
		    word, line, hint);
	near = conf_nearest(word, names, option_names(where, names));
	if (near)
		return conf_error(cp, i,
		    "unknown keyword '%s' on a '%s' line; did you mean '%s'?",
		    word, line, near);
	return conf_error(
	    cp, i, "unknown keyword '%s' on a '%s' line", word, line);
}

static void
dump_where(FILE *out, unsigned where)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = { { KW_GLOBAL, "global" }, { KW_DEFAULTS, "defaults" },
		{ KW_FRONTEND, "frontend" }, { KW_BACKEND, "backend" } };
	const char *comma = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!(where & names[i].bit))
			continue;
		fprintf(out, "%s%s", comma, names[i].name);
		comma = ",";
	}
}

void
conf_dump_keywords(FILE *out)
{
	for (int i = 0; tables[i]; i++) {
		for (const struct keyword *kw = tables[i]; kw->name; kw++) {
			dump_where(out, kw->where);
			fprintf(out, "\t%s\t%s\t%s\n", kw->name, kw->syntax,
			    kw->doc);
		}
	}
	for (int i = 0; i < BIND_TABLES; i++)
		for (const struct bind_keyword *b = bind_tables[i]; b->name;
		     b++)
			fprintf(out, "bind\t%s\t%s\t%s\n", b->name, b->syntax,
			    b->doc);
	for (int i = 0; i < SERVER_TABLES; i++)
		for (const struct server_keyword *s = server_tables[i]; s->name;
		     s++)
			fprintf(out, "server\t%s\t%s\t%s\n", s->name, s->syntax,
			    s->doc);
	rule_dump_keywords(out);
}
