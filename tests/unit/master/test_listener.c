/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/listener.h"
#include "shm/base/log.h"

static struct conf conf;
static struct proxy px;
static struct bind binds[2];
static char dir[64];

/* A config with one bind line on `text`. */
static const struct conf *
one_bind(const char *text)
{
	char err[128];

	memset(&conf, 0, sizeof(conf));
	memset(&px, 0, sizeof(px));
	memset(binds, 0, sizeof(binds));
	conf.proxies = &px;
	px.name = "fe";
	px.binds = &binds[0];
	binds[0].text = (char *)text;
	binds[0].file = "test.conf";
	binds[0].line = 1;
	binds[0].px = &px;
	binds[0].mode = binds[0].uid = binds[0].gid = -1;
	assert_int_equal(addr_parse(text, &binds[0].addr, err, sizeof(err)), 0);
	return &conf;
}

static int
port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t n = sizeof(in);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	return ntohs(in.sin_port);
}

static int
make_dir(void **state)
{
	(void)state;
	log_stderr(-1);
	strcpy(dir, "/tmp/wsb-unit.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
listener__tcp__one_socket_per_worker_on_one_port(void **state)
{
	struct listener *l;

	(void)state;
	assert_int_equal(listener_bind_all(one_bind("127.0.0.1:0"), 4, &l), 0);
	assert_false(l->shared);
	assert_int_equal(l->fd_count, 4);
	for (int i = 1; i < 4; i++) {
		assert_int_not_equal(listener_fd(l, i), listener_fd(l, 0));
		assert_int_equal(
		    port_of(listener_fd(l, i)), port_of(listener_fd(l, 0)));
	}
	listener_close_all(&l);
	assert_null(l);
}

static void
listener__tcp_in_use__is_an_error(void **state)
{
	struct listener *first, *second;
	char text[32];

	(void)state;
	assert_int_equal(
	    listener_bind_all(one_bind("127.0.0.1:0"), 2, &first), 0);
	snprintf(
	    text, sizeof(text), "127.0.0.1:%d", port_of(listener_fd(first, 0)));
	/* Without the probe SO_REUSEPORT would let a second service in. */
	assert_int_equal(
	    listener_bind_all(one_bind(text), 2, &second), -WSE_SYS);
	assert_null(second);
	listener_close_all(&first);
}

static void
listener__unix__is_shared_and_removed(void **state)
{
	struct listener *l, *second;
	char text[128];

	(void)state;
	snprintf(text, sizeof(text), "%s/sock", dir);
	one_bind(text);
	binds[0].mode = 0640;
	assert_int_equal(listener_bind_all(&conf, 3, &l), 0);
	assert_true(l->shared);
	assert_int_equal(l->fd_count, 1);
	assert_int_equal(listener_fd(l, 2), listener_fd(l, 0));
	{
		struct stat st;

		assert_int_equal(stat(text, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0640);
	}
	/* Somebody listens: not taken over. */
	assert_int_equal(listener_bind_all(&conf, 1, &second), -WSE_SYS);
	listener_close_all(&l);
	assert_int_equal(access(text, F_OK), -1);
}

static void
listener__unix_left_over__is_replaced(void **state)
{
	struct listener *l;
	struct addr a;
	char text[128], err[64];
	int fd;

	(void)state;
	snprintf(text, sizeof(text), "%s/sock", dir);
	assert_int_equal(addr_parse(text, &a, err, sizeof(err)), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, &a.u.sa, a.len), 0);
	close(fd); /* the file stays, nobody listens */
	assert_int_equal(listener_bind_all(one_bind(text), 1, &l), 0);
	listener_close_all(&l);
}

static void
listener__unix_on_a_file__leaves_the_file(void **state)
{
	struct listener *l;
	char text[128];
	FILE *f;

	(void)state;
	snprintf(text, sizeof(text), "%s/file", dir);
	f = fopen(text, "w");
	fclose(f);
	assert_int_equal(listener_bind_all(one_bind(text), 1, &l), -WSE_SYS);
	assert_int_equal(access(text, F_OK), 0);
}

static void
listener__fd_that_does_not_listen__is_an_error(void **state)
{
	struct listener *l;
	char text[32];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	snprintf(text, sizeof(text), "fd@%d", fd);
	assert_int_equal(listener_bind_all(one_bind(text), 1, &l), -WSE_SYS);
	close(fd);
}

static void
listener__two_binds_one_bad__names_it_and_keeps_counting(void **state)
{
	struct listener *l;
	char err[64];

	(void)state;
	one_bind("127.0.0.1:0");
	binds[1] = binds[0];
	binds[0].next = &binds[1];
	binds[1].next = NULL;
	assert_int_equal(
	    addr_parse("192.0.2.1:80", &binds[1].addr, err, sizeof(err)), 0);
	assert_int_equal(listener_bind_all(&conf, 1, &l), -WSE_SYS);
	assert_non_null(l);
	listener_close_all(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    listener__tcp__one_socket_per_worker_on_one_port),
		cmocka_unit_test(listener__tcp_in_use__is_an_error),
		cmocka_unit_test(listener__unix__is_shared_and_removed),
		cmocka_unit_test(listener__unix_left_over__is_replaced),
		cmocka_unit_test(listener__unix_on_a_file__leaves_the_file),
		cmocka_unit_test(
		    listener__fd_that_does_not_listen__is_an_error),
		cmocka_unit_test(
		    listener__two_binds_one_bad__names_it_and_keeps_counting),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
