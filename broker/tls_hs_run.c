/* SPDX-License-Identifier: MIT */
/*
 * One handshake in a thread: from a connected socket to the packed state.
 *
 * What the server says before it was asked anything can only be tickets and
 * KeyUpdates, or, in HTTP/2, frames, which the loop gets.  Records that came
 * along with the handshake are opened here, and one that came in part is read
 * to its end, so that the socket is left at a record boundary.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "broker/tls_job.h"
#include "shm/seg/vault.h"

enum {
	READ_BYTES = 16384,
	/* tickets come one round trip after the handshake, or never */
	TICKET_LEAST_US = 50000,
	TICKET_MOST_US = 1000000,
	EARLY_MAX = TLS_HS_PLAIN_MAX,
	REST_MAX = TLS_HS_INPUT_MAX + TLS_REC_HDR + TLS_REC_CIPHER_MAX,
};

static void on_io(evutil_socket_t fd, short what, void *arg);

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
over(struct tls_job *j)
{
	j->phase = TLS_JOB_OVER;
	tls_hs_free(&j->hs);
	tls_rec_wipe(&j->rec);
	if (j->rest)
		OPENSSL_cleanse(j->rest, j->rest_bytes);
	free(j->rest);
	j->rest = NULL;
	tls_hs_pool_done(j);
}

static void
fail_as(struct tls_job *j, enum lease_fail fail, const char *why, int errnum)
{
	j->ok = false;
	j->fail = fail;
	j->errnum = errnum;
	if (errnum)
		snprintf(
		    j->why, sizeof(j->why), "%s: %s", why, strerror(errnum));
	else
		snprintf(j->why, sizeof(j->why), "%s", why);
	over(j);
}

static void
fail(struct tls_job *j, const char *why)
{
	fail_as(j, LFAIL_TLS, why, 0);
}

/* It may be starting or stopping: as good as a refused dial. */
static void
gone(struct tls_job *j, const char *why, int errnum)
{
	fail_as(j, LFAIL_RESET, why, errnum);
}

static void
wait_io(struct tls_job *j, short what)
{
	uint64_t until = j->until_us, now = now_us(), left;
	struct timeval tv;

	if (j->phase == TLS_JOB_TICKET &&
	    (until == 0 || j->ticket_until_us < until))
		until = j->ticket_until_us;
	left = until > now ? until - now : 1;
	tv.tv_sec = (time_t)(left / 1000000);
	tv.tv_usec = (suseconds_t)(left % 1000000);
	event_assign(&j->ev, event_get_base(&j->ev), j->fd, what, on_io, j);
	if (event_add(&j->ev, until ? &tv : NULL) != 0)
		fail(j, "out of memory");
}

