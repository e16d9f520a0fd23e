/* SPDX-License-Identifier: MIT */
/*
 * See store_row.h.
 */
#include "broker/store_row.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct field {
	const char *name;
	size_t at; /* offset */
	bool text; /* char[STORE_ADDR_MAX], else a uint64_t */
	uint64_t most;
};

#define A_NUM(n, most)                                           \
	{                                                        \
#n, offsetof(struct store_admin, n), false, most \
	}
#define A_TEXT(n)                                            \
	{                                                    \
#n, offsetof(struct store_admin, n), true, 0 \
	}
#define S_NUM(n, most)                                          \
	{                                                       \
#n, offsetof(struct store_seen, n), false, most \
	}
#define S_TEXT(n)                                           \
	{                                                   \
#n, offsetof(struct store_seen, n), true, 0 \
	}

static const struct field admin_fields[] = {
	A_NUM(at_us, UINT64_MAX),
	A_NUM(admin, 63),
	A_NUM(cadmin, 63),
	A_NUM(weight, 256),
	A_NUM(cweight, 256),
	A_NUM(maxconn, INT32_MAX),
	A_NUM(cmaxconn, INT32_MAX),
	A_TEXT(addr),
	A_TEXT(caddr),
	{ NULL, 0, false, 0 },
};

static const struct field seen_fields[] = {
	S_NUM(able, 2),
	S_NUM(able_us, UINT64_MAX),
	S_NUM(op, 3),
	S_NUM(health, UINT32_MAX),
	S_NUM(dials, UINT64_MAX),
	S_NUM(dial_errors, UINT64_MAX),
	S_NUM(tls_full, UINT64_MAX),
	S_NUM(tls_resumed, UINT64_MAX),
	S_TEXT(addr),
	{ NULL, 0, false, 0 },
};

static size_t
put(const struct field *f, const void *from, char *out, size_t room)
{
	const char *base = from;
	size_t n = 0;
	int k;

	out[0] = '\0';
	for (; f->name; f++) {
		const char *sep = n ? " " : "";

		if (f->text)
			k = snprintf(out + n, room - n, "%s%s=%s", sep, f->name,
			    base + f->at);
		else
			k = snprintf(out + n, room - n, "%s%s=%" PRIu64, sep,
			    f->name,
			    *(const uint64_t *)(const void *)(base + f->at));
		if (k < 0 || (size_t)k >= room - n)
			break;
		n += (size_t)k;
	}
	out[n] = '\0';
	return n;
}

static int
get_one(const struct field *f, struct sv value, char *base)
{
	uint64_t *num = (uint64_t *)(void *)(base + f->at);
	int r;

	if (f->text) {
		if (value.n >= STORE_ADDR_MAX)
			return -WSE_RANGE;
		if (value.n)
			memcpy(base + f->at, value.p, value.n);
		base[f->at + value.n] = '\0';
		return 0;
	}
	r = sv_to_u64(value, num);
	return r ? r : *num > f->most ? -WSE_RANGE : 0;
}

static int
get(const struct field *fields, struct sv text, char *base)
{
	while (text.n) {
		ssize_t end = sv_find_char(text, ' ', 0);
		struct sv word = end < 0 ? text : sv_of(text.p, (size_t)end);
		ssize_t eq = sv_find_char(word, '=', 0);
		const struct field *f;
		int r;

		text = sv_from(text, word.n + 1);
		if (eq <= 0 || (word.n && memchr(word.p, '\0', word.n)))
			return -WSE_SYNTAX;
		for (f = fields; f->name; f++)
			if (sv_eq(sv_of(word.p, (size_t)eq), sv_str(f->name)))
				break;
		if (!f->name)
			continue;
		r = get_one(f, sv_from(word, (size_t)eq + 1), base);
		if (r)
			return r;
	}
	return 0;
}

size_t
store_row_put_admin(const struct store_admin *a, char *out, size_t room)
{
	return put(admin_fields, a, out, room);
}

size_t
store_row_put_seen(const struct store_seen *s, char *out, size_t room)
{
	return put(seen_fields, s, out, room);
}

int
store_row_get_admin(struct sv text, struct store_admin *a_r)
{
	memset(a_r, 0, sizeof(*a_r));
	return get(admin_fields, text, (char *)a_r);
}

int
store_row_get_seen(struct sv text, struct store_seen *s_r)
{
	memset(s_r, 0, sizeof(*s_r));
	return get(seen_fields, text, (char *)s_r);
}
