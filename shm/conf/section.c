/* SPDX-License-Identifier: MIT */
/*
 * Sections: what a line means where it stands.  See section.h.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/section.h"

/* Longest chain of "defaults A from B". */
enum { FROM_DEPTH_MAX = 16 };

static const struct {
	const char *name;
	unsigned where; /* KW_* */
	unsigned cap;   /* PX_* */
} sections[] = {
	{ "global", KW_GLOBAL, 0 },
	{ "defaults", KW_DEFAULTS, PX_DEFAULTS },
	{ "frontend", KW_FRONTEND, PX_FRONTEND },
	{ "backend", KW_BACKEND, PX_BACKEND },
	{ "listen", KW_FRONTEND | KW_BACKEND, PX_FRONTEND | PX_BACKEND },
};

enum { SECTIONS_N = sizeof(sections) / sizeof(*sections) };

/* --- kept lines --- */

static struct conf_line *
line_dup(const struct conf_line *ln)
{
	size_t head = offsetof(struct conf_line, word) +
	    (size_t)ln->count * sizeof(ln->word[0]);
	size_t bytes = head;
	struct conf_line *copy;
	char *text;

	for (int i = 0; i < ln->count; i++)
		bytes += strlen(ln->word[i].s) + 1;
	if (bytes < sizeof(*copy))
		bytes = sizeof(*copy);
	copy = mem_alloc(bytes);
	memcpy(copy, ln, head);
	text = (char *)copy + head;
	for (int i = 0; i < ln->count; i++) {
		size_t n = strlen(ln->word[i].s) + 1;

		memcpy(text, ln->word[i].s, n);
		copy->word[i].s = text;
		text += n;
	}
	return copy;
}

static void
keep(struct section_line ***tail, const struct conf_parse *cp)
{
	struct section_line *l = mem_alloc(sizeof(*l));

	l->ln = line_dup(cp->ln);
	l->negated = cp->negated;
	**tail = l;
	*tail = &l->next;
}

static void
lines_free(struct section_line **lines)
{
	while (*lines) {
		struct section_line *l = *lines;

		*lines = l->next;
		free(l->ln);
		free(l);
	}
}

struct conf_state *
section_state_new(void)
{
	struct conf_state *st = mem_alloc(sizeof(*st));

	st->server_tail = &st->server_lines;
	return st;
}

void
section_state_trim(struct conf_state *st)
{
	lines_free(&st->server_lines);
	st->server_tail = &st->server_lines;
	while (st->defaults) {
		struct section_defaults *d = st->defaults;

		st->defaults = d->next;
		proxy_free(&d->px);
		lines_free(&d->lines);
		free(d);
	}
	st->where = 0;
}

void
section_state_free(struct conf_state **stp)
{
	struct conf_state *st = *stp;

	if (!st)
		return;
	*stp = NULL;
	section_state_trim(st);
	index_done(&st->names);
	while (st->files) {
		struct section_file *f = st->files;

		st->files = f->next;
		free(f);
	}
	free(st);
}

const char *
section_file_name(struct conf *c, const char *name)
{
	struct section_file *f = mem_alloc(sizeof(*f) + strlen(name) + 1);

	memcpy(f->name, name, strlen(name) + 1);
	f->next = c->state->files;
	c->state->files = f;
	return f->name;
}

bool
section_is_replay(const struct conf_parse *cp)
{
	return cp->conf && cp->conf->state && cp->conf->state->replay;
}

void
section_keep_default_server(struct conf_parse *cp)
{
	keep(&cp->conf->state->server_tail, cp);
}

void
section_each_default_server(struct conf_parse *cp,
    void (*fn)(struct conf_parse *cp, struct server *s), struct server *s)
{
	struct conf_state *st = cp->conf->state;
	const struct conf_line *ln = cp->ln;
	bool replay = st->replay;

	st->replay = true;
	for (struct section_line *l = st->server_lines; l; l = l->next) {
		cp->ln = l->ln;
		fn(cp, s);
	}
	st->replay = replay;
	cp->ln = ln;
}

/* --- keywords --- */

