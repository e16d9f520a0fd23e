/* SPDX-License-Identifier: MIT */
/*
 * What is said about TLS words, and where.
 */
#include "tests/unit/shm/conf/tls_test.h"

/* Line and column of the line under test: "\t" is column 1. */
struct mistake {
	const char *global, *section, *line;
	const char *where; /* "9] : col 7", or a crt-list's */
	const char *says;
	int errors, warnings;
};

#define BIND "frontend"
#define SRV  "backend"

static const struct mistake mistakes[] = {
	{ "", BIND, "bind :443 ssl crt nope.pem", "11] : col 20: ",
	    "nope.pem': No such file or directory; check the name", 1, 0 },
	{ "", BIND, "bind :443 ssl crt nokey.pem",
	    "11] : col 20: ", "no private key in '", 1, 0 },
	{ "", BIND, "bind :443 ssl crt mismatch.pem",
	    "11] : col 20: ", "does not belong to the certificate", 1, 0 },
	{ "", BIND, "bind :443 ssl crt encrypted.pem",
	    "11] : col 20: ", "key is encrypted", 1, 0 },
	{ "", BIND, "bind :443 ssl crt rubbish.pem",
	    "11] : col 20: ", "is damaged", 1, 0 },
	{ "", BIND, "bind :443 ssl crt empty.pem",
	    "11] : col 20: ", "no certificate: expected", 1, 0 },
	{ "", BIND, "bind :443 ssl crt expired.pem",
	    "11] : col 20: ", "expired on ", 0, 1 },
	{ "", BIND, "bind :443 ssl crt future.pem",
	    "11] : col 20: ", "is not valid before ", 0, 1 },
	{ "", BIND, "bind :443 ssl crt empty.dir", "11] : col 12: ",
	    "no SSL certificate specified for bind ':443'", 1, 0 },
	{ "", BIND, "bind :443 ssl crt bad.dir",
	    "11] : col 20: ", "bad.dir/x.pem", 2, 0 },
	{ "", BIND, "bind :443 ssl", "11] : col 12: ",
	    "no SSL certificate specified for bind ':443'", 1, 0 },
	{ "", BIND, "bind :443 crt a.pem", "11] : ", "(use 'ssl')", 0, 1 },
	{ "", BIND, "bind :443 ssl crt", "11] : col 19: ", "expects", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem ciphers NOPE",
	    "11] : col 34: ", "unable to set cipher list to 'NOPE'", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem ciphersuites TLS_AES_128_GCM_SHA",
	    "11] : col 39: ", "did you mean 'TLS_AES_128_GCM_SHA256'?", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem curves NOPE",
	    "11] : col 33: ", "unable to set curves to 'NOPE'", 1, 0 },
	{ "", BIND,
	    "bind :443 ssl crt a.pem ciphers "
	    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256:AES128-"
	    "SHA",
	    "11] : col 34: ",
	    "2 cipher suites are left out, since a connection that uses one "
	    "cannot move between processes (only AES-GCM and "
	    "ChaCha20-Poly1305 can): ECDHE-ECDSA-AES128-SHA256, AES128-SHA\n",
	    0, 1 },
	{ "", BIND,
	    "bind :443 ssl crt a.pem ciphersuites "
	    "TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256",
	    "11] : col 39: ",
	    "1 cipher suite is left out, since a connection that uses one "
	    "cannot move between processes (only AES-GCM and "
	    "ChaCha20-Poly1305 can): TLS_AES_128_CCM_SHA256\n",
	    0, 1 },
	{ "", BIND,
	    "bind :443 ssl crt a.pem ssl-max-ver TLSv1.2 ciphers AES128-SHA",
	    "11] : col 54: ", "no cipher suite is left for TLS 1.2", 1, 1 },
	{ "", BIND,
	    "bind :443 ssl crt a.pem ssl-min-ver TLSv1.3 ciphersuites "
	    "TLS_AES_128_CCM_SHA256",
	    "11] : col 59: ", "no cipher suite is left for TLS 1.3", 1, 1 },
	/* Of the global section, named once however many binds have it. */
	{ "\tssl-default-bind-ciphers AES128-SHA:AES128-GCM-SHA256", BIND,
	    "bind :443 ssl crt a.pem crt b.pem\n\tbind :444 ssl crt a.pem",
	    "4] : col 27: ", "1 cipher suite is left out", 0, 1 },
	{ "\tssl-default-bind-options ssl-min-ver TLSv1.1", BIND,
	    "bind :443 ssl crt a.pem", "4] : col 39: ",
	    "'TLSv1.1' is not supported: its connections cannot move", 1, 0 },
	{ "\tssl-default-bind-options no-sslv3 verify", BIND,
	    "bind :443 ssl crt a.pem",
	    "4] : col 36: ", "does not know 'verify'", 1, 0 },
	{ "\tssl-server-verify maybe", BIND, "bind :443 ssl crt a.pem",
	    "4] : col 20: ", "only 'none' and 'required'", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem ssl-min-ver TLSv1.0",
	    "11] : col 38: ", "use 'TLSv1.2' or 'TLSv1.3'", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem ssl-max-ver TLSv1.4",
	    "11] : col 38: ", "unknown ssl/tls version", 1, 0 },
	{ "", BIND,
	    "bind :443 ssl crt a.pem ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2",
	    "11] : col 12: ", "no TLS version is left", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem verify required",
	    "11] : col 12: ", "needs a 'ca-file'", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem verify maybe",
	    "11] : col 33: ", "unknown verify method 'maybe'", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem verify optional ca-file nope",
	    "11] : col 50: ", "No such file", 1, 0 },
	{ "", BIND,
	    "bind :443 ssl crt a.pem verify optional ca-file rubbish.pem",
	    "11] : col 50: ", "is damaged", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem verify optional ca-file empty.pem",
	    "11] : col 50: ", "no certificate in '", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem alpn h2,",
	    "11] : col 31: ", "separated by ','", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem proto h1 alpn h2",
	    "11] : col 12: ", "'proto h1' on bind ':443' contradicts 'alpn'", 1,
	    0 },
	{ "", BIND, "bind :443 ssl crt a.pem strict-snj",
	    "11] : col 26: ", "did you mean 'strict-sni'?", 1, 0 },
	{ "", BIND, "bind :443 ssl crt a.pem crl-file x",
	    "11] : col 26: ", "not supported", 1, 0 },
	{ "", BIND, "bind :443 ssl crt-list nope.list",
	    "11] : col 25: ", "'crt-list': cannot read '", 1, 0 },
	{ "", BIND, "bind :443 ssl crt-list 1.list",
	    "1.list:2] : col 1: ", "nope.pem': No such file", 1, 0 },
	{ "", BIND, "bind :443 ssl crt-list 2.list", "2.list:1] : col 8: ",
	    "'alpm' is not an option of a crt-list line that wsbroker "
	    "supports; did you mean 'alpn'?",
	    1, 0 },
	{ "", BIND, "bind :443 ssl crt-list 3.list",
	    "3.list:1] : col 16: ", "'[' without ']'", 1, 0 },
	{ "", BIND, "bind :443 ssl crt-list 4.list",
	    "4.list:1] : col 14: ", "'x.*.z' is not a name for SNI", 1, 0 },
	{ "", BIND, "bind :443 ssl crt-list 5.list",
	    "5.list:1] : col 1: ", "'verify' without a 'ca-file'", 1, 0 },

	{ "", SRV, "server s 127.0.0.1:1 ssl", "11] : col 23: ",
	    "no 'ca-file' says whose certificates are good", 1, 0 },
	{ "", SRV, "server s 127.0.0.1:1 ssl ca-file nope",
	    "11] : col 35: ", "No such file", 1, 0 },
	{ "", SRV, "server s 127.0.0.1:1 ssl verify optional",
	    "11] : col 34: ", "only 'none' and 'required'", 2, 0 },
	{ "", SRV, "server s 127.0.0.1:1 ssl verify none crt nokey.pem",
	    "11] : col 43: ", "no private key", 1, 0 },
	{ "", SRV, "server s 127.0.0.1:1 ssl verify none proto h1 alpn h2",
	    "11] : col 23: ", "'proto h1' contradicts 'alpn'", 1, 0 },
	{ "", SRV,
	    "server s 127.0.0.1:1 ssl verify none proto h2 alpn http/1.1",
	    "11] : col 23: ", "'proto h2' contradicts 'alpn'", 1, 0 },
	{ "", SRV, "server s 127.0.0.1:1 ssl verify none sni nope",
	    "11] : col 43: ", "", 1, 0 },
	/* A default-server line is to blame, not the server's. */
	{ "", SRV,
	    "default-server ssl verify none ciphers NOPE\n\tserver s "
	    "127.0.0.1:1",
	    "11] : col 41: ", "unable to set cipher list", 1, 0 },
};

