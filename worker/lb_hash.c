/* SPDX-License-Identifier: MIT */
/*
 * balance source, uri, hdr: the same key goes to the same server while the
 * servers stay the same.  With `hash-type consistent`, weighted rendezvous:
 * when a server comes or goes, only its own keys move.
 */
#include <arpa/inet.h>
#include <string.h>

#include "worker/lb_parts.h"

static uint64_t
mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

/* The function HAProxy takes where hash-type names none. */
static uint32_t
sdbm(struct sv s)
{
	uint32_t h = 0;

	for (size_t i = 0; i < s.n; i++)
		h = (uint8_t)s.p[i] + (h << 6) + (h << 16) - h;
	return h;
}

/* An address is its own hash: its words, xored. */
static bool
source_hash(const struct txn *t, uint32_t *hash_r)
{
	const struct addr *a = &t->cli->src;
	uint32_t word[4];

	*hash_r = 0;
	if (a->u.sa.sa_family == AF_INET) {
		*hash_r = ntohl(a->u.in4.sin_addr.s_addr);
		return true;
	}
	if (a->u.sa.sa_family != AF_INET6)
		return false;
	memcpy(word, &a->u.in6.sin6_addr, sizeof(word));
	for (int i = 0; i < 4; i++)
		*hash_r ^= ntohl(word[i]);
	return true;
}

/* `len` bytes at most; `depth` slashes at most. */
static struct sv
uri_cut(const struct proxy_lb *lb, struct sv uri)
{
	unsigned slashes = 0;

	if (lb->uri_len && uri.n > lb->uri_len)
		uri.n = lb->uri_len;
	if (!lb->uri_depth)
		return uri;
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] == '/' && slashes++ == lb->uri_depth) {
			uri.n = i;
			break;
		}
	return uri;
}

static bool
uri_key(const struct txn *t, struct sv *key_r)
{
	const struct proxy_lb *lb = &t->be->lb;
	struct sv uri = lb->uri_path_only ? http_path(t->req) : t->req->target;
	ssize_t q;

	if (!lb->uri_whole) {
		q = sv_find_char(uri, '?', 0);
		if (q >= 0)
			uri.n = (size_t)q;
	}
	*key_r = uri_cut(lb, uri);
	return true;
}

/* use_domain_only: the label before the top-level one. */
static struct sv
domain_only(struct sv host)
{
	ssize_t port = sv_find_char(host, ':', 0);
	size_t dot, end;

	if (port >= 0)
		host.n = (size_t)port;
	for (end = host.n; end > 0 && host.p[end - 1] != '.'; end--)
		;
	if (end == 0)
		return host;
	end--;
	for (dot = end; dot > 0 && host.p[dot - 1] != '.'; dot--)
		;
	return sv_of(host.p + dot, end - dot);
}

static bool
hdr_key(const struct txn *t, struct sv *key_r)
{
	const struct proxy_lb *lb = &t->be->lb;
	int i = http_find(t->req, sv_str(lb->hdr_name), 0);

	if (i < 0 || t->req->hdr[i].value.n == 0)
		return false;
	*key_r = t->req->hdr[i].value;
	if (lb->hdr_domain_only)
		*key_r = domain_only(*key_r);
	return true;
}

/* -log2 of h / 2^64 in 16.16 fixed point, > 0; good to a few percent. */
static uint32_t
neg_log2(uint64_t h)
{
	unsigned zeros = h ? (unsigned)__builtin_clzll(h) : 63;
	uint32_t mantissa = (uint32_t)(h << zeros >> 47 & 0xffff);

	/* log2(1 + m) is m plus a small hump */
	mantissa += (uint32_t)((uint64_t)mantissa * (65536 - mantissa) / 65536 *
	    22 / 64);
	return (zeros + 1) * 65536 - mantissa;
}

/* The greatest weight / -log(u), u of server and key. */
static const struct server *
rendezvous(const struct lb_set *set, uint64_t h)
{
	uint64_t best = 0;
	int at = -1;

	for (int i = 0; i < set->count; i++) {
		uint32_t n = neg_log2(mix(h ^ mix((uint64_t)set->srv[i]->id)));
		uint64_t score = ((uint64_t)set->weight[i] << 40) / (n ? n : 1);

		if (at < 0 || score > best) {
			best = score;
			at = i;
		}
	}
	return set->srv[at];
}

const struct server *
lb_hash_choose(struct txn *t, const struct lb_set *set)
{
	struct sv key = SV_NULL;
	bool has = false;
	uint32_t h = 0;

	switch (t->be->lb.algo) {
	case LB_SOURCE:
		has = source_hash(t, &h);
		break;
	case LB_URI:
		has = uri_key(t, &key);
		h = sdbm(key);
		break;
	case LB_HDR:
		has = hdr_key(t, &key);
		h = sdbm(key);
		break;
	case LB_ROUNDROBIN:
	case LB_STATIC_RR:
	case LB_LEASTCONN:
	case LB_RANDOM:
	case LB_FIRST:
	case LB_N:
		break;
	}
	if (!has)
		return NULL;
	return t->be->lb.consistent ? rendezvous(set, mix(h))
				    : lb_rr_at(t->be, set, h);
}
