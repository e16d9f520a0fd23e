/* SPDX-License-Identifier: MIT */
/*
 * The floor of the benchmark: what any proxy built on libevent pays before it
 * looks at a byte.  One backend connection per client connection, raw events,
 * persistent read events, write events only after EAGAIN, one 64 KiB buffer
 * that is taken along only when the other side did not take all of it.
 * Usage: relay ORIGIN_PORT; it prints the port it listens on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct pair;

/* One end; bytes read from it go to the other. */
struct side {
	int fd;
	struct event *read_ev;
	struct event *write_ev;
	char *rest; /* bytes for this end that it did not take, or NULL */
	size_t rest_at, rest_end;
	struct pair *pair;
};

struct pair {
	struct side side[2]; /* client, origin */
};

static struct event_base *base;
static struct sockaddr_in origin;
static char buffer[BUFFER];

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
pair_free(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		struct side *s = &p->side[i];

		if (s->read_ev)
			event_free(s->read_ev);
		if (s->write_ev)
			event_free(s->write_ev);
		if (s->fd >= 0)
			close(s->fd);
		free(s->rest);
	}
	free(p);
}

static struct side *
peer_of(struct side *s)
{
	return &s->pair->side[s == &s->pair->side[0]];
}

/* Keep what `to` did not take; do not read more for it until it has. */
static void
side_keep(struct side *to, const char *p, size_t n)
{
	to->rest = malloc(n);
	if (!to->rest)
		die("malloc");
	memcpy(to->rest, p, n);
	to->rest_at = 0;
	to->rest_end = n;
	event_del(peer_of(to)->read_ev);
	event_add(to->write_ev, NULL);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct side *from = arg, *to = peer_of(from);
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0), sent;

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		pair_free(from->pair);
		return;
	}
	sent = send(to->fd, buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN) {
		pair_free(from->pair);
		return;
	}
	if (sent < 0)
		sent = 0;
	if (sent < n)
		side_keep(to, buffer + sent, (size_t)(n - sent));
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct side *s = arg;
	ssize_t n = send(
	    fd, s->rest + s->rest_at, s->rest_end - s->rest_at, MSG_NOSIGNAL);

	(void)what;
	if (n < 0 && errno != EAGAIN) {
		pair_free(s->pair);
		return;
	}
	if (n > 0)
		s->rest_at += (size_t)n;
	if (s->rest_at < s->rest_end) {
		event_add(s->write_ev, NULL);
		return;
	}
	free(s->rest);
	s->rest = NULL;
	event_add(peer_of(s)->read_ev, NULL);
}

static void
side_open(struct pair *p, int i, int fd)
{
	struct side *s = &p->side[i];
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	evutil_make_socket_nonblocking(fd);
	s->fd = fd;
	s->pair = p;
	s->read_ev = event_new(base, fd, EV_READ | EV_PERSIST, on_read, s);
	s->write_ev = event_new(base, fd, EV_WRITE, on_write, s);
	event_add(s->read_ev, NULL);
}

static void
on_accept(evutil_socket_t lfd, short what, void *arg)
{
	int fd = accept(lfd, NULL, NULL), back;
	struct pair *p;

	(void)what;
	(void)arg;
	if (fd < 0)
		return;
	back = socket(AF_INET, SOCK_STREAM, 0);
	/* loopback answers at once: no need for a state "connecting" */
	if (back < 0 ||
	    connect(back, (struct sockaddr *)&origin, sizeof(origin)) < 0) {
		perror("connect");
		close(fd);
		if (back >= 0)
			close(back);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		die("calloc");
	side_open(p, 0, fd);
	side_open(p, 1, back);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (argc != 2) {
		fprintf(stderr, "usage: relay ORIGIN_PORT\n");
		return 2;
	}
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	origin = a;
	origin.sin_port = htons((uint16_t)atoi(argv[1]));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die("listen");
	printf("%u\n", ntohs(a.sin_port));
	fflush(stdout);
	base = event_base_new();
	event_add(
	    event_new(base, fd, EV_READ | EV_PERSIST, on_accept, NULL), NULL);
	return event_base_dispatch(base);
}
