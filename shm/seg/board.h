/* SPDX-License-Identifier: MIT */
/*
 * The board: the one segment all processes share.  It holds no secret and no
 * pointer: rows are found by index, and a reader bounds-checks every index
 * against the capacities it read when it attached (never again from the
 * board, which a compromised worker may scribble on).
 *
 * Writers: master: header, proxy and server rows, process rows' identity.
 * Broker: slot words by CAS, attention, queue lengths, server state.
 * Worker: slot words it holds by CAS, its own cells and statistics.
 */
#ifndef SHM_SEG_BOARD_H
#define SHM_SEG_BOARD_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shm/base/err.h"

#define BOARD_MAGIC      0x3144524f42425357ull /* "WSBBORD1" */
#define BOARD_MEMFD_NAME "wsb-board"

enum {
	BOARD_ABI = 9,
	BOARD_NAME_MAX = 64,
	BOARD_ADDR_MAX = 112,
	BOARD_CHECK_TEXT_MAX = 96
};

struct board_dims {
	uint32_t slot_count; /* capacities, fixed for the segment's life */
	uint32_t proxy_count;
	uint32_t server_count;
	uint32_t proc_count;
};

struct board_hdr {
	uint64_t magic;
	uint32_t abi;
	uint32_t hdr_bytes; /* sizeof(struct board_hdr) */
	uint64_t total_bytes;
	struct board_dims cap;
	uint64_t off_proxy, off_server, off_slot, off_proc, off_cell, off_stat;
	uint64_t stat_stride_bytes; /* one process's statistics */
	uint64_t start_wall_us;     /* when the service started */
	uint64_t start_us;          /* the same, CLOCK_MONOTONIC */
	char version[32];
	char node[BOARD_NAME_MAX];
	uint32_t master_pid;
	uint32_t maxconn;               /* global */
	_Atomic uint64_t tls_rate;      /* accepted; rate.h; workers */
	_Atomic uint32_t generation;    /* of the configuration, 1.. */
	_Atomic uint32_t acting_broker; /* instance */
	_Atomic uint32_t used_proxies, used_servers; /* rows in use: 0..n-1 */
	_Atomic uint64_t reload_wall_us;
};

struct board_proxy {
	char name[BOARD_NAME_MAX]; /* NUL-terminated, cut */
	uint32_t id;               /* HAProxy's iid */
	uint8_t is_frontend, is_backend, is_http, pad;
	uint32_t maxconn;
	_Atomic uint32_t state; /* 0 up, 1 stopped */
	_Atomic uint32_t
	    rr_next; /* round robin position, fetch_add by workers */
	_Atomic uint32_t
	    queue_count; /* streams waiting for any server; broker */
	_Atomic uint32_t generation;
	/* of a backend without usable server, as of a server; broker */
	_Atomic uint64_t downs, down_us, down_from_us, changed_us;
};

/* What `attention` is about, bits; set by the broker only. */
enum {
	ATT_QUEUE = 1,
	ATT_STATE = 2,
	ATT_EPOCH = 4,
	ATT_FULL = 8 /* slot table full, somebody waits */
};

enum server_op {
	SRV_STOPPED,
	SRV_STARTING,
	SRV_RUNNING,
	SRV_STOPPING,
	SRV_OP_N
};
/* HAProxy's srv_admin_state bits. */
enum {
	SRV_FMAINT = 1,
	SRV_IMAINT = 2,
	SRV_CMAINT = 4,
	SRV_FDRAIN = 8,
	SRV_IDRAIN = 16,
	SRV_RMAINT = 32
};

/* How a connection to the server is made; a change makes a new epoch. */
struct board_transport {
	uint8_t
	    addr[BOARD_ADDR_MAX]; /* struct sockaddr, addr_len bytes of it */
	uint32_t addr_len;        /* bytes; 0: none known */
	uint32_t connect_ms;      /* timeout connect of its backend, 0: none */
	uint8_t send_proxy;       /* 0, 1, 2 */
	uint8_t pad[7];
};

struct board_pool {
	int32_t max_conn; /* idle at most, -1: no limit */
	int32_t low_conn;
	uint32_t purge_delay_ms;
	int32_t prewarm, prewarm_ws;
};

/* Where checks (the agent) of a server are, as far as not where it is. */
struct board_place {
	uint8_t addr[BOARD_ADDR_MAX]; /* as board_transport's */
	uint32_t addr_len, port;      /* 0: the server's */
};

/* What health checks of a server found, or its agent says; broker. */
struct board_check {
	_Atomic uint32_t status; /* enum check_status; HAProxy's numbers */
	_Atomic uint32_t code;   /* HTTP's, 0: none */
	_Atomic uint32_t duration_ms, health; /* health: 0..rise+fall-1 */
	_Atomic uint32_t paused;              /* disable health|agent */
	_Atomic uint64_t fails;
	char text[BOARD_CHECK_TEXT_MAX]; /* NUL-terminated */
};

