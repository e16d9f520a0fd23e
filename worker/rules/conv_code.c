/* SPDX-License-Identifier: MIT */
/*
 * Converters between encodings.
 */
#include <ctype.h>

#include "worker/rules/conv.h"

static const char b64_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char b64_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int
code_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

bool
conv_code_hex(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	static const char digits[] = "0123456789ABCDEF";
	char *p = sample_mem(t, io->s.n * 2);
	size_t i;

	(void)a;
	(void)argc;
	if (!p)
		return false;
	for (i = 0; i < io->s.n; i++) {
		p[2 * i] = digits[(unsigned char)io->s.p[i] >> 4];
		p[2 * i + 1] = digits[(unsigned char)io->s.p[i] & 15];
	}
	return sample_set_str(io, sv_of(p, io->s.n * 2));
}

bool
conv_code_hex2i(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	unsigned long long v = 0;
	size_t i;

	(void)t;
	(void)a;
	(void)argc;
	for (i = 0; i < io->s.n; i++) {
		int d = code_hex_digit(io->s.p[i]);

		if (d < 0)
			return false;
		v = v << 4 | (unsigned)d;
	}
	return sample_set_int(io, (long long)v);
}

/* RFC 4648 4 and 5 */
static bool
code_b64_enc(struct txn *t, struct sample *io, const char *set, bool pad)
{
	char *out = sample_mem(t, (io->s.n + 2) / 3 * 4);
	const unsigned char *p = (const unsigned char *)io->s.p;
	size_t i, n = 0;

	if (!out)
		return false;
	for (i = 0; i < io->s.n; i += 3) {
		size_t left = io->s.n - i;
		unsigned v = (unsigned)p[i] << 16;

		v |= left > 1 ? (unsigned)p[i + 1] << 8 : 0;
		v |= left > 2 ? p[i + 2] : 0;
		out[n++] = set[v >> 18];
		out[n++] = set[v >> 12 & 63];
		if (left > 1 || pad)
			out[n++] = left > 1 ? set[v >> 6 & 63] : '=';
		if (left > 2 || pad)
			out[n++] = left > 2 ? set[v & 63] : '=';
	}
	return sample_set_str(io, sv_of(out, n));
}

static bool
code_b64_dec(struct txn *t, struct sample *io, const char *set, bool pad)
{
	char *out = sample_mem(t, io->s.n / 4 * 3 + 3);
	struct sv s = io->s;
	unsigned v = 0, bits = 0;
	size_t i, n = 0;

	if (!out || (pad && s.n % 4 != 0))
		return false;
	for (i = 0; i < 2 && s.n && s.p[s.n - 1] == '='; i++)
		s.n--;
	if (s.n % 4 == 1)
		return false;
	for (i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(set, s.p[i]) : NULL;

		if (!at)
			return false;
		v = v << 6 | (unsigned)(at - set);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits & 0xff);
		}
	}
	io->type = SMP_BIN;
	io->s = sv_of(out, n);
	return true;
}

bool
conv_code_base64(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return code_b64_enc(t, io, b64_std, true);
}

bool
conv_code_b64dec(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return code_b64_dec(t, io, b64_std, true);
}

bool
conv_code_ub64enc(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return code_b64_enc(t, io, b64_url, false);
}

bool
conv_code_ub64dec(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return code_b64_dec(t, io, b64_url, false);
}

/* url_dec([in_form]): '+' is a blank behind '?', or everywhere if in_form. */
bool
conv_code_url_dec(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	bool form = argc > 0 && a[0].s.n && !sv_eq(a[0].s, SV("0"));
	char *out = sample_mem(t, io->s.n);
	size_t i, n = 0;

	if (!out)
		return false;
	for (i = 0; i < io->s.n; i++) {
		char c = io->s.p[i];
		int hi, lo;

		if (c == '+' && form) {
			c = ' ';
		} else if (c == '?') {
			form = true;
		} else if (c == '%') {
			if (i + 2 >= io->s.n)
				return false;
			hi = code_hex_digit(io->s.p[i + 1]);
			lo = code_hex_digit(io->s.p[i + 2]);
			if (hi < 0 || lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		out[n++] = c;
	}
	return sample_set_str(io, sv_of(out, n));
}

/* All but RFC 3986's unreserved characters as %XX. */
bool
conv_code_url_enc(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = sample_mem(t, io->s.n * 3);
	size_t i, n = 0;

	(void)a;
	(void)argc;
	if (!out)
		return false;
	for (i = 0; i < io->s.n; i++) {
		unsigned char c = (unsigned char)io->s.p[i];

		if (isalnum(c) || (c && strchr("-._~", c))) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	return sample_set_str(io, sv_of(out, n));
}
