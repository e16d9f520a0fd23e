/* SPDX-License-Identifier: MIT */
/*
 * Connections of the runtime API: accepting, lines, answers.
 *
 * One line, its commands separated by `;`, then the answer and the end; with
 * `prompt` the connection stays.  At most stats_maxconn clients; more wait in
 * the backlog.  Nothing here blocks: output is buffered, a dump stops while
 * its client does not read, and a silent client is closed by the timeout.
 */
#include "broker/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/cert.h"
#include "broker/cli_parts.h"
#include "broker/shut.h"
#include "broker/store.h"
#include "shm/base/clock.h"
#include "shm/base/fds.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"

enum {
	CLIENTS_DEFAULT = 10,
	OUT_MAX = 1 << 22,
	TURNS_MAX = 4,
	TIMEOUT_MS = 10000
};

struct cli_listener {
	struct cli_listener *next;
	struct event ev;
	const struct stats_socket *conf;
};

static struct cli_listener *listeners;
static struct list clients;
static unsigned client_count;
static struct event resume; /* listening again after EMFILE */

static void on_client(evutil_socket_t fd, short what, void *arg);

static unsigned
clients_max(void)
{
	int n = broker.conf->global.stats_maxconn;

	return n > 0 ? (unsigned)n : CLIENTS_DEFAULT;
}

static void
listen_all(bool on)
{
	struct cli_listener *l;

	for (l = listeners; l; l = l->next)
		if (on)
			event_add(&l->ev, NULL);
		else
			event_del(&l->ev);
}

static void
append(struct cli *c, const char *p, size_t n)
{
	size_t room = c->out_room ? c->out_room : 4096;

	if (c->out_bytes + n > OUT_MAX) {
		c->broken = true;
		return;
	}
	while (room < c->out_bytes + n)
		room *= 2;
	if (room != c->out_room)
		c->out = mem_realloc(c->out, room);
	c->out_room = room;
	memcpy(c->out + c->out_bytes, p, n);
	c->out_bytes += n;
}

void
cli_print(struct cli *c, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		append(c, text,
		    (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void
cli_say(struct cli *c, int level, const char *fmt, ...)
{
	static const char *const names[] = { "emerg", "alert", "crit", "err",
		"warning", "notice", "info", "debug" };
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->severity == SEV_NUMBER)
		cli_print(c, "[%d]: ", level);
	else if (c->severity == SEV_STRING)
		cli_print(c, "[%s]: ", names[level & 7]);
	cli_print(c, "%s", text);
}

/* Nobody is to answer it. */
static void
forget(struct cli *c)
{
	cert_forget(c);
	shut_forget(c);
	store_forget(c);
}

static void
client_free(struct cli *c)
{
	event_del(&c->ev);
	list_del(&c->node);
	if (c->waiting)
		forget(c);
	close(c->fd);
	cli_payload_drop(c);
	explicit_bzero(c->in, sizeof(c->in));
	free(c->held);
	free(c->line);
	free(c->out);
	free(c);
	if (client_count-- == clients_max())
		listen_all(true);
}

/* False: the client is gone. */
static bool
send_one(struct cli *c, size_t n, ssize_t *sent_r)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} cb;
	struct iovec iov = { c->out, n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (c->send_fd >= 0) {
		memset(&cb, 0, sizeof(cb));
		mh.msg_control = cb.room;
		mh.msg_controllen = sizeof(cb.room);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &c->send_fd, sizeof(int));
	}
	*sent_r = sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (*sent_r >= 0)
		c->send_fd = -1;
	return *sent_r >= 0 || errno == EAGAIN || errno == EINTR ||
	    errno == ETOOMANYREFS;
}

static bool
flush(struct cli *c)
{
	ssize_t n;

	while (c->out_bytes > 0) {
		if (!send_one(c, c->out_bytes, &n))
			return false;
		if (n < 0)
			return true;
		memmove(c->out, c->out + n, c->out_bytes - (size_t)n);
		c->out_bytes -= (size_t)n;
	}
	return true;
}

/* The next command of the line; an escaped `;` is none. */
static char *
cut_command(char *p, char **rest_r)
{
	char *q;

	for (q = p; *q && *q != ';'; q++)
		if (*q == '\\' && q[1])
			q++;
	*rest_r = *q ? q + 1 : NULL;
	*q = '\0';
	return p;
}

/* Takes the next whole line off the input into c->line. */
static bool
take_line(struct cli *c)
{
	static char line[CLI_IN_MAX + 1];
	char *nl = memchr(c->in, '\n', c->in_bytes);
	size_t n;

	if (!nl && !(c->eof && c->in_bytes > 0))
		return false;
	n = nl ? (size_t)(nl - c->in) : c->in_bytes;
	memcpy(line, c->in, n);
	if (n > 0 && line[n - 1] == '\r')
		line[n - 1] = '\0';
	line[n] = '\0';
	n += nl != NULL;
	memmove(c->in, c->in + n, c->in_bytes - n);
	c->in_bytes -= (unsigned)n;
	free(c->line);
	c->line = mem_strdup(line);
	return true;
}

