/* SPDX-License-Identifier: MIT */
/*
 * What may follow the handshake beside data: post-handshake messages of TLS
 * 1.3 (RFC 8446 4.6) and alerts (RFC 8446 6, RFC 5246 7.2).  For tls_rec.
 */
#ifndef SHM_PROTO_TLS_MSG_H
#define SHM_PROTO_TLS_MSG_H

#include "shm/proto/tls_rec.h"

/* TLS 1.3: take a handshake record's n > 0 plain bytes; 0, or -WSE_PROTO with
 * the alert to send. The reading key may be another afterwards. */
MUST_USE int
tls_msg_take(struct tls_rec *r, const uint8_t *p, size_t n, uint8_t *alert_r);
/* Take an alert record's n bytes: as tls_rec_open() answers. */
MUST_USE int tls_msg_alert(struct tls_rec *r, const uint8_t *p, size_t n,
    enum tls_got *got_r, uint8_t *alert_r);
/* Could the message half read in *st have come this way? */
bool tls_msg_is_sound(const struct tls_state *st);

#endif
