/* SPDX-License-Identifier: MIT */
/*
 * Words of server and default-server lines that are about health: checks,
 * agents, what is observed and tracked.
 */
#include <stddef.h>
#include <string.h>

#include "shm/conf/addr.h"
#include "shm/conf/check.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/tls_conf_int.h"

#define S(field) ((int)offsetof(struct server, field))

enum { PORT_MAX = 65535, ERRORS_MAX = 1000000 };

/* Values of `arg` for parse functions that serve several names. */
enum { OFF, ON };

static int
server_check(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)cp;
	(void)i;
	s->check.enabled = arg;
	return 0;
}

static int
server_check_port(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	return conf_arg_int(cp, i + 1, 1, PORT_MAX, &s->check.port);
}

static int
server_check_addr(struct conf_parse *cp, int i, struct server *s, int is_agent)
{
	struct addr *a = is_agent ? &s->agent.addr : &s->check.addr;
	unsigned flags = ADDR_F_RESOLVE | (cp->offline ? ADDR_F_OFFLINE : 0);
	char err[256];
	int port_end;

	if (addr_parse_ext(
		conf_word(cp, i + 1), flags, a, &port_end, err, sizeof(err)))
		return conf_error(cp, i + 1, "'%s': %s", conf_word(cp, i), err);
	if (a->kind == ADDR_FD) {
		a->len = 0;
		return conf_error(
		    cp, i + 1, "'%s' expects an address", conf_word(cp, i));
	}
	return 0;
}

static int
server_rise_fall(struct conf_parse *cp, int i, struct server *s, int arg)
{
	return conf_arg_int(
	    cp, i + 1, 1, 0x7fff, (int *)(void *)((char *)s + arg));
}

static int
server_pause(struct conf_parse *cp, int i, struct server *s, int arg)
{
	unsigned *at = (unsigned *)(void *)((char *)s + arg);

	if (conf_arg_ms(cp, i + 1, at))
		return -WSE_SYNTAX;
	if (*at == 0)
		return conf_error(
		    cp, i + 1, "'%s' expects a time above 0", conf_word(cp, i));
	return 0;
}

static int
server_check_ssl(struct conf_parse *cp, int i, struct server *s, int on)
{
	s->check.ssl = on;
	s->check.no_ssl = !on;
	if (!s->tls.at.s)
		tls_word_set(cp, i, &s->tls.at);
	return 0;
}

static int
server_flag(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)i;
	(void)cp;
	*(bool *)(void *)((char *)s + (arg >> 1)) = arg & 1;
	return 0;
}

static int
server_text(struct conf_parse *cp, int i, struct server *s, int arg)
{
	proxy_set_string(
	    (char **)(void *)((char *)s + arg), conf_word(cp, i + 1));
	return 0;
}

static int
server_check_alpn(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	if (tls_alpn_parse(conf_word(cp, i + 1), &s->check.alpn) == 0)
		return 0;
	return conf_error(cp, i + 1,
	    "'check-alpn' expects protocols such as 'h2,http/1.1', not '%s'",
	    conf_word(cp, i + 1));
}

static int
server_check_proto(struct conf_parse *cp, int i, struct server *s, int arg)
{
	const char *w = conf_word(cp, i + 1);

	(void)arg;
	if (strcmp(w, "h1") != 0 && strcmp(w, "h2") != 0)
		return conf_error(cp, i + 1,
		    "'check-proto' expects 'h1' or 'h2', not '%s'", w);
	s->check.proto_h1 = w[1] == '1';
	s->check.proto_h2 = !s->check.proto_h1;
	return 0;
}

static int
server_agent_port(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	return conf_arg_int(cp, i + 1, 1, PORT_MAX, &s->agent.port);
}

static int
server_error_limit(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	return conf_arg_int(cp, i + 1, 1, ERRORS_MAX, &s->watch.error_limit);
}

/* One of these words; its place among them. */
static int
one_of(struct conf_parse *cp, int i, const char *const *words, int *at_r)
{
	for (*at_r = 0; words[*at_r]; (*at_r)++)
		if (strcmp(words[*at_r], conf_word(cp, i + 1)) == 0)
			return 0;
	return conf_error(cp, i + 1, "'%s' expects '%s'%s%s, not '%s'",
	    conf_word(cp, i), words[0], words[1] ? " or the like: " : "",
	    words[1] ? words[1] : "", conf_word(cp, i + 1));
}

static int
server_observe(struct conf_parse *cp, int i, struct server *s, int arg)
{
	static const char *const words[] = { "layer4", "layer7", NULL };
	int at;

	(void)arg;
	if (one_of(cp, i, words, &at))
		return -WSE_SYNTAX;
	s->watch.observe = at == 0 ? OBSERVE_L4 : OBSERVE_L7;
	return 0;
}

static int
server_on_error(struct conf_parse *cp, int i, struct server *s, int arg)
{
	static const char *const words[] = { "fastinter", "fail-check",
		"sudden-death", "mark-down", NULL };
	int at;

	(void)arg;
	if (one_of(cp, i, words, &at))
		return -WSE_SYNTAX;
	s->watch.on_error = (enum observe_action)at;
	return 0;
}

