/* SPDX-License-Identifier: MIT */
/*
 * The worker's sandbox: descriptors, chroot, user, system calls.
 *
 * The filter is a list of what is allowed.  What would open a file or make a
 * socket fails with EPERM, so that a library's attempt is survived; anything
 * else that is not listed, exec and ptrace among it, ends the process.
 */
#include "worker/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shm/base/fds.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

static void
close_foreign(const struct worker_heritage *h)
{
	int *keep =
	    mem_alloc(((size_t)(h->listener_count + 1) * (h->worker_count + 1) +
			  h->cert_count + 8 + LOG_TARGETS_MAX) *
		sizeof(int));
	int n = 0;

	for (int i = 0; i < h->listener_count; i++) {
		const struct worker_listener *l = &h->listeners[i];

		keep[n++] = l->fd;
		for (uint32_t w = 0; l->queues && w < h->worker_count; w++)
			keep[n++] = l->queues[w];
	}
	for (uint32_t w = 0; h->bells && w < h->worker_count; w++)
		keep[n++] = h->bells[w];
	for (unsigned i = 0; i < h->cert_count; i++)
		keep[n++] = h->certs[i].fd;
	keep[n++] = h->board_fd;
	keep[n++] = h->vault_fd;
	keep[n++] = h->master_fd;
	keep[n++] = h->broker_fd;
	for (unsigned i = 0; i < LOG_TARGETS_MAX; i++)
		if (log_target_get(i) > 2)
			keep[n++] = log_target_get(i);
	fds_close_except(keep, n);
}

static int
become_user(const struct conf_global *g)
{
	gid_t gid = g->gid >= 0 ? (gid_t)g->gid : getgid();

	if (g->chroot && (chroot(g->chroot) < 0 || chdir("/") < 0))
		return -WSE_SYS;
	if (g->uid < 0 && g->gid < 0)
		return 0;
	if (geteuid() == 0 && setgroups(0, NULL) < 0)
		return -WSE_SYS;
	if (g->gid >= 0 && setresgid(gid, gid, gid) < 0)
		return -WSE_SYS;
	if (g->uid >= 0 &&
	    setresuid((uid_t)g->uid, (uid_t)g->uid, (uid_t)g->uid) < 0)
		return -WSE_SYS;
	return 0;
}

int
sandbox_drop(const struct worker_heritage *h)
{
	const struct conf_global *g = &h->conf->global;

	close_foreign(h);
	/* An ordinary user can do neither; the config may be a shared one. */
	if (geteuid() == 0 && become_user(g) < 0) {
		log_msg(LOGL_ALERT,
		    "worker: cannot chroot to %s or become "
		    "user %s: %s",
		    g->chroot ? g->chroot : "-", g->user ? g->user : "-",
		    strerror(errno));
		return -WSE_SYS;
	}
	(void)prctl(PR_SET_NAME, "wsb-worker", 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -WSE_SYS;
	return 0;
}

#ifdef SANDBOX_SANITIZED

int
sandbox_filter(void)
{
	return 0;
}

#else

/* Serving: sockets, the loop, memory, time, the end. */
static const int allowed[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pwritev2),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mprotect),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rseq),
	SCMP_SYS(prlimit64),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Tried by libraries now and then; they cope with a refusal. */
static const int refused[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(creat),
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statx),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(ioctl),
	SCMP_SYS(prctl),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(kill),
};

static int
add_all(scmp_filter_ctx c, uint32_t action, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(c, action, calls[i], 0) < 0)
			return -WSE_SYS;
	return 0;
}

int
sandbox_filter(void)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = -WSE_SYS;

	if (!c)
		return -WSE_SYS;
	if (add_all(c, SCMP_ACT_ALLOW, allowed,
		sizeof(allowed) / sizeof(allowed[0])) == 0 &&
	    add_all(c, SCMP_ACT_ERRNO(EPERM), refused,
		sizeof(refused) / sizeof(refused[0])) == 0 &&
	    seccomp_load(c) == 0)
		err = 0;
	seccomp_release(c);
	return err;
}

#endif
