/* SPDX-License-Identifier: MIT */
/*
 * Log targets of the config.
 *
 * Only the master can reach a syslog socket's path again once the workers
 * sit in their chroot: when the daemon restarts, a process whose line was
 * refused asks, and all get a new descriptor.
 */
#include "master/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
logs_connect(const struct addr *a)
{
	int fd = socket(
	    a->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, &a->u.sa, a->len) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

void
logs_open(const struct conf *c)
{
	for (int i = 0; i < c->log_target_count; i++) {
		const struct conf_log_target *lt = &c->log_targets[i];
		struct log_target t = lt->t;

		if (lt->addr.kind == ADDR_FD) {
			t.kind = LOGK_STREAM;
			t.fd = fcntl(lt->addr.fd, F_DUPFD_CLOEXEC, 3);
			if (t.fd < 0)
				log_msg(LOGL_WARN,
				    "log %s: descriptor %d: %s; its lines "
				    "are dropped",
				    lt->text, lt->addr.fd, strerror(errno));
		} else {
			t.kind = LOGK_DGRAM;
			t.fd = logs_connect(&lt->addr);
			if (t.fd < 0)
				log_msg(LOGL_WARN,
				    "log %s: %s; trying again when there "
				    "is a line to send",
				    lt->text, strerror(errno));
		}
		log_target_set((unsigned)i, &t);
	}
	if (c->global.log_send_hostname)
		log_host(c->global.log_send_hostname);
	log_global_mask(c->global.log_mask);
}

void
logs_detach(const struct conf *c)
{
	for (int i = 0; i < c->log_target_count; i++) {
		const struct conf_log_target *lt = &c->log_targets[i];
		int fd;

		if (lt->addr.kind != ADDR_FD || lt->addr.fd > 2)
			continue;
		fd = fcntl(lt->addr.fd, F_DUPFD_CLOEXEC, 3);
		log_target_fd((unsigned)i, &fd);
	}
}

int
logs_reopen(const struct conf *c, unsigned index, int *fd_r)
{
	const struct conf_log_target *lt;

	if (index >= (unsigned)c->log_target_count)
		return -WSE_RANGE;
	lt = &c->log_targets[index];
	if (lt->addr.kind == ADDR_FD)
		return -WSE_UNSUPP;
	*fd_r = logs_connect(&lt->addr);
	return *fd_r < 0 ? -WSE_SYS : 0;
}
