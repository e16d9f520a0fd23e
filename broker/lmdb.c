/* SPDX-License-Identifier: MIT */
/*
 * See lmdb.h.
 */
#include "broker/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/base/mem.h"

enum {
	MAP_MIN = 1 << 20,
	VERIFY_S = 5, /* the child's time for reading all */
	SCHEMA = 1,   /* of the tables and of what is in them */
	GROW_TRIES = 16,
	PATH_ROOM = 512,
};

#define MAP_MAX ((size_t)1 << 32)

struct lmdb {
	MDB_env *env;
	MDB_dbi table[LMDB_TABLE_N];
	uint64_t page_bytes;
	char *file;
	bool read_only;
};

static const char *const table_names[LMDB_TABLE_N] = {
	[LMDB_META] = "meta",
	[LMDB_ADMIN] = "admin",
	[LMDB_SEEN] = "seen",
	[LMDB_LOG] = "log",
};

struct lmdb_write *
lmdb_write_new(enum lmdb_table t, const char *key, const char *value)
{
	struct lmdb_write *w = mem_alloc(sizeof(*w));

	w->table = t;
	w->key = mem_strdup(key);
	w->value = value ? mem_strdup(value) : NULL;
	return w;
}

void
lmdb_write_free(struct lmdb_write **wp)
{
	struct lmdb_write *w = *wp;

	*wp = NULL;
	if (!w)
		return;
	free(w->key);
	free(w->value);
	free(w);
}

static int
failed(int rc, const char *what, char *why)
{
	snprintf(why, LMDB_WHY_MAX, "%s: %s", what, mdb_strerror(rc));
	switch (rc) {
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_NOTFOUND:
	case MDB_BAD_VALSIZE:
	case MDB_PANIC: /* until it is opened again */
		return -WSE_CORRUPT;
	case ENOMEM:
		return -WSE_NOMEM;
	default:
		return -WSE_SYS;
	}
}

/* A map that reaches beyond the file's end ends a process with SIGBUS. */
static int
check_size(const struct lmdb *l, char *why)
{
	MDB_envinfo info;
	struct stat st;

	if (stat(l->file, &st) < 0)
		return failed(errno, "cannot look at the file", why);
	/* Both meta pages, which say how long it is. */
	if ((uint64_t)st.st_size >= 2 * l->page_bytes &&
	    mdb_env_info(l->env, &info) == 0 &&
	    (uint64_t)st.st_size / l->page_bytes > info.me_last_pgno)
		return 0;
	snprintf(why, LMDB_WHY_MAX, "the file was cut off");
	return -WSE_CORRUPT;
}

static size_t
map_size(const char *file)
{
	size_t n = MAP_MIN;
	struct stat st;

	if (stat(file, &st) == 0)
		while (n < MAP_MAX && n < (uint64_t)st.st_size * 2)
			n *= 2;
	return n;
}

static int
env_open(struct lmdb *l, const char *dir, unsigned flags)
{
	int rc = mdb_env_create(&l->env);
	MDB_stat ms;

	if (rc)
		return rc;
	rc = mdb_env_set_maxdbs(l->env, LMDB_TABLE_N);
	if (!rc)
		rc = mdb_env_set_mapsize(l->env, map_size(l->file));
	if (!rc)
		rc = mdb_env_open(l->env, dir, flags, 0600);
	if (!rc)
		rc = mdb_env_stat(l->env, &ms);
	l->page_bytes = rc ? 0 : ms.ms_psize;
	return rc;
}

static bool
is_unwritable(int rc)
{
	return rc == EROFS || rc == EACCES || rc == EPERM;
}

