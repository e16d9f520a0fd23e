/* SPDX-License-Identifier: MIT */
/*
 * Certificates and keys in PEM text.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "shm/base/mem.h"
#include "shm/conf/tls_conf_int.h"

enum { FILE_MAX_BYTES = 1 << 20, CHAIN_MAX = 64 };

void
tls_pem_done(struct tls_pem *p)
{
	X509_free(p->x509);
	sk_X509_pop_free(p->chain, X509_free);
	EVP_PKEY_free(p->key);
	*p = (struct tls_pem){ 0 };
}

const char *
tls_pem_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason ? reason : "unknown reason";
}

static int fail(char *err, size_t room, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int
fail(char *err, size_t room, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, room, fmt, ap);
	va_end(ap);
	return -WSE_SYNTAX;
}

/* A service that starts by itself has nobody to ask. */
static int
no_password(char *buf, int size, int rwflag, void *was_asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)was_asked = true;
	return -1;
}

/* True: that was the end of the text. */
static bool
is_end(void)
{
	unsigned long e = ERR_peek_last_error();
	bool end = ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE;

	if (end)
		ERR_clear_error();
	return end;
}

static int
parse_key(struct sv text, struct tls_pem *p, char *err, size_t room)
{
	bool was_asked = false;
	BIO *bio;

	if (sv_find(text, SV("PRIVATE KEY-----")) < 0)
		return 0;
	ERR_clear_error();
	bio = BIO_new_mem_buf(text.p, (int)text.n);
	p->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &was_asked);
	BIO_free(bio);
	if (p->key)
		return 0;
	if (was_asked) {
		ERR_clear_error();
		return fail(err, room,
		    "the private key is encrypted, and nobody is there to be "
		    "asked for its password; store it in plain with "
		    "'openssl pkey'");
	}
	return fail(
	    err, room, "the private key is damaged: %s", tls_pem_reason());
}

static int
parse_certs(BIO *bio, struct tls_pem *p, char *err, size_t room)
{
	X509 *x;

	p->chain = sk_X509_new_null();
	while ((x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		if (!p->x509) {
			p->x509 = x;
			continue;
		}
		if (sk_X509_num(p->chain) >= CHAIN_MAX ||
		    !sk_X509_push(p->chain, x)) {
			X509_free(x);
			return fail(err, room, "more than %d certificates",
			    CHAIN_MAX + 1);
		}
	}
	if (!is_end())
		return fail(err, room, "a certificate is damaged: %s",
		    tls_pem_reason());
	if (!p->x509)
		return fail(err, room,
		    "no certificate: expected '-----BEGIN CERTIFICATE-----'");
	return 0;
}

int
tls_pem_parse(struct sv text, struct tls_pem *p_r, char *err, size_t room)
{
	struct tls_pem p = { 0 };
	BIO *bio;
	int r;

	if (text.n > FILE_MAX_BYTES)
		return fail(err, room, "more than %d bytes", FILE_MAX_BYTES);
	r = parse_key(text, &p, err, room);
	if (r == 0) {
		bio = BIO_new_mem_buf(text.n ? text.p : "", (int)text.n);
		r = parse_certs(bio, &p, err, room);
		BIO_free(bio);
	}
	if (r)
		tls_pem_done(&p);
	else
		*p_r = p;
	return r;
}

/* The whole of a file in *p_r, wiped by done_with(). errno, or 0. */
static int
read_file(const char *path, char **p_r, size_t *n_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t n = 0;
	ssize_t r = 1;
	char *p;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > FILE_MAX_BYTES) {
		r = S_ISREG(st.st_mode)   ? EFBIG
		    : S_ISDIR(st.st_mode) ? EISDIR
					  : EINVAL;
		close(fd);
		return (int)r;
	}
	p = mem_alloc((size_t)st.st_size + 1);
	while (n < (size_t)st.st_size && r > 0) {
		r = read(fd, p + n, (size_t)st.st_size - n);
		if (r > 0)
			n += (size_t)r;
	}
	close(fd);
	*p_r = p;
	*n_r = n;
	return 0;
}

static void
done_with(char **p, size_t n)
{
	if (*p)
		OPENSSL_cleanse(*p, n);
	free(*p);
	*p = NULL;
}

static int
cannot_read(const char *path, int error, char *err, size_t room)
{
	return fail(err, room, "cannot read '%s': %s%s", path, strerror(error),
	    error == EACCES ? "; the user who starts wsbroker must have the "
			      "right to read it"
		: error == ENOENT ? "; check the name, and crt-base or ca-base"
				  : "");
}

/* A key of its own, beside the certificate. */
static int
read_key(const char *path, struct tls_pem *p, char *err, size_t room)
{
	char *text = NULL;
	size_t n = 0;
	int e = read_file(path, &text, &n), r;

	if (e == ENOENT)
		return 0;
	if (e)
		return cannot_read(path, e, err, room);
	r = parse_key(sv_of(text, n), p, err, room);
	done_with(&text, n);
	return r;
}

static int
find_key(const char *path, struct tls_pem *p, char *err, size_t room)
{
	char *beside = mem_printf("%s.key", path);
	int r = read_key(beside, p, err, room);
	size_t n = strlen(path);

	free(beside);
	if (r || p->key || n < 4 || strcmp(path + n - 4, ".crt") != 0)
		return r;
	beside = mem_printf("%.*s.key", (int)n - 4, path);
	r = read_key(beside, p, err, room);
	free(beside);
	return r;
}

int
tls_pem_read(const char *path, struct tls_pem *p_r, char *err, size_t room)
{
	struct tls_pem p = { 0 };
	char *text = NULL;
	size_t n = 0;
	int e = read_file(path, &text, &n), r;

	if (e)
		return cannot_read(path, e, err, room);
	r = tls_pem_parse(sv_of(text, n), &p, err, room);
	done_with(&text, n);
	if (r == 0 && !p.key)
		r = find_key(path, &p, err, room);
	if (r)
		tls_pem_done(&p);
	else
		*p_r = p;
	return r;
}

int
tls_pem_check(const struct tls_pem *p, const char *path, char *err, size_t room)
{
	if (!p->key)
		return fail(err, room,
		    "no private key in '%s'; put it into this file, or into "
		    "'%s.key'",
		    path, path);
	if (X509_check_private_key(p->x509, p->key) != 1) {
		ERR_clear_error();
		return fail(err, room,
		    "the private key does not belong to the certificate in "
		    "'%s'; the certificate must be the first, before its chain",
		    path);
	}
	return 0;
}

static void
print_time(const ASN1_TIME *t, char *text, size_t room)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (ASN1_TIME_print(bio, t) == 1)
		n = BIO_read(bio, text, (int)room - 1);
	text[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

const char *
tls_pem_age(const struct tls_pem *p, char *text, size_t room)
{
	const ASN1_TIME *from = X509_get0_notBefore(p->x509);
	const ASN1_TIME *to = X509_get0_notAfter(p->x509);
	char date[64];

	if (X509_cmp_current_time(to) < 0) {
		print_time(to, date, sizeof(date));
		snprintf(text, room, "expired on %s; renew it", date);
		return text;
	}
	if (X509_cmp_current_time(from) > 0) {
		print_time(from, date, sizeof(date));
		snprintf(text, room, "is not valid before %s", date);
		return text;
	}
	return NULL;
}
