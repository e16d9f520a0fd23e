/* SPDX-License-Identifier: MIT */
/*
 * See h2_world.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "tests/unit/broker/h2_world.h"

struct rig rig;
struct h2_origin origin;
struct fake fake[WORKERS];
static unsigned fakes;

/* alpn: what the server line says; NULL: plain, with `proto h2`. */
void
world_set_up(const char *alpn, enum h2o_mode mode, int max_version)
{
	struct server *s = &rig.srv[0];

	rig_init(&rig);
	rig_origin_close(&rig, 0);
	h2_origin_init(&origin, alpn != NULL, max_version);
	origin.mode = (int)mode;
	rig.o[0].port = origin.t.port;
	s->proto_h2 = !alpn;
	s->tls.enabled = alpn;
	if (!alpn)
		return;
	s->tls.ctx = tls_origin_client(&origin.t, false);
	if (*alpn)
		assert_int_equal(tls_alpn_parse(alpn, &s->tls.opts.alpn), 0);
	else
		s->proto_h2 = true;
}

void
world_go(unsigned workers)
{
	unsigned i;

	rig_start(&rig, 0);
	h2_origin_run(&origin);
	for (i = 0; i < workers; i++)
		fake_start(&rig, &fake[i], i);
	fakes = workers;
}

void
world_tear_down(void)
{
	unsigned i;

	for (i = 0; i < fakes; i++)
		if (fake[i].chan)
			fake_stop(&fake[i], false);
	rig_check_rest(&rig);
	rig_stop(&rig);
	h2_origin_fini(&origin);
	assert_int_equal(origin.bad, 0);
	SSL_CTX_free(rig.srv[0].tls.ctx);
}

struct fake_lease *
world_get(unsigned worker, uint8_t tags)
{
	struct fake_lease *l = fake_ask(&fake[worker], 0, tags);

	fake_await(&fake[worker], l);
	if (l->granted)
		fake_open(&fake[worker], l);
	return l;
}

/* Ask, send something, release. */
void
world_use(unsigned worker, uint8_t tags)
{
	struct fake_lease *l = world_get(worker, tags);

	if (l->failed)
		fail_msg("failed: %s", l->f.text);
	fake_ping(l);
	l->port.last_id += l->port.last_id ? 2 : 1;
	fake_release(&fake[worker], l, (enum slot_tag)l->g.tag);
	rig_run(&rig, 2);
}