static int
mistakes_setup(void **state)
{
	EVP_PKEY *other;
	FILE *f;
	char *a;

	if (tls_setup(state))
		return -1;
	a = file_text("a.pem");
	*strstr(a, "-----BEGIN PRIVATE") = '\0';
	text_file("nokey.pem", a);
	strstr(a, "-----END")[-5] = '!';
	text_file("rubbish.pem", a);
	free(a);
	text_file("empty.pem", "nothing\n");
	other = EVP_EC_gen("P-256");
	pem_write("mismatch.pem", tls_ca.x509, NULL, other);
	f = fopen(tls_path("encrypted.pem"), "w");
	assert_int_equal(PEM_write_X509(f, tls_ca.x509), 1);
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, tls_ca.key,
			     EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
	    1);
	fclose(f);
	EVP_PKEY_free(other);
	cert_file("expired.pem",
	    (struct cert_spec){ .cn = "x", .from_days = -9, .to_days = -2 });
	cert_file("future.pem",
	    (struct cert_spec){ .cn = "x", .from_days = 9, .to_days = 20 });
	mkdir(tls_path("empty.dir"), 0700);
	text_file("empty.dir/.hidden", "x");
	text_file("empty.dir/x.ocsp", "x");
	mkdir(tls_path("bad.dir"), 0700);
	text_file("bad.dir/x.pem", "x");
	text_file("bad.dir/y.pem", "x");
	text_file("1.list", "a.pem\nnope.pem\n");
	text_file("2.list", "a.pem [alpm h2] x\n");
	text_file("3.list", "a.pem [alpn h2\n");
	text_file("4.list", "a.pem [] a.b x.*.z\n");
	text_file("5.list", "a.pem [verify required]\n");
	return 0;
}

