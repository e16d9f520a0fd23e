/* SPDX-License-Identifier: MIT */
#include "worker/drain.h"

#include "shm/base/mem.h"
#include "shm/ipc/ipc_tbl.h"
#include "worker/accept.h"
#include "worker/duct.h"
#include "worker/fconn.h"
#include "worker/handover.h"
#include "worker/stream_parts.h"
#include "worker/wk.h"
#include "worker/ws_bye.h"

enum {
	LOOK_MS = 20,
	NEW_MS = 1000, /* for the first request of a new client */
	/* parts of a circle that spread any number of points well */
	GOLDEN = 40503,
	GOLDEN_BITS = 16
};

/* Tunnels to be closed one after the other. */
struct spread {
	unsigned count, at;
	uint64_t from_ms;
	uint64_t ms;
	unsigned code;
	const struct server *only; /* its tunnels; NULL: all */
};

static struct wheel_timer look_timer;
static uint64_t deadline_ms; /* 0: none */
/* Idle ones and those that come late have moments in here, too. */
static uint64_t begun_ms, until_ms;
static unsigned close_code; /* 0: tunnels go on */
static unsigned late_count;
static struct spread spread;
static bool *is_drained; /* by row: its tunnels have moments */

/* Done when no client and no request is left; or when time is up. */
static void
on_look(struct wheel_timer *t)
{
	bool late = deadline_ms && clock_ms() >= deadline_ms;

	handover_go_on();
	if ((wk.clients == 0 && !handover_is_busy()) || late) {
		wk.stop = true;
		return;
	}
	wheel_set(wk.wheel, t, clock_ms() + LOOK_MS);
}

static bool
is_meant(const struct ws_watch *w, const struct server *srv)
{
	return (!spread.only || spread.only == srv) && !ws_bye_has_begun(w);
}

static bool
count(struct ws_watch *w, const struct server *srv)
{
	spread.count += is_meant(w, srv);
	return false;
}

/*
 * The next moment: all workers' are equally far from each other, if they have
 * as many.
 */
static bool
plan(struct ws_watch *w, const struct server *srv)
{
	uint64_t workers = (uint64_t)wk.conf->global.nbproc;
	uint64_t nth = spread.at * workers + wk.row->worker_index % workers;

	if (!is_meant(w, srv))
		return false;
	spread.at++;
	return ws_bye_plan(w,
	    spread.from_ms +
		(2 * nth + 1) * spread.ms / (2 * spread.count * workers),
	    spread.code);
}

static bool
unplan(struct ws_watch *w, const struct server *srv)
{
	if (!is_meant(w, srv))
		return false;
	ws_bye_unplan(w);
	return true;
}

static void
spread_run(void)
{
	duct_each(count);
	tunnel_each(count);
	duct_each(plan);
	tunnel_each(plan);
}

static void
spread_all(void)
{
	spread = (struct spread){
		.from_ms = begun_ms,
		.ms = until_ms - begun_ms,
		.code = close_code,
	};
	spread_run();
}

static void
look_server(const struct server *srv)
{
	const struct conf_life *l = &wk.conf->global.life;
	uint32_t admin = atomic_load_explicit(
	    &wk_server_row(srv)->admin_state, memory_order_relaxed);
	bool drained = admin & (SRV_FDRAIN | SRV_IDRAIN);

	if (drained == is_drained[srv->row])
		return;
	is_drained[srv->row] = drained;
	spread = (struct spread){
		.from_ms = clock_ms(),
		.ms = l->spreads ? l->spread_ms : 0,
		.code = CLOSE_CODE_AWAY,
		.only = srv,
	};
	if (drained) {
		spread_run();
		return;
	}
	duct_each(unplan);
	tunnel_each(unplan);
}

void
drain_look_servers(void)
{
	if (wk.draining)
		return; /* all have their moments */
	if (!is_drained)
		is_drained = mem_alloc(wk.board.cap.server_count + 1);
	for (const struct proxy *px = wk.conf->proxies; px; px = px->next)
		for (const struct server *s = px->servers; s; s = s->next)
			if (s->drain_closes)
				look_server(s);
}

/* Somewhere within the rest of the time. */
static uint64_t
late_moment(void)
{
	uint64_t now = clock_ms();
	uint64_t left = until_ms > now ? until_ms - now : 0;

	late_count++;
	return now + (left * (uint16_t)(late_count * GOLDEN) >> GOLDEN_BITS);
}

void
drain_tunnel_begins(struct ws_watch *w)
{
	if (wk.draining && close_code)
		(void)ws_bye_plan(w, late_moment(), close_code);
}

uint64_t
drain_idle_ms(bool is_new)
{
	uint64_t at, first = clock_ms() + NEW_MS;

	if (!wk.draining)
		return 0;
	at = late_moment();
	return is_new && at < first ? first : at;
}

void
drain_begin(const struct ipc_drain *how)
{
	const struct conf_life *l = &wk.conf->global.life;
	uint64_t ms = l->spreads && how->close_code ? l->spread_ms : 0;

	if (how->deadline_ms)
		deadline_ms = clock_ms() + how->deadline_ms;
	if (wk.draining)
		return;
	if (how->deadline_ms && ms >= how->deadline_ms)
		ms = (uint64_t)how->deadline_ms * 3 / 4;
	wk.draining = true;
	begun_ms = clock_ms();
	until_ms = begun_ms + ms;
	close_code = l->spreads ? how->close_code : 0;
	atomic_store_explicit(
	    &wk.row->state, PROC_DRAINING, memory_order_relaxed);
	accept_stop();
	fconn_close_idle();
	if (close_code)
		spread_all();
	pool_drain(wk.pool);
	handover_start();
	look_timer.fn = on_look;
	on_look(&look_timer);
}
