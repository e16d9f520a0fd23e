/* SPDX-License-Identifier: MIT */
/*
 * Keeping the workers even.
 *
 * The kernel spreads new clients over the workers' queues by chance; who they
 * are for is decided when they are accepted.  A worker that has more
 * connections than the least loaded one, by more than a small allowance,
 * leaves what waits in its queue to that one: it writes on its row of the
 * board which listeners and to whom, takes them out of its loop, and rings
 * the other's bell.  The other takes clients from that queue while it has
 * fewer than the caller, then says so (left_to becomes 0) and rings back.
 *
 * Connections last, so nothing can be mended later; a bound on the difference
 * has to hold at each accept, also when thousands come at once.  Among them
 * are those of a worker that died, back before its death is noticed otherwise:
 * the kernel marks its row by way of the robust futex list before it closes the
 * first of its sockets.  From then on it counts as one without clients, which
 * its successor will be.
 *
 * Who does not answer in time is not called for ten times as long.
 *
 * A socket that all workers share needs no help: who has too many leaves it
 * alone for a moment.  Nothing here runs while nobody connects.
 */
#include "worker/even.h"

#include <event2/event_struct.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shm/base/mem.h"
#include "worker/accept.h"
#include "worker/wk.h"

enum {
	ALLOW = 16,         /* connections more than the least loaded has */
	ALLOW_PART = 256,   /* and so much of what that one has: 1/256 */
	LOOK_CLIENTS = 4,   /* taken, and it is time for another look */
	LOOK_MS = 100,      /* a look at the others holds so long */
	ANSWER_MS = 100,    /* who lives answers within */
	START_MS = 1000,    /* who starts has answered by then */
	IN_VAIN_TIMES = 10, /* so many times as long it is not called again */
};

/* Another worker that did not answer. */
struct deaf {
	uint32_t instance;
	uint64_t until_ms;
};

static struct {
	uint32_t count, self; /* workers; 0: not evened */
	const int *bells;
	struct event bell;
	unsigned room, fresh;     /* until room_ms; taken until the next look */
	uint64_t room_ms;         /* 0: look anew */
	bool called;              /* a worker, and its answer is awaited */
	uint32_t to, to_instance; /* worker_index, and instance then */
	uint64_t called_ms;
	struct wheel_timer answer; /* awaited until */
	struct deaf *deaf;         /* of each worker */
} even;

static bool
is_dying(const struct board_proc *p)
{
	return atomic_load_explicit(&p->alive, memory_order_relaxed) &
	    FUTEX_OWNER_DIED;
}

static uint32_t
row_load(const struct board_proc *p)
{
	if (is_dying(p))
		return 0;
	return atomic_load_explicit(&p->clients, memory_order_relaxed) +
	    atomic_load_explicit(&p->carried, memory_order_relaxed);
}

uint32_t
even_load(void)
{
	return wk.clients + wk.carried;
}

static uint32_t
row_state(const struct board_proc *p)
{
	return atomic_load_explicit(&p->state, memory_order_relaxed);
}

/* Another worker, alive as far as the master knows; its number, checked. */
static bool
is_peer(const struct board_proc *p, uint32_t *index_r)
{
	uint32_t st = row_state(p);

	*index_r = *(const volatile uint32_t *)&p->worker_index;
	return (st == PROC_RUNNING || st == PROC_STARTING) && p != wk.row &&
	    p->role == ROLE_WORKER && *index_r < even.count &&
	    *index_r != even.self;
}

static bool
is_deaf(const struct board_proc *p, uint32_t index)
{
	const struct deaf *d = &even.deaf[index];

	return clock_ms() < d->until_ms &&
	    d->instance ==
	    atomic_load_explicit(&p->instance, memory_order_relaxed);
}

/* NULL: there is no other. */
static struct board_proc *
least_loaded(uint32_t *index_r)
{
	struct board_proc *best = NULL;
	uint32_t load, index, least = 0;

	for (uint32_t i = 1; i < wk.board.cap.proc_count; i++) {
		struct board_proc *p = &wk.board.proc[i];

		if (!is_peer(p, &index) || is_deaf(p, index))
			continue;
		load = row_load(p);
		if (!best || load < least) {
			best = p;
			least = load;
			*index_r = index;
		}
	}
	return best;
}

unsigned
even_room(void)
{
	const struct board_proc *p;
	uint32_t index;
	uint64_t most;

	if (!even.count)
		return UINT_MAX;
	if (even.room && even.fresh && clock_ms() < even.room_ms)
		return even.room;
	p = least_loaded(&index);
	even.room_ms = clock_ms() + LOOK_MS;
	even.fresh = LOOK_CLIENTS;
	even.room = UINT_MAX;
	if (p) {
		most = (uint64_t)row_load(p) * (ALLOW_PART + 1) / ALLOW_PART +
		    ALLOW;
		even.room =
		    most > even_load() ? (unsigned)(most - even_load()) : 0;
	}
	return even.room;
}

