/* SPDX-License-Identifier: MIT */
/*
 * What -v and -vv show.
 */
#include "master/version.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <seccomp.h>

#include "shm/conf/tls_conf.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unbuilt"
#endif

void
version_print(FILE *out, bool in_full)
{
	const struct scmp_version *sc = seccomp_version();

	fprintf(out, "wsbroker version %s\n", PACKAGE_VERSION);
	if (!in_full)
		return;
	fprintf(out, "Build target  : linux-glibc\n");
	fprintf(out, "Build compiler: %s\n", __VERSION__);
	fprintf(out,
	    "Features      : +EPOLL +CRYPT_H +GETADDRINFO +BROKER "
	    "+OPENSSL -LUA -QUIC -PROMEX\n");
	fprintf(out, "libevent      : %s (built with %s)\n",
	    event_get_version(), LIBEVENT_VERSION);
	fprintf(out, "libcrypto     : %s\n", OpenSSL_version(OPENSSL_VERSION));
	if (sc)
		fprintf(out, "libseccomp    : %u.%u.%u\n", sc->major, sc->minor,
		    sc->micro);
}
