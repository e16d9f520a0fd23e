/* SPDX-License-Identifier: MIT */
#include "tools/origin/tls_stat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_stat tls_stat;

/* Copies what fits, with nothing in it that JSON would have to escape. */
static void
copy_text(char *to, size_t room, const char *from, size_t len)
{
	size_t n = len < room - 1 ? len : room - 1;

	for (size_t i = 0; i < n; i++) {
		char c = from[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			c = '?';
		to[i] = c;
	}
	to[n] = '\0';
}

/* What comes when the table is full is counted in its last entry. */
static void
count_name(struct tls_stat_name *table, const char *text, size_t len)
{
	char name[TLS_STAT_NAME_LEN];
	struct tls_stat_name *e = table;

	copy_text(name, sizeof(name), text, len);
	while (e->count && strcmp(e->name, name) != 0 &&
	    e < table + TLS_STAT_NAMES - 1)
		e++;
	if (e->count++ == 0)
		memcpy(e->name, name, sizeof(name));
}

void
tls_stat_count(const struct tls_stat_shake *s)
{
	const char *sni = s->sni ? s->sni : "";

	if (s->resumed)
		tls_stat.resumed++;
	else
		tls_stat.full++;
	count_name(tls_stat.versions, s->version, strlen(s->version));
	count_name(tls_stat.ciphers, s->cipher, strlen(s->cipher));
	if (s->alpn && s->alpn_len)
		count_name(tls_stat.alpn, s->alpn, s->alpn_len);
	else
		count_name(tls_stat.alpn, "none", 4);
	copy_text(tls_stat.sni, sizeof(tls_stat.sni), sni, strlen(sni));
}

void
tls_stat_fail(const char *reason)
{
	tls_stat.failed++;
	copy_text(
	    tls_stat.error, sizeof(tls_stat.error), reason, strlen(reason));
}

void
tls_stat_break(const char *reason)
{
	tls_stat.broken++;
	copy_text(
	    tls_stat.error, sizeof(tls_stat.error), reason, strlen(reason));
}

void
tls_stat_reset(void)
{
	memset(&tls_stat, 0, sizeof(tls_stat));
}

__attribute__((format(printf, 3, 4))) static void
append(char *json, size_t *at, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(json + *at, TLS_STAT_JSON_LEN - *at, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= TLS_STAT_JSON_LEN - *at)
		abort();
	*at += (size_t)n;
}

static void
append_table(
    char *json, size_t *at, const char *key, const struct tls_stat_name *table)
{
	append(json, at, "\"%s\": {", key);
	for (int i = 0; i < TLS_STAT_NAMES && table[i].count; i++)
		append(json, at, "%s\"%s\": %llu", i ? ", " : "", table[i].name,
		    (unsigned long long)table[i].count);
	append(json, at, "}, ");
}

size_t
tls_stat_write(char *json)
{
	const struct tls_stat *st = &tls_stat;
	size_t at = 0;

#define U(field) (unsigned long long)st->field
	append(json, &at,
	    "{\"full\": %llu, \"resumed\": %llu, \"failed\": %llu, "
	    "\"broken\": %llu, \"truncated\": %llu, "
	    "\"key_updates_sent\": %llu, \"key_updates_received\": %llu, ",
	    U(full), U(resumed), U(failed), U(broken), U(truncated),
	    U(updates_sent), U(updates_received));
#undef U
	append_table(json, &at, "versions", st->versions);
	append_table(json, &at, "ciphers", st->ciphers);
	append_table(json, &at, "alpn", st->alpn);
	append(json, &at, "\"sni\": \"%s\", \"last_error\": \"%s\"}", st->sni,
	    st->error);
	return at;
}
