/* SPDX-License-Identifier: MIT */
#include "tools/origin/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "tools/origin/tls_ctx.h"
#include "tools/origin/tls_stat.h"

#define RECORD_BYTES 16384

struct tls {
	SSL *ssl;
	bool ready;       /* the handshake is over */
	bool broken;      /* nothing may be sent or read any more */
	bool blocked;     /* see tls_blocked_on_write() */
	uint32_t records; /* sent under the same key */
};

struct tls *
tls_new(int fd)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ssl = SSL_new(tls_ctx_get());
	if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1) {
		tls_free(&t);
		return NULL;
	}
	SSL_set_accept_state(t->ssl);
	return t;
}

void
tls_free(struct tls **t_r)
{
	if (!*t_r)
		return;
	SSL_free((*t_r)->ssl);
	free(*t_r);
	*t_r = NULL;
}

static void
count_handshake(SSL *ssl)
{
	struct tls_stat_shake s = {
		.resumed = SSL_session_reused(ssl),
		.version = SSL_get_version(ssl),
		.cipher = SSL_get_cipher_name(ssl),
		.sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
	};
	const unsigned char *alpn;
	unsigned int len;

	SSL_get0_alpn_selected(ssl, &alpn, &len);
	s.alpn = (const char *)alpn;
	s.alpn_len = len;
	tls_stat_count(&s);
}

/* A reason for people, of the oldest error queued. */
static const char *
error_text(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text ? text : "connection closed";
}

int
tls_handshake(struct tls *t)
{
	int n, error;

	ERR_clear_error();
	n = SSL_do_handshake(t->ssl);
	if (n == 1) {
		t->blocked = false;
		t->ready = true;
		count_handshake(t->ssl);
		return 1;
	}
	error = SSL_get_error(t->ssl, n);
	t->blocked = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return 0;
	t->broken = true;
	/* Who comes and goes without a word has not tried. */
	if (BIO_number_read(SSL_get_rbio(t->ssl)) > 0)
		tls_stat_fail(error_text());
	return -1;
}

ssize_t
tls_recv(struct tls *t, void *buf, size_t len)
{
	int n, error;

	if (len == 0)
		return 0;
	t->blocked = false;
	ERR_clear_error();
	n = SSL_read(t->ssl, buf, len > RECORD_BYTES ? RECORD_BYTES : (int)len);
	if (n > 0)
		return n;
	error = SSL_get_error(t->ssl, n);
	switch (error) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_WRITE:
		t->blocked = true;
		/* fallthrough */
	case SSL_ERROR_WANT_READ:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_SSL:
		t->broken = true;
		if (ERR_GET_REASON(ERR_peek_error()) ==
		    SSL_R_UNEXPECTED_EOF_WHILE_READING) {
			tls_stat.truncated++;
			errno = ECONNRESET;
		} else {
			tls_stat_break(error_text());
			errno = EPROTO;
		}
		return -1;
	default:
		t->broken = true;
		errno = ECONNRESET;
		return -1;
	}
}

/*
 * One record at most. A record that the socket did not take is to be given
 * again, and more may follow in it: the caller's bytes stay where they are
 * in the order of things until we say that they are gone.
 */
ssize_t
tls_send(struct tls *t, const struct iovec *iov, size_t count)
{
	static char gathered[RECORD_BYTES];
	const void *data = iov[0].iov_base;
	size_t len = iov[0].iov_len;
	int n, error;

	if (len < RECORD_BYTES && count > 1) {
		len = 0;
		for (size_t i = 0; i < count && len < RECORD_BYTES; i++) {
			size_t part = iov[i].iov_len;

			if (part > RECORD_BYTES - len)
				part = RECORD_BYTES - len;
			memcpy(gathered + len, iov[i].iov_base, part);
			len += part;
		}
		data = gathered;
	}
	if (tls_options.key_update && t->records >= tls_options.key_update &&
	    tls_update_keys(t, tls_options.key_request))
		t->records = 0;
	ERR_clear_error();
	n = SSL_write(
	    t->ssl, data, len > RECORD_BYTES ? RECORD_BYTES : (int)len);
	if (n > 0) {
		t->records++;
		return n;
	}
	error = SSL_get_error(t->ssl, n);
	if (error == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	t->broken = true;
	errno = ECONNRESET;
	return -1;
}

bool
tls_pending(const struct tls *t)
{
	return !t->broken && SSL_pending(t->ssl) > 0;
}

bool
tls_blocked_on_write(const struct tls *t)
{
	return t->blocked;
}

void
tls_end(struct tls *t)
{
	if (!t->ready || t->broken ||
	    (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
		return;
	ERR_clear_error();
	SSL_shutdown(t->ssl);
}

bool
tls_is_h2(const struct tls *t)
{
	const unsigned char *alpn;
	unsigned int len;

	SSL_get0_alpn_selected(t->ssl, &alpn, &len);
	return len == 2 && memcmp(alpn, "h2", 2) == 0;
}

bool
tls_update_keys(struct tls *t, bool request)
{
	ERR_clear_error();
	return SSL_version(t->ssl) == TLS1_3_VERSION &&
	    SSL_key_update(t->ssl,
		request ? SSL_KEY_UPDATE_REQUESTED
			: SSL_KEY_UPDATE_NOT_REQUESTED) == 1;
}
