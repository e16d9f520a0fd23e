/* SPDX-License-Identifier: MIT */
/*
 * A service's clients, for what happens to them while it is reloaded.
 * Usage: tls_crowd WS_PORT WS WSS_PORT WSS HTTP_PORT REQUESTS_PER_S
 *
 * WS and WSS WebSockets (plain, TLS) echo 125 bytes once a second, each
 * numbered and compared; requests go over 50 kept connections; one client
 * follows the event stream /sse, one reads a long /bytes/N slowly.  Who loses
 * its connection is counted and comes back.  Prints "ready" when all are
 * there, then for each line of input its counters so far as JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	ECHO = 125,
	FRAME = 2 + 4 + ECHO,
	KEPT = 50,
	ROOM = 4096,
	SLOW_BYTES = 16384, /* each tick of 100 ms */
	SLOW_TOTAL = 400000000,
	BUCKETS = 10000, /* of a millisecond */
	AT_ONCE = 200,   /* connections on their way */
};

enum kind { WS, REQUEST, EVENTS, SLOW };
enum state { CLOSED, CONNECTING, SHAKING, ASKED, OPEN };

struct client {
	enum kind kind;
	enum state state;
	bool tls, waits, was_open;
	int fd, got, no;
	SSL *ssl;
	unsigned long seq;
	double due, asked_at;
	char in[ROOM];
};

static struct {
	unsigned long echoes, wrong, cut, requests, failed, reconnects, closed,
	    events, events_wrong, events_cut, slow_wrong, slow_cut, missed;
	unsigned long long slow_bytes;
	unsigned long took[BUCKETS];
} total;

static SSL_CTX *ctx;
static int epoll, ready, on_their_way, count;
static int port_of[3]; /* ws, wss, http */
static struct client *clients;

static void
die(const char *what)
{
	fprintf(stderr, "tls_crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
begin(struct client *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
	int one = 1, small = 65536;
	int port = c->kind != WS ? 2 : c->tls ? 1 : 0;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (c->kind == SLOW)
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	to.sin_port = htons((uint16_t)port_of[port]);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS)
		die("connect");
	if (c->tls) {
		c->ssl = SSL_new(ctx);
		if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
			die("no memory");
		SSL_set_connect_state(c->ssl);
	}
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die("epoll_ctl");
	c->state = CONNECTING;
	c->got = 0;
	c->waits = false;
	on_their_way++;
}

static void
want(struct client *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev) < 0)
		die("epoll_ctl");
}

/* The connection is gone; `in_order`: it was not in use. */
static void
lost(struct client *c, bool in_order)
{
	if (c->state < OPEN)
		on_their_way--;
	if (c->kind == REQUEST && !in_order)
		total.failed++;
	if (c->was_open)
		switch (c->kind) {
		case WS:
			total.cut++;
			break;
		case REQUEST:
			total.closed += in_order;
			break;
		case EVENTS:
			total.events_cut++;
			break;
		case SLOW:
			total.slow_cut++;
			break;
		}
	total.reconnects++;
	if (c->ssl)
		SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->state = CLOSED;
	c->seq = 0;
	c->due = now_s() + 0.1;
}

/* Bytes, 0: none now, -1: gone. */
static int
take(struct client *c, char *to, int room)
{
	int n;

	if (c->ssl) {
		n = SSL_read(c->ssl, to, room);
		if (n > 0)
			return n;
		n = SSL_get_error(c->ssl, n);
		return n == SSL_ERROR_WANT_READ ? 0 : -1;
	}
	n = (int)recv(c->fd, to, (size_t)room, 0);
	if (n > 0)
		return n;
	return n < 0 && errno == EAGAIN ? 0 : -1;
}

/* What is sent is small and the peer reads it: no half writes. */
static bool
give(struct client *c, const char *from, int n)
{
	if (c->ssl)
		return SSL_write(c->ssl, from, n) == n;
	return send(c->fd, from, (size_t)n, MSG_NOSIGNAL) == n;
}

static void
text_of(const struct client *c, char *to)
{
	memset(to, '.', ECHO);
	to[snprintf(to, ECHO, "%d of %lu", c->no, c->seq)] = ' ';
}

static bool
send_echo(struct client *c)
{
	char frame[FRAME];

	frame[0] = (char)0x81;
	frame[1] = (char)(0x80 | ECHO);
	memset(frame + 2, 0, 4);
	text_of(c, frame + 6);
	c->asked_at = now_s();
	c->waits = true;
	return give(c, frame, sizeof(frame));
}

