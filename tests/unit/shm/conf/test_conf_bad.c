/* SPDX-License-Identifier: MIT */
/*
 * Lines that are wrong: where that is said, and what.
 */
#include "tests/unit/shm/conf/conf_test.h"

/* The line stands 2nd in a section of its own. */
static const struct {
	const char *section;
	const char *line;
	int col;
	const char *text; /* part of the message */
} cases[] = {
	{ "global", "nbproc", 7, "expects a number" },
	{ "global", "nbproc 0", 8, "out of range, expected 1 to 256" },
	{ "global", "nbproc 2x", 8, "'2x' is not a number" },
	{ "global", "nbproc 2 3", 10, "unexpected argument '3'" },
	{ "global", "  nbprocs 2", 3, "did you mean 'nbproc'?" },
	{ "global", "bogus", 1, "unknown keyword 'bogus' in 'global' section" },
	{ "global", "user nosuch", 6, "cannot find user id for 'nosuch'" },
	{ "global", "group nosuch", 7, "cannot find group id for 'nosuch'" },
	{ "global", "log", 4, "expects <address>" },
	{ "global", "log stdout", 11, "expects <address>" },
	{ "global", "log stdout local9", 12, "unknown log facility 'local9'" },
	{ "global", "log stdout local0 inf", 19, "unknown log level 'inf'" },
	{ "global", "log stdout format x local0", 19, "unknown format 'x'" },
	{ "global", "log stdout len 3 local0", 16, "out of range" },
	{ "global", "log tcp@1.2.3.4 local0", 5, "syslog over TCP" },
	{ "global", "log global", 5, "not allowed in the 'global'" },
	{ "global", "stats socket", 13, "an address" },
	{ "global", "stats socket /x mode 9", 22, "octal mode" },
	{ "global", "stats socket /x level root", 23, "'user', 'operator'" },
	{ "global", "stats socket /x foo", 17, "does not know 'foo'" },
	{ "global", "stats socket 1.2.3.4", 14, "missing port number" },
	{ "global", "stats timeout 0", 15, "expects a time above 0" },
	{ "global", "hard-stop-after 5x", 17, "'5x' is not a time" },
	{ "global", "tune.bufsize 1g", 14, "out of range" },
	{ "global", "tune.listener.multi-queue", 26, "expects on|fair|off" },
	{ "global", "tune.listener.multi-queue 1", 27, "fair or off" },
	{ "global", "tune.ssl.lifetime 5", 1, "the default fits" },
	{ "global", "lua-load x", 1, "out of scope" },
	{ "global", "no nbproc", 4, "'no' cannot stand before 'nbproc'" },
	{ "global", "no", 3, "'no' expects a keyword" },
	{ "global", "timeout client 1s", 1, "belongs in a frontend" },
	{ "global", "log-tag \"x", 9, "unmatched quote" },
	{ "global", "log-tag a\\xz", 10, "two hexadecimal digits" },
	{ "global", ".if foo(", 5, "unparsable conditional" },
	{ "global", ".fi", 1, "unknown directive '.fi'; did you mean '.if'?" },
	{ "global", ".endif", 1, "'.endif' without '.if'" },
	{ "global", ".alert x y", 1, "'x y'" },
	{ "defaults", "bind :80", 1,
	    "'bind' not allowed in 'defaults' section" },
	{ "defaults", "http-request deny", 1, "anonymous 'defaults'" },
	{ "defaults", "maxconn x", 9, "'x' is not a number" },
	{ "defaults d from e", "mode http", 0, "section 'e' not found" },
	{ "defaults a b", "mode http", 0, "unexpected argument 'b'" },
	{ "frontend", "mode http", 0, "'frontend' expects a name" },
	{ "frontend a/b", "mode http", 0, "character '/' is not permitted" },
	{ "frontend f", "bind", 5, "[addr]:port" },
	{ "frontend f", "bind 1.2.3.4", 6, "missing port number: '1.2.3.4'" },
	{ "frontend f", "bind :0", 6, "invalid port '0'" },
	{ "frontend f", "bind :80 nmae x", 10, "did you mean 'name'?" },
	{ "frontend f", "bind :80 name", 14, "'name' expects <name>" },
	{ "frontend f", "bind :80 proto h3", 16, "expects 'h1' or 'h2'" },
	{ "frontend f", "bind nohost:80", 6, "could not resolve address" },
	{ "frontend f", "server s :80", 1, "has no backend capability" },
	{ "frontend f", "mode tcp", 6, "'mode tcp' is not supported" },
	{ "frontend f", "mode htpt", 6, "did you mean 'http'?" },
	{ "frontend f", "default_backend x", 0, "default_backend: 'x'" },
	{ "frontend f", "monitor-uri /x", 1, "not supported" },
	{ "frontend f", "option htplog", 1, "did you mean 'option httplog'?" },
	{ "frontend f", "optoin httplog", 1, "did you mean 'option httplog'?" },
	{ "frontend f", "timeout clent 1s", 1, "mean 'timeout client'?" },
	{ "frontend f", "timeout", 1, "unknown keyword 'timeout'" },
	{ "frontend f", "timeout client", 15, "a time" },
	{ "frontend f", "timeout client 25d", 16, "timer overflow" },
	{ "frontend f", "option forwardfor header", 25, "a header name" },
	{ "frontend f", "option forwardfor except x", 26, "<address>" },
	{ "frontend f", "option forwardfor foo", 19, "only supports" },
	{ "frontend f", "errorfile 999 /x", 11, "out of range" },
	{ "frontend f", "errorfile 418 /x", 11, "'418' not handled" },
	{ "frontend f", "errorfile 503 /x", 15, "error opening file '/x'" },
	{ "frontend f", "nbproc 2", 1, "belongs in the 'global' section" },
	{ "backend b", "server", 7, "<name> and <addr>" },
	{ "backend b", "server s", 9, "<name> and <addr>" },
	{ "backend b", "server s/t :80", 8, "character '/'" },
	{ "backend b", "server s 1.2.3.4:x", 10, "invalid port number 'x'" },
	{ "backend b", "server s 1.2.3.4:1-2", 10, "range of ports" },
	{ "backend b", "server s fd@3", 10, "for bind lines" },
	{ "backend b", "server s nohost:80", 10, "could not resolve" },
	{ "backend b", "server s :80 weigth 3", 14, "did you mean 'weight'?" },
	{ "backend b", "server s :80 weight", 20, "'weight' expects <0-256>" },
	{ "backend b", "server s :80 weight 257", 21, "out of range" },
	{ "backend b", "server s :80 inter 0", 20, "a time above 0" },
	{ "backend b", "server s :80 sni x", 18, "unknown sample fetch 'x'" },
	{ "backend b", "server s :80 ws x", 17, "'ws' expects 'auto'" },
	{ "backend b", "server s :80 cookie", 20, "'cookie' expects <value>" },
	{ "backend b", "server s :80 cookie a;b", 22, "';' cannot be part" },
	{ "backend b", "dynamic-cookie-key k", 1, "each server a 'cookie'" },
	{ "backend b", "cookie", 7, "a name" },
	{ "backend b", "cookie a=b", 9, "'=' cannot be part" },
	{ "backend b", "cookie a insrt", 10, "did you mean 'insert'?" },
	{ "backend b", "cookie a insert prefix", 10, "only one of" },
	{ "backend b", "cookie a rewrite indirect", 10, "exclude each other" },
	{ "backend b", "cookie a preserve", 10, "needs 'insert'" },
	{ "backend b", "cookie a insert dynamic", 17, "not supported" },
	{ "backend b", "cookie a insert maxidle 0", 25, "from 1s up" },
	{ "backend b", "cookie a insert domain", 23, "a value" },
	{ "backend b", "cookie a insert domain x,y", 25, "',' cannot be" },
	{ "backend b", "cookie a insert attr x;y", 23, "';' cannot be" },
	{ "backend b", "server s /x check init-addr x", 29, "not 'x'" },
	{ "backend b", "default-server id 3", 16, "not accepted" },
	{ "backend b", "balance hdrr", 9, "did you mean 'hdr'?" },
	{ "backend b", "balance hdr", 9, "header field name" },
	{ "backend b", "balance hdr(x", 9, "a ')' is missing" },
	{ "backend b", "balance random(0)", 9, "1 to 1000" },
	{ "backend b", "balance uri deep", 13, "only accepts" },
	{ "backend b", "balance rdp-cookie", 9, "is not supported" },
	{ "backend b", "retries -1", 9, "out of range" },
	{ "backend b", "retry-on 405", 10, "unknown keyword '405'" },
	{ "backend b", "retry-on none 503", 10, "'none' stands alone" },
	{ "backend b", "http-reuse alwys", 12, "not 'alwys'" },
	{ "backend b", "stick-table type ip", 1, "stick tables" },
	{ "peers p", "peer x 1.2.3.4:80", 0, "section 'peers' is not" },
	{ "fronted f", "bind :80", 0, "did you mean 'frontend'?" },
};

