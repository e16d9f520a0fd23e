/* SPDX-License-Identifier: MIT */
#include "tools/top/snap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/base/mem.h"

static const char *const role_names[ROLE_N] = {
	[ROLE_NONE] = "none",
	[ROLE_MASTER] = "master",
	[ROLE_BROKER] = "broker",
	[ROLE_WORKER] = "worker",
	[ROLE_TOOL] = "tool",
};

static const char *const proc_states[PROC_STATE_N] = {
	[PROC_FREE] = "free",
	[PROC_STARTING] = "start",
	[PROC_RUNNING] = "run",
	[PROC_DRAINING] = "drain",
	[PROC_DEAD] = "dead",
};

const char *
snap_role_name(uint32_t role)
{
	return role < ROLE_N ? role_names[role] : "invalid";
}

const char *
snap_proc_state_name(uint32_t state)
{
	return state < PROC_STATE_N ? proc_states[state] : "invalid";
}

const char *
snap_op_name(const struct snap_server *sv)
{
	if (sv->admin_state &
	    (SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT))
		return "MAINT";
	if (sv->admin_state & (SRV_FDRAIN | SRV_IDRAIN))
		return "DRAIN";
	return sv->op_state == SRV_STOPPED ? "DOWN" : "UP";
}

/* Text off the board: printable, from `least` up, and ended. */
static void
text_copy(char *to, const char *from, size_t room, char least)
{
	size_t i;

	for (i = 0; i + 1 < room && from[i] != '\0'; i++)
		to[i] = from[i] >= least && from[i] < 127 ? from[i] : '?';
	to[i] = '\0';
}

static void
name_copy(char *to, const char *from, size_t room)
{
	text_copy(to, from, room, '!');
}

static uint32_t
rows(const _Atomic uint32_t *used, uint32_t cap)
{
	uint32_t n = atomic_load(used);

	return n < cap ? n : cap;
}

uint32_t
snap_count(const struct snap_counts *c, enum slot_state state)
{
	uint32_t sum = 0;
	int t;

	for (t = 0; t < TAG_N; t++)
		sum += c->n[t][state];
	return sum;
}

const struct snap_proc *
snap_proc(const struct snap *s, uint32_t instance)
{
	uint32_t i;

	for (i = 0; i < s->cap.proc_count && instance != 0; i++) {
		if (s->proc[i].instance == instance &&
		    s->proc[i].state != PROC_FREE)
			return &s->proc[i];
	}
	return NULL;
}

static void
take_head(const struct board *b, struct snap *s)
{
	const struct board_hdr *h = b->hdr;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	s->now_us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	name_copy(s->version, h->version, sizeof(s->version));
	name_copy(s->node, h->node, sizeof(s->node));
	s->master_pid = h->master_pid;
	s->maxconn = h->maxconn;
	s->generation = atomic_load(&h->generation);
	s->acting_broker = atomic_load(&h->acting_broker);
	s->start_us = h->start_us;
	s->start_wall_us = h->start_wall_us;
	s->reload_wall_us = atomic_load(&h->reload_wall_us);
	s->cap = b->cap;
	s->proxies = rows(&h->used_proxies, b->cap.proxy_count);
	s->servers = rows(&h->used_servers, b->cap.server_count);
	s->clients = limit_sum(b, LIM_GLOBAL, 0);
	stat_sum_proc(b, &s->stat);
}

static void
take_proxy(const struct board *b, uint32_t i, struct snap_proxy *to)
{
	const struct board_proxy *p = &b->proxy[i];

	name_copy(to->name, p->name, sizeof(to->name));
	to->id = p->id;
	to->is_frontend = p->is_frontend != 0;
	to->is_backend = p->is_backend != 0;
	to->maxconn = p->maxconn;
	to->state = atomic_load(&p->state);
	to->queue_count = atomic_load(&p->queue_count);
	to->clients = limit_sum(b, LIM_FRONTEND, i);
	to->streams = limit_sum(b, LIM_BACKEND, i);
	stat_sum_proxy(b, i, &to->stat);
}

static void
take_server(const struct board *b, uint32_t i, const struct snap *s,
    struct snap_server *to)
{
	const struct board_server *r = &b->server[i];
	uint64_t ms;

	to->in_use = atomic_load(&r->row_state) == 1;
	name_copy(to->name, r->name, sizeof(to->name));
	to->proxy = r->proxy;
	snprintf(to->full, sizeof(to->full), "%s/%s",
	    to->proxy < s->proxies ? s->proxy[to->proxy].name : "?", to->name);
	to->id = r->id;
	to->maxconn = r->maxconn;
	to->maxqueue = r->maxqueue;
	to->epoch = atomic_load(&r->epoch);
	to->attention = atomic_load(&r->attention);
	to->op_state = atomic_load(&r->op_state);
	to->admin_state = atomic_load(&r->admin_state);
	to->weight = atomic_load(&r->weight);
	to->queue_count = atomic_load(&r->queue_count);
	to->slot_count = atomic_load(&r->slot_count);
	to->idle_count = atomic_load(&r->idle_count);
	to->dial_count = atomic_load(&r->dial_count);
	to->dials = atomic_load(&r->dials);
	to->dial_errors = atomic_load(&r->dial_errors);
	to->tls_full = atomic_load(&r->tls_full);
	to->tls_resumed = atomic_load(&r->tls_resumed);
	to->ws_able = able_last(&r->ws_able, to->epoch, &ms);
	text_copy(to->last_error, r->last_error, sizeof(to->last_error), ' ');
	text_copy(to->check_text, r->check.text, sizeof(to->check_text), ' ');
	to->is_backup = r->is_backup != 0;
	to->requests = limit_sum(b, LIM_SERVER, i);
	to->tunnels = limit_sum(b, LIM_TUNNEL, i);
	stat_sum_server(b, i, &to->stat);
}

