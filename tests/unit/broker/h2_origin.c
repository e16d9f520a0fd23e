/* SPDX-License-Identifier: MIT */
/*
 * See h2_origin.h.
 */
#include "tests/unit/broker/h2_origin.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/proto/h2_frame.h"

enum { TURN_MS = 4, HALF_US = 150000, IN_MAX = 65536 };

struct talk {
	struct h2_origin *o;
	int fd;
	SSL *ssl; /* or NULL */
	unsigned turn;
	size_t have;
	uint8_t in[IN_MAX];
};

static void
put(struct talk *t, const void *p, size_t n)
{
	if (t->ssl)
		(void)!SSL_write(t->ssl, p, (int)n);
	else
		(void)!send(t->fd, p, n, MSG_NOSIGNAL);
}

/* One frame, of which part may come later. */
static void
frame(struct talk *t, uint8_t type, uint8_t flags, uint32_t id, const void *p,
    size_t n, size_t split)
{
	uint8_t b[64];

	CHK(H2_HD_BYTES + n <= sizeof(b));
	if (n > 0)
		memcpy(b + H2_HD_BYTES, p, n);
	h2_hd_put(b, (uint32_t)n, type, flags, id);
	n += H2_HD_BYTES;
	if (split > 0) {
		put(t, b, split);
		usleep(HALF_US);
	}
	put(t, b + split, n - split);
}

static void
settings(struct talk *t, bool connects, bool slow)
{
	uint8_t b[H2_HD_BYTES + 12], *o = b + H2_HD_BYTES;
	size_t i, n;

	o = h2_setting_put(o, H2_SET_STREAMS, 100);
	if (connects)
		o = h2_setting_put(o, H2_SET_CONNECT, 1);
	n = (size_t)(o - b);
	h2_hd_put(b, (uint32_t)(n - H2_HD_BYTES), H2_SETTINGS, 0, 0);
	for (i = 0; slow && i + 1 < n; i++) {
		put(t, b + i, 1);
		usleep(2000);
	}
	put(t, b + i, n - i);
}

