/* SPDX-License-Identifier: MIT */
/*
 * A server for tests of the broker's HTTP/2: a thread per connection, frames
 * by hand, plain or with TLS, and as many faults as there are bytes.  It
 * answers PING; where HTTP/1.1 was negotiated it answers a byte with a byte.
 */
#ifndef TESTS_UNIT_BROKER_H2_ORIGIN_H
#define TESTS_UNIT_BROKER_H2_ORIGIN_H

#include "tests/unit/broker/tls_origin.h"

/* What it does after it read the preface. */
enum h2o_mode {
	H2O_GOOD,
	H2O_CONNECTS, /* announces RFC 8441 */
	H2O_SILENT,
	H2O_SLOW,      /* SETTINGS byte by byte */
	H2O_HALF,      /* with half of a frame after it, the rest later */
	H2O_HTTP1,     /* speaks that */
	H2O_NOT_FIRST, /* PING before SETTINGS */
	H2O_GOAWAY,
	H2O_CLOSE
};

/* What its connections are told to send. */
enum h2o_word {
	H2O_PING = 1,
	H2O_SETTINGS,  /* RFC 8441, later */
	H2O_UPDATE,    /* of the window */
	H2O_LATE,      /* RST_STREAM and DATA of 5 bytes on stream 1 */
	H2O_PING_HALF, /* the other half 150 ms later */
	H2O_HALF_ONLY, /* never */
	H2O_BAD,       /* a push */
	H2O_BYE,       /* GOAWAY */
	H2O_EOF
};

struct h2_origin {
	struct tls_origin t; /* socket, certificate */
	bool tls;
	const char *alpn; /* of the server's choice, NULL: it knows none */
	atomic_int mode;
	atomic_int word; /* of enum h2o_word, with `turn` */
	atomic_uint turn, threads;
	atomic_uint accepted, open, peak, h1, hellos, acks, pings, pongs,
	    updates, byes, notifies, bad;
};

void h2_origin_init(struct h2_origin *o, bool tls, int max_version);
void h2_origin_run(struct h2_origin *o);
/* Tell all connections. */
void h2_origin_say(struct h2_origin *o, enum h2o_word w);
void h2_origin_fini(struct h2_origin *o);

#endif
