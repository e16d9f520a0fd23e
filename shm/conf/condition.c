/* SPDX-License-Identifier: MIT */
/*
 * The conditions of .if, .elif and -cc.
 *
 * version_atleast() and version_before() compare with conf_haproxy_version,
 * the HAProxy version whose language this is: configs and test scenarios ask
 * in order to know whether a keyword may be used.  The TLS predicates are
 * false, and feature(OPENSSL) too, where `bind ... ssl` is switched off.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>

#include "shm/conf/conf.h"
#include "shm/conf/condition.h"
#include "shm/conf/lexer.h"

const char conf_haproxy_version[] = "3.0.0";

const char *const conf_features[] = {
	"+ACCEPT4",
	"+EPOLL",
	"+GETADDRINFO",
	"+LINUX_TPROXY",
	"-LUA",
	"-NS",
	"+OPENSSL",
	"-PCRE",
	"+PCRE2",
	"+PCRE2_JIT",
	"+POLL",
	"-PROMEX",
	"-QUIC",
	"-SLZ",
	"-SYSTEMD",
	"-TFO",
	"-THREAD",
	"-WEBSOCKET",
	"-ZLIB",
};
const int conf_feature_count = sizeof(conf_features) / sizeof(*conf_features);

enum { DEPTH_MAX = 64, ARGS_MAX = 3, ARG_MAX_BYTES = 1024 };

struct cond_text {
	const char *p; /* what is left */
	int depth;     /* parentheses and '!' around p */
	char *err;
	size_t err_room;
};

static int eval_or(struct cond_text *t);

static int fail(struct cond_text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
fail(struct cond_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->err, t->err_room, fmt, ap);
	va_end(ap);
	return -WSE_SYNTAX;
}

static void
skip_blanks(struct cond_text *t)
{
	while (isspace((unsigned char)*t->p))
		t->p++;
}

/* A version as four numbers that compare in order; a release is after -dev. */
static int
version_parse(const char *s, long v[4])
{
	char *end;

	v[0] = v[1] = v[2] = 0;
	v[3] = LONG_MAX;
	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)*s))
			return -WSE_SYNTAX;
		v[i] = strtol(s, &end, 10);
		s = end;
		if (*s != '.')
			break;
		s++;
	}
	if (strncmp(s, "-dev", 4) == 0)
		s += 4;
	else if (strncmp(s, "-rc", 3) == 0)
		s += 3;
	else
		return *s == '\0' || *s == '-' ? 0 : -WSE_SYNTAX;
	v[3] = strtol(s, &end, 10);
	return *end == '\0' || *end == '-' ? 0 : -WSE_SYNTAX;
}

int
condition_version_cmp(const char *a, const char *b, int *cmp_r)
{
	long va[4], vb[4];

	if (version_parse(a, va) || version_parse(b, vb))
		return -WSE_SYNTAX;
	*cmp_r = 0;
	for (int i = 0; i < 4 && *cmp_r == 0; i++)
		*cmp_r = (va[i] > vb[i]) - (va[i] < vb[i]);
	return 0;
}

const char *
conf_feature(int i)
{
	return i < 0 || i >= conf_feature_count ? NULL : conf_features[i];
}

static int
is_feature(const char *name)
{
	for (int i = 0; i < conf_feature_count; i++)
		if (strcmp(conf_feature(i) + 1, name) == 0)
			return conf_feature(i)[0] == '+';
	return 0;
}

/* "1.1.1f" as numbers that compare in order. */
static int
openssl_parse(const char *s, long v[4])
{
	char *end;

	for (int i = 0; i < 3; i++) {
		v[i] = 0;
		if (i > 0 && *s != '.')
			continue;
		s += i > 0;
		if (!isdigit((unsigned char)*s))
			return -WSE_SYNTAX;
		v[i] = strtol(s, &end, 10);
		s = end;
	}
	v[3] = islower((unsigned char)*s) ? *s++ - 'a' + 1 : 0;
	/* -beta1 and such, and what follows the number of the library. */
	return *s == '\0' || *s == '-' || *s == ' ' ? 0 : -WSE_SYNTAX;
}

