/* SPDX-License-Identifier: MIT */
/*
 * A TLS handshake with a server: made by the loop, done by one of a few
 * threads, given back to the loop.  Whoever has the job is its only user;
 * OpenSSL's objects in it are references (or copies) of its own.
 */
#ifndef BROKER_TLS_JOB_H
#define BROKER_TLS_JOB_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shm/base/list.h"
#include "shm/conf/tls_conf.h"
#include "shm/ipc/ipc_tbl.h"
#include "shm/proto/tls_hs.h"
#include "shm/proto/tls_rec.h"

enum tls_job_phase {
	TLS_JOB_SHAKE,  /* the handshake */
	TLS_JOB_TICKET, /* done; a session is waited for */
	TLS_JOB_SETTLE, /* detached; records that came early are opened */
	TLS_JOB_OVER
};

struct tls_worker; /* a thread */
struct check_conn; /* broker/check_parts.h */

struct tls_job {
	struct list node;
	/* from the loop */
	int fd; /* -1: with the slot */
	uint32_t slot, gen;
	struct check_conn *check; /* not NULL: for this, and for no slot */
	struct ssl_ctx_st *ctx;
	struct ssl_session_st *resume; /* NULL: a full handshake */
	bool collect;                  /* wait for a session */
	bool patient;                  /* nobody waits for the connection */
	char sni[IPC_TEXT_MAX + 1];
	char host[256]; /* the certificate's name; "": any */
	struct tls_alpn alpn;
	bool prior_h2;     /* no ALPN, and HTTP/2 all the same */
	uint64_t until_us; /* CLOCK_MONOTONIC; 0: no limit */
	unsigned thread;
	/* the thread's */
	struct tls_worker *w;
	struct event ev;
	struct tls_hs *hs;
	struct tls_rec rec;
	uint8_t *rest; /* records not opened yet */
	size_t rest_bytes;
	enum tls_job_phase phase;
	uint64_t begin_us, ticket_until_us;
	/* results */
	bool ok, resumed;
	enum lease_fail fail;  /* if not ok */
	int errnum;            /* of a system call, or 0 */
	char why[IPC_WHY_MAX]; /* of a failure */
	uint32_t kind;         /* enum vault_kind */
	uint8_t state[TLS_STATE_BYTES_MAX];
	uint32_t state_bytes;
	bool is_h2;     /* what it speaks now */
	uint8_t *early; /* data that came already, HTTP/2 only */
	size_t early_bytes;
	struct ssl_session_st *session; /* a new one, or NULL */
};

/* All but fd, which the caller keeps. Wipes. */
void tls_job_free(struct tls_job **j);

/* --- tls_hs_run.c: in a thread --- */

/* Begin, with j->fd connected; ends with tls_hs_pool_done(). */
void tls_hs_run(struct tls_job *j, struct event_base *base);

/* --- tls_hs_pool.c --- */

/* Start the threads. on_done: in the loop of base, takes the job. */
MUST_USE int
tls_hs_pool_start(struct event_base *base, void (*on_done)(struct tls_job *j));
void tls_hs_pool_submit(struct tls_job *j);
/* From the thread that ran it. */
void tls_hs_pool_done(struct tls_job *j);

#endif
