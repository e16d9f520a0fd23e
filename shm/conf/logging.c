/* SPDX-License-Identifier: MIT */
/*
 * log, log-format, log-tag, option httplog: what is logged, and where to.
 *
 * Targets are kept once per configuration, numbered, and named by bit masks;
 * the master opens their descriptors.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/addr.h"
#include "shm/conf/keyword.h"
#include "shm/conf/logging.h"
#include "shm/conf/proxy.h"
#include "shm/conf/rule.h"

enum { SYSLOG_PORT = 514, LINE_MIN = 80, LINE_DEFAULT = 1024 };

/* Fetches a log line of a proxy may hold. */
enum { LOG_WHEN = FETCH_SESS | FETCH_REQ | FETCH_RES | FETCH_SRV | FETCH_END };

static int
target_addr(struct conf_parse *cp, struct conf_log_target *lt)
{
	const char *s = conf_word(cp, 1);
	unsigned flags = ADDR_F_RESOLVE | (cp->offline ? ADDR_F_OFFLINE : 0);
	char err[256];
	int port_end;

	lt->addr.fd = -1;
	lt->t.kind = LOGK_STREAM;
	lt->t.form = LOGF_RAW;
	if (strcmp(s, "stdout") == 0 || strcmp(s, "stderr") == 0) {
		lt->addr.kind = ADDR_FD;
		lt->addr.fd = strcmp(s, "stdout") == 0 ? 1 : 2;
		return 0;
	}
	if (strncmp(s, "udp@", 4) == 0)
		s += 4;
	else if (strncmp(s, "tcp", 3) == 0 && strchr(s, '@'))
		return conf_error(cp, 1,
		    "'log': syslog over TCP is not "
		    "supported by this version of wsbroker; instead use UDP or "
		    "a Unix socket");
	if (addr_parse_ext(s, flags, &lt->addr, &port_end, err, sizeof(err)))
		return conf_error(cp, 1, "'log': %s", err);
	if (lt->addr.kind == ADDR_FD)
		return 0;
	lt->t.kind = LOGK_DGRAM;
	lt->t.form = LOGF_LOCAL;
	if (lt->addr.kind == ADDR_INET && !addr_port(&lt->addr))
		addr_set_port(&lt->addr, SYSLOG_PORT);
	return 0;
}

static int
target_form(struct conf_parse *cp, int i, struct log_target *t)
{
	static const char *const forms[LOGF_N] = {
		[LOGF_LOCAL] = "local",
		[LOGF_RFC3164] = "rfc3164",
		[LOGF_RFC5424] = "rfc5424",
		[LOGF_SHORT] = "short",
		[LOGF_RAW] = "raw",
	};
	static const char *const later[] = { "priority", "timed", "iso" };
	const char *s = conf_word(cp, i);

	for (int f = 0; f < LOGF_N; f++) {
		if (strcmp(s, forms[f]) == 0) {
			t->form = (enum log_form)f;
			return 0;
		}
	}
	for (size_t k = 0; k < sizeof(later) / sizeof(*later); k++)
		if (strcmp(s, later[k]) == 0)
			return conf_error(cp, i,
			    "'log': format '%s' is not "
			    "supported by this version of wsbroker; instead "
			    "use 'local', 'rfc3164', 'rfc5424', 'short' or "
			    "'raw'",
			    s);
	return conf_error(cp, i,
	    "'log': unknown format '%s'; expected "
	    "'local', 'rfc3164', 'rfc5424', 'short' or 'raw'",
	    s);
}

/* Words between the address and the facility; *i ends at the facility. */
static int
target_options(struct conf_parse *cp, int *i, struct log_target *t)
{
	int n;

	for (;; *i += 2) {
		const char *word = conf_word(cp, *i);

		if (strcmp(word, "len") == 0) {
			if (conf_arg_int(cp, *i + 1, LINE_MIN, 65535, &n))
				return -WSE_SYNTAX;
			if (n > LOG_LINE_MAX) {
				conf_warn(cp, *i + 1,
				    "'log': lines are cut at %d bytes",
				    LOG_LINE_MAX);
				n = LOG_LINE_MAX;
			}
			t->line_max_bytes = (uint16_t)n;
		} else if (strcmp(word, "format") == 0) {
			if (target_form(cp, *i + 1, t))
				return -WSE_SYNTAX;
		} else if (strcmp(word, "sample") == 0 ||
		    strcmp(word, "profile") == 0) {
			return conf_error(cp, *i,
			    "'log': '%s' is not supported "
			    "by this version of wsbroker; instead leave it out",
			    word);
		} else {
			return 0;
		}
	}
}

static int
target_levels(struct conf_parse *cp, int i, struct log_target *t)
{
	int v;

	if (i >= cp->ln->count)
		return conf_error(cp, i,
		    "'log' expects <address> [len <n>] "
		    "[format <f>] <facility> [<level> [<minlevel>]]");
	v = log_facility_parse(sv_str(conf_word(cp, i)));
	if (v < 0)
		return conf_error(
		    cp, i, "unknown log facility '%s'", conf_word(cp, i));
	t->facility = (uint8_t)v;
	t->max_level = LOGL_DEBUG;
	t->min_level = LOGL_EMERG;
	for (int k = 1; k <= 2 && i + k < cp->ln->count; k++) {
		v = log_level_parse(sv_str(conf_word(cp, i + k)));
		if (v < 0)
			return conf_error(cp, i + k, "unknown log level '%s'",
			    conf_word(cp, i + k));
		*(k == 1 ? &t->max_level : &t->min_level) = (uint8_t)v;
	}
	return conf_no_more(cp, i + 3);
}

