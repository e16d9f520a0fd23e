/* SPDX-License-Identifier: MIT */
#include "tests/stress/sim.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/base/chk.h"

enum msg_type { LEASE, RELEASED, CLOSE, GRANT, KEEP, REVOKE };

struct msg {
	enum msg_type type;
	uint32_t slot, gen;
};

void
sim_open(struct sim *s)
{
	const struct board_dims d = { SIM_SLOTS, 1, 1, SIM_WORKERS + 1 };
	int w;

	memset(s, 0, sizeof(*s));
	s->maxconn = SIM_MAXCONN;
	CHK(board_create(&d, &s->board, &s->board_fd) == 0);
	for (w = 0; w < SIM_WORKERS; w++) {
		CHK(vault_create(SIM_SLOTS, &s->vault_fd[w]) == 0);
		CHK(vault_attach(s->vault_fd[w], SIM_SLOTS, &s->vault[w]) == 0);
		s->fd[w] = -1;
	}
	s->proof = mmap(NULL, sizeof(*s->proof), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHK(s->proof != MAP_FAILED);
}

void
sim_close(struct sim *s)
{
	int w;

	for (w = 0; w < SIM_WORKERS; w++) {
		vault_detach(&s->vault[w]);
		close(s->vault_fd[w]);
	}
	board_detach(&s->board);
	close(s->board_fd);
	munmap(s->proof, sizeof(*s->proof));
}

static bool
say(int fd, enum msg_type type, uint32_t slot, uint32_t gen)
{
	struct msg m = { type, slot, gen };

	return send(fd, &m, sizeof(m), MSG_NOSIGNAL) == (ssize_t)sizeof(m);
}

/* --- worker --- */

struct held {
	uint32_t slot, gen;
	bool asked; /* RELEASED sent, no answer yet */
};

struct worker {
	struct sim *s;
	uint32_t instance, proc;
	struct vault *vault;
	int fd;
	unsigned seed;
	struct held idle[SIM_SLOTS];
	int idle_count;
	bool granted;
	struct held grant;
};

static void
idle_del(struct worker *w, int i)
{
	w->idle[i] = w->idle[--w->idle_count];
}

static void
worker_msg(struct worker *w, const struct msg *m)
{
	int i;

	if (m->type == GRANT) {
		w->granted = true;
		w->grant.slot = m->slot;
		w->grant.gen = m->gen;
		return;
	}
	for (i = 0; i < w->idle_count; i++) {
		if (w->idle[i].slot != m->slot || w->idle[i].gen != m->gen)
			continue;
		if (m->type == KEEP)
			w->idle[i].asked = false;
		else
			idle_del(w, i);
		return;
	}
}

/* False: the broker is gone. */
static bool
worker_read(struct worker *w, int flags)
{
	struct msg m;
	ssize_t n;

	for (;;) {
		n = recv(w->fd, &m, sizeof(m), flags);
		if (n != (ssize_t)sizeof(m))
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		worker_msg(w, &m);
		if (!(flags & MSG_DONTWAIT))
			return true;
	}
}

/* Own idle connection: no message. */
static bool
worker_reuse(struct worker *w, struct held *h)
{
	const struct board *b = &w->s->board;

	if (atomic_load(&b->server[SIM_SERVER].attention) || !w->idle_count)
		return false;
	if (!limit_try(b, LIM_SERVER, SIM_SERVER, w->proc, w->s->maxconn))
		return false;
	for (int i = w->idle_count - 1; i >= 0; i--) {
		*h = w->idle[i];
		if (h->asked)
			continue;
		idle_del(w, i);
		if (slot_acquire(b, h->slot, h->gen, w->instance) == 0) {
			CHK(vault_take(w->vault, h->slot, h->gen));
			atomic_fetch_add(&w->s->proof->own_reuses, 1);
			return true;
		}
	}
	limit_drop(b, LIM_SERVER, SIM_SERVER, w->proc);
	return false;
}

static bool
worker_lease(struct worker *w, struct held *h)
{
	w->granted = false;
	if (!say(w->fd, LEASE, 0, 0))
		return false;
	while (!w->granted) {
		if (!worker_read(w, 0))
			return false;
	}
	*h = w->grant;
	return true;
}

static void
worker_use(struct worker *w, const struct held *h)
{
	struct sim_proof *p = w->s->proof;
	const struct slot *slot = &w->s->board.slot[h->slot];
	uint32_t nobody = 0, me = w->instance;
	unsigned i, spins = (unsigned)rand_r(&w->seed) % 200;

	CHK(atomic_compare_exchange_strong(&p->owner[h->slot], &nobody, me));
	if (w->s->count_in_flight)
		CHK(atomic_fetch_add(&p->in_flight, 1) < w->s->maxconn);
	CHK(slot->server == SIM_SERVER && slot->epoch == 1);
	for (i = 0; i < spins; i++)
		CHK(atomic_load(&p->owner[h->slot]) == me);
	if (spins % 16 == 0)
		usleep(spins);
	atomic_fetch_add(&p->requests, 1);
	if (w->s->count_in_flight)
		atomic_fetch_sub(&p->in_flight, 1);
	CHK(atomic_compare_exchange_strong(&p->owner[h->slot], &me, 0));
}

static bool
worker_finish(struct worker *w, struct held *h)
{
	const struct board *b = &w->s->board;
	unsigned dice = (unsigned)rand_r(&w->seed) % 32;
	uint64_t state = (uint64_t)h->slot << 32 | h->gen;

	if (dice < 4) {
		if (dice == 0)
			CHK(slot_tunnel(b, h->slot, h->gen, w->instance) == 0);
		CHK(slot_close(b, h->slot, h->gen, w->instance) == 0);
		limit_drop(b, LIM_SERVER, SIM_SERVER, w->proc);
		return say(w->fd, CLOSE, h->slot, h->gen);
	}
	vault_put(w->vault, h->slot, h->gen, 1, &state, sizeof(state));
	CHK(slot_release(b, h->slot, h->gen, w->instance, TAG_H1, 1) == 0);
	limit_drop(b, LIM_SERVER, SIM_SERVER, w->proc);
	h->asked = atomic_load(&b->server[SIM_SERVER].attention) != 0;
	w->idle[w->idle_count++] = *h;
	return !h->asked || say(w->fd, RELEASED, h->slot, h->gen);
}

static void
round_wait(struct sim *s)
{
	uint64_t mine = atomic_fetch_add(&s->proof->round_done, 1);
	uint64_t all = (mine / SIM_WORKERS + 1) * SIM_WORKERS;

	while (atomic_load(&s->proof->round_done) < all &&
	    !atomic_load(&s->proof->stop))
		sched_yield();
}

void
sim_worker(struct sim *s, int index, uint32_t instance, int fd, unsigned seed)
{
	struct worker w = { .s = s,
		.instance = instance,
		.proc = sim_proc(index),
		.vault = &s->vault[index],
		.fd = fd,
		.seed = seed };
	struct held h = { 0 };

	while (!atomic_load(&s->proof->stop)) {
		if (!worker_read(&w, MSG_DONTWAIT))
			break;
		if (!worker_reuse(&w, &h) && !worker_lease(&w, &h))
			break;
		h.asked = false;
		worker_use(&w, &h);
		/* a stale entry of an earlier life of the slot */
		for (int i = w.idle_count - 1; i >= 0; i--) {
			if (w.idle[i].slot == h.slot)
				idle_del(&w, i);
		}
		if (!worker_finish(&w, &h))
			break;
		if (s->in_rounds)
			round_wait(s);
		else if (rand_r(&w.seed) % 16 == 0) /* idle meanwhile */
			usleep(100);
	}
	close(fd);
}

/* --- broker --- */

static int
worker_of(const struct sim *s, uint32_t instance)
{
	int w;

	for (w = 0; w < SIM_WORKERS; w++) {
		if (s->instance[w] == instance)
			return w;
	}
	return -1;
}

/* An idle connection for t, taken from whoever holds it. */
static bool
broker_steal(struct sim *s, uint32_t i, struct slot_view v, int t)
{
	uint8_t state[VAULT_STATE_MAX];
	uint64_t want = (uint64_t)i << 32 | v.gen, got;
	uint32_t kind;
	int x = worker_of(s, v.holder);

	if (slot_steal(&s->board, i, v.gen, v.holder, s->instance[t]) != 0)
		return false;
	if (v.holder == HOLDER_BROKER)
		return true;
	CHK(x >= 0 && vault_take(&s->vault[x], i, v.gen));
	CHK(vault_copy(&s->vault[x], i, &kind, state, sizeof(state)) == 8);
	memcpy(&got, state, sizeof(got));
	CHK(got == want && kind == 1);
	if (x != t)
		(void)say(s->fd[x], REVOKE, i, v.gen);
	return true;
}

/* A connection and a permit for worker t: granted. */
static bool
broker_serve(struct sim *s, int t)
{
	static const struct slot_key key;
	struct slot_view v;
	uint32_t i, gen;

	if (!limit_try(
		&s->board, LIM_SERVER, SIM_SERVER, sim_proc(t), s->maxconn))
		return false;
	for (i = 0; i < SIM_SLOTS; i++) {
		v = slot_get(&s->board, i);
		CHK(v.state != SLOT_QUARANTINE);
		if (v.state == SLOT_IDLE && broker_steal(s, i, v, t)) {
			(void)say(s->fd[t], GRANT, i, v.gen);
			return true;
		}
	}
	for (i = 0; i < SIM_SLOTS; i++) {
		if (slot_dial(&s->board, i, SIM_SERVER, 1, &key, 1, &gen) != 0)
			continue;
		CHK(slot_dial_lease(
			&s->board, i, gen, TAG_H1, s->instance[t]) == 0);
		(void)say(s->fd[t], GRANT, i, gen);
		return true;
	}
	CHK(limit_take_back(&s->board, LIM_SERVER, SIM_SERVER, sim_proc(t)) ==
	    0);
	return false;
}

static void
queue_del(struct sim *s, int at)
{
	s->queued--;
	memmove(&s->queue[at], &s->queue[at + 1],
	    (size_t)(s->queued - at) * sizeof(s->queue[0]));
}

/* Serve the queue in its order; attention says whether somebody waits. */
static void
broker_retry(struct sim *s)
{
	while (s->queued > 0 && broker_serve(s, s->queue[0]))
		queue_del(s, 0);
	if (s->queued == 0)
		atomic_store(&s->board.server[SIM_SERVER].attention, 0);
}

static void
broker_lease(struct sim *s, int t)
{
	s->queue[s->queued++] = t;
	broker_retry(s);
	if (s->queued == 0)
		return;
	atomic_fetch_add(&s->proof->queued, 1);
	atomic_store(&s->board.server[SIM_SERVER].attention, ATT_QUEUE);
	broker_retry(s); /* what was released before anybody could see it */
}

static void
broker_msg(struct sim *s, int w, const struct msg *m)
{
	struct slot_view v;

	switch (m->type) {
	case LEASE:
		broker_lease(s, w);
		break;
	case RELEASED:
		broker_retry(s);
		v = slot_get(&s->board, m->slot);
		if (v.state == SLOT_IDLE && v.gen == m->gen &&
		    v.holder == s->instance[w])
			(void)say(s->fd[w], KEEP, m->slot, m->gen);
		break;
	case CLOSE:
		CHK(slot_free(&s->board, m->slot, m->gen, s->instance[w]) == 0);
		broker_retry(s);
		break;
	case GRANT:
	case KEEP:
	case REVOKE:
		CHK(!"a worker's message");
	}
}

/* False at EOF. */
static bool
broker_read(struct sim *s, int w)
{
	struct msg m;
	ssize_t n;

	for (;;) {
		n = recv(s->fd[w], &m, sizeof(m), MSG_DONTWAIT);
		if (n == 0)
			return false;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) /* ECONNRESET: it left something unread */
			continue;
		broker_msg(s, w, &m);
	}
}

