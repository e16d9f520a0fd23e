/* SPDX-License-Identifier: MIT */
/*
 * TLS of a whole configuration: defaults of the global section, then bind by
 * bind, server by server; and the end of it all.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/expr.h"
#include "shm/conf/check.h"
#include "shm/conf/tls_conf_int.h"

void
tls_bind_copy(struct bind_tls *to, const struct bind_tls *from)
{
	*to = *from;
	to->crts = NULL;
	to->front = NULL;
	tls_word_copy(&to->at, &from->at);
	for (const struct tls_words *w = from->crts; w; w = w->next)
		tls_words_add(&to->crts, &w->w, w->is_list);
	tls_opts_copy(&to->opts, &from->opts);
}

void
tls_bind_done(struct bind_tls *t)
{
	tls_word_done(&t->at);
	tls_words_done(&t->crts);
	tls_opts_done(&t->opts);
	if (t->front)
		tls_front_free(&t->front);
}

void
tls_server_done(struct server_tls *t)
{
	tls_word_done(&t->at);
	tls_word_done(&t->crt);
	tls_opts_done(&t->opts);
	free(t->verifyhost);
	if (t->sni)
		expr_free(&t->sni);
	SSL_CTX_free(t->ctx);
	SSL_CTX_free(t->next_ctx);
}

/* --- finishing --- */

static void
default_alpn(struct bind *b)
{
	struct tls_opts *o = &b->tls.opts;

	if (o->alpn_set || b->proto_h1)
		return;
	/* Cannot fail. */
	if (tls_alpn_parse(b->proto_h2 ? "h2" : "h2,http/1.1", &o->alpn))
		o->alpn.n = 0;
}

/* What is negotiated is what is spoken, so the two must not differ. */
static int
check_protocol(struct conf_parse *cp, const struct bind *b)
{
	const struct tls_alpn *a = &b->tls.opts.alpn;
	bool bad = b->proto_h1 ? tls_alpn_has(a, SV("h2"))
	    : b->proto_h2      ? a->n && !tls_alpn_has(a, SV("h2"))
			       : false;

	if (!bad)
		return 0;
	return tls_error(cp, &b->tls.at,
	    "'proto %s' on bind '%s' contradicts 'alpn'; leave one of the two "
	    "out",
	    b->proto_h1 ? "h1" : "h2", b->text);
}

static void
finish_bind(struct conf_parse *cp, struct bind *b, struct bind *before)
{
	struct bind_tls *t = &b->tls;

	if (!t->enabled) {
		if (t->crts)
			conf_warn_at(cp, b->file, b->line,
			    "a certificate was specified but SSL was not "
			    "enabled on bind '%s' (use 'ssl')",
			    b->text);
		return;
	}
	tls_opts_default(&t->opts, &cp->conf->global.ssl_bind);
	default_alpn(b);
	if (check_protocol(cp, b) || cp->offline)
		return;
	if (before && before->file == b->file && before->line == b->line) {
		/* Another address of the same line. */
		t->front = before->tls.front;
		if (t->front)
			t->front->refs++;
		return;
	}
	if (t->opts.verify != TLS_VERIFY_NONE && !t->opts.ca_file.s) {
		tls_error(cp, &t->at,
		    "'verify' on bind '%s' needs a 'ca-file' that says whose "
		    "certificates are good",
		    b->text);
		return;
	}
	t->front = tls_front_build(cp, b);
}

static void
finish_server(struct conf_parse *cp, struct server *s)
{
	struct server_tls *t = &s->tls;
	char *path;

	tls_opts_default(&t->opts, &cp->conf->global.ssl_server);
	if (!t->opts.verify_set)
		t->opts.verify = TLS_VERIFY_REQUIRED;
	if (t->crt.s) {
		path = tls_word_path(cp->conf->global.crt_base, t->crt.s);
		free(t->crt.s);
		t->crt.s = path;
	}
	if ((t->enabled || check_may_tls(s)) && !cp->offline &&
	    tls_back_build(cp, s))
		return; /* was reported */
}

void
tls_conf_finish(struct conf_parse *cp)
{
	uint8_t keys[TLS_TICKET_KEYS][TLS_TICKET_KEY_BYTES];
	bool has_front = false;
	unsigned n;

	for (struct proxy *px = cp->conf->proxies; px; px = px->next) {
		struct bind *before = NULL;

		for (struct bind *b = px->binds; b; b = b->next) {
			finish_bind(cp, b, before);
			before = b;
			has_front |= b->tls.front != NULL;
		}
		for (struct server *s = px->servers; s; s = s->next)
			finish_server(cp, s);
	}
	if (!has_front)
		return;
	tls_ticket_keys_get(keys, &n);
	if (n == 0 && tls_ticket_keys_make())
		conf_error_at(cp, NULL, 0, "no random bytes for ticket keys");
	OPENSSL_cleanse(keys, sizeof(keys));
}

/* --- walking --- */

static int
each_of_front(const struct tls_front *f, int (*fn)(struct ssl_ctx_st *ctx))
{
	int r = f->base_ctx ? fn(f->base_ctx) : 0;

	for (const struct tls_entry *e = f->entries; r == 0 && e; e = e->next)
		r = fn(e->ctx);
	return r;
}

int
tls_conf_each_ctx(const struct conf *c, int (*fn)(struct ssl_ctx_st *ctx))
{
	const struct tls_front *last = NULL;
	int r = 0;

	for (struct proxy *px = c->proxies; px; px = px->next) {
		for (struct bind *b = px->binds; r == 0 && b; b = b->next) {
			if (b->tls.front && b->tls.front != last)
				r = each_of_front(b->tls.front, fn);
			last = b->tls.front;
		}
		for (struct server *s = px->servers; r == 0 && s; s = s->next)
			if (s->tls.ctx)
				r = fn(s->tls.ctx);
	}
	return r;
}
