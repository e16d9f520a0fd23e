/* SPDX-License-Identifier: MIT */
/*
 * Fetches of cookies (RFC 6265 4.1.1, 4.2.1).
 */
#include "worker/rules/fetch.h"

/* "name=value" up to ';'; an element without '=' is a name alone. */
static struct sv
cook_take(struct sv *rest, struct sv *name_r)
{
	ssize_t end = sv_find_char(*rest, ';', 0);
	struct sv pair = end < 0 ? *rest : sv_of(rest->p, (size_t)end);
	ssize_t eq = sv_find_char(pair, '=', 0);

	*rest = end < 0 ? SV_NULL : sv_from(*rest, (size_t)end + 1);
	if (eq < 0) {
		*name_r = SV_NULL;
		return SV_NULL;
	}
	*name_r = sv_trim(sv_of(pair.p, (size_t)eq));
	return sv_trim(sv_from(pair, (size_t)eq + 1));
}

/* As hdr_walk(): number `want` of the values, or how many there are. */
static bool
cook_walk(const struct http_head *h, bool set, struct sv name, int want,
    struct sv *value_r, int *count_r)
{
	enum http_hid id = set ? HID_SET_COOKIE : HID_COOKIE;
	struct sv rest, key, value;
	int count = 0, i;

	for (i = 0; i < h->hdr_count; i++) {
		if (h->hdr[i].id != id)
			continue;
		rest = h->hdr[i].value;
		do {
			value = cook_take(&rest, &key);
			if (!value.p || (name.n && !sv_eq(key, name)))
				continue;
			*value_r = value;
			if (count++ == want)
				return true;
			/* What follows in Set-Cookie are attributes. */
		} while (!set && rest.n);
	}
	*count_r = count;
	return want == FETCH_LAST && count > 0;
}

static bool
cook_str(const struct http_head *h, bool set, const struct fetch_arg *a,
    int argc, int n, struct sample *out)
{
	int count;

	out->type = SMP_STR;
	return h &&
	    cook_walk(h, set, argc > 0 ? a[0].s : SV_NULL, n, &out->s, &count);
}

static bool
cook_count(const struct http_head *h, bool set, const struct fetch_arg *a,
    int argc, int n, struct sample *out)
{
	struct sv value;
	int count = 0;

	if (!h || n > 0)
		return false;
	cook_walk(
	    h, set, argc > 0 ? a[0].s : SV_NULL, FETCH_LAST, &value, &count);
	return sample_set_int(out, count);
}

bool
fetch_cook_req(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return cook_str(t->req, false, a, argc, n, out);
}

bool
fetch_cook_req_count(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return cook_count(t->req, false, a, argc, n, out);
}

bool
fetch_cook_req_val(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return cook_str(t->req, false, a, argc, n, out) && sample_to_int(out);
}

bool
fetch_cook_res(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return cook_str(t->res, true, a, argc, n, out);
}

bool
fetch_cook_res_count(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return cook_count(t->res, true, a, argc, n, out);
}

bool
fetch_cook_res_val(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return cook_str(t->res, true, a, argc, n, out) && sample_to_int(out);
}
