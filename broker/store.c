/* SPDX-License-Identifier: MIT */
/*
 * See store.h.
 */
#include "broker/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/srv.h"
#include "broker/store_disk.h"
#include "broker/store_row.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "shm/seg/able.h"

enum {
	SLICES = 50,          /* ticks in which all servers are looked at */
	ANSWER_US = 10000000, /* a command waits so long for the disk */
	CHANGES_SHOWN = 256,
	CHANGES_KEPT = 10000,
	COMPLAIN_US = 60000000,
	RETRY_US = 5000000, /* a disk that failed is tried again */
	KEPT_ADMIN = SRV_FMAINT | SRV_CMAINT | SRV_FDRAIN,
	MARKS_MAX = 64,
};

/* What the file says of a server, as far as it was read or written here. */
struct kept_row {
	bool has_admin, has_seen;
	struct store_admin admin;
	struct store_seen seen;
};

static struct {
	bool on;
	struct kept_row **rows; /* cap.server_count, made when needed */
	uint32_t marks[MARKS_MAX];
	unsigned mark_count;
	unsigned slice;
	uint64_t change_no; /* of the newest in the log */
	char *changes[CHANGES_SHOWN];
	struct list waiting; /* pending.node */
	char status[LMDB_WHY_MAX + 32];
	uint64_t saved_us, complain_us, retry_us;
	bool seen_busy; /* a batch of the second kind is on its way */
} store;

/* A save a command waits for; the disk has its struct store_save. */
struct pending {
	struct list node;
	void (*done)(const char *why, void *arg);
	void *arg; /* NULL: its client is gone */
	uint64_t until_us;
};

static void
row_key(uint32_t server, char *out, size_t room)
{
	snprintf(out, room, "%s/%s", srv_proxy_name(server), srv_name(server));
}

static struct kept_row *
row_of(uint32_t server)
{
	struct kept_row **at = &store.rows[server];

	if (!*at)
		*at = mem_alloc(sizeof(**at));
	return *at;
}

static void
text_of_addr(const struct addr *a, char *out)
{
	(void)addr_text(a, out, STORE_ADDR_MAX);
	if (strpbrk(out, " \t\n"))
		strcpy(out, "?"); /* such an address is not kept */
}

static void
addr_of_row(const struct board_server *b, char *out)
{
	struct addr a = { .kind = ADDR_INET, .len = b->transport.addr_len };

	if (a.len > sizeof(a.u) || a.len > BOARD_ADDR_MAX)
		a.len = 0;
	memcpy(&a.u, b->transport.addr, a.len);
	if (a.len && a.u.sa.sa_family == AF_UNIX)
		a.kind = a.u.un.sun_path[0] ? ADDR_UNIX : ADDR_ABNS;
	text_of_addr(&a, out);
}

static void
admin_now(uint32_t server, struct store_admin *a)
{
	const struct board_server *b = &broker.board.server[server];
	const struct server *s = srv_conf(server);

	memset(a, 0, sizeof(*a));
	a->at_us = clock_wall_us();
	a->admin = atomic_load(&b->admin_state) & KEPT_ADMIN;
	a->weight = atomic_load(&b->weight);
	a->cweight = atomic_load(&b->iweight);
	a->maxconn = b->maxconn;
	addr_of_row(b, a->addr);
	strcpy(a->caddr, a->addr);
	a->cmaxconn = a->maxconn;
	if (!s)
		return;
	a->cadmin = s->disabled ? SRV_CMAINT : 0;
	a->cmaxconn = (uint64_t)s->maxconn;
	text_of_addr(&s->addr, a->caddr);
}

static bool
admin_is_equal(const struct store_admin *a, const struct store_admin *b)
{
	return a->admin == b->admin && a->cadmin == b->cadmin &&
	    a->weight == b->weight && a->cweight == b->cweight &&
	    a->maxconn == b->maxconn && a->cmaxconn == b->cmaxconn &&
	    strcmp(a->addr, b->addr) == 0 && strcmp(a->caddr, b->caddr) == 0;
}

/* As the config has it: what a server without a record is. */
static bool
admin_is_plain(const struct store_admin *a)
{
	return a->admin == a->cadmin && a->weight == a->cweight &&
	    a->maxconn == a->cmaxconn && strcmp(a->addr, a->caddr) == 0;
}

