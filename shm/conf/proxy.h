/* SPDX-License-Identifier: MIT */
/*
 * Making and freeing what a section describes.
 */
#ifndef SHM_CONF_PROXY_H
#define SHM_CONF_PROXY_H

#include "shm/conf/conf.h"

/* With HAProxy's defaults; the caller links it. `file` is not copied. */
struct proxy *
proxy_new(const char *name, unsigned cap, const char *file, int line);
void proxy_free(struct proxy **px);
/* "frontend", "backend", "listen" or "defaults". */
const char *proxy_kind(const struct proxy *px);

/* Give a zeroed server the values it has without any keyword. */
void proxy_server_init(struct server *s);
/* Free what a server holds, not itself. */
void proxy_server_done(struct server *s);

/* Free what a cookie line left, and be as without any. */
void cookie_kw_done(struct proxy_cookie *c);

/* Replace *s by a copy of v (NULL: none). */
void proxy_set_string(char **s, const char *v);

#endif
