/* SPDX-License-Identifier: MIT */
/*
 * The cache of sessions; see tls_sess.h.  Used by the loop alone: a handshake
 * gets a copy, as OpenSSL marks sessions while it works with them.
 */
#include "broker/tls_sess.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/ssl.h>

#include "shm/base/mem.h"

enum {
	SESS_MAX = 1024,
	SESS_HASH = 256,
	COLLECT_US = 30000000, /* a collector that never came back */
	RETRY_US = 1000000,
	RETRY_SHIFT_MAX = 6
};

struct sess {
	struct list lru; /* most recently used first */
	struct sess *hash_next;
	uint32_t server, epoch;
	char sni[IPC_TEXT_MAX + 1];
	SSL_SESSION *session;      /* or NULL */
	uint64_t collect_until_us; /* one is being waited for */
	uint64_t not_before_us;    /* then it may be tried again */
	unsigned fails;
};

static struct list all = { &all, &all };
static struct sess *hash[SESS_HASH];
static unsigned count;

static unsigned
hash_of(uint32_t server, const char *sni)
{
	unsigned h = server * 2654435761u;

	for (; *sni; sni++)
		h = (h ^ (unsigned char)*sni) * 16777619u;
	return (h ^ h >> 16) % SESS_HASH;
}

static void
sess_free(struct sess *s)
{
	struct sess **pp = &hash[hash_of(s->server, s->sni)];

	while (*pp != s)
		pp = &(*pp)->hash_next;
	*pp = s->hash_next;
	list_del(&s->lru);
	count--;
	SSL_SESSION_free(s->session);
	free(s);
}

/* That of the triple; one of an older epoch becomes it. */
static struct sess *
sess_get(uint32_t server, uint32_t epoch, const char *sni)
{
	struct sess **head = &hash[hash_of(server, sni)], *s;

	for (s = *head; s; s = s->hash_next)
		if (s->server == server && strcmp(s->sni, sni) == 0)
			break;
	if (!s) {
		if (count >= SESS_MAX)
			sess_free(list_entry(all.prev, struct sess, lru));
		s = mem_alloc(sizeof(*s));
		s->server = server;
		s->epoch = epoch;
		strcpy(s->sni, sni);
		s->hash_next = *head;
		*head = s;
		count++;
	}
	if (s->epoch != epoch) {
		SSL_SESSION_free(s->session);
		s->session = NULL;
		s->epoch = epoch;
		s->collect_until_us = s->not_before_us = 0;
		s->fails = 0;
	}
	list_del(&s->lru);
	list_add_head(&all, &s->lru);
	return s;
}

static bool
is_expired(const SSL_SESSION *s)
{
	time_t now = time(NULL);

	return now - (time_t)SSL_SESSION_get_time(s) >=
	    (time_t)SSL_SESSION_get_timeout(s);
}

void
tls_sess_ask(
    struct tls_job *j, uint32_t server, uint32_t epoch, uint64_t now_us)
{
	struct sess *s = sess_get(server, epoch, j->sni);

	if (s->session && is_expired(s->session)) {
		SSL_SESSION_free(s->session);
		s->session = NULL;
	}
	if (s->session) {
		j->resume = SSL_SESSION_dup(s->session);
		return;
	}
	if (now_us < s->collect_until_us || now_us < s->not_before_us)
		return;
	s->collect_until_us = now_us + COLLECT_US;
	j->collect = true;
}

void
tls_sess_done(
    struct tls_job *j, uint32_t server, uint32_t epoch, uint64_t now_us)
{
	struct sess *s = sess_get(server, epoch, j->sni);

	/* refused, or it led nowhere: get another */
	if (j->resume && !j->resumed && s->session) {
		SSL_SESSION_free(s->session);
		s->session = NULL;
	}
	if (!j->collect)
		return;
	s->collect_until_us = 0;
	if (!j->ok)
		return;
	if (j->session) {
		SSL_SESSION_free(s->session);
		s->session = j->session;
		j->session = NULL;
		s->fails = 0;
		return;
	}
	if (s->fails < RETRY_SHIFT_MAX)
		s->fails++;
	s->not_before_us = now_us + ((uint64_t)RETRY_US << (s->fails - 1));
}
