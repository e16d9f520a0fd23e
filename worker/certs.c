/* SPDX-License-Identifier: MIT */
/*
 * See certs.h.  The text is read where the kernel maps it and is in no buffer
 * of this process.
 */
#include "worker/certs.h"

#include <unistd.h>

#include "shm/base/log.h"
#include "shm/conf/tls_conf.h"
#include "shm/proto/tls_hs.h"

enum { WHY_BYTES = 512 };

static int
apply(struct conf *c, const struct tls_update *u)
{
	char why[WHY_BYTES] = "";
	int err = tls_update_apply(c, u, why, sizeof(why));

	if (err)
		log_msg(LOGL_ALERT, "worker: a new certificate is not used: %s",
		    why);
	return err;
}

void
certs_inherit(const struct worker_heritage *h)
{
	for (unsigned i = 0; i < h->cert_count; i++) {
		(void)!apply(h->conf, &h->certs[i]);
		close(h->certs[i].fd);
	}
}

int
certs_use(struct conf *c, struct ipc_msg *m)
{
	struct tls_update u = { m->u.cert.index, -1 };
	int err;

	if (m->truncated || m->fd_count != 1) {
		log_msg(LOGL_ALERT,
		    "worker: a new certificate is not used: no descriptors "
		    "left to receive it");
		return -WSE_NOFD;
	}
	u.fd = m->fd[0];
	err = apply(c, &u);
	return err ? err : tls_conf_each_ctx(c, tls_hs_prepare);
}