static void
tls_conf__mistake__is_said_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		const struct mistake *m = &mistakes[i];
		struct run r;

		tls_run(&r, m->global, m->section, m->line);
		if (r.cp.error_count != m->errors ||
		    r.cp.warning_count != m->warnings ||
		    !strstr(r.said, m->where) || !strstr(r.said, m->says))
			print_error("%s\n%s", m->line, r.said);
		assert_int_equal(r.cp.error_count, m->errors);
		assert_int_equal(r.cp.warning_count, m->warnings);
		assert_non_null(strstr(r.said, m->where));
		assert_non_null(strstr(r.said, m->says));
		assert_null(strstr(r.said, "PRIVATE"));
		run_end(&r);
	}
}

static void
tls_conf__unreadable_file__is_said(void **state)
{
	struct run r;

	(void)state;
	cert_file("secret.pem", (struct cert_spec){ .cn = "x" });
	chmod(tls_path("secret.pem"), 0);
	/* Root may read all. */
	if (getuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	tls_run(&r, "", BIND, "bind :443 ssl crt secret.pem");
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(r.cp.error_count, 1);
	assert_non_null(strstr(r.said, "must have the right to read it"));
	run_end(&r);
}

static void
tls_conf__key__lies_in_the_file_or_beside_it(void **state)
{
	struct issuer i =
	    cert_new(&(struct cert_spec){ .cn = "x", .by = &tls_ca });
	struct run r;

	(void)state;
	pem_write("s1.pem", i.x509, NULL, NULL);
	pem_write("s1.pem.key", NULL, NULL, i.key);
	pem_write("s2.crt", i.x509, NULL, NULL);
	pem_write("s2.key", NULL, NULL, i.key);
	mkdir(tls_path("good.dir"), 0700);
	pem_write("good.dir/1.pem", i.x509, tls_ca.x509, NULL);
	pem_write("good.dir/1.pem.key", NULL, NULL, i.key);
	pem_write("good.dir/2.pem", i.x509, NULL, i.key);
	issuer_done(&i);
	front_good(&r, "bind :443 ssl crt s1.pem crt s2.crt crt good.dir");
	assert_string_equal(
	    tls_cert_name(r.cp.conf, 2), tls_path("good.dir/1.pem"));
	assert_string_equal(
	    tls_cert_name(r.cp.conf, 3), tls_path("good.dir/2.pem"));
	assert_null(tls_cert_name(r.cp.conf, 4));
	run_end(&r);
}

/* Debian's stock file, and words of older configurations. */
static void
tls_conf__usual_defaults__say_nothing(void **state)
{
	struct run r;
	const struct bind_tls *t;

	(void)state;
	tls_run(&r,
	    "\tssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:"
	    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
	    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
	    "ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:"
	    "DHE-RSA-AES256-GCM-SHA384\n"
	    "\tssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:"
	    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\n"
	    "\tssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets "
	    "no-sslv3 no-tlsv10 no-tlsv11\n"
	    "\tssl-default-bind-curves X25519:P-256",
	    BIND,
	    "bind :443 ssl crt a.pem\n\tbind :444 ssl crt a.pem proto h1");
	assert_string_equal(r.said, "");
	t = &r.cp.conf->proxies->binds->tls;
	assert_true(t->opts.no_tickets);
	assert_string_equal(t->opts.curves.s, "X25519:P-256");
	assert_true(tls_alpn_has(&t->opts.alpn, SV("h2")));
	assert_int_equal(r.cp.conf->proxies->binds->next->tls.opts.alpn.n, 0);
	run_end(&r);
}

static void
tls_conf__conditions__know_openssl(void **state)
{
	char err[128];

	(void)state;
	assert_int_equal(conf_condition("feature(OPENSSL)", err, 128), 1);
	assert_int_equal(
	    conf_condition("openssl_version_atleast(1.1.1f)", err, 128), 1);
	assert_int_equal(
	    conf_condition("openssl_version_before(9.0)", err, 128), 1);
	assert_int_equal(
	    conf_condition("openssl_version_atleast(9)", err, 128), 0);
	assert_int_equal(conf_condition("openssl_version_atleast(x)", err, 128),
	    -WSE_SYNTAX);
	assert_int_equal(
	    conf_condition("ssllib_name_startswith(OpenSSL)", err, 128), 1);
	assert_int_equal(
	    conf_condition("ssllib_name_startswith(AWS)", err, 128), 0);
}

/* The manual page is made of the rows. */
static void
tls_conf__keywords__are_listed(void **state)
{
	static const char *const rows[] = { "\nbind\tcrt-list\t<file>\t",
		"\nbind\tciphers\t<ciphers>\t",
		"\nserver\tciphers\t<ciphers>\t",
		"\nserver\tverifyhost\t<name>\t",
		"global\tssl-server-verify\tnone|required\t" };
	FILE *out;
	char *text;
	size_t n;

	(void)state;
	out = open_memstream(&text, &n);
	conf_dump_keywords(out);
	fclose(out);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_non_null(strstr(text, rows[i]));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_conf__mistake__is_said_with_its_place),
		cmocka_unit_test(tls_conf__unreadable_file__is_said),
		cmocka_unit_test(tls_conf__key__lies_in_the_file_or_beside_it),
		cmocka_unit_test(tls_conf__usual_defaults__say_nothing),
		cmocka_unit_test(tls_conf__conditions__know_openssl),
		cmocka_unit_test(tls_conf__keywords__are_listed),
	};

	return cmocka_run_group_tests(tests, mistakes_setup, tls_teardown);
}