static int
check_version(struct lmdb *l, MDB_txn *txn, bool make)
{
	MDB_val k = { 7, (void *)(uintptr_t) "version" }, v;
	char text[16];
	int rc = mdb_get(txn, l->table[LMDB_META], &k, &v);

	snprintf(text, sizeof(text), "%d", SCHEMA);
	if (rc == MDB_NOTFOUND && make) {
		v = (MDB_val){ strlen(text), text };
		return mdb_put(txn, l->table[LMDB_META], &k, &v, 0);
	}
	if (rc)
		return rc;
	return v.mv_size == strlen(text) && !memcmp(v.mv_data, text, v.mv_size)
	    ? 0
	    : MDB_VERSION_MISMATCH;
}

/* What is there besides our tables is somebody else's. */
static int
check_names(MDB_txn *txn, bool *empty_r)
{
	MDB_cursor *cur;
	MDB_dbi main_db;
	MDB_val k, v;
	int rc = mdb_dbi_open(txn, NULL, 0, &main_db), known;

	*empty_r = true;
	if (!rc)
		rc = mdb_cursor_open(txn, main_db, &cur);
	if (rc)
		return rc;
	while ((rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) == 0) {
		*empty_r = false;
		known = 0;
		for (int i = 0; i < LMDB_TABLE_N; i++)
			known |= k.mv_size == strlen(table_names[i]) &&
			    !memcmp(k.mv_data, table_names[i], k.mv_size);
		if (!known)
			break;
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : rc ? rc : MDB_INCOMPATIBLE;
}

static int
open_tables(struct lmdb *l)
{
	unsigned how = l->read_only ? 0 : MDB_CREATE;
	bool empty;
	MDB_txn *txn;
	int rc =
	    mdb_txn_begin(l->env, NULL, l->read_only ? MDB_RDONLY : 0, &txn);

	if (rc)
		return rc;
	rc = check_names(txn, &empty);
	for (int i = 0; i < LMDB_TABLE_N && !rc; i++)
		rc = mdb_dbi_open(txn, table_names[i], how, &l->table[i]);
	if (!rc)
		rc = check_version(l, txn, empty && !l->read_only);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* Reads every page and row, also those that are free. */
static int
read_all(struct lmdb *l)
{
	MDB_cursor *cur;
	MDB_val k, v;
	MDB_txn *txn;
	unsigned sum = 0;
	int rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	for (int i = -1; i < LMDB_TABLE_N && !rc; i++) {
		rc = mdb_cursor_open(
		    txn, i < 0 ? (MDB_dbi)0 : l->table[i], &cur);
		while (!rc && !(rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT))) {
			if (i >= 0 && v.mv_size > LMDB_VALUE_MAX)
				rc = MDB_CORRUPTED;
			for (size_t n = 0; n < v.mv_size && !rc; n++)
				sum += ((unsigned char *)v.mv_data)[n];
		}
		mdb_cursor_close(cur);
		rc = rc == MDB_NOTFOUND ? 0 : rc;
	}
	mdb_txn_abort(txn);
	return rc || sum == UINT32_MAX ? rc : 0;
}

static struct lmdb *
lmdb_new(const char *dir, bool read_only)
{
	struct lmdb *l = mem_alloc(sizeof(*l));

	l->file = mem_printf("%s/data.mdb", dir);
	l->read_only = read_only;
	return l;
}

void
lmdb_close(struct lmdb **lp)
{
	struct lmdb *l = *lp;

	*lp = NULL;
	if (!l)
		return;
	if (l->env)
		mdb_env_close(l->env);
	free(l->file);
	free(l);
}

/* In the child: only the exit code and the text get out. */
_Noreturn static void
verify_child(const char *dir, int out)
{
	struct lmdb *l = lmdb_new(dir, true);
	char why[LMDB_WHY_MAX] = "";
	int rc, fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)dup2(fd, 2); /* a sanitizer's words are no news */
	alarm(VERIFY_S);
	/* With the lock: another broker may be writing. */
	rc = env_open(l, dir, MDB_RDONLY);
	if (is_unwritable(rc)) {
		mdb_env_close(l->env);
		rc = env_open(l, dir, MDB_RDONLY | MDB_NOLOCK);
	}
	if (rc == 0 && check_size(l, why) != 0)
		rc = MDB_CORRUPTED;
	if (rc == 0)
		rc = open_tables(l);
	if (rc == 0)
		rc = read_all(l);
	if (rc && !why[0])
		(void)!failed(rc, "it is no state of wsbroker's", why);
	(void)!write(out, why, strlen(why));
	_exit(rc == 0 ? 0 : rc < 0 ? 1 : 2);
}