void
sim_broker_dead(struct sim *s, int w)
{
	uint32_t dead = s->instance[w], i;
	struct slot_view v;
	int q;

	if (s->fd[w] >= 0) {
		(void)broker_read(s, w);
		close(s->fd[w]);
	}
	s->fd[w] = -1;
	s->deaths++;
	for (q = s->queued - 1; q >= 0; q--) {
		if (s->queue[q] == w)
			queue_del(s, q);
	}
	for (i = 0; i < SIM_SLOTS; i++) {
		v = slot_get(&s->board, i);
		if (v.holder != dead)
			continue;
		if (v.state == SLOT_IDLE) {
			CHK(slot_park(&s->board, i, v.gen, dead) == 0);
			CHK(vault_take(&s->vault[w], i, v.gen));
			s->parked++;
		} else {
			atomic_store(&s->proof->owner[i], 0);
			CHK(slot_reap(&s->board, i, v.gen, dead) == 0);
			s->reaped++;
		}
		vault_wipe(&s->vault[w], i);
	}
	limit_reap(&s->board, sim_proc(w));
	s->instance[w] = 0;
	broker_retry(s);
}

/* Purge: an idle connection is closed now and then. */
static void
broker_evict(struct sim *s)
{
	uint32_t i = (uint32_t)rand() % SIM_SLOTS;
	struct slot_view v = slot_get(&s->board, i);
	int x = worker_of(s, v.holder);

	if (v.state != SLOT_IDLE || slot_evict(&s->board, i, v.gen, v.holder))
		return;
	if (v.holder != HOLDER_BROKER) {
		CHK(x >= 0 && vault_take(&s->vault[x], i, v.gen));
		(void)say(s->fd[x], REVOKE, i, v.gen);
	}
	CHK(slot_free(&s->board, i, v.gen, HOLDER_BROKER) == 0);
	broker_retry(s);
}

