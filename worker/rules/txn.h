/* SPDX-License-Identifier: MIT */
/*
 * What rules, fetches and log lines see of a transaction: plain data that the
 * stream fills in as it learns it.  No descriptor, no event loop: everything
 * in worker/rules can be tested without a connection.
 */
#ifndef WORKER_RULES_TXN_H
#define WORKER_RULES_TXN_H

#include <sys/time.h>

#include "shm/base/mem.h"
#include "shm/conf/conf.h"
#include "shm/conf/rule.h"
#include "shm/proto/http.h"
#include "shm/proto/ws_frame.h"
#include "worker/rules/sample.h"

/* The client's connection; lives as long as it does. */
struct txn_client {
	struct addr src, dst; /* after accept-proxy */
	const struct bind *bind;
	uint64_t accept_us; /* clock_us() */
	uint64_t accept_wall_us;
	uint64_t ready_us;      /* its handshake was done; 0: there was none */
	uint64_t request_count; /* requests begun on it, this one included */
	bool is_tls;
	struct sv alpn, sni; /* empty when plain */
	struct var *vars;    /* sess. */
};

/* Times of the transaction in clock_us(); 0: not reached. HAProxy's timers come
 * of them. */
struct txn_times {
	uint64_t idle_us;     /* waiting for the first byte began */
	uint64_t first_us;    /* first byte of the request */
	uint64_t request_us;  /* request head complete */
	uint64_t queue_us;    /* asked for a connection */
	uint64_t assigned_us; /* left the queue */
	uint64_t connect_us;  /* connection there (TW, TC) */
	uint64_t response_us; /* response head complete */
	uint64_t end_us;      /* last byte gone */
};

/* Termination: HAProxy's first two letters of %ts. */
enum { TERM_NONE = '-' };

struct txn_log {
	char term[2];                         /* "--", "cD", "sH" ... */
	uint64_t bytes_read;                  /* to the client: %B */
	uint64_t bytes_uploaded;              /* %U */
	int retries;                          /* %rc */
	bool redispatched;                    /* "+" before %rc */
	int srv_queue, be_queue;              /* %sq %bq: positions passed */
	int actconn, feconn, beconn, srvconn; /* at log time */
	enum log_level level;                 /* http-request set-log-level */
	bool silent;
};

/* What went through a tunnel: of a WebSocket, messages, too. */
struct txn_tunnel {
	uint64_t begun_us; /* clock_us() */
	uint64_t bytes[2]; /* from the client, to it; behind the heads */
	uint32_t msgs[2][WS_KIND_N];
	uint16_t close_code; /* of the first Close; 0: none */
	char closed_by;      /* 'C', 'S', or 'P' for us; 0: nobody yet */
	bool is_ws;          /* else the rest is unknown */
	bool is_lost;        /* it was none after all */
};

/*
 * The letters of the log: what came with the request, what became of it in the
 * response.  0 is 'N', nothing.
 */
enum txn_cookie_letter {
	COOKIE_INVALID = 'I', /* of no server */
	COOKIE_DOWN = 'D',    /* of one that is down */
	COOKIE_VALID = 'V',
	COOKIE_EXPIRED = 'E', /* not seen for maxidle */
	COOKIE_OLD = 'O',     /* made more than maxlife ago */
	COOKIE_UNUSED = 'U',  /* a rule had chosen */
	COOKIE_PASSED = 'P',
	COOKIE_DELETED = 'D',
	COOKIE_INSERTED = 'I',
	COOKIE_REWRITTEN = 'R',
	COOKIE_UPDATED = 'U' /* its dates */
};

/* worker/cookie.c */
struct txn_cookie {
	const struct server *srv; /* that it names, while it serves */
	char req, res;            /* enum txn_cookie_letter */
	bool is_read;
	bool is_direct; /* it, or a rule, chose the server, which serves */
	uint32_t last_s, first_s; /* its dates, Unix time; 0: it has none */
};

