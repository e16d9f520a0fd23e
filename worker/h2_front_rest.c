/* SPDX-License-Identifier: MIT */
/*
 * A client's HTTP/2 connection without streams is reduced to its portable form
 * after a second: a session weighs more than everything else of it.  That
 * needs the client's consent, the ACK of a SETTINGS that switches off the
 * dynamic table (see h2_move.h); until it came the session stays.
 */
#include <string.h>

#include "shm/base/chk.h"
#include "worker/h2_front_int.h"

enum { SESSION_BYTES = 8000 }; /* of the heap, about */

struct h2_rest {
	uint64_t idle_ms;
	uint64_t begun_ms;
	uint8_t bytes[H2_PORT_IDLE_BYTES];
};

static struct mempool rest_pool = MEMPOOL_SLABS(struct h2_rest);
static struct h2_port port; /* too large for the stack */
static size_t freed_bytes;

int
h2_front_rest(struct h2_front *f)
{
	struct fconn *fc = f->fc;
	unsigned ms = h2_front_idle_ms(fc);
	struct h2_rest *r;
	int err;

	if (f->in.data || f->draining || xprt_has_pending(&fc->x))
		return -WSE_AGAIN;
	err = h2_move_ready(f->sess);
	if (err < 0)
		return err;
	r = mempool_get(&rest_pool);
	if (!r)
		return -WSE_NOMEM;
	h2_move_out(f->sess, &port);
	CHK(h2_port_pack(&port, r->bytes, sizeof(r->bytes)) ==
	    sizeof(r->bytes));
	r->idle_ms = f->idle_ms;
	r->begun_ms = f->begun_ms;
	h2_front_free(fc);
	freed_bytes += SESSION_BYTES;
	fc->rest = r;
	fconn_set_state(fc, FC_REST);
	wheel_set(wk.wheel, &fc->timer, ms ? r->idle_ms + ms : 0);
	return 0;
}

int
h2_front_wake(struct fconn *fc)
{
	struct h2_cfg cfg = h2_front_cfg(fc);
	struct h2_rest *r = fc->rest;
	struct h2_front *f = h2_front_make(fc);

	if (!f)
		return -WSE_NOMEM;
	fc->h2 = f;
	f->idle_ms = r->idle_ms;
	f->begun_ms = r->begun_ms;
	f->stays = true; /* till something comes */
	CHK(h2_port_unpack(&port, r->bytes, sizeof(r->bytes)) == 0);
	f->sess = h2_move_in(&cfg, &h2_front_events, f, &port, clock_ms());
	if (!f->sess)
		return -WSE_NOMEM;
	h2_front_rest_free(fc);
	fconn_set_state(fc, FC_H2);
	return 0;
}

size_t
h2_front_cooled(void)
{
	size_t n = freed_bytes;

	freed_bytes = 0;
	return n;
}

void
h2_front_rest_free(struct fconn *fc)
{
	if (fc->rest)
		mempool_put(&rest_pool, fc->rest);
	fc->rest = NULL;
}
