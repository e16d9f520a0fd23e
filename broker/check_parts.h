/* SPDX-License-Identifier: MIT */
/*
 * Inside checks: one server's check (or agent), its connection while one is
 * under way, and what comes back.
 *
 *	check.c        when; what follows from a result
 *	check_health.c counting results, log lines
 *	check_run.c    one check, step by step
 *	check_conn.c   its connection: bytes in, bytes out, plain or in records
 *	check_http.c   requests, responses, what is expected
 *	check_h2.c     the same over HTTP/2
 *	check_agent.c  what agents say
 */
#ifndef BROKER_CHECK_PARTS_H
#define BROKER_CHECK_PARTS_H

#include "broker/check.h"
#include "broker/state.h"
#include "shm/proto/http.h"
#include "shm/proto/tls_rec.h"

struct tls_job;
struct check_h2;

enum {
	CHECK_BODY_MAX = 16384, /* of a response, that is looked at */
	CHECK_IN_MAX = 65536,   /* not taken yet */
	CHECK_INFO_MAX = BOARD_CHECK_TEXT_MAX,
};

/* --- check_health.c --- */

/* health runs from 0 to rise + fall - 1 and says up from `rise` on. */
struct check_health {
	unsigned now, rise, fall;
};

/* A result. True: it went up (down) by this. */
bool check_health_pass(struct check_health *h);
bool check_health_fail(struct check_health *h);
/* "2/3 UP" */
const char *check_health_text(const struct check_health *h);

/* --- check_conn.c --- */

enum check_event {
	CE_OPEN,    /* connected */
	CE_SHAKEN,  /* TLS is set up */
	CE_DATA,    /* more in `in` */
	CE_EOF,     /* nothing more comes in */
	CE_TIMEOUT, /* `until` has passed */
	CE_FAILED,  /* by errnum; or, in the handshake, why */
	CE_N
};

struct check_conn {
	struct check *owner;
	struct event ev;
	int fd; /* -1: none, or lent to a handshake */
	uint64_t until_us;
	bool is_open, is_lent, is_tls, is_h2, eof;
	bool forget; /* lent, and not wanted any longer: ends itself */
	bool polite; /* ends with FIN, what was said arrives */
	struct tls_rec rec;
	uint8_t *raw, *out; /* records not opened, bytes not sent */
	size_t raw_bytes, out_bytes;
	char *in; /* what came, in the clear */
	size_t in_bytes;
	int errnum;
	char why[IPC_WHY_MAX];
};

/* What a TLS handshake of a check needs to know. */
struct check_shake {
	const struct server *cfg;
	const char *sni; /* or NULL */
	struct tls_alpn alpn;
	bool prior_h2;
	uint64_t until_us;
};

/* CE_OPEN or CE_FAILED follows, perhaps before it returns. */
void check_conn_open(
    struct check *k, const struct sockaddr *to, socklen_t n, uint64_t until_us);
/* CE_SHAKEN, CE_FAILED or CE_TIMEOUT follows, later. */
void check_conn_shake(struct check_conn *c, const struct check_shake *s);
/* From tls_check.c: the handshake is over; takes job->fd. */
void check_conn_shaken(struct check_conn *c, struct tls_job *j);
/* False: it failed, and CE_FAILED was told. */
bool check_conn_send(struct check_conn *c, const void *p, size_t n);
/* n bytes of `in` were taken. */
void check_conn_eat(struct check_conn *c, size_t n);
void check_conn_until(struct check_conn *c, uint64_t until_us);
/* k->conn is NULL then. */
void check_conn_close(struct check *k);

/* --- tls_check.c --- */

/* False: TLS was not set up. */
bool tls_check_submit(struct check_conn *c, const struct check_shake *s);

/* --- check_http.c --- */

/* What of a response matters to checks. */
struct check_reply {
	bool has_head, ended;
	unsigned status;
	char reason[64];
	char *body;
	size_t body_bytes;
	enum http_framing framing; /* HTTP/1 */
	uint64_t left;             /* of a body with a length */
	uint32_t chunk[8];         /* struct h1_chunk */
};

enum check_verdict { CHECK_WAIT, CHECK_YES, CHECK_NO };

enum check_verdict
check_http_judge(const struct check_expect *e, const struct check_reply *r);
/* The request in words of HTTP/1; malloc'ed. host: where none is written. */
char *check_http_request(const struct check_send *s, size_t *n_r);
/* Take of the n bytes at p; bytes, or -WSE_* with words in *why_r. */
ssize_t check_http_feed(struct check_reply *r, const char *p, size_t n,
    const char *method, const char **why_r);
void check_http_body(struct check_reply *r, struct sv data);
void check_reply_done(struct check_reply *r);
/* A WebSocket handshake for uri at host; malloc'ed. */
char *check_ws_request(const char *uri, const char *host, char key[25]);
/* A Close frame. */
enum { CHECK_WS_CLOSE_BYTES = 8 };
void check_ws_close(uint8_t out[CHECK_WS_CLOSE_BYTES]);
/*
 * The answer to it, n bytes so far: CHECK_NO with words in *why_r, and its
 * status if it has one.
 */
enum check_verdict check_ws_judge(const char *p, size_t n, const char *key,
    unsigned *status_r, const char **why_r);

/* --- check_h2.c --- */

/*
 * Over c, which speaks HTTP/2: ask, as `s` says or for a WebSocket; host: where
 * no field says it.  check_h2_feed() after each CE_DATA.
 */
struct check_h2 *check_h2_new(struct check_conn *c, const struct check_send *s,
    bool is_ws, const char *host);
void check_h2_free(struct check_h2 **h);
/* False: the connection is of no more use; why. */
bool
check_h2_feed(struct check_h2 *h, struct check_reply *r, const char **why_r);
/* Of a WebSocket: the server agreed; says Close. */
bool check_h2_is_agreed(struct check_h2 *h);

/* --- check_agent.c --- */

/* What an agent's line says. */
struct check_agent {
	bool up, down;            /* op */
	bool ready, drain, maint; /* admin; at most one */
	int weight;               /* percent, -1: not said */
	int maxconn;              /* -1: not said */
	const char *word;         /* of up or down: "up", "stopped" ... */
	char about[64];           /* behind it, or what was not understood */
	bool unknown;
};

void check_agent_parse(struct sv line, struct check_agent *a_r);
/* Act on it; k's result follows. */
void check_agent_apply(struct check *k, struct sv line);

/* --- check.c, check_run.c --- */

struct check {
	const struct server *cfg;
	uint32_t server; /* board row */
	bool is_agent, paused;
	bool hurry; /* the next one at fastinter */
	struct event timer;
	struct check_health health;
	uint64_t start_us;
	/* while one is under way */
	bool busy;
	struct check_conn *conn;
	const struct check_rule *rule, *connect; /* at this step; by this one */
	const struct check_send *asked;          /* what was sent over conn */
	struct check_reply reply;
	struct check_h2 *h2;
	char ws_key[25];
};

/* Begin; ends with check_over(). */
void check_run(struct check *k);
void check_run_event(struct check *k, enum check_event e);
/* One has ended. */
void check_over(
    struct check *k, enum check_status r, unsigned code, const char *info);
struct check *check_find(uint32_t server, bool is_agent);
struct board_check *check_row(const struct check *k);
/* Log that the health of a server changed by this result. */
void check_say(const struct check *k, bool report);
/* "reason: ..., info: "...", check duration: ...ms" of the last result. */
const char *check_reason(uint32_t server, bool is_agent);

#endif
