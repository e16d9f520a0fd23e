/* SPDX-License-Identifier: MIT */
/*
 * Decoding and framing anew.  Runs in the worker; no descriptor, no event.
 *
 * Invariant: r <= pay_w <= raw_r <= w, all within b.
 */
#include "worker/flow.h"

#include <string.h>

#include "shm/base/chk.h"

enum { TRAILER_MAX = 8192 };

static const char last_chunk[] = "0\r\n\r\n";

/* FLOW_END as soon as nothing more can come. */
static void
end_check(struct flow *f)
{
	if (f->stage == FLOW_READY && f->in_done && flow_payload(f) == 0 &&
	    f->out != HTTP_BODY_CHUNKED)
		f->stage = FLOW_END;
}

void
flow_start(struct flow *f, struct buf *b, enum http_framing in, uint64_t length,
    enum http_framing out)
{
	memset(f, 0, sizeof(*f));
	f->b = b;
	f->pay_w = f->raw_r = f->base = f->first_r = b->r;
	f->in = in;
	f->out = in == HTTP_BODY_NONE ? HTTP_BODY_NONE : out;
	f->left_bytes = in == HTTP_BODY_LENGTH ? length : 0;
	f->in_done =
	    in == HTTP_BODY_NONE || (in == HTTP_BODY_LENGTH && length == 0);
	end_check(f);
}

void
flow_end(struct flow *f)
{
	buf_put(&f->tail);
	f->b = NULL;
}

void
flow_rewind(struct flow *f)
{
	CHK(f->keep);
	f->b->r = f->first_r;
	f->stage = FLOW_READY;
	f->line_r = f->line_w = 0;
	f->chunk_left = f->tail_r = 0;
	end_check(f);
}

void
flow_out(struct flow *f, enum http_framing out)
{
	CHK(f->stage == FLOW_READY || f->stage == FLOW_END);
	if (f->in != HTTP_BODY_NONE && f->out != out) {
		f->out = out;
		f->stage = FLOW_READY;
		end_check(f);
	}
}

void
flow_trail(struct flow *f, struct buf *text)
{
	uint32_t n = text->data ? buf_len(text) : 0;

	if (n && (f->out == HTTP_BODY_CHUNKED || f->tail_aside) &&
	    buf_get(&f->tail, BUF_SMALL) == 0 &&
	    n <= BUF_SMALL - FLOW_TAIL_TEXT) {
		memcpy(f->tail.data, "0\r\n", FLOW_TAIL_TEXT);
		memcpy(f->tail.data + FLOW_TAIL_TEXT, buf_rp(text), n);
		f->tail.w = n + FLOW_TAIL_TEXT;
	} else { /* trailers may be dropped, RFC 9110 6.5.1 */
		buf_put(&f->tail);
	}
	buf_put(text);
}

int
flow_move(struct flow *f, struct buf *to)
{
	uint32_t rest = f->b->w - f->raw_r;

	CHK(flow_payload(f) == 0 && to->w == 0);
	if (rest > to->size)
		return -WSE_TOOBIG;
	memcpy(to->data, f->b->data + f->raw_r, rest);
	f->b->w = f->raw_r;
	to->w = rest;
	f->b = to;
	f->pay_w = f->raw_r = f->base = f->first_r = 0;
	f->keep = false;
	return 0;
}

/* n payload bytes begin at raw_r + skip. */
static void
take_payload(struct flow *f, uint32_t skip, uint32_t n)
{
	struct buf *b = f->b;
	uint32_t at = f->raw_r + skip;

	if (b->r == f->pay_w && !f->keep)
		b->r = f->pay_w = at;
	else if (at != f->pay_w)
		memmove(b->data + f->pay_w, b->data + at, n);
	f->pay_w += n;
	f->payload_bytes += n;
}

