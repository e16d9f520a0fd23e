/* SPDX-License-Identifier: MIT */
/*
 * Certificates at run time.
 */
#include "shm/base/sealed.h"
#include "shm/conf/tls_update.h"
#include "tests/unit/shm/conf/tls_test.h"

static const char *
cn_now(const struct tls_front *f, const char *sni)
{
	SSL_CTX *ctx = client_ctx();
	struct shake h;
	const char *cn;

	shake_sni(&h, f, ctx, sni);
	assert_true(h.client_ok && h.server_ok);
	cn = shown(&h);
	shake_done(&h);
	SSL_CTX_free(ctx);
	return cn;
}

static int
replace(struct run *r, const char *name, const char *from, char *err)
{
	char *text = file_text(from);
	int e = tls_cert_replace(r->cp.conf, name, sv_str(text), err, 512);

	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return e;
}

static void
tls_cert__replace__is_for_later_handshakes(void **state)
{
	struct run r;
	struct tls_front *f = front_good(&r,
	    "bind :443,:444 ssl crt a.pem crt wild.pem alpn http/1.1 "
	    "ssl-min-ver TLSv1.3");
	SSL_CTX *before = tls_front_ctx(f);
	struct shake old;
	SSL_CTX *ctx = client_ctx();
	char err[512] = "", c = 'x';

	(void)state;
	shake_sni(&old, f, ctx, "a.test");
	cert_file("new.pem",
	    (struct cert_spec){
		.cn = "new", .alt = "DNS:new.test", .rsa = true });
	assert_string_equal(cn_now(f, "x.wild.test"), "w");
	assert_int_equal(replace(&r, tls_path("a.pem"), "new.pem", err), 0);
	assert_ptr_not_equal(tls_front_ctx(f), before);
	assert_string_equal(cn_now(f, NULL), "new");
	assert_string_equal(cn_now(f, "x.wild.test"), "w");
	assert_string_equal(shown(&old), "a.test");
	assert_int_equal(SSL_write(old.client, &c, 1), 1);
	pass(old.client, old.server);
	assert_int_equal(SSL_read(old.server, &c, 1), 1);
	shake_done(&old);
	/* Its names, and the options of the line. */
	assert_int_equal(replace(&r, tls_path("wild.pem"), "b.pem", err), 0);
	assert_string_equal(cn_now(f, "x.wild.test"), "new");
	assert_string_equal(cn_now(f, "b2.test"), "b.test");
	assert_int_equal(SSL_CTX_get_min_proto_version(tls_front_each(f, 1)),
	    TLS1_3_VERSION);
	assert_null(tls_front_each(f, 2));
	SSL_CTX_free(ctx);
	run_end(&r);
}

static void
tls_cert__replace_a_servers__uses_it(void **state)
{
	struct run r;
	struct ssl_ctx_st *before;
	struct server *s;
	char err[512] = "";

	(void)state;
	tls_run(&r, "", "backend",
	    "server s 127.0.0.1:1 ssl verify none crt client.pem");
	assert_int_equal(r.cp.error_count, 0);
	s = r.cp.conf->proxies->servers;
	before = s->tls.ctx;
	assert_int_equal(replace(&r, tls_path("client.pem"), "b.pem", err), 0);
	assert_ptr_not_equal(s->tls.ctx, before);
	assert_null(s->tls.next_ctx);
	run_end(&r);
}

static void
tls_cert__bad_text__changes_nothing(void **state)
{
	struct run r;
	struct tls_front *f = front_good(&r, "bind :443 ssl crt a.pem");
	SSL_CTX *before = tls_front_ctx(f);
	char *a = file_text("a.pem"), *b = file_text("b.pem");
	char err[512] = "";

	(void)state;
	assert_int_equal(
	    tls_cert_replace(r.cp.conf, "a.pem", sv_str(b), err, sizeof(err)),
	    -WSE_NOTFOUND);
	assert_int_equal(
	    replace(&r, tls_path("a.pem"), "ca.crt", err), -WSE_SYNTAX);
	assert_non_null(strstr(err, "does not belong to the certificate"));
	assert_int_equal(tls_cert_check(r.cp.conf, tls_path("a.pem"),
			     SV("rubbish"), err, sizeof(err)),
	    -WSE_SYNTAX);
	assert_non_null(strstr(err, "no certificate"));
	assert_int_equal(tls_cert_check(r.cp.conf, tls_path("a.pem"), sv_str(b),
			     err, sizeof(err)),
	    0);
	/* Without a key the one in use goes on. */
	*strstr(a, "-----BEGIN PRIVATE") = '\0';
	assert_int_equal(tls_cert_replace(r.cp.conf, tls_path("a.pem"),
			     sv_of(a, 0), err, sizeof(err)),
	    -WSE_SYNTAX);
	assert_ptr_equal(tls_front_ctx(f), before);
	assert_int_equal(tls_cert_replace(r.cp.conf, tls_path("a.pem"),
			     sv_str(a), err, sizeof(err)),
	    0);
	assert_string_equal(cn_now(f, NULL), "a.test");
	free(a);
	free(b);
	run_end(&r);
}

/* Every byte more of a certificate file: an error or a certificate. */
static void
tls_cert__cut_text__is_refused(void **state)
{
	struct run r;
	char *b = file_text("b.pem"), err[512];
	size_t n = strlen(b);
	int good = 0;

	(void)state;
	front_good(&r, "bind :443 ssl crt a.pem");
	for (size_t i = 0; i <= n; i++)
		good += tls_cert_check(r.cp.conf, tls_path("a.pem"),
			    sv_of(b, i), err, sizeof(err)) == 0;
	/* All but the last line end, and all. */
	assert_int_equal(good, 2);
	free(b);
	run_end(&r);
}

