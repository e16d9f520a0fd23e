/* SPDX-License-Identifier: MIT */
/*
 * Parsers of return, deny and redirect: answers of the proxy itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/action.h"
#include "shm/conf/word_err.h"

enum { REPLY_FILE_BYTES_MAX = 65536 };

/* A whole file, at most REPLY_FILE_BYTES_MAX, NUL behind. */
static int
reply_read_file(struct conf_parse *cp, int i, struct sv *out)
{
	const char *path;
	FILE *f;
	char *p;
	size_t n;

	if (i >= cp->ln->count)
		return conf_error(cp, i, "missing file name");
	path = cp->ln->word[i].s;
	f = fopen(path, "re");
	if (!f)
		return conf_error(
		    cp, i, "cannot open '%s': %s", path, strerror(errno));
	p = mem_alloc(REPLY_FILE_BYTES_MAX + 2);
	n = fread(p, 1, REPLY_FILE_BYTES_MAX + 1, f);
	fclose(f);
	*out = sv_of(p, n);
	if (n > REPLY_FILE_BYTES_MAX)
		return conf_error(cp, i, "'%s' is larger than %d bytes", path,
		    REPLY_FILE_BYTES_MAX);
	return 0;
}

static const int page_statuses[] = { 200, 400, 401, 403, 404, 405, 407, 408,
	410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504 };

static bool
reply_has_page(int status)
{
	size_t k;

	for (k = 0; k < sizeof(page_statuses) / sizeof(*page_statuses); k++) {
		if (page_statuses[k] == status)
			return true;
	}
	return false;
}

static int
reply_take_status(struct conf_parse *cp, int i, struct reply_args *a)
{
	uint64_t code;

	if (i >= cp->ln->count ||
	    sv_to_u64(sv_str(cp->ln->word[i].s), &code) < 0 || code < 200 ||
	    code > 599)
		return conf_error(cp, i, "expected a status from 200 to 599");
	a->status = (uint16_t)code;
	return 0;
}

static int
reply_take_hdr(
    struct conf_parse *cp, int i, unsigned when, struct reply_args *a)
{
	struct reply_hdr **tail = &a->hdrs, *h;

	if (action_check_header(cp, i) < 0)
		return -WSE_SYNTAX;
	h = mem_alloc(sizeof(*h));
	h->name = mem_strdup(cp->ln->word[i].s);
	while (*tail)
		tail = &(*tail)->next;
	*tail = h;
	return logfmt_parse_word(
	    cp, i + 1, LOGFMT_HTTP, when, "header value", &h->fmt);
}

static bool
reply_is_body(const char *w)
{
	static const char *const words[] = { "default-errorfiles", "string",
		"file", "lf-string", "lf-file", "errorfile" };
	size_t k;

	for (k = 0; k < sizeof(words) / sizeof(*words); k++) {
		if (strcmp(w, words[k]) == 0)
			return true;
	}
	return false;
}

/* Words that say what the body is; 0 if word i is none, else words used. */
static int
reply_take_body(
    struct conf_parse *cp, int i, unsigned when, struct reply_args *a)
{
	const char *w = cp->ln->word[i].s;
	struct sv s = SV_NULL;
	int used = 2, rc = 0;

	if (!reply_is_body(w))
		return 0;
	if (a->kind != REPLY_EMPTY)
		return conf_error(cp, i, "the body is given twice");
	if (strcmp(w, "default-errorfiles") == 0) {
		a->kind = REPLY_PAGE;
		used = 1;
	} else if (strcmp(w, "string") == 0) {
		a->kind = REPLY_BYTES;
		if (i + 1 >= cp->ln->count)
			return conf_error(cp, i + 1, "missing text");
		s = sv_str(mem_strdup(cp->ln->word[i + 1].s));
	} else if (strcmp(w, "file") == 0) {
		a->kind = REPLY_BYTES;
		rc = reply_read_file(cp, i + 1, &s);
	} else if (strcmp(w, "lf-string") == 0) {
		a->kind = REPLY_FMT;
		rc = logfmt_parse_word(
		    cp, i + 1, LOGFMT_BODY, when, "format", &a->fmt);
	} else if (strcmp(w, "lf-file") == 0) {
		a->kind = REPLY_FMT;
		rc = reply_read_file(cp, i + 1, &s);
		if (rc == 0)
			rc = logfmt_parse_use(
			    cp, i + 1, s.p, LOGFMT_BODY, when, &a->fmt);
		free((char *)(uintptr_t)s.p);
		return rc < 0 ? rc : used;
	} else {
		a->kind = REPLY_FILE;
		rc = reply_read_file(cp, i + 1, &s);
		a->file.bytes = (char *)(uintptr_t)s.p;
		a->file.n = (uint32_t)s.n;
		return rc < 0 ? rc : used;
	}
	a->body = s;
	return rc < 0 ? rc : used;
}