/* How the library that runs compares with v. 0 or -WSE_SYNTAX. */
static int
openssl_cmp(const char *v, int *cmp_r)
{
	const char *ours = OpenSSL_version(OPENSSL_VERSION);
	long a[4], b[4];

	ours += strcspn(ours, "0123456789");
	if (openssl_parse(ours, a) || openssl_parse(v, b))
		return -WSE_SYNTAX;
	*cmp_r = 0;
	for (int i = 0; i < 4 && *cmp_r == 0; i++)
		*cmp_r = (a[i] > b[i]) - (a[i] < b[i]);
	return 0;
}

/* What HAProxy's enabled() may ask about and is always so here. */
static int
is_enabled(const char *name)
{
	static const char *const on[] = { "EPOLL", "GETADDRINFO", "POLL",
		"REUSEPORT" };

	for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++)
		if (strcasecmp(on[i], name) == 0)
			return 1;
	return 0;
}

enum predicate {
	P_FEATURE,
	P_VERSION_ATLEAST,
	P_VERSION_BEFORE,
	P_OPENSSL_ATLEAST,
	P_OPENSSL_BEFORE,
	P_SSLLIB,
	P_STREQ,
	P_STRNEQ,
	P_STRSTR,
	P_DEFINED,
	P_ENABLED,
	P_N
};

static const struct {
	const char *name;
	int argc;
} predicates[P_N] = {
	[P_FEATURE] = { "feature", 1 },
	[P_VERSION_ATLEAST] = { "version_atleast", 1 },
	[P_VERSION_BEFORE] = { "version_before", 1 },
	[P_OPENSSL_ATLEAST] = { "openssl_version_atleast", 1 },
	[P_OPENSSL_BEFORE] = { "openssl_version_before", 1 },
	[P_SSLLIB] = { "ssllib_name_startswith", 1 },
	[P_STREQ] = { "streq", 2 },
	[P_STRNEQ] = { "strneq", 2 },
	[P_STRSTR] = { "strstr", 2 },
	[P_DEFINED] = { "defined", 1 },
	[P_ENABLED] = { "enabled", 1 },
};

static int
eval_version(struct cond_text *t, const char *v, bool atleast)
{
	int cmp;

	if (condition_version_cmp(conf_haproxy_version, v, &cmp))
		return fail(t, "'%s' is not a version", v);
	return atleast ? cmp >= 0 : cmp < 0;
}

static int
eval_openssl(struct cond_text *t, const char *v, bool atleast)
{
	int cmp;

	if (openssl_cmp(v, &cmp))
		return fail(t, "'%s' is not a version of OpenSSL", v);
	return atleast ? cmp >= 0 : cmp < 0;
}

static int
eval_predicate(
    struct cond_text *t, enum predicate p, char arg[ARGS_MAX][ARG_MAX_BYTES])
{
	switch (p) {
	case P_FEATURE:
		return is_feature(arg[0]);
	case P_VERSION_ATLEAST:
		return eval_version(t, arg[0], true);
	case P_VERSION_BEFORE:
		return eval_version(t, arg[0], false);
	case P_OPENSSL_ATLEAST:
	case P_OPENSSL_BEFORE:
		return eval_openssl(t, arg[0], p == P_OPENSSL_ATLEAST);
	case P_SSLLIB:
		return strncmp(OpenSSL_version(OPENSSL_VERSION), arg[0],
			   strlen(arg[0])) == 0;
	case P_STREQ:
		return strcmp(arg[0], arg[1]) == 0;
	case P_STRNEQ:
		return strcmp(arg[0], arg[1]) != 0;
	case P_STRSTR:
		return strstr(arg[0], arg[1]) != NULL;
	case P_DEFINED:
		return getenv(arg[0]) != NULL;
	case P_ENABLED:
		return is_enabled(arg[0]);
	case P_N:
		break;
	}
	return 0;
}

