/* SPDX-License-Identifier: MIT */
#include "tools/origin/h2_stat.h"

#include <stdio.h>
#include <string.h>

struct h2_stat h2_stat;

/* Nothing is kept that JSON would have to escape. */
void
h2_stat_error(const char *reason)
{
	size_t n = strnlen(reason, H2_STAT_TEXT_LEN - 1);

	h2_stat.errors++;
	for (size_t i = 0; i < n; i++) {
		char c = reason[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			c = '?';
		h2_stat.error[i] = c;
	}
	h2_stat.error[n] = '\0';
}

void
h2_stat_reset(void)
{
	struct h2_stat kept = { .open = h2_stat.open,
		.peak_open = h2_stat.open,
		.open_streams = h2_stat.open_streams,
		.peak_streams = h2_stat.open_streams };

	h2_stat = kept;
}

size_t
h2_stat_write(char *json)
{
	const struct h2_stat *st = &h2_stat;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "connections", st->connections },
		{ "open", st->open },
		{ "peak_open", st->peak_open },
		{ "streams", st->streams },
		{ "open_streams", st->open_streams },
		{ "peak_streams", st->peak_streams },
		{ "peak_on_a_connection", st->peak_on_a_connection },
		{ "requests", st->requests },
		{ "websockets", st->websockets },
		{ "refused", st->refused },
		{ "unprocessed", st->unprocessed },
		{ "resets_sent", st->resets_sent },
		{ "resets_received", st->resets_received },
		{ "goaways_sent", st->goaways_sent },
		{ "goaways_received", st->goaways_received },
		{ "pings_received", st->pings_received },
		{ "pings_answered", st->pings_answered },
		{ "settings_acked", st->settings_acked },
		{ "late_frames", st->late_frames },
		{ "errors", st->errors },
	};
	char *to = json;

	*to++ = '{';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		to += sprintf(to, "\"%s\": %llu, ", rows[i].name,
		    (unsigned long long)rows[i].value);
	to += sprintf(to, "\"last_error\": \"%s\"}", st->error);
	return (size_t)(to - json);
}
