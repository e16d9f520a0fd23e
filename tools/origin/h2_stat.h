/* SPDX-License-Identifier: MIT */
/* What /_stats tells of HTTP/2. */
#ifndef ORIGIN_H2_STAT_H
#define ORIGIN_H2_STAT_H

#include <stddef.h>
#include <stdint.h>

#define H2_STAT_TEXT_LEN 200
#define H2_STAT_JSON_LEN 1536 /* what h2_stat_write() needs at most */

/* Connections that came in on the admin listener are in none. */
struct h2_stat {
	uint64_t connections;
	uint64_t open; /* connections */
	uint64_t peak_open;
	uint64_t streams; /* all that the clients opened */
	uint64_t open_streams;
	uint64_t peak_streams;         /* over all connections */
	uint64_t peak_on_a_connection; /* streams */
	uint64_t requests;             /* of conn_stats.requests */
	uint64_t websockets;           /* of conn_stats.websockets */
	uint64_t refused;              /* by --h2-refuse */
	uint64_t unprocessed;          /* streams above the last of a GOAWAY */
	uint64_t resets_sent;
	uint64_t resets_received;
	uint64_t goaways_sent;
	uint64_t goaways_received;
	uint64_t pings_received; /* answers to ours not among them */
	uint64_t pings_answered; /* ours */
	uint64_t settings_acked;
	uint64_t late_frames; /* sent on finished streams */
	uint64_t errors;      /* frames and requests that RFC 9113 forbids */
	char error[H2_STAT_TEXT_LEN]; /* the last one's reason */
};

extern struct h2_stat h2_stat;

void h2_stat_error(const char *reason);
/* Forgets all but what is open. */
void h2_stat_reset(void);

/* Writes a JSON object into H2_STAT_JSON_LEN bytes; returns its length. */
size_t h2_stat_write(char *json);

#endif
