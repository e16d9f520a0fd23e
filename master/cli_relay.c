/* SPDX-License-Identifier: MIT */
/*
 * A command for the service (`@1 show stat`): the broker gets one end of a
 * socket pair as if it were a client of its runtime socket, the answer comes
 * back on the other.  The broker ends the connection when it has answered, or
 * by its death; its waits are bounded.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/cli_parts.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"

static void
relay_on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct cli_client *c = arg;
	char buf[16384];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	(void)what;
	clock_update();
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		cli_client_resume(c);
		return;
	}
	cli_client_append(c, buf, (size_t)n);
	explicit_bzero(buf, (size_t)n);
	if (c->out_bytes >= CLI_ANSWER_LOW)
		event_del(&c->relay.in);
	cli_client_push(c);
}

static void
relay_on_room(evutil_socket_t fd, short what, void *arg)
{
	struct cli_client *c = arg;

	(void)fd;
	(void)what;
	clock_update();
	cli_relay_feed(c);
	cli_client_push(c);
}

/* The next bytes of the payload in the input: one line, or its begin. */
static unsigned
relay_piece(struct cli_client *c, bool *whole_r)
{
	char *nl = memchr(c->in, '\n', c->in_bytes);

	*whole_r = nl != NULL;
	if (nl)
		return (unsigned)(nl - c->in) + 1;
	return c->eof || c->in_bytes == CLI_LINE_MAX ? c->in_bytes : 0;
}

static bool
relay_is_last(const struct cli_client *c, unsigned n)
{
	return !c->relay.mid_line && (n == 1 || (n == 2 && c->in[0] == '\r')) &&
	    c->in[n - 1] == '\n';
}

void
cli_relay_feed(struct cli_client *c)
{
	struct cli_relay *r = &c->relay;
	unsigned n;
	ssize_t sent;
	bool whole, last;

	while (r->fd >= 0 && r->payload) {
		n = relay_piece(c, &whole);
		if (n == 0 && !c->eof)
			return;
		if (n == 0) {
			r->payload = false;
			break;
		}
		last = relay_is_last(c, n);
		sent = send(r->fd, c->in, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			event_add(&r->out, NULL);
			return;
		}
		if (sent < 0) {
			r->payload = false; /* its answer says why */
			break;
		}
		r->mid_line = !whole || (unsigned)sent < n;
		cli_client_consume(c, (unsigned)sent);
		if (last && (unsigned)sent == n)
			r->payload = false;
	}
	if (r->fd >= 0 && !r->payload)
		(void)shutdown(r->fd, SHUT_WR);
}

void
cli_relay_start(struct cli_client *c, const char *cmd, bool payload)
{
	struct ipc_msg msg = { .type = IPC_CLI, .fd_count = 1 };
	struct cli_relay *r = &c->relay;
	size_t n = strlen(cmd);
	int pair[2];

	if (c->m->broker.state != CHILD_READY) {
		cli_client_print(
		    c, "The broker is being started; try again.\n");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		pair) < 0) {
		cli_client_print(c, "No descriptors: %s\n", strerror(errno));
		return;
	}
	/* An empty socket takes one line. */
	if (send(pair[0], cmd, n, MSG_NOSIGNAL) != (ssize_t)n ||
	    send(pair[0], "\n", 1, MSG_NOSIGNAL) != 1) {
		close(pair[0]);
		close(pair[1]);
		cli_client_print(c, "The command could not be passed on.\n");
		return;
	}
	msg.fd[0] = pair[1];
	msg.u.cli.level = (uint32_t)c->right;
	child_send(&c->m->broker, &msg);
	close(pair[1]);
	r->fd = pair[0];
	r->payload = payload;
	r->mid_line = false;
	event_assign(&r->in, c->m->base, r->fd, EV_READ | EV_PERSIST,
	    relay_on_answer, c);
	event_assign(&r->out, c->m->base, r->fd, EV_WRITE, relay_on_room, c);
	event_add(&r->in, NULL);
	c->waiting = true;
	cli_relay_feed(c);
}

void
cli_relay_go_on(struct cli_client *c)
{
	if (c->relay.fd >= 0)
		event_add(&c->relay.in, NULL);
}

void
cli_relay_stop(struct cli_client *c)
{
	if (c->relay.fd < 0)
		return;
	event_del(&c->relay.in);
	event_del(&c->relay.out);
	close(c->relay.fd);
	c->relay.fd = -1;
}
