/* SPDX-License-Identifier: MIT */
/* What /_stats tells of TLS. */
#ifndef ORIGIN_TLS_STAT_H
#define ORIGIN_TLS_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_STAT_NAMES    16 /* different ciphers or protocols counted */
#define TLS_STAT_NAME_LEN 48
#define TLS_STAT_TEXT_LEN 256
#define TLS_STAT_JSON_LEN 4096 /* what tls_stat_write() needs at most */

struct tls_stat_name {
	char name[TLS_STAT_NAME_LEN];
	uint64_t count;
};

struct tls_stat {
	uint64_t full;
	uint64_t resumed;
	uint64_t failed;    /* handshakes */
	uint64_t broken;    /* connections that sent a bad record later */
	uint64_t truncated; /* that ended without close_notify */
	uint64_t updates_sent;
	uint64_t updates_received;
	struct tls_stat_name versions[TLS_STAT_NAMES];
	struct tls_stat_name ciphers[TLS_STAT_NAMES];
	struct tls_stat_name alpn[TLS_STAT_NAMES]; /* "none" among them */
	char sni[TLS_STAT_TEXT_LEN];   /* the last handshake's, or empty */
	char error[TLS_STAT_TEXT_LEN]; /* the last failure's reason */
};

/* A handshake that succeeded. */
struct tls_stat_shake {
	bool resumed;
	const char *version;
	const char *cipher;
	const char *sni;  /* or NULL */
	const char *alpn; /* not terminated; NULL: none */
	size_t alpn_len;
};

extern struct tls_stat tls_stat;

void tls_stat_count(const struct tls_stat_shake *s);
void tls_stat_fail(const char *reason);
void tls_stat_break(const char *reason);
void tls_stat_reset(void);

/* Writes a JSON object into TLS_STAT_JSON_LEN bytes; returns its length. */
size_t tls_stat_write(char *json);

#endif
