/* SPDX-License-Identifier: MIT */
/*
 * What checks of a backend's servers say: option httpchk, option ws-check,
 * http-check, option log-health-checks.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/addr.h"
#include "shm/conf/check.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/word_err.h"

enum { PORT_MAX = 65535, BODY_MAX = 8192, HDRS_MAX = 64 };

static void
add_header(struct check_send *s, const char *name, size_t n, const char *value)
{
	s->hdr = mem_realloc(s->hdr, (s->hdr_count + 1) * sizeof(*s->hdr));
	s->hdr[s->hdr_count].name = mem_printf("%.*s", (int)n, name);
	s->hdr[s->hdr_count++].value = mem_strdup(value);
}

/* "HTTP/1.1\r\nHost: a.b\r\n...": a version, and fields behind it. */
static int
take_version(struct conf_parse *cp, int i, struct check_send *s)
{
	char *text = mem_strdup(conf_word(cp, i)), *rest = text, *line, *colon;
	int r = 0;

	line = strsep(&rest, "\n");
	line[strcspn(line, "\r")] = '\0';
	proxy_set_string(&s->version, line);
	if (strncmp(line, "HTTP/", 5) != 0)
		r = conf_error(cp, i,
		    "'option httpchk' expects a version such as 'HTTP/1.1', "
		    "not '%s'",
		    line);
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		colon = strchr(line, ':');
		if (*line == '\0')
			continue;
		if (!colon || colon == line) {
			r = conf_error(cp, i,
			    "'option httpchk': '%s' is no header field", line);
			break;
		}
		add_header(s, line, (size_t)(colon - line),
		    colon + 1 + strspn(colon + 1, " \t"));
	}
	free(text);
	return r;
}

/* A request line's part: no blank, no control byte. */
static int
check_token(struct conf_parse *cp, int i, const char *what)
{
	const char *w = conf_word(cp, i);
	size_t at = strcspn(w, " \t");

	if (conf_need(cp, i, what) || word_check_text(cp, i, what) < 0)
		return -WSE_SYNTAX;
	if (w[at])
		return word_error(cp, i, at, "a blank cannot be part of it");
	return 0;
}

static void
forget_send(struct check_send *s)
{
	for (unsigned i = 0; i < s->hdr_count; i++) {
		free(s->hdr[i].name);
		free(s->hdr[i].value);
	}
	s->hdr_count = 0;
	proxy_set_string(&s->method, NULL);
	proxy_set_string(&s->uri, NULL);
	proxy_set_string(&s->version, NULL);
}

/* option httpchk [[METHOD] URI [VERSION]] */
static int
parse_httpchk(struct conf_parse *cp, const struct keyword *kw)
{
	struct check_plan *p = check_plan(cp->px);
	int n = cp->ln->count, uri = n > 3 ? 3 : 2;

	(void)kw;
	forget_send(&p->first);
	if (cp->negated) {
		if (p->kind == CHECK_KIND_HTTP)
			p->kind = CHECK_KIND_TCP;
		return 0;
	}
	p->kind = CHECK_KIND_HTTP;
	if (n > 3) {
		if (check_token(cp, 2, "a method"))
			return -WSE_SYNTAX;
		proxy_set_string(&p->first.method, conf_word(cp, 2));
	}
	if (n > 2) {
		if (check_token(cp, uri, "a URI"))
			return -WSE_SYNTAX;
		proxy_set_string(&p->first.uri, conf_word(cp, uri));
	}
	if (n > 4 && take_version(cp, 4, &p->first))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 5);
}

/* option ws-check [URI] [host NAME] */
static int
parse_ws_check(struct conf_parse *cp, const struct keyword *kw)
{
	struct check_plan *p = check_plan(cp->px);
	int i = 2;

	(void)kw;
	forget_send(&p->first);
	if (cp->negated) {
		if (p->kind == CHECK_KIND_WS)
			p->kind = CHECK_KIND_TCP;
		return conf_no_more(cp, 2);
	}
	p->kind = CHECK_KIND_WS;
	if (i < cp->ln->count && strcmp(conf_word(cp, i), "host") != 0) {
		if (check_token(cp, i, "a URI"))
			return -WSE_SYNTAX;
		proxy_set_string(&p->first.uri, conf_word(cp, i++));
	}
	if (i < cp->ln->count && strcmp(conf_word(cp, i), "host") == 0) {
		if (check_token(cp, i + 1, "a host"))
			return -WSE_SYNTAX;
		add_header(&p->first, "Host", 4, conf_word(cp, i + 1));
		i += 2;
	}
	return conf_no_more(cp, i);
}

static int
parse_log(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	check_plan(cp->px)->log_all = !cp->negated;
	return conf_no_more(cp, 2);
}

static struct check_rule *
add_rule(struct conf_parse *cp, enum check_step step)
{
	struct check_plan *p = check_plan(cp->px);
	struct check_rule *r = mem_alloc(sizeof(*r));

	r->step = step;
	*p->tail = r;
	p->tail = &r->next;
	return r;
}

static int
take_header(struct conf_parse *cp, int i, struct check_send *s)
{
	const char *name = conf_word(cp, i + 1);

	if (check_token(cp, i + 1, "a header name") ||
	    conf_need(cp, i + 2, "a value") ||
	    word_check_text(cp, i + 2, "header") < 0)
		return -WSE_SYNTAX;
	if (strstr(conf_word(cp, i + 2), "%["))
		return conf_error(cp, i + 2,
		    "'http-check send' takes no expressions, only text");
	if (s->hdr_count == HDRS_MAX)
		return conf_error(cp, i, "too many header fields");
	add_header(s, name, strlen(name), conf_word(cp, i + 2));
	return 0;
}

