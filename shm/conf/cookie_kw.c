/* SPDX-License-Identifier: MIT */
/*
 * cookie: how clients are kept on a server.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/server_kw.h"
#include "shm/conf/word_err.h"

#define C(field) ((int)offsetof(struct proxy_cookie, field))

/* What stands behind the name. */
struct cookie_word {
	const char *name;
	int (*parse)(struct conf_parse *cp, int i, int arg);
	int arg; /* of struct proxy_cookie */
	bool has_value;
};

static char *
field_of(struct conf_parse *cp, int arg)
{
	return (char *)&cp->px->cookie + arg;
}

static int
set_flag(struct conf_parse *cp, int i, int arg)
{
	(void)i;
	*(bool *)(void *)field_of(cp, arg) = true;
	return 0;
}

static int
set_time(struct conf_parse *cp, int i, int arg)
{
	const char *word = conf_word(cp, i);
	unsigned ms;

	if (conf_time_ms(word, 1000, &ms) || ms < 1000)
		return conf_error(cp, i,
		    "'cookie' expects a time from 1s up, not '%s'", word);
	*(unsigned *)(void *)field_of(cp, arg) = ms / 1000;
	return 0;
}

/* Nothing that ends an attribute or the field. */
static int
check_value(struct conf_parse *cp, int i, const char *bad)
{
	const char *word = conf_word(cp, i);
	size_t at = strcspn(word, bad);

	if (word_check_text(cp, i, "cookie") < 0)
		return -WSE_SYNTAX;
	if (word[at])
		return word_error(
		    cp, i, at, "'%c' cannot be part of it", word[at]);
	return *word ? 0 : conf_error(cp, i, "a cookie's part is empty");
}

/* "; name=value" behind what is there. */
static void
append(char **to, const char *prefix, const char *value)
{
	char *all = mem_printf("%s; %s%s", *to ? *to : "", prefix, value);

	free(*to);
	*to = all;
}

static int
add_domain(struct conf_parse *cp, int i, int arg)
{
	(void)arg;
	if (check_value(cp, i, "; \t,="))
		return -WSE_SYNTAX;
	append(&cp->px->cookie.domains, "domain=", conf_word(cp, i));
	return 0;
}

static int
add_attr(struct conf_parse *cp, int i, int arg)
{
	(void)arg;
	if (check_value(cp, i, ";"))
		return -WSE_SYNTAX;
	append(&cp->px->cookie.attrs, "", conf_word(cp, i));
	return 0;
}

static int
refuse_dynamic(struct conf_parse *cp, int i, int arg)
{
	(void)arg;
	return conf_error(cp, i,
	    "'dynamic' is not supported; instead give each server a 'cookie'");
}

static const struct cookie_word words[] = {
	{ "insert", set_flag, C(insert), false },
	{ "rewrite", set_flag, C(rewrite), false },
	{ "prefix", set_flag, C(prefix), false },
	{ "indirect", set_flag, C(indirect), false },
	{ "nocache", set_flag, C(nocache), false },
	{ "postonly", set_flag, C(postonly), false },
	{ "preserve", set_flag, C(preserve), false },
	{ "httponly", set_flag, C(httponly), false },
	{ "secure", set_flag, C(secure), false },
	{ "domain", add_domain, 0, true },
	{ "maxidle", set_time, C(maxidle_s), true },
	{ "maxlife", set_time, C(maxlife_s), true },
	{ "attr", add_attr, 0, true },
	{ "dynamic", refuse_dynamic, 0, false },
};

enum { WORDS_N = sizeof(words) / sizeof(*words) };

static int
unknown(struct conf_parse *cp, int i)
{
	const char *names[WORDS_N], *near, *word = conf_word(cp, i);

	for (int k = 0; k < WORDS_N; k++)
		names[k] = words[k].name;
	near = conf_nearest(word, names, WORDS_N);
	if (near)
		return conf_error(cp, i,
		    "'cookie': unknown option '%s'; did you mean '%s'?", word,
		    near);
	return conf_error(cp, i, "'cookie': unknown option '%s'", word);
}

/* Word i and its value; *i is then the last one taken. */
static int
take_word(struct conf_parse *cp, int *i)
{
	for (int k = 0; k < WORDS_N; k++) {
		const struct cookie_word *w = &words[k];

		if (strcmp(conf_word(cp, *i), w->name) != 0)
			continue;
		if (w->has_value && conf_need(cp, ++*i, "a value"))
			return -WSE_SYNTAX;
		return w->parse(cp, *i, w->arg);
	}
	return unknown(cp, *i);
}

static int
check(struct conf_parse *cp)
{
	const struct proxy_cookie *c = &cp->px->cookie;

	if (c->insert + c->rewrite + c->prefix > 1)
		return conf_error(cp, 2,
		    "'cookie': only one of 'insert', 'rewrite' and 'prefix' "
		    "is possible");
	if (c->rewrite && c->indirect)
		return conf_error(cp, 2,
		    "'cookie': 'rewrite' and 'indirect' exclude each other");
	if (c->preserve && !c->insert && !c->indirect)
		return conf_error(
		    cp, 2, "'cookie': 'preserve' needs 'insert' or 'indirect'");
	return 0;
}

static int
parse_cookie(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy_cookie *c = &cp->px->cookie;

	(void)kw;
	cookie_kw_done(c);
	if (conf_need(cp, 1, "a name") || check_value(cp, 1, "; \t,=\"\\"))
		return -WSE_SYNTAX;
	for (int i = 2; i < cp->ln->count; i++)
		if (take_word(cp, &i))
			return -WSE_SYNTAX;
	if (check(cp))
		return -WSE_SYNTAX;
	proxy_set_string(&c->name, conf_word(cp, 1));
	return 0;
}

int
cookie_kw_server(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	if (check_value(cp, i + 1, "; \t,|~\"\\"))
		return -WSE_SYNTAX;
	proxy_set_string(&s->cookie, conf_word(cp, i + 1));
	return 0;
}

void
cookie_kw_done(struct proxy_cookie *c)
{
	free(c->name);
	free(c->domains);
	free(c->attrs);
	memset(c, 0, sizeof(*c));
}

const struct keyword cookie_tbl[] = {
	{ KW_BE, "cookie", parse_cookie, 0,
	    "<name> [insert|rewrite|prefix] [indirect] [nocache] [preserve] "
	    "[postonly] [httponly] [secure] [domain <domain>]... [maxidle "
	    "<time>] [maxlife <time>] [attr <text>]...",
	    "Keep a client on the server whose 'cookie' it shows. insert: give "
	    "it one when it has none that is valid; indirect: hide it from the "
	    "server; nocache: such a response says Cache-Control: private." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
