/* SPDX-License-Identifier: MIT */
/*
 * A client's connection with streams that are played by this test, over a
 * socketpair that keeps what is sent at a time apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/h2_front_int.h"
#include "worker/stream_parts.h"

enum { PEERS_MAX = 64, WHAT_MAX = 70000 };

struct wk wk;

static struct conf conf;
static struct proxy px;
static struct bind bind_line;
static struct stat_proc stats;
static struct fconn *fc;
static int peer;
static struct stream *made[PEERS_MAX];
static int made_count, begun, gone_count, closed, lingered, broken;
static uint8_t got[WHAT_MAX];

/* --- what h2_front asks of the others --- */

struct stream *
stream_new(struct fconn *of)
{
	struct stream *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->mem = calloc(1, sizeof(*s->mem));
	assert_non_null(s->mem);
	s->t.arena = (struct arena){ s->mem->arena, 0, STREAM_ARENA_BYTES };
	s->t.cli = of->shared;
	s->fc = of;
	of->s = s;
	assert_true(made_count < PEERS_MAX);
	made[made_count++] = s;
	return s;
}

static void
stream_is_over(struct stream *s, bool aborted)
{
	struct fconn *of = s->fc;

	for (int i = 0; i < made_count; i++)
		if (made[i] == s)
			made[i] = NULL;
	of->s = NULL;
	free(s->mem);
	free(s);
	of->front->end(of, aborted, false);
}

void
stream_req_begin(struct stream *s, int err, bool end)
{
	(void)s, (void)end;
	assert_int_equal(err, 0);
	begun++;
}

void
stream_client_gone(struct stream *s)
{
	gone_count++;
	stream_is_over(s, true);
}

void
stream_cut(struct stream *s)
{
	broken++;
	stream_is_over(s, true);
}

void
stream_term(struct stream *s, char who, char where)
{
	(void)s, (void)who, (void)where;
}

void
reply_status(struct stream *s, unsigned status)
{
	(void)status;
	stream_is_over(s, true);
}

struct stat_proxy *
stat_proxy(const struct board *b, uint32_t proc, uint32_t row)
{
	static struct stat_proxy all;

	(void)b, (void)proc, (void)row;
	return &all;
}

const struct proxy *
fconn_proxy(const struct fconn *of)
{
	return (of->front ? of->shared : &of->cli)->bind->px;
}

