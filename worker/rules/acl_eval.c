/* SPDX-License-Identifier: MIT */
/*
 * Evaluation of ACLs and conditions.
 */
#include <arpa/inet.h>
#include <ctype.h>

#include "shm/conf/acl.h"
#include "shm/conf/regx.h"
#include "worker/rules/expr_eval.h"

/* A header list is scanned anew for each of its values. */
enum { ACL_VALUES_MAX = 256 };

static bool
acl_eq(struct sv a, struct sv b, bool icase)
{
	return icase ? sv_ieq(a, b) : sv_eq(a, b);
}

static bool
acl_sub(struct sv s, struct sv needle, bool icase)
{
	size_t i;

	if (!icase)
		return sv_find(s, needle) >= 0;
	for (i = 0; i + needle.n <= s.n; i++) {
		if (sv_ieq(sv_of(s.p + i, needle.n), needle))
			return true;
	}
	return false;
}

/* Needle stands in s between delimiters (or the ends), its own left out. */
static bool
acl_part(struct sv s, struct sv needle, const char *delims, bool icase)
{
	size_t i;

	while (needle.n && strchr(delims, needle.p[0]))
		needle = sv_from(needle, 1);
	while (needle.n && strchr(delims, needle.p[needle.n - 1]))
		needle.n--;
	if (needle.n == 0)
		return false;
	for (i = 0; i + needle.n <= s.n; i++) {
		size_t end = i + needle.n;

		if (i > 0 && !strchr(delims, s.p[i - 1]))
			continue;
		if (end < s.n && !strchr(delims, s.p[end]))
			continue;
		if (acl_eq(sv_of(s.p + i, needle.n), needle, icase))
			return true;
	}
	return false;
}

static bool
acl_text_one(const struct acl *a, const struct acl_pattern *p, struct sv s)
{
	struct sv part = s;

	switch (a->match) {
	case ACL_STR:
		return acl_eq(s, p->s, a->icase);
	case ACL_BEG:
		if (s.n < p->s.n)
			return false;
		part.n = p->s.n;
		return acl_eq(part, p->s, a->icase);
	case ACL_END:
		if (s.n < p->s.n)
			return false;
		return acl_eq(sv_from(s, s.n - p->s.n), p->s, a->icase);
	case ACL_SUB:
		return acl_sub(s, p->s, a->icase);
	case ACL_DIR:
		return acl_part(s, p->s, "/?", a->icase);
	case ACL_DOM:
		return acl_part(s, p->s, "/?.:", a->icase);
	case ACL_REG:
		return regx_match(p->re, s, NULL);
	case ACL_LEN:
		return (long long)s.n >= p->low && (long long)s.n <= p->high;
	case ACL_METH:
		return sv_eq(s, p->s) ||
		    (a->icase && sv_ieq(s, p->s) &&
			http_method_of(s) == HTTP_OTHER);
	case ACL_FOUND:
	case ACL_BOOL:
	case ACL_INT:
	case ACL_IP:
	case ACL_MATCH_N:
		break;
	}
	return false;
}

static bool
acl_set_has(const struct acl *a, struct sv s)
{
	uint32_t at = (uint32_t)acl_set_hash(s, a->icase) & a->set->mask;

	for (; a->set->slot[at]; at = (at + 1) & a->set->mask) {
		if (acl_eq(a->set->slot[at]->s, s, a->icase))
			return true;
	}
	return false;
}

static bool
acl_text(const struct acl *a, struct sv s)
{
	const struct acl_pattern *p;

	if (a->set)
		return acl_set_has(a, s);
	for (p = a->patterns; p; p = p->next) {
		if (acl_text_one(a, p, s))
			return true;
	}
	return false;
}

static bool
acl_net(const uint8_t *addr, const uint8_t *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(addr, net, whole) != 0)
		return false;
	return rest == 0 || ((addr[whole] ^ net[whole]) >> (8 - rest)) == 0;
}

/* An IPv4 network also holds the v6 forms of its addresses, and the reverse. */
static bool
acl_ip(const struct acl *a, const struct addr *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct acl_pattern *p;
	uint8_t v6[16];
	bool has_v4;

	if (addr->u.sa.sa_family == AF_INET) {
		memcpy(v6, mapped, 12);
		memcpy(v6 + 12, &addr->u.in4.sin_addr, 4);
	} else if (addr->u.sa.sa_family == AF_INET6) {
		memcpy(v6, &addr->u.in6.sin6_addr, 16);
	} else {
		return false;
	}
	has_v4 = memcmp(v6, mapped, 12) == 0;
	for (p = a->patterns; p; p = p->next) {
		if (p->is_v6
			? acl_net(v6, p->net, p->prefix_bits)
			: has_v4 && acl_net(v6 + 12, p->net, p->prefix_bits))
			return true;
	}
	return false;
}

static bool
acl_int(const struct acl *a, long long i)
{
	const struct acl_pattern *p;

	for (p = a->patterns; p; p = p->next) {
		if (i >= p->low && i <= p->high)
			return true;
	}
	return false;
}

static bool
acl_match_sample(const struct acl *a, struct txn *t, struct sample *s)
{
	switch (a->match) {
	case ACL_FOUND:
		return true;
	case ACL_BOOL:
		return sample_cast(t, s, SMP_BOOL) && s->i;
	case ACL_INT:
		return sample_to_int(s) && acl_int(a, s->i);
	case ACL_IP:
		return sample_cast(t, s, SMP_ADDR) && acl_ip(a, &s->addr);
	case ACL_STR:
	case ACL_BEG:
	case ACL_END:
	case ACL_SUB:
	case ACL_DIR:
	case ACL_DOM:
	case ACL_REG:
	case ACL_LEN:
	case ACL_METH:
		return sample_to_str(t, s) && acl_text(a, s->s);
	case ACL_MATCH_N:
		break;
	}
	return false;
}

static bool
acl_eval(const struct acl *a, struct txn *t)
{
	uint32_t used = t->arena.used_bytes;
	struct sample s;
	bool hit = false;
	int n;

	for (n = 0; n < ACL_VALUES_MAX && !hit; n++) {
		if (!a->expr->fetch->get(t, a->expr->arg, a->expr->argc, n, &s))
			break;
		/* A value that cannot be converted ends the search. */
		if (!expr_convert(a->expr, t, &s))
			break;
		hit = acl_match_sample(a, t, &s);
		/* What was made for the comparison is needed no more. */
		t->arena.used_bytes = used;
	}
	t->arena.used_bytes = used;
	return hit;
}

static bool
cond_term_eval(const struct cond_term *term, struct txn *t)
{
	const struct acl *a;
	bool hit = false;

	for (a = term->acl; a && !hit; a = a->alt)
		hit = acl_eval(a, t);
	return hit != term->negated;
}

bool
cond_eval(const struct cond *c, struct txn *t)
{
	const struct cond_term *term;
	bool all = false;
	int k;

	if (!c)
		return true;
	for (k = 0; k < c->or_count && !all; k++) {
		all = true;
		for (term = c->or_terms[k]; term && all; term = term->next)
			all = cond_term_eval(term, t);
	}
	return all != c->unless;
}
