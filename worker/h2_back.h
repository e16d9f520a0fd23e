/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 connections to servers: many streams of this worker on one struct
 * bconn.  What streams call is struct back_ops; the pool calls what is here.
 */
#ifndef WORKER_H2_BACK_H
#define WORKER_H2_BACK_H

struct bconn;
struct h2_back;

/* Set back_h2. Once, before the first stream. */
void h2_back_init(void);
/*
 * One that was idle was acquired because it can be read: from here on it is
 * minded as one without streams, until it is back in the pool or closed.
 */
void h2_back_look(struct bconn *bc);
/* Give the session up. The connection and its state are not touched. */
void h2_back_free(struct h2_back **hb);

#endif
