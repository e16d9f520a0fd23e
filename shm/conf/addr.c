/* SPDX-License-Identifier: MIT */
/*
 * Addresses as the configuration writes them.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/conf/addr.h"

enum { TEXT_MAX = 512 };

struct addr_scan {
	struct addr *a;
	unsigned flags;
	int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
	int port_end;
	char *err;
	size_t err_room;
};

static int fail(struct addr_scan *sc, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
fail(struct addr_scan *sc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sc->err, sc->err_room, fmt, ap);
	va_end(ap);
	return -WSE_SYNTAX;
}

/* Replace $NAME and ${NAME}: addresses have them without quotes, too. */
static int
expand(struct addr_scan *sc, const char *s, char *out)
{
	size_t n = 0;

	while (*s) {
		const char *name, *v;
		char buf[128];
		size_t len = 0;
		bool brace;

		if (*s != '$') {
			if (n + 1 >= TEXT_MAX)
				return fail(sc, "the address is too long");
			out[n++] = *s++;
			continue;
		}
		brace = s[1] == '{';
		name = s + 1 + brace;
		while (isalnum((unsigned char)name[len]) || name[len] == '_')
			len++;
		if (!len || len >= sizeof(buf) || (brace && name[len] != '}'))
			return fail(sc, "bad variable in '%s'", s);
		memcpy(buf, name, len);
		buf[len] = '\0';
		v = getenv(buf);
		if (!v)
			return fail(
			    sc, "environment variable '%s' is not set", buf);
		if (n + strlen(v) >= TEXT_MAX)
			return fail(sc, "the address is too long");
		memcpy(out + n, v, strlen(v));
		n += strlen(v);
		s = name + len + brace;
	}
	out[n] = '\0';
	return 0;
}

static int
parse_unix(struct addr_scan *sc, const char *path, bool is_abstract)
{
	struct sockaddr_un *un = &sc->a->u.un;
	size_t n = strlen(path), room = sizeof(un->sun_path) - 1;

	if (!n)
		return fail(sc, "the socket's name is empty");
	if (n > room)
		return fail(sc,
		    "the socket's name '%s' is too long, at most %zu "
		    "bytes",
		    path, room);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + is_abstract, path, n);
	/* As HAProxy's: an abstract name is padded with NULs. */
	sc->a->len = (socklen_t)sizeof(*un);
	if (!is_abstract)
		sc->a->len =
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	sc->a->kind = is_abstract ? ADDR_ABNS : ADDR_UNIX;
	return 0;
}

static int
parse_number(const char *s, size_t n, int max)
{
	int v = 0;

	if (!n || n > 9)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v <= max ? v : -1;
}

static int
parse_fd(struct addr_scan *sc, const char *s)
{
	sc->a->kind = ADDR_FD;
	sc->a->fd = parse_number(s, strlen(s), 0x7ffffff);
	if (sc->a->fd < 0)
		return fail(sc, "'fd@%s' needs the number of a descriptor", s);
	return 0;
}

static int
parse_port(struct addr_scan *sc, const char *s, int *port_r)
{
	const char *dash = strchr(s, '-');
	size_t n = dash ? (size_t)(dash - s) : strlen(s);

	if (*s == '+')
		return fail(sc,
		    "port offset '%s' is not supported; write the "
		    "port itself",
		    s);
	*port_r = parse_number(s, n, 65535);
	if (*port_r < 0)
		return fail(sc, "invalid port number '%s'", s);
	if (!dash)
		return 0;
	if (!(sc->flags & ADDR_F_RANGE))
		return fail(sc, "a range of ports '%s' is not allowed here", s);
	sc->port_end = parse_number(dash + 1, strlen(dash + 1), 65535);
	if (sc->port_end < *port_r || *port_r == 0)
		return fail(sc, "invalid range of ports '%s'", s);
	return 0;
}

