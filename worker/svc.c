/* SPDX-License-Identifier: MIT */
#include "worker/svc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/chk.h"
#include "shm/base/clock.h"

void
svc_put(struct svc_out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->n < o->room ? o->p + o->n : NULL,
	    o->n < o->room ? o->room - o->n : 0, fmt, ap);
	va_end(ap);
	CHK(n >= 0);
	/* the NUL has to fit, too */
	o->n += (size_t)n + (o->n + (size_t)n == o->room);
}

void
svc_put_sv(struct svc_out *o, struct sv s)
{
	if (o->n < o->room && s.n < o->room - o->n)
		memcpy(o->p + o->n, s.p, s.n);
	else
		s.n = o->room + 1;
	o->n += s.n;
}

void
svc_put_u64(struct svc_out *o, uint64_t v)
{
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	svc_put_sv(o, sv_of(text + at, sizeof(text) - at));
}

size_t
svc_fill(struct svc *v, char *p, size_t room)
{
	struct svc_out o = { p, 0, room };
	uint64_t begin = clock_read_us();

	CHK(room >= SVC_ITEM_MAX);
	while (!v->done && clock_read_us() - begin < SVC_TURN_US) {
		struct svc_at at = v->at;
		size_t n = o.n;
		bool done = v->kind->next(v, &o);

		if (o.n > o.room) {
			CHK(n > 0); /* no item is that large */
			o.n = n;
			v->at = at;
			break;
		}
		v->done = done;
	}
	return o.n;
}

struct svc *
svc_new(const struct svc_kind *k, const struct board *b, const struct proxy *px)
{
	struct svc *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->kind = k;
	v->b = b;
	v->px = px;
	return v;
}

void
svc_free(struct svc **vp)
{
	struct svc *v = *vp;

	*vp = NULL;
	if (!v)
		return;
	free(v->mem);
	free(v);
}
