/* SPDX-License-Identifier: MIT */
/*
 * The board as the master makes it from the config.
 *
 * Tables have head-room: memfd pages that nobody touches cost nothing.
 */
#include "master/segments.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/base/clock.h"

enum {
	SLOTS_MIN = 1024,
	SLOTS_MAX = 1 << 18,
	ROWS_SPARE = 64,
};

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unbuilt"
#endif

static uint32_t
segments_slots(const struct conf *c)
{
	uint64_t n = c->global.maxslots;

	if (n)
		return n > SLOTS_MAX ? SLOTS_MAX : (uint32_t)n;
	/* Each client may need one, and idle ones of other servers stay. */
	n = (uint64_t)c->global.maxconn * 3 / 2 + SLOTS_MIN;
	return n > SLOTS_MAX ? SLOTS_MAX : (uint32_t)n;
}

static void
segments_place(struct board_place *at, const struct addr *a, int port)
{
	at->port = (uint32_t)port;
	if (a->len > BOARD_ADDR_MAX)
		return;
	memcpy(at->addr, &a->u, a->len);
	at->addr_len = a->len;
}

static void
segments_server(struct board_server *row, const struct server *s)
{
	strncpy(row->name, s->name, BOARD_NAME_MAX - 1);
	row->proxy = (uint32_t)s->px->row;
	row->id = (uint32_t)s->id;
	if (s->addr.len <= BOARD_ADDR_MAX) {
		memcpy(row->transport.addr, &s->addr.u, s->addr.len);
		row->transport.addr_len = s->addr.len;
	}
	row->transport.connect_ms = s->px->tmo.connect_ms;
	row->transport.send_proxy = s->send_proxy;
	row->pool.max_conn = s->pool.max_conn;
	row->pool.low_conn = s->pool.low_conn;
	row->pool.purge_delay_ms = s->pool.purge_delay_ms;
	row->pool.prewarm = s->pool.prewarm;
	row->pool.prewarm_ws = s->pool.prewarm_ws;
	row->maxconn = (uint32_t)s->maxconn;
	row->maxqueue = (uint32_t)s->maxqueue;
	row->is_backup = s->backup;
	row->has_check = s->check.enabled || s->watch.track;
	row->has_agent = s->agent.enabled;
	segments_place(&row->check_at, &s->check.addr, s->check.port);
	segments_place(&row->agent_at, &s->agent.addr, s->agent.port);
	atomic_store(&row->epoch, 1);
	atomic_store(&row->op_state, SRV_RUNNING);
	atomic_store(&row->admin_state, s->disabled ? SRV_CMAINT : 0);
	atomic_store(&row->weight, (uint32_t)s->weight);
	atomic_store(&row->iweight, (uint32_t)s->weight);
	atomic_store(&row->changed_us, clock_wall_us());
	atomic_store(&row->row_state, 1);
}

static void
segments_rows(struct board *b, const struct conf *c)
{
	for (const struct proxy *px = c->proxies; px; px = px->next) {
		struct board_proxy *row = &b->proxy[px->row];

		strncpy(row->name, px->name, BOARD_NAME_MAX - 1);
		row->id = (uint32_t)px->id;
		row->is_frontend = !!(px->cap & PX_FRONTEND);
		row->is_backend = !!(px->cap & PX_BACKEND);
		row->is_http = px->http.mode_http;
		row->maxconn =
		    (uint32_t)(px->maxconn ? px->maxconn : c->global.maxconn);
		atomic_store(&row->state, px->disabled);
		atomic_store(&row->generation, 1);
		atomic_store(&row->changed_us, clock_wall_us());
		for (const struct server *s = px->servers; s; s = s->next)
			segments_server(&b->server[s->row], s);
	}
	atomic_store(&b->hdr->used_proxies, (uint32_t)c->proxy_count);
	atomic_store(&b->hdr->used_servers, (uint32_t)c->server_count);
}

int
segments_create(const struct conf *c, struct segments *s)
{
	uint32_t procs = (uint32_t)c->global.nbproc * 4 + 8;
	struct board_dims d = {
		.slot_count = segments_slots(c),
		.proxy_count = (uint32_t)c->proxy_count + ROWS_SPARE,
		.server_count = (uint32_t)c->server_count * 2 + ROWS_SPARE,
		.proc_count = procs > PROC_ROWS_MAX ? PROC_ROWS_MAX : procs,
	};
	struct board_hdr *h;
	int rc;

	memset(s, 0, sizeof(*s));
	s->board_fd = s->board_ro_fd = -1;
	rc = board_create(&d, &s->board, &s->board_fd);
	if (rc == 0)
		rc = board_reopen_readonly(s->board_fd, &s->board_ro_fd);
	if (rc) {
		log_msg(LOGL_ALERT,
		    "cannot make the shared board (%u slots, "
		    "%u servers): %s: %s; lower maxconn or free memory",
		    d.slot_count, d.server_count, err_text(rc),
		    strerror(errno));
		return rc;
	}
	h = s->board.hdr;
	h->start_wall_us = clock_wall_us();
	h->start_us = clock_us();
	h->master_pid = (uint32_t)getpid();
	h->maxconn = (uint32_t)c->global.maxconn;
	strncpy(h->version, PACKAGE_VERSION, sizeof(h->version) - 1);
	if (c->global.node)
		strncpy(h->node, c->global.node, sizeof(h->node) - 1);
	else if (gethostname(h->node, sizeof(h->node) - 1) < 0)
		strcpy(h->node, "?");
	atomic_store(&h->generation, 1);
	segments_rows(&s->board, c);
	return 0;
}

int
segments_proc_row(const struct segments *s, uint32_t *row_r)
{
	/* Row 0 is the master's. */
	for (uint32_t i = 1; i < s->board.cap.proc_count; i++)
		if (atomic_load(&s->board.proc[i].instance) == 0 &&
		    atomic_load(&s->board.proc[i].state) == PROC_FREE) {
			*row_r = i;
			return 0;
		}
	return -WSE_FULL;
}
