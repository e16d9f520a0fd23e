/* SPDX-License-Identifier: MIT */
/*
 * Sessions to resume, one per server row, transport epoch and SNI.  While
 * there is none for such a triple, one connection at a time waits for its
 * ticket; of a server that gives none that is tried ever more seldom.
 */
#ifndef BROKER_TLS_SESS_H
#define BROKER_TLS_SESS_H

#include "broker/tls_job.h"

/* Fills in j->resume (a copy of its own) and j->collect. */
void tls_sess_ask(
    struct tls_job *j, uint32_t server, uint32_t epoch, uint64_t now_us);
/* Its handshake has ended; takes j->session. */
void tls_sess_done(
    struct tls_job *j, uint32_t server, uint32_t epoch, uint64_t now_us);

#endif