static int
server_on_marked(struct conf_parse *cp, int i, struct server *s, int up)
{
	static const char *const downs[] = { "shutdown-sessions", NULL };
	static const char *const ups[] = { "shutdown-backup-sessions", NULL };
	int at;

	if (one_of(cp, i, up ? ups : downs, &at))
		return -WSE_SYNTAX;
	if (up)
		s->watch.up_shuts_backups = true;
	else
		s->watch.down_shuts = true;
	return 0;
}

static int
server_slowstart(struct conf_parse *cp, int i, struct server *s, int arg)
{
	unsigned ms;

	(void)arg;
	/* seconds where no unit is written */
	if (conf_time_ms(conf_word(cp, i + 1), 1000, &ms))
		return conf_error(cp, i + 1,
		    "'slowstart' expects a time, not '%s'",
		    conf_word(cp, i + 1));
	s->watch.slowstart_ms = ms;
	return 0;
}

const struct server_keyword server_check_tbl[] = {
	{ "addr", 1, server_check_addr, OFF, "<address>",
	    "Address of health checks, if not the server's." },
	{ "check", 0, server_check, ON, "",
	    "Check the server's health: that it accepts a connection and, "
	    "with ssl, shakes hands, or by 'option httpchk', 'option "
	    "ws-check'." },
	{ "no-check", 0, server_check, OFF, "", "Undoes check." },
	{ "downinter", 1, server_pause, S(check.downinter_ms), "<time>",
	    "Pause between checks while down, inter by default." },
	{ "fall", 1, server_rise_fall, S(check.fall), "<number>",
	    "Failed checks until it is down, 3 by default." },
	{ "fastinter", 1, server_pause, S(check.fastinter_ms), "<time>",
	    "Pause between checks while changing, inter by default." },
	{ "inter", 1, server_pause, S(check.inter_ms), "<time>",
	    "Pause between checks, 2s by default." },
	{ "port", 1, server_check_port, 0, "<port>",
	    "Port of health checks, if not the server's." },
	{ "rise", 1, server_rise_fall, S(check.rise), "<number>",
	    "Good checks until it is up, 2 by default." },
	{ "agent-addr", 1, server_check_addr, ON, "<address>",
	    "Address of the agent, if not the server's." },
	{ "agent-check", 0, server_flag, S(agent.enabled) * 2 + ON, "",
	    "Ask an agent how the server is: it answers with one line of up, "
	    "down, maint, ready, drain, stopped, failed, a weight in percent, "
	    "maxconn:<n>." },
	{ "agent-inter", 1, server_pause, S(agent.inter_ms), "<time>",
	    "Pause between questions to the agent, 2s by default." },
	{ "agent-port", 1, server_agent_port, 0, "<port>",
	    "Port of the agent." },
	{ "agent-send", 1, server_text, S(agent.send), "<text>",
	    "What is said to the agent first." },
	{ "check-alpn", 1, server_check_alpn, 0, "<protocol>[,...]",
	    "Protocols that checks offer, instead of those of alpn." },
	{ "check-proto", 1, server_check_proto, 0, "h1|h2",
	    "The protocol of checks, if ALPN does not say." },
	{ "check-send-proxy", 0, server_flag, S(check.send_proxy) * 2 + ON, "",
	    "Checks begin with a PROXY header, also where send-proxy does not "
	    "hold." },
	{ "check-sni", 1, server_text, S(check.sni), "<name>",
	    "The name that checks ask for, if not that of a constant sni." },
	{ "check-ssl", 0, server_check_ssl, ON, "",
	    "Checks speak TLS, also where ssl does not hold: to another "
	    "address or port." },
	{ "error-limit", 1, server_error_limit, 0, "<number>",
	    "Errors in a row until on-error happens, 10 by default." },
	{ "no-agent-check", 0, server_flag, S(agent.enabled) * 2 + OFF, "",
	    "Undoes agent-check." },
	{ "no-check-send-proxy", 0, server_flag, S(check.send_proxy) * 2 + OFF,
	    "", "Undoes check-send-proxy." },
	{ "no-check-ssl", 0, server_check_ssl, OFF, "",
	    "Checks do not speak TLS." },
	{ "observe", 1, server_observe, 0, "layer4|layer7",
	    "Count errors of requests: of connections, or of responses as "
	    "well." },
	{ "on-error", 1, server_on_error, 0,
	    "fastinter|fail-check|sudden-death|mark-down",
	    "After error-limit errors: check at fastinter (default), count a "
	    "failed check, one that a second takes down, or take it down." },
	{ "on-marked-down", 1, server_on_marked, OFF, "shutdown-sessions",
	    "End its requests and tunnels when it goes down." },
	{ "on-marked-up", 1, server_on_marked, ON, "shutdown-backup-sessions",
	    "End those of backup servers when it comes up." },
	{ "slowstart", 1, server_slowstart, 0, "<time>",
	    "Its weight and maxconn grow over this time after it came up." },
	{ "track", 1, server_text, S(watch.track_text), "[<backend>/]<server>",
	    "It is up or down as this one, which is checked." },
	{ NULL, 0, NULL, 0, NULL, NULL },
};
