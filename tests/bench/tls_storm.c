/* SPDX-License-Identifier: MIT */
/*
 * Many TLS clients that connect at once, and stay.  Usage: tls_storm PORT
 * CLIENTS; for each line it reads it lets go of those it has, connects all
 * anew, has each ask once, and prints the milliseconds that took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct client {
	SSL *ssl;
	bool asked, done;
};

static SSL_CTX *ctx;
static struct client *clients;
static struct pollfd *fds;
static int count;

static void
die(const char *what)
{
	fprintf(stderr, "tls_storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
let_go(int i)
{
	if (!clients[i].ssl)
		return;
	SSL_free(clients[i].ssl);
	close(fds[i].fd);
	clients[i] = (struct client){ 0 };
}

static void
begin(int i, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("connect");
	clients[i].ssl = SSL_new(ctx);
	if (!clients[i].ssl || SSL_set_fd(clients[i].ssl, fd) != 1)
		die("no memory");
	SSL_set_connect_state(clients[i].ssl);
	fds[i] = (struct pollfd){ fd, POLLIN, 0 };
}

/* A step of one client; true: it has its answer. */
static bool
step(struct client *c, struct pollfd *p)
{
	static const char ask[] = "GET /128 HTTP/1.1\r\nHost: bench\r\n\r\n";
	char buf[4096];
	int n = SSL_do_handshake(c->ssl);

	if (n == 1 && !c->asked) {
		c->asked = true;
		n = SSL_write(c->ssl, ask, sizeof(ask) - 1);
	}
	if (c->asked && n > 0)
		n = SSL_read(c->ssl, buf, sizeof(buf));
	if (c->asked && n > 0)
		return true;
	n = SSL_get_error(c->ssl, n);
	if (n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE)
		die("a connection failed");
	p->events = n == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	return false;
}

static void
storm(const struct sockaddr_in *to)
{
	int left = count;

	for (int i = 0; i < count; i++)
		let_go(i);
	for (int i = 0; i < count; i++)
		begin(i, to);
	for (int i = 0; i < count; i++)
		(void)step(&clients[i], &fds[i]); /* all ClientHellos */
	while (left > 0) {
		if (poll(fds, (nfds_t)count, 30000) <= 0)
			die("no answer");
		for (int i = 0; i < count; i++) {
			if (clients[i].done || !fds[i].revents ||
			    !step(&clients[i], &fds[i]))
				continue;
			clients[i].done = true;
			fds[i].events = 0;
			left--;
		}
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char line[16];

	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	count = atoi(argv[2]);
	ctx = SSL_CTX_new(TLS_client_method());
	clients = calloc((size_t)count, sizeof(*clients));
	fds = calloc((size_t)count, sizeof(*fds));
	if (!ctx || !clients || !fds)
		die("no memory");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	while (fgets(line, sizeof(line), stdin)) {
		double t = now_ms();

		storm(&to);
		printf("%.0f\n", now_ms() - t);
		fflush(stdout);
	}
	return 0;
}