void
even_took(void)
{
	even.room -= even.room > 0;
	even.fresh -= even.fresh > 0;
}

static void
ring(uint32_t worker)
{
	static const uint64_t one = 1;

	/* It fails when the bell rings already: all the better. */
	if (worker < even.count &&
	    write(even.bells[worker], &one, sizeof(one)) < 0)
		return;
}

/* Nobody is called any more; own listeners are looked at again. */
static void
call_end(bool answered)
{
	even.called = false;
	wheel_set(wk.wheel, &even.answer, 0);
	atomic_store(&wk.row->left, 0);
	atomic_store(&wk.row->left_to, 0);
	even.room = 0;
	accept_resume(answered);
}

static void
on_no_answer(struct wheel_timer *t)
{
	struct deaf *d = &even.deaf[even.to];

	(void)t;
	if (!even.called)
		return;
	d->instance = even.to_instance;
	d->until_ms =
	    clock_ms() + IN_VAIN_TIMES * (clock_ms() - even.called_ms);
	call_end(false);
}

static void
call(const struct board_proc *p, uint32_t index)
{
	bool starts = row_state(p) == PROC_STARTING || is_dying(p);

	even.called = true;
	even.to = index;
	even.to_instance = atomic_load(&p->instance);
	even.called_ms = clock_ms();
	wheel_set(wk.wheel, &even.answer,
	    clock_ms() + (starts ? START_MS : ANSWER_MS));
	atomic_store(&wk.row->left_to, even.to + 1);
}

void
even_leave(int listener)
{
	const struct board_proc *p;
	uint32_t index;

	atomic_fetch_or(&wk.row->left, 1ull << (listener % 64));
	stat_add(&wk.stat->even_left, 1);
	if (!even.called) {
		p = least_loaded(&index);
		if (!p) { /* it has just gone */
			call_end(false);
			return;
		}
		call(p, index);
	}
	ring(even.to);
}

static bool
answer(struct board_proc *p)
{
	uint32_t me = even.self + 1;

	return atomic_compare_exchange_strong(&p->left_to, &me, 0);
}

/* Take from the queues of those that call. True: not done yet. */
static bool
help(void)
{
	bool more = false, called = false;

	for (uint32_t i = 1; i < wk.board.cap.proc_count; i++) {
		struct board_proc *p = &wk.board.proc[i];
		struct even_call c;

		if (!is_peer(p, &c.worker) ||
		    atomic_load(&p->left_to) != even.self + 1)
			continue;
		called = true;
		c.listeners = atomic_load(&p->left);
		c.load = row_load(p);
		switch (accept_help(&c)) {
		case ACCEPT_DONE:
			if (answer(p))
				ring(c.worker);
			break;
		case ACCEPT_MORE:
			more = true;
			break;
		case ACCEPT_CANNOT: /* it will notice */
			break;
		}
	}
	if (called && !even.called)
		accept_resume(false);
	return more;
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	(void)what;
	(void)arg;
	wk_turn();
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	if (even.called && atomic_load(&wk.row->left_to) == 0)
		call_end(true);
	if (help())
		ring(even.self);
}

void
even_init(void)
{
	static struct robust_list_head head;
	static struct robust_list entry;

	/* One lock, held for life: its word is on the board, the list here. */
	entry.next = &head.list;
	head.list.next = &entry;
	head.futex_offset = (char *)&wk.row->alive - (char *)&entry;
	atomic_store(&wk.row->alive, (uint32_t)syscall(SYS_gettid));
	(void)syscall(SYS_set_robust_list, &head, sizeof(head));
}

void
even_start(const struct worker_heritage *h)
{
	even.self = h->worker_index;
	even.answer.fn = on_no_answer;
	if (!h->bells || h->worker_count < 2)
		return;
	even.count = h->worker_count;
	even.bells = h->bells;
	even.deaf = mem_alloc(even.count * sizeof(*even.deaf));
	event_assign(&even.bell, wk.base, even.bells[even.self],
	    EV_READ | EV_PERSIST, on_bell, NULL);
	if (event_add(&even.bell, NULL) < 0)
		even.count = 0;
	else
		ring(even.self); /* the predecessor may have been called */
}

void
even_stop(void)
{
	if (!even.count)
		return;
	even.count = 0;
	even.called = false;
	event_del(&even.bell);
	wheel_del(wk.wheel, &even.answer);
	atomic_store(&wk.row->left_to, 0);
	free(even.deaf);
	even.deaf = NULL;
}
