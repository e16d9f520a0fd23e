/* SPDX-License-Identifier: MIT */
/*
 * TLS handshakes of clients, budgeted.
 */
#include "worker/fconn_tls.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shm/base/chk.h"
#include "shm/conf/tls_conf.h"
#include "shm/proto/tls_hs.h"
#include "worker/fconn.h"
#include "worker/stream_parts.h"

enum {
	TURN_US = 250,    /* of handshakes a turn, one at least */
	LIMIT_MS = 10000, /* without `timeout client` */
	READ_BYTES = 16384
};

static struct mempool tls_pool = MEMPOOL_SLABS(struct fconn_tls);
static struct list turns = { &turns, &turns };
static struct event turn_timer;
static uint64_t turn_seen, turn_left_us;

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

unsigned
fconn_tls_limit_ms(const struct fconn *fc)
{
	unsigned ms = fconn_proxy(fc)->tmo.client_ms;

	return ms ? ms : LIMIT_MS;
}

int
fconn_tls_start(struct fconn *fc)
{
	fc->tls = mempool_get(&tls_pool);
	if (!fc->tls)
		return -WSE_NOMEM;
	fc->tls->fc = fc;
	return 0;
}

void
fconn_tls_free(struct fconn *fc)
{
	struct fconn_tls *t = fc->tls;

	if (!t)
		return;
	list_del(&t->turn);
	tls_hs_free(&t->hs);
	if (fc->x.tls)
		xprt_tls_end(&t->xt);
	fc->x.tls = NULL;
	tls_rec_wipe(&t->rec);
	free(t->sni);
	mempool_put(&tls_pool, t);
	fc->tls = NULL;
}

/*
 * The handshake fails: a line as HAProxy writes it, then the end.  `quiet`:
 * nothing a user of dontlognull wants to read about.
 */
static void
fail(struct fconn *fc, const char *why, bool quiet)
{
	const struct proxy *fe = fconn_proxy(fc);

	stat_add(&wk.stat->tls_front_fails, 1);
	stat_add(
	    &stat_proxy(&wk.board, wk.proc, (uint32_t)fe->row)->conn_errors, 1);
	if (!quiet || !fe->log.dontlognull)
		access_log_refused(fc, why);
	fconn_tls_free(fc);
	fconn_linger(fc);
}

/* What HTTP or another protocol gets for an answer: a fatal alert. */
static void
say_alert(const struct fconn *fc)
{
	static const uint8_t alert[] = { 21, 3, 1, 0, 2, 2,
		TLS_ALERT_UNEXPECTED_MESSAGE };

	/* it fails only where nobody listens any more */
	if (send(fc->x.fd, alert, sizeof(alert), MSG_NOSIGNAL) < 0)
		return;
}

static void
failed(struct fconn *fc, bool answered)
{
	if (!answered)
		say_alert(fc);
	fail(fc, "SSL handshake failure", false);
}

/*
 * Send what there is. 0, -WSE_AGAIN or -WSE_RESET.  Tickets wait for the
 * response to a request that is here already, 200 ms at most (the kernel's).
 */
