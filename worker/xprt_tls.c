/* SPDX-License-Identifier: MIT */
/*
 * Records between a socket and its reader or writer.
 *
 * Ciphertext is read into one scratch area of the process, opened there and
 * copied out; only what is left over goes into a buffer of the connection.
 * Sealing goes the same way: a buffer is attached only when the socket takes
 * less than all.
 */
#include "worker/xprt_tls.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"
#include "shm/proto/tls_aead.h"

enum {
	RECORD_MAX = TLS_REC_HDR + TLS_REC_CIPHER_MAX,
	READ_LEAST = 1024, /* bytes asked for, however small the room */
	READ_MORE = TLS_REC_OVERHEAD_MAX, /* than the reader's room */
	PARTS_MAX = 8,
	QUIET_MS = 1000,
	MANY = 64,             /* connections that fall quiet at once */
	CONTEXTS_BYTES = 2400, /* of memory two of OpenSSL's take, about */
};

/* A run of records worked on: in the scratch area, or in xt->in. */
struct run {
	uint8_t *p;
	size_t n, at;
	uint8_t alert; /* to be sent for the record that was refused */
};

static uint8_t rx_scratch[BUF_LARGE];
static uint8_t tx_scratch[BUF_LARGE];
static struct list warm_list = { &warm_list, &warm_list };

/* Buffers are few: an idle connection has room for none. */
static struct mempool kept_pool = MEMPOOL_INIT(struct xtls_kept);
static struct buf nothing; /* never attached */

static struct buf *
in_of(const struct xtls *xt)
{
	return xt->kept ? &xt->kept->in : &nothing;
}

static struct buf *
out_of(const struct xtls *xt)
{
	return xt->kept ? &xt->kept->out : &nothing;
}

/* Bytes of a buffer were used. */
static void
let_go(struct xtls *xt)
{
	if (!xt->kept)
		return;
	buf_put_empty(&xt->kept->in);
	buf_put_empty(&xt->kept->out);
	if (xt->kept->in.data || xt->kept->out.data)
		return;
	mempool_put(&kept_pool, xt->kept);
	xt->kept = NULL;
}

/* n bytes into one of them that is not attached. 0 or -WSE_NOMEM. */
static int
keep(struct xtls *xt, struct buf *(*of)(const struct xtls *), const void *p,
    size_t n, size_t room)
{
	struct buf *b;

	if (!xt->kept)
		xt->kept = mempool_get(&kept_pool);
	if (!xt->kept)
		return -WSE_NOMEM;
	b = of(xt);
	if (buf_get(b, room > BUF_SMALL ? BUF_LARGE : BUF_SMALL) < 0) {
		let_go(xt);
		return -WSE_NOMEM;
	}
	memcpy(b->data, p, n);
	b->w = (uint32_t)n;
	return 0;
}

static void
touch(struct xtls *xt)
{
	xt->used_ms = clock_ms();
	if (!list_is_linked(&xt->warm))
		list_add_tail(&warm_list, &xt->warm);
}

void
xprt_tls_begin(struct xtls *xt, struct tls_rec *rec, struct event *rev)
{
	memset(xt, 0, sizeof(*xt));
	xt->rec = rec;
	xt->rev = rev;
	/* it may bring contexts along */
	if (rec->rx_ctx || rec->tx_ctx)
		touch(xt);
}

void
xprt_tls_move(struct xtls *to, struct xtls *from, struct tls_rec *rec)
{
	bool is_warm = list_is_linked(&from->warm);

	list_del(&from->warm);
	*to = *from;
	to->rec = rec;
	to->rev = NULL;
	to->warm = (struct list){ 0 };
	if (is_warm)
		list_add_tail(&warm_list, &to->warm);
	memset(from, 0, sizeof(*from));
}

int
xprt_tls_refill(struct xtls *xt, struct sv in, struct sv out)
{
	int r = in.n ? keep(xt, in_of, in.p, in.n, in.n) : 0;
	return r == 0 && out.n ? keep(xt, out_of, out.p, out.n, out.n) : r;
}

