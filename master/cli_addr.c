/* SPDX-License-Identifier: MIT */
/*
 * See cli_addr.h.
 */
#include "master/cli_addr.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/addr.h"

enum { WORD_MAX = 256 };

/* Up to the next comma; *p moves behind it, NULL at the end. */
static int
take_word(const char **p, char *out)
{
	size_t n = strcspn(*p, ",");

	if (n >= WORD_MAX)
		return -WSE_SYNTAX;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p = (*p)[n] ? *p + n + 1 : NULL;
	return 0;
}

static int
number(const char *v, int base, long max, int *n_r)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(v, &end, base);
	if (errno || end == v || *end || n < 0 || n > max)
		return -WSE_SYNTAX;
	*n_r = (int)n;
	return 0;
}

static int
level(const char *v, int *level_r)
{
	static const char *const levels[] = { "user", "operator", "admin" };

	for (int i = 0; i < 3; i++)
		if (strcmp(v, levels[i]) == 0) {
			*level_r = i;
			return 0;
		}
	return -WSE_SYNTAX;
}

static int
option(struct stats_socket *s, const char *word, const char *v)
{
	if (strcmp(word, "mode") == 0)
		return number(v, 8, 07777, &s->mode);
	if (strcmp(word, "uid") == 0)
		return number(v, 10, INT32_MAX, &s->uid);
	if (strcmp(word, "gid") == 0)
		return number(v, 10, INT32_MAX, &s->gid);
	if (strcmp(word, "level") == 0)
		return level(v, &s->level);
	if (strcmp(word, "user") == 0) {
		const struct passwd *pw = getpwnam(v);

		s->uid = pw ? (int)pw->pw_uid : -1;
		return pw ? 0 : -WSE_SYNTAX;
	}
	if (strcmp(word, "group") == 0) {
		const struct group *gr = getgrnam(v);

		s->gid = gr ? (int)gr->gr_gid : -1;
		return gr ? 0 : -WSE_SYNTAX;
	}
	return -WSE_UNSUPP;
}

/* "fd@${NAME}": what the variable holds. */
static const char *
expanded(const char *word, char *out, size_t room)
{
	size_t n = strlen(word);
	char name[WORD_MAX];
	const char *v;

	if (strncmp(word, "fd@${", 5) != 0 || word[n - 1] != '}')
		return word;
	snprintf(name, sizeof(name), "%.*s", (int)n - 6, word + 5);
	v = getenv(name);
	snprintf(out, room, "fd@%s", v ? v : "");
	return out;
}

int
cli_addr_parse(
    const char *text, struct stats_socket *s, char *err, size_t err_room)
{
	char word[WORD_MAX], v[WORD_MAX], raw[WORD_MAX];
	const char *p = text;
	int rc;

	memset(s, 0, sizeof(*s));
	s->fd = s->uid = s->gid = -1;
	s->mode = 0600;
	s->level = 2;
	if (take_word(&p, raw)) {
		snprintf(err, err_room, "an address that is too long");
		return -WSE_SYNTAX;
	}
	rc = addr_parse(
	    expanded(raw, word, sizeof(word)), &s->addr, err, err_room);
	if (rc)
		return -WSE_SYNTAX;
	if (s->addr.kind == ADDR_INET && !addr_port(&s->addr)) {
		snprintf(err, err_room, "missing port number: '%s'", raw);
		return -WSE_SYNTAX;
	}
	while (p) {
		if (take_word(&p, word) || !p || take_word(&p, v)) {
			snprintf(err, err_room, "'%s' lacks its value", word);
			return -WSE_SYNTAX;
		}
		rc = option(s, word, v);
		if (rc == 0)
			continue;
		if (rc == -WSE_UNSUPP)
			snprintf(err, err_room,
			    "'%s' is none of 'mode', 'user', 'group', 'uid', "
			    "'gid', 'level'",
			    word);
		else
			snprintf(err, err_room, "'%s' is no good %s", v, word);
		return -WSE_SYNTAX;
	}
	s->text = mem_strdup(raw);
	return 0;
}