static void
conf__bad_line__is_reported_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[512], place[64];
		struct run r;

		snprintf(text, sizeof(text), "%s\n%s\n\tmode http\n",
		    cases[i].section, cases[i].line);
		run_text(&r, text);
		/* Column 0: the message is about line 1, or has no column. */
		snprintf(
		    place, sizeof(place), "[t.cfg:2] : col %d: ", cases[i].col);
		if (!cases[i].col)
			snprintf(place, sizeof(place), "[t.cfg:");
		if (!strstr(r.said, cases[i].text) || !strstr(r.said, place))
			fail_msg("'%s': expected '%s' at col %d, got:\n%s",
			    cases[i].line, cases[i].text, cases[i].col, r.said);
		assert_true(r.cp.error_count > 0);
		assert_int_equal(r.finish, -WSE_SYNTAX);
		run_end(&r);
	}
}

static int
count(const char *s, const char *what)
{
	int n = 0;

	while ((s = strstr(s, what)) != NULL) {
		n++;
		s++;
	}
	return n;
}

static void
conf__many_bad_lines__are_all_reported_once(void **state)
{
	struct run r;

	(void)state;
	run_text(&r,
	    "defaults d\n\tmode http\n\tretries x\n\toption bogus\n"
	    "frontend a from d\n\tbind :80 bogus\n\tbogus\n"
	    "backend b from d\n\tserver s nohost:80 weight x\n"
	    "resolvers r\n\tnameserver x y\n\tbogus\n"
	    "backend b\n");
	/* retries, option, bind, bogus, address, weight, resolvers, b twice */
	assert_int_equal(count(r.said, "[ALERT]"), 8);
	assert_int_equal(r.cp.error_count, 8);
	run_end(&r);
}

