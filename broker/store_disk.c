/* SPDX-License-Identifier: MIT */
/*
 * See store_disk.h.
 */
#include "broker/store_disk.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <event2/event_struct.h>

#include "shm/base/chk.h"
#include "shm/base/mem.h"

enum { REOPEN_S = 1, STOP_S = 5 };

/* Under `lock`: both lists and `stopping`.  `file` is the thread's. */
static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list todo, done;
	bool stopping, running;
	int fd; /* eventfd: `done` is not empty */
	struct event ev;
	char *dir;
	struct lmdb *file;
	time_t tried_s;
	void (*on_done)(struct store_save *s);
} disk;

struct store_save *
store_save_new(void)
{
	struct store_save *s = mem_alloc(sizeof(*s));

	list_init(&s->writes);
	return s;
}

void
store_save_add(
    struct store_save *s, enum lmdb_table t, const char *key, const char *value)
{
	struct lmdb_write *w = lmdb_write_new(t, key, value);

	list_add_tail(&s->writes, &w->node);
}

void
store_save_free(struct store_save **sp)
{
	struct store_save *s = *sp;
	struct list *it, *tmp;

	*sp = NULL;
	if (!s)
		return;
	list_for_safe(it, tmp, &s->writes)
	{
		struct lmdb_write *w = list_entry(it, struct lmdb_write, node);

		list_del(&w->node);
		lmdb_write_free(&w);
	}
	free(s);
}

static time_t
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* A file that could not be opened may be there by now. */
static int
reopen(bool *anew_r, char *why)
{
	int r;

	if (disk.file && !lmdb_is_read_only(disk.file))
		return 0;
	if (now_s() < disk.tried_s + REOPEN_S && disk.tried_s) {
		snprintf(why, LMDB_WHY_MAX, "cannot write the file");
		return -WSE_SYS;
	}
	lmdb_close(&disk.file);
	disk.tried_s = now_s();
	r = lmdb_open(disk.dir, false, &disk.file, why);
	*anew_r = r == 0 && !lmdb_is_read_only(disk.file);
	return r;
}

static void
write_all(struct list *batch)
{
	struct list writes, *it, *tmp;
	char why[LMDB_WHY_MAX] = "";
	struct store_save *s;
	bool anew = false;
	int r = reopen(&anew, why);

	list_init(&writes);
	list_for(it, batch)
	{
		s = list_entry(it, struct store_save, node);
		while (!list_is_empty(&s->writes)) {
			struct list *w = s->writes.next;

			list_del(w);
			list_add_tail(&writes, w);
		}
	}
	if (r == 0)
		r = lmdb_commit(disk.file, &writes, why);
	if (r == -WSE_CORRUPT)
		lmdb_close(&disk.file);
	list_for_safe(it, tmp, &writes)
	{
		struct lmdb_write *w = list_entry(it, struct lmdb_write, node);

		list_del(&w->node);
		lmdb_write_free(&w);
	}
	list_for(it, batch)
	{
		s = list_entry(it, struct store_save, node);
		s->err = r;
		s->anew = anew;
		snprintf(s->why, sizeof(s->why), "%s", why);
	}
}

static void
splice(struct list *to, struct list *from)
{
	while (!list_is_empty(from)) {
		struct list *n = from->next;

		list_del(n);
		list_add_tail(to, n);
	}
}

static void *
thread_main(void *arg)
{
	uint64_t one = 1;
	struct list batch;

	(void)arg;
	prctl(PR_SET_NAME, "wsb-state", 0, 0, 0);
	list_init(&batch);
	CHK(pthread_mutex_lock(&disk.lock) == 0);
	for (;;) {
		while (list_is_empty(&disk.todo) && !disk.stopping)
			(void)pthread_cond_wait(&disk.more, &disk.lock);
		if (list_is_empty(&disk.todo))
			break;
		splice(&batch, &disk.todo);
		CHK(pthread_mutex_unlock(&disk.lock) == 0);
		write_all(&batch);
		CHK(pthread_mutex_lock(&disk.lock) == 0);
		splice(&disk.done, &batch);
		(void)!write(disk.fd, &one, sizeof(one));
	}
	CHK(pthread_mutex_unlock(&disk.lock) == 0);
	return NULL;
}

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct list got, *it, *tmp;
	uint64_t n;

	(void)what;
	(void)arg;
	(void)!read(fd, &n, sizeof(n));
	list_init(&got);
	CHK(pthread_mutex_lock(&disk.lock) == 0);
	splice(&got, &disk.done);
	CHK(pthread_mutex_unlock(&disk.lock) == 0);
	list_for_safe(it, tmp, &got)
	{
		list_del(it);
		disk.on_done(list_entry(it, struct store_save, node));
	}
}

/* Signals are the loop's. */
static int
start_thread(void)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&disk.thread, NULL, thread_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	disk.running = rc == 0;
	return rc ? -WSE_SYS : 0;
}

int
store_disk_start(struct event_base *base, const char *dir,
    void (*done)(struct store_save *s), char *why)
{
	int r;

	list_init(&disk.todo);
	list_init(&disk.done);
	disk.on_done = done;
	disk.dir = mem_strdup(dir);
	disk.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (disk.fd < 0 || pthread_mutex_init(&disk.lock, NULL) ||
	    pthread_cond_init(&disk.more, NULL))
		return -WSE_SYS;
	event_assign(
	    &disk.ev, base, disk.fd, EV_READ | EV_PERSIST, on_done, NULL);
	event_add(&disk.ev, NULL);
	disk.tried_s = now_s();
	/* A failure is told by why; the thread will try again. */
	r = lmdb_open(dir, false, &disk.file, why);
	if (r && !why[0])
		snprintf(why, LMDB_WHY_MAX, "%s", err_text(r));
	return 0;
}

struct lmdb *
store_disk_file(void)
{
	return disk.file;
}

void
store_disk_put(struct store_save **sp)
{
	struct store_save *s = *sp;
	bool failed = false;
	uint64_t one = 1;

	*sp = NULL;
	if (!disk.running && start_thread() != 0) {
		s->err = -WSE_SYS;
		snprintf(s->why, sizeof(s->why), "no thread to write with");
		failed = true;
	}
	CHK(pthread_mutex_lock(&disk.lock) == 0);
	list_add_tail(failed ? &disk.done : &disk.todo, &s->node);
	CHK(pthread_cond_signal(&disk.more) == 0);
	CHK(pthread_mutex_unlock(&disk.lock) == 0);
	if (failed)
		(void)!write(disk.fd, &one, sizeof(one));
}

void
store_disk_stop(void)
{
	struct timespec until;

	if (!disk.running)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	CHK(pthread_mutex_lock(&disk.lock) == 0);
	disk.stopping = true;
	CHK(pthread_cond_signal(&disk.more) == 0);
	CHK(pthread_mutex_unlock(&disk.lock) == 0);
	if (pthread_timedjoin_np(disk.thread, NULL, &until) != 0)
		return; /* a disk that does not answer: the process ends */
	disk.running = false;
	lmdb_close(&disk.file);
}