static bool
ask(struct client *c)
{
	static const char *const path[] = { "/ws", "/bytes/100", "/sse",
		"/bytes/400000000" };
	char head[300];
	int n = snprintf(head, sizeof(head),
	    "GET %s HTTP/1.1\r\nHost: crowd\r\n%s\r\n", path[c->kind],
	    c->kind == WS ? "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			    "Sec-WebSocket-Version: 13\r\n"
			    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			  : "");

	c->waits = true;
	c->asked_at = now_s();
	return give(c, head, n);
}

static void
took(double since)
{
	int ms = (int)((now_s() - since) * 1e3);

	total.took[ms < BUCKETS ? ms : BUCKETS - 1]++;
}

/* Each returns how many bytes it used, 0: more are needed, -1: wrong. */
static int
on_echo(struct client *c)
{
	char text[ECHO];

	if (c->got < 2 + ECHO)
		return 0;
	text_of(c, text);
	if (!c->waits || c->in[0] != (char)0x81 || c->in[1] != ECHO ||
	    memcmp(c->in + 2, text, ECHO) != 0) {
		total.wrong++;
		return -1;
	}
	took(c->asked_at);
	total.echoes++;
	c->seq++;
	c->waits = false;
	return 2 + ECHO;
}

static int
on_answer(struct client *c)
{
	const char *end = memmem(c->in, (size_t)c->got, "\r\n\r\n", 4);

	if (!end)
		return 0;
	end += 4;
	if (!c->waits || strncmp(c->in, "HTTP/1.1 200 ", 13) != 0)
		return -1;
	if (c->got - (end - c->in) < 100)
		return 0;
	total.requests++;
	c->waits = false;
	return (int)(end - c->in) + 100;
}

static int
on_event(struct client *c)
{
	const char *at = memmem(c->in, (size_t)c->got, "data: tick ", 11);
	const char *end =
	    at ? memmem(at, (size_t)(c->in + c->got - at), "\n\n", 2) : NULL;
	unsigned long n;

	if (!end)
		return 0;
	n = strtoul(at + 11, NULL, 10);
	if (c->seq && n != c->seq + 1) {
		total.events_wrong++;
		return -1;
	}
	c->seq = n;
	total.events++;
	return (int)(end + 2 - c->in);
}

/* The body repeats itself every 64 bytes; `in` begins with the first. */
static int
on_slow(struct client *c)
{
	int whole = c->got - c->got % 64;

	for (int i = 64; i < whole; i++)
		if (c->in[i] != c->in[i - 64]) {
			total.slow_wrong++;
			return -1;
		}
	total.slow_bytes += (unsigned)(whole > 64 ? whole - 64 : 0);
	return whole > 64 ? whole - 64 : 0;
}

/* The head of an answer that opens something: used bytes, 0 or -1. */
static int
on_head(struct client *c)
{
	const char *want_line =
	    c->kind == WS ? "HTTP/1.1 101 " : "HTTP/1.1 200 ";
	const char *end = memmem(c->in, (size_t)c->got, "\r\n\r\n", 4);

	if (!end)
		return 0;
	if (strncmp(c->in, want_line, 13) != 0)
		return -1;
	c->state = OPEN;
	c->waits = false;
	on_their_way--;
	if (!c->was_open)
		ready++;
	c->was_open = true;
	if (c->kind == WS)
		c->due = now_s() + (double)(c->no % 1000) / 1000;
	return (int)(end + 4 - c->in);
}

static bool
digest(struct client *c)
{
	int used;

	do {
		if (c->state == ASKED && c->kind != REQUEST)
			used = on_head(c);
		else if (c->kind == WS)
			used = on_echo(c);
		else if (c->kind == REQUEST)
			used = on_answer(c);
		else
			used = c->kind == EVENTS ? on_event(c) : on_slow(c);
		if (used < 0)
			return false;
		c->got -= used;
		memmove(c->in, c->in + used, (size_t)c->got);
	} while (used > 0 && c->got > 0);
	return true;
}

static void
on_readable(struct client *c)
{
	int limit = c->kind == SLOW ? SLOW_BYTES : 1 << 20;

	while (limit > 0) {
		int room = ROOM - c->got;
		int n = room > 0 ? take(c, c->in + c->got, room) : -1;

		if (n < 0) {
			lost(c, c->kind == REQUEST && !c->waits);
			return;
		}
		if (n == 0)
			break;
		c->got += n;
		limit -= n;
		if (!digest(c)) {
			lost(c, false);
			return;
		}
	}
	if (c->kind == SLOW && c->state == OPEN) {
		want(c, 0); /* until its next tick */
		c->due = now_s() + 0.1;
	}
}

