/* SPDX-License-Identifier: MIT */
/*
 * Log lines of tunnels: written at the begin as far as they can be, finished
 * at the end, so that nothing of the request needs to be kept in between.
 *
 * Frozen bytes are runs of text, each with its length before it and the number
 * of the item that follows it behind it; FREEZE_END behind the last.
 */
#include <stdlib.h>
#include <string.h>

#include "worker/rules/log_time.h"

enum { FREEZE_BYTES_MAX = 8192, FREEZE_END = 0xffff };

enum { LINE_STEP = 16, LINE_SIZES = 65 }; /* up to 1 kB */

static struct mempool line_pool[LINE_SIZES];

struct logfmt_frozen {
	uint64_t from_us; /* when timers of the line begin */
	uint32_t handshake_ms, idle_ms, data_ms;
	uint16_t bytes; /* of text[] */
	char text[];
};

static void
put_u16(struct logfmt_out *o, size_t v)
{
	uint16_t n = (uint16_t)v;

	logfmt_put(o, sv_of((const char *)&n, sizeof(n)));
}

/* Must be asked at the end. */
static bool
is_late(const struct logfmt_item *it)
{
	if (it->kind == LOGFMT_EXPR)
		return it->expr->fetch->when & FETCH_END;
	return it->kind == LOGFMT_VAR && it->row->is_late;
}

/* A run begins: room for its length. */
static char *
run_begin(struct logfmt_out *o)
{
	char *at = o->p;

	put_u16(o, 0);
	return at;
}

static void
run_end(struct logfmt_out *o, char *at, size_t item)
{
	uint16_t n = (uint16_t)(o->p - at - (ptrdiff_t)sizeof(n));

	memcpy(at, &n, sizeof(n));
	put_u16(o, item);
}

static void
freeze_items(struct logfmt_out *o, const struct logfmt *f)
{
	const size_t reserve = 2 * sizeof(uint16_t);
	char *end = o->end, *at;

	o->end -= reserve; /* the last run can always be ended */
	at = run_begin(o);
	for (int k = 0; f && k < f->count; k++) {
		if (!is_late(&f->item[k])) {
			logfmt_put_item(o, &f->item[k]);
			continue;
		}
		if (o->p + reserve > o->end)
			break;
		run_end(o, at, (size_t)k);
		at = run_begin(o);
		o->blank = false; /* none of them writes nothing */
	}
	o->end = end;
	run_end(o, at, FREEZE_END);
}

/*
 * Lines live as long as their tunnels, so that they do not lie on the heap,
 * between what comes and goes, but for long ones.
 */
static void *
line_get(size_t n)
{
	size_t k = (n + LINE_STEP - 1) / LINE_STEP;

	if (k >= LINE_SIZES)
		return malloc(n);
	line_pool[k].object_bytes = k * LINE_STEP;
	line_pool[k].in_slabs = true;
	return mempool_get(&line_pool[k]);
}

void
logfmt_frozen_free(struct logfmt_frozen **z)
{
	size_t k;

	if (!*z)
		return;
	k = (offsetof(struct logfmt_frozen, text) + (*z)->bytes + LINE_STEP -
		1) /
	    LINE_STEP;
	if (k >= LINE_SIZES)
		free(*z);
	else
		mempool_put(&line_pool[k], *z);
	*z = NULL;
}

static struct logfmt_frozen *
freeze(const struct logfmt_out *o, const char *text, const struct log_time *lt)
{
	size_t n = (size_t)(o->p - text);
	struct logfmt_frozen *z =
	    line_get(offsetof(struct logfmt_frozen, text) + n);

	if (!z)
		return NULL;
	memcpy(z->text, text, n);
	z->bytes = (uint16_t)n;
	z->handshake_ms = (uint32_t)lt->handshake_ms;
	z->idle_ms = (uint32_t)lt->idle_ms;
	z->data_ms = (uint32_t)(lt->data_ms > 0 ? lt->data_ms : 0);
	z->from_us = log_time_from_us(o->t);
	return z;
}

