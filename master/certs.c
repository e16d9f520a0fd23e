/* SPDX-License-Identifier: MIT */
/*
 * See certs.h.
 */
#include "master/certs.h"

#include <unistd.h>

#include "shm/base/mem.h"
#include "shm/base/sealed.h"
#include "shm/conf/tls_conf.h"

static struct tls_update *held;
static unsigned held_count;

const struct tls_update *
certs_held(unsigned *n_r)
{
	*n_r = held_count;
	return held;
}

/* In place of an earlier one of the same name. */
static void
keep(uint32_t index, int *fd)
{
	unsigned i = 0;

	while (i < held_count && held[i].index != index)
		i++;
	if (i == held_count) {
		held = mem_realloc(held, (held_count + 1) * sizeof(*held));
		held[held_count++] = (struct tls_update){ index, -1 };
	}
	if (held[i].fd >= 0)
		close(held[i].fd);
	held[i].fd = *fd;
	*fd = -1;
}

static void
acknowledge(
    struct master *m, const struct ipc_cert *what, uint32_t instance, int err)
{
	struct ipc_msg ack = { .type = IPC_CERT_ACK };

	if (!child_is_alive(&m->broker))
		return;
	ack.u.cert = *what;
	ack.u.cert.instance = instance;
	ack.u.cert.err = err;
	child_send(&m->broker, &ack);
}

int
certs_set(struct master *m, struct ipc_msg *msg)
{
	struct ipc_msg use = { .type = IPC_CERT_USE, .fd_count = 1 };
	const struct ipc_cert *c = &msg->u.cert;
	struct child *ch = NULL;
	int err;

	if (!tls_cert_name(m->conf, c->index))
		return -WSE_RANGE;
	if (msg->truncated || msg->fd_count != 1) {
		acknowledge(m, c, 0, -WSE_NOFD);
		return 0;
	}
	err = sealed_check(msg->fd[0], TLS_UPDATE_MAX);
	if (err) {
		acknowledge(m, c, 0, err);
		return 0;
	}
	use.u.cert = *c;
	use.fd[0] = msg->fd[0];
	while ((ch = child_next_worker(m, ch)))
		if (child_is_alive(ch))
			child_send(ch, &use);
	keep(c->index, &msg->fd[0]);
	acknowledge(m, c, 0, 0);
	return 0;
}

void
certs_done(struct child *worker, const struct ipc_cert *done)
{
	acknowledge(worker->m, done, worker->instance, done->err);
}