/* CPU time of a process from /proc; false: no such process. */
static bool
cpu_of(uint32_t pid, uint64_t *us_r)
{
	unsigned long long user = 0, sys = 0;
	char path[64], text[512], *p;
	FILE *f;
	size_t n;

	*us_r = 0;
	if (pid == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name may hold anything */
	if (!p || p[1] == '\0')
		return true;
	if (p[2] == 'Z' || p[2] == 'X')
		return false;
	if (sscanf(p + 2,
		"%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		&sys) == 2)
		*us_r = (user + sys) * 1000000 /
		    (unsigned long long)sysconf(_SC_CLK_TCK);
	return true;
}

/* Resident memory that is not shared, from /proc. */
static uint64_t
rss_of(uint32_t pid)
{
	unsigned long all = 0, shared = 0;
	char path[64];
	int n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/statm", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fscanf(f, "%*u %lu %lu", &all, &shared);
	fclose(f);
	return n == 2 && all > shared
	    ? (all - shared) * (unsigned long)sysconf(_SC_PAGESIZE) / 1024
	    : 0;
}

static uint64_t
cells_of(const struct board *b, uint32_t i)
{
	size_t n = limit_stride(&b->cap) / sizeof(uint32_t), k;
	uint64_t sum = 0;

	for (k = 0; k < n; k++)
		sum += atomic_load(&b->cell[i * n + k]);
	return sum;
}

static void
take_proc(const struct board *b, uint32_t i, bool is_live, struct snap_proc *to)
{
	const struct board_proc *p = &b->proc[i];
	const struct stat_proc *from = stat_proc(b, i);
	size_t k;

	to->instance = atomic_load(&p->instance);
	to->pid = p->pid;
	to->role = p->role;
	to->worker_index = p->worker_index;
	to->generation = p->generation;
	to->state = atomic_load(&p->state);
	to->started_us = atomic_load(&p->started_us);
	to->heartbeat_us = atomic_load(&p->heartbeat_us);
	to->clients = atomic_load(&p->clients);
	to->streams = atomic_load(&p->streams);
	to->tunnels = atomic_load(&p->tunnels);
	to->fds = atomic_load(&p->fds);
	to->fd_max = atomic_load(&p->fd_max);
	to->exists = is_live && cpu_of(to->pid, &to->cpu_us);
	to->rss_kb = to->exists ? rss_of(to->pid) : 0;
	to->cells = cells_of(b, i);
	for (k = 0; k < sizeof(*from) / sizeof(stat_t); k++)
		((stat_t *)&to->stat)[k] = ((const stat_t *)from)[k];
}

static void
take_slot(const struct board *b, uint32_t i, struct snap *s)
{
	const struct slot *from = &b->slot[i];
	struct snap_slot *to = &s->slot[i];
	uint32_t p;

	to->word = atomic_load(&from->word);
	to->v = slot_unpack(to->word);
	to->server = from->server;
	to->epoch = from->epoch;
	to->uses = atomic_load(&from->uses);
	to->born_us = atomic_load(&from->born_us);
	to->idle_us = atomic_load(&from->idle_us);
	if (to->v.state >= SLOT_STATE_N || to->v.tag >= TAG_N) {
		s->invalid++;
		return;
	}
	s->slots.n[to->v.tag][to->v.state]++;
	if (to->v.state == SLOT_FREE)
		return;
	if (to->server < s->servers)
		s->server[to->server].slots.n[to->v.tag][to->v.state]++;
	for (p = 0; p < s->cap.proc_count; p++) {
		if (to->v.holder == HOLDER_BROKER
			? s->proc[p].instance == s->acting_broker &&
			    s->proc[p].role == ROLE_BROKER
			: s->proc[p].instance == to->v.holder) {
			s->proc[p].slots.n[to->v.tag][to->v.state]++;
			break;
		}
	}
}

struct snap *
snap_new(const struct board *b)
{
	return snap_new_at(b, 0);
}

struct snap *
snap_new_at(const struct board *b, uint64_t saved_us)
{
	struct snap *s = mem_alloc(sizeof(*s));
	uint64_t cpu_us;
	uint32_t i;

	take_head(b, s);
	if (saved_us)
		s->now_us = saved_us;
	else
		s->master_has_ended = !cpu_of(s->master_pid, &cpu_us);
	s->proxy = mem_alloc((s->proxies + 1) * sizeof(*s->proxy));
	s->server = mem_alloc((s->servers + 1) * sizeof(*s->server));
	s->proc = mem_alloc(s->cap.proc_count * sizeof(*s->proc));
	s->slot = mem_alloc(s->cap.slot_count * sizeof(*s->slot));
	for (i = 0; i < s->proxies; i++)
		take_proxy(b, i, &s->proxy[i]);
	for (i = 0; i < s->servers; i++)
		take_server(b, i, s, &s->server[i]);
	for (i = 0; i < s->cap.proc_count; i++)
		take_proc(b, i, saved_us == 0, &s->proc[i]);
	for (i = 0; i < s->cap.slot_count; i++)
		take_slot(b, i, s);
	return s;
}

void
snap_free(struct snap **sp)
{
	struct snap *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	free(s->proxy);
	free(s->server);
	free(s->proc);
	free(s->slot);
	free(s);
}