static int
decode_trailer(struct flow *f)
{
	static struct http_head th; /* too large for the stack */
	struct buf *b = f->b;
	struct h1_fault fault;
	ssize_t n, head;

	n = h1_parse_trailer(b->data + f->raw_r, b->w - f->raw_r, TRAILER_MAX,
	    &f->scan, &th, &fault);
	if (n <= 0)
		return (int)n;
	f->raw_r += (uint32_t)n;
	f->in_done = true;
	if (th.hdr_count == 0 ||
	    (f->out != HTTP_BODY_CHUNKED && !f->tail_aside))
		return 0;
	if (buf_get(&f->tail, BUF_SMALL) < 0)
		return 0; /* trailers may be dropped, RFC 9110 6.5.1 */
	memcpy(f->tail.data, "0\r\n", FLOW_TAIL_TEXT);
	head = FLOW_TAIL_TEXT;
	for (unsigned i = 0; i < th.hdr_count; i++) {
		struct http_hdr *h = &th.hdr[i];
		char *p = f->tail.data + head;

		if (h->name.n + h->value.n + 6 > f->tail.size - (size_t)head)
			break;
		memcpy(p, h->name.p, h->name.n);
		p += h->name.n;
		*p++ = ':';
		*p++ = ' ';
		memcpy(p, h->value.p, h->value.n);
		memcpy(p + h->value.n, "\r\n", 2);
		head += (ssize_t)(h->name.n + h->value.n + 4);
	}
	memcpy(f->tail.data + head, "\r\n", 2);
	f->tail.w = (uint32_t)head + 2;
	return 0;
}

static int
decode_chunked(struct flow *f)
{
	struct buf *b = f->b;

	while (f->raw_r < b->w && f->chunk.state != H1C_TRAILER) {
		const char *p = b->data + f->raw_r;
		struct sv run = SV_NULL;
		ssize_t n;

		n = h1_chunk_decode(&f->chunk, p, b->w - f->raw_r, &run);
		if (n < 0)
			return (int)n;
		if (run.n)
			take_payload(f, (uint32_t)(run.p - p), (uint32_t)run.n);
		f->raw_r += (uint32_t)n;
		if (n == 0)
			break;
	}
	if (f->chunk.state == H1C_TRAILER && f->raw_r < b->w)
		return decode_trailer(f);
	return 0;
}

int
flow_decode(struct flow *f)
{
	uint32_t n = f->b->w - f->raw_r;
	int err = 0;

	if (f->in_done || n == 0)
		return 0;
	if (f->in == HTTP_BODY_CHUNKED) {
		err = decode_chunked(f);
		if (err < 0)
			return err;
	} else {
		if (f->in == HTTP_BODY_LENGTH && n > f->left_bytes)
			n = (uint32_t)f->left_bytes;
		take_payload(f, 0, n);
		f->raw_r += n;
		if (f->in == HTTP_BODY_LENGTH) {
			f->left_bytes -= n;
			f->in_done = f->left_bytes == 0;
		}
	}
	/* No payload and no rest: what the buffer holds is used up. */
	if (!f->keep && f->b->r == f->pay_w && f->raw_r == f->b->w)
		f->b->r = f->b->w = f->pay_w = f->raw_r = f->base;
	end_check(f);
	return 0;
}

int
flow_eof(struct flow *f)
{
	if (f->in_done)
		return 0;
	if (f->in != HTTP_BODY_EOF)
		return -WSE_EOF;
	f->in_done = true;
	end_check(f);
	return 0;
}

int
flow_add(struct flow *f, const void *p, uint32_t n)
{
	CHK(f->in == HTTP_BODY_EOF && f->out == HTTP_BODY_EOF);
	if (f->in_done || (!f->b->data && buf_get(f->b, BUF_SMALL) < 0))
		return -WSE_NOMEM;
	if (flow_room(f) < n)
		flow_grow(f);
	if (buf_room(f->b) < n)
		return -WSE_NOMEM;
	memcpy(buf_wp(f->b), p, n);
	f->b->w += n;
	return flow_decode(f);
}

void
flow_cut(struct flow *f, uint32_t n)
{
	CHK(f->in == HTTP_BODY_EOF && f->raw_r == f->b->w);
	CHK(n <= flow_payload(f));
	f->b->w -= n;
	f->raw_r -= n;
	f->pay_w -= n;
	f->payload_bytes -= n;
}

static int
iov_add(struct iovec *iov, int n, const void *p, size_t len)
{
	if (len == 0)
		return n;
	iov[n].iov_base = (void *)(uintptr_t)p;
	iov[n].iov_len = len;
	return n + 1;
}

static const char *
tail_text(const struct flow *f, uint32_t *n_r)
{
	*n_r = f->tail.data ? f->tail.w : (uint32_t)sizeof(last_chunk) - 1;
	return f->tail.data ? f->tail.data : last_chunk;
}

