/* SPDX-License-Identifier: MIT */
/*
 * The selection table: server lines, `ws` words, what is taken and offered.
 */
#include "shm/conf/ws.h"
#include "tests/unit/shm/conf/conf_test.h"

enum {
	H1 = WS_TAG_H1,
	H2 = WS_TAG_H2 | WS_TAG_H2WS,
	WS = WS_TAG_H2WS,
	ANY = H1 | H2
};

#define TLS  "ssl verify none "
#define BOTH TLS "alpn h2,http/1.1 "

static const struct {
	const char *words;
	uint8_t ordinary, upgrade;
	uint8_t ws[WS_ABLE_N]; /* unknown, no, yes */
} table[] = {
	/* nothing is negotiated: the server's own protocol */
	{ "", H1, H1, { H1, H1, H1 } },
	{ "ws auto", H1, H1, { H1, H1, H1 } },
	{ "ws h1", H1, H1, { H1, H1, H1 } },
	{ "ws h2", H1, H1, { WS, WS, WS } },
	{ "ws prefer-h2", H1, H1, { H1, H1, H1 } },
	{ "proto h1 ws h2", H1, H1, { WS, WS, WS } },
	{ "proto h2", H2, H2, { WS, WS, WS } },
	{ "proto h2 ws h1", H2, H2, { H1, H1, H1 } },
	{ "proto h2 ws h2", H2, H2, { WS, WS, WS } },
	{ "proto h2 ws prefer-h2", H2, H2, { WS, H1, WS } },
	{ TLS, H1, H1, { H1, H1, H1 } },
	{ TLS "ws h2", H1, H1, { WS, WS, WS } },
	{ TLS "proto h2", H2, H2, { WS, WS, WS } },
	{ TLS "proto h2 ws h1", H2, H2, { H1, H1, H1 } },
	{ TLS "proto h2 ws prefer-h2", H2, H2, { WS, H1, WS } },
	{ "alpn h2,http/1.1", H1, H1, { H1, H1, H1 } },
	/* ALPN with both */
	{ BOTH, ANY, H1, { H1, H1, H1 } },
	{ BOTH "ws auto", ANY, H1, { H1, H1, H1 } },
	{ BOTH "ws h1", ANY, H1, { H1, H1, H1 } },
	{ BOTH "ws h2", ANY, H1, { WS, WS, WS } },
	{ BOTH "ws prefer-h2", ANY, H1, { H1 | WS, H1, WS } },
	{ BOTH "proto h2", H2, H2, { WS, WS, WS } },
	{ BOTH "proto h2 ws prefer-h2", H2, H2, { WS, H1, WS } },
	{ BOTH "proto h1", H1, H1, { H1, H1, H1 } },
	{ BOTH "proto h1 ws prefer-h2", H1, H1, { H1, H1, H1 } },
	/* ALPN with one */
	{ TLS "alpn h2", ANY, ANY, { WS, WS, WS } },
	{ TLS "alpn h2 ws h1", ANY, ANY, { H1, H1, H1 } },
	{ TLS "alpn h2 ws h2", ANY, ANY, { WS, WS, WS } },
	{ TLS "alpn h2 ws prefer-h2", ANY, ANY, { WS, H1, WS } },
	{ TLS "alpn h2 proto h2", H2, H2, { WS, WS, WS } },
	{ TLS "alpn http/1.1", H1, H1, { H1, H1, H1 } },
	{ TLS "alpn http/1.1 ws h2", H1, H1, { WS, WS, WS } },
	{ TLS "alpn http/1.1 ws prefer-h2", H1, H1, { H1, H1, H1 } },
	/* tokens, not text */
	{ TLS "alpn http/1.0,h2", ANY, ANY, { WS, WS, WS } },
	{ TLS "alpn http/1.0,h2 ws prefer-h2", ANY, ANY, { WS, H1, WS } },
	{ TLS "alpn http/1.0", H1, H1, { H1, H1, H1 } },
	{ TLS "alpn http/1.11,h2x", H1, H1, { H1, H1, H1 } },
	{ TLS "alpn h2,http/1.1 no-alpn", H1, H1, { H1, H1, H1 } },
};

static const struct {
	const char *words;
	uint8_t tags;
	const char *offer; /* as written on a line; "": none */
	bool full, prior;
} offers[] = {
	{ "", H1, "", true, false },
	{ "ws h2", WS, "", true, true },
	{ "proto h2", H2, "", true, true },
	{ "proto h2 ws h1", H1, "", true, false },
	{ TLS "ws h2", WS, "", true, true },
	{ BOTH, ANY, "h2,http/1.1", true, false },
	{ BOTH, H1, "http/1.1", false, false },
	{ BOTH, WS, "h2", false, false },
	{ BOTH "ws prefer-h2", H1 | WS, "h2,http/1.1", true, false },
	{ BOTH "proto h2", H2, "h2", true, true },
	{ BOTH "proto h2 ws prefer-h2", H1, "http/1.1", false, false },
	{ BOTH "proto h1", H1, "http/1.1", true, false },
	{ TLS "alpn http/1.1,h2,spdy/3", ANY, "http/1.1,h2", true, false },
	{ TLS "alpn h2", ANY, "h2", true, false },
	{ TLS "alpn h2", WS, "h2", true, false },
	{ TLS "alpn h2 ws h1", H1, "http/1.1", false, false },
	{ TLS "alpn http/1.1 ws h2", WS, "h2", false, false },
	{ TLS "alpn http/1.1,http/1.0", H1, "http/1.1,http/1.0", true, false },
	{ TLS "alpn http/1.0,h2", ANY, "http/1.0,h2", true, false },
	{ TLS "alpn http/1.0,h2", WS, "h2", false, false },
	{ TLS "alpn http/1.0,h2 ws h1", H1, "http/1.1", false, false },
	{ TLS "alpn h2,http/1.1,http/1.0", H1, "http/1.1", false, false },
};