struct logfmt_frozen *
logfmt_freeze(const struct logfmt *f, struct txn *t)
{
	static char text[FREEZE_BYTES_MAX];
	struct logfmt_out o = {
		.p = text, .end = text + sizeof(text), .t = t, .blank = true
	};
	uint32_t used = t->arena.used_bytes;

	o.use = LOGFMT_LOG;
	freeze_items(&o, f);
	t->arena.used_bytes = used;
	return freeze(&o, text, log_time_get(&o));
}

struct logfmt_frozen *
logfmt_freeze_text(struct txn *t, struct sv line)
{
	static char text[FREEZE_BYTES_MAX];
	struct logfmt_out o = {
		.p = text, .end = text + sizeof(text) - sizeof(uint16_t), .t = t
	};
	char *at = run_begin(&o);

	logfmt_put(&o, line);
	o.end += sizeof(uint16_t);
	run_end(&o, at, FREEZE_END);
	return freeze(&o, text, log_time_get(&o));
}

struct sv
logfmt_frozen_bytes(const struct logfmt_frozen *z)
{
	return sv_of((const char *)z,
	    offsetof(struct logfmt_frozen, text) + (size_t)z->bytes);
}

/* Whole runs, items that f asks at the end, and FREEZE_END behind the last. */
static bool
is_text_sound(const struct logfmt *f, struct sv text)
{
	uint16_t n, item;

	while (text.n >= sizeof(n) + sizeof(item)) {
		memcpy(&n, text.p, sizeof(n));
		if (text.n < sizeof(n) + n + sizeof(item))
			return false;
		memcpy(&item, text.p + sizeof(n) + n, sizeof(item));
		text.p += sizeof(n) + n + sizeof(item);
		text.n -= sizeof(n) + n + sizeof(item);
		if (item == FREEZE_END)
			return text.n == 0;
		if (!f || item >= f->count || !is_late(&f->item[item]))
			return false;
	}
	return false;
}

struct logfmt_frozen *
logfmt_frozen_from(const struct logfmt *f, struct sv bytes)
{
	const size_t head = offsetof(struct logfmt_frozen, text);
	struct logfmt_frozen *z;

	if (bytes.n < head || bytes.n - head > FREEZE_BYTES_MAX ||
	    !is_text_sound(f, sv_of(bytes.p + head, bytes.n - head)))
		return NULL;
	z = line_get(bytes.n);
	if (!z)
		return NULL;
	memcpy(z, bytes.p, bytes.n);
	z->bytes = (uint16_t)(bytes.n - head);
	return z;
}

uint64_t
logfmt_identity(const struct logfmt *f)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	if (!f)
		return 0;
	for (const char *p = f->text ? f->text : ""; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
	return h;
}

size_t
logfmt_thaw(const struct logfmt *f, const struct logfmt_frozen *z,
    struct txn *t, char *out, size_t room)
{
	struct logfmt_out o = { .p = out, .end = out + room, .t = t };
	uint32_t used = t->arena.used_bytes;
	const char *p = z->text;
	uint16_t n, item;

	o.use = LOGFMT_LOG;
	o.has_times = true;
	o.times.handshake_ms = z->handshake_ms;
	o.times.idle_ms = z->idle_ms;
	o.times.data_ms = z->data_ms;
	o.times.close_ms = (long long)(t->at.end_us - z->from_us) / 1000;
	for (;;) {
		memcpy(&n, p, sizeof(n));
		logfmt_put(&o, sv_of(p + sizeof(n), n));
		memcpy(&item, p + sizeof(n) + n, sizeof(item));
		if (item == FREEZE_END)
			break;
		logfmt_put_item(&o, &f->item[item]);
		p += sizeof(n) + n + sizeof(item);
	}
	t->arena.used_bytes = used;
	return (size_t)(o.p - out);
}