struct board_server {
	char name[BOARD_NAME_MAX];
	uint32_t proxy; /* row of its backend */
	uint32_t id;    /* HAProxy's srv_id */
	struct board_transport transport;
	struct board_pool pool;
	uint32_t maxconn, maxqueue;       /* 0: no limit */
	_Atomic uint32_t epoch;           /* transport epoch, 1.. */
	_Atomic uint32_t attention;       /* ATT_*, broker */
	_Atomic uint32_t op_state;        /* enum server_op */
	_Atomic uint32_t admin_state;     /* SRV_* bits */
	_Atomic uint32_t weight, iweight; /* current (0..256), configured */
	_Atomic uint32_t queue_count;     /* streams waiting for it; broker */
	_Atomic uint32_t idle_count, slot_count, dial_count; /* hints; broker */
	_Atomic uint64_t changed_us; /* last change of op_state, wall clock */
	_Atomic uint64_t dials, dial_errors; /* totals; broker */
	_Atomic uint64_t last_error_us;      /* wall clock */
	/* last change by an operator that is meant to be kept; broker */
	_Atomic uint64_t admin_us;
	_Atomic uint32_t last_errno;
	char last_error[BOARD_NAME_MAX]; /* in words; broker; NUL-terminated */
	_Atomic uint64_t tls_full, tls_resumed; /* handshakes done; broker */
	_Atomic uint64_t ws_able;               /* RFC 8441, able.h; broker */
	uint8_t is_backup, has_check, has_agent, pad;
	_Atomic uint32_t row_state; /* 0 free, 1 in use */
	struct board_check check, agent;
	struct board_place check_at, agent_at;
	/* times checks took it down; how long it was not usable before now;
	   since when it is not (wall clock, 0: it is); broker */
	_Atomic uint64_t downs, down_us, down_from_us;
	/* after slowstart: percent of weight and maxconn, 0: all; broker */
	_Atomic uint32_t throttle;
	_Atomic uint32_t errors; /* observed, in a row; workers */
};

enum proc_role {
	ROLE_NONE,
	ROLE_MASTER,
	ROLE_BROKER,
	ROLE_WORKER,
	ROLE_TOOL,
	ROLE_N
};
enum proc_state {
	PROC_FREE,
	PROC_STARTING,
	PROC_RUNNING,
	PROC_DRAINING,
	PROC_DEAD,
	PROC_STATE_N
};

/* 128 bytes aligned: the process writes its own row. */
struct board_proc {
	_Alignas(128) _Atomic uint32_t
	    instance; /* 0: row free; never reused while a slot names it */
	uint32_t pid;
	uint8_t role, pad[3];
	uint32_t worker_index; /* 0..nbproc-1 */
	uint32_t generation;
	_Atomic uint32_t state; /* enum proc_state */
	_Atomic uint64_t started_us;
	_Atomic uint64_t heartbeat_us; /* CLOCK_MONOTONIC, by the process, each
					  second at least */
	_Atomic uint32_t clients;      /* client connections now */
	_Atomic uint32_t streams;      /* requests in flight */
	_Atomic uint32_t tunnels;
	_Atomic uint32_t carried; /* of them on clients' HTTP/2 connections */
	_Atomic uint32_t fds, fd_max;
	/* worker/even.c: its listeners (bit: number modulo 64) with clients
	   another is to take, and who: worker_index + 1; the other sets that
	   to 0 as its answer */
	_Atomic uint64_t left;
	_Atomic uint32_t left_to;
	/* its thread; FUTEX_OWNER_DIED by the kernel as soon as it is dying */
	_Atomic uint32_t alive;
};

/* An attached board; pointers and capacities are private to the process. */
struct board {
	struct board_hdr *hdr;
	struct board_dims cap;
	size_t bytes;
	struct board_proxy *proxy;
	struct board_server *server;
	struct slot *slot; /* shm/seg/slot.h */
	struct board_proc *proc;
	_Atomic uint32_t *cell; /* shm/seg/limit.h */
	char *stat;             /* shm/seg/stat.h */
	size_t stat_stride;
};

/* Create, size, seal (F_SEAL_GROW|SHRINK|SEAL) and map; *fd_r read-write. */
MUST_USE int
board_create(const struct board_dims *d, struct board *b_r, int *fd_r);
/* Map what `fd` names, writable or not; validates magic, ABI, sizes, offsets.
 */
MUST_USE int board_attach(int fd, bool writable, struct board *b_r);
void board_detach(struct board *b);
/* A read-only descriptor of the same memfd (O_RDONLY through /proc/self/fd). */
MUST_USE int board_reopen_readonly(int fd, int *ro_fd_r);

static inline bool
board_server_is_usable(const struct board_server *s)
{
	return atomic_load_explicit(&s->op_state, memory_order_relaxed) !=
	    SRV_STOPPED &&
	    !(atomic_load_explicit(&s->admin_state, memory_order_relaxed) &
		(SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT));
}

/* Permits of it; it has fewer while its weight grows. */
static inline uint32_t
board_server_maxconn(const struct board_server *s)
{
	uint32_t max = __atomic_load_n(&s->maxconn, __ATOMIC_RELAXED);
	uint32_t part =
	    atomic_load_explicit(&s->throttle, memory_order_relaxed);

	if (part == 0 || part >= 100 || max == 0)
		return max;
	return (uint32_t)((uint64_t)max * part / 100) + 1;
}

#endif
