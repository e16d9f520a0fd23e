/* SPDX-License-Identifier: MIT */
/*
 * A load generator of WebSocket messages: each client sends 125 bytes, waits
 * for their echo, sends again.  Usage: ws_h2_tls PORT CLIENTS SECONDS
 * ws|wss|h2ws; h2ws is RFC 8441 through TLS, one stream a connection.  It
 * prints "ready" when all have their WebSocket, begins when it reads a line,
 * prints its figures, and ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BYTES = 125,
	SENT = BYTES + 6, /* with head and mask */
	ECHOED = BYTES + 2,
	EVENTS = 256,
	SLOWEST_US = 1000000
};

struct client {
	int fd;
	SSL *ssl;            /* NULL: plain */
	nghttp2_session *h2; /* NULL: HTTP/1.1 */
	int32_t stream;
	size_t to_send; /* of a frame, by h2 */
	size_t got;     /* of an echo */
	uint64_t since_us;
	bool open; /* it was said so */
};

static SSL_CTX *ctx;
static char frame[SENT], echo[ECHOED];
static uint64_t took[SLOWEST_US + 1], done;
static bool running;

static void
die(const char *what)
{
	fprintf(stderr, "ws_h2_tls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* All of it: a message is smaller than what any socket takes. */
static void
put(struct client *c, const void *p, size_t n)
{
	ssize_t sent = c->ssl ? SSL_write(c->ssl, p, (int)n)
			      : send(c->fd, p, n, MSG_NOSIGNAL);

	if (sent != (ssize_t)n)
		die("a message was not taken");
}

/* Bytes; 0: none are there. */
static size_t
get(struct client *c, void *p, size_t room)
{
	ssize_t n;

	if (c->ssl) {
		n = SSL_read(c->ssl, p, (int)room);
		if (n <= 0 &&
		    SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ)
			return 0;
	} else {
		n = recv(c->fd, p, room, 0);
		if (n < 0 && errno == EAGAIN)
			return 0;
	}
	if (n <= 0)
		die("a connection ended");
	return (size_t)n;
}

static void
h2_flush(struct client *c)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->h2, &p)) > 0)
		put(c, p, (size_t)n);
	if (n < 0)
		die("h2");
}

static void
say(struct client *c)
{
	c->since_us = now_us();
	if (!c->h2) {
		put(c, frame, SENT);
		return;
	}
	c->to_send = SENT;
	nghttp2_session_resume_data(c->h2, c->stream);
	h2_flush(c);
}

static void
heard(struct client *c, const void *p, size_t n)
{
	uint64_t us;

	if (c->got + n > ECHOED || memcmp(echo + c->got, p, n) != 0)
		die("not what was sent");
	c->got += n;
	if (c->got < ECHOED)
		return;
	c->got = 0;
	us = now_us() - c->since_us;
	took[us < SLOWEST_US ? us : SLOWEST_US]++;
	done++;
}

static ssize_t
on_read(nghttp2_session *s, int32_t id, uint8_t *buf, size_t room,
    uint32_t *flags, nghttp2_data_source *src, void *arg)
{
	struct client *c = arg;
	size_t n = c->to_send;

	(void)s;
	(void)id;
	(void)flags;
	(void)src;
	if (n == 0)
		return NGHTTP2_ERR_DEFERRED;
	if (n > room)
		n = room;
	memcpy(buf, frame + SENT - c->to_send, n);
	c->to_send -= n;
	return (ssize_t)n;
}

static int
on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p,
    size_t n, void *arg)
{
	(void)s;
	(void)flags;
	(void)id;
	heard(arg, p, n);
	return 0;
}

static int
on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name,
    size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
    void *arg)
{
	struct client *c = arg;

	(void)s;
	(void)f;
	(void)flags;
	if (name_bytes != 7 || memcmp(name, ":status", 7) != 0)
		return 0;
	c->open = value_bytes == 3 && memcmp(value, "200", 3) == 0;
	if (!c->open)
		die("no WebSocket");
	return 0;
}

static void
h2_take(struct client *c)
{
	uint8_t buf[4096];
	size_t n = get(c, buf, sizeof(buf));

	if (n && nghttp2_session_mem_recv(c->h2, buf, n) != (ssize_t)n)
		die("h2");
}

