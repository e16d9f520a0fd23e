/* SPDX-License-Identifier: MIT */
/*
 * retries, retry-on, option redispatch: when a request is tried again.
 */
#include <string.h>

#include "shm/conf/keyword.h"

enum { RETRIES_MAX = 10000 };

static const struct {
	const char *name;
	unsigned bits;
} retry_words[] = {
	{ "none", 0 },
	{ "conn-failure", RETRY_CONN_FAILURE },
	{ "empty-response", RETRY_EMPTY_RESPONSE },
	{ "junk-response", RETRY_JUNK_RESPONSE },
	{ "response-timeout", RETRY_RESPONSE_TIMEOUT },
	{ "0rtt-rejected", RETRY_0RTT_REJECTED },
	{ "all-retryable-errors",
	    RETRY_CONN_FAILURE | RETRY_EMPTY_RESPONSE | RETRY_JUNK_RESPONSE |
		RETRY_RESPONSE_TIMEOUT | RETRY_0RTT_REJECTED | RETRY_500 |
		RETRY_502 | RETRY_503 | RETRY_504 },
	{ "401", RETRY_401 },
	{ "403", RETRY_403 },
	{ "404", RETRY_404 },
	{ "408", RETRY_408 },
	{ "425", RETRY_425 },
	{ "429", RETRY_429 },
	{ "500", RETRY_500 },
	{ "501", RETRY_501 },
	{ "502", RETRY_502 },
	{ "503", RETRY_503 },
	{ "504", RETRY_504 },
};

enum { RETRY_WORDS_N = sizeof(retry_words) / sizeof(*retry_words) };

static int
parse_retries(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_int(cp, 1, 0, RETRIES_MAX, &cp->px->http.retries))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

static int
parse_word(struct conf_parse *cp, int i, unsigned *bits)
{
	const char *names[RETRY_WORDS_N], *near, *word = conf_word(cp, i);

	for (int k = 0; k < RETRY_WORDS_N; k++) {
		names[k] = retry_words[k].name;
		if (strcmp(word, names[k]) == 0) {
			*bits |= retry_words[k].bits;
			return 0;
		}
	}
	near = conf_nearest(word, names, RETRY_WORDS_N);
	if (near)
		return conf_error(cp, i,
		    "'retry-on': unknown keyword '%s'; did you mean '%s'?",
		    word, near);
	return conf_error(cp, i, "'retry-on': unknown keyword '%s'", word);
}

static int
parse_retry_on(struct conf_parse *cp, const struct keyword *kw)
{
	unsigned bits = 0;

	(void)kw;
	if (conf_need(cp, 1, "at least one condition, e.g. conn-failure"))
		return -WSE_SYNTAX;
	for (int i = 1; i < cp->ln->count; i++) {
		if (parse_word(cp, i, &bits))
			return -WSE_SYNTAX;
		if (strcmp(conf_word(cp, i), "none") == 0 && cp->ln->count > 2)
			return conf_error(
			    cp, i, "'retry-on': 'none' stands alone");
	}
	cp->px->http.retry_on = bits;
	return 0;
}

static int
parse_redispatch(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy_http *h = &cp->px->http;

	(void)kw;
	h->redispatch = !cp->negated;
	h->redispatch_every = -1;
	if (cp->ln->count == 2 || cp->negated)
		return conf_no_more(cp, 2);
	if (conf_arg_int(
		cp, 2, -RETRIES_MAX, RETRIES_MAX, &h->redispatch_every))
		return -WSE_SYNTAX;
	if (h->redispatch_every == 0)
		h->redispatch = false;
	return conf_no_more(cp, 3);
}

const struct keyword retry_tbl[] = {
	{ KW_BE, "retries", parse_retries, 0, "<number>",
	    "Most tries after a failed one, 3 by default." },
	{ KW_BE, "retry-on", parse_retry_on, 0,
	    "none | all-retryable-errors | { conn-failure | empty-response | "
	    "junk-response | response-timeout | 0rtt-rejected | <status> }...",
	    "What a request is tried again after, conn-failure by default." },
	{ KW_BE | KW_NO, "option redispatch", parse_redispatch, 0, "[<every>]",
	    "Try another server at the last retry, or at every so many." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
