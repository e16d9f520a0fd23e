/* SPDX-License-Identifier: MIT */
/*
 * Variables of log formats: addresses and ports.
 */
#include <arpa/inet.h>

#include "worker/rules/logfmt_var.h"

#define VAR(name)                                    \
	void logfmt_var_##name(struct logfmt_out *o, \
	    const struct logfmt_item *it __attribute__((unused)))

/* Dotted decimal without a library call: two of them stand in each line. */
static size_t
put_ipv4(char *out, const uint8_t *a)
{
	size_t n = 0;
	int k;

	for (k = 0; k < 4; k++) {
		if (k)
			out[n++] = '.';
		n += sample_put_int(out + n, a[k]);
	}
	return n;
}

static void
put_ip(struct logfmt_out *o, const struct logfmt_item *it, const struct addr *a)
{
	int family = a && a->len ? a->u.sa.sa_family : AF_UNSPEC, k;
	char text[INET6_ADDRSTRLEN + SAMPLE_INT_BYTES];

	if (family == AF_INET && (it->flags & LOGFMT_HEX)) {
		logfmt_put_hex(o, ntohl(a->u.in4.sin_addr.s_addr), 8);
	} else if (family == AF_INET6 && (it->flags & LOGFMT_HEX)) {
		for (k = 0; k < 16; k++)
			logfmt_put_hex(o, a->u.in6.sin6_addr.s6_addr[k], 2);
	} else if (family == AF_INET) {
		logfmt_put_text(o, it,
		    sv_of(text,
			put_ipv4(text, (const uint8_t *)&a->u.in4.sin_addr)));
	} else if (family == AF_INET6) {
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, text, sizeof(text));
		logfmt_put_text(o, it, sv_str(text));
	} else if (family == AF_UNIX) {
		logfmt_put_text(o, it, SV("unix"));
	} else {
		logfmt_put_text(o, it, SV_NULL);
	}
}

static void
put_port(
    struct logfmt_out *o, const struct logfmt_item *it, const struct addr *a)
{
	int family = a && a->len ? a->u.sa.sa_family : AF_UNSPEC;
	const struct bind *b = o->t->cli ? o->t->cli->bind : NULL;

	if (family == AF_INET)
		logfmt_var_number(o, it, ntohs(a->u.in4.sin_port), 4);
	else if (family == AF_INET6)
		logfmt_var_number(o, it, ntohs(a->u.in6.sin6_port), 4);
	else if (family == AF_UNIX)
		logfmt_var_number(o, it, b ? b->index + 1 : 0, 4);
	else
		logfmt_put_text(o, it, SV_NULL);
}

static const struct addr *
put_src(const struct logfmt_out *o)
{
	return o->t->cli ? &o->t->cli->src : NULL;
}

static const struct addr *
put_dst(const struct logfmt_out *o)
{
	if (o->t->dst_override.len)
		return &o->t->dst_override;
	return o->t->cli ? &o->t->cli->dst : NULL;
}

static const struct addr *
put_server(const struct logfmt_out *o)
{
	if (o->t->bc_dst)
		return o->t->bc_dst;
	return o->t->srv ? &o->t->srv->addr : NULL;
}

VAR(ci)
{
	put_ip(o, it, put_src(o));
}

VAR(cp)
{
	put_port(o, it, put_src(o));
}

VAR(fi)
{
	put_ip(o, it, put_dst(o));
}

VAR(fp)
{
	put_port(o, it, put_dst(o));
}

VAR(bi)
{
	put_ip(o, it, o->t->bc_src);
}

VAR(bp)
{
	put_port(o, it, o->t->bc_src);
}

VAR(si)
{
	put_ip(o, it, put_server(o));
}

VAR(sp)
{
	put_port(o, it, put_server(o));
}
