/* SPDX-License-Identifier: MIT */
/*
 * The runtime API over its socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/broker/rig.h"

enum { CLI_LEVEL_USER, CLI_LEVEL_OPERATOR, CLI_LEVEL_ADMIN };

static struct rig rig;
static struct stats_socket ss;
static struct sockaddr_un un = { .sun_family = AF_UNIX };
static socklen_t un_bytes;
static char answer[1 << 20];

static void
start(int level)
{
	rig_init(&rig);
	ss.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ss.level = level;
	rig.conf.global.stats_sockets = &ss;
	rig.conf.global.stats_timeout_ms = 2000;
	/* abstract, autobound */
	assert_int_equal(
	    bind(ss.fd, (struct sockaddr *)&un, sizeof(sa_family_t)), 0);
	un_bytes = sizeof(un);
	assert_int_equal(
	    getsockname(ss.fd, (struct sockaddr *)&un, &un_bytes), 0);
	assert_int_equal(listen(ss.fd, 64), 0);
	rig_start(&rig, 1);
}

static void
stop(void)
{
	rig_stop(&rig);
	close(ss.fd);
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&un, un_bytes), 0);
	return fd;
}

static const char *
read_all(int fd)
{
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += (size_t)r;
	answer[n] = '\0';
	return answer;
}

static const char *
ask(const char *cmd)
{
	int fd = dial();

	assert_int_equal(write(fd, cmd, strlen(cmd)), (ssize_t)strlen(cmd));
	read_all(fd);
	close(fd);
	return answer;
}

static void
cli__one_line__is_answered_and_closed(void **state)
{
	(void)state;
	start(CLI_LEVEL_ADMIN);
	assert_string_equal(ask("get weight be/s1\n"), "1 (initial 1)\n\n");
	assert_string_equal(ask("get weight be/s1;get weight be/s9\n"),
	    "1 (initial 1)\n\nNo such server.\n\n");
	assert_string_equal(
	    ask("set severity-output number;get weight be/s9\n"),
	    "\n[3]: No such server.\n\n");
	assert_non_null(strstr(ask("show info\n"), "Name: wsbroker\n"));
	assert_non_null(strstr(ask("help\n"), "show stat"));
	assert_non_null(strstr(ask("nonsense\n"), "Unknown command"));
	stop();
}

static void
cli__prompt__keeps_the_connection(void **state)
{
	char b[4096];
	int fd;
	ssize_t n;

	(void)state;
	start(CLI_LEVEL_ADMIN);
	fd = dial();
	assert_int_equal(write(fd, "prompt\n", 7), 7);
	n = read(fd, b, sizeof(b));
	assert_int_equal(n, 3);
	assert_memory_equal(b, "\n> ", 3);
	assert_int_equal(write(fd, "get weight be/s1\n", 17), 17);
	n = read(fd, b, sizeof(b));
	assert_memory_equal(b, "1 (initial 1)\n\n> ", (size_t)n);
	assert_int_equal(write(fd, "quit\n", 5), 5);
	assert_string_equal(read_all(fd), "");
	close(fd);
	stop();
}

static void
cli__stat__has_the_places(void **state)
{
	struct rig_req q;
	char *p;
	int i;

	(void)state;
	start(CLI_LEVEL_USER);
	rig_roundtrip(&rig, 0, 0, &q);
	ask("show stat\n");
	assert_int_equal(
	    strncmp(answer, "# pxname,svname,qcur,qmax,scur", 30), 0);
	for (p = answer, i = 0; i < 84; i++)
		p = strchr(p, ',') + 1;
	assert_int_equal(strncmp(p, "connect,reuse,", 14), 0);
	assert_non_null(strstr(answer, "\nbe,s1,0,0,0,"));
	assert_non_null(strstr(answer, "\nbe,BACKEND,0,0,0,"));
	assert_non_null(strstr(ask("show pools\n"), "be/s1 h1 idle w1 1"));
	stop();
}

static void
cli__level__is_kept(void **state)
{
	(void)state;
	start(CLI_LEVEL_USER);
	assert_string_equal(
	    ask("disable server be/s1\n"), "Permission denied\n\n");
	stop();
}

static void
cli__maintenance__closes_idle_and_sends_away(void **state)
{
	struct rig_req q;

	(void)state;
	start(CLI_LEVEL_ADMIN);
	rig_roundtrip(&rig, 0, 0, &q);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 1);
	assert_string_equal(ask("set server be/s1 state maint\n"), "\n");
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 0);
	rig_ask(&rig, 0, 0, LEASE_ANY, &q);
	rig_await(&rig, &q);
	assert_true(q.failed);
	assert_int_equal(q.why, PFAIL_DOWN);
	assert_non_null(
	    strstr(ask("show servers state be\n"), " s1 127.0.0.1 0 1 1 1 "));
	assert_string_equal(ask("set server be/s1 state ready\n"), "\n");
	rig_roundtrip(&rig, 0, 0, &q);
	stop();
}