/* One argument up to ',' or ')'; quotes were resolved, blanks are trimmed. */
static int
parse_arg(struct cond_text *t, char *out)
{
	size_t n = 0;
	char quote = '\0';

	skip_blanks(t);
	for (; *t->p; t->p++) {
		char c = *t->p;

		if (!quote && (c == ',' || c == ')'))
			break;
		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (n + 1 >= ARG_MAX_BYTES)
			return fail(t, "an argument is too long");
		out[n++] = c;
	}
	while (n && isspace((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
	return 0;
}

static int
eval_call(struct cond_text *t, enum predicate p)
{
	char arg[ARGS_MAX][ARG_MAX_BYTES];
	int argc = 0;

	memset(arg, 0, sizeof(arg));
	for (;;) {
		if (argc == ARGS_MAX || parse_arg(t, arg[argc]))
			return fail(t, "too many or too long arguments in '%s'",
			    predicates[p].name);
		argc++;
		if (*t->p != ',')
			break;
		t->p++;
	}
	if (*t->p != ')')
		return fail(t, "no ')' behind the arguments of '%s'",
		    predicates[p].name);
	t->p++;
	if (argc != predicates[p].argc)
		return fail(t, "'%s' expects %d argument%s, got %d",
		    predicates[p].name, predicates[p].argc,
		    predicates[p].argc == 1 ? "" : "s", argc);
	return eval_predicate(t, p, arg);
}

static int
eval_word(struct cond_text *t)
{
	const char *names[P_N], *near;
	char word[64];
	size_t n = 0;

	while ((isalnum((unsigned char)t->p[n]) || t->p[n] == '_') &&
	    n + 1 < sizeof(word)) {
		word[n] = t->p[n];
		n++;
	}
	word[n] = '\0';
	for (int i = 0; i < P_N; i++) {
		names[i] = predicates[i].name;
		if (strcmp(word, names[i]) == 0 && t->p[n] == '(') {
			t->p += n + 1;
			return eval_call(t, (enum predicate)i);
		}
	}
	near = conf_nearest(word, names, P_N);
	if (near)
		return fail(t,
		    "unparsable conditional expression '%s'; did you mean "
		    "'%s(...)'?",
		    t->p, near);
	return fail(t, "unparsable conditional expression '%s'", t->p);
}

static int
eval_int(struct cond_text *t)
{
	char *end;
	long v = strtol(t->p, &end, 10);

	if (isalnum((unsigned char)*end) || *end == '_')
		return fail(t, "unparsable conditional expression '%s'", t->p);
	t->p = end;
	return v != 0;
}

static int
eval_term(struct cond_text *t)
{
	int r;

	skip_blanks(t);
	if (*t->p == '!' || *t->p == '(') {
		char c = *t->p++;

		if (++t->depth > DEPTH_MAX)
			return fail(t, "too many nested parentheses");
		r = c == '!' ? eval_term(t) : eval_or(t);
		t->depth--;
		if (r < 0)
			return r;
		if (c == '!')
			return !r;
		skip_blanks(t);
		if (*t->p != ')')
			return fail(t, "a '(' without a ')'");
		t->p++;
		return r;
	}
	if (isdigit((unsigned char)*t->p) ||
	    (*t->p == '-' && isdigit((unsigned char)t->p[1])))
		return eval_int(t);
	return eval_word(t);
}

static bool
take(struct cond_text *t, const char *op)
{
	skip_blanks(t);
	if (strncmp(t->p, op, 2) != 0)
		return false;
	t->p += 2;
	return true;
}

static int
eval_and(struct cond_text *t)
{
	int all = eval_term(t);

	while (all >= 0 && take(t, "&&")) {
		int r = eval_term(t);

		all = r < 0 ? r : all && r;
	}
	return all;
}

static int
eval_or(struct cond_text *t)
{
	int any = eval_and(t);

	while (any >= 0 && take(t, "||")) {
		int r = eval_and(t);

		any = r < 0 ? r : any || r;
	}
	return any;
}

int
condition_eval(const char *text, char *err, size_t err_room)
{
	struct cond_text t = { text, 0, err, err_room };
	int r;

	skip_blanks(&t);
	if (!*t.p)
		return 0;
	r = eval_or(&t);
	if (r < 0)
		return r;
	skip_blanks(&t);
	if (*t.p)
		return fail(&t,
		    "unexpected characters '%s' at the end of the "
		    "condition",
		    t.p);
	return r;
}

int
conf_condition(const char *text, char *err, size_t err_room)
{
	struct lexer lx = { .ln = { .file = "condition", .line = 1 } };
	int col, r;

	r = lexer_split(&lx, text, strlen(text), &col, err, err_room);
	if (r == 0) {
		/* The words again, with single blanks in between. */
		for (size_t i = 0; i + 1 < lx.text_bytes; i++)
			if (lx.text[i] == '\0')
				lx.text[i] = ' ';
		r = condition_eval(lx.ln.count ? lx.text : "", err, err_room);
	}
	lexer_done(&lx);
	return r;
}
