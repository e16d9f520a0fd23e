/* SPDX-License-Identifier: MIT */
/*
 * Where things are, and /etc/default/wsbroker: NAME=value lines, quoted or
 * not, as both a shell and systemd read them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl.h"

#ifndef WSB_SBINDIR
#define WSB_SBINDIR "/usr/sbin"
#endif
#ifndef WSB_CONFIG_FILE
#define WSB_CONFIG_FILE "/etc/wsbroker/wsbroker.conf"
#endif
#ifndef WSB_RUN_DIR
#define WSB_RUN_DIR "/run/wsbroker"
#endif
#ifndef WSB_DEFAULTS_FILE
#define WSB_DEFAULTS_FILE "/etc/default/wsbroker"
#endif

enum { LINE_ROOM = 4096 };

void
settings_instance(struct ctl *c, const char *name)
{
	const char *dash = name ? "-" : "";
	const char *slash = strrchr(WSB_CONFIG_FILE, '/');

	snprintf(c->program, CTL_PATH_MAX, "%s/wsbroker", WSB_SBINDIR);
	if (name)
		snprintf(c->config, CTL_PATH_MAX, "%.*s/%s.conf",
		    (int)(slash - WSB_CONFIG_FILE), WSB_CONFIG_FILE, name);
	else
		snprintf(c->config, CTL_PATH_MAX, "%s", WSB_CONFIG_FILE);
	name = name ? name : "";
	snprintf(c->socket, CTL_PATH_MAX, "%s%s%s/master.sock", WSB_RUN_DIR,
	    dash, name);
	snprintf(c->pidfile, CTL_PATH_MAX, "%s%s%s/wsbroker.pid", WSB_RUN_DIR,
	    dash, name);
	snprintf(
	    c->defaults, CTL_PATH_MAX, "%s%s%s", WSB_DEFAULTS_FILE, dash, name);
}

bool
settings_seconds(const char *text, unsigned *s_r)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (strcmp(end, "m") == 0)
		n *= 60;
	else if (*end && strcmp(end, "s") != 0)
		return false;
	if (errno || n > 86400)
		return false;
	*s_r = (unsigned)n;
	return true;
}

/* Take the quotes off; cut comments and blanks behind. */
static char *
value_of(char *v)
{
	size_t n = strlen(v);

	if (*v == '"' || *v == '\'') {
		char *end = strchr(v + 1, *v);

		if (end)
			*end = '\0';
		return v + 1;
	}
	while (n > 0 && isspace((unsigned char)v[n - 1]))
		v[--n] = '\0';
	return v;
}

/* The words lie in a text that lasts as long as the process. */
static bool
add_extra(struct ctl *c, const char *text)
{
	static char words[4 * LINE_ROOM];
	static size_t used;
	char *copy = words + used, *save = NULL;
	size_t n = strlen(text) + 1;

	if (n > sizeof(words) - used)
		return false;
	memcpy(copy, text, n);
	used += n;
	for (char *w = strtok_r(copy, " \t\n", &save); w;
	     w = strtok_r(NULL, " \t\n", &save)) {
		if (c->extra_count == CTL_EXTRA_MAX)
			return false;
		c->extra[c->extra_count++] = w;
	}
	return true;
}

static bool
take(struct ctl *c, const char *name, const char *v)
{
	if (strcmp(name, "CONFIG") == 0)
		return snprintf(c->config, CTL_PATH_MAX, "%s", v) <
		    CTL_PATH_MAX;
	if (strcmp(name, "EXTRAOPTS") == 0)
		return add_extra(c, v);
	if (strcmp(name, "DRAIN_TIME") == 0)
		return settings_seconds(v, &c->drain_s);
	return true;
}

bool
settings_read(struct ctl *c)
{
	FILE *f = fopen(c->defaults, "re");
	char line[LINE_ROOM];
	bool good = true;

	if (!f && errno == ENOENT)
		return true;
	if (!f) {
		ctl_complain("%s: %s", c->defaults, strerror(errno));
		return false;
	}
	for (int n = 1; fgets(line, sizeof(line), f); n++) {
		char *name = line + strspn(line, " \t");
		char *eq = strchr(name, '=');

		if (*name == '#' || *name == '\n' || !eq)
			continue;
		*eq = '\0';
		if (take(c, name, value_of(eq + 1)))
			continue;
		ctl_complain("%s:%d: what stands for %s is no good: '%s'",
		    c->defaults, n, name, value_of(eq + 1));
		good = false;
	}
	fclose(f);
	return good;
}
