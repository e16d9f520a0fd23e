/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/daemon.h"

static char dir[64];

static const char *
path(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/%s", dir, name);
	return text;
}

static int
make_dir(void **state)
{
	(void)state;
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

/* What the file holds, or -1 without one. */
static int
number_in(const char *name)
{
	char text[32] = "";
	FILE *f = fopen(path(name), "r");

	if (!f)
		return -1;
	if (fgets(text, sizeof(text), f))
		assert_int_equal(text[strlen(text) - 1], '\n');
	fclose(f);
	return atoi(text);
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
daemon__pidfile__holds_the_pid_and_goes(void **state)
{
	int other;

	(void)state;
	assert_int_equal(daemon_pidfile_lock(path("pid"), &other), 0);
	assert_int_equal(number_in("pid"), 0);
	assert_int_equal(daemon_pidfile_write(), 0);
	assert_int_equal(number_in("pid"), getpid());
	daemon_pidfile_remove(path("pid"));
	assert_int_equal(number_in("pid"), -1);
	/* Nothing is written where no file was taken. */
	assert_int_equal(daemon_pidfile_write(), 0);
}

static void
daemon__stale_pidfile__is_taken(void **state)
{
	int other;

	(void)state;
	put("pid", "1\n1234567\n");
	assert_int_equal(daemon_pidfile_lock(path("pid"), &other), 0);
	assert_int_equal(number_in("pid"), 0);
	assert_int_equal(daemon_pidfile_write(), 0);
	assert_int_equal(number_in("pid"), getpid());
	daemon_pidfile_remove(path("pid"));
}

static void
daemon__pidfile_in_use__names_its_owner(void **state)
{
	int status, other;
	pid_t pid;

	(void)state;
	assert_int_equal(daemon_pidfile_lock(path("pid"), &other), 0);
	assert_int_equal(daemon_pidfile_write(), 0);
	pid = fork();
	if (pid == 0) {
		int rc = daemon_pidfile_lock(path("pid"), &other);

		_exit(rc == -WSE_EXISTS && other == getppid() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(number_in("pid"), getpid());
	daemon_pidfile_remove(path("pid"));
}

/* The next program of the same process finds its own number. */
static void
daemon__pidfile_of_this_process__keeps_it(void **state)
{
	char text[32];
	int other;

	(void)state;
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	put("pid", text);
	assert_int_equal(daemon_pidfile_lock(path("pid"), &other), 0);
	assert_int_equal(number_in("pid"), getpid());
	daemon_pidfile_remove(path("pid"));
}

static void
daemon__pidfile_of_another__stays(void **state)
{
	int other;

	(void)state;
	assert_int_equal(daemon_pidfile_lock(path("pid"), &other), 0);
	assert_int_equal(unlink(path("pid")), 0);
	put("pid", "1\n");
	daemon_pidfile_remove(path("pid"));
	assert_int_equal(number_in("pid"), 1);
	assert_int_equal(unlink(path("pid")), 0);
}

static void
daemon__pidfile_nowhere__is_an_error(void **state)
{
	int other;

	(void)state;
	assert_int_equal(
	    daemon_pidfile_lock(path("no/such/pid"), &other), -WSE_SYS);
}

static void
notify_roundtrip(bool abstract)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[128], got[64] = "";
	socklen_t len;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	if (abstract)
		snprintf(name, sizeof(name), "@wsb-unit-%d", (int)getpid());
	else
		snprintf(name, sizeof(name), "%s", path("notify"));
	strcpy(sun.sun_path, name);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(name) + !abstract);
	if (abstract)
		sun.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	daemon_notify("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
	assert_memory_equal(got, "READY=1", 7);
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void
daemon__notify__reaches_paths_and_abstract_names(void **state)
{
	(void)state;
	notify_roundtrip(false);
	notify_roundtrip(true);
	daemon_notify("READY=1"); /* without the variable: nothing */
}

/* The starting process must exit with what the daemon reports. */
static int
status_of_start(int report)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (daemon_start())
			_exit(99);
		if (report >= 0)
			daemon_ready(report);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
daemon__start__waits_for_the_report(void **state)
{
	(void)state;
	assert_int_equal(status_of_start(0), 0);
	assert_int_equal(status_of_start(3), 3);
	/* It died without a word. */
	assert_int_equal(status_of_start(-1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    daemon__pidfile__holds_the_pid_and_goes, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(
		    daemon__pidfile_of_another__stays, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    daemon__stale_pidfile__is_taken, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    daemon__pidfile_in_use__names_its_owner, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(
		    daemon__pidfile_of_this_process__keeps_it, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(
		    daemon__pidfile_nowhere__is_an_error, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    daemon__notify__reaches_paths_and_abstract_names, make_dir,
		    remove_dir),
		cmocka_unit_test(daemon__start__waits_for_the_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
