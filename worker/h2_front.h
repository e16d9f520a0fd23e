/* SPDX-License-Identifier: MIT */
/*
 * Clients that speak HTTP/2: a connection is a struct fconn in FC_H2, with a
 * session and streams, or in FC_REST, with neither, when it was quiet for a
 * second.  Each of its streams has a struct fconn of its own, without
 * descriptor, as struct front_ops says.
 */
#ifndef WORKER_H2_FRONT_H
#define WORKER_H2_FRONT_H

#include "worker/fconn.h"

enum h2_preface {
	H2_PREFACE_NO,   /* something else */
	H2_PREFACE_PART, /* as far as it goes */
	H2_PREFACE_WHOLE,
	H2_PREFACE_N
};

/* What the first bytes of a connection look like. */
enum h2_preface h2_front_preface(const struct buf *b);
/* This connection speaks HTTP/2, whatever its first bytes are. */
bool h2_front_is_agreed(const struct fconn *fc);
/* ... or may still choose it by its first bytes. */
bool h2_front_may_begin(const struct fconn *fc);
/* FC_H2 begins, with the bytes in fc->in. 0, it may be closed; -WSE_NOMEM. */
MUST_USE int h2_front_start(struct fconn *fc);
/* FC_H2, FC_REST: it can be read, or written. May close it. */
void h2_front_readable(struct fconn *fc);
void h2_front_writable(struct fconn *fc);
/* The timer fired. May close it. */
void h2_front_timeout(struct fconn *fc);
/* Take no new streams, and close when those under way are through. */
void h2_front_drain(struct fconn *fc);
/* Each of its streams at work; fn may end it. */
void h2_front_each(
    struct h2_front *f, void (*fn)(struct stream *s, void *arg), void *arg);
/* Bytes of sessions given up since the last call, about. */
size_t h2_front_cooled(void);
/* Give back what it holds; streams were ended. Harmless otherwise. */
void h2_front_free(struct fconn *fc);

#endif
