/* SPDX-License-Identifier: MIT */
/*
 * The configuration, as parsed by the master and inherited by its children.
 * Read-only after conf_finish().  Names follow HAProxy's keywords.
 */
#ifndef SHM_CONF_CONF_H
#define SHM_CONF_CONF_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/sv.h"
#include "shm/conf/parse.h"
#include "shm/conf/tls_conf.h"

struct check_plan; /* shm/conf/check.h */
struct cond;       /* shm/conf/cond.h */
struct expr;       /* shm/conf/expr.h */
struct logfmt;     /* shm/conf/logfmt.h */

enum addr_kind { ADDR_INET, ADDR_UNIX, ADDR_ABNS, ADDR_FD, ADDR_N };

struct addr {
	enum addr_kind kind;
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage ss;
	} u;
	int fd;        /* ADDR_FD: a descriptor that listens already */
	bool has_port; /* a port was written (a server's ip:0 or none: keep) */
};

/* All milliseconds; 0: no limit. */
struct proxy_timeouts {
	unsigned client_ms, connect_ms, server_ms, tunnel_ms, queue_ms;
	unsigned http_request_ms, http_keep_alive_ms, check_ms;
	unsigned client_fin_ms, server_fin_ms;
};

enum reuse_mode {
	REUSE_NEVER,
	REUSE_SAFE,
	REUSE_AGGRESSIVE,
	REUSE_ALWAYS,
	REUSE_N
};

enum lb_algo {
	LB_ROUNDROBIN,
	LB_STATIC_RR,
	LB_LEASTCONN,
	LB_RANDOM,
	LB_FIRST,
	LB_SOURCE,
	LB_URI,
	LB_HDR,
	LB_N
};

struct proxy_lb {
	enum lb_algo algo;
	struct expr *expr;           /* reserved for `balance hash` */
	char *hdr_name;              /* LB_HDR */
	bool hdr_domain_only;        /* LB_HDR use_domain_only */
	bool uri_whole;              /* LB_URI whole: query too */
	bool uri_path_only;          /* LB_URI path-only */
	unsigned uri_len, uri_depth; /* LB_URI limits; 0: none */
	unsigned random_draws;       /* LB_RANDOM, default 2 */
	bool consistent;             /* hash-type consistent */
};

/* retry-on, bits. */
enum {
	RETRY_CONN_FAILURE = 1,
	RETRY_EMPTY_RESPONSE = 2,
	RETRY_JUNK_RESPONSE = 4,
	RETRY_RESPONSE_TIMEOUT = 8,
	RETRY_0RTT_REJECTED = 16,
	RETRY_401 = 0x100,
	RETRY_403 = 0x200,
	RETRY_404 = 0x400,
	RETRY_408 = 0x800,
	RETRY_425 = 0x1000,
	RETRY_429 = 0x2000,
	RETRY_500 = 0x4000,
	RETRY_501 = 0x8000,
	RETRY_502 = 0x10000,
	RETRY_503 = 0x20000,
	RETRY_504 = 0x40000
};

struct proxy_http {
	bool mode_http; /* false: mode tcp (second tier) */
	enum reuse_mode reuse;
	bool httpclose;      /* option httpclose */
	bool server_close;   /* option http-server-close */
	bool buffer_request; /* option http-buffer-request */
	bool abortonclose;
	bool redispatch;
	int redispatch_every; /* option redispatch N; -1: the last retry */
	bool forwardfor;      /* option forwardfor */
	char *forwardfor_hdr; /* default X-Forwarded-For */
	struct addr forwardfor_except; /* len 0: none */
	uint8_t forwardfor_bits;       /* prefix length of except */
	bool forwardfor_if_none;
	int retries;              /* default 3 */
	unsigned retry_on;        /* RETRY_*, default RETRY_CONN_FAILURE */
	bool ignore_probes;       /* option http-ignore-probes */
	unsigned ws_learn_ttl_ms; /* default 1 h */
	unsigned ws_ping_ms;      /* option ws-ping; 0: never */
};

