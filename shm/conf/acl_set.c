/* SPDX-License-Identifier: MIT */
/*
 * Finding ACLs by name, and the hash of an ACL's exact strings.
 */
#include <ctype.h>
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/acl.h"

/* HAProxy's predefined ACLs, parsed when first asked for. */
static const struct {
	const char *name;
	const char *words[4];
} acl_builtin[] = {
	{ "FALSE", { "always_false" } },
	{ "TRUE", { "always_true" } },
	{ "HTTP", { "req.proto_http" } },
	{ "HTTP_1.0", { "req.ver", "1.0" } },
	{ "HTTP_1.1", { "req.ver", "1.1" } },
	{ "HTTP_2.0", { "req.ver", "2.0" } },
	{ "HTTP_CONTENT", { "req.hdr_val(content-length)", "gt", "0" } },
	{ "HTTP_URL_ABS", { "url_reg", "^[^/:]*://" } },
	{ "HTTP_URL_SLASH", { "url_beg", "/" } },
	{ "HTTP_URL_STAR", { "url", "*" } },
	{ "LOCALHOST", { "src", "127.0.0.1/8", "::1" } },
	{ "METH_CONNECT", { "method", "CONNECT" } },
	{ "METH_DELETE", { "method", "DELETE" } },
	{ "METH_GET", { "method", "GET", "HEAD" } },
	{ "METH_HEAD", { "method", "HEAD" } },
	{ "METH_OPTIONS", { "method", "OPTIONS" } },
	{ "METH_POST", { "method", "POST" } },
	{ "METH_PUT", { "method", "PUT" } },
	{ "METH_TRACE", { "method", "TRACE" } },
	{ "REQ_CONTENT", { "always_true" } },
	{ "WAIT_END", { "always_true" } },
};

enum { ACL_BUILTIN_N = sizeof(acl_builtin) / sizeof(*acl_builtin) };

static struct acl *builtin_cache[ACL_BUILTIN_N];

static void
acl_builtin_done(void)
{
	int k;

	for (k = 0; k < ACL_BUILTIN_N; k++)
		acl_free(&builtin_cache[k]);
}

static struct acl *
acl_builtin_get(int k)
{
	static bool registered;
	struct conf_line ln = { .file = "(predefined)", .line = 0 };
	struct conf_parse cp = { .ln = &ln, .quiet = true };
	int end;

	if (builtin_cache[k])
		return builtin_cache[k];
	while (ln.count < 4 && acl_builtin[k].words[ln.count]) {
		ln.word[ln.count].s =
		    (char *)(uintptr_t)acl_builtin[k].words[ln.count];
		ln.count++;
	}
	if (acl_parse_body(&cp, 0, false, &builtin_cache[k], &end) < 0)
		return NULL;
	builtin_cache[k]->name = mem_strdup(acl_builtin[k].name);
	if (!registered)
		registered = atexit(acl_builtin_done) == 0;
	return builtin_cache[k];
}

struct acl *
acl_find(const struct proxy *px, const char *name)
{
	struct acl *a;
	int k;

	for (a = px ? px->acls : NULL; a; a = a->next) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	for (k = 0; k < ACL_BUILTIN_N; k++) {
		if (strcmp(acl_builtin[k].name, name) == 0)
			return acl_builtin_get(k);
	}
	return NULL;
}

int
acl_names(const struct proxy *px, const char **out, int room)
{
	const struct acl *a;
	int n = 0, k;

	for (a = px ? px->acls : NULL; a && n < room; a = a->next)
		out[n++] = a->name;
	for (k = 0; k < ACL_BUILTIN_N && n < room; k++)
		out[n++] = acl_builtin[k].name;
	return n;
}

uint64_t
acl_set_hash(struct sv s, bool icase)
{
	uint64_t h = 0xcbf29ce484222325u;
	size_t i;

	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		h ^= icase ? (unsigned char)tolower(c) : c;
		h *= 0x100000001b3u;
	}
	return h ^ (h >> 32);
}

void
acl_set_build(struct acl *a)
{
	const struct acl_pattern *p;
	uint32_t n = 0, slots = 16, at;

	if (a->match != ACL_STR)
		return;
	for (p = a->patterns; p; p = p->next)
		n++;
	if (n < ACL_SET_MIN)
		return;
	while (slots < n * 2)
		slots *= 2;
	a->set = mem_alloc(sizeof(*a->set));
	a->set->mask = slots - 1;
	a->set->slot = mem_alloc(slots * sizeof(*a->set->slot));
	for (p = a->patterns; p; p = p->next) {
		at = (uint32_t)acl_set_hash(p->s, a->icase) & a->set->mask;
		while (a->set->slot[at])
			at = (at + 1) & a->set->mask;
		a->set->slot[at] = p;
	}
}
