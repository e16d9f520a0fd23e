/* SPDX-License-Identifier: MIT */
#include "shm/conf/acl_pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/regx.h"

static const struct {
	const char *name;
	enum acl_match match;
} match_names[] = {
	{ "found", ACL_FOUND },
	{ "bool", ACL_BOOL },
	{ "int", ACL_INT },
	{ "ip", ACL_IP },
	{ "str", ACL_STR },
	{ "bin", ACL_STR },
	{ "beg", ACL_BEG },
	{ "end", ACL_END },
	{ "sub", ACL_SUB },
	{ "dir", ACL_DIR },
	{ "dom", ACL_DOM },
	{ "reg", ACL_REG },
	{ "len", ACL_LEN },
};

int
acl_match_parse(const char *name)
{
	size_t k;

	for (k = 0; k < sizeof(match_names) / sizeof(*match_names); k++) {
		if (strcmp(name, match_names[k].name) == 0)
			return (int)match_names[k].match;
	}
	return -1;
}

/* "80", "80:90", ":90", "80:" */
static bool
acl_range(const char *s, long long *low, long long *high)
{
	bool has_low = *s != ':';
	char *end;

	*low = LLONG_MIN;
	*high = LLONG_MAX;
	if (has_low) {
		errno = 0;
		*low = strtoll(s, &end, 10);
		if (end == s || errno)
			return false;
		s = end;
		if (!*s) {
			*high = *low;
			return true;
		}
	}
	if (*s++ != ':')
		return false;
	if (!*s)
		return has_low;
	errno = 0;
	*high = strtoll(s, &end, 10);
	return end != s && !*end && !errno;
}

static int
acl_pattern_int(
    struct acl_pattern *p, const char *op, char *err, size_t err_room)
{
	if (!acl_range(p->s.p, &p->low, &p->high)) {
		snprintf(err, err_room,
		    "'%s' is neither a number, a range nor one of "
		    "eq ge gt le lt",
		    p->s.p);
		return -WSE_SYNTAX;
	}
	if (strcmp(op, "eq") == 0)
		return 0;
	if (p->low != p->high) {
		snprintf(err, err_room, "a range '%s' cannot follow '%s'",
		    p->s.p, op);
		return -WSE_SYNTAX;
	}
	if (op[0] == 'g') {
		p->low += op[1] == 't';
		p->high = LLONG_MAX;
	} else {
		p->high -= op[1] == 't';
		p->low = LLONG_MIN;
	}
	return 0;
}

/* "255.255.0.0" to 16; -1 for anything else. */
static int
acl_dotted_mask(const char *s)
{
	struct in_addr a;
	uint32_t m;
	int bits = 0;

	if (inet_pton(AF_INET, s, &a) != 1)
		return -1;
	m = ntohl(a.s_addr);
	while (m & 0x80000000u) {
		bits++;
		m <<= 1;
	}
	return m ? -1 : bits;
}

/* "10.0.0.0/8", "10.0.0.0/255.0.0.0", "fe80::/10", "10.1" as HAProxy's */
static int
acl_pattern_ip(struct acl_pattern *p, char *err, size_t err_room)
{
	char text[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(p->s.p, '/');
	size_t n = slash ? (size_t)(slash - p->s.p) : p->s.n;
	char *end = NULL;
	long bits;

	if (n >= sizeof(text))
		goto bad;
	memcpy(text, p->s.p, n);
	text[n] = '\0';
	p->is_v6 = strchr(text, ':') != NULL;
	if (inet_pton(p->is_v6 ? AF_INET6 : AF_INET, text, p->net) != 1)
		goto bad;
	bits = p->is_v6 ? 128 : 32;
	if (slash) {
		long max = bits;

		bits = strtol(slash + 1, &end, 10);
		if (end != slash + 1 && *end == '.' && !p->is_v6)
			bits = acl_dotted_mask(slash + 1);
		else if (end == slash + 1 || *end)
			goto bad;
		if (bits < 0 || bits > max)
			goto bad;
	}
	p->prefix_bits = (uint8_t)bits;
	return 0;
bad:
	snprintf(err, err_room,
	    "'%s' is not a valid IPv4 or IPv6 address "
	    "or network",
	    p->s.p);
	return -WSE_SYNTAX;
}

static bool
acl_is_operator(const char *s)
{
	return strcmp(s, "eq") == 0 || strcmp(s, "ge") == 0 ||
	    strcmp(s, "gt") == 0 || strcmp(s, "le") == 0 ||
	    strcmp(s, "lt") == 0;
}

int
acl_pattern_new(const char *text, enum acl_match match, bool icase, char op[3],
    struct acl_pattern **p_r, char *err, size_t err_room)
{
	struct acl_pattern *p;
	int rc = 0;

	*p_r = NULL;
	if ((match == ACL_INT || match == ACL_LEN) && acl_is_operator(text)) {
		memcpy(op, text, 3);
		return 0;
	}
	p = mem_alloc(sizeof(*p));
	p->s = sv_of(mem_strdup(text), strlen(text));
	if (match == ACL_INT || match == ACL_LEN)
		rc = acl_pattern_int(p, op, err, err_room);
	else if (match == ACL_IP)
		rc = acl_pattern_ip(p, err, err_room);
	else if (match == ACL_REG)
		rc = regx_new(text, icase, &p->re, err, err_room);
	if (rc < 0)
		acl_pattern_list_free(&p);
	*p_r = p;
	return rc;
}

void
acl_pattern_list_free(struct acl_pattern **p)
{
	struct acl_pattern *one;

	while ((one = *p)) {
		*p = one->next;
		free((char *)(uintptr_t)one->s.p);
		regx_free(&one->re);
		free(one);
	}
}
