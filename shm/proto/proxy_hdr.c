/* SPDX-License-Identifier: MIT */
/*
 * PROXY protocol headers: bytes in, addresses out, and back.
 */
#include "shm/proto/proxy_hdr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "shm/base/sv.h"

enum { V1_MAX = 107, V2_FIXED = 16, V2_IN4 = 12, V2_IN6 = 36, V2_UNIX = 216 };

static const char v2_sig[12] = "\r\n\r\n\0\r\nQUIT\n";

/* The next word of a v1 line. */
static bool
word(struct sv *line, struct sv *w)
{
	ssize_t sp = sv_find_char(*line, ' ', 0);

	*w = *line;
	if (sp >= 0) {
		w->n = (size_t)sp;
		*line = sv_from(*line, (size_t)sp + 1);
	} else {
		*line = sv_from(*line, line->n);
	}
	return w->n > 0;
}

static bool
v1_addr(struct sv ip, struct sv port, int family, struct proxy_peer *r)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)&r->ss;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&r->ss;
	char text[INET6_ADDRSTRLEN];
	uint64_t n;

	if (ip.n >= sizeof(text) || port.n > 5 || sv_to_u64(port, &n) < 0 ||
	    n > 65535 || (port.n > 1 && port.p[0] == '0'))
		return false;
	memcpy(text, ip.p, ip.n);
	text[ip.n] = '\0';
	memset(&r->ss, 0, sizeof(r->ss));
	r->ss.ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		a4->sin_port = htons((uint16_t)n);
		r->len = sizeof(*a4);
		return inet_pton(AF_INET, text, &a4->sin_addr) == 1;
	}
	a6->sin6_port = htons((uint16_t)n);
	r->len = sizeof(*a6);
	return inet_pton(AF_INET6, text, &a6->sin6_addr) == 1;
}

static ssize_t
v1_parse(
    const char *p, size_t n, struct proxy_peer *src, struct proxy_peer *dst)
{
	const char *end = memchr(p, '\n', n < V1_MAX ? n : V1_MAX);
	struct sv line, w, ip[2], port[2];
	ssize_t bytes;
	int family;

	if (!end)
		return n >= V1_MAX ? -WSE_SYNTAX : 0;
	bytes = end - p + 1;
	if (end == p || end[-1] != '\r')
		return -WSE_SYNTAX;
	line = sv_from(sv_of(p, (size_t)bytes - 2), 6);
	if (!word(&line, &w))
		return -WSE_SYNTAX;
	if (sv_eq(w, SV("UNKNOWN")))
		return bytes;
	if (sv_eq(w, SV("TCP4")))
		family = AF_INET;
	else if (sv_eq(w, SV("TCP6")))
		family = AF_INET6;
	else
		return -WSE_SYNTAX;
	if (!word(&line, &ip[0]) || !word(&line, &ip[1]) ||
	    !word(&line, &port[0]) || !word(&line, &port[1]) || line.n ||
	    !v1_addr(ip[0], port[0], family, src) ||
	    !v1_addr(ip[1], port[1], family, dst))
		return -WSE_SYNTAX;
	return bytes;
}

static void
v2_in4(const uint8_t *p, struct proxy_peer *src, struct proxy_peer *dst)
{
	struct sockaddr_in s = { .sin_family = AF_INET }, d = s;

	memcpy(&s.sin_addr, p, 4);
	memcpy(&d.sin_addr, p + 4, 4);
	memcpy(&s.sin_port, p + 8, 2);
	memcpy(&d.sin_port, p + 10, 2);
	memcpy(&src->ss, &s, sizeof(s));
	memcpy(&dst->ss, &d, sizeof(d));
	src->len = dst->len = sizeof(s);
}

static void
v2_in6(const uint8_t *p, struct proxy_peer *src, struct proxy_peer *dst)
{
	struct sockaddr_in6 s = { .sin6_family = AF_INET6 }, d = s;

	memcpy(&s.sin6_addr, p, 16);
	memcpy(&d.sin6_addr, p + 16, 16);
	memcpy(&s.sin6_port, p + 32, 2);
	memcpy(&d.sin6_port, p + 34, 2);
	memcpy(&src->ss, &s, sizeof(s));
	memcpy(&dst->ss, &d, sizeof(d));
	src->len = dst->len = sizeof(s);
}