static bool
is_same_target(const struct conf_log_target *a, const struct conf_log_target *b)
{
	return addr_is_equal(&a->addr, &b->addr) && a->t.kind == b->t.kind &&
	    a->t.form == b->t.form && a->t.facility == b->t.facility &&
	    a->t.max_level == b->t.max_level &&
	    a->t.min_level == b->t.min_level &&
	    a->t.line_max_bytes == b->t.line_max_bytes;
}

int
logging_parse_target(struct conf_parse *cp, uint64_t *bit_r)
{
	struct conf_log_target lt = { .t = { .fd = -1,
					  .line_max_bytes = LINE_DEFAULT } };
	struct conf *c = cp->conf;
	int i = 2;

	if (conf_need(cp, 1,
		"<address> [len <n>] [format <f>] <facility> "
		"[<level> [<minlevel>]]") ||
	    target_addr(cp, &lt) || target_options(cp, &i, &lt.t) ||
	    target_levels(cp, i, &lt.t))
		return -WSE_SYNTAX;
	for (i = 0; i < c->log_target_count; i++) {
		if (is_same_target(&c->log_targets[i], &lt)) {
			*bit_r = UINT64_C(1) << i;
			return 0;
		}
	}
	if (i == LOG_TARGETS_MAX)
		return conf_error(cp, 0,
		    "'log': more than %d different targets", LOG_TARGETS_MAX);
	lt.text = mem_strdup(conf_word(cp, 1));
	c->log_targets[i] = lt;
	c->log_target_count++;
	*bit_r = UINT64_C(1) << i;
	return 0;
}

static int
parse_global_log(struct conf_parse *cp)
{
	uint64_t bit;

	if (cp->negated) {
		cp->conf->global.log_mask = 0;
		return conf_no_more(cp, 1);
	}
	if (strcmp(conf_word(cp, 1), "global") == 0)
		return conf_error(cp, 1,
		    "'log global' is not allowed in the 'global' section");
	if (logging_parse_target(cp, &bit))
		return -WSE_SYNTAX;
	cp->conf->global.log_mask |= bit;
	return 0;
}

static int
parse_log(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy *px = cp->px;
	uint64_t bit;

	(void)kw;
	if (!px)
		return parse_global_log(cp);
	if (cp->negated) {
		px->log.target_mask = 0;
		px->log.use_global = false;
		return conf_no_more(cp, 1);
	}
	if (strcmp(conf_word(cp, 1), "global") == 0) {
		px->log.use_global = true;
		return conf_no_more(cp, 2);
	}
	if (logging_parse_target(cp, &bit))
		return -WSE_SYNTAX;
	px->log.target_mask |= bit;
	return 0;
}

static int
set_format(struct conf_parse *cp, int i, const char *text)
{
	if (cp->px->log.fmt)
		logfmt_free(&cp->px->log.fmt);
	return logfmt_parse(cp, i, text, LOG_WHEN, &cp->px->log.fmt);
}

static int
parse_httplog(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy *px = cp->px;

	if (strcmp(conf_word(cp, 2), "clf") == 0)
		return conf_error(cp, 2,
		    "'option httplog clf' is not supported "
		    "by this version of wsbroker; instead use 'option "
		    "httplog'");
	if (conf_no_more(cp, 2))
		return -WSE_SYNTAX;
	px->log.httplog = !kw->arg && !cp->negated;
	if (cp->negated) {
		if (px->log.fmt)
			logfmt_free(&px->log.fmt);
		return 0;
	}
	return set_format(cp, 1, kw->arg ? logfmt_tcplog : logfmt_httplog);
}

static int
parse_log_format(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_need(cp, 1, "a format (quoted, if it holds blanks)") ||
	    conf_no_more(cp, 2))
		return -WSE_SYNTAX;
	cp->px->log.httplog = false;
	return set_format(cp, 1, conf_word(cp, 1));
}

static int
parse_log_tag(struct conf_parse *cp, const struct keyword *kw)
{
	char **at = cp->px ? &cp->px->log.tag : &cp->conf->global.log_tag;

	(void)kw;
	if (conf_need(cp, 1, "a text"))
		return -WSE_SYNTAX;
	proxy_set_string(at, conf_word(cp, 1));
	return conf_no_more(cp, 2);
}

const struct keyword logging_tbl[] = {
	{ KW_GLOBAL | KW_ALL | KW_NO, "log", parse_log, 0,
	    "global | <address> [len <bytes>] [format <format>] <facility> "
	    "[<level> [<minlevel>]]",
	    "Where log lines go: syslog over UDP or a Unix socket, fd@<n>, "
	    "stdout, stderr; formats rfc3164, rfc5424, short, raw." },
	{ KW_GLOBAL | KW_ALL, "log-tag", parse_log_tag, 0, "<text>",
	    "Program name in log lines, wsbroker by default." },
	{ KW_FE, "log-format", parse_log_format, 0, "<format>",
	    "Text of the log line of a request." },
	{ KW_FE | KW_NO, "option httplog", parse_httplog, 0, "",
	    "Log requests in HAProxy's HTTP format." },
	{ KW_FE | KW_NO, "option tcplog", parse_httplog, 1, "",
	    "Log connections in HAProxy's TCP format." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
