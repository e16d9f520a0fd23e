/* SPDX-License-Identifier: MIT */
#include "tools/origin/tls.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/origin/tls_ctx.h"
#include "tools/origin/tls_stat.h"

#define BIG 3000000

/* Our end, and an OpenSSL client at the other one of a socket pair. */
struct pair {
	int fds[2];
	struct tls *server;
	SSL_CTX *ctx;
	SSL *client;
};

static void
pair_open(struct pair *p, int version)
{
	int done = 0;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
	p->server = tls_new(p->fds[0]);
	p->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(p->ctx, version);
	p->client = SSL_new(p->ctx);
	SSL_set_fd(p->client, p->fds[1]);
	for (int i = 0;
	     i < 10 && (done != 1 || !SSL_is_init_finished(p->client)); i++) {
		SSL_connect(p->client);
		if (done != 1)
			done = tls_handshake(p->server);
	}
	assert_int_equal(done, 1);
}

static void
pair_close(struct pair *p)
{
	tls_free(&p->server);
	SSL_free(p->client);
	SSL_CTX_free(p->ctx);
	close(p->fds[0]);
	close(p->fds[1]);
}

static char *
make_body(void)
{
	char *body = malloc(BIG);

	assert_non_null(body);
	for (size_t i = 0; i < BIG; i++)
		body[i] = (char)(i * 2654435761u >> 13);
	return body;
}

/* Sends from a copy that moves, as the connection's buffer does. */
static ssize_t
send_moved(struct tls *t, const char *data, size_t len)
{
	static char moved[2][40000];
	static int turn;
	struct iovec iov[3];
	char *at = moved[turn ^= 1];

	if (len > sizeof(moved[0]))
		len = sizeof(moved[0]);
	memcpy(at, data, len);
	iov[0] = (struct iovec){ at, len / 10 };
	iov[1] = (struct iovec){ at + len / 10, len / 2 };
	iov[2] =
	    (struct iovec){ at + len / 10 + len / 2, len - len / 10 - len / 2 };
	return tls_send(t, iov, 3);
}

static void
tls__socket_that_is_full__all_arrives_in_order(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	char *body = make_body(), *got = malloc(BIG);

	(void)state;
	for (int v = 0; v < 2; v++) {
		size_t sent = 0, read = 0;
		int stops = 0;
		struct pair p;

		pair_open(&p, versions[v]);
		while (read < BIG) {
			ssize_t n = -1;

			if (sent < BIG)
				n = send_moved(
				    p.server, body + sent, BIG - sent);
			if (n > 0) {
				sent += (size_t)n;
				continue;
			}
			assert_true(sent == BIG || errno == EAGAIN);
			stops++;
			n = SSL_read(p.client, got + read, 30000);
			assert_true(n > 0);
			read += (size_t)n;
		}
		assert_true(stops > 10);
		assert_memory_equal(got, body, BIG);
		pair_close(&p);
	}
	free(body);
	free(got);
}

static void
tls__key_update_wanted_while_the_socket_is_full__goes_on(void **state)
{
	char *body = make_body(), *got = malloc(BIG), byte;
	size_t sent = 0, read = 0;
	struct pair p;

	(void)state;
	tls_stat_reset();
	pair_open(&p, TLS1_3_VERSION);
	while (read < BIG) {
		ssize_t n = -1;

		while (sent < BIG &&
		    (n = send_moved(p.server, body + sent, BIG - sent)) > 0)
			sent += (size_t)n;
		assert_int_equal(
		    SSL_key_update(p.client, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_write(p.client, "x", 1), 1);
		n = tls_recv(p.server, &byte, 1);
		assert_true(n == 1 || errno == EAGAIN);
		for (int i = 0; i < 10 && read < BIG; i++) {
			n = SSL_read(p.client, got + read, (int)(BIG - read));
			if (n > 0)
				read += (size_t)n;
		}
	}
	assert_memory_equal(got, body, BIG);
	assert_true(tls_stat.updates_received > 2);
	assert_true(tls_stat.updates_sent > 2);
	pair_close(&p);
	free(body);
	free(got);
}

static void
tls__record_read_in_parts__rest_is_pending(void **state)
{
	char buf[100];
	struct pair p;

	(void)state;
	pair_open(&p, TLS1_3_VERSION);
	assert_int_equal(tls_recv(p.server, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(SSL_write(p.client, "0123456789", 10), 10);
	assert_int_equal(tls_recv(p.server, buf, 4), 4);
	assert_true(tls_pending(p.server));
	assert_int_equal(tls_recv(p.server, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "456789", 6);
	assert_false(tls_pending(p.server));
	pair_close(&p);
}

static void
tls__ends__are_told_apart(void **state)
{
	char buf[10];
	struct pair p;

	(void)state;
	tls_stat_reset();
	pair_open(&p, TLS1_3_VERSION);
	SSL_shutdown(p.client);
	assert_int_equal(tls_recv(p.server, buf, sizeof(buf)), 0);
	tls_end(p.server);
	tls_end(p.server);
	assert_int_equal(SSL_read(p.client, buf, sizeof(buf)), 0);
	assert_int_equal(SSL_get_error(p.client, 0), SSL_ERROR_ZERO_RETURN);
	pair_close(&p);

	pair_open(&p, TLS1_3_VERSION);
	shutdown(p.fds[1], SHUT_WR);
	assert_int_equal(tls_recv(p.server, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(tls_stat.truncated, 1);
	tls_end(p.server);
	pair_close(&p);

	pair_open(&p, TLS1_3_VERSION);
	assert_int_equal(write(p.fds[1], "rubbish", 7), 7);
	assert_int_equal(tls_recv(p.server, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(tls_stat.broken, 1);
	pair_close(&p);
	assert_int_equal(tls_stat.full, 3);
}

static void
tls__handshake_that_fails__counts_if_it_was_one(void **state)
{
	int fds[2];

	(void)state;
	tls_stat_reset();
	for (int with_bytes = 0; with_bytes < 2; with_bytes++) {
		struct tls *t;

		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
		    0);
		t = tls_new(fds[0]);
		assert_int_equal(tls_handshake(t), 0);
		if (with_bytes)
			assert_int_equal(write(fds[1], "\x16\x03\x01", 3), 3);
		close(fds[1]);
		assert_int_equal(tls_handshake(t), -1);
		tls_free(&t);
		assert_null(t);
		close(fds[0]);
		assert_int_equal(tls_stat.failed, with_bytes);
	}
}

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return tls_ctx_setup() ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	tls_ctx_free();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    tls__socket_that_is_full__all_arrives_in_order),
		cmocka_unit_test(
		    tls__key_update_wanted_while_the_socket_is_full__goes_on),
		cmocka_unit_test(tls__record_read_in_parts__rest_is_pending),
		cmocka_unit_test(tls__ends__are_told_apart),
		cmocka_unit_test(
		    tls__handshake_that_fails__counts_if_it_was_one),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
