/* SPDX-License-Identifier: MIT */
/*
 * What a backend's health checks say and want to hear, step by step:
 * `option httpchk`, `option ws-check`, `http-check connect|send|expect`.
 */
#ifndef SHM_CONF_CHECK_H
#define SHM_CONF_CHECK_H

#include "shm/conf/conf.h"

struct regx;

enum check_kind { CHECK_KIND_TCP, CHECK_KIND_HTTP, CHECK_KIND_WS };

/* Results, with the numbers HAProxy has for them in server states. */
enum check_status {
	CHECK_UNKNOWN,
	CHECK_INI, /* none yet */
	CHECK_START,
	CHECK_CHECKED, /* an agent's word that is neither good nor bad */
	CHECK_HANA,    /* so many errors were observed */
	CHECK_SOCKERR,
	CHECK_L4OK,
	CHECK_L4TOUT,
	CHECK_L4CON,
	CHECK_L6OK,
	CHECK_L6TOUT,
	CHECK_L6RSP,
	CHECK_L7TOUT,
	CHECK_L7RSP,
	CHECK_L7OK = 15,
	CHECK_L7OKC,
	CHECK_L7STS,
	CHECK_STATUS_N
};

enum check_step { CHECK_CONNECT, CHECK_SEND, CHECK_EXPECT, CHECK_STEP_N };

/* http-check connect; zero: as the server line has it. */
struct check_connect {
	bool is_plain;    /* written: only what it says itself */
	bool use_server;  /* `default`: what the server line says as well */
	int port;         /* 0: the check's */
	struct addr addr; /* len 0: the check's */
	bool ssl, send_proxy, proto_h1, proto_h2;
	char *sni;
	struct tls_alpn alpn;
};

struct check_hdr {
	char *name, *value;
};

/* NULL: the default. */
struct check_send {
	char *method, *uri, *version, *body;
	struct check_hdr *hdr;
	unsigned hdr_count;
};

enum check_match {
	CHECK_MATCH_STATUS,
	CHECK_MATCH_RSTATUS,
	CHECK_MATCH_STRING,
	CHECK_MATCH_RSTRING,
	CHECK_MATCH_N
};

struct check_range {
	unsigned from, to;
};

struct check_expect {
	enum check_match match;
	bool negated;
	char *text;                /* the pattern as written */
	struct check_range *range; /* of STATUS */
	unsigned range_count;
	struct regx *re; /* of RSTATUS, RSTRING */
	int min_recv;    /* bytes of the body, unless it ends before */
	/* enum check_status; 0: the default */
	uint8_t ok_status, error_status, tout_status;
	char *comment; /* for the reader of statistics, or NULL */
};

struct check_rule {
	struct check_rule *next;
	enum check_step step;
	union {
		struct check_connect connect;
		struct check_send send;
		struct check_expect expect;
	} u;
};

struct check_plan {
	enum check_kind kind;
	bool log_all;            /* option log-health-checks */
	struct check_send first; /* option httpchk, ws-check */
	struct check_rule *rules, **tail;
};

/* The plan of a proxy, made if there is none. */
struct check_plan *check_plan(struct proxy *px);
void check_plan_free(struct check_plan **p);
/* Part of conf_finish(): rules that are implied; what contradicts. */
void check_plan_finish(struct conf_parse *cp, struct proxy *px);
/* Likewise for a server: whom it tracks, and whether it can be checked. */
void check_server_finish(struct conf_parse *cp, struct server *s);
/* Whether the server's checks speak TLS without a rule that says so. */
bool check_wants_tls(const struct server *s);
/* Whether any of them may. */
bool check_may_tls(const struct server *s);

/* check_expect.c: arguments from word i to the end of the line. */
MUST_USE int
check_expect_parse(struct conf_parse *cp, int i, struct check_expect *e);
void check_expect_done(struct check_expect *e);

#endif
