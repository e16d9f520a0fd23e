/* SPDX-License-Identifier: MIT */
#include "tools/origin/tls_ctx.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "tools/origin/tls_cert.h"
#include "tools/origin/tls_stat.h"

#define ALPN_BYTES 256

struct tls_options tls_options = { .alpn = "h2,http/1.1", .tickets = 2 };

static SSL_CTX *context;
static unsigned char alpn[ALPN_BYTES]; /* as on the wire, best first */
static unsigned int alpn_len;
static char error[512];

/* What went wrong, with OpenSSL's or the system's reason. */
static const char *
fail(const char *what, const char *arg)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	if (!reason)
		reason = errno ? strerror(errno) : "not valid";
	snprintf(error, sizeof(error), "%s %s: %s", what, arg, reason);
	return error;
}

static bool
read_alpn(const char *list)
{
	alpn_len = 0;
	while (*list) {
		size_t len = strcspn(list, ",");

		if (len == 0 || alpn_len + 1 + len > sizeof(alpn))
			return false;
		alpn[alpn_len++] = (unsigned char)len;
		memcpy(alpn + alpn_len, list, len);
		alpn_len += (unsigned int)len;
		list += len;
		if (*list == ',' && *++list == '\0')
			return false;
	}
	return true;
}

/* The first of ours that the client has; without one, no ALPN. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned int in_len, void *arg)
{
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (alpn_len == 0 ||
	    SSL_select_next_proto(&chosen, out_len, alpn, alpn_len, in,
		in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Counts KeyUpdates; OpenSSL tells of them in no other way. */
static void
on_message(int sent, int version, int type, const void *buf, size_t len,
    SSL *ssl, void *arg)
{
	(void)version;
	(void)ssl;
	(void)arg;
	if (type != SSL3_RT_HANDSHAKE || len == 0 ||
	    *(const unsigned char *)buf != SSL3_MT_KEY_UPDATE)
		return;
	if (sent)
		tls_stat.updates_sent++;
	else
		tls_stat.updates_received++;
}

/* Returns 0 for none given, -1 for no version we know. */
static int
version(const char *text)
{
	if (!text)
		return 0;
	if (strcmp(text, "1.2") == 0)
		return TLS1_2_VERSION;
	return strcmp(text, "1.3") == 0 ? TLS1_3_VERSION : -1;
}

static const char *
set_versions(const struct tls_options *o)
{
	int min = version(o->min_version), max = version(o->max_version);

	if (min < 0)
		return fail("--tls-min", o->min_version);
	if (max < 0)
		return fail("--tls-max", o->max_version);
	if (min == 0)
		min = TLS1_2_VERSION;
	if (max && max < min)
		return fail("--tls-max", o->max_version);
	SSL_CTX_set_min_proto_version(context, min);
	SSL_CTX_set_max_proto_version(context, max);
	return NULL;
}

static const char *
make_certificate(const struct tls_options *o)
{
	const char *kind = o->key_kind ? o->key_kind : "ecdsa";
	EVP_PKEY *key;
	X509 *cert;
	bool ok;

	if (strcmp(kind, "rsa") != 0 && strcmp(kind, "ecdsa") != 0)
		return fail("--tls-key", kind);
	if (!tls_cert_make(
		strcmp(kind, "rsa") == 0, o->names, o->name_count, &key, &cert))
		return fail("making a certificate,", kind);
	ok = SSL_CTX_use_certificate(context, cert) == 1 &&
	    SSL_CTX_use_PrivateKey(context, key) == 1;
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok ? NULL : fail("using a certificate,", kind);
}

static const char *
set_certificate(const struct tls_options *o)
{
	if (!o->cert_file) {
		const char *wrong = make_certificate(o);

		if (wrong)
			return wrong;
	} else if (SSL_CTX_use_certificate_chain_file(context, o->cert_file) !=
		1 ||
	    SSL_CTX_use_PrivateKey_file(
		context, o->cert_file, SSL_FILETYPE_PEM) != 1) {
		return fail("--tls-cert", o->cert_file);
	}
	if (o->dump_file &&
	    !tls_cert_write(SSL_CTX_get0_certificate(context), o->dump_file)) {
		ERR_clear_error();
		return fail("--dump-cert", o->dump_file);
	}
	return NULL;
}

const char *
tls_ctx_setup(void)
{
	const struct tls_options *o = &tls_options;
	const char *wrong;

	errno = 0;
	ERR_clear_error();
	context = SSL_CTX_new(TLS_server_method());
	if (!context)
		return fail("no TLS", "");
	SSL_CTX_set_options(context,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
	SSL_CTX_set_msg_callback(context, on_message);
	SSL_CTX_set_num_tickets(context, o->tickets);
	if (o->tickets == 0)
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	if (!read_alpn(o->alpn))
		return fail("--alpn", o->alpn);
	if ((wrong = set_versions(o)) || (wrong = set_certificate(o)))
		return wrong;
	if (o->ciphers && SSL_CTX_set_cipher_list(context, o->ciphers) != 1)
		return fail("--tls-ciphers", o->ciphers);
	if (o->ciphersuites &&
	    SSL_CTX_set_ciphersuites(context, o->ciphersuites) != 1)
		return fail("--tls-ciphersuites", o->ciphersuites);
	return NULL;
}

void
tls_ctx_free(void)
{
	SSL_CTX_free(context);
	context = NULL;
}

struct ssl_ctx_st *
tls_ctx_get(void)
{
	return context;
}
