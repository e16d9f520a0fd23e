/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the portable form of a TLS connection (libFuzzer): what another
 * process left in a vault.
 *
 * What is taken packs to the same bytes, and serves: sealing, updating and
 * opening the rest of the input keep their promises.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "shm/proto/tls_rec.h"

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use(struct tls_rec *r)
{
	struct iovec iov = { (void *)(uintptr_t) "abc", 3 };
	uint8_t out[256];
	enum tls_got got;
	struct sv text;
	uint8_t alert;
	size_t need = tls_rec_sealed_bytes(&r->st, 3);
	ssize_t n;

	MUST(need < sizeof(out));
	n = tls_rec_seal(r, &iov, 1, out, sizeof(out));
	MUST(n == (ssize_t)need || n == -WSE_EOF || n == -WSE_RANGE);
	n = tls_rec_update(r, true, out, sizeof(out));
	MUST(n == TLS_REC_UPDATE_BYTES || n == -WSE_EOF || n == -WSE_UNSUPP);
	/* our own record is hardly the peer's, unless both keys are one */
	n = tls_rec_open(r, out, 27, &got, &text, &alert);
	MUST(n <= 27 && (unsigned)got < TLS_GOT_N);
	n = tls_rec_alert(r, 0, out, sizeof(out));
	MUST(n > 0 || n == -WSE_EOF);
	(void)tls_state_is_quiet(&r->st);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tls_state zero;
	uint8_t again[TLS_STATE_BYTES_MAX];
	struct tls_rec r = { 0 };
	ssize_t n;
	int e = tls_state_unpack(&r.st, data, size);

	if (e < 0) {
		MUST(e == -WSE_CORRUPT);
		MUST(memcmp(&r.st, &zero, sizeof(zero)) == 0);
		return 0;
	}
	n = tls_state_pack(&r.st, again, sizeof(again));
	MUST(n == (ssize_t)size && memcmp(again, data, size) == 0);
	use(&r);
	tls_rec_wipe(&r);
	return 0;
}