bool
sim_broker_turn(struct sim *s, int timeout_ms)
{
	struct pollfd p[SIM_WORKERS];
	bool any = false;
	int w;

	for (w = 0; w < SIM_WORKERS; w++) {
		p[w] = (struct pollfd){ .fd = s->fd[w], .events = POLLIN };
		any |= s->fd[w] >= 0;
	}
	if (!any)
		return false;
	(void)poll(p, SIM_WORKERS, timeout_ms);
	for (w = 0; w < SIM_WORKERS; w++) {
		if (s->fd[w] >= 0 && p[w].revents && !broker_read(s, w))
			sim_broker_dead(s, w);
	}
	if (rand() % 16 == 0)
		broker_evict(s);
	return true;
}

void
sim_check_end(struct sim *s)
{
	struct slot_view v;
	uint32_t i;

	for (i = 0; i < SIM_SLOTS; i++) {
		v = slot_get(&s->board, i);
		CHK(v.state == SLOT_FREE || v.state == SLOT_IDLE);
		CHK(v.holder == HOLDER_BROKER);
		CHK(s->proof->owner[i] == 0);
	}
	CHK(limit_sum(&s->board, LIM_SERVER, SIM_SERVER) == 0);
	CHK(s->board.server[SIM_SERVER].attention == 0);
	CHK(s->queued == 0);
}
