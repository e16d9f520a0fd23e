/* SPDX-License-Identifier: MIT */
/*
 * Fetches: what passed through a tunnel.
 */
#include "shm/base/clock.h"
#include "worker/rules/fetch.h"

#define UNUSED_ARGS \
	(void)a;    \
	(void)argc

enum { IN, OUT };

static bool
bytes(const struct txn *t, int way, int n, struct sample *out)
{
	return n <= 0 && t->tunnel &&
	    sample_set_int(out, (long long)t->tunnel->bytes[way]);
}

bool
fetch_ws_bytes_in(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return bytes(t, IN, n, out);
}

bool
fetch_ws_bytes_out(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return bytes(t, OUT, n, out);
}

bool
fetch_ws_duration(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	uint64_t end = t->at.end_us ? t->at.end_us : clock_us();

	UNUSED_ARGS;
	return n <= 0 && t->tunnel &&
	    sample_set_int(
		out, (long long)((end - t->tunnel->begun_us) / 1000));
}

bool
fetch_ws_closed_by(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	if (n > 0 || !t->tunnel)
		return false;
	switch (t->tunnel->closed_by) {
	case 'C':
		return sample_set_str(out, SV("client"));
	case 'S':
		return sample_set_str(out, SV("server"));
	case 'P':
		return sample_set_str(out, SV("proxy"));
	default:
		return false;
	}
}

bool
fetch_ws_close_code(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->tunnel && t->tunnel->close_code &&
	    sample_set_int(out, t->tunnel->close_code);
}

static bool
messages(const struct txn *t, int way, const struct fetch_arg *a, int argc,
    struct sample *out)
{
	const uint32_t *count;

	if (!t->tunnel || !t->tunnel->is_ws)
		return false;
	count = t->tunnel->msgs[way];
	if (argc == 0 || !a[0].is_int)
		return sample_set_int(
		    out, (long long)count[WS_TEXT] + count[WS_BINARY]);
	return sample_set_int(out, count[a[0].i]); /* ws_msg_kind() */
}

bool
fetch_ws_msgs_in(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return n <= 0 && messages(t, IN, a, argc, out);
}

bool
fetch_ws_msgs_out(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return n <= 0 && messages(t, OUT, a, argc, out);
}