static bool
greet(struct talk *t)
{
	/* SETTINGS, and a WINDOW_UPDATE of 1 */
	static const uint8_t half[] = { 0, 0, 0, H2_SETTINGS, 0, 0, 0, 0, 0, 0,
		0, 4, H2_WINDOW_UPDATE, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const uint8_t bye[26] = { 0, 0, 0, H2_SETTINGS, 0, 0, 0, 0, 0, 0,
		0, 8, H2_GOAWAY };
	static const uint8_t zero[8];
	int mode = t->o->mode;

	switch (mode) {
	case H2O_GOOD:
	case H2O_CONNECTS:
	case H2O_SLOW:
		settings(t, mode == H2O_CONNECTS, mode == H2O_SLOW);
		return true;
	case H2O_SILENT:
		return true;
	case H2O_HALF:
		put(t, half, sizeof(half) - 6);
		usleep(HALF_US);
		put(t, half + sizeof(half) - 6, 6);
		return true;
	case H2O_HTTP1:
		put(t, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		return true;
	case H2O_NOT_FIRST:
		frame(t, H2_PING, 0, 0, zero, 8, 0);
		return true;
	case H2O_GOAWAY:
		put(t, bye, sizeof(bye));
		return true;
	}
	return false;
}

/* False: close. */
static bool
obey(struct talk *t, int word)
{
	static const uint8_t eight[8] = { 0, 0, 0, 8, 1, 2, 3, 4 };

	switch (word) {
	case H2O_PING:
		frame(t, H2_PING, 0, 0, eight, 8, 0);
		return true;
	case H2O_SETTINGS:
		settings(t, true, false);
		return true;
	case H2O_UPDATE:
		frame(t, H2_WINDOW_UPDATE, 0, 0, eight, 4, 0);
		return true;
	case H2O_LATE:
		frame(t, H2_RST_STREAM, 0, 1, eight, 4, 0);
		frame(t, H2_DATA, 0, 1, "hello", 5, 0);
		return true;
	case H2O_PING_HALF:
		frame(t, H2_PING, 0, 0, eight, 8, 11);
		return true;
	case H2O_HALF_ONLY:
		put(t, "\0\0\x08", 3);
		return true;
	case H2O_BAD:
		frame(t, H2_PUSH_PROMISE, H2_END_HEADERS, 1, eight, 5, 0);
		return true;
	case H2O_BYE:
		frame(t, H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8, 0);
		return true;
	}
	return false;
}

static void
on_frame(struct talk *t, const struct h2_hd *hd, const uint8_t *p)
{
	struct h2_origin *o = t->o;

	switch (hd->type) {
	case H2_SETTINGS:
		if (hd->flags & H2_ACK)
			o->acks++;
		else if (o->mode != H2O_SILENT)
			frame(t, H2_SETTINGS, H2_ACK, 0, NULL, 0, 0);
		return;
	case H2_PING:
		if (hd->flags & H2_ACK) {
			o->pongs++;
		} else {
			o->pings++;
			frame(t, H2_PING, H2_ACK, 0, p, 8, 0);
		}
		return;
	case H2_WINDOW_UPDATE:
		o->updates += h2_get32(p);
		return;
	case H2_GOAWAY:
		if (h2_get32(p + 4) == H2_NO_ERROR)
			o->byes++;
		else
			o->bad++;
		return;
	}
	o->bad++;
}

/* More bytes: 1; nothing now: 0; the end: -1. */
static int
more(struct talk *t)
{
	ssize_t n;

	CHK(t->have < sizeof(t->in));
	if (t->ssl) {
		n = SSL_read(
		    t->ssl, t->in + t->have, (int)(sizeof(t->in) - t->have));
		if (n <= 0 &&
		    SSL_get_error(t->ssl, (int)n) == SSL_ERROR_WANT_READ)
			return 0;
		if (n <= 0 &&
		    SSL_get_error(t->ssl, (int)n) == SSL_ERROR_ZERO_RETURN)
			t->o->notifies++;
	} else {
		n = recv(t->fd, t->in + t->have, sizeof(t->in) - t->have,
		    MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return 0;
	}
	if (n <= 0)
		return -1;
	t->have += (size_t)n;
	return 1;
}

static bool
wait_more(struct talk *t)
{
	struct pollfd p = { t->fd, POLLIN, 0 };
	int r;

	while ((r = more(t)) == 0) {
		if (t->o->turn != t->turn) {
			t->turn = t->o->turn;
			if (!obey(t, t->o->word))
				return false;
		}
		poll(&p, 1, TURN_MS);
	}
	return r > 0;
}

static void
drop(struct talk *t, size_t n)
{
	t->have -= n;
	memmove(t->in, t->in + n, t->have);
}

static void
speak_h2(struct talk *t)
{
	struct h2_hd hd;

	while (t->have < H2_MAGIC_BYTES)
		if (!wait_more(t))
			return;
	if (memcmp(t->in, H2_MAGIC, H2_MAGIC_BYTES) != 0) {
		t->o->bad++;
		return;
	}
	t->o->hellos++;
	drop(t, H2_MAGIC_BYTES);
	if (!greet(t))
		return;
	for (;;) {
		while (t->have >= H2_HD_BYTES) {
			hd = h2_hd_get(t->in);
			if (t->have < H2_HD_BYTES + hd.len)
				break;
			on_frame(t, &hd, t->in + H2_HD_BYTES);
			drop(t, H2_HD_BYTES + hd.len);
		}
		if (!wait_more(t))
			return;
	}
}

static void
speak_h1(struct talk *t)
{
	t->o->h1++;
	while (wait_more(t))
		for (; t->have > 0; t->have--)
			put(t, "y", 1);
}

static void *
talk(void *arg)
{
	struct talk *t = arg;
	struct h2_origin *o = t->o;
	const unsigned char *alpn = NULL;
	unsigned n = 0;
	struct timeval tv = { 0, TURN_MS * 1000 };
	bool ok = true;

	if (o->tls) {
		t->ssl = SSL_new(o->t.ctx);
		SSL_set_fd(t->ssl, t->fd);
		ok = SSL_accept(t->ssl) == 1;
		SSL_get0_alpn_selected(t->ssl, &alpn, &n);
		setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	}
	if (ok && (!o->tls || (n == 2 && memcmp(alpn, "h2", 2) == 0)))
		speak_h2(t);
	else if (ok)
		speak_h1(t);
	SSL_free(t->ssl);
	shutdown(t->fd, SHUT_RDWR);
	close(t->fd);
	free(t);
	o->open--;
	/* at its exit it would hold a lock while the next broker is forked */
	OPENSSL_thread_stop();
	o->threads--;
	return NULL;
}

static void *
accept_all(void *arg)
{
	struct h2_origin *o = arg;
	struct talk *t;
	int fd, one = 1;

	while ((fd = accept4(o->t.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		o->accepted++;
		if (++o->open > o->peak)
			o->peak = o->open;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		t = calloc(1, sizeof(*t));
		CHK(t);
		t->o = o;
		t->fd = fd;
		t->turn = o->turn;
		o->threads++;
		tls_origin_thread(talk, t);
	}
	o->threads--;
	return NULL;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
    const unsigned char *in, unsigned n, void *arg)
{
	const struct h2_origin *o = arg;
	size_t len;
	const char *p;
	unsigned at;

	(void)ssl;
	if (!o->alpn)
		return SSL_TLSEXT_ERR_NOACK;
	for (p = o->alpn; *p; p += len + (p[len] == ',')) {
		len = strcspn(p, ",");
		for (at = 0; at < n; at += 1u + in[at])
			if (in[at] == len && memcmp(in + at + 1, p, len) == 0) {
				*out = in + at + 1;
				*out_n = in[at];
				return SSL_TLSEXT_ERR_OK;
			}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void
h2_origin_init(struct h2_origin *o, bool tls, int max_version)
{
	memset(o, 0, sizeof(*o));
	tls_origin_init(&o->t, false, max_version);
	o->tls = tls;
	o->alpn = "h2,http/1.1";
	SSL_CTX_set_alpn_select_cb(o->t.ctx, on_alpn, o);
}

void
h2_origin_run(struct h2_origin *o)
{
	o->threads++;
	tls_origin_thread(accept_all, o);
}

void
h2_origin_say(struct h2_origin *o, enum h2o_word w)
{
	o->word = (int)w;
	o->turn++;
}

void
h2_origin_fini(struct h2_origin *o)
{
	unsigned i;

	shutdown(o->t.fd, SHUT_RDWR);
	for (i = 0; o->threads > 0 && i < 5000; i++)
		usleep(1000);
	CHK(o->threads == 0);
	tls_origin_fini(&o->t);
}
