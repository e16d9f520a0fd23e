/* SPDX-License-Identifier: MIT */
/*
 * When servers are checked, and what follows from what comes of it.
 *
 * The starts are spread over the shortest interval, so that thousands of
 * servers are not checked at once; a pause is counted from the end of a check.
 */
#include "broker/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/check_parts.h"
#include "broker/observe.h"
#include "broker/srv.h"
#include "broker/srv_admin.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"

enum { ANY_MAINT = SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT };

/* Of a server row; NULL: none. */
static struct row_checks {
	struct check *health, *agent;
} * by_row;

struct check *
check_find(uint32_t server, bool is_agent)
{
	if (!by_row || server >= broker.board.cap.server_count)
		return NULL;
	return is_agent ? by_row[server].agent : by_row[server].health;
}

struct board_check *
check_row(const struct check *k)
{
	struct board_server *row = &broker.board.server[k->server];

	return k->is_agent ? &row->agent : &row->check;
}

bool
check_is_set(uint32_t server, bool is_agent)
{
	return check_find(server, is_agent);
}

bool
check_is_on(uint32_t server, bool is_agent)
{
	const struct check *k = check_find(server, is_agent);

	return k && !k->paused;
}

static void
publish(const struct check *k)
{
	atomic_store(&check_row(k)->health, k->health.now);
}

/* --- when --- */

static unsigned
interval_ms(const struct check *k)
{
	const struct server_check *c = &k->cfg->check;
	unsigned top = k->health.rise + k->health.fall - 1;

	if (k->is_agent)
		return k->cfg->agent.inter_ms;
	if (k->health.now == 0)
		return c->downinter_ms ? c->downinter_ms : c->inter_ms;
	if (k->health.now < top || k->hurry)
		return c->fastinter_ms ? c->fastinter_ms : c->inter_ms;
	return c->inter_ms;
}