static int
resolve(struct addr_scan *sc, const char *host)
{
	struct addrinfo hints = { .ai_family = sc->family,
		.ai_socktype = SOCK_STREAM },
			*ai = NULL;
	int r;

	for (const char *p = host; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return fail(sc, "invalid address: '%s'", host);
	if (!(sc->flags & ADDR_F_RESOLVE))
		return fail(sc,
		    "'%s' is not an IP address (names are not "
		    "resolved here)",
		    host);
	r = sc->flags & ADDR_F_OFFLINE ? EAI_NONAME
				       : getaddrinfo(host, NULL, &hints, &ai);
	if (r || !ai || ai->ai_addrlen > sizeof(sc->a->u.ss)) {
		if (ai)
			freeaddrinfo(ai);
		fail(sc, "could not resolve address '%s' (%s)", host,
		    gai_strerror(r ? r : EAI_FAIL));
		return -WSE_NOTFOUND;
	}
	memcpy(&sc->a->u.ss, ai->ai_addr, ai->ai_addrlen);
	sc->a->len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return 0;
}

static int
parse_host(struct addr_scan *sc, const char *host)
{
	struct addr *a = sc->a;

	if (sc->family != AF_INET && strchr(host, ':')) {
		a->u.in6.sin6_family = AF_INET6;
		a->len = sizeof(a->u.in6);
		if (inet_pton(AF_INET6, host, &a->u.in6.sin6_addr) != 1)
			return fail(sc, "invalid address: '%s'", host);
		return 0;
	}
	if (sc->family == AF_INET6 && (!*host || strcmp(host, "*") == 0)) {
		a->u.in6.sin6_family = AF_INET6;
		a->len = sizeof(a->u.in6);
		return 0;
	}
	a->u.in4.sin_family = AF_INET;
	a->len = sizeof(a->u.in4);
	if (!*host || strcmp(host, "*") == 0)
		return 0;
	if (sc->family != AF_INET6 &&
	    inet_pton(AF_INET, host, &a->u.in4.sin_addr) == 1)
		return 0;
	memset(&a->u, 0, sizeof(a->u));
	a->len = 0;
	return resolve(sc, host);
}

/* "host", "host:port", "[v6]:port", "v6:port" (the last colon counts). */
static int
parse_inet(struct addr_scan *sc, char *s)
{
	char *port_text = NULL, *close, *host = s;
	int port = 0, r = 0;

	if (*s == '[') {
		host = s + 1;
		close = strchr(s, ']');
		if (!close || (close[1] && close[1] != ':'))
			return fail(sc, "invalid address: '%s'", s);
		*close = '\0';
		if (sc->family == AF_UNSPEC)
			sc->family = AF_INET6;
		if (close[1])
			port_text = close + 2;
	} else if ((close = strrchr(s, ':')) != NULL) {
		*close = '\0';
		port_text = close + 1;
	}
	if (port_text && *port_text) {
		r = parse_port(sc, port_text, &port);
		sc->a->has_port = true;
	}
	if (r == 0)
		r = parse_host(sc, host);
	if (r == 0)
		addr_set_port(sc->a, port);
	return r;
}

static const struct {
	const char *text;
	enum addr_kind kind;
	int family;
	const char *instead; /* not supported, but known */
} prefixes[] = {
	{ "unix@", ADDR_UNIX, 0, NULL },
	{ "abns@", ADDR_ABNS, 0, NULL },
	{ "fd@", ADDR_FD, 0, NULL },
	{ "ipv4@", ADDR_INET, AF_INET, NULL },
	{ "ipv6@", ADDR_INET, AF_INET6, NULL },
	{ "tcp@", ADDR_INET, AF_UNSPEC, NULL },
	{ "tcp4@", ADDR_INET, AF_INET, NULL },
	{ "tcp6@", ADDR_INET, AF_INET6, NULL },
	{ "abnsz@", ADDR_N, 0, "abns@" },
	{ "sockpair@", ADDR_N, 0, "fd@" },
	{ "quic4@", ADDR_N, 0, "an address for TCP" },
	{ "quic6@", ADDR_N, 0, "an address for TCP" },
	{ "mptcp@", ADDR_N, 0, "an address for TCP" },
	{ "rhttp@", ADDR_N, 0, "an address for TCP" },
	{ "ring@", ADDR_N, 0, "a syslog address or stdout" },
};

static int
parse_any(struct addr_scan *sc, char *s)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t n = strlen(prefixes[i].text);

		if (strncmp(s, prefixes[i].text, n) != 0)
			continue;
		sc->family = prefixes[i].family;
		switch (prefixes[i].kind) {
		case ADDR_UNIX:
		case ADDR_ABNS:
			return parse_unix(
			    sc, s + n, prefixes[i].kind == ADDR_ABNS);
		case ADDR_FD:
			return parse_fd(sc, s + n);
		case ADDR_INET:
			return parse_inet(sc, s + n);
		case ADDR_N:
			return fail(sc,
			    "'%s' addresses are not supported; "
			    "instead use %s",
			    prefixes[i].text, prefixes[i].instead);
		}
	}
	if (*s == '/')
		return parse_unix(sc, s, false);
	if (!*s)
		return fail(sc, "the address is empty");
	return parse_inet(sc, s);
}