void
xprt_tls_end(struct xtls *xt)
{
	list_del(&xt->warm);
	buf_put(in_of(xt));
	buf_put(out_of(xt));
	let_go(xt);
	memset(xt, 0, sizeof(*xt));
}

size_t
xprt_tls_cool(void)
{
	struct list *it, *tmp;
	unsigned n = 0;

	list_for_safe(it, tmp, &warm_list)
	{
		struct xtls *xt = list_entry(it, struct xtls, warm);

		if (xt->used_ms + QUIET_MS > clock_ms())
			continue;
		tls_rec_idle(xt->rec);
		list_del(&xt->warm);
		n++;
	}
	/* the spare ones go, too, after a burst, and when nobody is at work */
	if (n > MANY || (n && list_is_empty(&warm_list)))
		tls_rec_drain();
	return n * CONTEXTS_BYTES;
}

static int
errno_result(void)
{
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS
	    ? -WSE_AGAIN
	    : -WSE_RESET;
}

/* --- sending --- */

int
xprt_tls_flush(struct xtls *xt, int fd)
{
	ssize_t n;

	while (xprt_tls_has_unsent(xt)) {
		n = send(fd, buf_rp(out_of(xt)), buf_len(out_of(xt)),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno_result();
		buf_eat(out_of(xt), (uint32_t)n);
		let_go(xt);
	}
	return 0;
}

/* Sealed bytes, nothing being unsent: to the socket, the rest to `out`. */
static int
put_out(struct xtls *xt, int fd, const uint8_t *p, size_t n, int flags)
{
	ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT | flags);

	if (k < 0 && errno_result() == -WSE_RESET)
		return -WSE_RESET;
	k = k < 0 ? 0 : k;
	if ((size_t)k == n)
		return 0;
	n -= (size_t)k;
	/* else there is a hole in the stream of records */
	return keep(xt, out_of, p + k, n, n) < 0 ? -WSE_RESET : 0;
}

/* A position in an array of buffers. */
struct cursor {
	const struct iovec *iov;
	int count;
	size_t off; /* bytes of the first one that are used */
};

/* The next max bytes at most: number of parts, their sum in *sum_r. */
static int
cut(struct cursor *c, size_t max, struct iovec *part, size_t *sum_r)
{
	size_t sum = 0, k;
	int n = 0;

	while (c->count > 0 && n < PARTS_MAX && sum < max) {
		k = c->iov->iov_len - c->off;
		k = k < max - sum ? k : max - sum;
		part[n].iov_base = (char *)c->iov->iov_base + c->off;
		part[n++].iov_len = k;
		sum += k;
		c->off += k;
		if (c->off == c->iov->iov_len) {
			c->iov++;
			c->count--;
			c->off = 0;
		}
	}
	*sum_r = sum;
	return n;
}

static ssize_t
seal_and_send(
    struct xtls *xt, int fd, const struct iovec *iov, int count, bool last)
{
	struct tls_rec *r = xt->rec;
	struct cursor c = { iov, count, 0 };
	struct iovec part[PARTS_MAX];
	size_t used = 0, taken = 0, sum;
	int n = xprt_tls_flush(xt, fd);
	ssize_t k;

	if (n < 0)
		return n;
	touch(xt);
	while (c.count > 0 &&
	    used + tls_rec_sealed_bytes(&r->st, r->st.plain_max) <=
		sizeof(tx_scratch)) {
		n = cut(&c, r->st.plain_max, part, &sum);
		if (sum == 0)
			continue;
		k = tls_rec_seal(
		    r, part, n, tx_scratch + used, sizeof(tx_scratch) - used);
		if (k < 0)
			return -WSE_RESET; /* an end, or no memory */
		used += (size_t)k;
		taken += sum;
	}
	last = last && c.count == 0 &&
	    sizeof(tx_scratch) - used >= TLS_REC_ALERT_MAX;
	if (last) {
		k = tls_rec_alert(r, TLS_ALERT_CLOSE_NOTIFY, tx_scratch + used,
		    sizeof(tx_scratch) - used);
		used += k > 0 ? (size_t)k : 0;
	}
	if (put_out(xt, fd, tx_scratch, used, last ? MSG_MORE : 0) < 0)
		return -WSE_RESET;
	return (ssize_t)taken;
}