static void
arm(struct check *k, unsigned ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(&k->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct check *k = arg;

	(void)fd;
	(void)what;
	/* in maintenance a server is not checked; its agent may end that */
	if (k->paused ||
	    (!k->is_agent &&
		atomic_load(&broker.board.server[k->server].admin_state) &
		    ANY_MAINT))
		arm(k, interval_ms(k));
	else
		check_run(k);
}

void
check_hurry(uint32_t server)
{
	struct check *k = check_find(server, false);

	if (!k)
		return;
	k->hurry = true;
	if (!k->busy)
		arm(k, interval_ms(k));
}

/* --- what follows --- */

/* With all results logged anyway, the reason is there already. */
static const char *
why(const struct check *k)
{
	static char text[400];
	const struct check_plan *p = k->cfg->px->check;

	if (p && p->log_all)
		return "";
	snprintf(
	    text, sizeof(text), ", %s", check_reason(k->server, k->is_agent));
	return text;
}

static bool
other_is_up(const struct check *k)
{
	const struct check *o = check_find(k->server, !k->is_agent);

	return !o || o->paused || o->health.now >= o->health.rise;
}

static void
passed(struct check *k, enum check_status r)
{
	uint32_t op = atomic_load(&broker.board.server[k->server].op_state);

	(void)check_health_pass(&k->health);
	publish(k);
	if (k->health.now < k->health.rise || !other_is_up(k))
		return;
	if (r == CHECK_L7OKC && op != SRV_STOPPED)
		srv_stopping(k->server, why(k));
	else if (op == SRV_STOPPED || op == SRV_STOPPING)
		srv_up(k->server, why(k));
}

static void
failed(struct check *k)
{
	if (!k->is_agent && k->health.now > 0)
		atomic_fetch_add(&check_row(k)->fails, 1);
	(void)check_health_fail(&k->health);
	publish(k);
	if (k->health.now < k->health.rise)
		srv_down(k->server, why(k));
}

/* A result that says something of the server. */
static void
count(struct check *k, enum check_status r, enum check_status before)
{
	unsigned had = k->health.now;
	struct check_health then = k->health;

	if (check_is_good(r))
		(void)check_health_pass(&then);
	else
		(void)check_health_fail(&then);
	/* its line comes before that of the server */
	k->health = then;
	check_say(k, then.now != had || r != before);
	k->health.now = had;
	if (check_is_good(r))
		passed(k, r);
	else
		failed(k);
}

static void
result(struct check *k, enum check_status r, unsigned code, const char *info)
{
	struct board_check *b = check_row(k);
	enum check_status before = (enum check_status)atomic_load(&b->status);

	atomic_store(&b->code, code);
	atomic_store(
	    &b->duration_ms, (uint32_t)((clock_us() - k->start_us) / 1000));
	snprintf(b->text, sizeof(b->text), "%s", info);
	atomic_store(&b->status, r);
	if (r == CHECK_CHECKED)
		return;
	/* that an agent is not there says nothing of the server */
	if (k->is_agent && r < CHECK_L7OK) {
		check_say(k, r != before);
		return;
	}
	count(k, r, before);
}

void
check_over(
    struct check *k, enum check_status r, unsigned code, const char *info)
{
	char text[CHECK_INFO_MAX];

	/* it may lie in what is freed */
	snprintf(text, sizeof(text), "%s", info);
	k->busy = k->hurry = false;
	check_h2_free(&k->h2);
	check_conn_close(k);
	check_reply_done(&k->reply);
	k->asked = NULL;
	clock_update();
	if (r != CHECK_UNKNOWN && !k->paused)
		result(k, r, code, text);
	arm(k, interval_ms(k));
}

void
check_fail(uint32_t server, bool sudden, const char *text)
{
	struct check *k = check_find(server, false);

	if (!k || k->paused)
		return;
	if (sudden && k->health.now > k->health.rise)
		k->health.now = k->health.rise + 1;
	k->start_us = clock_us();
	result(k, CHECK_HANA, 0, text);
	if (!k->busy)
		arm(k, interval_ms(k));
}

/* --- by the runtime API --- */

bool
check_pause(uint32_t server, bool is_agent, bool pause)
{
	struct check *k = check_find(server, is_agent);

	if (!k)
		return false;
	k->paused = pause;
	atomic_store(&check_row(k)->paused, pause);
	return true;
}

void
check_force(uint32_t server, bool is_agent, bool up, const char *text)
{
	struct check *k = check_find(server, is_agent);

	if (k) {
		k->health.now = !up ? 0
		    : text          ? k->health.rise + k->health.fall - 1
				    : k->health.rise;
		publish(k);
	}
	if (!text)
		return;
	if (up)
		srv_up(server, text);
	else
		srv_down(server, text);
}

/* --- at start --- */

/* A new broker goes on where its predecessor was. */
static void
resume(struct check *k)
{
	struct board_check *b = check_row(k);
	unsigned top = k->health.rise + k->health.fall - 1;
	uint32_t health = atomic_load(&b->health);

	k->paused = atomic_load(&b->paused);
	if (atomic_load(&b->status) == CHECK_UNKNOWN) {
		atomic_store(&b->status, CHECK_INI);
		health = k->health.rise;
	}
	if (health > top)
		health = top;
	if (!k->is_agent &&
	    atomic_load(&broker.board.server[k->server].op_state) ==
		SRV_STOPPED) {
		if (health >= k->health.rise)
			health = 0;
	} else if (health < k->health.rise && !k->is_agent) {
		health = k->health.rise;
	}
	k->health.now = health;
	publish(k);
}

static struct check *
check_new(const struct server *s, bool is_agent)
{
	struct check *k = mem_alloc(sizeof(*k));

	k->cfg = s;
	k->server = (uint32_t)s->row;
	k->is_agent = is_agent;
	k->health.rise = k->health.fall = 1;
	if (!is_agent) {
		k->health.rise = (unsigned)s->check.rise;
		k->health.fall = (unsigned)s->check.fall;
	}
	event_assign(&k->timer, broker.base, -1, 0, on_timer, k);
	resume(k);
	return k;
}

/* Each server of the config that has one. */
static void
each(void (*fn)(const struct server *s))
{
	const struct proxy *px;
	const struct server *s;

	for (px = broker.conf->proxies; px; px = px->next)
		for (s = px->disabled ? NULL : px->servers; s; s = s->next)
			if (state_has_server((uint32_t)s->row))
				fn(s);
}

static unsigned total, started, shortest_ms = UINT32_MAX;

static void
add(const struct server *s)
{
	if (s->check.enabled)
		by_row[s->row].health = check_new(s, false);
	if (s->agent.enabled)
		by_row[s->row].agent = check_new(s, true);
	total += s->check.enabled + s->agent.enabled;
	if (s->check.enabled && s->check.inter_ms < shortest_ms)
		shortest_ms = s->check.inter_ms;
	if (s->agent.enabled && s->agent.inter_ms < shortest_ms)
		shortest_ms = s->agent.inter_ms;
}

static void
begin(const struct server *s)
{
	if (by_row[s->row].health)
		arm(by_row[s->row].health,
		    (unsigned)((uint64_t)shortest_ms * started++ / total));
	if (by_row[s->row].agent)
		arm(by_row[s->row].agent,
		    (unsigned)((uint64_t)shortest_ms * started++ / total));
}

void
check_start(void)
{
	by_row = mem_alloc(broker.board.cap.server_count * sizeof(*by_row));
	each(add);
	each(begin);
	srv_admin_start();
	observe_start();
}
