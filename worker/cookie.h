/* SPDX-License-Identifier: MIT */
/*
 * Session cookies (`cookie` of a backend, RFC 6265): which server the client
 * was on.  What is done when is HAProxy's; t->cookie holds what came of it.
 */
#ifndef WORKER_COOKIE_H
#define WORKER_COOKIE_H

#include "worker/rules/txn.h"

/*
 * Read the request's cookie, once: t->cookie.srv is then the server it names,
 * if that may be used.  Take it out of the request where the server must not
 * see it.  is_chosen: a rule has chosen a server.  0 or -WSE_NOMEM.
 */
MUST_USE int cookie_request(struct txn *t, bool is_chosen);
/* Another server than the cookie's will serve the request. */
void cookie_leave(struct txn *t);
/* What t->res has to say of it, by t->srv. 0 or -WSE_*. */
MUST_USE int cookie_response(struct txn *t);

#endif