static void
tls_cert__show__has_haproxys_lines(void **state)
{
	struct issuer i = cert_new(&(struct cert_spec){
	    .cn = "s.test", .alt = "DNS:s.test,DNS:*.s.test", .by = &tls_ca });
	struct run r;
	char out[2048], expected[256];

	(void)state;
	pem_write("show.pem", i.x509, tls_ca.x509, i.key);
	issuer_done(&i);
	front_good(&r, "bind :443 ssl crt show.pem");
	assert_int_equal(
	    tls_cert_show(r.cp.conf, "x", out, sizeof(out)), -WSE_NOTFOUND);
	assert_int_equal(
	    tls_cert_show(r.cp.conf, tls_path("show.pem"), out, 100),
	    -WSE_TOOBIG);
	assert_int_equal(
	    tls_cert_show(r.cp.conf, tls_path("show.pem"), out, sizeof(out)),
	    0);
	snprintf(expected, sizeof(expected),
	    "Filename: %s\nStatus: Used\nSerial: 10", tls_path("show.pem"));
	assert_true(sv_starts(sv_str(out), sv_str(expected)));
	assert_non_null(strstr(out, "\nnotBefore: "));
	assert_non_null(strstr(out, " GMT\nnotAfter: "));
	assert_non_null(strstr(out,
	    " GMT\nSubject Alternative Name: DNS:s.test, DNS:*.s.test\n"
	    "Algorithm: EC256\nSHA1 FingerPrint: "));
	assert_non_null(strstr(out,
	    "\nSubject: /CN=s.test\nIssuer: /CN=ca\n"
	    "Chain Subject: /CN=ca\nChain Issuer: /CN=ca\n"));
	run_end(&r);
}

/* What is not in use yet: it need not fit. */
static void
tls_cert__text__is_looked_at(void **state)
{
	char *a = file_text("a.pem"), out[2048], err[512] = "";
	bool has_key = false;
	char *key = strstr(a, "-----BEGIN PRIVATE");

	(void)state;
	assert_int_equal(
	    tls_cert_text_check(sv_str(a), &has_key, err, sizeof(err)), 0);
	assert_true(has_key);
	assert_int_equal(
	    tls_cert_text_show("x.pem", sv_str(a), out, sizeof(out)), 0);
	assert_true(sv_starts(
	    sv_str(out), SV("Filename: *x.pem\nStatus: Unused\nSerial: ")));
	assert_non_null(strstr(out, "\nSubject: /CN=a.test\n"));
	assert_int_equal(
	    tls_cert_text_show("x.pem", sv_str(a), out, 40), -WSE_TOOBIG);
	assert_int_equal(
	    tls_cert_text_check(sv_str(key), &has_key, err, sizeof(err)),
	    -WSE_SYNTAX);
	assert_non_null(strstr(err, "no certificate"));
	*key = '\0';
	assert_int_equal(
	    tls_cert_text_check(sv_str(a), &has_key, err, sizeof(err)), 0);
	assert_false(has_key);
	free(a);
}

static void
tls_update__sealed_text__is_used(void **state)
{
	struct run r;
	struct tls_front *f =
	    front_good(&r, "bind :443 ssl crt a.pem crt wild.pem");
	struct tls_update u = { .fd = -1 }, bad = { .fd = -1 };
	char *b = file_text("b.pem"), err[512] = "";

	(void)state;
	assert_int_equal(
	    tls_update_index(r.cp.conf, tls_path("a.pem"), &u.index), 0);
	assert_int_equal(u.index, 0);
	assert_int_equal(
	    tls_update_index(r.cp.conf, tls_path("wild.pem"), &bad.index), 0);
	assert_int_equal(bad.index, 1);
	assert_int_equal(
	    tls_update_index(r.cp.conf, "a.pem", &bad.index), -WSE_NOTFOUND);
	assert_int_equal(sealed_make(sv_str(b), &u.fd), 0);
	assert_int_equal(tls_update_apply(r.cp.conf, &u, err, sizeof(err)), 0);
	assert_string_equal(cn_now(f, NULL), "b.test");
	/* Nothing good: nothing changes. */
	assert_int_equal(
	    tls_update_apply(r.cp.conf, &bad, err, sizeof(err)), -WSE_DENIED);
	assert_non_null(strstr(err, "wild.pem"));
	assert_int_equal(sealed_make(sv_of(b, 300), &bad.fd), 0);
	assert_int_equal(
	    tls_update_apply(r.cp.conf, &bad, err, sizeof(err)), -WSE_SYNTAX);
	bad.index = 2;
	assert_int_equal(
	    tls_update_apply(r.cp.conf, &bad, err, sizeof(err)), -WSE_NOTFOUND);
	assert_string_equal(cn_now(f, "x.wild.test"), "w");
	close(u.fd);
	close(bad.fd);
	free(b);
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_cert__replace__is_for_later_handshakes),
		cmocka_unit_test(tls_cert__replace_a_servers__uses_it),
		cmocka_unit_test(tls_cert__bad_text__changes_nothing),
		cmocka_unit_test(tls_cert__cut_text__is_refused),
		cmocka_unit_test(tls_cert__show__has_haproxys_lines),
		cmocka_unit_test(tls_cert__text__is_looked_at),
		cmocka_unit_test(tls_update__sealed_text__is_used),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