ssize_t
xprt_tls_send(struct xtls *xt, int fd, const struct iovec *iov, int count)
{
	return seal_and_send(xt, fd, iov, count, false);
}

ssize_t
xprt_tls_send_last(struct xtls *xt, int fd, const struct iovec *iov, int count)
{
	return seal_and_send(xt, fd, iov, count, true);
}

/* An alert, after whatever is unsent, as far as there is room for it. */
static void
say_alert(struct xtls *xt, int fd, uint8_t alert)
{
	uint8_t b[TLS_REC_ALERT_MAX];
	ssize_t n;

	touch(xt);
	if (xprt_tls_has_unsent(xt) && buf_room(out_of(xt)) < sizeof(b))
		return;
	n = tls_rec_alert(xt->rec, alert, b, sizeof(b));
	if (n <= 0)
		return;
	if (!xprt_tls_has_unsent(xt)) {
		(void)put_out(xt, fd, b, (size_t)n, 0);
		return;
	}
	memcpy(buf_wp(out_of(xt)), b, (size_t)n);
	out_of(xt)->w += (uint32_t)n;
	if (xprt_tls_flush(xt, fd) == -WSE_RESET)
		xt->end = WSE_RESET;
}

int
xprt_tls_shutdown(struct xtls *xt, int fd)
{
	int err;

	if (!xt->rec->st.sent_close)
		say_alert(xt, fd, TLS_ALERT_CLOSE_NOTIFY);
	err = xprt_tls_flush(xt, fd);
	if (err < 0)
		return err;
	if (!xt->rec->st.sent_close) { /* there was no room before */
		say_alert(xt, fd, TLS_ALERT_CLOSE_NOTIFY);
		if (xprt_tls_has_unsent(xt))
			return -WSE_AGAIN;
	}
	return shutdown(fd, SHUT_WR) < 0 ? -WSE_RESET : 0;
}

void
xprt_tls_bye(struct xtls *xt, int fd)
{
	if (!xt->rec->st.sent_close)
		say_alert(xt, fd, TLS_ALERT_CLOSE_NOTIFY);
}

/* Answer a KeyUpdate now, not with the next data, which may never come. */
static void
pay_update(struct xtls *xt, int fd)
{
	uint8_t b[TLS_REC_UPDATE_BYTES];
	ssize_t n;

	if (!xt->rec->st.owes_update || xprt_tls_has_unsent(xt))
		return;
	n = tls_rec_update(xt->rec, false, b, sizeof(b));
	if (n > 0 && put_out(xt, fd, b, (size_t)n, 0) < 0)
		xt->end = WSE_RESET;
}

/* --- receiving --- */

/* Bytes of the record at p, 0: its header is not complete. */
static size_t
record_bytes(const uint8_t *p, size_t n)
{
	return n < TLS_REC_HDR ? 0 : TLS_REC_HDR + ((size_t)p[3] << 8 | p[4]);
}