static void
h2_open(struct client *c)
{
#define F(n, v)                                                             \
	{                                                                   \
		(uint8_t *)n, (uint8_t *)v, sizeof(n) - 1, sizeof(v) - 1, 0 \
	}
	static const nghttp2_nv fields[] = {
		F(":method", "CONNECT"),
		F(":protocol", "websocket"),
		F(":scheme", "https"),
		F(":path", "/ws"),
		F(":authority", "bench"),
		F("sec-websocket-version", "13"),
	};
	nghttp2_data_provider body = { .read_callback = on_read };
	nghttp2_session_callbacks *cb;

	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	if (nghttp2_session_client_new(&c->h2, cb, c) != 0 ||
	    nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, NULL, 0) != 0)
		die("h2");
	nghttp2_session_callbacks_del(cb);
	h2_flush(c);
	while (nghttp2_session_get_remote_settings(
		   c->h2, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) != 1)
		h2_take(c);
	c->stream = nghttp2_submit_request(c->h2, NULL, fields,
	    sizeof(fields) / sizeof(fields[0]), &body, NULL);
	while (!c->open) {
		h2_flush(c);
		h2_take(c);
	}
}

static void
h1_open(struct client *c)
{
	static const char ask[] =
	    "GET /ws HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n"
	    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	char head[4096];
	size_t n = 0;

	put(c, ask, sizeof(ask) - 1);
	while (!memmem(head, n, "\r\n\r\n", 4))
		n += get(c, head + n, sizeof(head) - n);
	if (memcmp(head, "HTTP/1.1 101 ", 13) != 0)
		die("no WebSocket");
}

static void
client_open(struct client *c, const struct sockaddr_in *to, bool tls, bool h2)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (tls) {
		c->ssl = SSL_new(ctx);
		if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 ||
		    SSL_connect(c->ssl) != 1)
			die("TLS");
	}
	if (h2)
		h2_open(c);
	else
		h1_open(c);
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
		die("fcntl");
}

static void
client_event(struct client *c)
{
	uint64_t before = done;
	char buf[4096];

	if (c->h2) {
		h2_take(c);
	} else {
		size_t n = get(c, buf, sizeof(buf));

		if (n)
			heard(c, buf, n);
	}
	if (done != before && running)
		say(c);
	else if (c->h2)
		h2_flush(c);
}

static double
percentile_ms(double part)
{
	uint64_t sum = 0, us = 0;

	while (us < SLOWEST_US && (sum += took[us]) < (double)done * part)
		us++;
	return (double)us / 1000;
}

/* Those under way at the end are not counted. */
static void
run(int ep, struct client *clients, int count, uint64_t until_us)
{
	struct epoll_event ev[EVENTS];

	running = true;
	for (int i = 0; i < count; i++)
		say(&clients[i]);
	while (now_us() < until_us) {
		int n = epoll_wait(ep, ev, EVENTS, 1000);

		if (n == 0)
			die("no answer for a second");
		for (int i = 0; i < n; i++)
			client_event(ev[i].data.ptr);
	}
	running = false;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int count, ep = epoll_create1(0);
	struct client *clients;
	bool tls, h2;
	char line[16];

	if (argc != 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	count = atoi(argv[2]);
	h2 = strcmp(argv[4], "h2ws") == 0;
	tls = h2 || strcmp(argv[4], "wss") == 0;
	frame[0] = echo[0] = (char)0x82;
	frame[1] = (char)(0x80 | BYTES);
	echo[1] = BYTES;
	memcpy(frame + 2, "mask", 4);
	for (int i = 0; i < BYTES; i++) {
		echo[2 + i] = (char)i;
		frame[6 + i] = (char)(i ^ frame[2 + i % 4]);
	}
	ctx = SSL_CTX_new(TLS_client_method());
	clients = calloc((size_t)count, sizeof(*clients));
	if (!ctx || !clients || ep < 0)
		die("no memory");
	if (h2 && SSL_CTX_set_alpn_protos(ctx, (const uint8_t *)"\2h2", 3) != 0)
		die("ALPN");
	for (int i = 0; i < count; i++) {
		struct epoll_event e = { EPOLLIN, { .ptr = &clients[i] } };

		client_open(&clients[i], &to, tls, h2);
		if (epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &e) < 0)
			die("epoll");
	}
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	run(ep, clients, count, now_us() + (uint64_t)atoi(argv[3]) * 1000000);
	printf("%llu messages, p50 %.3f ms, p99 %.3f ms\n",
	    (unsigned long long)done, percentile_ms(0.50), percentile_ms(0.99));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	return 0;
}
