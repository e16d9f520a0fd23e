/* SPDX-License-Identifier: MIT */
/*
 * TLS handshakes of health checks, on the threads that those of dials run on.
 * They resume no session and keep none, and what they negotiate is not taken
 * for the server's answer to anything.
 */
#include <stdio.h>
#include <openssl/ssl.h>

#include "broker/check_parts.h"
#include "broker/tls_dial.h"
#include "broker/tls_job.h"
#include "shm/base/mem.h"

bool
tls_check_submit(struct check_conn *c, const struct check_shake *s)
{
	struct tls_job *j;
	const char *host;

	if (!tls_dial_is_started() || !s->cfg->tls.ctx ||
	    SSL_CTX_up_ref(s->cfg->tls.ctx) != 1)
		return false;
	j = mem_alloc(sizeof(*j));
	j->ctx = s->cfg->tls.ctx;
	j->check = c;
	j->fd = c->fd;
	c->fd = -1;
	snprintf(j->sni, sizeof(j->sni), "%s", s->sni ? s->sni : "");
	host = tls_back_verify_host(s->cfg, j->sni);
	snprintf(j->host, sizeof(j->host), "%s", host ? host : "");
	j->alpn = s->alpn;
	j->prior_h2 = s->prior_h2;
	j->until_us = s->until_us;
	tls_hs_pool_submit(j);
	return true;
}