static void
seen_now(uint32_t server, struct store_seen *n)
{
	const struct board_server *b = &broker.board.server[server];
	uint64_t ms, age_us;

	memset(n, 0, sizeof(*n));
	n->able = able_last(&b->ws_able, atomic_load(&b->epoch), &ms);
	if (n->able != ABLE_UNKNOWN) {
		age_us = clock_us() > ms * 1000 ? clock_us() - ms * 1000 : 0;
		n->able_us = clock_wall_us() - age_us;
		n->able_us -= n->able_us % 1000000; /* the same each time */
	}
	n->op = atomic_load(&b->op_state);
	n->health = atomic_load(&b->check.health);
	n->dials = atomic_load(&b->dials);
	n->dial_errors = atomic_load(&b->dial_errors);
	n->tls_full = atomic_load(&b->tls_full);
	n->tls_resumed = atomic_load(&b->tls_resumed);
	addr_of_row(b, n->addr);
}

static bool
seen_is_equal(const struct store_seen *a, const struct store_seen *b)
{
	uint64_t apart = a->able_us > b->able_us ? a->able_us - b->able_us
						 : b->able_us - a->able_us;

	return a->able == b->able && apart <= 2000000 && a->op == b->op &&
	    a->health == b->health && a->dials == b->dials &&
	    a->dial_errors == b->dial_errors && a->tls_full == b->tls_full &&
	    a->tls_resumed == b->tls_resumed && strcmp(a->addr, b->addr) == 0;
}

/* --- from the file to the board --- */

static void
use_addr(uint32_t server, const char *text)
{
	char err[160];
	struct addr a;

	if (addr_parse(text, &a, err, sizeof(err)) == 0 && a.len)
		srv_set_addr(server, &a.u.sa, a.len);
}

/* A changed config wins over what was saved. */
static void
use_admin(uint32_t server, const struct store_admin *was)
{
	struct board_server *b = &broker.board.server[server];
	struct store_admin now;

	admin_now(server, &now);
	if (was->cadmin == now.cadmin)
		srv_set_admin(server, (uint32_t)was->admin & KEPT_ADMIN,
		    KEPT_ADMIN & ~(uint32_t)was->admin);
	else
		srv_set_admin(server,
		    (uint32_t)was->admin & (SRV_FMAINT | SRV_FDRAIN), 0);
	if (was->cweight == now.cweight)
		atomic_store(&b->weight, (uint32_t)was->weight);
	if (was->cmaxconn == now.cmaxconn)
		__atomic_store_n(
		    &b->maxconn, (uint32_t)was->maxconn, __ATOMIC_SEQ_CST);
	if (strcmp(was->caddr, now.caddr) == 0 &&
	    strcmp(was->addr, now.addr) != 0)
		use_addr(server, was->addr);
}

/* Totals go on; what was learned holds for the place it was learned at. */
static void
use_seen(uint32_t server, const struct store_seen *was)
{
	struct board_server *b = &broker.board.server[server];
	uint64_t now = clock_wall_us(), age;
	char addr[STORE_ADDR_MAX];

	atomic_store(&b->dials, was->dials);
	atomic_store(&b->dial_errors, was->dial_errors);
	atomic_store(&b->tls_full, was->tls_full);
	atomic_store(&b->tls_resumed, was->tls_resumed);
	addr_of_row(b, addr);
	if (strcmp(addr, was->addr) != 0)
		return;
	if (b->has_check && was->op == SRV_STOPPED)
		srv_set_op(server, SRV_STOPPED); /* until its checks pass */
	if (was->able == ABLE_UNKNOWN || was->able_us > now)
		return;
	age = now - was->able_us;
	able_set(&b->ws_able, (enum able)was->able, atomic_load(&b->epoch),
	    clock_us() > age ? clock_us() - age : 1000);
}

static void
replay_row(struct lmdb *l, uint32_t server)
{
	char key[2 * BOARD_NAME_MAX + 2], text[LMDB_VALUE_MAX + 1];
	struct kept_row *k;
	struct store_admin a;
	struct store_seen s;

	row_key(server, key, sizeof(key));
	if (lmdb_get(l, LMDB_ADMIN, key, text) == 0 &&
	    store_row_get_admin(sv_str(text), &a) == 0) {
		k = row_of(server);
		k->has_admin = true;
		k->admin = a;
		/* On an adopted board what could not be saved is newer. */
		if (a.at_us >
		    atomic_load(&broker.board.server[server].admin_us))
			use_admin(server, &a);
	}
	if (!broker.heritage->adopt && lmdb_get(l, LMDB_SEEN, key, text) == 0 &&
	    store_row_get_seen(sv_str(text), &s) == 0) {
		k = row_of(server);
		k->has_seen = true;
		k->seen = s;
		use_seen(server, &s);
	}
}

static void
remember_change(const char *line)
{
	char **at = &store.changes[store.change_no % CHANGES_SHOWN];

	free(*at);
	*at = mem_strdup(line);
}

