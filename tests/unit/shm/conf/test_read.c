/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void
put(const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
run_path(struct run *r, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	run_begin(r);
	r->cp.offline = false;
	r->read = conf_read(&r->cp, path);
	run_finish(r);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_read.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
teardown(void **state)
{
	char cmd[96];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd);
}

static void
read__file__names_itself_in_messages(void **state)
{
	struct run r;
	char expected[160];

	(void)state;
	put("a.cfg", "global\n\tbogus\n");
	run_path(&r, "a.cfg");
	assert_int_equal(r.read, -WSE_SYNTAX);
	snprintf(expected, sizeof(expected),
	    "config : parsing [%s/a.cfg:2] : col 2: unknown keyword 'bogus'",
	    dir);
	assert_non_null(strstr(r.said, expected));
	assert_non_null(strstr(r.said, "Error(s) found in configuration file"));
	run_end(&r);
}

static void
read__directory__is_read_in_order(void **state)
{
	struct run r;

	(void)state;
	put("20.cfg", "global\n\tmaxconn 2\n");
	put("10.conf", "global\n\tmaxconn 1\n\tnbproc 3\n");
	put("30.txt", "bogus\n");
	put(".40.cfg", "bogus\n");
	put("empty.cfg", "");
	put("a.cfg", "# nothing\n");
	run_path(&r, ".");
	assert_int_equal(r.read, 0);
	assert_int_equal(r.cp.conf->global.maxconn, 2);
	assert_int_equal(r.cp.conf->global.nbproc, 3);
	run_end(&r);
}

static void
read__missing_file__says_why(void **state)
{
	struct run r;

	(void)state;
	run_path(&r, "nosuch.cfg");
	assert_int_equal(r.read, -WSE_SYS);
	assert_int_equal(r.cp.error_count, 1);
	assert_non_null(strstr(r.said, "No such file or directory"));
	run_end(&r);
}

static void
read__missing_last_newline__is_a_warning(void **state)
{
	struct run r;

	(void)state;
	put("a.cfg", "global\n\tmaxconn 5");
	run_path(&r, "a.cfg");
	assert_int_equal(r.read, 0);
	assert_int_equal(r.cp.warning_count, 1);
	assert_int_equal(r.cp.conf->global.maxconn, 5);
	run_end(&r);
}

static void
read__nul_byte__is_refused(void **state)
{
	static const char text[] = "global\n\tmax\0conn 5\n\tnbproc 2\n";
	struct run r;

	(void)state;
	run_begin(&r);
	r.read = conf_read_bytes(&r.cp, "t.cfg", text, sizeof(text) - 1);
	run_finish(&r);
	assert_int_equal(r.cp.error_count, 1);
	assert_non_null(strstr(r.said,
	    "[t.cfg:2] : col 5: the line holds a "
	    "NUL byte"));
	assert_int_equal(r.cp.conf->global.nbproc, 2);
	run_end(&r);
}

static void
read__each_file__begins_outside_of_sections(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r);
	assert_int_equal(conf_read_text(&r.cp, "a", "global\n"), 0);
	assert_int_equal(conf_read_text(&r.cp, "b", "nbproc 2\n"), -WSE_SYNTAX);
	run_finish(&r);
	assert_non_null(strstr(r.said,
	    "unknown keyword 'nbproc' out of "
	    "section"));
	run_end(&r);
}

static void
read__errorfile__is_taken_whole(void **state)
{
	struct run r;
	struct proxy *px;
	char text[512];
	FILE *big;

	(void)state;
	put("503.http", "HTTP/1.0 503 x\r\n\r\nhello");
	put("bad.http", "hello");
	snprintf(text, sizeof(text), "%s/big.http", dir);
	big = fopen(text, "w");
	fprintf(big, "HTTP/1.0 503 x\r\n\r\n%20000d", 1);
	fclose(big);
	snprintf(text, sizeof(text),
	    DEFAULTS "\terrorfile 503 %s/503.http\n\terrorfile 400 /dev/null\n"
		     "backend b\n\terrorfile 400 %s/503.http\n",
	    dir, dir);
	put("a.cfg", text);
	run_path(&r, "a.cfg");
	assert_int_equal(r.finish, 0);
	px = conf_find_proxy(r.cp.conf, "b", PX_BACKEND);
	assert_int_equal(px->errorfiles[0].status, 503);
	assert_int_equal(px->errorfiles[0].n, 23);
	assert_memory_equal(px->errorfiles[0].bytes + 18, "hello", 5);
	assert_int_equal(px->errorfiles[1].status, 400);
	assert_int_equal(px->errorfiles[1].n, 23);
	assert_int_equal(px->errorfiles[2].status, 0);
	run_end(&r);

	snprintf(text, sizeof(text),
	    DEFAULTS
	    "\terrorfile 503 %s/big.http\n\terrorfile 503 %s/bad.http\n"
	    "\terrorfile 503 %s\n",
	    dir, dir, dir);
	put("a.cfg", text);
	run_path(&r, "a.cfg");
	assert_int_equal(r.finish, -WSE_SYNTAX);
	assert_non_null(strstr(r.said, "too large, at most 16384 bytes"));
	assert_non_null(strstr(r.said, "is not an HTTP response"));
	assert_non_null(strstr(r.said, "is not a regular file"));
	run_end(&r);
}

