/* SPDX-License-Identifier: MIT */
/*
 * Where the master's command socket is: the value of -S.
 */
#ifndef MASTER_CLI_ADDR_H
#define MASTER_CLI_ADDR_H

#include "shm/conf/conf.h"

/*
 * "ADDR[,mode,OCTAL][,user,NAME][,group,NAME][,uid,N][,gid,N][,level,LEVEL]"
 * into *s (not bound; text allocated); by default mode 600, level admin.
 * 0 or -WSE_SYNTAX with the reason in err.
 */
MUST_USE int cli_addr_parse(
    const char *text, struct stats_socket *s_r, char *err, size_t err_room);

#endif
