/* SPDX-License-Identifier: MIT */
/*
 * balance, hash-type: which server a request goes to.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/conf/keyword.h"
#include "shm/base/mem.h"
#include "shm/conf/expr.h"
#include "shm/conf/proxy.h"

static const char *const algos[LB_N] = {
	[LB_ROUNDROBIN] = "roundrobin",
	[LB_STATIC_RR] = "static-rr",
	[LB_LEASTCONN] = "leastconn",
	[LB_RANDOM] = "random",
	[LB_FIRST] = "first",
	[LB_SOURCE] = "source",
	[LB_URI] = "uri",
	[LB_HDR] = "hdr",
};

/* "name(arg)": the argument as a new string, NULL without one. */
static int
split_arg(struct conf_parse *cp, int i, const char *name, char **arg_r)
{
	const char *s = conf_word(cp, i) + strlen(name);
	size_t n = strlen(s);

	*arg_r = NULL;
	if (!n)
		return 0;
	if (*s != '(' || s[n - 1] != ')')
		return conf_error(cp, i, "'balance': a ')' is missing in '%s'",
		    conf_word(cp, i));
	*arg_r = sv_dup(sv_of(s + 1, n - 2));
	return 0;
}

static int
parse_random(struct conf_parse *cp, struct proxy_lb *lb)
{
	uint64_t draws = 2;
	char *arg;
	int r;

	if (split_arg(cp, 1, "random", &arg))
		return -WSE_SYNTAX;
	r = arg ? sv_to_u64(sv_str(arg), &draws) : 0;
	free(arg);
	if (r || draws < 1 || draws > 1000)
		return conf_error(cp, 1,
		    "'balance random': the number of draws "
		    "is 1 to 1000");
	lb->random_draws = (unsigned)draws;
	return conf_no_more(cp, 2);
}

static int
parse_hdr(struct conf_parse *cp, struct proxy_lb *lb)
{
	char *arg;

	if (split_arg(cp, 1, "hdr", &arg))
		return -WSE_SYNTAX;
	if (!arg || !*arg) {
		free(arg);
		return conf_error(cp, 1,
		    "'balance hdr(name)' requires an http "
		    "header field name");
	}
	free(lb->hdr_name);
	lb->hdr_name = arg;
	lb->hdr_domain_only = false;
	if (cp->ln->count == 2)
		return 0;
	if (strcmp(conf_word(cp, 2), "use_domain_only") != 0)
		return conf_error(cp, 2,
		    "'balance hdr(name)' only accepts "
		    "'use_domain_only', not '%s'",
		    conf_word(cp, 2));
	lb->hdr_domain_only = true;
	return conf_no_more(cp, 3);
}

static int
parse_uri(struct conf_parse *cp, struct proxy_lb *lb)
{
	lb->uri_len = lb->uri_depth = 0;
	lb->uri_whole = lb->uri_path_only = false;
	for (int i = 2; i < cp->ln->count; i++) {
		const char *word = conf_word(cp, i);
		int n;

		if (strcmp(word, "whole") == 0) {
			lb->uri_whole = true;
		} else if (strcmp(word, "path-only") == 0) {
			lb->uri_path_only = true;
		} else if (strcmp(word, "len") == 0 ||
		    strcmp(word, "depth") == 0) {
			if (conf_arg_int(cp, ++i, 1, 65535, &n))
				return -WSE_SYNTAX;
			if (*word == 'l')
				lb->uri_len = (unsigned)n;
			else
				lb->uri_depth = (unsigned)n;
		} else {
			return conf_error(cp, i,
			    "'balance uri' only accepts 'len', 'depth', "
			    "'whole' "
			    "and 'path-only', not '%s'",
			    word);
		}
	}
	return 0;
}

static int
unknown_algo(struct conf_parse *cp)
{
	const char *word = conf_word(cp, 1), *near;
	static const char *const later[] = { "hash", "url_param", "rdp-cookie",
		"sticky" };

	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++)
		if (strncmp(word, later[i], strlen(later[i])) == 0)
			return conf_error(cp, 1,
			    "'balance %s' is not supported by this version of "
			    "wsbroker; instead use 'uri', 'hdr(name)' or "
			    "'source'",
			    word);
	near = conf_nearest(word, algos, LB_N);
	if (near)
		return conf_error(cp, 1,
		    "'balance': unknown algorithm '%s'; did you mean '%s'?",
		    word, near);
	return conf_error(cp, 1,
	    "'balance': unknown algorithm '%s'; expected "
	    "roundrobin, static-rr, leastconn, random, first, source, uri or "
	    "hdr(name)",
	    word);
}

static int
parse_balance(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy_lb *lb = &cp->px->lb;
	const char *word = conf_word(cp, 1);
	int algo;

	(void)kw;
	if (cp->ln->count == 1) {
		lb->algo = LB_ROUNDROBIN;
		return 0;
	}
	for (algo = 0; algo < LB_N; algo++) {
		size_t n = strlen(algos[algo]);

		if (strncmp(word, algos[algo], n) == 0 &&
		    (!word[n] ||
			(word[n] == '(' &&
			    (algo == LB_RANDOM || algo == LB_HDR))))
			break;
	}
	if (algo == LB_N)
		return unknown_algo(cp);
	lb->algo = (enum lb_algo)algo;
	switch (lb->algo) {
	case LB_RANDOM:
		return parse_random(cp, lb);
	case LB_HDR:
		return parse_hdr(cp, lb);
	case LB_URI:
		return parse_uri(cp, lb);
	case LB_ROUNDROBIN:
	case LB_STATIC_RR:
	case LB_LEASTCONN:
	case LB_FIRST:
	case LB_SOURCE:
	case LB_N:
		break;
	}
	return conf_no_more(cp, 2);
}

static int
parse_hash_type(struct conf_parse *cp, const struct keyword *kw)
{
	const char *word = conf_word(cp, 1);

	(void)kw;
	if (conf_need(cp, 1, "'map-based' or 'consistent'"))
		return -WSE_SYNTAX;
	if (strcmp(word, "consistent") == 0)
		cp->px->lb.consistent = true;
	else if (strcmp(word, "map-based") == 0)
		cp->px->lb.consistent = false;
	else
		return conf_error(cp, 1,
		    "'hash-type' expects 'map-based' or 'consistent', not '%s'",
		    word);
	if (cp->ln->count > 2)
		return conf_error(cp, 2,
		    "'hash-type': a choice of the hash function is not "
		    "supported by this version of wsbroker; instead leave it "
		    "out");
	return 0;
}

const struct keyword balance_tbl[] = {
	{ KW_BE, "balance", parse_balance, 0,
	    "roundrobin | static-rr | leastconn | random[(<draws>)] | first | "
	    "source | uri [whole] [path-only] [len <n>] [depth <n>] | "
	    "hdr(<name>) [use_domain_only]",
	    "How a server is chosen, roundrobin by default." },
	{ KW_BE, "hash-type", parse_hash_type, 0, "map-based | consistent",
	    "How a hash is mapped to a server, map-based by default." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
