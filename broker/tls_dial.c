/* SPDX-License-Identifier: MIT */
/*
 * From a slot to a handshake and back; see tls_dial.h.
 *
 * While a thread shakes hands the descriptor is the job's: nothing here closes
 * it, so that its number cannot become another's under the thread.
 */
#include "broker/tls_dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <openssl/ssl.h>

#include "broker/check_parts.h"
#include "broker/dial.h"
#include "broker/h2_hello.h"
#include "broker/keep.h"
#include "broker/offer.h"
#include "broker/srv.h"
#include "broker/tls_sess.h"
#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"
#include "shm/conf/expr.h"

static bool started;
static unsigned shaking;

bool
tls_dial_is_wanted(uint32_t server)
{
	const struct server *c = srv_conf(server);

	return c && c->tls.enabled;
}

unsigned
tls_dial_count(void)
{
	return shaking;
}

bool
tls_dial_default_sni(uint32_t server, struct sv *sni_r)
{
	const struct server *c = srv_conf(server);

	*sni_r = SV_NULL;
	return !c || (tls_back_const_sni(c, sni_r) && sni_r->n <= IPC_TEXT_MAX);
}

static struct tls_job *
job_new(const struct bslot *s)
{
	const struct server *c = srv_conf(s->pool->server);
	uint32_t ms = broker.board.server[s->pool->server].transport.connect_ms;
	struct tls_job *j = mem_alloc(sizeof(*j));
	const char *host;

	CHK(c && c->tls.ctx && SSL_CTX_up_ref(c->tls.ctx) == 1);
	j->ctx = c->tls.ctx;
	j->slot = state_index(s);
	j->gen = s->gen;
	memcpy(j->sni, s->pool->sni, s->pool->sni_bytes);
	host = tls_back_verify_host(c, j->sni);
	snprintf(j->host, sizeof(j->host), "%s", host ? host : "");
	j->patient = s->pool->waiter_count == 0;
	offer_alpn(s->pool->server, s->offer, &j->alpn);
	j->prior_h2 = offer_is_prior(s->pool->server, s->offer);
	j->until_us = ms ? s->start_us + (uint64_t)ms * 1000 : 0;
	if (!c->tls.no_reuse)
		tls_sess_ask(j, s->pool->server, s->epoch, clock_us());
	return j;
}

void
tls_dial_shake(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct tls_job *j;

	if (!started) {
		dial_fail(slot, LFAIL_TLS, 0, "TLS was not set up");
		return;
	}
	j = job_new(s);
	j->fd = s->fd;
	s->fd = -1;
	shaking++;
	tls_hs_pool_submit(j);
}

bool
tls_dial_is_started(void)
{
	return started;
}

static void
count(uint32_t server, bool resumed)
{
	struct board_server *row = &broker.board.server[server];

	atomic_fetch_add_explicit(resumed ? &row->tls_resumed : &row->tls_full,
	    1, memory_order_relaxed);
}

/* In the loop: the thread has nothing more to do with it. */
static void
on_done(struct tls_job *j)
{
	struct bslot *s = &broker.slots[j->slot];
	uint32_t slot = j->slot, server;

	clock_update();
	if (j->check) {
		check_conn_shaken(j->check, j);
		tls_job_free(&j);
		return;
	}
	shaking--;
	CHK(s->state == BS_DIALING && s->gen == j->gen && s->fd == -1);
	server = s->pool->server;
	s->fd = j->fd;
	if (!srv_conf(server)->tls.no_reuse)
		tls_sess_done(j, server, s->epoch, clock_us());
	if (j->ok) {
		count(server, j->resumed);
		keep_set(s, j->kind, j->state, j->state_bytes);
		if (j->is_h2)
			h2_hello_start(slot,
			    sv_of((const char *)j->early, j->early_bytes));
		else
			dial_finish(slot, TAG_H1);
	} else {
		dial_complain(server, "TLS handshake", j->why);
		dial_fail(slot, j->fail, j->errnum, j->why);
	}
	tls_job_free(&j);
}

int
tls_dial_start(void)
{
	const struct proxy *px;
	const struct server *c;
	bool any = false;
	int r;

	for (px = broker.conf->proxies; px; px = px->next)
		for (c = px->servers; c; c = c->next) {
			if (!c->tls.ctx)
				continue;
			r = tls_hs_prepare(c->tls.ctx);
			if (r != 0)
				return r;
			any = true;
		}
	if (!any)
		return 0;
	r = tls_hs_pool_start(broker.base, on_done);
	started = r == 0;
	return r;
}