static void
cli__maxconn_raised__serves_the_queue(void **state)
{
	struct rig_req q[4];
	int i;

	(void)state;
	start(CLI_LEVEL_ADMIN);
	assert_string_equal(ask("set maxconn server be/s1 1\n"), "\n");
	for (i = 0; i < 4; i++)
		rig_ask(&rig, 0, 0, LEASE_ANY, &q[i]);
	rig_await(&rig, &q[0]);
	rig_run(&rig, 20);
	assert_true(q[1].waiting && q[3].waiting);
	assert_string_equal(ask("set maxconn server be/s1 4\n"), "\n");
	for (i = 1; i < 4; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < 4; i++)
		pool_release(q[i].w->pool, &q[i].bc);
	rig_check_rest(&rig);
	stop();
}

static void
cli__board__comes_read_only(void **state)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} cb;
	char b[64];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct board board;
	int fd, got = -1;

	(void)state;
	start(CLI_LEVEL_USER);
	fd = dial();
	assert_int_equal(write(fd, "_board\n", 7), 7);
	mh.msg_control = cb.room;
	mh.msg_controllen = sizeof(cb.room);
	assert_int_equal(recvmsg(fd, &mh, 0), 7);
	assert_memory_equal(b, "board\n\n", 7);
	assert_non_null(CMSG_FIRSTHDR(&mh));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(int));
	assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, got,
			0) == MAP_FAILED);
	assert_int_equal(board_attach(got, false, &board), 0);
	board_detach(&board);
	close(got);
	close(fd);
	stop();
}

static void
cli__many_and_slow_clients__are_bounded(void **state)
{
	int fd[30], i;
	struct pollfd p;
	char b[8];

	(void)state;
	start(CLI_LEVEL_ADMIN);
	for (i = 0; i < 30; i++)
		fd[i] = dial(); /* and say nothing */
	p.fd = dial();
	p.events = POLLIN;
	assert_int_equal(write(p.fd, "show version\n", 13), 13);
	/* it waits for its turn, which comes when silent ones time out */
	assert_int_equal(poll(&p, 1, 300), 0);
	for (i = 0; i < 25; i++)
		close(fd[i]);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_true(read(p.fd, b, sizeof(b)) > 0);
	close(p.fd);
	/* the timeout ends the rest */
	p.fd = fd[29];
	assert_int_equal(poll(&p, 1, 4000), 1);
	assert_int_equal(read(p.fd, b, sizeof(b)), 0);
	for (i = 25; i < 30; i++)
		close(fd[i]);
	stop();
}

static const char unknown[] =
    "Can't replace a certificate which is not referenced by the "
    "configuration!\nCan't update x!\n\n";

/* A payload ends with an empty line, however it comes. */
static void
cli__payload__belongs_to_its_command(void **state)
{
	const char text[] = "set ssl cert x <<\r\nline; line\n<<\n\r\n";
	char expected[512];
	int fd;

	(void)state;
	start(CLI_LEVEL_ADMIN);
	assert_string_equal(ask("set ssl cert x <<\na\nb\n\n"), unknown);
	assert_string_equal(ask("set ssl cert x <<\n\n"), unknown);
	snprintf(expected, sizeof(expected), "1 (initial 1)\n\n%s", unknown);
	assert_string_equal(
	    ask("get weight be/s1;set ssl cert x <<\na\n\nhelp\n"), expected);
	/* none: not there, or not at the end of the line */
	assert_non_null(strstr(ask("set ssl cert x\n"), "as a payload"));
	assert_non_null(strstr(ask("set ssl cert x << y\n"), "as a payload"));
	assert_non_null(strstr(ask("show ssl cert <<\nx\n\n"), "# filename"));
	fd = dial();
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		assert_int_equal(write(fd, text + i, 1), 1);
		usleep(200);
	}
	assert_string_equal(read_all(fd), unknown);
	close(fd);
	/* cut off: dropped, whoever sent it is gone */
	fd = dial();
	assert_int_equal(write(fd, "set ssl cert x <<\nab", 20), 20);
	shutdown(fd, SHUT_WR);
	assert_string_equal(read_all(fd), "");
	close(fd);
	assert_string_equal(ask("get weight be/s1\n"), "1 (initial 1)\n\n");
	stop();
}

static void
cli__too_long_a_payload__ends_the_connection(void **state)
{
	static char line[1024];
	int fd, i;

	(void)state;
	start(CLI_LEVEL_ADMIN);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	fd = dial();
	assert_int_equal(write(fd, "set ssl cert x <<\n", 18), 18);
	for (i = 0; i < 2000; i++)
		if (send(fd, line, sizeof(line), MSG_NOSIGNAL) < 0)
			break;
	assert_in_range(i, 1000, 1999);
	close(fd);
	assert_string_equal(ask("get weight be/s1\n"), "1 (initial 1)\n\n");
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cli__one_line__is_answered_and_closed),
		cmocka_unit_test(cli__prompt__keeps_the_connection),
		cmocka_unit_test(cli__stat__has_the_places),
		cmocka_unit_test(cli__level__is_kept),
		cmocka_unit_test(cli__maintenance__closes_idle_and_sends_away),
		cmocka_unit_test(cli__maxconn_raised__serves_the_queue),
		cmocka_unit_test(cli__board__comes_read_only),
		cmocka_unit_test(cli__many_and_slow_clients__are_bounded),
		cmocka_unit_test(cli__payload__belongs_to_its_command),
		cmocka_unit_test(cli__too_long_a_payload__ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
