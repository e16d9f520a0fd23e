/* SPDX-License-Identifier: MIT */
/*
 * Names and numbers of proxies and servers: each but once.
 */
#ifndef SHM_CONF_NUMBER_H
#define SHM_CONF_NUMBER_H

#include "shm/conf/conf.h"

/* Make conf_find_proxy() quick, and report names that occur twice. */
void number_names(struct conf_parse *cp);
/* Report ids that occur twice, give ids to all, and rows. */
void number_rows(struct conf_parse *cp);

#endif
