/* SPDX-License-Identifier: MIT */
/*
 * Privileges of the broker: the configured user, no way back, not dumpable
 * (it maps the vaults).
 */
#include "broker/privs.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shm/base/fds.h"
#include "shm/base/log.h"

enum { KEEP_MAX = 256 };

static void
close_foreign(const struct broker_heritage *h)
{
	const struct stats_socket *ss;
	int keep[KEEP_MAX], n = 0, fd;
	unsigned i;

	keep[n++] = h->board_fd;
	keep[n++] = h->board_ro_fd;
	keep[n++] = h->master_fd;
	for (i = 0; i < LOG_TARGETS_MAX; i++) {
		fd = log_target_get(i);
		if (fd > 2)
			keep[n++] = fd;
	}
	for (i = 0; i < h->cert_count && n < KEEP_MAX; i++)
		keep[n++] = h->certs[i].fd;
	for (ss = h->conf->global.stats_sockets; ss; ss = ss->next)
		if (ss->fd > 2 && n < KEEP_MAX)
			keep[n++] = ss->fd;
	fds_close_except(keep, n);
}

static int
become_user(const struct conf_global *g)
{
	gid_t gid = g->gid >= 0 ? (gid_t)g->gid : getgid();

	if (g->uid < 0 && g->gid < 0)
		return 0;
	if (g->user ? initgroups(g->user, gid) : setgroups(0, NULL))
		return -WSE_SYS;
	if (g->gid >= 0 && setresgid(gid, gid, gid) < 0)
		return -WSE_SYS;
	if (g->uid >= 0 &&
	    setresuid((uid_t)g->uid, (uid_t)g->uid, (uid_t)g->uid) < 0)
		return -WSE_SYS;
	return 0;
}

int
privs_drop(const struct broker_heritage *h)
{
	close_foreign(h);
	if (geteuid() == 0 && become_user(&h->conf->global) != 0) {
		log_msg(LOGL_ALERT, "broker: cannot become user %s: %s",
		    h->conf->global.user ? h->conf->global.user : "?",
		    strerror(errno));
		return -WSE_SYS;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -WSE_SYS;
	return 0;
}
