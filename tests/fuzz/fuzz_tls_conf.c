/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of what the TLS configuration reads (libFuzzer): the first byte says
 * as what; the rest is a crt-list, a PEM text or a protocol list.
 *
 * What must hold: no crash, no leak; an error where the result says so; a
 * protocol list has all its bytes in tokens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/conf/tls_conf_int.h"

enum { MAX = 16384 };

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_list(const uint8_t *data, size_t size)
{
	struct conf_parse cp = { .conf = NULL, .quiet = true, .offline = true };
	struct tls_front f = { .refs = 1 };
	struct bind b = { .index = 0 };
	FILE *in = fmemopen((void *)(uintptr_t)data, size, "r");
	int r;

	if (!in)
		return;
	cp.conf = conf_new();
	f.tail = &f.entries;
	r = tls_crt_list_parse(&cp, &f, &b, "fuzz", in);
	MUST((r != 0) == (cp.error_count != 0));
	MUST(!f.entries && !cp.ln);
	fclose(in);
	conf_free(&cp.conf);
}

static void
fuzz_pem(const uint8_t *data, size_t size)
{
	struct tls_pem p = { 0 };
	char err[TLS_ERR_BYTES] = "", age[128];
	int r = tls_pem_parse(
	    sv_of((const char *)data, size), &p, err, sizeof(err));

	MUST((r != 0) == (*err != '\0'));
	MUST((r == 0) == (p.x509 != NULL));
	if (r)
		return;
	tls_pem_age(&p, age, sizeof(age));
	if (tls_pem_check(&p, "fuzz", err, sizeof(err)))
		MUST(*err != '\0');
	tls_pem_done(&p);
}

static void
fuzz_alpn(const uint8_t *data, size_t size)
{
	struct tls_alpn a = { .n = 0 };
	char *text = malloc(size + 1);
	unsigned at = 0;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (tls_alpn_parse(text, &a) == 0) {
		MUST(a.n == strlen(text) + 1);
		while (at < a.n) {
			MUST(a.wire[at] > 0);
			at += 1u + a.wire[at];
		}
		MUST(at == a.n);
	} else {
		MUST(a.n == 0);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > MAX)
		return 0;
	if (*data == 'l')
		fuzz_list(data + 1, size - 1);
	else if (*data == 'p')
		fuzz_pem(data + 1, size - 1);
	else
		fuzz_alpn(data + 1, size - 1);
	return 0;
}
