/* SPDX-License-Identifier: MIT */
/*
 * timeout ... : all times a proxy waits.
 */
#include <stddef.h>

#include "shm/conf/keyword.h"

#define T(field) ((int)offsetof(struct proxy_timeouts, field))

static int
parse_timeout(struct conf_parse *cp, const struct keyword *kw)
{
	if (conf_arg_ms(
		cp, 2, (unsigned *)(void *)((char *)&cp->px->tmo + kw->arg)))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 3);
}

const struct keyword timeout_tbl[] = {
	{ KW_FE, "timeout client", parse_timeout, T(client_ms), "<time>",
	    "Longest silence of a client." },
	{ KW_BE, "timeout connect", parse_timeout, T(connect_ms), "<time>",
	    "Longest wait for a connection to a server." },
	{ KW_BE, "timeout server", parse_timeout, T(server_ms), "<time>",
	    "Longest silence of a server. Interim responses (1xx) are none, "
	    "but "
	    "there may be 128 of them before a response." },
	{ KW_BE, "timeout tunnel", parse_timeout, T(tunnel_ms), "<time>",
	    "Longest silence of both sides of a tunnel (WebSocket, CONNECT)." },
	{ KW_BE, "timeout queue", parse_timeout, T(queue_ms), "<time>",
	    "Longest wait for a free place on a server; timeout connect by "
	    "default." },
	{ KW_ALL, "timeout http-request", parse_timeout, T(http_request_ms),
	    "<time>", "Longest time a request head may take." },
	{ KW_ALL, "timeout http-keep-alive", parse_timeout,
	    T(http_keep_alive_ms), "<time>",
	    "Longest wait for the next request of a kept connection." },
	{ KW_BE, "timeout check", parse_timeout, T(check_ms), "<time>",
	    "Longest time a health check may take once connected." },
	{ KW_FE, "timeout client-fin", parse_timeout, T(client_fin_ms),
	    "<time>", "As timeout client, once one direction is closed." },
	{ KW_BE, "timeout server-fin", parse_timeout, T(server_fin_ms),
	    "<time>", "As timeout server, once one direction is closed." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
