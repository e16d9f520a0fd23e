/* SPDX-License-Identifier: MIT */
/*
 * Certificates that were replaced at run time, as they travel between
 * processes and wait in the master for children yet to come.
 */
#ifndef SHM_CONF_TLS_UPDATE_H
#define SHM_CONF_TLS_UPDATE_H

#include <stddef.h>
#include <stdint.h>

#include "shm/base/err.h"

struct conf;

enum { TLS_UPDATE_MAX = 1 << 20 /* bytes of PEM text */ };

struct tls_update {
	uint32_t index; /* of tls_cert_name(); all processes' confs agree */
	int fd;         /* PEM text in sealed memory (shm/base/sealed.h) */
};

/*
 * tls_cert_replace() with the text behind fd, which stays the caller's.
 * 0; -WSE_NOTFOUND: no such certificate; -WSE_DENIED, -WSE_TOOBIG, -WSE_SYS:
 * of sealed_map(); -WSE_SYNTAX.  err says why.
 */
MUST_USE int tls_update_apply(
    struct conf *c, const struct tls_update *u, char *err, size_t err_room);
/* Number of a certificate by name, or -WSE_NOTFOUND. */
MUST_USE int
tls_update_index(const struct conf *c, const char *name, uint32_t *index_r);

#endif