struct proxy_log {
	uint64_t target_mask; /* bit i: conf.log_targets[i] */
	bool use_global;      /* "log global": conf_finish() adds them */
	struct logfmt *fmt;   /* NULL: default "Connect from" format */
	bool httplog;
	bool dontlognull;
	bool dontlog_normal;
	bool logasap;
	char *tag; /* log-tag, or NULL */
};

/* The status page. */
struct proxy_stats {
	bool enabled, hide_version, show_legends, show_node;
	char *uri;           /* what targets begin with; NULL: not enabled */
	unsigned refresh_ms; /* 0: the default */
};

/* A list of rules of one kind; see shm/conf/rule.h. */
struct rule_list {
	struct rule *head, **tail;
};

enum rule_set {
	RULES_HTTP_REQUEST,
	RULES_HTTP_RESPONSE,
	RULES_HTTP_AFTER_RESPONSE,
	RULES_USE_BACKEND,
	RULES_USE_SERVER,
	RULES_N
};

/* capture request|response header NAME len N; see capture.req.hdr(i). */
struct capture {
	struct capture *next;
	char *name;
	unsigned len_bytes;
	int index;
};

enum { ERRORFILE_N = 17 };

struct errorfile {
	uint16_t status; /* 0: unused entry */
	char *bytes; /* a whole HTTP response, as read; NULL: default page */
	uint32_t n;
};

struct bind {
	struct bind *next;
	struct proxy *px;
	struct addr addr;
	char *text; /* as written, for messages and show */
	char *name; /* or NULL */
	const char *file;
	int line;
	int index; /* over the whole conf: listener number */
	bool accept_proxy;
	bool proto_h1, proto_h2;
	int backlog;  /* 0: default */
	int mode;     /* Unix socket mode, -1: leave */
	int uid, gid; /* Unix socket owner, -1: leave */
	bool v6only, v4v6, transparent, tfo;
	char *interface;
	struct bind_tls tls;
};

struct server_pool {
	int max_conn; /* idle connections, -1: no limit, 0: never idle */
	int low_conn; /* keep at least this many per process group */
	unsigned purge_delay_ms; /* default 5000 */
	int prewarm;             /* pool-prewarm N */
	int prewarm_ws;          /* pool-prewarm-ws N */
	struct expr *conn_name;  /* pool-conn-name */
};

/* The protocol of WebSockets; see shm/conf/ws.h. */
enum ws_mode { WS_AUTO, WS_H1, WS_H2, WS_PREFER_H2, WS_N };

struct server_check {
	bool enabled;
	unsigned inter_ms, fastinter_ms, downinter_ms; /* 0: = inter */
	int rise, fall;
	struct addr addr;        /* len 0: the server's own */
	int port;                /* 0: the server's own */
	bool ssl, no_ssl;        /* check-ssl, no-check-ssl */
	bool send_proxy;         /* check-send-proxy */
	bool proto_h1, proto_h2; /* check-proto */
	char *sni;               /* check-sni, or NULL */
	struct tls_alpn alpn;    /* check-alpn; n = 0: the server's */
};

/* agent-check: a program beside the server says how it is. */
struct server_agent {
	bool enabled;
	int port;
	struct addr addr;  /* len 0: the server's */
	unsigned inter_ms; /* default 2000 */
	char *send;        /* or NULL */
};

enum observe_layer { OBSERVE_NONE, OBSERVE_L4, OBSERVE_L7 };
enum observe_action {
	OBSERVE_FASTINTER,
	OBSERVE_FAIL_CHECK,
	OBSERVE_SUDDEN_DEATH,
	OBSERVE_MARK_DOWN
};

