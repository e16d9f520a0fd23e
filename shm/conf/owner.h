/* SPDX-License-Identifier: MIT */
/*
 * Users, groups and the modes of Unix sockets.
 */
#ifndef SHM_CONF_OWNER_H
#define SHM_CONF_OWNER_H

#include "shm/conf/parse.h"

/* Word i, a name, as a number; an unknown name is reported. */
MUST_USE int owner_uid(struct conf_parse *cp, int i, int *uid_r);
MUST_USE int owner_gid(struct conf_parse *cp, int i, int *gid_r);
/* mode, user, uid, group or gid? */
bool owner_is_option(const char *word);
/* The option at word i and its value at i + 1. */
MUST_USE int
owner_option(struct conf_parse *cp, int i, int *mode_r, int *uid_r, int *gid_r);

#endif
