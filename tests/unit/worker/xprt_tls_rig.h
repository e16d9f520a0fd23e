/* SPDX-License-Identifier: MIT */
/*
 * Records over a real socket: the other end is a struct tls_rec of the test,
 * so that every record can be seen, cut, kept back and made by hand.
 */
#ifndef TESTS_UNIT_WORKER_XPRT_TLS_RIG_H
#define TESTS_UNIT_WORKER_XPRT_TLS_RIG_H

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shm/base/buf.h"
#include "shm/base/clock.h"
#include "shm/proto/tls_key.h"
#include "tests/unit/shm/proto/tls_pair.h"
#include "worker/xprt_tls.h"

enum { MANY = 300000, HANDSHAKE = 22, DATA = 23 };

struct rig {
	int fd, far; /* ours, the peer's */
	struct tls_rec rec, peer;
	struct xtls xt;
	/* what the peer read: ciphertext not opened, then data */
	uint8_t in[4 * BUF_LARGE];
	size_t in_bytes;
	uint8_t got[MANY];
	size_t got_bytes;
	size_t largest; /* plaintext in a record */
	unsigned records, updates, closes;
	uint8_t alert; /* last one received */
};

static struct rig rig;
static uint8_t wire[4 * BUF_LARGE], text[MANY], back[MANY];

static inline void
begin(int version, bool is_client)
{
	struct shape s = { .version = version, .is_client = is_client };
	int p[2];

	xprt_tls_end(&rig.xt); /* of a test that failed */
	memset(&rig, 0, sizeof(rig));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
	made_up(&rig.rec.st, &s);
	rig.peer = mirror_of(&rig.rec.st);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p), 0);
	rig.fd = p[0];
	rig.far = p[1];
	clock_update();
	xprt_tls_begin(&rig.xt, &rig.rec, NULL);
}

static inline void
end(void)
{
	xprt_tls_end(&rig.xt);
	tls_rec_wipe(&rig.rec);
	tls_rec_wipe(&rig.peer);
	close(rig.fd);
	close(rig.far);
	tls_rec_drain();
	assert_int_equal(buf_attached_bytes(), 0);
}

/* --- the peer --- */

static inline void
far_open(void)
{
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	size_t at = 0;
	ssize_t n;

	while ((n = tls_rec_open(&rig.peer, rig.in + at, rig.in_bytes - at,
		    &got, &data, &alert)) > 0) {
		at += (size_t)n;
		rig.records++;
		rig.closes += got == TLS_GOT_CLOSE;
		rig.updates += got == TLS_GOT_NOTHING;
		if (got == TLS_GOT_ALERT)
			rig.alert = alert;
		if (got != TLS_GOT_DATA)
			continue;
		assert_true(rig.got_bytes + data.n <= sizeof(rig.got));
		memcpy(rig.got + rig.got_bytes, data.p, data.n);
		rig.got_bytes += data.n;
		if (data.n > rig.largest)
			rig.largest = data.n;
	}
	rig.in_bytes -= at;
	memmove(rig.in, rig.in + at, rig.in_bytes);
}

/* Take at most max bytes off the socket. */
static inline size_t
far_read(size_t max)
{
	size_t room = sizeof(rig.in) - rig.in_bytes;
	ssize_t n =
	    recv(rig.far, rig.in + rig.in_bytes, max < room ? max : room, 0);

	if (n <= 0)
		return 0;
	rig.in_bytes += (size_t)n;
	far_open();
	return (size_t)n;
}

static inline void
far_send(const uint8_t *p, size_t n)
{
	assert_int_equal(send(rig.far, p, n, 0), n);
}

/* A record of the peer at wire + at; its bytes. */
static inline size_t
far_seal(size_t at, const void *p, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	ssize_t k =
	    tls_rec_seal(&rig.peer, &iov, 1, wire + at, sizeof(wire) - at);

	assert_true(k > 0);
	return (size_t)k;
}

static inline size_t
far_update(size_t at, bool request)
{
	uint8_t msg[5] = { 24, 0, 0, 1, request };
	size_t n = craft(&rig.peer, HANDSHAKE, msg, sizeof(msg), 0, wire + at);

	assert_int_equal(tls_key_next(&rig.peer.st, &rig.peer.st.tx), 0);
	tls_rec_idle(&rig.peer);
	return n;
}

static inline size_t
far_close(size_t at)
{
	ssize_t k = tls_rec_alert(
	    &rig.peer, TLS_ALERT_CLOSE_NOTIFY, wire + at, sizeof(wire) - at);

	assert_true(k > 0);
	return (size_t)k;
}

/* Receive until it says something else than data; all of it in back[]. */
static inline int
take(size_t *n_r, size_t room)
{
	ssize_t n;

	while ((n = xprt_tls_recv(&rig.xt, rig.fd, back + *n_r, room)) > 0) {
		assert_true((size_t)n <= room);
		*n_r += (size_t)n;
	}
	return (int)n;
}

/* The end comes behind what was read: ask until it is there. */
static inline int
take_end(size_t *n_r)
{
	int r = take(n_r, 100);

	for (int i = 0; i < 3 && r == -WSE_AGAIN; i++)
		r = take(n_r, 100);
	return r;
}

#endif