/* True if opening the record at p needs no more bytes. */
static bool
is_whole(const uint8_t *p, size_t n)
{
	size_t all = record_bytes(p, n);

	/* too large: it need not come to be refused */
	return all && (n >= all || all > RECORD_MAX);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Make `in` hold a whole record of the kind that has begun in it. */
static int
make_room(struct buf *in)
{
	size_t all = record_bytes((const uint8_t *)buf_rp(in), buf_len(in));

	buf_compact(in);
	if (all > in->size && all <= RECORD_MAX)
		return buf_grow(in);
	return 0;
}

/*
 * Read more records: behind those in `in`, or into the scratch area.  As much
 * as the reader has room for, and no more, but a whole record at least.
 */
static int
fill(struct xtls *xt, int fd, size_t room, struct run *w)
{
	struct buf *in = in_of(xt);
	size_t have = buf_len(in), want = room + READ_MORE, all;
	ssize_t n;

	if (!in->data) {
		w->p = rx_scratch;
		want = want > READ_LEAST ? want : READ_LEAST;
		want = smaller(want, sizeof(rx_scratch));
	} else {
		if (make_room(in) < 0)
			return -WSE_RESET;
		w->p = (uint8_t *)in->data;
		all = record_bytes(w->p, have);
		all = all ? all : READ_LEAST;
		want = want > all ? want - have : all - have;
		want = smaller(want, buf_room(in));
	}
	n = recv(fd, w->p + have, want, MSG_DONTWAIT);
	if (n < 0)
		return errno_result();
	if (n == 0) {
		xt->is_truncated = tls_state_is_truncated(&xt->rec->st);
		return -WSE_EOF;
	}
	w->n = have + (size_t)n;
	if (in->data)
		in->w += (uint32_t)n;
	return 0;
}

/* A record's data: to the reader, what he has no room for back before w->at. */
static size_t
hand_out(struct xtls *xt, struct run *w, struct sv data, char *p, size_t room)
{
	size_t k = smaller(data.n, room);

	if (k)
		memcpy(p, data.p, k);
	xt->plain_bytes = (uint32_t)(data.n - k);
	w->at -= data.n - k;
	if (data.n > k)
		memmove(w->p + w->at, data.p + k, data.n - k);
	return k;
}

/* Open what is whole and has room. Returns bytes of data. */
static size_t
open_some(struct xtls *xt, struct run *w, char *p, size_t room)
{
	size_t done = 0, all;
	enum tls_got got;
	struct sv data;
	ssize_t n;

	while (!xt->end && xt->plain_bytes == 0 &&
	    is_whole(w->p + w->at, w->n - w->at)) {
		all = record_bytes(w->p + w->at, w->n - w->at);
		if (done && all > room - done + TLS_REC_HDR + TLS_TAG_BYTES)
			break;
		n = tls_rec_open(xt->rec, w->p + w->at, w->n - w->at, &got,
		    &data, &w->alert);
		if (n <= 0) {
			xt->end = WSE_RESET;
			break;
		}
		w->at += (size_t)n;
		if (got == TLS_GOT_DATA)
			done += hand_out(xt, w, data, p + done, room - done);
		else if (got == TLS_GOT_CLOSE)
			xt->end = WSE_EOF;
		else if (got == TLS_GOT_ALERT)
			xt->end = WSE_RESET;
	}
	return done;
}

/* What is left of the run stays in `in`. */
static int
keep_rest(struct xtls *xt, struct run *w)
{
	struct buf *in = in_of(xt);
	size_t rest = w->n - w->at, all;
	const uint8_t *p = w->p + w->at;

	if (rest == 0 || (xt->end && xt->plain_bytes == 0)) {
		buf_put(in);
		let_go(xt);
		return 0;
	}
	if (in->data) {
		in->r = (uint32_t)(p - (uint8_t *)in->data);
		return 0;
	}
	all = record_bytes(p, rest);
	all = xt->plain_bytes || all > RECORD_MAX || all < rest ? rest : all;
	return keep(xt, in_of, p, rest, all);
}

static void
look_for_more(struct xtls *xt, bool end_is_told)
{
	struct buf *in = in_of(xt);

	xt->has_more = xt->plain_bytes || (xt->end && !end_is_told) ||
	    (in->data && is_whole((const uint8_t *)buf_rp(in), buf_len(in)));
	if (xt->has_more && xt->rev)
		event_active(xt->rev, EV_READ, 0);
}

/* Data opened before. */
static size_t
take_plain(struct xtls *xt, char *p, size_t room)
{
	size_t k = smaller(room, xt->plain_bytes);

	memcpy(p, buf_rp(in_of(xt)), k);
	xt->plain_bytes -= (uint32_t)k;
	buf_eat(in_of(xt), (uint32_t)k);
	if (xt->plain_bytes == 0)
		let_go(xt);
	return k;
}

/* The next run of records: held ones if there is a whole one, or read. */
static int
next_run(struct xtls *xt, int fd, size_t room, struct run *w)
{
	struct buf *in = in_of(xt);

	w->at = 0;
	w->alert = 0;
	if (in->data && is_whole((const uint8_t *)buf_rp(in), buf_len(in))) {
		w->p = (uint8_t *)buf_rp(in);
		w->n = buf_len(in);
		return 0;
	}
	return fill(xt, fd, room, w);
}

ssize_t
xprt_tls_recv(struct xtls *xt, int fd, void *p, size_t room)
{
	size_t done;
	struct run w;
	int err;

	touch(xt);
	if (xt->plain_bytes) {
		done = take_plain(xt, p, room);
		look_for_more(xt, false);
		return (ssize_t)done;
	}
	err = xt->end ? -xt->end : next_run(xt, fd, room, &w);
	if (err == -WSE_AGAIN)
		return err;
	if (err < 0) {
		xt->end = (uint8_t)-err;
		xt->has_more = false;
		return err;
	}
	done = open_some(xt, &w, p, room);
	if (w.alert)
		say_alert(xt, fd, w.alert);
	if (keep_rest(xt, &w) < 0)
		xt->end = WSE_RESET;
	pay_update(xt, fd);
	look_for_more(xt, done == 0);
	if (done)
		return (ssize_t)done;
	return xt->end ? -xt->end : -WSE_AGAIN;
}

int
xprt_tls_preload(struct xtls *xt, const void *p, size_t n)
{
	CHK(!in_of(xt)->data);
	if (n == 0)
		return 0;
	if (n > BUF_LARGE || keep(xt, in_of, p, n, n) < 0)
		return -WSE_NOMEM;
	look_for_more(xt, false);
	return 0;
}

/* --- idle --- */

bool
xprt_tls_is_at_rest(const struct xtls *xt)
{
	return !xt->kept && !xt->end && tls_state_is_quiet(&xt->rec->st);
}

bool
xprt_tls_is_quiet(struct xtls *xt, int fd)
{
	if (!xprt_tls_is_at_rest(xt))
		return false;
	touch(xt);
	return xprt_tls_idle_read(xt->rec, fd) == 0;
}

/* All n bytes are whole harmless records. */
static int
take_harmless(struct tls_rec *r, uint8_t *p, size_t n)
{
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	ssize_t k;

	while (n > 0) {
		k = tls_rec_open(r, p, n, &got, &data, &alert);
		if (k <= 0)
			return -WSE_PROTO;
		if (got == TLS_GOT_CLOSE || got == TLS_GOT_ALERT)
			return -WSE_EOF;
		if (got == TLS_GOT_DATA && data.n > 0)
			return -WSE_PROTO;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int
xprt_tls_idle_read(struct tls_rec *r, int fd)
{
	uint8_t b[TLS_REC_UPDATE_BYTES];
	size_t whole = 0;
	ssize_t n;
	int err;

	n = recv(fd, rx_scratch, sizeof(rx_scratch), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return errno_result() == -WSE_AGAIN ? 0 : -WSE_RESET;
	if (n == 0)
		return -WSE_EOF;
	while (is_whole(rx_scratch + whole, (size_t)n - whole))
		whole += smaller((size_t)n - whole,
		    record_bytes(rx_scratch + whole, (size_t)n - whole));
	if (whole == 0)
		return -WSE_AGAIN;
	/* out of the socket; it is the same bytes */
	if (recv(fd, rx_scratch, whole, MSG_DONTWAIT) != (ssize_t)whole)
		return -WSE_RESET;
	err = take_harmless(r, rx_scratch, whole);
	if (err < 0)
		return err;
	n = tls_rec_update(r, false, b, sizeof(b));
	if (n > 0 && send(fd, b, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		return -WSE_RESET;
	return n < 0 ? -WSE_RESET : 0;
}