/* 0, -WSE_CORRUPT, or -WSE_SYS when it could not be read. */
static int
verify(const char *dir, const char *file, char *why)
{
	int pipe_fd[2], status = 0;
	ssize_t n = 0, got;
	struct stat st;
	pid_t pid;

	if (stat(file, &st) < 0 || st.st_size == 0)
		return 0; /* it will be made */
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return failed(errno, "no descriptors", why);
	pid = fork();
	if (pid == 0)
		verify_child(dir, pipe_fd[1]);
	close(pipe_fd[1]);
	while (pid > 0 && n < LMDB_WHY_MAX - 1 &&
	    (got = read(pipe_fd[0], why + n, LMDB_WHY_MAX - 1 - (size_t)n)) > 0)
		n += got;
	why[n] = '\0';
	close(pipe_fd[0]);
	if (pid < 0)
		return failed(errno, "no process", why);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return failed(errno, "waitpid", why);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!why[0])
		snprintf(why, LMDB_WHY_MAX, "it is damaged");
	return WIFEXITED(status) && WEXITSTATUS(status) == 2 ? -WSE_SYS
							     : -WSE_CORRUPT;
}

static int
put_aside(const char *dir, const char *file, char *why)
{
	char to[PATH_ROOM], what[LMDB_WHY_MAX];

	snprintf(what, sizeof(what), "%s", why);
	snprintf(
	    to, sizeof(to), "%s/data.mdb.bad.%lld", dir, (long long)time(NULL));
	if (rename(file, to) < 0) {
		snprintf(why, LMDB_WHY_MAX,
		    "%.80s, and it cannot be put aside: %s", what,
		    strerror(errno));
		return -WSE_SYS;
	}
	snprintf(to, sizeof(to), "%s/lock.mdb", dir);
	(void)unlink(to);
	snprintf(
	    why, LMDB_WHY_MAX, "%.100s; it is kept as data.mdb.bad.*", what);
	return 0;
}

static int
open_verified(struct lmdb *l, const char *dir, char *why)
{
	int dead, rc = env_open(l, dir, l->read_only ? MDB_RDONLY : 0);

	if (is_unwritable(rc)) {
		mdb_env_close(l->env);
		l->env = NULL;
		l->read_only = true;
		rc = env_open(l, dir, MDB_RDONLY | MDB_NOLOCK);
	}
	if (!rc && !l->read_only)
		(void)mdb_reader_check(l->env, &dead);
	if (!rc)
		rc = open_tables(l);
	return rc ? failed(rc, "cannot open it", why) : 0;
}

int
lmdb_open(const char *dir, bool read_only, struct lmdb **l_r, char *why)
{
	struct lmdb *l = lmdb_new(dir, read_only);
	char note[LMDB_WHY_MAX] = "";
	int r;

	*l_r = NULL;
	why[0] = '\0';
	if (!read_only && mkdir(dir, 0700) < 0 && errno != EEXIST &&
	    errno != EROFS && errno != EACCES) {
		r = failed(errno, "cannot make the directory", why);
		lmdb_close(&l);
		return r;
	}
	r = verify(dir, l->file, why);
	if (r == -WSE_CORRUPT && !read_only) {
		r = put_aside(dir, l->file, why);
		snprintf(note, sizeof(note), "%s", why);
	}
	if (r == 0)
		r = open_verified(l, dir, why);
	if (r) {
		lmdb_close(&l);
		return r;
	}
	snprintf(why, LMDB_WHY_MAX, "%s", note);
	*l_r = l;
	return 0;
}

