/* SPDX-License-Identifier: MIT */
/*
 * A load generator of new TLS connections: one request each, CLIENTS at a
 * time.  Usage: tls_shake PORT CLIENTS SECONDS full|resumed; prints how many
 * connections were made and how many of them were resumed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct counts {
	uint64_t made, resumed;
};

static SSL_SESSION *session;
static bool resume;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
on_session(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	if (!resume)
		return 0;
	SSL_SESSION_free(session);
	session = s;
	return 1;
}

/* One connection, one request, its end. */
static void
one(SSL_CTX *ctx, const struct sockaddr_in *to, struct counts *c)
{
	static const char request[] = "GET /128 HTTP/1.1\r\nHost: bench\r\n"
				      "Connection: close\r\n\r\n";
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, n;
	SSL *ssl = SSL_new(ctx);
	char buf[4096];

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
	    SSL_set_fd(ssl, fd) != 1 ||
	    SSL_set_tlsext_host_name(ssl, "bench") != 1 ||
	    (session && SSL_set_session(ssl, session) != 1) ||
	    SSL_connect(ssl) != 1 ||
	    SSL_write(ssl, request, sizeof(request) - 1) <= 0) {
		fprintf(stderr, "tls_shake: a connection failed\n");
		exit(1);
	}
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		;
	c->made++;
	c->resumed += SSL_session_reused(ssl) == 1;
	/* or the session would count as broken */
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

static void
client(const struct sockaddr_in *to, double seconds, int out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct counts c = { 0 };
	double end;

	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	for (end = now() + seconds; now() < end;)
		one(ctx, to, &c);
	if (write(out, &c, sizeof(c)) != sizeof(c))
		exit(1);
	_exit(0);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct counts all = { 0 }, c;
	int ends[2], n, status, bad = 0;

	if (argc != 5 || pipe(ends) < 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	resume = strcmp(argv[4], "resumed") == 0;
	n = atoi(argv[2]);
	for (int i = 0; i < n; i++)
		if (fork() == 0)
			client(&to, atof(argv[3]), ends[1]);
	close(ends[1]);
	while (read(ends[0], &c, sizeof(c)) == sizeof(c)) {
		all.made += c.made;
		all.resumed += c.resumed;
	}
	while (wait(&status) > 0)
		bad |= status;
	printf("%llu connections, %llu resumed\n", (unsigned long long)all.made,
	    (unsigned long long)all.resumed);
	return bad ? 1 : 0;
}
