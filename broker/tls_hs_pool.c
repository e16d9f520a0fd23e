/* SPDX-License-Identifier: MIT */
/*
 * The threads that shake hands.  Each has its own event loop and a list of new
 * jobs; finished ones go to one list of the broker's loop.  A list is handed
 * over under its mutex, and an eventfd says that it is not empty.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "broker/tls_job.h"
#include "shm/base/chk.h"
#include "shm/base/mem.h"

enum {
	THREADS_MAX = 4,
	TRIM_LEAST = 64, /* jobs at once that leave much memory behind */
	QUIET_S = 1      /* without a job: what they left behind goes */
};

/* Jobs on their way from one thread to another. */
struct mailbox {
	pthread_mutex_t lock;
	struct list jobs;
	int fd; /* eventfd */
	struct event ev;
};

struct tls_worker {
	struct event_base *base;
	struct mailbox in;
	unsigned load;         /* jobs it has; the loop's */
	unsigned active, peak; /* the same, as the thread sees it */
	struct event quiet;    /* nothing is active */
};

static struct tls_worker workers[THREADS_MAX];
static unsigned worker_count;
static const struct timeval quiet_time = { QUIET_S, 0 };
static struct mailbox done;
static struct event done_quiet; /* no result came for a while */
static void (*done_fn)(struct tls_job *j);

void
tls_job_free(struct tls_job **jp)
{
	struct tls_job *j = *jp;

	*jp = NULL;
	if (!j)
		return;
	tls_hs_free(&j->hs);
	tls_rec_wipe(&j->rec);
	SSL_CTX_free(j->ctx);
	SSL_SESSION_free(j->resume);
	SSL_SESSION_free(j->session);
	free(j->rest);
	free(j->early);
	OPENSSL_cleanse(j, sizeof(*j));
	free(j);
}

static int
mailbox_init(
    struct mailbox *m, struct event_base *base, event_callback_fn fn, void *arg)
{
	list_init(&m->jobs);
	if (pthread_mutex_init(&m->lock, NULL) != 0)
		return -WSE_NOMEM;
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0)
		return -WSE_SYS;
	event_assign(&m->ev, base, m->fd, EV_READ | EV_PERSIST, fn, arg);
	return event_add(&m->ev, NULL) == 0 ? 0 : -WSE_NOMEM;
}

static void
mailbox_put(struct mailbox *m, struct tls_job *j)
{
	uint64_t one = 1;

	CHK(pthread_mutex_lock(&m->lock) == 0);
	list_add_tail(&m->jobs, &j->node);
	CHK(pthread_mutex_unlock(&m->lock) == 0);
	(void)!write(m->fd, &one, sizeof(one));
}

static struct tls_job *
mailbox_get(struct mailbox *m)
{
	struct tls_job *j = NULL;

	CHK(pthread_mutex_lock(&m->lock) == 0);
	if (!list_is_empty(&m->jobs)) {
		j = list_entry(m->jobs.next, struct tls_job, node);
		list_del(&j->node);
	}
	CHK(pthread_mutex_unlock(&m->lock) == 0);
	return j;
}

static void
mailbox_heard(struct mailbox *m)
{
	uint64_t n;

	(void)!read(m->fd, &n, sizeof(n));
}

/* In a thread. */
static void
on_job(evutil_socket_t fd, short what, void *arg)
{
	struct tls_worker *w = arg;
	struct tls_job *j;

	(void)fd;
	(void)what;
	mailbox_heard(&w->in);
	while ((j = mailbox_get(&w->in)) != NULL) {
		j->w = w;
		if (++w->active > w->peak)
			w->peak = w->active;
		tls_hs_run(j, w->base);
	}
}

static void
on_quiet(evutil_socket_t fd, short what, void *arg)
{
	struct tls_worker *w = arg;

	(void)fd;
	(void)what;
	if (w->active == 0)
		mem_trim();
}

static void *
thread_main(void *arg)
{
	struct tls_worker *w = arg;

	prctl(PR_SET_NAME, "wsb-broker-tls", 0, 0, 0);
	event_base_dispatch(w->base);
	return NULL;
}

/* What the loop freed was allocated in threads: its cache holds it. */
static void
on_done_quiet(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	mem_trim();
}

/* In the broker's loop. */
static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct tls_job *j;

	(void)fd;
	(void)what;
	(void)arg;
	mailbox_heard(&done);
	while ((j = mailbox_get(&done)) != NULL) {
		workers[j->thread].load--;
		done_fn(j);
	}
	evtimer_add(&done_quiet, &quiet_time);
}

static int
worker_start(struct tls_worker *w)
{
	sigset_t all, old;
	pthread_t t;
	int r;

	w->base = event_base_new();
	if (!w->base)
		return -WSE_NOMEM;
	r = mailbox_init(&w->in, w->base, on_job, w);
	if (r != 0)
		return r;
	evtimer_assign(&w->quiet, w->base, on_quiet, w);
	/* signals are the loop's affair */
	sigfillset(&all);
	CHK(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
	r = pthread_create(&t, NULL, thread_main, w);
	CHK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
	if (r != 0)
		return -WSE_NOMEM;
	pthread_detach(t);
	return 0;
}

int
tls_hs_pool_start(struct event_base *base, void (*fn)(struct tls_job *j))
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n;
	int r;

	n = cores < 1             ? 1
	    : cores > THREADS_MAX ? (unsigned)THREADS_MAX
				  : (unsigned)cores;
	/* one heap: of those of threads the top is never given back */
	(void)mallopt(M_ARENA_MAX, 1);
	done_fn = fn;
	evtimer_assign(&done_quiet, base, on_done_quiet, NULL);
	r = mailbox_init(&done, base, on_done, NULL);
	for (; r == 0 && worker_count < n; worker_count++) {
		r = worker_start(&workers[worker_count]);
		if (r != 0)
			break;
	}
	return worker_count > 0 ? 0 : r;
}

void
tls_hs_pool_submit(struct tls_job *j)
{
	unsigned i, best = 0;

	CHK(worker_count > 0);
	for (i = 1; i < worker_count; i++)
		if (workers[i].load < workers[best].load)
			best = i;
	j->thread = best;
	workers[best].load++;
	mailbox_put(&workers[best].in, j);
}

void
tls_hs_pool_done(struct tls_job *j)
{
	struct tls_worker *w = j->w;

	mailbox_put(&done, j);
	if (--w->active > 0)
		return;
	evtimer_add(&w->quiet, &quiet_time);
	if (w->peak < TRIM_LEAST)
		return;
	/* a burst is over: its memory goes back to the system */
	w->peak = 0;
	mem_trim();
}
