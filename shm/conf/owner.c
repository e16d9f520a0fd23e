/* SPDX-License-Identifier: MIT */
/*
 * Users, groups and the modes of Unix sockets.
 */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "shm/conf/conf.h"
#include "shm/conf/owner.h"

int
owner_uid(struct conf_parse *cp, int i, int *uid_r)
{
	const char *name = conf_word(cp, i);
	struct passwd *pw = cp->offline ? NULL : getpwnam(name);

	if (!pw)
		return conf_error(cp, i, "cannot find user id for '%s'", name);
	*uid_r = (int)pw->pw_uid;
	return 0;
}

int
owner_gid(struct conf_parse *cp, int i, int *gid_r)
{
	const char *name = conf_word(cp, i);
	struct group *gr = cp->offline ? NULL : getgrnam(name);

	if (!gr)
		return conf_error(cp, i, "cannot find group id for '%s'", name);
	*gid_r = (int)gr->gr_gid;
	return 0;
}

bool
owner_is_option(const char *word)
{
	static const char *const names[] = { "mode", "user", "uid", "group",
		"gid" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(word, names[i]) == 0)
			return true;
	return false;
}

static int
mode_parse(struct conf_parse *cp, int i, int *mode_r)
{
	const char *s = conf_word(cp, i);
	size_t n = strspn(s, "01234567");

	if (!n || s[n] || n > 4)
		return conf_error(cp, i,
		    "'mode' expects an octal mode such as "
		    "660, not '%s'",
		    s);
	*mode_r = (int)strtol(s, NULL, 8);
	return 0;
}

int
owner_option(struct conf_parse *cp, int i, int *mode_r, int *uid_r, int *gid_r)
{
	const char *word = conf_word(cp, i);

	if (i + 1 >= cp->ln->count)
		return conf_error(cp, i + 1, "'%s' expects a value", word);
	if (strcmp(word, "mode") == 0)
		return mode_parse(cp, i + 1, mode_r);
	if (strcmp(word, "user") == 0)
		return owner_uid(cp, i + 1, uid_r);
	if (strcmp(word, "group") == 0)
		return owner_gid(cp, i + 1, gid_r);
	return conf_arg_int(
	    cp, i + 1, 0, 0x7ffffffe, strcmp(word, "uid") == 0 ? uid_r : gid_r);
}