static void
ignore(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

void
fconn_attach(struct fconn *of, const struct front_ops *front, struct xmux *m,
    struct txn_client *shared)
{
	of->x.fd = -1;
	of->x.mux = m;
	of->front = front;
	of->shared = shared;
	event_assign(&of->rev, wk.base, -1, EV_READ, ignore, of);
	event_assign(&of->wev, wk.base, -1, EV_WRITE, ignore, of);
	m->rev = &of->rev;
	m->wev = &of->wev;
	m->reading = &of->reading;
	m->writing = &of->writing;
}

void
fconn_detach(struct fconn *of)
{
	event_del(&of->rev);
	event_del(&of->wev);
	buf_put(&of->in);
}

void
fconn_set_state(struct fconn *of, enum fconn_state to)
{
	of->state = to;
}

void
fconn_read_on(struct fconn *of)
{
	of->reading = true;
}

void
fconn_write_on(struct fconn *of)
{
	of->writing = true;
}

void
fconn_write_off(struct fconn *of)
{
	of->writing = false;
}

void
fconn_close(struct fconn *of)
{
	h2_front_free(of);
	closed++;
}

void
fconn_linger(struct fconn *of)
{
	assert_null(of->h2);
	lingered++;
}

/* --- the client --- */

static void
loop(void)
{
	clock_update();
	event_base_loop(wk.base, EVLOOP_NONBLOCK);
}

static void
say(const void *p, size_t n)
{
	assert_int_equal(send(peer, p, n, 0), n);
	h2_front_readable(fc);
}

/* One send of the connection's; 0: there is none. */
static size_t
hear(void)
{
	ssize_t n = recv(peer, got, sizeof(got), MSG_DONTWAIT);

	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	return n < 0 ? 0 : (size_t)n;
}

/* How many frames of a type are among n bytes heard, code of the last. */
static int
frames(size_t n, enum h2_type type, struct h2_hd *last_r, const uint8_t **p_r)
{
	int count = 0;
	size_t at = 0;

	while (at + H2_HD_BYTES <= n) {
		struct h2_hd hd = h2_hd_get(got + at);

		if (hd.type == type) {
			count++;
			*last_r = hd;
			*p_r = got + at + H2_HD_BYTES;
		}
		at += H2_HD_BYTES + hd.len;
	}
	assert_int_equal(at, n);
	return count;
}

/* GET http://x/, by HPACK's static table. */
static size_t
request(uint8_t *p, uint32_t id, bool end)
{
	static const uint8_t block[] = { 0x82, 0x86, 0x84, 0x41, 1, 'x' };

	h2_hd_put(p, sizeof(block), H2_HEADERS,
	    H2_END_HEADERS | (end ? H2_END_STREAM : 0), id);
	memcpy(p + H2_HD_BYTES, block, sizeof(block));
	return H2_HD_BYTES + sizeof(block);
}

static void
ask(uint32_t id, bool end)
{
	uint8_t b[64];

	say(b, request(b, id, end));
}

static void
say_frame(uint8_t type, uint8_t flags, uint32_t id)
{
	uint8_t b[H2_HD_BYTES];

	h2_hd_put(b, 0, type, flags, id);
	say(b, sizeof(b));
}

static void
answer(struct stream *s, const char *body)
{
	struct iovec iov = { (void *)(uintptr_t)body, strlen(body) };
	struct http_head h = { .is_response = true, .minor = 1, .status = 200 };

	assert_int_equal(s->fc->front->head(s, &h, true), 0);
	assert_int_equal(xprt_send(&s->fc->x, &iov, 1), strlen(body));
	xmux_end(s->fc->x.mux, SV_NULL);
}

static void
rest_now(void)
{
	fc->h2->idle_ms = fc->h2->read_ms = 0;
	h2_front_timeout(fc);
}

static int
setup(void **state)
{
	static uint8_t hello[H2_MAGIC_BYTES + H2_HD_BYTES];
	struct h2_hd hd;
	const uint8_t *p;
	int fd[2];

	(void)state;
	clock_update();
	conf.global.h2_max_streams = 10;
	conf.global.h2_window_bytes = 65535;
	wk.conf = &conf;
	wk.stat = &stats;
	wk.base = event_base_new();
	wk.wheel = wheel_new(clock_ms());
	bind_line.px = &px;
	px.tmo.client_ms = 1000000;
	made_count = begun = gone_count = closed = lingered = broken = 0;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
	fc = calloc(1, sizeof(*fc));
	assert_non_null(fc);
	fc->x.fd = fd[0];
	peer = fd[1];
	fc->cli.bind = &bind_line;
	fc->timer.fn = NULL;
	assert_int_equal(h2_front_start(fc), 0);
	memcpy(hello, H2_MAGIC, H2_MAGIC_BYTES);
	h2_hd_put(hello + H2_MAGIC_BYTES, 0, H2_SETTINGS, 0, 0);
	say(hello, sizeof(hello));
	loop();
	assert_int_equal(frames(hear(), H2_SETTINGS, &hd, &p), 2);
	say_frame(H2_SETTINGS, H2_ACK, 0);
	loop();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (fc->h2) {
		h2_front_break(fc->h2);
		h2_front_free(fc);
	}
	h2_front_rest_free(fc);
	wheel_del(wk.wheel, &fc->timer);
	wheel_free(&wk.wheel);
	event_base_free(wk.base);
	close(fc->x.fd);
	close(peer);
	free(fc);
	return 0;
}

/* --- tests --- */

static void
h2_front__answers_of_one_turn__leave_in_one_write(void **state)
{
	struct h2_hd hd;
	const uint8_t *p;
	size_t n;

	(void)state;
	for (uint32_t id = 1; id <= 9; id += 2)
		ask(id, true);
	assert_int_equal(begun, 5);
	assert_int_equal(made[0]->mem->req.method, HTTP_GET);
	for (int i = 0; i < 5; i++)
		answer(made[i], "hello");
	assert_int_equal(hear(), 0);
	loop();
	n = hear();
	assert_int_equal(frames(n, H2_HEADERS, &hd, &p), 5);
	assert_int_equal(frames(n, H2_DATA, &hd, &p), 5);
	assert_memory_equal(p, "hello", 5);
	assert_true(hd.flags & H2_END_STREAM);
	assert_int_equal(hear(), 0);
	for (int i = 0; i < 5; i++)
		stream_is_over(made[i], false);
	assert_int_equal(fc->h2->busy_count, 0);
	assert_int_equal(h2_sess_stream_count(fc->h2->sess), 0);
}

static void
h2_front__full_socket__nothing_is_gathered(void **state)
{
	char big[16000];
	int room = 4096;
	size_t n;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(
	    setsockopt(fc->x.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)),
	    0);
	while (send(fc->x.fd, big, 1000, MSG_DONTWAIT) > 0)
		continue;
	ask(1, true);
	ask(3, true);
	answer(made[0], "one");
	loop();
	assert_true(fc->writing);
	assert_non_null(fc->h2->out.data);
	answer(made[1], big);
	loop();
	/* the second one's bytes are where they were */
	assert_int_equal(buf_len(&made[1]->fc->x.mux->tx), sizeof(big) - 1);
	while ((n = hear()) == 1000)
		continue;
	assert_int_equal(n, 0);
	room = 1 << 20;
	assert_int_equal(
	    setsockopt(fc->x.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)),
	    0);
	h2_front_writable(fc);
	assert_true(hear() > 0);
	assert_null(fc->h2->out.data);
	assert_null(made[1]->fc->x.mux->tx.data);
	assert_false(fc->writing);
}

