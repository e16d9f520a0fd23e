/* SPDX-License-Identifier: MIT */
/*
 * Patterns of an ACL, as parsed; worker/rules/acl_eval.c matches them.
 */
#ifndef SHM_CONF_ACL_H
#define SHM_CONF_ACL_H

#include "shm/conf/rule.h"

struct regx;

/* A pattern of any match method; the fields its method needs are set. */
struct acl_pattern {
	struct acl_pattern *next;
	struct sv s;         /* the text, NUL-terminated behind, owned */
	long long low, high; /* ACL_INT, ACL_LEN: inclusive */
	uint8_t net[16];     /* ACL_IP: IPv4 in the first 4 bytes */
	uint8_t prefix_bits;
	bool is_v6;
	struct regx *re; /* ACL_REG */
};

/* Open hash of exact strings, for ACL_STR with many patterns. */
struct acl_set {
	uint32_t mask; /* slots - 1 */
	const struct acl_pattern **slot;
};

/* More patterns than this and exact strings are hashed. */
enum { ACL_SET_MIN = 12 };

/*
 * An ACL's expression, flags and patterns from word i on, up to the end of
 * the line or (anonymous) the word "}" ; *end_r is the first word after it.
 */
MUST_USE int acl_parse_body(
    struct conf_parse *cp, int i, bool anonymous, struct acl **a_r, int *end_r);
/* Every `acl` of that name in the proxy, or the predefined one, or NULL. */
struct acl *acl_find(const struct proxy *px, const char *name);
/* All names acl_find() knows, for suggestions; number of names. */
int acl_names(const struct proxy *px, const char **out, int room);
void acl_free(struct acl **a);
/* Of lower-cased text, when the ACL ignores case. */
uint64_t acl_set_hash(struct sv s, bool icase);
/* Give a string list its hash when that pays. */
void acl_set_build(struct acl *a);

#endif