int
addr_parse_ext(const char *s, unsigned flags, struct addr *a_r, int *port_end_r,
    char *err, size_t err_room)
{
	struct addr_scan sc = { .a = a_r,
		.flags = flags,
		.family = AF_UNSPEC,
		.err = err,
		.err_room = err_room };
	char text[TEXT_MAX];
	int r;

	memset(a_r, 0, sizeof(*a_r));
	a_r->fd = -1;
	r = expand(&sc, s, text);
	if (r == 0)
		r = parse_any(&sc, text);
	if (r)
		a_r->len = 0;
	*port_end_r = sc.port_end;
	return r;
}

int
addr_parse(const char *s, struct addr *a_r, char *err, size_t err_room)
{
	int port_end;

	return addr_parse_ext(s, 0, a_r, &port_end, err, err_room);
}

int
addr_port(const struct addr *a)
{
	if (a->kind != ADDR_INET)
		return 0;
	return ntohs(a->u.sa.sa_family == AF_INET6 ? a->u.in6.sin6_port
						   : a->u.in4.sin_port);
}

void
addr_set_port(struct addr *a, int port)
{
	if (a->kind != ADDR_INET)
		return;
	if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons((uint16_t)port);
	else
		a->u.in4.sin_port = htons((uint16_t)port);
}

int
addr_parse_net(const char *s, struct addr *a_r, uint8_t *bits_r)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	int bits, max;

	memset(a_r, 0, sizeof(*a_r));
	a_r->fd = -1;
	if (n >= sizeof(host))
		return -WSE_SYNTAX;
	memcpy(host, s, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &a_r->u.in4.sin_addr) == 1) {
		a_r->u.in4.sin_family = AF_INET;
		a_r->len = sizeof(a_r->u.in4);
		max = 32;
	} else if (inet_pton(AF_INET6, host, &a_r->u.in6.sin6_addr) == 1) {
		a_r->u.in6.sin6_family = AF_INET6;
		a_r->len = sizeof(a_r->u.in6);
		max = 128;
	} else {
		return -WSE_SYNTAX;
	}
	bits = slash ? parse_number(slash + 1, strlen(slash + 1), max) : max;
	if (bits < 0) {
		a_r->len = 0;
		return -WSE_SYNTAX;
	}
	*bits_r = (uint8_t)bits;
	return 0;
}

bool
addr_is_equal(const struct addr *a, const struct addr *b)
{
	return a->kind == b->kind && a->len == b->len && a->fd == b->fd &&
	    memcmp(&a->u, &b->u, a->len) == 0;
}

const char *
addr_text(const struct addr *a, char *out, size_t room)
{
	char host[INET6_ADDRSTRLEN] = "?";

	switch (a->kind) {
	case ADDR_FD:
		snprintf(out, room, "fd@%d", a->fd);
		return out;
	case ADDR_UNIX:
		snprintf(out, room, "unix@%.*s", (int)sizeof(a->u.un.sun_path),
		    a->u.un.sun_path);
		return out;
	case ADDR_ABNS:
		snprintf(out, room, "abns@%.*s",
		    (int)sizeof(a->u.un.sun_path) - 1, a->u.un.sun_path + 1);
		return out;
	case ADDR_INET:
	case ADDR_N:
		break;
	}
	if (!a->len) {
		snprintf(out, room, "-");
	} else if (a->u.sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, host, sizeof(host));
		snprintf(out, room, "[%s]:%d", host, addr_port(a));
	} else {
		inet_ntop(AF_INET, &a->u.in4.sin_addr, host, sizeof(host));
		snprintf(out, room, "%s:%d", host, addr_port(a));
	}
	return out;
}