static int
send_output(struct fconn *fc)
{
	struct tls_hs *h = fc->tls->hs;
	bool more = tls_hs_state(h) == TLS_HS_DONE && tls_hs_has_rest(h);
	struct sv out;
	ssize_t n;

	while ((out = tls_hs_output(h)).n > 0) {
		n = xprt_result(send(fc->x.fd, out.p, out.n,
		    MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
		if (n < 0)
			return (int)n;
		tls_hs_sent(h, (size_t)n);
	}
	return 0;
}

static struct sv
alpn_static(struct sv alpn)
{
	static const char *const known[] = { "http/1.1", "h2", "http/1.0" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (sv_eq(alpn, sv_str(known[i])))
			return sv_str(known[i]);
	return SV_NULL;
}

/* From here on records, and requests. */
static void
detach(struct fconn *fc)
{
	struct fconn_tls *t = fc->tls;
	struct txn_client *cli = &fc->cli;
	struct sv rest, sni = tls_hs_sni(t->hs);
	int err = tls_hs_detach(t->hs, &t->rec.st, &rest);

	stat_add(&wk.stat->tls_front, 1);
	if (tls_hs_is_resumed(t->hs))
		stat_add(&wk.stat->tls_front_resumed, 1);
	cli->is_tls = true;
	cli->alpn = alpn_static(tls_hs_alpn(t->hs));
	if (sni.n && (t->sni = strndup(sni.p, sni.n)))
		cli->sni = sv_str(t->sni);
	xprt_tls_begin(&t->xt, &t->rec, &fc->rev);
	fc->x.tls = &t->xt;
	if (err == 0)
		err = xprt_tls_preload(&t->xt, rest.p, rest.n);
	tls_hs_free(&t->hs);
	if (err < 0) {
		fail(fc, "SSL handshake failure", false);
		return;
	}
	fconn_ready(fc);
}

/* After a step: output, then what it led to. */
static void
go_on(struct fconn *fc)
{
	enum tls_hs_state st = tls_hs_state(fc->tls->hs);
	bool answered = tls_hs_output(fc->tls->hs).n > 0;
	int err = send_output(fc);

	if (st == TLS_HS_FAILED) {
		failed(fc, answered);
		return;
	}
	if (err == -WSE_AGAIN) {
		fconn_write_on(fc);
		return;
	}
	fconn_write_off(fc);
	if (err < 0)
		fail(fc, "Connection error during SSL handshake", true);
	else if (st == TLS_HS_DONE)
		detach(fc);
	else
		fconn_read_on(fc);
}

static void
step(struct fconn *fc)
{
	static uint8_t in[READ_BYTES];
	struct fconn_tls *t = fc->tls;
	ssize_t n = xprt_result(recv(fc->x.fd, in, sizeof(in), 0));
	bool begun = t->hs;

	if (n == -WSE_AGAIN) {
		fconn_read_on(fc);
		return;
	}
	if (n <= 0) {
		fc->eof = true;
		fail(fc,
		    begun ? "Connection error during SSL handshake"
			  : "Connection closed during SSL handshake",
		    true);
		return;
	}
	if (!begun)
		t->hs = tls_hs_accept(tls_front_ctx(fc->cli.bind->tls.front));
	if (!t->hs) {
		fail(fc, "Out of memory when initializing an SSL connection",
		    false);
		return;
	}
	tls_hs_feed(t->hs, in, (size_t)n);
	go_on(fc);
}

static bool
has_time(void)
{
	if (turn_seen != wk.turns) {
		turn_seen = wk.turns;
		turn_left_us = TURN_US;
	}
	return turn_left_us > 0;
}

static void
timed_step(struct fconn *fc)
{
	uint64_t us = now_us();

	step(fc);
	us = now_us() - us;
	turn_left_us -= us < turn_left_us ? us : turn_left_us;
}

/* An expired timer is looked at once in each turn of the loop. */
static void
turn_arm(void)
{
	static const struct timeval at_once = { 0, 0 };

	if (!list_is_empty(&turns) && !evtimer_pending(&turn_timer, NULL))
		evtimer_add(&turn_timer, &at_once);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	wk_turn();
	while (!list_is_empty(&turns) && has_time()) {
		struct fconn_tls *t =
		    list_entry(turns.next, struct fconn_tls, turn);

		list_del(&t->turn);
		timed_step(t->fc);
	}
	turn_arm();
}

void
fconn_tls_readable(struct fconn *fc)
{
	struct fconn_tls *t = fc->tls;

	if (list_is_empty(&turns) && has_time()) {
		timed_step(fc);
		return;
	}
	fconn_read_off(fc);
	if (!list_is_linked(&t->turn))
		list_add_tail(&turns, &t->turn);
	turn_arm();
}

void
fconn_tls_writable(struct fconn *fc)
{
	go_on(fc);
}

void
fconn_tls_timeout(struct fconn *fc)
{
	fail(fc, "Timeout during SSL handshake", false);
}

int
fconn_tls_init(void)
{
	evtimer_assign(&turn_timer, wk.base, on_turn, NULL);
	return tls_conf_each_ctx(wk.conf, tls_hs_prepare);
}
