/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/base/log.h"

static char got[16384];
static unsigned reopened;

static struct log_target
target_for(int fd, enum log_kind kind, enum log_form form)
{
	return (struct log_target){
		.fd = fd,
		.kind = kind,
		.form = form,
		.facility = 16,
		.max_level = LOGL_DEBUG,
		.line_max_bytes = 1024,
	};
}

/* Read one line or datagram, NUL-terminated. */
static const char *
take(int fd)
{
	ssize_t n = read(fd, got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = 0;
	return got;
}

static void
log_line__local__as_haproxy_frames_it(void **state)
{
	struct log_target t;
	char month[4], clock_text[9];
	int sv[2], day, pid, end = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv), 0);
	t = target_for(sv[0], LOGK_DGRAM, LOGF_LOCAL);
	log_target_set(0, &t);
	log_line(1, LOGL_INFO, SV("hello world"));
	take(sv[1]);
	assert_int_equal(sscanf(got, "<134>%3s %2d %8s wsb[%d]: hello world%n",
			     month, &day, clock_text, &pid, &end),
	    4);
	assert_int_equal(pid, 4711);
	assert_string_equal(got + end, "\n");
	assert_int_equal(got[8], ' ');
	assert_int_equal(got[11], ' ');
	t.form = LOGF_RFC3164;
	log_target_set(0, &t);
	log_line(1, LOGL_INFO, SV("hello"));
	take(sv[1]);
	assert_non_null(strstr(got, " localhost wsb[4711]: hello\n"));
	close(sv[0]);
	close(sv[1]);
}

static void
log_line__other_forms__head_as_named(void **state)
{
	struct log_target t;
	int fds[2], end = 0;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	t = target_for(fds[1], LOGK_STREAM, LOGF_RAW);
	log_target_set(1, &t);
	log_line(2, LOGL_INFO, SV("raw"));
	assert_string_equal(take(fds[0]), "raw\n");
	t.form = LOGF_SHORT;
	log_target_set(1, &t);
	log_line(2, LOGL_WARN, SV("short"));
	assert_string_equal(take(fds[0]), "<4>short\n");
	t.form = LOGF_RFC5424;
	log_target_set(1, &t);
	log_line(2, LOGL_WARN, SV("long"));
	take(fds[0]);
	sscanf(got,
	    "<132>1 20%*2d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6d%*[+-]%*2d:"
	    "%*2d - wsb 4711 - - long%n",
	    &end);
	assert_true(end > 0);
	assert_string_equal(got + end, "\n");
	close(fds[0]);
	close(fds[1]);
}

static void
log_line__levels__dropped_and_raised(void **state)
{
	struct log_target t;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	t = target_for(fds[1], LOGK_STREAM, LOGF_SHORT);
	t.max_level = LOGL_NOTICE;
	t.min_level = LOGL_ERR;
	log_target_set(2, &t);
	log_line(4, LOGL_INFO, SV("too much"));
	log_line(4, LOGL_ALERT, SV("raised"));
	log_line(4, LOGL_NOTICE, SV("kept"));
	assert_string_equal(take(fds[0]), "<3>raised\n<5>kept\n");
	close(fds[0]);
	close(fds[1]);
}

static void
log_line__too_long__cut_with_its_newline(void **state)
{
	static char text[9000];
	struct log_target t;
	int fds[2];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(pipe(fds), 0);
	t = target_for(fds[1], LOGK_STREAM, LOGF_RAW);
	t.line_max_bytes = 100;
	log_target_set(3, &t);
	log_line(8, LOGL_INFO, sv_of(text, sizeof(text)));
	assert_int_equal(strlen(take(fds[0])), 100);
	assert_int_equal(got[99], '\n');
	t.line_max_bytes = 8192; /* more than a pipe takes in one piece */
	log_target_set(3, &t);
	log_line(8, LOGL_INFO, sv_of(text, sizeof(text)));
	assert_int_equal(strlen(take(fds[0])), 4096);
	assert_int_equal(got[4095], '\n');
	close(fds[0]);
	close(fds[1]);
}

