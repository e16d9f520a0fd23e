/* SPDX-License-Identifier: MIT */
/*
 * Every message between wsbroker's processes: who may send it to whom, in
 * which phase, with how many descriptors, and its fields.  A message that the
 * table does not permit is a violation: it is reported to the master, which
 * kills the sender.
 */
#ifndef SHM_IPC_IPC_TBL_H
#define SHM_IPC_IPC_TBL_H

#include "shm/seg/board.h"
#include "shm/seg/slot.h"

enum {
	IPC_PROXY_HDR_MAX = 256,
	IPC_FD_MAX = 2,
	IPC_TEXT_MAX = 128,
	IPC_WHY_MAX = 96,
	IPC_MOVE_BYTES_MAX = 6144 /* of a moving connection in a message */
};

enum ipc_type {
	IPC_NONE,
	/* worker -> broker */
	IPC_HELLO,
	IPC_LEASE,
	IPC_CANCEL,
	IPC_RELEASED,
	IPC_CLOSE,
	IPC_TUNNEL,
	IPC_PARK,
	IPC_HOLD,
	IPC_HOLD_END,
	IPC_SHUT_DONE,
	IPC_GIVE,
	IPC_TAKE,
	/* broker -> worker */
	IPC_WELCOME,
	IPC_GRANT,
	IPC_FAIL,
	IPC_KEEP,
	IPC_REVOKE,
	IPC_SWEEP,
	IPC_SHUT,
	IPC_MOVED,
	/* master -> broker */
	IPC_CHILD,
	IPC_DEAD,
	IPC_CERT_ACK,
	IPC_CLI,
	/* master -> worker, broker */
	IPC_DRAIN,
	IPC_LOG_FD,
	/* master -> worker */
	IPC_BROKER,
	IPC_CERT_USE,
	IPC_PEER,
	/* worker -> worker */
	IPC_MOVE,
	IPC_MOVE_MORE,
	IPC_MOVE_DONE,
	/* broker -> master */
	IPC_CERT_SET,
	/* worker -> master */
	IPC_CERT_DONE,
	/* worker, broker -> master */
	IPC_READY,
	IPC_LOG_REOPEN,
	IPC_VIOLATION,
	IPC_DRAINED,
	IPC_DEAD_DONE,
	IPC_TYPE_N
};

/* First message of a worker on a channel; the broker answers WELCOME. */
struct ipc_hello {
	uint32_t instance;
	uint32_t abi;        /* BOARD_ABI */
	uint32_t hold_count; /* HOLDs that will follow (0 for a new worker) */
};

struct ipc_welcome {
	uint32_t broker_instance;
	uint32_t credit; /* LEASEs that may be outstanding */
};

enum {
	LEASE_F_FIRST = 1,       /* first request of a client connection */
	LEASE_F_PRIVATE = 2,     /* http-reuse never: a new connection only */
	LEASE_F_PERMIT_HELD = 4, /* the worker counted the request already */
	LEASE_F_PERMIT_ONLY = 8, /* it has its connection and needs a permit;
				    GRANT then names slot UINT32_MAX, tag 0 */
	LEASE_F_ALL = 15,
};

/* Ask for a connection (and a maxconn permit) for one stream. */
struct ipc_lease {
	uint64_t lease; /* the worker's number for it, never reused by it */
	uint64_t arrival_us; /* when the stream began to wait (kept over a
				broker's death) */
	uint32_t server;     /* row */
	uint32_t epoch;
	uint8_t tags;        /* TAG_BIT()s that fit */
	uint8_t reuse;       /* enum lease_reuse */
	uint8_t flags;       /* LEASE_F_* */
	uint8_t proxy_bytes; /* PROXY header bytes in proxy[] */
	uint16_t dst_bytes;  /* dst[] in use; 0: the server's own address */
	uint16_t name_bytes; /* name[] in use: pool-conn-name */
	uint16_t sni_bytes;  /* sni[] in use; part of the reuse key */
	uint16_t pad;
	uint8_t dst[BOARD_ADDR_MAX];
	uint8_t name[IPC_TEXT_MAX];
	uint8_t sni[IPC_TEXT_MAX];
	uint8_t proxy[IPC_PROXY_HDR_MAX];
};

/* Which idle connections a stream may take (http-reuse). */
enum lease_reuse {
	LEASE_FRESH_ONLY, /* only ones that carried no request */
	LEASE_PROVEN,     /* ... or that were reused before (aggressive) */
	LEASE_ANY,
	LEASE_REUSE_N
};

