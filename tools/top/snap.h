/* SPDX-License-Identifier: MIT */
/*
 * A private copy of what the board says, bounds-checked and summed up.
 *
 * The board is input: workers write to it, and one of them may be hostile.
 * Rows and words are copied once, indices are compared with the capacities,
 * names are made printable.  The copy is not taken at one instant.
 */
#ifndef TOOLS_TOP_SNAP_H
#define TOOLS_TOP_SNAP_H

#include "shm/seg/able.h"
#include "shm/seg/limit.h"
#include "shm/seg/slot.h"
#include "shm/seg/stat.h"

enum { SNAP_NAME_MAX = 2 * BOARD_NAME_MAX + 2 };

struct snap_slot {
	uint64_t word;
	struct slot_view v;
	uint32_t server, epoch, uses;
	uint64_t born_us, idle_us; /* monotonic */
};

/* Slots of a server or a process, by tag and state. */
struct snap_counts {
	uint32_t n[TAG_N][SLOT_STATE_N];
};

struct snap_server {
	bool in_use;
	char name[BOARD_NAME_MAX];
	char full[SNAP_NAME_MAX]; /* backend/server */
	uint32_t proxy, id;
	uint32_t maxconn, maxqueue, epoch, attention, op_state, admin_state;
	uint32_t weight, queue_count, slot_count, idle_count, dial_count;
	uint64_t dials, dial_errors;
	uint64_t tls_full, tls_resumed; /* handshakes */
	enum able ws_able; /* WebSockets over HTTP/2, when last seen */
	char last_error[BOARD_NAME_MAX];       /* of a dial; printable */
	char check_text[BOARD_CHECK_TEXT_MAX]; /* of a health check */
	bool is_backup;
	uint32_t requests, tunnels; /* sums of the cells */
	struct snap_counts slots;
	struct stat_server stat;
};

struct snap_proxy {
	char name[BOARD_NAME_MAX];
	uint32_t id, maxconn, state, queue_count;
	bool is_frontend, is_backend;
	uint32_t clients, streams; /* sums of the cells */
	struct stat_proxy stat;
};

struct snap_proc {
	uint32_t instance; /* 0: row free */
	uint32_t pid, role, worker_index, generation, state;
	uint64_t started_us, heartbeat_us;
	uint32_t clients, streams, tunnels, fds, fd_max;
	bool exists;     /* /proc knows the pid */
	uint64_t cpu_us; /* of the process, 0 if unknown */
	uint64_t rss_kb; /* memory of its own, 0 if unknown */
	uint64_t cells;  /* sum of all its cells */
	struct snap_counts slots;
	struct stat_proc stat;
};

struct snap {
	char version[32], node[BOARD_NAME_MAX];
	uint32_t master_pid, maxconn, generation, acting_broker;
	uint64_t now_us, start_us; /* monotonic */
	uint64_t start_wall_us, reload_wall_us;
	struct board_dims cap;
	uint32_t proxies, servers; /* rows copied */
	struct snap_proxy *proxy;
	struct snap_server *server;
	struct snap_proc *proc;   /* cap.proc_count */
	struct snap_slot *slot;   /* cap.slot_count */
	struct snap_counts slots; /* all; invalid words are in none */
	bool master_has_ended;
	uint32_t invalid; /* words with no such state or tag */
	uint32_t clients; /* LIM_GLOBAL */
	struct stat_proc stat;
};

struct snap *snap_new(const struct board *b);
/* ... of a board saved at that time, whose processes are not here; 0: live. */
struct snap *snap_new_at(const struct board *b, uint64_t saved_us);
void snap_free(struct snap **s);
/* Over all tags. */
uint32_t snap_count(const struct snap_counts *c, enum slot_state state);
/* The living row of this instance, or NULL. */
const struct snap_proc *snap_proc(const struct snap *s, uint32_t instance);
const char *snap_role_name(uint32_t role);
const char *snap_proc_state_name(uint32_t state);
const char *snap_op_name(const struct snap_server *sv);

#endif