/* Handshake bytes to the socket. 1: all gone, 0: not yet, -1: errno. */
static int
flush(struct tls_job *j)
{
	struct sv out;
	ssize_t n;

	for (out = tls_hs_output(j->hs); out.n > 0;
	     out = tls_hs_output(j->hs)) {
		n = send(j->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		tls_hs_sent(j->hs, (size_t)n);
	}
	return 1;
}

/* The certificate's fault in words, or OpenSSL's reason. */
static void
fail_handshake(struct tls_job *j)
{
	long v = tls_hs_verify_result(j->hs);
	const char *why = tls_hs_error(j->hs);
	bool is_cert = true;
	char text[IPC_WHY_MAX];

	(void)!flush(j); /* the alert */
	if (v == X509_V_ERR_HOSTNAME_MISMATCH ||
	    v == X509_V_ERR_IP_ADDRESS_MISMATCH)
		snprintf(text, sizeof(text),
		    "%s: the certificate is not for %.48s",
		    X509_verify_cert_error_string(v), j->host);
	else if (v != X509_V_OK && strstr(why, "certificate verify failed"))
		snprintf(
		    text, sizeof(text), "%s", X509_verify_cert_error_string(v));
	else
		is_cert = false;
	fail_as(j, is_cert ? LFAIL_CERT : LFAIL_TLS, is_cert ? text : why, 0);
}

/* Pay what is owed, pack. */
static void
finish(struct tls_job *j)
{
	uint8_t b[TLS_REC_UPDATE_BYTES];
	ssize_t n = tls_rec_update(&j->rec, false, b, sizeof(b));

	if (n > 0 &&
	    send(j->fd, b, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		n = -WSE_RESET;
	if (n >= 0 && tls_state_is_quiet(&j->rec.st))
		n = tls_state_pack(&j->rec.st, j->state, sizeof(j->state));
	else
		n = -WSE_RESET;
	if (n <= 0) {
		fail(j, "the connection cannot be detached");
		return;
	}
	j->state_bytes = (uint32_t)n;
	j->ok = true;
	over(j);
}

/* Bytes missing to the end of the record at the head of rest. */
static size_t
missing(const struct tls_job *j)
{
	if (j->rest_bytes < TLS_REC_HDR)
		return TLS_REC_HDR - j->rest_bytes;
	return TLS_REC_HDR + ((size_t)j->rest[3] << 8 | j->rest[4]) -
	    j->rest_bytes;
}

/* Data the server sends unasked: in HTTP/2 its SETTINGS, and frames after. */
static bool
take_early(struct tls_job *j, struct sv data)
{
	uint8_t *p;

	if (data.n == 0)
		return true;
	if (!j->is_h2) {
		fail(j, "data from the server before a request");
		return false;
	}
	p = j->early_bytes + data.n <= EARLY_MAX
	    ? realloc(j->early, j->early_bytes + data.n)
	    : NULL;
	if (!p) {
		fail(j, "too much data from the server before a request");
		return false;
	}
	memcpy(p + j->early_bytes, data.p, data.n);
	j->early = p;
	j->early_bytes += data.n;
	return true;
}

/* Open what is there. */
static void
settle(struct tls_job *j)
{
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	ssize_t r;

	while (j->rest_bytes > 0) {
		r = tls_rec_open(
		    &j->rec, j->rest, j->rest_bytes, &got, &data, &alert);
		if (r == 0) {
			wait_io(j, EV_READ);
			return;
		}
		if (r < 0) {
			fail(j, "bad record after the handshake");
			return;
		}
		if (got == TLS_GOT_CLOSE || got == TLS_GOT_ALERT) {
			fail(j, "closed by the server after the handshake");
			return;
		}
		if (got == TLS_GOT_DATA && !take_early(j, data))
			return;
		j->rest_bytes -= (size_t)r;
		memmove(j->rest, j->rest + r, j->rest_bytes);
	}
	finish(j);
}

/* Exactly to the end of the record. */
static void
settle_read(struct tls_job *j)
{
	size_t want = missing(j);
	uint8_t *p;
	ssize_t n;

	if (want > TLS_REC_CIPHER_MAX || j->rest_bytes + want > REST_MAX) {
		fail(j, "bad record after the handshake");
		return;
	}
	p = realloc(j->rest, j->rest_bytes + want);
	if (!p) {
		fail(j, "out of memory");
		return;
	}
	j->rest = p;
	n = recv(j->fd, p + j->rest_bytes, want, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		wait_io(j, EV_READ);
		return;
	}
	if (n <= 0) {
		gone(j, "closed by the server after the handshake",
		    n < 0 ? errno : 0);
		return;
	}
	j->rest_bytes += (size_t)n;
	settle(j);
}

/* False: the server chose what was not offered. */
static bool
take_alpn(struct tls_job *j)
{
	struct sv alpn = tls_hs_alpn(j->hs);

	j->kind = VAULT_TLS;
	if (sv_eq(alpn, SV("http/1.1")))
		j->kind |= VAULT_ALPN_H1;
	else if (sv_eq(alpn, SV("h2")))
		j->kind |= VAULT_ALPN_H2;
	j->is_h2 = j->kind & VAULT_ALPN_H2 || (alpn.n == 0 && j->prior_h2);
	return alpn.n == 0 || tls_alpn_has(&j->alpn, alpn);
}

static void
detach(struct tls_job *j)
{
	struct sv rest;

	j->phase = TLS_JOB_SETTLE;
	j->resumed = tls_hs_is_resumed(j->hs);
	if (j->collect)
		j->session = tls_hs_session(j->hs);
	if (!take_alpn(j)) {
		fail(j, "the server chose a protocol not offered");
		return;
	}
	if (!take_early(j, tls_hs_plain(j->hs)))
		return;
	if (tls_hs_detach(j->hs, &j->rec.st, &rest) != 0) {
		fail(j, "the connection cannot be detached");
		return;
	}
	if (rest.n > 0) {
		j->rest = malloc(rest.n);
		if (!j->rest) {
			fail(j, "out of memory");
			return;
		}
		memcpy(j->rest, rest.p, rest.n);
		j->rest_bytes = rest.n;
	}
	tls_hs_free(&j->hs);
	settle(j);
}

/* The handshake is done and all of it was sent. */
static void
done(struct tls_job *j)
{
	uint64_t now = now_us(), wait;

	if (j->phase == TLS_JOB_SHAKE && j->collect &&
	    tls_hs_is_ticket_due(j->hs)) {
		wait = 2 * (now - j->begin_us);
		if (j->patient || wait > TICKET_MOST_US)
			wait = TICKET_MOST_US;
		else if (wait < TICKET_LEAST_US)
			wait = TICKET_LEAST_US;
		j->ticket_until_us = now + wait;
		j->phase = TLS_JOB_TICKET;
		/* it may have come with the end of the handshake */
		(void)!tls_hs_feed(j->hs, NULL, 0);
	}
	if (tls_hs_state(j->hs) != TLS_HS_DONE)
		fail_handshake(j);
	else if (j->phase == TLS_JOB_TICKET && tls_hs_is_ticket_due(j->hs))
		wait_io(j, EV_READ);
	else
		detach(j);
}

static void
go_on(struct tls_job *j)
{
	int r;

	if (tls_hs_state(j->hs) == TLS_HS_FAILED) {
		fail_handshake(j);
		return;
	}
	r = flush(j);
	if (r < 0)
		gone(j, "handshake", errno);
	else if (r == 0)
		wait_io(j, EV_READ | EV_WRITE);
	else if (tls_hs_state(j->hs) == TLS_HS_DONE)
		done(j);
	else
		wait_io(j, EV_READ);
}

static void
timed_out(struct tls_job *j)
{
	uint64_t now = now_us();
	bool late = j->until_us && now >= j->until_us;

	if (j->phase == TLS_JOB_TICKET && (late || now >= j->ticket_until_us)) {
		detach(j); /* it gives none, or late */
	} else if (late) {
		fail_as(j, LFAIL_TIMEOUT, "TLS handshake timed out", 0);
	} else {
		/* libevent counts from the begin of a loop turn, which may be
		 * a hundred handshakes long */
		wait_io(j, event_get_events(&j->ev) & (EV_READ | EV_WRITE));
	}
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	static _Thread_local uint8_t buf[READ_BYTES];
	struct tls_job *j = arg;
	ssize_t n = 0;

	if (what & EV_TIMEOUT) {
		timed_out(j);
		return;
	}
	if (j->phase == TLS_JOB_SETTLE) {
		settle_read(j);
		return;
	}
	if (what & EV_READ) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n == 0) {
			gone(j, "closed by the server during the handshake", 0);
			return;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			gone(j, "handshake", errno);
			return;
		}
	}
	if (n > 0)
		(void)!tls_hs_feed(j->hs, buf, (size_t)n);
	go_on(j);
}

void
tls_hs_run(struct tls_job *j, struct event_base *base)
{
	j->phase = TLS_JOB_SHAKE;
	j->begin_us = now_us();
	event_assign(&j->ev, base, j->fd, EV_READ, on_io, j);
	j->hs = tls_hs_connect(j->ctx, sv_str(j->sni),
	    sv_of((const char *)j->alpn.wire, j->alpn.n), j->resume,
	    j->host[0] ? j->host : NULL);
	if (!j->hs) {
		fail(j, "no handshake can be made");
		return;
	}
	(void)!tls_hs_feed(j->hs, NULL, 0);
	go_on(j);
}