static void
h2_front__streams_reset_at_once__count_till_they_are_over(void **state)
{
	struct h2_hd hd;
	const uint8_t *p;
	uint8_t b[1024];
	size_t n = 0;

	(void)state;
	for (uint32_t id = 1; id <= 29; id += 2) {
		n += request(b + n, id, true);
		n = (size_t)(h2_put_word(b + n, H2_RST_STREAM, id, H2_CANCEL) -
		    b);
	}
	say(b, n);
	/* ten were let in, the others refused, though none is open */
	assert_int_equal(begun, 10);
	assert_int_equal(h2_sess_stream_count(fc->h2->sess), 0);
	loop();
	assert_int_equal(frames(hear(), H2_RST_STREAM, &hd, &p), 5);
	assert_int_equal(h2_get32(p), H2_REFUSED_STREAM);
	for (int i = 0; i < 10; i++)
		assert_true(made[i]->fc->x.mux->dead);
}

/* A body of another length than promised, and the answer to it, in one turn. */
static void
h2_front__answer_while_reset__ends_that_stream_alone(void **state)
{
	static const uint8_t post[] = { 0x83, 0x86, 0x84, 0x41, 1, 'x', 0x0f,
		0x0d, 1, '4' };
	struct http_head h = { .is_response = true, .minor = 1, .status = 200 };
	uint8_t b[64];
	struct h2_hd hd;
	const uint8_t *p;
	size_t n;

	(void)state;
	h2_hd_put(b, sizeof(post), H2_HEADERS, H2_END_HEADERS, 1);
	memcpy(b + H2_HD_BYTES, post, sizeof(post));
	say(b, H2_HD_BYTES + sizeof(post));
	ask(3, true);
	assert_int_equal(begun, 2);
	h2_hd_put(b, 1, H2_DATA, H2_END_STREAM, 1);
	b[H2_HD_BYTES] = 'x';
	say(b, H2_HD_BYTES + 1);
	assert_true(made[0]->fc->front->head(made[0], &h, true) < 0);
	stream_is_over(made[0], true);
	answer(made[1], "hello");
	loop();
	n = hear();
	assert_int_equal(frames(n, H2_GOAWAY, &hd, &p), 0);
	assert_int_equal(frames(n, H2_RST_STREAM, &hd, &p), 1);
	assert_int_equal(hd.id, 1);
	assert_int_equal(h2_get32(p), H2_PROTOCOL_ERROR);
	assert_int_equal(frames(n, H2_DATA, &hd, &p), 1);
	assert_int_equal(hd.id, 3);
}

static void
h2_front__answer_before_the_request__no_more_is_wanted(void **state)
{
	struct h2_hd hd;
	const uint8_t *p;

	(void)state;
	ask(1, false);
	answer(made[0], "early");
	loop();
	assert_int_equal(frames(hear(), H2_RST_STREAM, &hd, &p), 0);
	stream_is_over(made[0], false);
	loop();
	assert_int_equal(frames(hear(), H2_RST_STREAM, &hd, &p), 1);
	assert_int_equal(h2_get32(p), H2_NO_ERROR);
	assert_true(list_is_empty(&fc->h2->over));
}