/* What else decides about its state, and what a change of it does. */
struct server_watch {
	enum observe_layer observe;
	enum observe_action on_error;
	int error_limit;       /* default 10 */
	bool down_shuts;       /* on-marked-down shutdown-sessions */
	bool up_shuts_backups; /* on-marked-up shutdown-backup-sessions */
	unsigned slowstart_ms; /* 0: none */
	char *track_text;      /* track [backend/]server, or NULL */
	struct server *track;  /* by conf_finish() */
};

struct server {
	struct server *next;
	struct proxy *px;
	char *name;
	char *addr_text;
	const char *file;
	int line;
	int id;  /* 1.. within the backend, HAProxy's srv_id */
	int row; /* board row, over the whole conf */
	struct addr addr;
	int weight;   /* 0..256, default 1 */
	int maxconn;  /* 0: no limit */
	int maxqueue; /* 0: no limit */
	bool backup, disabled, redispatch_off;
	uint8_t send_proxy; /* 0, 1 or 2 */
	bool proto_h1, proto_h2;
	enum ws_mode ws;
	bool drain_closes; /* on-drain spread-close */
	struct server_pool pool;
	struct server_check check;
	struct server_agent agent;
	struct server_watch watch;
	struct server_tls tls;
	char *cookie; /* its value, or NULL */
};

enum { PX_FRONTEND = 1, PX_BACKEND = 2, PX_DEFAULTS = 4 };

/* cookie: which server a client was on. name NULL: there is none. */
struct proxy_cookie {
	char *name;
	bool insert, rewrite, prefix; /* at most one; none: it is only read */
	bool indirect;                /* the server does not see it */
	bool nocache, postonly, preserve, httponly, secure;
	char *domains, *attrs;         /* "; domain=a; domain=b", or NULL */
	unsigned maxidle_s, maxlife_s; /* 0: for ever */
};

struct proxy {
	struct proxy *next;
	char *name;
	const char *file;
	int line;
	int id;       /* HAProxy's iid, 2.. */
	int row;      /* board row */
	unsigned cap; /* PX_* */
	bool disabled;
	int maxconn; /* frontends: 0 = global.maxconn */
	struct proxy_timeouts tmo;
	struct proxy_lb lb;
	struct proxy_cookie cookie;
	struct proxy_http http;
	struct proxy_stats stats;
	struct proxy_log log;
	struct check_plan *check; /* shm/conf/check.h; NULL: TCP alone */
	struct rule_list rules[RULES_N];
	struct acl *acls; /* shm/conf/acl.h */
	struct capture *req_captures, *res_captures;
	int req_capture_count, res_capture_count;
	struct errorfile errorfiles[ERRORFILE_N];
	struct bind *binds;
	struct server *servers; /* in config order */
	int server_count;
	struct proxy *default_backend; /* resolved by conf_finish() */
	char *default_backend_name;
	const char *default_backend_file; /* where it was named */
	int default_backend_line;
	struct server default_server; /* values new servers start from */
};

struct stats_socket {
	struct stats_socket *next;
	struct addr addr;
	char *text;
	int mode, uid, gid; /* -1: leave */
	int level;          /* 0 user, 1 operator, 2 admin */
	bool expose_fd;
	int fd; /* bound by the master, -1 before */
};

struct conf_log_target {
	char *text;          /* address as written */
	struct addr addr;    /* ADDR_INET/UNIX: datagram syslog; ADDR_FD: fd@,
				stdout=1, stderr=2 */
	struct log_target t; /* format, facility, levels */
};

enum { CLOSE_CODE_AWAY = 1001, CLOSE_CODE_RESTART = 1012 };

/* The end of the service, and of its processes. */
struct conf_life {
	unsigned spread_ms; /* close-spread-time */
	bool spreads;       /* it is set, and not "infinite" */
	unsigned close_code;
	unsigned hang_ms;     /* hang-limit; 0: none */
	bool outlives_master; /* master-loss keep */
};

