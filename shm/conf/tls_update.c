/* SPDX-License-Identifier: MIT */
/*
 * See tls_update.h.
 */
#include "shm/conf/tls_update.h"

#include <stdio.h>
#include <string.h>

#include "shm/base/sealed.h"
#include "shm/conf/tls_conf.h"

int
tls_update_index(const struct conf *c, const char *name, uint32_t *index_r)
{
	const char *one;

	for (uint32_t i = 0; (one = tls_cert_name(c, i)) != NULL; i++)
		if (strcmp(one, name) == 0) {
			*index_r = i;
			return 0;
		}
	return -WSE_NOTFOUND;
}

int
tls_update_apply(
    struct conf *c, const struct tls_update *u, char *err, size_t err_room)
{
	const char *name = tls_cert_name(c, u->index);
	struct sv text;
	int r;

	if (!name) {
		snprintf(err, err_room, "there is no certificate %u", u->index);
		return -WSE_NOTFOUND;
	}
	r = sealed_map(u->fd, TLS_UPDATE_MAX, &text);
	if (r) {
		snprintf(err, err_room, "cannot read what came for '%s': %s",
		    name, err_text(r));
		return r;
	}
	r = tls_cert_replace(c, name, text, err, err_room);
	sealed_unmap(&text);
	return r;
}
