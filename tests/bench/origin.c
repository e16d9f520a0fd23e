/* SPDX-License-Identifier: MIT */
/*
 * The origin of the benchmark: as little work per request as can be, so that
 * the proxy stays the bottleneck.  One process, epoll, no parsing beyond the
 * end of the head; "GET /64k" gets 64 KiB, all else 128 bytes.  A request with
 * "Connection: close" is answered so and closed.  A WebSocket echoes frames of
 * up to 125 bytes.  It prints the port it has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEAD_MAX = 8192,
	SMALL = 128,
	BIG = 65536,
	EVENTS = 256,
	KEY_BYTES = 24,
	FRAME_HEAD = 6, /* a client's, with its mask */
	FRAME_MOST = 125
};

struct conn {
	int fd;
	bool close_after;
	bool waits_for_room; /* EPOLLOUT is on */
	bool websocket;
	size_t have;     /* bytes of a request head, or of frames, in in[] */
	const char *out; /* what is left of the response */
	size_t out_left;
	char in[HEAD_MAX];
	char made[HEAD_MAX]; /* what is sent by a WebSocket */
};

struct page {
	char *text;
	size_t bytes;
};

static int ep;
static struct page pages[2][2]; /* [64 KiB][close] */

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static struct page
page_make(size_t body, bool close_after)
{
	struct page p = { malloc(body + 256), 0 };
	int n;

	if (!p.text)
		die("malloc");
	n = snprintf(p.text, 256,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    body, close_after ? "Connection: close\r\n" : "");
	memset(p.text + n, 'x', body);
	p.bytes = (size_t)n + body;
	return p;
}

static void
watch(struct conn *c, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(ep, op, c->fd, &ev) < 0)
		die("epoll_ctl");
}

static void
conn_close(struct conn *c)
{
	close(c->fd);
	free(c);
}

/* False when the connection is gone. */
static bool
conn_send(struct conn *c)
{
	ssize_t n = send(c->fd, c->out, c->out_left, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		conn_close(c);
		return false;
	}
	if (n > 0) {
		c->out += n;
		c->out_left -= (size_t)n;
	}
	if (c->out_left) {
		if (!c->waits_for_room)
			watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
		c->waits_for_room = true;
		return true;
	}
	if (c->waits_for_room)
		watch(c, EPOLL_CTL_MOD, EPOLLIN);
	c->waits_for_room = false;
	if (c->close_after) {
		conn_close(c);
		return false;
	}
	return true;
}

/* Send the frames in c->in back, unmasked. */
static bool
conn_echo(struct conn *c)
{
	char *p = c->in, *to = c->made;
	size_t n;

	for (; c->have >= FRAME_HEAD; p += FRAME_HEAD + n) {
		n = p[1] & 0x7f;
		if (n > FRAME_MOST) {
			conn_close(c);
			return false;
		}
		if (c->have < FRAME_HEAD + n)
			break;
		*to++ = p[0];
		*to++ = (char)n;
		for (size_t i = 0; i < n; i++)
			*to++ = (char)(p[FRAME_HEAD + i] ^ p[2 + i % 4]);
		c->have -= FRAME_HEAD + n;
	}
	memmove(c->in, p, c->have);
	c->out = c->made;
	c->out_left = (size_t)(to - c->made);
	return c->out_left == 0 || conn_send(c);
}

static bool
conn_upgrade(struct conn *c, const char *key)
{
	unsigned char text[KEY_BYTES + 36], sum[SHA_DIGEST_LENGTH], accept[32];

	memcpy(text, key, KEY_BYTES);
	memcpy(text + KEY_BYTES, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
	SHA1(text, sizeof(text), sum);
	EVP_EncodeBlock(accept, sum, sizeof(sum));
	c->websocket = true;
	c->out = c->made;
	c->out_left = (size_t)snprintf(c->made, sizeof(c->made),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
	    accept);
	return conn_send(c);
}

/* Answer the request in c->in if its head is complete. */
static bool
conn_answer(struct conn *c)
{
	static const char key[] = "\r\nsec-websocket-key: ";
	const struct page *p;
	const char *at;
	char *end = memmem(c->in, c->have, "\r\n\r\n", 4);
	bool big;

	if (!end) {
		if (c->have < HEAD_MAX)
			return true;
		conn_close(c);
		return false;
	}
	big = memcmp(c->in, "GET /64k", 8) == 0;
	*end = 0;
	c->close_after = strcasestr(c->in, "\r\nconnection: close") != NULL;
	c->have -= (size_t)(end + 4 - c->in);
	at = strcasestr(c->in, key);
	if (at && c->have == 0)
		return conn_upgrade(c, at + sizeof(key) - 1);
	memmove(c->in, end + 4, c->have);
	p = &pages[big][c->close_after];
	c->out = p->text;
	c->out_left = p->bytes;
	return conn_send(c);
}

static void
conn_event(struct conn *c, uint32_t events)
{
	ssize_t n;

	if ((events & EPOLLOUT) && !conn_send(c))
		return;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || c->out_left)
		return;
	n = recv(c->fd, c->in + c->have, HEAD_MAX - c->have, 0);
	if (n <= 0) {
		if (n < 0 && errno == EAGAIN)
			return;
		conn_close(c);
		return;
	}
	c->have += (size_t)n;
	if (c->websocket)
		conn_echo(c);
	else
		conn_answer(c);
}

static void
accept_all(int lfd)
{
	int fd, one = 1;

	while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		if (!c)
			die("calloc");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		watch(c, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	a.sin_port = htons(port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die("listen");
	printf("%u\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[EVENTS];
	int lfd = listen_on((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));

	for (int close_after = 0; close_after < 2; close_after++) {
		pages[0][close_after] = page_make(SMALL, close_after);
		pages[1][close_after] = page_make(BIG, close_after);
	}
	ep = epoll_create1(0);
	ev[0] = (struct epoll_event){ .events = EPOLLIN, .data.ptr = NULL };
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev[0]) < 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(ep, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				conn_event(ev[i].data.ptr, ev[i].events);
			else
				accept_all(lfd);
		}
	}
}
