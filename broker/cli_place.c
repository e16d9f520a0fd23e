/* SPDX-License-Identifier: MIT */
/*
 * set server ... addr|check-addr|check-port|agent-addr|agent-port: where a
 * server, its checks and its agent are.
 *
 * A server's address is written before its epoch: a worker that sees part of
 * it asks with the old epoch, and is told to ask again.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/check.h"
#include "broker/cli_parts.h"
#include "broker/idle.h"
#include "broker/srv_admin.h"
#include "shm/base/log.h"
#include "shm/conf/addr.h"

enum { PORT_MAX = 65535 };

/* An address without a port, of this machine's libraries' own making. */
static bool
parse_ip(const char *text, struct sockaddr_storage *ss, uint32_t *n_r)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		ss->ss_family = AF_INET;
		*n_r = sizeof(*in4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		ss->ss_family = AF_INET6;
		*n_r = sizeof(*in6);
		return true;
	}
	return false;
}

static void
ip_text(const struct sockaddr_storage *ss, char *out, size_t room)
{
	const void *raw = ss->ss_family == AF_INET
	    ? (const void *)&((const struct sockaddr_in *)ss)->sin_addr
	    : (const void *)&((const struct sockaddr_in6 *)ss)->sin6_addr;

	if ((ss->ss_family != AF_INET && ss->ss_family != AF_INET6) ||
	    !inet_ntop(ss->ss_family, raw, out, (socklen_t)room))
		snprintf(out, room, "(none)");
}

static in_port_t *
port_of(struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6
	    ? &((struct sockaddr_in6 *)ss)->sin6_port
	    : &((struct sockaddr_in *)ss)->sin_port;
}

/* 1 to 65535, or 0 */
static unsigned
parse_port(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return end == text || *end || *text == '-' || n > PORT_MAX
	    ? 0
	    : (unsigned)n;
}

/* What is said of each half: "IP changed from ..., port changed from ..." */
static void
tell(struct cli *c, uint32_t row, const char *ip, const char *port)
{
	char line[512];

	snprintf(line, sizeof(line), "%s%s%s by 'stats socket command'", ip,
	    *port ? ", " : "", port);
	cli_say(c, LOGL_NOTICE, "%s\n", line);
	if (!strstr(line, "changed from"))
		return;
	snprintf(line, sizeof(line),
	    "Server %s/%s: %s%s%s by stats socket "
	    "command.",
	    srv_proxy_name(row), srv_name(row), ip, *port ? ", " : "", port);
	srv_log(row, LOGL_NOTICE, line);
}

void
cli_set_addr(struct cli *c, uint32_t row, int argc, char **argv)
{
	struct board_transport *t = &broker.board.server[row].transport;
	char was[INET6_ADDRSTRLEN], is[INET6_ADDRSTRLEN], ip[160], port[160];
	struct sockaddr_storage old, now;
	unsigned n = 0, before;
	uint32_t len;

	memset(&old, 0, sizeof(old));
	memcpy(&old, t->addr,
	    t->addr_len < BOARD_ADDR_MAX ? t->addr_len : BOARD_ADDR_MAX);
	if (argc < 5 || (argc > 5 && (argc < 7 || strcmp(argv[5], "port")))) {
		cli_say(c, LOGL_ERR,
		    "set server <b>/<s> addr requires an address and "
		    "optionally a port.\n");
		return;
	}
	if (!parse_ip(argv[4], &now, &len)) {
		cli_say(c, LOGL_ERR,
		    "Invalid addr '%s' by 'stats socket command'\n", argv[4]);
		return;
	}
	if (old.ss_family != AF_INET && old.ss_family != AF_INET6) {
		cli_say(c, LOGL_ERR,
		    "Update for the current server address family is only "
		    "supported through configuration file.\n");
		return;
	}
	before = ntohs(*port_of(&old));
	if (argc > 6) {
		n = parse_port(argv[6]);
		if (n == 0) {
			cli_say(c, LOGL_ERR, "provided port is invalid\n");
			return;
		}
	}
	*port_of(&now) = htons((uint16_t)(n ? n : before));
	ip_text(&old, was, sizeof(was));
	ip_text(&now, is, sizeof(is));
	snprintf(ip, sizeof(ip), "no need to change the addr");
	if (strcmp(was, is) != 0)
		snprintf(
		    ip, sizeof(ip), "IP changed from '%s' to '%s'", was, is);
	port[0] = '\0';
	if (n && n == before)
		snprintf(port, sizeof(port), "no need to change the port");
	else if (n)
		snprintf(port, sizeof(port), "port changed from '%u' to '%u'",
		    before, n);
	if (strcmp(was, is) != 0 || (n && n != before))
		srv_set_addr(row, (struct sockaddr *)&now, len);
	tell(c, row, ip, port);
}

/* A port of a check or an agent. */
static void
set_port(struct cli *c, struct board_place *at, const char *text)
{
	unsigned n = parse_port(text);

	if (n == 0)
		cli_say(c, LOGL_ERR, "provided port is invalid\n");
	else
		at->port = n;
}

void
cli_set_place(struct cli *c, uint32_t row, int argc, char **argv)
{
	struct board_server *b = &broker.board.server[row];
	bool is_agent = strncmp(argv[3], "agent", 5) == 0;
	struct board_place *at = is_agent ? &b->agent_at : &b->check_at;
	bool is_port = strstr(argv[3], "-port");
	struct sockaddr_storage ss, own;
	uint32_t n;

	if (!check_is_set(row, is_agent)) {
		cli_say(c, LOGL_ERR,
		    "%s checks are not enabled on this server%s\n",
		    is_agent ? "agent" : "health", is_port ? "." : "");
		return;
	}
	if (argc < 5) {
		cli_say(c, LOGL_ERR, "set server <b>/<s> %s requires %s.\n",
		    argv[3],
		    is_port ? "a port" : "an address and optionally a port");
		return;
	}
	if (is_port) {
		set_port(c, at, argv[4]);
		return;
	}
	if (!parse_ip(argv[4], &ss, &n)) {
		cli_say(c, LOGL_ERR, "invalid addr '%s'\n", argv[4]);
		return;
	}
	/* the server's own port, unless checks have one */
	memset(&own, 0, sizeof(own));
	memcpy(&own, b->transport.addr, sizeof(struct sockaddr_in6));
	if (at->port == 0)
		at->port = ntohs(*port_of(&own));
	memset(at->addr, 0, sizeof(at->addr));
	memcpy(at->addr, &ss, n);
	at->addr_len = n;
	if (argc > 6 && strcmp(argv[5], "port") == 0)
		set_port(c, at, argv[6]);
}
