/* SPDX-License-Identifier: MIT */
/*
 * See cert.h.
 *
 * Order: the master's own acknowledgement comes first.  CHILD and CERT_ACK
 * share a channel, so the workers known at that moment are those the master
 * sent it to, and later ones inherit it.
 */
#include "broker/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/idle.h"
#include "broker/srv.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "shm/base/sealed.h"
#include "shm/conf/tls_conf.h"
#include "shm/conf/tls_update.h"
#include "shm/proto/tls_hs.h"

enum { LIMIT_MS = 5000, LOOK_MS = 20 };

/* The transaction. */
static struct {
	char *name;
	char *pem;
	size_t pem_bytes;
} pending;

/* The commit under way. */
static struct {
	uint32_t serial; /* 0: none */
	struct tls_update update;
	bool is_held; /* by the master, so that it is irrevocable */
	uint64_t until_ms;
	struct event timer;
	struct cert_result result;
	void (*done)(const struct cert_result *r, void *arg);
	void *arg;
} commit;

/* --- this process --- */

static bool
uses(const struct server *s, const char *name)
{
	return s->tls.ctx && s->tls.crt.s && strcmp(s->tls.crt.s, name) == 0;
}

/* New contexts of servers that show this certificate. 0 or -WSE_*. */
static int
prepare(const char *name)
{
	const struct proxy *px;
	const struct server *s;
	int r = 0;

	for (px = broker.conf->proxies; r == 0 && px; px = px->next)
		for (s = px->servers; r == 0 && s; s = s->next)
			if (uses(s, name))
				r = tls_hs_prepare(s->tls.ctx);
	return r;
}

void
cert_inherit(const struct broker_heritage *h)
{
	char why[512] = "";

	for (unsigned i = 0; i < h->cert_count; i++) {
		if (tls_update_apply(h->conf, &h->certs[i], why, sizeof(why)))
			log_msg(LOGL_ALERT,
			    "broker: a new certificate is not used: %s", why);
		close(h->certs[i].fd);
	}
}

/* Connections made with the old one are another transport. */
static void
change_epochs(const char *name)
{
	const struct proxy *px;
	const struct server *s;

	for (px = broker.conf->proxies; px; px = px->next)
		for (s = px->servers; s; s = s->next) {
			if (!uses(s, name) ||
			    !state_has_server((uint32_t)s->row))
				continue;
			atomic_fetch_add(&broker.board.server[s->row].epoch, 1);
			idle_evict_server((uint32_t)s->row);
		}
}

static void
use_here(void)
{
	const char *name = tls_cert_name(broker.conf, commit.update.index);
	struct cert_result *res = &commit.result;
	int r = tls_update_apply(
	    broker.heritage->conf, &commit.update, res->why, sizeof(res->why));

	if (r == 0)
		r = prepare(name);
	if (r != 0)
		/* it was checked: out of memory, most likely */
		log_msg(LOGL_ALERT, "broker: a new certificate is not used: %s",
		    res->why[0] ? res->why : err_text(r));
	else
		change_epochs(name);
}

/* --- the transaction --- */

const char *
cert_pending(struct sv *pem_r)
{
	*pem_r = sv_of(pending.pem, pending.pem_bytes);
	return pending.name;
}

void
cert_abort(void)
{
	if (pending.pem)
		explicit_bzero(pending.pem, pending.pem_bytes);
	free(pending.pem);
	free(pending.name);
	memset(&pending, 0, sizeof(pending));
}

void
cert_set(const char *name, struct sv pem)
{
	char *copy = mem_strdup(name); /* it may be ours */

	cert_abort();
	pending.name = copy;
	pending.pem = mem_alloc(pem.n ? pem.n : 1);
	memcpy(pending.pem, pem.p, pem.n);
	pending.pem_bytes = pem.n;
}

/* --- the commit --- */

bool
cert_is_busy(void)
{
	return commit.serial != 0;
}

void
cert_forget(const void *arg)
{
	if (commit.arg == arg)
		commit.done = NULL;
}

