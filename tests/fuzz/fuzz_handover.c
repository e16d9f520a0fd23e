/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of a connection as it comes from another worker (libFuzzer).
 *
 * What is taken is put to the same bytes, and what it holds serves: the frames'
 * positions, the pings' state, the log line without a format.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/handover_msg.h"
#include "worker/ws_ping.h"

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use(const struct moved_tunnel *t, const struct moved_parts *parts)
{
	static const char bytes[] = "\x81\x85mask\x8a\x08pongpong\x88\x02\x03";
	uint32_t count[WS_KIND_N] = { 0 };
	struct ws_watch w = { 0 };
	struct logfmt_frozen *z;
	struct sv run;

	for (int i = 0; i < 2; i++) {
		struct sv in = sv_of(bytes, sizeof(bytes));

		w.frame[i] = t->frame[i];
		if (ws_ping_from(&w, parts->ping) == 0)
			while (ws_ping_next(&w, i, &in, &run))
				MUST(run.n <= sizeof(bytes) + WS_PING_MAX);
		ws_ping_end(&w);
		ws_frame_count(&w.frame[i], bytes, sizeof(bytes), count);
	}
	z = logfmt_frozen_from(NULL, parts->line);
	if (z) {
		struct txn none = { 0 };
		char out[16];

		MUST(logfmt_frozen_bytes(z).n == parts->line.n);
		MUST(logfmt_thaw(NULL, z, &none, out, sizeof(out)) <= 16);
	}
	logfmt_frozen_free(&z);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_state st[MOVE_ENDS] = { 0 };
	struct moved_parts parts;
	struct moved_tunnel t;
	uint8_t *again;
	int e = handover_msg_get(data, size, &t, &parts, st);

	if (e < 0) {
		MUST(e == -WSE_CORRUPT || e == -WSE_UNSUPP);
		return 0;
	}
	MUST(handover_msg_bytes(&t) == size);
	again = malloc(size);
	MUST(again);
	handover_msg_put(&t, &parts, again);
	MUST(memcmp(again, data, size) == 0);
	free(again);
	use(&t, &parts);
	return 0;
}
