/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/base/chk.h"

static void
chk__true__goes_on(void **state)
{
	(void)state;
	CHK(1 + 1 == 2);
}

static void
chk__false__aborts_and_says_where(void **state)
{
	char text[512] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		CHK(1 + 1 == 3);
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_true(n > 0);
	assert_non_null(strstr(text, "test_chk.c:"));
	assert_non_null(strstr(text, "1 + 1 == 3"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chk__true__goes_on),
		cmocka_unit_test(chk__false__aborts_and_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