static const struct server *
server_of(struct run *r, const char *words, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text),
	    DEFAULTS "%sbackend b\n\tserver s 127.0.0.1:1 %s\n", more, words);
	run_good(r, text);
	return r->cp.conf->proxies->servers;
}

static void
ws__tags__as_the_table_says(void **state)
{
	const struct server *s;
	struct run r;
	int able;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		print_message("%s\n", table[i].words);
		s = server_of(&r, table[i].words, "");
		assert_int_equal(ws_tags(s, WS_USE_ORDINARY, WS_ABLE_UNKNOWN),
		    table[i].ordinary);
		assert_int_equal(
		    ws_tags(s, WS_USE_UPGRADE, WS_ABLE_YES), table[i].upgrade);
		for (able = 0; able < WS_ABLE_N; able++) {
			assert_int_equal(
			    ws_tags(s, WS_USE_WEBSOCKET, (enum ws_able)able),
			    table[i].ws[able]);
			assert_true(table[i].ws[able] ==
			    (table[i].ws[able] & ws_tags_ever(s)));
		}
		run_end(&r);
	}
}

static void
ws__offers__are_narrowed_to_who_waits(void **state)
{
	const struct server *s;
	struct tls_alpn got, want;
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++) {
		print_message("%s, %u\n", offers[i].words, offers[i].tags);
		s = server_of(&r, offers[i].words, "");
		want.n = 0;
		if (*offers[i].offer)
			assert_int_equal(
			    tls_alpn_parse(offers[i].offer, &want), 0);
		ws_offer(s, offers[i].tags, &got);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.wire, want.wire, want.n);
		assert_int_equal(
		    ws_is_full_offer(s, offers[i].tags), offers[i].full);
		assert_int_equal(
		    ws_is_prior_h2(s, offers[i].tags), offers[i].prior);
		run_end(&r);
	}
}

static void
ws__keywords__defaults_and_where_they_come_from(void **state)
{
	const struct server *s;
	struct run r;

	(void)state;
	s = server_of(&r, "", "");
	assert_int_equal(s->ws, WS_AUTO);
	assert_int_equal(s->pool.prewarm_ws, 0);
	assert_int_equal(s->px->http.ws_learn_ttl_ms, 3600000);
	assert_false(r.cp.conf->global.h2_no_connect);
	run_end(&r);
	s = server_of(&r, "pool-prewarm-ws 8",
	    "\tdefault-server ws prefer-h2\n\tws-learn-ttl 90s\n"
	    "global\n\th2-workaround-bogus-websocket-clients\n");
	assert_int_equal(s->ws, WS_PREFER_H2);
	assert_int_equal(s->pool.prewarm_ws, 8);
	assert_int_equal(s->px->http.ws_learn_ttl_ms, 90000);
	assert_true(r.cp.conf->global.h2_no_connect);
	run_end(&r);
	s = server_of(&r, "ws h1 ws h2", "\tdefault-server ws prefer-h2\n");
	assert_int_equal(s->ws, WS_H2);
	run_end(&r);
}

/* What HAProxy takes and then gets wrong on the wire is refused here. */
static void
ws__contradictions__say_what_to_do(void **state)
{
	static const struct {
		const char *words, *text;
	} bad[] = {
		{ BOTH "proto h2 ws h1",
		    "'proto h2' contradicts 'ws h1' where 'alpn' negotiates; "
		    "leave 'proto' out" },
		{ BOTH "proto h1 ws h2",
		    "'proto h1' contradicts 'ws h2' where 'alpn' negotiates; "
		    "leave 'proto' out" },
		{ TLS "alpn http/1.1 proto h2",
		    "'proto h2' contradicts 'alpn'" },
		{ TLS "alpn h2 proto h1", "'proto h1' contradicts 'alpn'" },
		{ "ws h3", "'ws' expects 'auto', 'h1', 'h2' or 'prefer-h2'" },
		{ "pool-prewarm-ws -1", "out of range" },
	};
	char text[512];
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text),
		    DEFAULTS "backend b\n\tserver s 127.0.0.1:1 %s\n",
		    bad[i].words);
		run_begin(&r);
		r.cp.offline = false;
		r.read = conf_read_text(&r.cp, "t.cfg", text);
		run_finish(&r);
		assert_int_equal(r.cp.error_count, 1);
		if (!strstr(r.said, bad[i].text))
			print_error("%s\n%s", bad[i].words, r.said);
		assert_non_null(strstr(r.said, bad[i].text));
		run_end(&r);
	}
	run_text(&r, DEFAULTS "\tws-learn-ttl 0\n");
	assert_non_null(strstr(r.said, "expects a time above 0"));
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ws__tags__as_the_table_says),
		cmocka_unit_test(ws__offers__are_narrowed_to_who_waits),
		cmocka_unit_test(
		    ws__keywords__defaults_and_where_they_come_from),
		cmocka_unit_test(ws__contradictions__say_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