/* A keyword that exists, but not for this kind of section. */
static int
misplaced(struct conf_parse *cp, const struct keyword *kw)
{
	const struct conf_state *st = cp->conf->state;

	if (st->where == KW_DEFAULTS && (kw->where & KW_PROXY))
		return conf_error(
		    cp, 0, "'%s' not allowed in 'defaults' section", kw->name);
	if ((st->where & KW_PROXY) && (kw->where & KW_PROXY)) {
		const char *cap =
		    kw->where & KW_FRONTEND ? "frontend" : "backend";

		if (kw->where & KW_STRICT)
			return conf_error(cp, 0,
			    "'%s' not allowed because %s '%s' has no %s "
			    "capability",
			    kw->name, st->name, cp->px->name, cap);
		conf_warn(cp, 0,
		    "'%s' ignored because %s '%s' has no %s capability",
		    kw->name, st->name, cp->px->name, cap);
		return 0;
	}
	return conf_error(cp, 0,
	    "unknown keyword '%s' in '%s' section; it belongs in %s", kw->name,
	    st->name,
	    kw->where & KW_GLOBAL                       ? "the 'global' section"
		: (kw->where & KW_PROXY) == KW_FRONTEND ? "a frontend"
		: (kw->where & KW_PROXY) == KW_BACKEND  ? "a backend"
							: "a proxy section");
}

static int
parse_keyword(struct conf_parse *cp)
{
	const struct conf_state *st = cp->conf->state;
	const struct keyword *kw = keyword_find(cp->ln, st->where);

	if (!kw)
		return keyword_unknown(cp, st->where, st->name);
	if (!(kw->where & st->where))
		return st->replay ? 0 : misplaced(cp, kw);
	if (cp->negated && !(kw->where & KW_NO))
		return conf_error(
		    cp, 0, "'no' cannot stand before '%s'", kw->name);
	if ((kw->where & KW_NAMED) && st->where == KW_DEFAULTS &&
	    !*cp->px->name)
		return conf_error(cp, 0,
		    "'%s' not allowed in anonymous 'defaults' section; give "
		    "the section a name",
		    kw->name);
	return kw->parse(cp, kw);
}

/* --- section headers --- */

/* Parse the lines of d and of what it inherits from for cp->px. */
static void
inherit(struct conf_parse *cp, const struct section_defaults *d)
{
	struct conf_state *st = cp->conf->state;
	const struct conf_line *ln = cp->ln;
	const struct section_defaults *chain[FROM_DEPTH_MAX + 1];
	int n = 0;

	for (; d && n <= FROM_DEPTH_MAX; d = d->from)
		chain[n++] = d;
	st->replay = true;
	while (n-- > 0) {
		for (struct section_line *l = chain[n]->lines; l; l = l->next) {
			cp->ln = l->ln;
			cp->negated = l->negated;
			if (parse_keyword(cp))
				continue; /* was reported */
		}
	}
	st->replay = false;
	cp->negated = false;
	cp->ln = ln;
}

static int
check_name(struct conf_parse *cp, int i)
{
	const char *s = conf_word(cp, i);

	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.:", *p))
			return conf_error(cp, i,
			    "character '%c' is not permitted in '%s' name '%s'",
			    isprint((unsigned char)*p) ? *p : '?',
			    cp->ln->word[0].s, s);
	return 0;
}

/* The defaults section named by word i, or NULL after an error. */
static const struct section_defaults *
find_from(struct conf_parse *cp, int i)
{
	const struct section_defaults *found = NULL;
	const char *name = conf_word(cp, i);

	if (i >= cp->ln->count || !*name) {
		conf_error(
		    cp, i, "'from' expects the name of a defaults section");
		return NULL;
	}
	for (const struct section_defaults *d = cp->conf->state->defaults; d;
	     d = d->next) {
		if (strcmp(d->px->name, name) != 0)
			continue;
		if (found) {
			conf_error(cp, i,
			    "defaults section '%s' is declared "
			    "twice, at lines %d and %d; give them different "
			    "names",
			    name, d->px->line, found->px->line);
			return NULL;
		}
		found = d;
	}
	if (!found)
		conf_error(cp, i, "defaults section '%s' not found", name);
	return found;
}

/* "NAME [from D]" or, for defaults, "[NAME] [from D]". */
static void
parse_header(struct conf_parse *cp, bool need_name, const char **name_r,
    const struct section_defaults **from_r, bool *has_from_r)
{
	int i = 1;

	*name_r = "";
	*has_from_r = false;
	if (i < cp->ln->count && strcmp(conf_word(cp, i), "from") != 0) {
		if (check_name(cp, i) == 0)
			*name_r = conf_word(cp, i);
		i++;
	} else if (need_name) {
		conf_error(cp, i, "'%s' expects a name", conf_word(cp, 0));
	}
	if (i < cp->ln->count && strcmp(conf_word(cp, i), "from") == 0) {
		*has_from_r = true;
		*from_r = find_from(cp, i + 1);
		i += 2;
	}
	conf_no_more(cp, i);
}

