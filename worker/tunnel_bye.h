/* SPDX-License-Identifier: MIT */
/*
 * Tunnels of tunnel.c that we end, as ws_bye.h says.
 */
#ifndef WORKER_TUNNEL_BYE_H
#define WORKER_TUNNEL_BYE_H

#include "worker/stream.h"
#include "worker/ws_bye.h"

/* The sooner of its next moment and at_ms; of both, 0 is never. */
uint64_t tunnel_bye_due(const struct stream *s, uint64_t at_ms);
/*
 * The timer fired.  True: it was, or will be, looked after here, which may
 * have ended the stream.
 */
bool tunnel_bye_timer(struct stream *s);

/* --- it has begun --- */
/* The last n bytes in f's buffer are new. */
void tunnel_bye_came(struct stream *s, struct flow *f, size_t n);
/* ENDING: read and drop. May end the stream. */
void tunnel_bye_sink(struct stream *s, char who);
/* A side is gone.  True: it is to pass for an end. */
bool tunnel_bye_broken(struct stream *s, char who);
/*
 * From within tunnel_progress().  False: the ends of what came are not to be
 * passed on now, all was done, and the stream may be gone.
 */
MUST_USE bool tunnel_bye_goes_on(struct stream *s);

#endif