/* One keyword at word *i; 1: not one of ours. */
static int
reply_take_word(struct conf_parse *cp, int *i, unsigned when,
    struct reply_args *a, bool *deny_status)
{
	const struct conf_line *ln = cp->ln;
	const char *w = ln->word[*i].s;
	int rc;

	if (strcmp(w, "status") == 0 || strcmp(w, "deny_status") == 0) {
		*deny_status = *deny_status || w[0] == 'd';
		rc = reply_take_status(cp, *i + 1, a);
		*i += 2;
		return rc;
	}
	if (strcmp(w, "content-type") == 0) {
		if (*i + 1 >= ln->count)
			return conf_error(cp, *i + 1, "missing content type");
		if (word_check_text(cp, *i + 1, "content type") < 0)
			return -WSE_SYNTAX;
		free(a->content_type);
		a->content_type = mem_strdup(ln->word[*i + 1].s);
		*i += 2;
		return 0;
	}
	if (strcmp(w, "hdr") == 0) {
		rc = reply_take_hdr(cp, *i + 1, when, a);
		*i += 3;
		return rc;
	}
	if (strcmp(w, "errorfiles") == 0)
		return conf_error(cp, *i,
		    "'errorfiles' is not supported; instead use 'errorfile'");
	rc = reply_take_body(cp, *i, when, a);
	if (rc == 0)
		return 1;
	*i += rc > 0 ? rc : 1;
	return rc < 0 ? rc : 0;
}

/* What the words together mean. */
static int
reply_check(struct conf_parse *cp, int at, struct reply_args *a, bool is_deny)
{
	bool payload = a->kind == REPLY_BYTES || a->kind == REPLY_FMT;

	if (is_deny && a->kind == REPLY_EMPTY && !a->hdrs && !a->content_type)
		a->kind = REPLY_PAGE;
	if (a->kind == REPLY_PAGE && !reply_has_page(a->status))
		return conf_error(cp, at,
		    "status %u has no default page; give a body, for "
		    "instance with 'content-type' and 'string'",
		    (unsigned)a->status);
	if (payload && !a->content_type && (a->body.n || a->fmt))
		return conf_error(
		    cp, at, "a body needs 'content-type' to say what it is");
	if (payload && (a->status == 204 || a->status == 304))
		return conf_error(cp, at, "status %u cannot have a body",
		    (unsigned)a->status);
	if (a->kind == REPLY_FILE)
		a->file.status = a->status;
	return 0;
}

int
action_parse_reply(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	struct reply_args *a = mem_alloc(sizeof(*a));
	bool is_deny = r->act == ACT_DENY, deny_status = false;
	int first = *word, rc = 0;

	r->args->reply = a;
	a->status = 200;
	if (is_deny)
		a->status = set == RULES_HTTP_RESPONSE ? 502 : 403;
	while (*word < cp->ln->count && rc == 0)
		rc = reply_take_word(
		    cp, word, action_when(set), a, &deny_status);
	if (rc < 0)
		return rc;
	if (deny_status && !is_deny)
		return conf_error(cp, first,
		    "'deny_status' belongs to 'deny'; instead use 'status'");
	return reply_check(cp, first, a, is_deny);
}

void
reply_args_free(struct reply_args **a)
{
	struct reply_hdr *h;

	if (!*a)
		return;
	free((*a)->content_type);
	free((char *)(uintptr_t)(*a)->body.p);
	logfmt_free(&(*a)->fmt);
	free((*a)->file.bytes);
	while ((h = (*a)->hdrs)) {
		(*a)->hdrs = h->next;
		free(h->name);
		logfmt_free(&h->fmt);
		free(h);
	}
	free(*a);
	*a = NULL;
}