/* Workers that owe a confirmation; their names, as far as there is room. */
static unsigned
missing(char *text, size_t room)
{
	struct list *it;
	struct peer *p;
	unsigned n = 0;
	size_t at = 0;
	int k;

	text[0] = '\0';
	list_for(it, &broker.peers)
	{
		p = list_entry(it, struct peer, node);
		if (p->cert_due != commit.serial)
			continue;
		k = snprintf(text + at, room - at, "%sworker %u (pid %u)",
		    n++ ? ", " : "", p->worker_index + 1, p->pid);
		if (k > 0 && at + (size_t)k < room)
			at += (size_t)k;
	}
	return n;
}

static void
finish(int err)
{
	void (*done)(const struct cert_result *r, void *arg) = commit.done;
	struct cert_result res = commit.result;

	event_del(&commit.timer);
	if (commit.update.fd >= 0)
		close(commit.update.fd);
	commit.serial = 0;
	commit.done = NULL;
	res.err = err;
	if (err == 0 && !res.late[0])
		cert_abort(); /* done with; else it may be committed again */
	if (done)
		done(&res, commit.arg);
}

static void
fail(int err, const char *why)
{
	snprintf(commit.result.why, sizeof(commit.result.why), "%s: %s", why,
	    err_text(err));
	finish(err);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = { 0, LOOK_MS * 1000 };
	char who[sizeof(commit.result.late)];
	unsigned left;

	(void)fd;
	(void)what;
	(void)arg;
	clock_update();
	if (!commit.is_held) {
		if (commit.result.err)
			finish(commit.result.err);
		else if (broker.master_gone || clock_ms() >= commit.until_ms)
			fail(-WSE_TIMEOUT, "the master does not answer");
		else
			event_add(&commit.timer, &soon);
		return;
	}
	left = missing(who, sizeof(who));
	if (left && clock_ms() < commit.until_ms) {
		event_add(&commit.timer, &soon);
		return;
	}
	if (left) {
		snprintf(
		    commit.result.late, sizeof(commit.result.late), "%s", who);
		log_msg(LOGL_ALERT,
		    "broker: a new certificate is not confirmed within %d s "
		    "by %s",
		    LIMIT_MS / 1000, who);
	}
	finish(0);
}

void
cert_commit(void (*done)(const struct cert_result *r, void *arg), void *arg)
{
	static uint32_t serial;
	struct ipc_msg m = { .type = IPC_CERT_SET, .fd_count = 1 };
	static const struct timeval soon = { 0, LOOK_MS * 1000 };
	int r;

	memset(&commit, 0, sizeof(commit));
	commit.done = done;
	commit.arg = arg;
	commit.until_ms = clock_ms() + LIMIT_MS;
	event_assign(&commit.timer, broker.base, -1, 0, on_look, NULL);
	serial = serial + 1 ? serial + 1 : 1;
	commit.serial = serial;
	commit.update.fd = -1;
	r = tls_update_index(broker.conf, pending.name, &commit.update.index);
	if (r == 0)
		r = sealed_make(
		    sv_of(pending.pem, pending.pem_bytes), &commit.update.fd);
	m.fd[0] = commit.update.fd;
	m.u.cert.serial = serial;
	m.u.cert.index = commit.update.index;
	if (r == 0)
		r = broker.master ? chan_send(broker.master, &m) : -WSE_EOF;
	if (r != 0) {
		snprintf(commit.result.why, sizeof(commit.result.why),
		    "the master cannot be told: %s", err_text(r));
		commit.result.err = r; /* told from the loop */
	}
	event_add(&commit.timer, &soon);
}

/* Whoever is here now was told. */
static void
held(void)
{
	struct list *it;

	commit.is_held = true;
	list_for(it, &broker.peers) list_entry(it, struct peer, node)
	    ->cert_due = commit.serial;
	use_here();
}

void
cert_acked(const struct ipc_cert *ack)
{
	struct peer *p;

	if (ack->serial != commit.serial || commit.serial == 0)
		return; /* too late */
	if (ack->instance == 0) {
		if (ack->err == 0) {
			held();
			return;
		}
		fail(ack->err, "the master refuses it");
		return;
	}
	p = state_peer(ack->instance);
	if (!p)
		return;
	/* one that failed is named as one that did not answer */
	if (ack->err == 0)
		p->cert_due = 0;
	on_look(-1, 0, NULL);
}
