/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/sandbox.h"

/* Run `fn` behind the filter; its wait status. */
static int
behind(int (*fn)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    sandbox_filter() < 0)
			_exit(99);
		_exit(fn());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int
opens(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EPERM ? 0 : 1;
}

static int
makes_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0 : 1;
}

static int
execs(void)
{
	char *argv[] = { (char *)(uintptr_t) "/bin/true", NULL };

	execv(argv[0], argv);
	return 1;
}

static int
allocates(void)
{
	for (size_t n = 16; n < (size_t)8 << 20; n *= 2) {
		char *p = malloc(n);

		if (!p)
			return 1;
		p[n - 1] = 1;
		free(p);
	}
	return 0;
}

static bool
is_filtered(void)
{
	return WEXITSTATUS(behind(opens)) == 0;
}

static void
sandbox__open_or_socket__refused(void **state)
{
	(void)state;
	if (!is_filtered())
		skip(); /* sanitizers need what the filter forbids */
	assert_int_equal(behind(makes_socket), 0);
}

static void
sandbox__exec__ends_the_process(void **state)
{
	int status;

	(void)state;
	if (!is_filtered())
		skip();
	status = behind(execs);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void
sandbox__memory__works(void **state)
{
	(void)state;
	assert_int_equal(behind(allocates), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sandbox__open_or_socket__refused),
		cmocka_unit_test(sandbox__exec__ends_the_process),
		cmocka_unit_test(sandbox__memory__works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