static ssize_t
v2_parse(
    const char *text, size_t n, struct proxy_peer *src, struct proxy_peer *dst)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t len;

	if (n < V2_FIXED)
		return 0;
	len = (size_t)p[14] << 8 | p[15];
	if (p[12] >> 4 != 2 || (p[12] & 15) > 1)
		return -WSE_SYNTAX;
	if (len > PROXY_HDR_MAX - V2_FIXED)
		return -WSE_TOOBIG;
	if (n < V2_FIXED + len)
		return 0;
	if ((p[12] & 15) == 0) /* LOCAL: whoever connected */
		return (ssize_t)(V2_FIXED + len);
	switch (p[13]) {
	case 0x11:
		if (len < V2_IN4)
			return -WSE_SYNTAX;
		v2_in4(p + V2_FIXED, src, dst);
		break;
	case 0x21:
		if (len < V2_IN6)
			return -WSE_SYNTAX;
		v2_in6(p + V2_FIXED, src, dst);
		break;
	default: /* nothing we can use; the connection's own then */
		break;
	}
	return (ssize_t)(V2_FIXED + len);
}

ssize_t
proxy_hdr_parse(
    const char *p, size_t n, struct proxy_peer *src_r, struct proxy_peer *dst_r)
{
	size_t k;

	src_r->len = dst_r->len = 0;
	k = n < 6 ? n : 6;
	if (memcmp(p, "PROXY ", k) == 0)
		return n < 6 ? 0 : v1_parse(p, n, src_r, dst_r);
	k = n < sizeof(v2_sig) ? n : sizeof(v2_sig);
	if (memcmp(p, v2_sig, k) == 0)
		return n < sizeof(v2_sig) ? 0 : v2_parse(p, n, src_r, dst_r);
	return -WSE_SYNTAX;
}

static ssize_t
v1_write(const struct sockaddr *src, const struct sockaddr *dst, int family,
    char *out, size_t room)
{
	const struct sockaddr_in *s4 = (const struct sockaddr_in *)src;
	const struct sockaddr_in *d4 = (const struct sockaddr_in *)dst;
	const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)src;
	const struct sockaddr_in6 *d6 = (const struct sockaddr_in6 *)dst;
	char a[INET6_ADDRSTRLEN] = "", b[INET6_ADDRSTRLEN] = "";
	int n;

	if (family == AF_INET) {
		(void)inet_ntop(family, &s4->sin_addr, a, sizeof(a));
		(void)inet_ntop(family, &d4->sin_addr, b, sizeof(b));
		n = snprintf(out, room, "PROXY TCP4 %s %s %u %u\r\n", a, b,
		    ntohs(s4->sin_port), ntohs(d4->sin_port));
	} else if (family == AF_INET6) {
		(void)inet_ntop(family, &s6->sin6_addr, a, sizeof(a));
		(void)inet_ntop(family, &d6->sin6_addr, b, sizeof(b));
		n = snprintf(out, room, "PROXY TCP6 %s %s %u %u\r\n", a, b,
		    ntohs(s6->sin6_port), ntohs(d6->sin6_port));
	} else {
		n = snprintf(out, room, "PROXY UNKNOWN\r\n");
	}
	return n < 0 || (size_t)n >= room ? -WSE_TOOBIG : n;
}

static ssize_t
v2_write(const struct sockaddr *src, const struct sockaddr *dst, int family,
    char *out, size_t room)
{
	const struct sockaddr_in *s4 = (const struct sockaddr_in *)src;
	const struct sockaddr_in *d4 = (const struct sockaddr_in *)dst;
	const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)src;
	const struct sockaddr_in6 *d6 = (const struct sockaddr_in6 *)dst;
	size_t len = family == AF_INET ? V2_IN4
	    : family == AF_INET6       ? V2_IN6
				       : 0;
	char *p = out + V2_FIXED;

	if (room < V2_FIXED + len)
		return -WSE_TOOBIG;
	memcpy(out, v2_sig, sizeof(v2_sig));
	out[12] = len ? 0x21 : 0x20;
	out[13] = family == AF_INET ? 0x11 : family == AF_INET6 ? 0x21 : 0;
	out[14] = 0;
	out[15] = (char)len;
	if (family == AF_INET) {
		memcpy(p, &s4->sin_addr, 4);
		memcpy(p + 4, &d4->sin_addr, 4);
		memcpy(p + 8, &s4->sin_port, 2);
		memcpy(p + 10, &d4->sin_port, 2);
	} else if (family == AF_INET6) {
		memcpy(p, &s6->sin6_addr, 16);
		memcpy(p + 16, &d6->sin6_addr, 16);
		memcpy(p + 32, &s6->sin6_port, 2);
		memcpy(p + 34, &d6->sin6_port, 2);
	}
	return (ssize_t)(V2_FIXED + len);
}

ssize_t
proxy_hdr_write(unsigned version, const struct sockaddr *src,
    const struct sockaddr *dst, char *out, size_t room)
{
	int family =
	    src->sa_family == dst->sa_family ? src->sa_family : AF_UNSPEC;

	if (version == 1)
		return v1_write(src, dst, family, out, room);
	return v2_write(src, dst, family, out, room);
}