struct ipc_cancel {
	uint64_t lease; /* a GRANT that crosses is released by the worker */
};

enum {
	GRANT_F_FRESH = 1,  /* carried no request yet */
	GRANT_F_DIALED = 2, /* dialled for this lease */
	GRANT_F_HELD = 4,   /* the worker holds the descriptor already */
	GRANT_F_TLS = 8,    /* its state is in the worker's vault, ready */
	GRANT_F_H2 = 16,    /* likewise; tag is TAG_H2 or TAG_H2WS */
	GRANT_F_ALL = 31,
};

/* A connection: descriptor unless GRANT_F_HELD; slot word is LEASED(worker),
 * permit counted in its cell. */
struct ipc_grant {
	uint64_t lease;
	uint32_t slot, gen;
	uint32_t server;
	uint32_t uses;
	uint32_t queue_pos; /* streams that were before it in the queue */
	uint8_t tag;        /* enum slot_tag */
	uint8_t flags;      /* GRANT_F_* */
	uint16_t pad;
	uint32_t dial_us; /* time the dial took, 0 for a reused one */
	uint32_t pad2;
	uint64_t dial_start_us; /* when the stream left the queue */
};

enum lease_fail {
	LFAIL_REFUSED,
	LFAIL_TIMEOUT,
	LFAIL_UNREACH,
	LFAIL_RESET,
	LFAIL_NOFD,
	LFAIL_NOADDR,
	LFAIL_DOWN,
	LFAIL_EPOCH,
	LFAIL_QUEUE_FULL,
	LFAIL_CREDIT,
	LFAIL_STOPPING,
	LFAIL_OTHER,
	LFAIL_TLS,   /* connected, but the handshake failed: see text */
	LFAIL_PROTO, /* connected, but it does not speak HTTP/2: see text */
	LFAIL_CERT,  /* its certificate was refused: see text */
	LFAIL_UNFIT, /* it speaks nothing the lease can use: see text */
	LFAIL_N
};

struct ipc_fail {
	uint64_t lease;
	uint32_t why;           /* enum lease_fail */
	int32_t errnum;         /* errno or 0 */
	char text[IPC_WHY_MAX]; /* the reason in words, may be empty */
};

/*
 * RELEASED: the worker released while `attention` was set.  slot may be
 * UINT32_MAX: only a permit was given back.  The broker answers KEEP, REVOKE or
 * GRANT for a slot. CLOSE: the word is CLOSING(worker). TUNNEL: the word is
 * TUNNEL(worker). KEEP: go on using your idle slot. REVOKE: it is no longer
 * yours, drop your descriptor. HOLD: after WELCOME of a new broker, one per
 * slot held (LEASED, IDLE or CLOSING), with the descriptor (CLOSING: without).
 */
struct ipc_slot {
	uint32_t slot, gen;
	uint32_t server;
	uint32_t why; /* CLOSE: enum wse, 0 in order; else 0 */
};

/* master -> broker: a worker exists; its channel and its vault come along (2
 * fds). */
struct ipc_child {
	uint32_t instance;
	uint32_t proc; /* process row */
	uint32_t pid;
	uint32_t worker_index;
};

struct ipc_dead {
	uint32_t instance;
	uint32_t proc;
	uint32_t clients; /* DEAD_DONE: unused */
	uint32_t kept;    /* DEAD_DONE: idle connections kept */
	uint32_t lost;    /* DEAD_DONE: slots freed */
};

/* master -> broker, worker: stop taking new work; exit when nothing is left or
 * at deadline. */
struct ipc_drain {
	uint32_t deadline_ms; /* 0: none */
	uint32_t close_code;  /* tunnels end within close-spread-time, with a
				 Close of this code; 0: they go on */
};

struct ipc_log {
	uint32_t target; /* LOG_FD: 1 fd; LOG_REOPEN: none */
};

/*
 * SHUT: end all requests and tunnels through this server.  SHUT_DONE: that was
 * done, and so were all before it.
 */
struct ipc_shut {
	uint32_t serial; /* the broker's number for it, 1.. on a channel */
	uint32_t server; /* row; SHUT_DONE: 0 */
	uint32_t why;    /* SHUT: letter of the log: K, D, U; else 0 */
	uint32_t count;  /* SHUT_DONE: how many ended; else 0 */
};

