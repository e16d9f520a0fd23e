/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets.
 *
 * A TCP bind line gets one SO_REUSEPORT socket per worker.  The address is
 * probed without SO_REUSEPORT before, else a second service of the same user
 * would silently share the port.  A Unix socket is bound beside its name and
 * renamed over it, so that no client meets a missing path; a path on which
 * somebody listens is refused.
 */
#include "master/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/base/fds.h"
#include "shm/base/mem.h"

enum { BACKLOG_DEFAULT = 4096 };

/* Socket attributes that bind lines and stats sockets have in common. */
struct sock_opts {
	const char *interface;
	int backlog;
	int mode, uid, gid; /* Unix, -1: leave */
	bool v6only, v4v6, transparent;
};

static int
sock_fail(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

static int
sock_set(int fd, int level, int opt, int value)
{
	return setsockopt(fd, level, opt, &value, sizeof(value));
}

/* A bound, not listening TCP socket, or -1 with errno. */
static int
tcp_bind(const struct addr *a, const struct sock_opts *o, bool reuseport)
{
	int fd = socket(
	    a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (sock_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
		return sock_fail(fd);
	if (reuseport && sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
		return sock_fail(fd);
	if (a->u.sa.sa_family == AF_INET6 && (o->v6only || o->v4v6) &&
	    sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6only) < 0)
		return sock_fail(fd);
	if (o->transparent && sock_set(fd, SOL_IP, IP_TRANSPARENT, 1) < 0)
		return sock_fail(fd);
	if (o->interface &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->interface,
		(socklen_t)strlen(o->interface) + 1) < 0)
		return sock_fail(fd);
	/* Accepted sockets inherit it: no system call for each of them. */
	if (sock_set(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
		return sock_fail(fd);
	if (bind(fd, &a->u.sa, a->len) < 0)
		return sock_fail(fd);
	return fd;
}

/* After a probe of port 0: the port the kernel chose. */
static int
tcp_take_port(int fd, struct addr *a)
{
	struct addr got;

	got.len = sizeof(got.u);
	if (getsockname(fd, &got.u.sa, &got.len) < 0)
		return -1;
	if (a->u.sa.sa_family == AF_INET)
		a->u.in4.sin_port = got.u.in4.sin_port;
	else
		a->u.in6.sin6_port = got.u.in6.sin6_port;
	return 0;
}

/* `n` listening sockets on one address into fds, or -1 with errno. */
static int
tcp_listen(const struct addr *want, const struct sock_opts *o, int n, int *fds)
{
	struct addr a = *want;
	int probe = tcp_bind(&a, o, false);
	int done = 0;

	if (probe < 0)
		return -1;
	if (tcp_take_port(probe, &a) < 0)
		return sock_fail(probe);
	close(probe);
	for (; done < n; done++) {
		fds[done] = tcp_bind(&a, o, n > 1);
		if (fds[done] < 0)
			break;
		if (listen(fds[done], o->backlog) < 0) {
			(void)sock_fail(fds[done]);
			break;
		}
	}
	if (done == n)
		return 0;
	for (int i = 0, saved = errno; i < done; i++) {
		close(fds[i]);
		errno = saved;
	}
	return -1;
}

/* Nobody listens on this path (or name)?  Else errno = EADDRINUSE. */
static bool
unix_is_free(const struct addr *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return false;
	rc = connect(fd, &a->u.sa, a->len);
	if (rc == 0 || errno == EAGAIN) {
		close(fd);
		errno = EADDRINUSE;
		return false;
	}
	close(fd);
	return true;
}

static int
unix_own(const char *path, const struct sock_opts *o)
{
	if (o->mode >= 0 && chmod(path, (mode_t)o->mode) < 0)
		return -1;
	if ((o->uid >= 0 || o->gid >= 0) &&
	    chown(path, (uid_t)o->uid, (gid_t)o->gid) < 0)
		return -1;
	return 0;
}

/* Bind to a temporary name beside the path, then rename it into place. */
static int
unix_bind_path(int fd, const struct addr *a, const struct sock_opts *o)
{
	struct sockaddr_un tmp = a->u.un;
	struct stat st;

	if (lstat(a->u.un.sun_path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if ((size_t)snprintf(tmp.sun_path, sizeof(tmp.sun_path), "%s.%d",
		a->u.un.sun_path, (int)getpid()) >= sizeof(tmp.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)unlink(tmp.sun_path);
	if (bind(fd, (struct sockaddr *)&tmp, sizeof(tmp)) < 0)
		return -1;
	if (unix_own(tmp.sun_path, o) < 0 ||
	    rename(tmp.sun_path, a->u.un.sun_path) < 0) {
		int saved = errno;

		(void)unlink(tmp.sun_path);
		errno = saved;
		return -1;
	}
	return 0;
}

static int
unix_listen(const struct addr *a, const struct sock_opts *o)
{
	int fd, rc;

	if (!unix_is_free(a))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (a->kind == ADDR_ABNS)
		rc = bind(fd, &a->u.sa, a->len);
	else
		rc = unix_bind_path(fd, a, o);
	if (rc < 0 || listen(fd, o->backlog) < 0)
		return sock_fail(fd);
	return fd;
}

/* A descriptor we inherited: it must listen already. */
static int
fd_listen(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) < 0)
		return -1;
	if (!on) {
		errno = EINVAL;
		return -1;
	}
	return fds_set_nonblock(fd) ? -1 : fd;
}

static int
listener_bind(struct listener *l, int workers)
{
	const struct bind *b = l->bind;
	struct sock_opts o = {
		.interface = b->interface,
		.backlog = b->backlog ? b->backlog : BACKLOG_DEFAULT,
		.mode = b->mode,
		.uid = b->uid,
		.gid = b->gid,
		.v6only = b->v6only,
		.v4v6 = b->v4v6,
		.transparent = b->transparent,
	};

	l->shared = b->addr.kind != ADDR_INET;
	l->fd_count = l->shared ? 1 : workers;
	l->fds = mem_alloc((size_t)l->fd_count * sizeof(*l->fds));
	switch (b->addr.kind) {
	case ADDR_INET:
		return tcp_listen(&b->addr, &o, workers, l->fds);
	case ADDR_UNIX:
	case ADDR_ABNS:
		l->fds[0] = unix_listen(&b->addr, &o);
		return l->fds[0] < 0 ? -1 : 0;
	case ADDR_FD:
		l->fds[0] = fd_listen(b->addr.fd);
		return l->fds[0] < 0 ? -1 : 0;
	case ADDR_N:
		break;
	}
	errno = EINVAL;
	return -1;
}

static const char *
bind_hint(int errnum)
{
	switch (errnum) {
	case EADDRINUSE:
		return "; another process listens there: stop it or choose "
		       "another address";
	case EACCES:
		return "; start as root or with CAP_NET_BIND_SERVICE, or "
		       "choose a port above 1023";
	case EADDRNOTAVAIL:
		return "; no interface of this machine has that address";
	case EMFILE:
	case ENFILE:
		return "; raise the limit of descriptors (ulimit -n)";
	case EEXIST:
		return "; the path names something that is no socket";
	default:
		return "";
	}
}

int
listener_bind_all(const struct conf *c, int workers, struct listener **list_r)
{
	struct listener **tail = list_r;
	int bad = 0;

	*list_r = NULL;
	for (const struct proxy *px = c->proxies; px; px = px->next) {
		if (px->disabled)
			continue;
		for (const struct bind *b = px->binds; b; b = b->next) {
			struct listener *l = mem_alloc(sizeof(*l));

			l->bind = b;
			if (listener_bind(l, workers) == 0) {
				*tail = l;
				tail = &l->next;
				continue;
			}
			log_msg(LOGL_ALERT,
			    "cannot bind %s of '%s' [%s:%d]: "
			    "%s%s",
			    b->text, px->name, b->file, b->line,
			    strerror(errno), bind_hint(errno));
			free(l->fds);
			free(l);
			bad++;
		}
	}
	if (!bad && !*list_r) {
		log_msg(LOGL_ALERT,
		    "no listener: no frontend has a bind line, "
		    "so there is nothing to do; add one");
		return -WSE_NOTFOUND;
	}
	return bad ? -WSE_SYS : 0;
}

int
listener_bind_socket(struct stats_socket *s, const char *what)
{
	struct sock_opts o = {
		.backlog = 64,
		.mode = s->mode,
		.uid = s->uid,
		.gid = s->gid,
	};
	int rc = -1;

	s->fd = -1;
	if (s->addr.kind == ADDR_INET) {
		rc = tcp_listen(&s->addr, &o, 1, &s->fd);
	} else {
		s->fd = s->addr.kind == ADDR_FD ? fd_listen(s->addr.fd)
						: unix_listen(&s->addr, &o);
		rc = s->fd < 0 ? -1 : 0;
	}
	if (rc == 0)
		return 0;
	log_msg(LOGL_ALERT, "cannot bind the %s %s: %s%s", what, s->text,
	    strerror(errno), bind_hint(errno));
	return -WSE_SYS;
}

int
listener_bind_stats(struct conf *c)
{
	int bad = 0;

	for (struct stats_socket *s = c->global.stats_sockets; s; s = s->next)
		if (listener_bind_socket(s, "stats socket"))
			bad++;
	return bad ? -WSE_SYS : 0;
}

int
listener_fd(const struct listener *l, int index)
{
	return l->shared ? l->fds[0] : l->fds[index];
}

void
listener_close_all(struct listener **list)
{
	while (*list) {
		struct listener *l = *list;

		*list = l->next;
		for (int i = 0; i < l->fd_count; i++)
			close(l->fds[i]);
		if (l->bind->addr.kind == ADDR_UNIX)
			(void)unlink(l->bind->addr.u.un.sun_path);
		free(l->fds);
		free(l);
	}
}

void
listener_close_socket(struct stats_socket *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	if (s->addr.kind == ADDR_UNIX)
		(void)unlink(s->addr.u.un.sun_path);
}

void
listener_close_stats(struct conf *c)
{
	for (struct stats_socket *s = c->global.stats_sockets; s; s = s->next)
		listener_close_socket(s);
}
