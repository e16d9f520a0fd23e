/* SPDX-License-Identifier: MIT */
/*
 * Connections of the master's command socket: accepting, lines, answers.
 *
 * One line, its commands separated by `;`, then the answer and the end; with
 * `prompt` the connection stays.  Nothing here blocks the master: descriptors
 * do not block, answers are buffered and bounded, so are the clients (more
 * wait in the backlog), and a silent one is closed.  Its descriptors are in
 * no child: those close all that their heritage does not name.
 */
#include "master/cli_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/cli_addr.h"
#include "master/cli_parts.h"
#include "shm/base/clock.h"
#include "shm/base/fds.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"

#ifndef WSB_RUN_DIR
#define WSB_RUN_DIR "/run/wsbroker"
#endif

enum {
	CLIENTS_MAX = 16,
	ANSWER_MAX = 1 << 20,
	IDLE_S = 60,
	IDLE_PROMPT_S = 600,
	READ_TURNS = 4, /* lines of one client in one turn of the loop */
};

static struct stats_socket sock = { .fd = -1 };
static struct event accept_ev, resume_ev;
static struct list clients;
static unsigned client_count;
static struct master *owner;

static void client_on_event(evutil_socket_t fd, short what, void *arg);

void
cli_client_append(struct cli_client *c, const char *p, size_t n)
{
	size_t room = c->out_room ? c->out_room : 4096;

	if (c->out_bytes + n > ANSWER_MAX) {
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
cli_client_print(struct cli_client *c, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		cli_client_append(c, text,
		    (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void
cli_client_consume(struct cli_client *c, unsigned n)
{
	memmove(c->in, c->in + n, c->in_bytes - n);
	c->in_bytes -= n;
	/* It may have been a key. */
	explicit_bzero(c->in + c->in_bytes, n);
}

static void
client_free(struct cli_client *c)
{
	cli_relay_stop(c);
	event_del(&c->ev);
	list_del(&c->node);
	close(c->fd);
	explicit_bzero(c->in, sizeof(c->in));
	free(c->out);
	free(c);
	if (client_count-- == CLIENTS_MAX && sock.fd >= 0)
		event_add(&accept_ev, NULL);
}

static void
client_flush(struct cli_client *c)
{
	ssize_t n;

	while (c->out_bytes > 0 && !c->broken) {
		n = send(
		    c->fd, c->out, c->out_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			c->broken = true;
			return;
		}
		memmove(c->out, c->out + n, c->out_bytes - (size_t)n);
		c->out_bytes -= (size_t)n;
	}
}

/* The end of a command's answer. */
static void
client_end_answer(struct cli_client *c, bool empty_line)
{
	if (c->closing)
		return;
	if (empty_line)
		cli_client_print(c, "\n");
	if (!c->in_line) {
		if (c->prompt)
			cli_client_print(c, "%s> ",
			    c->target == TARGET_MASTER ? "master" : "1");
		else
			c->closing = true;
	}
}

/*
 * Cut the next command off the input into `cmd` (CLI_LINE_MAX + 1 bytes): up
 * to a `;` that no backslash escapes, or to the end of the line.
 */
static bool
client_next(struct cli_client *c, char *cmd)
{
	char *nl = memchr(c->in, '\n', c->in_bytes);
	unsigned n, i;

	if (!nl && !(c->eof && c->in_bytes > 0))
		return false;
	n = nl ? (unsigned)(nl - c->in) : c->in_bytes;
	for (i = 0; i < n && c->in[i] != ';'; i++)
		if (c->in[i] == '\\' && i + 1 < n)
			i++;
	memcpy(cmd, c->in, i);
	cmd[i] = '\0';
	if (i > 0 && cmd[i - 1] == '\r')
		cmd[i - 1] = '\0';
	c->in_line = i < n;
	cli_client_consume(c, i < c->in_bytes ? i + 1 : i);
	return true;
}

static void
client_arm(struct cli_client *c)
{
	struct timeval tv = { c->prompt ? IDLE_PROMPT_S : IDLE_S, 0 };
	bool payload = c->waiting && c->relay.payload && !c->eof &&
	    c->in_bytes < CLI_LINE_MAX;
	short what = c->out_bytes > 0 ? EV_WRITE : EV_READ;

	event_del(&c->ev);
	if (payload)
		what |= EV_READ;
	else if (c->waiting && what == EV_READ)
		return; /* what is waited for is bounded in time */
	event_assign(&c->ev, c->m->base, c->fd, what, client_on_event, c);
	event_add(&c->ev, &tv);
}

static void
client_serve(struct cli_client *c)
{
	static char cmd[CLI_LINE_MAX + 1];
	int turns = 0;

	while (!c->waiting && !c->closing && !c->broken &&
	    c->out_bytes < CLI_ANSWER_LOW && turns++ < READ_TURNS &&
	    client_next(c, cmd)) {
		bool empty_line = cli_order_run(c, cmd);

		explicit_bzero(cmd, strlen(cmd));
		if (c->waiting)
			break;
		client_end_answer(c, empty_line);
	}
	client_flush(c);
	if (c->broken ||
	    (c->out_bytes == 0 && !c->waiting &&
		(c->closing || (c->eof && c->in_bytes == 0)))) {
		client_free(c);
		return;
	}
	if (c->waiting && c->out_bytes < CLI_ANSWER_LOW)
		cli_relay_go_on(c);
	client_arm(c);
	/* Lines that came along with the last: in the next turn. */
	if (!c->waiting && !c->closing && c->out_bytes == 0 &&
	    (c->eof || memchr(c->in, '\n', c->in_bytes)))
		event_active(&c->ev, EV_WRITE, 0);
}

void
cli_client_push(struct cli_client *c)
{
	client_serve(c);
}

void
cli_client_resume(struct cli_client *c)
{
	bool empty_line = c->relay.fd < 0;

	/* The broker has ended its answer with an empty line already. */
	cli_relay_stop(c);
	c->waiting = false;
	client_end_answer(c, empty_line);
	client_serve(c);
}

static void
client_read(struct cli_client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_bytes, CLI_LINE_MAX - c->in_bytes,
	    MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->broken = true;
	if (n == 0 && c->in_bytes < CLI_LINE_MAX)
		c->eof = true;
	if (n > 0)
		c->in_bytes += (unsigned)n;
	if (c->in_bytes == CLI_LINE_MAX && !c->waiting &&
	    !memchr(c->in, '\n', c->in_bytes))
		c->broken = true;
}

static void
client_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct cli_client *c = arg;

	(void)fd;
	clock_update();
	if (what & EV_TIMEOUT) {
		client_free(c);
		return;
	}
	if (what & EV_READ)
		client_read(c);
	if (c->waiting && !c->broken)
		cli_relay_feed(c);
	client_serve(c);
}

static void
client_on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct timeval later = { 0, 100000 };
	int cfd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct cli_client *c;

	(void)what;
	(void)arg;
	clock_update();
	if (cfd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			event_del(&accept_ev);
			event_add(&resume_ev, &later);
		}
		return;
	}
	c = mem_alloc(sizeof(*c));
	c->m = owner;
	c->fd = cfd;
	c->relay.fd = -1;
	c->right = (enum cli_right)sock.level;
	list_add_tail(&clients, &c->node);
	event_assign(&c->ev, owner->base, cfd, EV_READ, client_on_event, c);
	if (++client_count == CLIENTS_MAX)
		event_del(&accept_ev);
	client_arm(c);
}

static void
client_on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (client_count < CLIENTS_MAX)
		event_add(&accept_ev, NULL);
}

int
cli_client_bind(const char *text)
{
	char err[256] = "";
	int rc;

	if (!text && access(WSB_RUN_DIR, W_OK) != 0)
		return 0;
	rc = cli_addr_parse(text ? text : WSB_RUN_DIR "/master.sock,mode,600",
	    &sock, err, sizeof(err));
	if (rc)
		log_msg(LOGL_ALERT, "-S %s: %s", text, err);
	else
		rc = listener_bind_socket(&sock, "master's socket");
	return rc;
}

void
cli_client_start(struct master *m)
{
	owner = m;
	list_init(&clients);
	if (sock.fd < 0)
		return;
	event_assign(&accept_ev, m->base, sock.fd, EV_READ | EV_PERSIST,
	    client_on_accept, NULL);
	event_add(&accept_ev, NULL);
	evtimer_assign(&resume_ev, m->base, client_on_resume, NULL);
}

void
cli_client_end(void)
{
	struct list *it, *tmp;

	if (sock.fd < 0)
		return;
	event_del(&accept_ev);
	event_del(&resume_ev);
	listener_close_socket(&sock);
	list_for_safe(it, tmp, &clients)
	{
		struct cli_client *c = list_entry(it, struct cli_client, node);

		client_flush(c);
		client_free(c);
	}
	free(sock.text);
	sock.text = NULL;
}