static int
read_change(struct sv key, struct sv value, void *arg)
{
	char line[LMDB_VALUE_MAX + 1], no[20];

	(void)arg;
	if (key.n != 16 || value.n > LMDB_VALUE_MAX)
		return 0;
	snprintf(no, sizeof(no), SV_FMT, SV_ARG(key));
	snprintf(line, sizeof(line), SV_FMT, SV_ARG(value));
	store.change_no = strtoull(no, NULL, 16);
	remember_change(line);
	return 0;
}

static void on_saved(struct store_save *s);

void
store_start(void)
{
	const char *dir = broker.conf->global.state_dir;
	char why[LMDB_WHY_MAX];
	struct lmdb *l;
	uint32_t i;

	list_init(&store.waiting);
	if (!dir)
		return;
	store.rows = mem_alloc(
	    broker.board.cap.server_count * sizeof(struct kept_row *));
	if (store_disk_start(broker.base, dir, on_saved, why)) {
		log_msg(LOGL_ERR, "broker: no thread for state-dir %s", dir);
		return;
	}
	store.on = true;
	snprintf(store.status, sizeof(store.status), "ok");
	l = store_disk_file();
	if (why[0])
		log_msg(l ? LOGL_WARN : LOGL_ERR, "broker: state-dir %s: %s",
		    dir, why);
	if (!l) {
		snprintf(store.status, sizeof(store.status), "%s", why);
		return;
	}
	if (lmdb_is_read_only(l)) {
		snprintf(store.status, sizeof(store.status), "read-only");
		log_msg(LOGL_WARN,
		    "broker: state-dir %s is read-only: what is in it is "
		    "used, changes will not be saved",
		    dir);
	}
	for (i = 0; i < broker.board.cap.server_count; i++)
		if (state_has_server(i))
			replay_row(l, i);
	if (lmdb_each(l, LMDB_LOG, read_change, NULL))
		log_msg(
		    LOGL_WARN, "broker: state-dir %s: no log of changes", dir);
}

/* --- from the board to the file --- */

void
store_mark(uint32_t server)
{
	if (!store.on)
		return;
	for (unsigned i = 0; i < store.mark_count; i++)
		if (store.marks[i] == server)
			return;
	if (store.mark_count < MARKS_MAX)
		store.marks[store.mark_count++] = server;
}

static bool
put_admin(struct store_save *save, uint32_t server, bool again)
{
	char key[2 * BOARD_NAME_MAX + 2], text[LMDB_VALUE_MAX];
	struct kept_row *k = store.rows[server];
	struct store_admin now;

	admin_now(server, &now);
	if (k && k->has_admin) {
		if (admin_is_equal(&k->admin, &now) && !again)
			return false;
	} else if (admin_is_plain(&now)) {
		return false;
	}
	k = row_of(server);
	k->has_admin = true;
	k->admin = now;
	atomic_store(&broker.board.server[server].admin_us, now.at_us);
	row_key(server, key, sizeof(key));
	(void)store_row_put_admin(&now, text, sizeof(text));
	store_save_add(save, LMDB_ADMIN, key, text);
	return true;
}

static void
put_change(struct store_save *save, const char *who, const char *what)
{
	char key[20], line[LMDB_VALUE_MAX];

	store.change_no++;
	snprintf(line, sizeof(line), "%" PRIu64 " %.100s %.800s",
	    clock_wall_us() / 1000000, who, what);
	snprintf(key, sizeof(key), "%016" PRIx64, store.change_no);
	store_save_add(save, LMDB_LOG, key, line);
	remember_change(line);
	if (store.change_no <= CHANGES_KEPT)
		return;
	snprintf(
	    key, sizeof(key), "%016" PRIx64, store.change_no - CHANGES_KEPT);
	store_save_add(save, LMDB_LOG, key, NULL);
}

bool
store_save(const char *who, const char *what,
    void (*done)(const char *why, void *arg), void *arg)
{
	struct store_save *save;
	struct pending *p;
	bool any = false;

	if (store.mark_count == 0)
		return false;
	save = store_save_new();
	for (unsigned i = 0; i < store.mark_count; i++)
		any |= put_admin(save, store.marks[i], false);
	store.mark_count = 0;
	if (!any) {
		store_save_free(&save);
		return false;
	}
	put_change(save, who, what);
	p = mem_alloc(sizeof(*p));
	p->done = done;
	p->arg = arg;
	p->until_us = clock_us() + ANSWER_US;
	list_add_tail(&store.waiting, &p->node);
	save->arg = p;
	store_disk_put(&save);
	return true;
}

