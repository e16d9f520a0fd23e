/* SPDX-License-Identifier: MIT */
/*
 * Fetches of connections, proxies and servers.
 */
#include "worker/rules/fetch.h"

#define UNUSED_ARGS \
	(void)a;    \
	(void)argc

static bool
conn_addr(const struct addr *from, int n, struct sample *out)
{
	int family = from->u.sa.sa_family;

	if (n > 0 || (family != AF_INET && family != AF_INET6))
		return false;
	out->type = SMP_ADDR;
	out->addr = *from;
	return true;
}

static bool
conn_port(const struct addr *from, int n, struct sample *out)
{
	if (n > 0)
		return false;
	if (from->u.sa.sa_family == AF_INET)
		return sample_set_int(out, ntohs(from->u.in4.sin_port));
	if (from->u.sa.sa_family == AF_INET6)
		return sample_set_int(out, ntohs(from->u.in6.sin6_port));
	return false;
}

bool
fetch_conn_src(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return t->cli && conn_addr(&t->cli->src, n, out);
}

bool
fetch_conn_src_port(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return t->cli && conn_port(&t->cli->src, n, out);
}

/* After set-dst the new address is what counts. */
static const struct addr *
conn_dst(const struct txn *t)
{
	return t->dst_override.len ? &t->dst_override : &t->cli->dst;
}

bool
fetch_conn_dst(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return t->cli && conn_addr(conn_dst(t), n, out);
}

bool
fetch_conn_dst_port(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return t->cli && conn_port(conn_dst(t), n, out);
}

bool
fetch_conn_ssl_fc(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_bool(out, t->cli && t->cli->is_tls);
}

bool
fetch_conn_ssl_fc_alpn(struct txn *t, const struct fetch_arg *a, int argc,
    int n, struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->cli && t->cli->alpn.n &&
	    sample_set_str(out, t->cli->alpn);
}

bool
fetch_conn_ssl_fc_sni(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->cli && t->cli->sni.n &&
	    sample_set_str(out, t->cli->sni);
}

bool
fetch_conn_ssl_bc_alpn(struct txn *t, const struct fetch_arg *a, int argc,
    int n, struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->bc_alpn.n && sample_set_str(out, t->bc_alpn);
}

bool
fetch_conn_reused(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_bool(out, t->reused);
}

bool
fetch_conn_be_name(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->be && sample_set_str(out, sv_str(t->be->name));
}

bool
fetch_conn_be_id(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->be && sample_set_int(out, t->be->id);
}

bool
fetch_conn_srv_name(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->srv && sample_set_str(out, sv_str(t->srv->name));
}

bool
fetch_conn_srv_id(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->srv && sample_set_int(out, t->srv->id);
}

bool
fetch_conn_fe_name(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_str(out, sv_str(t->fe->name));
}

bool
fetch_conn_fe_id(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_int(out, t->fe->id);
}

/* "NAME" as a proxy, else the transaction's own. */
static const struct proxy *
conn_proxy(const struct txn *t, const struct fetch_arg *a, int argc,
    unsigned cap, const struct proxy *own)
{
	if (argc == 0)
		return own;
	return conf_find_proxy(t->conf, a[0].s.p, cap);
}

/* "BACKEND/SERVER" or "SERVER". */
static const struct server *
conn_server(const struct txn *t, const struct fetch_arg *a)
{
	ssize_t slash = sv_find_char(a[0].s, '/', 0);
	const struct proxy *px = t->be ? t->be : t->fe;
	char name[256];

	if (slash < 0)
		return conf_find_server(px, a[0].s.p);
	if ((size_t)slash >= sizeof(name))
		return NULL;
	memcpy(name, a[0].s.p, (size_t)slash);
	name[slash] = '\0';
	px = conf_find_proxy(t->conf, name, PX_BACKEND);
	return px ? conf_find_server(px, a[0].s.p + slash + 1) : NULL;
}

static bool
conn_count(long (*hook)(const struct proxy *px), const struct proxy *px, int n,
    struct sample *out)
{
	if (!px || n > 0)
		return false;
	return sample_set_int(out, hook ? hook(px) : 0);
}

bool
fetch_conn_fe_conn(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return conn_count(txn_hooks.fe_conn,
	    conn_proxy(t, a, argc, PX_FRONTEND, t->fe), n, out);
}

bool
fetch_conn_be_conn(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return conn_count(txn_hooks.be_conn,
	    conn_proxy(t, a, argc, PX_BACKEND, t->be), n, out);
}

bool
fetch_conn_nbsrv(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return conn_count(
	    txn_hooks.nbsrv, conn_proxy(t, a, argc, PX_BACKEND, t->be), n, out);
}

bool
fetch_conn_srv_conn(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	const struct server *s = conn_server(t, a);

	(void)argc;
	if (!s || n > 0)
		return false;
	return sample_set_int(
	    out, txn_hooks.srv_conn ? txn_hooks.srv_conn(s) : 0);
}

bool
fetch_conn_srv_is_up(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	const struct server *s = conn_server(t, a);

	(void)argc;
	if (!s || n > 0)
		return false;
	return sample_set_bool(
	    out, txn_hooks.srv_is_up && txn_hooks.srv_is_up(s));
}

bool
fetch_conn_so_name(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->cli && t->cli->bind && t->cli->bind->name &&
	    sample_set_str(out, sv_str(t->cli->bind->name));
}

bool
fetch_conn_so_id(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && t->cli && t->cli->bind &&
	    sample_set_int(out, t->cli->bind->index + 1);
}