static void
read__users_and_groups__are_looked_up(void **state)
{
	struct run r;

	(void)state;
	put("a.cfg",
	    "global\n\tuser root\n\tgroup root\n"
	    "\tstats socket /x user root group root\n");
	run_path(&r, "a.cfg");
	assert_int_equal(r.finish, 0);
	assert_int_equal(r.cp.conf->global.uid, 0);
	assert_int_equal(r.cp.conf->global.gid, 0);
	assert_int_equal(r.cp.conf->global.stats_sockets->uid, 0);
	run_end(&r);
}

static void
read__unresolvable_server__may_be_accepted(void **state)
{
	struct run r;

	(void)state;
	put("a.cfg",
	    DEFAULTS
	    "backend b\n\tserver s none.invalid:80 init-addr last,libc,none\n"
	    "\tserver t none.invalid:80\n\tserver u localhost:80\n");
	run_path(&r, "a.cfg");
	assert_int_equal(r.cp.error_count, 2); /* t, and the file */
	assert_non_null(strstr(r.said,
	    "'server t' : could not resolve address "
	    "'none.invalid'"));
	assert_true(r.cp.conf->proxies->servers->disabled);
	run_end(&r);
}

/* All a distribution's stock file holds, in one. */
static void
read__stock_keywords__pass(void **state)
{
	struct run r;

	(void)state;
	run_good(&r,
	    "global\n"
	    "\tlog /dev/log\tlocal0\n\tlog /dev/log\tlocal1 notice\n"
	    "\tchroot /var/lib/x\n"
	    "\tstats socket /run/x.sock mode 660 level admin\n"
	    "\tstats timeout 30s\n\tdaemon\n\n\t# TLS\n"
	    "\tca-base /etc/ssl/certs\n\tcrt-base /etc/ssl/private\n"
	    "        ssl-default-bind-ciphers ECDHE-RSA-AES128-GCM-SHA256\n"
	    "        ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256\n"
	    "        ssl-default-bind-options ssl-min-ver TLSv1.2 "
	    "no-tls-tickets\n\n"
	    "defaults\n\tlog\tglobal\n\tmode\thttp\n\toption\thttplog\n"
	    "\toption\tdontlognull\n        timeout connect 5000\n"
	    "        timeout client  50000\n        timeout server  50000\n");
	assert_int_equal(r.cp.conf->log_target_count, 2);
	run_end(&r);
}

/* The file itself, where the package is installed. */
static void
read__debian_stock_file__passes(void **state)
{
	static const char path[] = "/etc/haproxy/haproxy.cfg";
	struct run r;

	(void)state;
	if (access(path, R_OK) || !getpwnam("haproxy") || !getgrnam("haproxy"))
		skip();
	run_begin(&r);
	r.cp.offline = false;
	r.read = conf_read(&r.cp, path);
	run_finish(&r);
	if (r.said_bytes)
		print_error("%s", r.said);
	assert_int_equal(r.read, 0);
	assert_int_equal(r.finish, 0);
	assert_int_equal(r.cp.warning_count, 0);
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__file__names_itself_in_messages),
		cmocka_unit_test(read__directory__is_read_in_order),
		cmocka_unit_test(read__missing_file__says_why),
		cmocka_unit_test(read__missing_last_newline__is_a_warning),
		cmocka_unit_test(read__nul_byte__is_refused),
		cmocka_unit_test(read__each_file__begins_outside_of_sections),
		cmocka_unit_test(read__errorfile__is_taken_whole),
		cmocka_unit_test(read__users_and_groups__are_looked_up),
		cmocka_unit_test(read__unresolvable_server__may_be_accepted),
		cmocka_unit_test(read__stock_keywords__pass),
		cmocka_unit_test(read__debian_stock_file__passes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