void
store_forget(const void *arg)
{
	struct list *it;
	struct pending *p;

	if (!store.on)
		return;
	list_for(it, &store.waiting)
	{
		p = list_entry(it, struct pending, node);
		if (p->arg == arg)
			p->arg = NULL;
	}
}

static void
answer(struct pending *p, const char *why)
{
	void *arg = p->arg;

	p->arg = NULL;
	if (arg)
		p->done(why, arg);
}

/* The file is another one: all that is known goes into it. */
static void
save_all(void)
{
	struct store_save *save = store_save_new();

	for (uint32_t i = 0; i < broker.board.cap.server_count; i++)
		if (state_has_server(i)) {
			(void)put_admin(save, i, true);
			if (store.rows[i])
				store.rows[i]->has_seen = false;
		}
	store.seen_busy = true;
	store_disk_put(&save);
}

/* True: earlier saves may be missing in the file. */
static bool
note_result(const struct store_save *s)
{
	const char *dir = broker.conf->global.state_dir;
	bool was_bad = strcmp(store.status, "ok") != 0;

	if (s->err == 0) {
		if (was_bad)
			log_msg(LOGL_NOTICE,
			    "broker: state-dir %s: saved again", dir);
		if (s->why[0])
			log_msg(
			    LOGL_WARN, "broker: state-dir %s: %s", dir, s->why);
		snprintf(store.status, sizeof(store.status), "ok");
		store.saved_us = clock_wall_us();
		store.complain_us = 0;
		return was_bad || s->anew;
	}
	snprintf(store.status, sizeof(store.status), "not saved: %s", s->why);
	store.retry_us = clock_us() + RETRY_US;
	if (clock_us() < store.complain_us)
		return false;
	store.complain_us = clock_us() + COMPLAIN_US;
	log_msg(LOGL_ERR,
	    "broker: state-dir %s: not saved: %s; changes are in force, and "
	    "would be lost with this run of the service",
	    dir, s->why);
	return false;
}

static void
on_saved(struct store_save *s)
{
	struct pending *p = s->arg;

	clock_update();
	if (note_result(s))
		save_all();
	if (p) {
		answer(p, s->err ? s->why : NULL);
		list_del(&p->node);
		free(p);
	} else {
		store.seen_busy = false;
	}
	store_save_free(&s);
}

static void
put_seen(struct store_save **save, uint32_t server)
{
	char key[2 * BOARD_NAME_MAX + 2], text[LMDB_VALUE_MAX];
	struct kept_row *k;
	struct store_seen now;

	seen_now(server, &now);
	k = row_of(server);
	if (k->has_seen && seen_is_equal(&k->seen, &now))
		return;
	k->has_seen = true;
	k->seen = now;
	if (!*save)
		*save = store_save_new();
	row_key(server, key, sizeof(key));
	(void)store_row_put_seen(&now, text, sizeof(text));
	store_save_add(*save, LMDB_SEEN, key, text);
}

static void
too_slow(void)
{
	struct list *it, *tmp;
	struct pending *p;

	list_for_safe(it, tmp, &store.waiting)
	{
		p = list_entry(it, struct pending, node);
		if (p->until_us > clock_us())
			return;
		answer(p, "the disk has not answered yet");
	}
}

void
store_tick(void)
{
	struct store_save *save = NULL;
	uint32_t i;

	if (!store.on)
		return;
	too_slow();
	store.slice = (store.slice + 1) % SLICES;
	if (store.seen_busy)
		return; /* a slow disk is not given more to do */
	if (strcmp(store.status, "ok") != 0) {
		if (clock_us() >= store.retry_us)
			save_all();
		return;
	}
	for (i = store.slice; i < broker.board.cap.server_count; i += SLICES)
		if (state_has_server(i))
			put_seen(&save, i);
	if (!save)
		return;
	store.seen_busy = true;
	store_disk_put(&save);
}

void
store_stop(void)
{
	struct store_save *save = NULL;

	if (!store.on)
		return;
	for (uint32_t i = 0; i < broker.board.cap.server_count; i++)
		if (state_has_server(i))
			put_seen(&save, i);
	if (save)
		store_disk_put(&save);
	store_disk_stop();
}

const char *
store_status(void)
{
	return store.on ? store.status : "off";
}

uint64_t
store_saved_us(void)
{
	return store.saved_us;
}

const char *
store_change(unsigned i)
{
	const char *line;

	if (i >= CHANGES_SHOWN || i >= store.change_no)
		return "";
	line = store.changes[(store.change_no - i) % CHANGES_SHOWN];
	return line ? line : "";
}