static void
conf__cross_references__are_checked(void **state)
{
	struct run r;

	(void)state;
	run_text(&r,
	    DEFAULTS "\tdefault_backend nope\n"
		     "frontend f\n\tbind :80\n\tid 9\n"
		     "listen f\n\tbind :81\n\tid 9\n\tdefault_backend g\n"
		     "\tuse_backend z\n"
		     "backend g\n\tserver s 1.2.3.4:80\n\tserver s 1.2.3.4:80\n"
		     "\tserver t 1.2.3.4 check\n\tserver u :1 id 4\n"
		     "\tserver v :1 id 4\n");
	assert_non_null(strstr(r.said,
	    "[t.cfg:6] : proxy 'f': unable to find required default_backend: "
	    "'nope'"));
	assert_non_null(strstr(r.said,
	    "[t.cfg:10] : listen 'f' has the same "
	    "name as frontend 'f' declared at t.cfg:7"));
	assert_non_null(strstr(r.said, "listen 'f' has the same id 9"));
	assert_non_null(strstr(r.said,
	    "[t.cfg:17] : backend 'g', another "
	    "server named 's'"));
	assert_non_null(strstr(r.said, "neither service port nor check port"));
	assert_non_null(strstr(r.said, "server 'v' has the same id 4"));
	assert_int_equal(count(r.said, "'z'"), 1);
	run_end(&r);
}

static void
conf__mode__must_be_given(void **state)
{
	struct run r;

	(void)state;
	run_text(&r, "backend b\n");
	assert_int_equal(r.cp.error_count, 1);
	assert_non_null(strstr(r.said, "has no 'mode http'"));
	run_end(&r);
}

static void
conf__unclosed_if__is_reported(void **state)
{
	struct run r;

	(void)state;
	run_text(&r, "\n.if 0\nbogus\n");
	assert_int_equal(r.cp.error_count, 1);
	assert_non_null(strstr(r.said, "[t.cfg:2] : '.if' without '.endif'"));
	run_end(&r);
}

static void
conf__too_many_log_targets__is_an_error(void **state)
{
	struct run r;
	char *text = malloc(64 * 80);
	size_t n = 0;

	(void)state;
	n += (size_t)sprintf(text, "global\n");
	for (int i = 0; i <= LOG_TARGETS_MAX; i++)
		n += (size_t)sprintf(
		    text + n, "log 127.0.0.1:%d local0\n", 1000 + i);
	run_text(&r, text);
	assert_int_equal(r.cp.error_count, 1);
	assert_int_equal(r.cp.conf->log_target_count, LOG_TARGETS_MAX);
	run_end(&r);
	free(text);
}

static void
conf__long_defaults_chain__is_refused(void **state)
{
	struct run r;
	char text[4096];
	size_t n = 0;

	(void)state;
	n += (size_t)sprintf(text, "defaults d0\n");
	for (int i = 1; i < 40; i++)
		n += (size_t)sprintf(
		    text + n, "defaults d%d from d%d\n", i, i - 1);
	run_text(&r, text);
	assert_non_null(strstr(r.said, "defaults sections in a chain"));
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf__bad_line__is_reported_at_its_place),
		cmocka_unit_test(conf__many_bad_lines__are_all_reported_once),
		cmocka_unit_test(conf__cross_references__are_checked),
		cmocka_unit_test(conf__mode__must_be_given),
		cmocka_unit_test(conf__unclosed_if__is_reported),
		cmocka_unit_test(conf__too_many_log_targets__is_an_error),
		cmocka_unit_test(conf__long_defaults_chain__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