static void
log_line__reader_is_stuck__drops_and_counts(void **state)
{
	struct log_target t;
	uint64_t before = log_dropped();
	int fds[2], flags, lines = 0;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	t = target_for(fds[1], LOGK_STREAM, LOGF_RAW);
	log_target_set(4, &t);
	alarm(10); /* a wait would be the end */
	while (log_dropped() == before && lines < 100000) {
		log_line(16, LOGL_INFO, SV("nobody reads this line"));
		lines++;
	}
	for (int i = 0; i < 1000; i++)
		log_line(16, LOGL_INFO, SV("nor this"));
	alarm(0);
	assert_true(log_dropped() == before + 1001);
	flags = fcntl(fds[1], F_GETFL);
	assert_int_equal(flags & O_NONBLOCK, 0); /* others may share it */
	while (lines > 0 && take(fds[0])[0])
		for (const char *p = got; *p; p++)
			if (*p == '\n' && --lines == 1)
				goto out; /* all but the dropped one */
out:
	log_line(16, LOGL_INFO, SV("read again"));
	assert_non_null(strstr(take(fds[0]), "read again\n"));
	close(fds[0]);
	close(fds[1]);
}

static void
note_reopen(unsigned index)
{
	assert_int_equal(index, 5);
	reopened++;
}

static void
log_line__socket_is_gone__asks_once_for_another(void **state)
{
	struct log_target t;
	uint64_t before = log_dropped();
	int sv[2], next[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv), 0);
	t = target_for(sv[0], LOGK_DGRAM, LOGF_RAW);
	log_target_set(5, &t);
	log_on_reopen(note_reopen);
	close(sv[1]);
	for (int i = 0; i < 5; i++)
		log_line(32, LOGL_INFO, SV("lost"));
	assert_true(log_dropped() == before + 5);
	assert_int_equal(reopened, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, next), 0);
	log_target_fd(5, &next[0]);
	assert_int_equal(next[0], -1);
	assert_int_equal(fcntl(sv[0], F_GETFD), -1);
	log_line(32, LOGL_INFO, SV("found"));
	assert_string_equal(take(next[1]), "found\n");
	log_on_reopen(NULL);
	close(next[1]);
}

static void
log_msg__control_bytes__stay_one_line(void **state)
{
	struct log_target t;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	t = target_for(fds[1], LOGK_STREAM, LOGF_RAW);
	log_target_set(6, &t);
	log_global_mask(64);
	log_stderr(-1);
	log_msg(LOGL_INFO, "a\nb %s", "c\x7f");
	assert_string_equal(take(fds[0]), "a b c \n");
	log_global_mask(0);
	close(fds[0]);
	close(fds[1]);
}

static void
log_names__known_and_unknown(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse(SV("emerg")), 0);
	assert_int_equal(log_level_parse(SV("warning")), LOGL_WARN);
	assert_int_equal(log_level_parse(SV("debug")), LOGL_DEBUG);
	assert_int_equal(log_level_parse(SV("Debug")), -1);
	assert_int_equal(log_facility_parse(SV("kern")), 0);
	assert_int_equal(log_facility_parse(SV("local7")), 23);
	assert_int_equal(log_facility_parse(SV("local8")), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_line__local__as_haproxy_frames_it),
		cmocka_unit_test(log_line__other_forms__head_as_named),
		cmocka_unit_test(log_line__levels__dropped_and_raised),
		cmocka_unit_test(log_line__too_long__cut_with_its_newline),
		cmocka_unit_test(log_line__reader_is_stuck__drops_and_counts),
		cmocka_unit_test(
		    log_line__socket_is_gone__asks_once_for_another),
		cmocka_unit_test(log_msg__control_bytes__stay_one_line),
		cmocka_unit_test(log_names__known_and_unknown),
	};

	log_init("wsb", 4711);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