bool
lmdb_is_read_only(const struct lmdb *l)
{
	return l->read_only;
}

int
lmdb_each(struct lmdb *l, enum lmdb_table t,
    int (*fn)(struct sv key, struct sv value, void *arg), void *arg)
{
	char why[LMDB_WHY_MAX];
	MDB_cursor *cur;
	MDB_val k, v;
	MDB_txn *txn;
	int rc, r = check_size(l, why);

	if (r)
		return r;
	rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return failed(rc, "", why);
	rc = mdb_cursor_open(txn, l->table[t], &cur);
	while (!rc && !r && !(rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)))
		r = fn(sv_of(k.mv_data, k.mv_size), sv_of(v.mv_data, v.mv_size),
		    arg);
	if (!rc || rc == MDB_NOTFOUND)
		mdb_cursor_close(cur);
	mdb_txn_abort(txn);
	return r ? r : rc == MDB_NOTFOUND ? 0 : failed(rc, "", why);
}

int
lmdb_get(struct lmdb *l, enum lmdb_table t, const char *key, char *value_r)
{
	MDB_val k = { strlen(key), (void *)(uintptr_t)key }, v;
	char why[LMDB_WHY_MAX];
	MDB_txn *txn;
	int rc, r = check_size(l, why);

	if (r)
		return r;
	rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return failed(rc, "", why);
	rc = mdb_get(txn, l->table[t], &k, &v);
	if (!rc && v.mv_size > LMDB_VALUE_MAX)
		rc = MDB_CORRUPTED;
	if (!rc) {
		memcpy(value_r, v.mv_data, v.mv_size);
		value_r[v.mv_size] = '\0';
	}
	mdb_txn_abort(txn);
	return !rc               ? 0
	    : rc == MDB_NOTFOUND ? -WSE_NOTFOUND
				 : failed(rc, "", why);
}

static int
write_one(struct lmdb *l, MDB_txn *txn, const struct lmdb_write *w)
{
	MDB_val k = { strlen(w->key), w->key }, v;
	int rc;

	if (!w->value) {
		rc = mdb_del(txn, l->table[w->table], &k, NULL);
		return rc == MDB_NOTFOUND ? 0 : rc;
	}
	v = (MDB_val){ strlen(w->value), w->value };
	return mdb_put(txn, l->table[w->table], &k, &v, 0);
}

static int
try_commit(struct lmdb *l, const struct list *writes)
{
	const struct list *it;
	MDB_txn *txn;
	int rc = mdb_txn_begin(l->env, NULL, 0, &txn);

	if (rc)
		return rc;
	list_for(it, writes)
	{
		rc = write_one(l, txn, list_entry(it, struct lmdb_write, node));
		if (rc) {
			mdb_txn_abort(txn);
			return rc;
		}
	}
	return mdb_txn_commit(txn);
}

/* Full: twice as large.  Another process made it larger: as large as it. */
static int
grow(struct lmdb *l, int rc)
{
	MDB_envinfo info;

	if (rc == MDB_MAP_RESIZED)
		return mdb_env_set_mapsize(l->env, 0);
	if (rc != MDB_MAP_FULL)
		return rc;
	if (mdb_env_info(l->env, &info) || info.me_mapsize >= MAP_MAX)
		return MDB_MAP_FULL;
	return mdb_env_set_mapsize(l->env, info.me_mapsize * 2);
}

int
lmdb_commit(struct lmdb *l, const struct list *writes, char *why)
{
	int rc, r = check_size(l, why);

	if (r)
		return r;
	if (l->read_only)
		return failed(EROFS, "cannot write", why);
	for (int i = 0; i < GROW_TRIES; i++) {
		rc = try_commit(l, writes);
		if (rc == 0)
			return 0;
		rc = grow(l, rc);
		if (rc)
			return failed(rc, "cannot write", why);
	}
	return failed(MDB_MAP_FULL, "cannot write", why);
}