struct conf_global {
	int nbproc;     /* workers, default: 1 */
	int maxconn;    /* client connections, 0: from RLIMIT_NOFILE */
	int maxsslconn; /* of them through TLS, 0: no limit */
	int maxsslrate; /* TLS connections accepted a second, 0: no limit */
	unsigned hard_stop_after_ms; /* 0: no bound */
	struct conf_life life;
	char *user, *group, *chroot, *pidfile, *node, *description;
	char *state_dir; /* NULL: none */
	int uid, gid;    /* -1: not set */
	bool daemon, master_worker;
	struct tls_opts ssl_bind, ssl_server; /* ssl-default-bind|server-* */
	char *ca_base, *crt_base, *log_tag, *log_send_hostname;
	struct stats_socket *stats_sockets;
	unsigned stats_timeout_ms; /* default 10 s */
	int stats_maxconn;
	uint64_t log_mask;         /* global targets */
	unsigned bufsize_bytes;    /* tune.bufsize, default 16384 */
	unsigned maxrewrite_bytes; /* default 1024 */
	unsigned maxslots;         /* slot table size, 0: derived */
	unsigned h2_max_streams;   /* tune.h2.max-concurrent-streams */
	unsigned h2_window_bytes;  /* tune.h2.initial-window-size */
	bool h2_no_connect;        /* h2-workaround-bogus-websocket-clients */
	bool tunnel_handover;      /* connections move to other workers */
	bool multi_queue;          /* tune.listener.multi-queue: even workers */
};

struct conf {
	struct conf_global global;
	struct proxy *proxies; /* frontends, backends, listens; config order */
	int proxy_count;       /* board rows */
	int server_count;      /* board rows */
	int bind_count;
	struct conf_log_target log_targets[LOG_TARGETS_MAX];
	int log_target_count;
	bool has_default_warning; /* some proxy misses timeouts */
	struct tls_store *tls;    /* certificates loaded, or NULL */
	struct conf_state *state; /* shm/conf/section.h: the parser's own */
};

struct conf *conf_new(void);
void conf_free(struct conf **c);

/*
 * Read one file or, for a directory, its *.cfg and *.conf in order. Errors are
 * reported and counted in cp; returns 0 or -WSE_SYNTAX (something was wrong) or
 * -WSE_SYS.
 */
MUST_USE int conf_read(struct conf_parse *cp, const char *path);
/* Parse text instead of a file (tests, stdin). */
MUST_USE int
conf_read_text(struct conf_parse *cp, const char *file, const char *text);
/* The same for n bytes, whatever they hold. */
MUST_USE int conf_read_bytes(
    struct conf_parse *cp, const char *file, const char *s, size_t n);
/* Cross references, defaults, contradictions, row numbers. */
MUST_USE int conf_finish(struct conf_parse *cp);

/* One with a bit of `cap`; quick once conf_finish() was called. */
struct proxy *
conf_find_proxy(const struct conf *c, const char *name, unsigned cap);
struct server *conf_find_server(const struct proxy *px, const char *name);

/* Evaluate a -cc / .if condition: 1, 0, or -WSE_SYNTAX with a message. */
int conf_condition(const char *text, char *err, size_t err_room);

/* All keywords: "section\tkeyword\tsyntax\tdoc\n" lines to a stdio stream. */
#include <stdio.h>
void conf_dump_keywords(FILE *out);

/* What conf_condition()'s feature() knows: "+NAME" has it, "-NAME" lacks it. */
extern const char *const conf_features[];
extern const int conf_feature_count;
/* The i-th as it is at this time (TLS may be switched off), or NULL. */
const char *conf_feature(int i);
/* The HAProxy version whose config language this is, for version_atleast(). */
extern const char conf_haproxy_version[];

/*
 * Parse "ip:port", "[v6]:port", "*:port", ":port", unix@, /path, abns@, fd@;
 * $NAME and ${NAME} stand for environment variables. No name is resolved.
 */
MUST_USE int
addr_parse(const char *s, struct addr *a_r, char *err, size_t err_room);
/* "127.0.0.1:80", "unix@/x", into out; returns out. */
const char *addr_text(const struct addr *a, char *out, size_t room);

#endif