static void
h2_front__broken_answer__is_reset(void **state)
{
	struct http_head h = { .is_response = true, .minor = 1, .status = 200 };
	struct h2_hd hd;
	const uint8_t *p;

	(void)state;
	ask(1, true);
	assert_int_equal(made[0]->fc->front->head(made[0], &h, true), 0);
	loop();
	stream_is_over(made[0], false); /* the end was never said */
	loop();
	(void)hear();
	assert_int_equal(frames(hear(), H2_RST_STREAM, &hd, &p), 1);
	assert_int_equal(h2_get32(p), H2_INTERNAL_ERROR);
}

static void
h2_front__quiet__rests_and_goes_on(void **state)
{
	struct h2_hd hd;
	const uint8_t *p;

	(void)state;
	ask(1, true);
	answer(made[0], "one");
	loop();
	stream_is_over(made[0], false);
	loop();
	(void)hear();
	rest_now(); /* asks for an empty table */
	loop();
	assert_int_equal(fc->state, FC_H2);
	assert_int_equal(frames(hear(), H2_SETTINGS, &hd, &p), 1);
	say_frame(H2_SETTINGS, H2_ACK, 0);
	loop();
	rest_now();
	assert_int_equal(fc->state, FC_REST);
	assert_null(fc->h2);
	ask(3, true);
	assert_int_equal(fc->state, FC_H2);
	answer(made[1], "two");
	loop();
	assert_int_equal(frames(hear(), H2_DATA, &hd, &p), 1);
	assert_int_equal(hd.id, 3);
	assert_memory_equal(p, "two", 3);
}

static void
h2_front__drain__first_hint_then_end(void **state)
{
	struct h2_hd hd, ping;
	const uint8_t *p, *echo;
	uint8_t b[H2_HD_BYTES + 8];
	size_t n;

	(void)state;
	ask(1, true);
	h2_front_drain(fc);
	loop();
	n = hear();
	assert_int_equal(frames(n, H2_GOAWAY, &hd, &p), 1);
	assert_int_equal(h2_get32(p), H2_ID_MAX);
	assert_int_equal(frames(n, H2_PING, &ping, &echo), 1);
	h2_hd_put(b, 8, H2_PING, H2_ACK, 0);
	memcpy(b + H2_HD_BYTES, echo, 8);
	ask(3, true); /* was on its way */
	assert_int_equal(begun, 2);
	say(b, sizeof(b));
	loop();
	n = hear();
	assert_int_equal(frames(n, H2_GOAWAY, &hd, &p), 1);
	assert_int_equal(h2_get32(p), 3);
	answer(made[0], "one");
	answer(made[1], "two");
	loop();
	stream_is_over(made[0], false);
	stream_is_over(made[1], false);
	loop();
	assert_int_equal(lingered, 1);
	assert_int_equal(gone_count, 0);
}

static void
h2_front__client_breaks_the_protocol__a_line_and_the_end(void **state)
{
	struct h2_hd hd;
	const uint8_t *p;

	(void)state;
	ask(1, true);
	say_frame(H2_DATA, 0, 0);
	loop();
	assert_int_equal(frames(hear(), H2_GOAWAY, &hd, &p), 1);
	assert_int_equal(h2_get32(p + 4), H2_PROTOCOL_ERROR);
	assert_int_equal(broken, 1);
	assert_int_equal(gone_count, 1);
	assert_int_equal(lingered, 1);
}

static void
h2_front__client_closes__streams_go(void **state)
{
	(void)state;
	ask(1, true);
	ask(3, false);
	assert_int_equal(shutdown(peer, SHUT_RDWR), 0);
	h2_front_readable(fc);
	assert_int_equal(gone_count, 2);
	assert_int_equal(closed, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(h2_front__answers_of_one_turn__leave_in_one_write),
		T(h2_front__full_socket__nothing_is_gathered),
		T(h2_front__streams_reset_at_once__count_till_they_are_over),
		T(h2_front__answer_while_reset__ends_that_stream_alone),
		T(h2_front__answer_before_the_request__no_more_is_wanted),
		T(h2_front__broken_answer__is_reset),
		T(h2_front__quiet__rests_and_goes_on),
		T(h2_front__drain__first_hint_then_end),
		T(h2_front__client_breaks_the_protocol__a_line_and_the_end),
		T(h2_front__client_closes__streams_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