static void
on_event_of(struct client *c)
{
	if (c->state == CONNECTING) {
		int err = 0;
		socklen_t n = sizeof(err);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &n);
		if (err) {
			lost(c, false);
			return;
		}
		c->state = SHAKING;
	}
	if (c->state == SHAKING) {
		int n = c->ssl ? SSL_do_handshake(c->ssl) : 1;

		if (n != 1) {
			n = SSL_get_error(c->ssl, n);
			if (n == SSL_ERROR_WANT_READ)
				want(c, EPOLLIN);
			else if (n != SSL_ERROR_WANT_WRITE)
				lost(c, false);
			return;
		}
		want(c, EPOLLIN);
		c->state = ASKED;
		if (c->kind == REQUEST) {
			c->state = OPEN;
			on_their_way--;
			ready += !c->was_open;
			c->was_open = true;
		} else if (!ask(c)) {
			lost(c, false);
		}
		return;
	}
	on_readable(c);
}

static void
tick(double now, double every)
{
	for (int i = 0; i < count; i++) {
		struct client *c = &clients[i];

		if (c->due > now)
			continue;
		if (c->state == CLOSED) {
			if (on_their_way < AT_ONCE)
				begin(c);
			continue;
		}
		if (c->state != OPEN || c->kind == EVENTS)
			continue;
		if (c->kind == SLOW) {
			want(c, EPOLLIN);
			continue;
		}
		c->due += c->kind == WS ? 1 : every;
		if (c->due < now)
			c->due = now; /* the machine lags: no burst */
		if (c->waits)
			total.missed++;
		else if (!(c->kind == WS ? send_echo(c) : ask(c)))
			lost(c, false);
	}
}

static double
percentile(double share)
{
	unsigned long sum = 0, seen = 0;

	for (int i = 0; i < BUCKETS; i++)
		sum += total.took[i];
	for (int i = 0; i < BUCKETS; i++) {
		seen += total.took[i];
		if ((double)seen >= share * (double)sum)
			return i;
	}
	return BUCKETS;
}

static void
report(void)
{
	printf("{\"ready\": %d, \"clients\": %d, \"echoes\": %lu, "
	       "\"wrong\": %lu, \"cut\": %lu, \"requests\": %lu, "
	       "\"failed\": %lu, \"closed\": %lu, \"reconnects\": %lu, "
	       "\"events\": %lu, \"events_wrong\": %lu, \"events_cut\": %lu, "
	       "\"slow_bytes\": %llu, \"slow_wrong\": %lu, \"slow_cut\": %lu, "
	       "\"missed\": %lu, \"p50_ms\": %.0f, \"p99_ms\": %.0f, "
	       "\"most_ms\": %.0f}\n",
	    ready, count, total.echoes, total.wrong, total.cut, total.requests,
	    total.failed, total.closed, total.reconnects, total.events,
	    total.events_wrong, total.events_cut, total.slow_bytes,
	    total.slow_wrong, total.slow_cut, total.missed, percentile(0.5),
	    percentile(0.99), percentile(1));
	fflush(stdout);
	memset(total.took, 0, sizeof(total.took));
}

static void
people(int ws, int wss)
{
	count = ws + wss + KEPT + 2;
	clients = calloc((size_t)count, sizeof(*clients));
	if (!clients)
		die("no memory");
	for (int i = 0; i < count; i++) {
		struct client *c = &clients[i];

		c->no = i;
		c->kind = i < ws + wss    ? WS
		    : i < ws + wss + KEPT ? REQUEST
		    : i < count - 1       ? EVENTS
					  : SLOW;
		c->tls = i >= ws && i < ws + wss;
	}
}

/* A line of input: a report; its end: the end. */
static void
commands(void)
{
	char line[64];
	ssize_t n = read(0, line, sizeof(line));

	if (n == 0)
		exit(0);
	if (n > 0)
		report();
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[256], in = { .events = EPOLLIN };
	bool told = false;
	double every, next = 0;

	if (argc != 7)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	port_of[0] = atoi(argv[1]);
	port_of[1] = atoi(argv[3]);
	port_of[2] = atoi(argv[5]);
	every = (double)KEPT / atof(argv[6]);
	people(atoi(argv[2]), atoi(argv[4]));
	ctx = SSL_CTX_new(TLS_client_method());
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!ctx || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &in) < 0)
		die("no memory");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	for (;;) {
		int n = epoll_wait(epoll, ev, 256, 5);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				on_event_of(ev[i].data.ptr);
			else
				commands();
		}
		if (now_s() >= next) {
			next = now_s() + 0.005;
			tick(now_s(), every);
		}
		if (!told && ready == count) {
			printf("ready\n");
			fflush(stdout);
			told = true;
		}
	}
}