static int
take_body(struct conf_parse *cp, int i, struct check_send *s)
{
	if (conf_need(cp, i + 1, "a body"))
		return -WSE_SYNTAX;
	if (strlen(conf_word(cp, i + 1)) > BODY_MAX)
		return conf_error(cp, i + 1, "the body is too long");
	proxy_set_string(&s->body, conf_word(cp, i + 1));
	return 0;
}

static int
parse_send(struct conf_parse *cp, const struct keyword *kw)
{
	struct check_send *s = &add_rule(cp, CHECK_SEND)->u.send;
	int i = 2, r = 0;

	(void)kw;
	while (r == 0 && i < cp->ln->count) {
		const char *w = conf_word(cp, i);
		char **at = strcmp(w, "meth") == 0 ? &s->method
		    : strcmp(w, "uri") == 0        ? &s->uri
		    : strcmp(w, "ver") == 0        ? &s->version
						   : NULL;

		if (at) {
			if (check_token(cp, i + 1, "a value"))
				return -WSE_SYNTAX;
			proxy_set_string(at, conf_word(cp, i + 1));
			i += 2;
		} else if (strcmp(w, "hdr") == 0) {
			r = take_header(cp, i, s);
			i += 3;
		} else if (strcmp(w, "body") == 0) {
			r = take_body(cp, i, s);
			i += 2;
		} else if (strcmp(w, "comment") == 0) {
			i += 2;
		} else {
			return conf_error(cp, i,
			    "'http-check send' expects 'meth', 'uri', 'ver', "
			    "'hdr', 'body' or 'comment', not '%s'",
			    w);
		}
	}
	if (r == 0 && s->version && strncmp(s->version, "HTTP/", 5) != 0)
		return conf_error(cp, 2,
		    "'ver' expects 'HTTP/1.1' or the like, not '%s'",
		    s->version);
	return r;
}

static int
take_connect(struct conf_parse *cp, int *i, struct check_connect *c)
{
	const char *w = conf_word(cp, *i), *v = conf_word(cp, *i + 1);
	char err[256];

	if (strcmp(w, "default") == 0)
		c->use_server = true;
	else if (strcmp(w, "ssl") == 0)
		c->ssl = true;
	else if (strcmp(w, "send-proxy") == 0)
		c->send_proxy = true;
	else if (strcmp(w, "linger") == 0)
		return 0; /* checks end with a reset either way */
	else if (conf_need(cp, ++*i, "a value"))
		return -WSE_SYNTAX;
	else if (strcmp(w, "port") == 0)
		return conf_arg_int(cp, *i, 1, PORT_MAX, &c->port);
	else if (strcmp(w, "sni") == 0)
		proxy_set_string(&c->sni, v);
	else if (strcmp(w, "alpn") == 0 && tls_alpn_parse(v, &c->alpn) == 0)
		return 0;
	else if (strcmp(w, "proto") == 0 && strcmp(v, "h2") == 0)
		c->proto_h2 = true;
	else if (strcmp(w, "proto") == 0 && strcmp(v, "h1") == 0)
		c->proto_h1 = true;
	else if (strcmp(w, "addr") == 0 &&
	    addr_parse(v, &c->addr, err, sizeof(err)) == 0 &&
	    c->addr.kind != ADDR_FD)
		return 0;
	else if (strcmp(w, "comment") != 0)
		return conf_error(cp, *i - 1,
		    "'http-check connect': '%s %s' is not possible", w, v);
	return 0;
}

static int
parse_connect(struct conf_parse *cp, const struct keyword *kw)
{
	struct check_connect *c = &add_rule(cp, CHECK_CONNECT)->u.connect;

	(void)kw;
	c->is_plain = true;
	for (int i = 2; i < cp->ln->count; i++)
		if (take_connect(cp, &i, c))
			return -WSE_SYNTAX;
	/* no words at all: as the server line has it */
	if (cp->ln->count == 2)
		c->use_server = true;
	return 0;
}

static int
parse_expect(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	return check_expect_parse(cp, 2, &add_rule(cp, CHECK_EXPECT)->u.expect);
}

const struct keyword check_tbl[] = {
	{ KW_BE, "http-check connect", parse_connect, 0,
	    "[default] [port <port>] [addr <address>] [ssl] [sni <name>] "
	    "[alpn <protocols>] [proto h1|h2] [send-proxy]",
	    "A step of 'option httpchk': connect, to the server if nothing "
	    "else is said." },
	{ KW_BE, "http-check expect", parse_expect, 0,
	    "[min-recv <bytes>] [comment <text>] [ok-status L7OK|L7OKC|...] "
	    "[error-status L7RSP|L7STS|...] [tout-status L7TOUT|...] [!] "
	    "status|rstatus|string|rstring <pattern>",
	    "A step of 'option httpchk': what the response must be, "
	    "status 200-399 by default.  status: codes and ranges of them; "
	    "string: part of the body; r...: by a regular expression." },
	{ KW_BE, "http-check send", parse_send, 0,
	    "[meth <method>] [uri <uri>] [ver <version>] [hdr <name> "
	    "<value>]... [body <text>]",
	    "A step of 'option httpchk': the request; the first one takes "
	    "what it does not say from 'option httpchk'." },
	{ KW_BE | KW_NO, "option httpchk", parse_httpchk, 0,
	    "[[<method>] <uri> [<version>]]",
	    "Check servers by a request, OPTIONS / HTTP/1.0 by default." },
	{ KW_BE | KW_NO, "option log-health-checks", parse_log, 0, "",
	    "Log each check that changes a server's health." },
	{ KW_BE | KW_NO, "option ws-check", parse_ws_check, 0,
	    "[<uri>] [host <name>]",
	    "Check servers by a WebSocket handshake, over HTTP/1.1 or HTTP/2 "
	    "as their 'ws' has it; then a Close frame." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
