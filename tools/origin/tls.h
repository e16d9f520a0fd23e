/* SPDX-License-Identifier: MIT */
/* The demo origin's end of one TLS connection, on a non-blocking socket. */
#ifndef ORIGIN_TLS_H
#define ORIGIN_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tls;

/* tls_ctx_setup() came before. NULL: out of memory. */
struct tls *tls_new(int fd);
void tls_free(struct tls **t_r);

/* Returns 1 when it is done, 0 to be called after an event, -1 failed. */
int tls_handshake(struct tls *t);

/*
 * Like recv() and writev(). EAGAIN: after an event again; EPROTO: broken,
 * the alert was sent; ECONNRESET: the peer went without close_notify.
 */
ssize_t tls_recv(struct tls *t, void *buf, size_t len);
ssize_t tls_send(struct tls *t, const struct iovec *iov, size_t count);

/* Whether tls_recv() has bytes that were read from the socket already. */
bool tls_pending(const struct tls *t);

/* Whether the handshake or tls_recv() waits for room in the socket. */
bool tls_blocked_on_write(const struct tls *t);

/* Sends close_notify, once, as far as the socket takes it. */
void tls_end(struct tls *t);

/* Whether ALPN chose it; after the handshake. */
bool tls_is_h2(const struct tls *t);

/* Goes ahead of what is sent next. False: not in this version, not now. */
bool tls_update_keys(struct tls *t, bool request);

#endif