static void
begin_defaults(struct conf_parse *cp)
{
	struct conf_state *st = cp->conf->state;
	struct section_defaults *d;
	const struct section_defaults *from = NULL;
	const char *name;
	bool has_from;

	parse_header(cp, false, &name, &from, &has_from);
	if (from && from->depth >= FROM_DEPTH_MAX) {
		conf_error(cp, 0, "more than %d defaults sections in a chain",
		    FROM_DEPTH_MAX);
		from = NULL;
	}
	d = mem_alloc(sizeof(*d));
	d->tail = &d->lines;
	d->from = from;
	d->depth = from ? from->depth + 1 : 0;
	d->px = proxy_new(name, PX_DEFAULTS, cp->ln->file, cp->ln->line);
	d->next = st->defaults;
	st->defaults = d;
	cp->px = d->px;
	inherit(cp, from);
}

static void
begin_proxy(struct conf_parse *cp, unsigned cap)
{
	const struct section_defaults *from = cp->conf->state->defaults;
	struct conf_state *st = cp->conf->state;
	const char *name;
	bool has_from;

	parse_header(cp, true, &name, &from, &has_from);
	cp->px = proxy_new(name, cap, cp->ln->file, cp->ln->line);
	if (!st->proxy_tail)
		st->proxy_tail = &cp->conf->proxies;
	*st->proxy_tail = cp->px;
	st->proxy_tail = &cp->px->next;
	st->server_list_tail = &cp->px->servers;
	inherit(cp, from);
}

/* True if the line begins a section. */
static bool
begin_section(struct conf_parse *cp)
{
	struct conf_state *st = cp->conf->state;
	const char *word = cp->ln->word[0].s, *hint, *name;

	for (int i = 0; i < SECTIONS_N; i++) {
		if (strcmp(word, sections[i].name) != 0)
			continue;
		section_reset(cp);
		st->where = sections[i].where;
		st->name = sections[i].name;
		if (st->where == KW_DEFAULTS)
			begin_defaults(cp);
		else if (st->where != KW_GLOBAL)
			begin_proxy(cp, sections[i].cap);
		else
			conf_no_more(cp, 1);
		return true;
	}
	hint = unsupported_find(KW_SECTION, word, NULL, &name);
	if (!hint)
		return false;
	section_reset(cp);
	st->where = KW_SECTION;
	st->name = name;
	conf_error(cp, 0,
	    "section '%s' is not supported by this "
	    "version of wsbroker; instead %s",
	    word, hint);
	return true;
}

void
section_reset(struct conf_parse *cp)
{
	struct conf_state *st = cp->conf->state;

	cp->px = NULL;
	st->where = 0;
	st->name = NULL;
	lines_free(&st->server_lines);
	st->server_tail = &st->server_lines;
}

static const char *
unknown_section(const char *word)
{
	const char *names[SECTIONS_N];

	for (int i = 0; i < SECTIONS_N; i++)
		names[i] = sections[i].name;
	return conf_nearest(word, names, SECTIONS_N);
}

static void
out_of_section(struct conf_parse *cp)
{
	const char *word = cp->ln->word[0].s, *near = unknown_section(word);

	if (near)
		conf_error(cp, 0,
		    "unknown keyword '%s' out of section; did you "
		    "mean '%s'?",
		    word, near);
	else
		conf_error(cp, 0, "unknown keyword '%s' out of section", word);
}

void
section_parse_line(struct conf_parse *cp, struct conf_line *ln)
{
	struct conf_state *st = cp->conf->state;

	cp->ln = ln;
	cp->negated = false;
	if (begin_section(cp)) {
		cp->ln = NULL;
		return;
	}
	if (st->where != KW_SECTION && strcmp(ln->word[0].s, "no") == 0) {
		cp->negated = true;
		ln->count--;
		memmove(ln->word, ln->word + 1,
		    (size_t)ln->count * sizeof(ln->word[0]));
	}
	if (ln->count == 0)
		conf_error(cp, 0, "'no' expects a keyword");
	else if (!st->where)
		out_of_section(cp);
	else if (st->where != KW_SECTION && parse_keyword(cp) == 0 &&
	    st->where == KW_DEFAULTS)
		keep(&st->defaults->tail, cp);
	cp->ln = NULL;
}
