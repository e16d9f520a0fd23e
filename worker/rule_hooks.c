/* SPDX-License-Identifier: MIT */
#include "worker/rule_hooks.h"

#include <openssl/evp.h>
#include <unistd.h>

#include "worker/lb.h"
#include "worker/rules/txn.h"
#include "worker/wk.h"

static long
hook_fe_conn(const struct proxy *px)
{
	return limit_sum(&wk.board, LIM_FRONTEND, (uint32_t)px->row);
}

static long
hook_be_conn(const struct proxy *px)
{
	return limit_sum(&wk.board, LIM_BACKEND, (uint32_t)px->row);
}

static long
hook_srv_conn(const struct server *srv)
{
	return limit_sum(&wk.board, LIM_SERVER, (uint32_t)srv->row);
}

static long
hook_nbsrv(const struct proxy *px)
{
	return lb_usable_count(px);
}

void
rule_hooks_set(uint32_t master_pid, uint32_t worker_index)
{
	static char name[256];
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (gethostname(name, sizeof(name) - 1) < 0)
		name[0] = '\0';
	txn_hooks.hostname = sv_str(name);
	txn_hooks.master_pid = (int)master_pid;
	txn_hooks.worker_number = (int)worker_index + 1;
	txn_hooks.fe_conn = hook_fe_conn;
	txn_hooks.be_conn = hook_be_conn;
	txn_hooks.nbsrv = hook_nbsrv;
	txn_hooks.srv_conn = hook_srv_conn;
	txn_hooks.srv_is_up = lb_is_usable;
	/* The first digest makes the library read its configuration. */
	(void)EVP_Digest("", 0, digest, NULL, EVP_sha1(), NULL);
}
