/* SPDX-License-Identifier: MIT */
/*
 * Certificates at run time, with HAProxy's words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cert.h"
#include "broker/cli_parts.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "shm/conf/tls_conf.h"
#include "shm/conf/tls_update.h"

enum { WHY_BYTES = 512, SHOW_BYTES = 1 << 18 };

/* True, and it was said: another client's commit is under way. */
static bool
is_locked(struct cli *c, const char *what)
{
	if (!cert_is_busy())
		return false;
	cli_say(c, LOGL_ERR,
	    "%s\nOperations on certificates are currently locked!\n", what);
	return true;
}

static void
cannot_update(struct cli *c, const char *name, const char *why)
{
	cli_say(c, LOGL_ERR, "%sCan't update %s!\n", why, name);
}

void
cli_set_cert(struct cli *c, int argc, char **argv)
{
	const char *name = argc > 3 ? argv[3] : "", *other;
	char why[WHY_BYTES], text[WHY_BYTES * 2];
	struct sv pem = sv_of(c->payload.p, c->payload.n), old;
	uint32_t index;
	bool has_key;

	if (!*name || !c->payload.p) {
		cli_say(c, LOGL_ERR,
		    "'set ssl cert expects a filename and a certificate as a "
		    "payload\n");
		return;
	}
	if (is_locked(c, "Can't update the certificate!"))
		return;
	other = cert_pending(&old);
	if (tls_update_index(broker.conf, name, &index)) {
		cannot_update(c, name,
		    "Can't replace a certificate which is not referenced by "
		    "the configuration!\n");
		return;
	}
	if (other && strcmp(other, name) != 0) {
		snprintf(text, sizeof(text),
		    "The ongoing transaction is about '%s' but you are trying "
		    "to set '%s'\n",
		    other, name);
		cannot_update(c, name, text);
		return;
	}
	if (tls_cert_text_check(pem, &has_key, why, sizeof(why))) {
		snprintf(text, sizeof(text),
		    "unable to load certificate from file '%s'.\nCan't load "
		    "the payload: %s\n",
		    name, why);
		cannot_update(c, name, text);
		return;
	}
	cli_say(c, LOGL_NOTICE, "Transaction %s for certificate %s!\n",
	    other ? "updated" : "created", name);
	cert_set(name, pem);
}

static void
cannot_commit(struct cli *c, const char *name, const char *why)
{
	cli_say(c, LOGL_ERR, "%sCan't commit %s!\n", why, name);
}

static void
on_committed(const struct cert_result *r, void *arg)
{
	struct cli *c = arg;

	if (r->err)
		cli_print(c, "\n%s\nCan't commit!\n", r->why);
	else if (r->late[0])
		cli_print(c,
		    "\nNot confirmed in time by %s: others use it, and those "
		    "will as soon as they run. Commit again to make sure.\n",
		    r->late);
	else
		cli_print(c, ".\nSuccess!\n");
	cli_resume(c);
}

void
cli_commit_cert(struct cli *c, int argc, char **argv)
{
	const char *name = argc > 3 ? argv[3] : "", *pending;
	char why[WHY_BYTES], text[WHY_BYTES + 64];
	bool has_key = false;
	struct sv pem;

	if (!*name) {
		cli_say(c, LOGL_ERR, "'commit ssl cert expects a filename\n");
		return;
	}
	if (is_locked(c, "Can't commit the certificate!"))
		return;
	pending = cert_pending(&pem);
	if (!pending) {
		cannot_commit(c, name, "No ongoing transaction! !\n");
		return;
	}
	if (strcmp(pending, name) != 0) {
		snprintf(text, sizeof(text),
		    "The ongoing transaction is about '%s' but you are trying "
		    "to set '%s'\n",
		    pending, name);
		cannot_commit(c, name, text);
		return;
	}
	if (tls_cert_text_check(pem, &has_key, why, sizeof(why)) || !has_key) {
		cannot_commit(c, name,
		    "The transaction must contain at least a certificate and a "
		    "private key!\n");
		return;
	}
	if (tls_cert_check(broker.conf, name, pem, why, sizeof(why))) {
		snprintf(text, sizeof(text),
		    "inconsistencies between private key and certificate "
		    "loaded '%s'.\n",
		    name);
		cannot_commit(c, name, text);
		return;
	}
	cli_print(c, "Committing %s", name);
	c->waiting = true;
	cert_commit(on_committed, c);
}

void
cli_abort_cert(struct cli *c, int argc, char **argv)
{
	const char *name = argc > 3 ? argv[3] : "", *pending;
	struct sv pem;

	if (!*name) {
		cli_say(c, LOGL_ERR, "'abort ssl cert' expects a filename\n");
		return;
	}
	if (is_locked(c, "Can't abort!"))
		return;
	pending = cert_pending(&pem);
	if (!pending) {
		cli_say(c, LOGL_ERR, "No ongoing transaction!\n");
		return;
	}
	if (strcmp(pending, name) != 0) {
		cli_say(c, LOGL_ERR,
		    "The ongoing transaction is about '%s' but you are trying "
		    "to abort a transaction for '%s'\n",
		    pending, name);
		return;
	}
	cert_abort();
	cli_say(c, LOGL_NOTICE, "Transaction aborted for certificate '%s'!\n",
	    name);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
show_all(struct cli *c)
{
	const char **names, *name;
	struct sv pem;
	unsigned n = 0;

	name = cert_pending(&pem);
	if (name)
		cli_print(c, "# transaction\n*%s\n", name);
	cli_print(c, "# filename\n");
	while (tls_cert_name(broker.conf, n))
		n++;
	names = mem_alloc((n + 1) * sizeof(*names));
	for (unsigned i = 0; i < n; i++)
		names[i] = tls_cert_name(broker.conf, i);
	qsort(names, n, sizeof(*names), compare);
	for (unsigned i = 0; i < n; i++)
		cli_print(c, "%s\n", names[i]);
	free(names);
}

/* A chain of many may be longer than one cli_print() takes. */
static void
print_lines(struct cli *c, char *text)
{
	for (char *p = text, *nl; *p; p = nl) {
		nl = strchr(p, '\n');
		nl = nl ? nl + 1 : p + strlen(p);
		cli_print(c, "%.*s", (int)(nl - p), p);
	}
}

void
cli_show_cert(struct cli *c, int argc, char **argv)
{
	const char *name = argc > 3 ? argv[3] : NULL, *pending;
	int r = -WSE_NOTFOUND;
	struct sv pem;
	char *out;

	if (!name) {
		show_all(c);
		return;
	}
	out = mem_alloc(SHOW_BYTES);
	pending = cert_pending(&pem);
	if (*name != '*')
		r = tls_cert_show(broker.conf, name, out, SHOW_BYTES);
	else if (pending && strcmp(pending, name + 1) == 0)
		r = tls_cert_text_show(pending, pem, out, SHOW_BYTES);
	if (r)
		cli_say(c, LOGL_ERR,
		    "Can't display the certificate: Not found or the "
		    "certificate is a bundle!\n");
	else
		print_lines(c, out);
	free(out);
}
