/* SPDX-License-Identifier: MIT */
/*
 * server and default-server lines.
 */
#ifndef SHM_CONF_SERVER_KW_H
#define SHM_CONF_SERVER_KW_H

#include "shm/conf/conf.h"

/* Options from word i to the end of the line, into *s. */
MUST_USE int server_opt_parse(
    struct conf_parse *cp, int i, struct server *s, bool is_default);

/* cookie_kw.c: `cookie` of a server line. */
int cookie_kw_server(struct conf_parse *cp, int i, struct server *s, int arg);

#endif