int
flow_iov(struct flow *f, struct iovec *iov)
{
	uint32_t pay = flow_payload(f), tail_n;
	const char *tail = tail_text(f, &tail_n);
	int n = 0;

	if (f->stage == FLOW_END || !f->b)
		return 0;
	if (f->out != HTTP_BODY_CHUNKED)
		return iov_add(iov, 0, f->b->data + f->b->r, pay);
	if (f->stage == FLOW_READY && pay) {
		f->line_r = 0;
		f->line_w = (uint8_t)h1_write_chunk_size(f->line, pay);
		f->chunk_left = pay;
		f->stage = FLOW_LINE;
	} else if (f->stage == FLOW_READY && f->in_done) {
		f->stage = FLOW_TAIL;
	}
	if (f->stage == FLOW_LINE)
		n = iov_add(iov, n, f->line + f->line_r,
		    (size_t)(f->line_w - f->line_r));
	if (f->stage == FLOW_LINE || f->stage == FLOW_DATA)
		n = iov_add(iov, n, f->b->data + f->b->r, f->chunk_left);
	if (f->stage == FLOW_CRLF)
		n = iov_add(
		    iov, n, "\r\n" + f->line_r, (size_t)(2 - f->line_r));
	else if (n)
		n = iov_add(iov, n, "\r\n", 2);
	if (f->stage == FLOW_TAIL || (n && f->in_done && pay == f->chunk_left))
		n = iov_add(iov, n, tail + f->tail_r, tail_n - f->tail_r);
	return n;
}

/* n payload bytes are gone. */
static void
eat(struct flow *f, uint32_t n)
{
	struct buf *b = f->b;

	b->r += n;
	if (!f->keep && b->r == f->pay_w && f->raw_r == b->w)
		b->r = b->w = f->pay_w = f->raw_r = f->base;
}

/* One stage of the chunked framing; returns the bytes it took. */
static size_t
sent_stage(struct flow *f, size_t n)
{
	uint32_t tail_n;
	size_t want;

	switch (f->stage) {
	case FLOW_LINE:
		want = (size_t)(f->line_w - f->line_r);
		n = n < want ? n : want;
		f->line_r += (uint8_t)n;
		if (n == want)
			f->stage = FLOW_DATA;
		return n;
	case FLOW_DATA:
		n = n < f->chunk_left ? n : f->chunk_left;
		f->chunk_left -= (uint32_t)n;
		eat(f, (uint32_t)n);
		if (f->chunk_left == 0) {
			f->stage = FLOW_CRLF;
			f->line_r = 0;
		}
		return n;
	case FLOW_CRLF:
		want = (size_t)(2 - f->line_r);
		n = n < want ? n : want;
		f->line_r += (uint8_t)n;
		if (n == want)
			f->stage = f->in_done && flow_payload(f) == 0
			    ? FLOW_TAIL
			    : FLOW_READY;
		return n;
	case FLOW_TAIL:
		(void)tail_text(f, &tail_n);
		want = tail_n - f->tail_r;
		n = n < want ? n : want;
		f->tail_r += (uint32_t)n;
		if (n == want)
			f->stage = FLOW_END;
		return n;
	case FLOW_READY:
	case FLOW_END:
	case FLOW_STAGE_N:
		break;
	}
	CHK(n == 0);
	return 0;
}

void
flow_sent(struct flow *f, size_t n)
{
	if (f->out != HTTP_BODY_CHUNKED) {
		if (n)
			eat(f, (uint32_t)n);
		end_check(f);
		return;
	}
	while (n)
		n -= sent_stage(f, n);
}

void
flow_detach(struct flow *f)
{
	if (f->keep || f->base || flow_payload(f) || f->raw_r != f->b->w)
		return;
	buf_put(f->b);
	f->b->r = f->b->w = f->pay_w = f->raw_r = 0;
}

void
flow_grow(struct flow *f)
{
	uint32_t moved = f->b->r;

	if (f->keep || f->b->size != BUF_SMALL || buf_grow(f->b) < 0)
		return;
	f->pay_w -= moved;
	f->raw_r -= moved;
}

uint32_t
flow_room(struct flow *f)
{
	struct buf *b = f->b;
	uint32_t move = b->r - f->base;

	if (!f->keep && move >= b->size / 2 && b->r > f->base &&
	    b->w - b->r <= move) {
		memcpy(b->data + f->base, b->data + b->r, b->w - b->r);
		b->r -= move;
		b->w -= move;
		f->pay_w -= move;
		f->raw_r -= move;
	}
	return buf_room(b);
}
