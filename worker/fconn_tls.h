/* SPDX-License-Identifier: MIT */
/*
 * A client's TLS handshake, up to where its records are xprt_tls.c's.
 *
 * Handshakes cost a thousand times what a record does: so many of them are
 * worked on in one turn of the loop as take about TURN_US, the others wait
 * for the next turn, first come first served.
 */
#ifndef WORKER_FCONN_TLS_H
#define WORKER_FCONN_TLS_H

#include "worker/xprt.h"

struct fconn;
struct tls_hs;

/* What a client's connection through TLS has more than a plain one. */
struct fconn_tls {
	struct tls_rec rec;
	struct xtls xt;
	struct tls_hs *hs; /* until it is done */
	struct list turn;  /* waiting for a turn */
	struct fconn *fc;
	char *sni; /* NULL: the client sent none */
};

/* Before the first client: all contexts are prepared. 0 or -WSE_*. */
MUST_USE int fconn_tls_init(void);
/* FC_TLS begins. 0 or -WSE_NOMEM. */
MUST_USE int fconn_tls_start(struct fconn *fc);
/* The client can be read, or written. May close it. */
void fconn_tls_readable(struct fconn *fc);
void fconn_tls_writable(struct fconn *fc);
/* How long the handshake may take. */
unsigned fconn_tls_limit_ms(const struct fconn *fc);
/* It took too long. Closes the connection. */
void fconn_tls_timeout(struct fconn *fc);
/* Harmless for a plain one. */
void fconn_tls_free(struct fconn *fc);

#endif
