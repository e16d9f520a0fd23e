/* SPDX-License-Identifier: MIT */
#include "tools/top/find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/tools/top/board.h"

static struct board board;
static int board_fd, board_ro;
static char dir[] = "/tmp/wsb-find-XXXXXX", path[64];
static char why[FIND_WHY_MAX];

static int
setup(void **state)
{
	(void)state;
	board_fd = board_make(&board);
	if (board_fd < 0 || board_reopen_readonly(board_fd, &board_ro) < 0 ||
	    !mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	board_detach(&board);
	close(board_fd);
	close(board_ro);
	unlink(path);
	rmdir(dir);
	return 0;
}

/* It can be read, and not written. */
static void
is_read_only(int fd)
{
	struct board b;
	void *p;

	assert_int_equal(board_attach(fd, false, &b), 0);
	assert_string_equal(b.server[0].name, "s1");
	board_detach(&b);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_equal(p, MAP_FAILED);
	assert_int_equal(errno, EACCES);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
}

static void
find_by_pid__process_with_a_board__is_read_only(void **state)
{
	int fd = find_by_pid(getpid(), why);

	(void)state;
	assert_true(fd >= 0);
	is_read_only(fd);
}

static void
find_by_pid__child_without__asks_its_parent(void **state)
{
	pid_t pid = fork();
	int fd;

	(void)state;
	if (pid == 0) {
		close(board_fd);
		close(board_ro);
		pause();
		_exit(0);
	}
	usleep(50000);
	fd = find_by_pid(pid, why);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(fd >= 0);
	is_read_only(fd);
}

static void
find_by_pid__no_such_process__says_so(void **state)
{
	(void)state;
	assert_int_equal(find_by_pid(0x7ffffff0, why), -1);
	assert_non_null(strstr(why, "2147483632"));
}

/* A server for one connection: answers `text`, with fd if it is not -1. */
static pid_t
serve(const char *text, int fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char cmsg[CMSG_SPACE(sizeof(int))] = { 0 }, in[64] = "";
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c;
	struct cmsghdr *cm;
	pid_t pid;

	unlink(path);
	strcpy(sun.sun_path, path);
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(s, 1), 0);
	pid = fork();
	if (pid != 0) {
		close(s);
		return pid;
	}
	c = accept(s, NULL, NULL);
	if (recv(c, in, sizeof(in) - 1, 0) != 7 || strcmp(in, "_board\n") != 0)
		_exit(1);
	if (fd >= 0) {
		mh.msg_control = cmsg;
		mh.msg_controllen = sizeof(cmsg);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	if (*text)
		(void)!sendmsg(c, &mh, 0);
	_exit(0);
}

static void
served(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
find_by_socket__broker_answers__is_read_only(void **state)
{
	pid_t pid = serve("board\n", board_ro);
	int fd = find_by_socket(path, why);

	(void)state;
	served(pid);
	assert_true(fd >= 0);
	is_read_only(fd);
}

static void
find_by_socket__no_descriptor__gives_the_answer(void **state)
{
	pid_t pid = serve("Permission denied.\nmore", -1);

	(void)state;
	assert_int_equal(find_by_socket(path, why), -1);
	served(pid);
	assert_non_null(strstr(why, "Permission denied."));
	assert_null(strchr(why, '\n'));
	pid = serve("", -1);
	assert_int_equal(find_by_socket(path, why), -1);
	served(pid);
	assert_non_null(strstr(why, "without an answer"));
}

static void
find_by_socket__nobody_listens__says_so(void **state)
{
	char longpath[200];

	(void)state;
	unlink(path);
	assert_int_equal(find_by_socket(path, why), -1);
	assert_non_null(strstr(why, "No such file"));
	memset(longpath, 'x', sizeof(longpath) - 1);
	longpath[sizeof(longpath) - 1] = '\0';
	assert_int_equal(find_by_socket(longpath, why), -1);
	assert_non_null(strstr(why, "too long"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    find_by_pid__process_with_a_board__is_read_only),
		cmocka_unit_test(find_by_pid__child_without__asks_its_parent),
		cmocka_unit_test(find_by_pid__no_such_process__says_so),
		cmocka_unit_test(find_by_socket__broker_answers__is_read_only),
		cmocka_unit_test(
		    find_by_socket__no_descriptor__gives_the_answer),
		cmocka_unit_test(find_by_socket__nobody_listens__says_so),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