struct txn {
	const struct conf *conf;
	const struct proxy *fe;
	const struct proxy *be;   /* NULL before use_backend decided */
	const struct server *srv; /* NULL before one is chosen */
	struct txn_client *cli;
	struct http_head *req;  /* as rules have left it; NULL before parsed */
	struct http_head *res;  /* NULL before it arrived */
	struct sv req_line;     /* request line as received, for %r */
	struct arena arena;     /* changed values; reset per transaction */
	struct var *vars;       /* txn., req., res. */
	struct sv *req_capture; /* fe->req_capture_count entries, or NULL */
	struct sv *res_capture;
	struct txn_times at;
	struct txn_log log;
	struct txn_cookie cookie;
	bool req_h2, res_h2;      /* the message came as HTTP/2 */
	bool reused;              /* bc_reused */
	struct sv bc_alpn;        /* ssl_bc_alpn */
	struct addr dst_override; /* set-dst, set-dst-port: len 0 = none */
	uint16_t status;          /* what the client was answered */
	struct sv unique_id;
	struct sv req_body; /* option http-buffer-request: what is there */
	const struct addr *bc_src; /* of the server connection, NULL: none */
	const struct addr *bc_dst;
	const struct txn_tunnel *tunnel; /* NULL: it is none */
};

/*
 * What rules ask of the process around them.  Set once at its start; a NULL
 * callback gives 0 or nothing.
 */
struct txn_hooks {
	int master_pid;                           /* %pid */
	int worker_number;                        /* 1..nbproc, fetch proc */
	struct sv hostname;                       /* %H, fetch hostname */
	long (*fe_conn)(const struct proxy *px);  /* clients of a frontend */
	long (*be_conn)(const struct proxy *px);  /* streams on a backend */
	long (*nbsrv)(const struct proxy *px);    /* its usable servers */
	long (*srv_conn)(const struct server *s); /* streams on a server */
	bool (*srv_is_up)(const struct server *s);
	/* Give t->arena storage; called when a rule first needs some. */
	void (*arena_attach)(struct txn *t);
};

extern struct txn_hooks txn_hooks;

enum rule_verdict {
	RULE_CONTINUE, /* go on */
	RULE_REPLY,    /* answer with *reply, then keep or close */
	RULE_REJECT,   /* close without an answer */
	RULE_SERVICE,  /* answer with the metrics */
	RULE_ERROR,    /* out of arena memory: answer 500 */
	RULE_VERDICT_N
};

/* A response made by the proxy itself. */
struct rule_reply {
	uint16_t status;
	const struct errorfile *file; /* send these bytes instead, if set */
	bool is_page; /* no body of its own: the page of status */
	struct http_head
	    *head; /* else: status + these headers (no framing headers) ... */
	struct sv body; /* ... and this body */
	bool is_deny;   /* counts as denied, "PR" in the log */
};

/*
 * Run a list. `head` buffers: replies are built in storage of the caller
 * (reply->head must point to a zeroed http_head before the call).
 */
enum rule_verdict rules_run(const struct rule_list *l, enum rule_set set,
    struct txn *t, struct rule_reply *reply);
/* use_backend rules, then default_backend; NULL: none fits. */
struct proxy *rules_backend(struct txn *t);
/* use-server rules; NULL: none fits. */
struct server *rules_server(struct txn *t);
/* True if the condition (unless included) holds; NULL holds. */
bool cond_eval(const struct cond *c, struct txn *t);
/* First value of an expression; false: none. */
bool expr_eval(const struct expr *e, struct txn *t, struct sample *out);
/* Fill the capture arrays from a head. */
void rules_capture_request(struct txn *t);
void rules_capture_response(struct txn *t);
/* The log line for a finished (or logasap) transaction; bytes written, cut at
 * room. */
size_t
logfmt_build(const struct logfmt *f, struct txn *t, char *out, size_t room);
/*
 * The line of a tunnel, at its begin: what is known is written, the rest is
 * asked by logfmt_thaw(), to which another txn may be given with only what is
 * late: times' end_us, log, tunnel, conf and proxies.  NULL: no memory.
 */
struct logfmt_frozen;
struct logfmt_frozen *logfmt_freeze(const struct logfmt *f, struct txn *t);
/* The same of a whole line, without a format. */
struct logfmt_frozen *logfmt_freeze_text(struct txn *t, struct sv line);
void logfmt_frozen_free(struct logfmt_frozen **z);
/*
 * For another process: its bytes, and back from them, which are input then; f
 * must be the same format there as here.  NULL: they are none, or no memory.
 */
struct sv logfmt_frozen_bytes(const struct logfmt_frozen *z);
struct logfmt_frozen *
logfmt_frozen_from(const struct logfmt *f, struct sv bytes);
/* Differs where formats do; 0: there is none. */
uint64_t logfmt_identity(const struct logfmt *f);
size_t logfmt_thaw(const struct logfmt *f, const struct logfmt_frozen *z,
    struct txn *t, char *out, size_t room);
/* Free variables (values are malloc'ed, bounded). */
void txn_vars_free(struct var **v);

#endif