/*
 * CERT_SET, CERT_USE: another certificate (its PEM text, with the key, in
 * sealed memory that comes along) in place of the index-th of the config.
 * CERT_DONE: the worker uses it.  CERT_ACK: the master has it, for children
 * yet to come, and has told all workers (instance 0); or a CERT_DONE handed
 * on.
 */
struct ipc_cert {
	uint32_t serial;   /* the broker's number for the change, 1.. */
	uint32_t index;    /* of tls_cert_name() */
	uint32_t instance; /* CERT_ACK: who, 0: the master; else 0 */
	int32_t err;       /* CERT_DONE, CERT_ACK: -WSE_*, else 0 */
};

/* CLI: a client of the master's command socket; its commands come on the
 * descriptor. */
struct ipc_cli {
	uint32_t level; /* 0 user, 1 operator, 2 admin */
};

/*
 * A held slot goes from one worker to another.  GIVE, by its holder: peer may
 * have it, 0: nobody may (answered by KEEP, or REVOKE: it is gone).  TAKE, by
 * who is given it: peer is the giver; answered by MOVED or REVOKE.
 */
struct ipc_pass {
	uint32_t slot, gen;
	uint32_t peer; /* instance */
};

/* master -> worker: the end of a pair with another one comes along. */
struct ipc_peer {
	uint32_t instance; /* the other's */
	uint32_t takes;    /* 1: connections come from there; 0: they go there
			    */
};

/*
 * MOVE: a connection, its descriptors and the first of `total` bytes that
 * describe it; MOVE_MORE: the next ones.  Their bytes are not in this struct
 * but at ipc_msg.more.
 */
struct ipc_move {
	uint32_t serial; /* the sender's number for it, 1.. */
	uint32_t kind;   /* enum move_kind, worker/handover_msg.h */
	uint32_t total;
	uint32_t bytes; /* in this message, at ipc_msg.more */
};

/* The receiver has it from now on, or (err) will not have it. */
struct ipc_move_done {
	uint32_t serial;
	int32_t err; /* -WSE_* or 0 */
};

struct ipc_violation {
	uint32_t instance; /* who */
	uint32_t type;     /* message type, or 0 for shared memory */
	int32_t err;       /* -WSE_* */
	char text[IPC_TEXT_MAX];
};

struct ipc_msg {
	enum ipc_type type;
	unsigned fd_count;
	int fd[IPC_FD_MAX]; /* received: the handler takes them (sets -1), the
			       rest is closed */
	bool truncated;     /* received: its descriptors were lost because this
			       process has none left; fd_count is 0 */
	const void *more;   /* MOVE, MOVE_MORE: u.move.bytes bytes; received:
			       valid in the handler only */
	union {
		struct ipc_hello hello;
		struct ipc_welcome welcome;
		struct ipc_lease lease;
		struct ipc_cancel cancel;
		struct ipc_grant grant;
		struct ipc_fail fail;
		struct ipc_slot slot;
		struct ipc_child child;
		struct ipc_dead dead;
		struct ipc_drain drain;
		struct ipc_log log;
		struct ipc_cert cert;
		struct ipc_cli cli;
		struct ipc_shut shut;
		struct ipc_pass pass;
		struct ipc_peer peer;
		struct ipc_move move;
		struct ipc_move_done move_done;
		struct ipc_violation violation;
	} u;
};

/*
 * Phases of a channel at its receiving end, as bits in the table.  The channel
 * between a worker and the broker: NEW until HELLO (WELCOME at the worker),
 * HOLDING at the broker while HOLDs are to come, else OPEN.  A worker says
 * nothing between its HELLO and the WELCOME.  Messages from and to the master
 * may arrive in any phase.  A pair of workers: OPEN at the end that gives,
 * HOLDING at the one that takes.
 */
enum {
	PHASE_NEW = 1,
	PHASE_OPEN = 2,
	PHASE_HOLDING = 4,
	PHASE_DRAINING = 8,
	PHASE_ANY = 15
};

#define IPC_ROLE(role) (1u << (role))

/* One message kind. */
struct ipc_row {
	const char *name;
	uint8_t from, to; /* bits IPC_ROLE() */
	uint8_t phases;   /* PHASE_* in which it may arrive */
	uint8_t fd_min, fd_max;
	uint16_t bytes;                        /* of its struct */
	int (*valid)(const struct ipc_msg *m); /* field ranges, or NULL */
	const char *doc;
};

extern const struct ipc_row ipc_tbl[IPC_TYPE_N];

#endif