/* Takes a line, with its payload if it has one. */
static bool
take_command(struct cli *c)
{
	if (!c->held) {
		if (!take_line(c))
			return false;
		if (!cli_payload_begin(c))
			return true;
	}
	cli_payload_read(c);
	return !c->held && !c->broken;
}

static void
end_answer(struct cli *c)
{
	cli_print(c, c->prompt ? "\n> " : "\n");
}

/* Work on the line until the output is long enough or nothing is left. */
static void
run_line(struct cli *c)
{
	char *cmd, *rest, *left;

	while (c->line && !c->broken && !c->waiting &&
	    c->out_bytes < CLI_OUT_LOW) {
		if (c->step) {
			if (!c->step(c))
				continue;
			c->step = NULL;
			end_answer(c);
		} else if (c->line[0] == '\0') {
			free(c->line);
			c->line = NULL;
			cli_payload_drop(c);
			if (!c->prompt)
				c->closing = true;
		} else {
			cmd = cut_command(c->line, &rest);
			left = mem_strdup(rest ? rest : "");
			cli_run(c, cmd);
			free(c->line);
			c->line = left;
			if (!c->step && !c->waiting && !c->closing)
				end_answer(c);
		}
	}
}

static void
wait_for(struct cli *c)
{
	bool busy =
	    c->out_bytes > 0 || c->line || memchr(c->in, '\n', c->in_bytes);
	struct timeval tv = { c->timeout_ms / 1000,
		c->timeout_ms % 1000 * 1000 };

	event_del(&c->ev);
	if (c->waiting)
		return; /* whoever is waited for is bounded in time */
	event_assign(&c->ev, broker.base, c->fd, busy ? EV_WRITE : EV_READ,
	    on_client, c);
	event_add(&c->ev, c->timeout_ms ? &tv : NULL);
}

static void
serve(struct cli *c)
{
	unsigned turns = 0;

	do {
		if (!c->line && !c->closing && take_command(c) &&
		    c->line[0] == '\0' && c->prompt)
			cli_print(c, "> ");
		run_line(c);
		if (!flush(c) || c->broken) {
			client_free(c);
			return;
		}
	} while (++turns < TURNS_MAX && c->out_bytes == 0 &&
	    (c->line || (!c->closing && memchr(c->in, '\n', c->in_bytes))));
	if (c->out_bytes == 0 && !c->line && (c->closing || c->eof)) {
		client_free(c);
		return;
	}
	wait_for(c);
}

void
cli_resume(struct cli *c)
{
	c->waiting = false;
	end_answer(c);
	serve(c);
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	struct cli *c = arg;
	ssize_t n;

	clock_update();
	if (what & EV_TIMEOUT) {
		client_free(c);
		return;
	}
	if (what & EV_READ) {
		n = recv(fd, c->in + c->in_bytes, CLI_IN_MAX - c->in_bytes,
		    MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			client_free(c);
			return;
		}
		if (n == 0)
			c->eof = true;
		if (n > 0)
			c->in_bytes += (unsigned)n;
		if (c->in_bytes == CLI_IN_MAX &&
		    !memchr(c->in, '\n', c->in_bytes)) {
			client_free(c);
			return;
		}
	}
	serve(c);
}

static void
client_new(int fd, enum cli_level level)
{
	struct cli *c = mem_alloc(sizeof(*c));

	c->fd = fd;
	c->send_fd = -1;
	c->level = level;
	c->timeout_ms = broker.conf->global.stats_timeout_ms;
	if (c->timeout_ms == 0)
		c->timeout_ms = TIMEOUT_MS;
	list_add_tail(&clients, &c->node);
	event_assign(&c->ev, broker.base, fd, EV_READ, on_client, c);
	if (++client_count >= clients_max())
		listen_all(false);
	wait_for(c);
}

void
cli_adopt(int *fd, uint32_t level)
{
	if (*fd < 0)
		return;
	if (fds_set_nonblock(*fd) == 0)
		client_new(*fd, (enum cli_level)level);
	else
		close(*fd);
	*fd = -1;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = { 0, 100000 };
	struct cli_listener *l = arg;
	int cfd;

	(void)what;
	clock_update();
	cfd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (cfd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			listen_all(false);
			event_add(&resume, &tv);
		}
		return;
	}
	client_new(cfd, (enum cli_level)l->conf->level);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (client_count < clients_max())
		listen_all(true);
}

void
cli_tick(void)
{
	cli_stat_tick();
}

void
cli_start(void)
{
	const struct stats_socket *ss;
	struct cli_listener *l;

	list_init(&clients);
	event_assign(&resume, broker.base, -1, 0, on_resume, NULL);
	for (ss = broker.conf->global.stats_sockets; ss; ss = ss->next) {
		if (ss->fd < 0 || fds_set_nonblock(ss->fd) != 0)
			continue;
		l = mem_alloc(sizeof(*l));
		l->conf = ss;
		l->next = listeners;
		listeners = l;
		event_assign(&l->ev, broker.base, ss->fd, EV_READ | EV_PERSIST,
		    on_accept, l);
		event_add(&l->ev, NULL);
	}
}
