/* SPDX-License-Identifier: MIT */
/*
 * See tls_msg.h.  Messages are taken as a stream: of one that is split over
 * records only its head and the count of bytes to come are kept, which is
 * enough, as tickets are dropped and a KeyUpdate has one byte.
 */
#include "shm/proto/tls_aead.h"
#include "shm/proto/tls_key.h"
#include "shm/proto/tls_msg.h"

enum { HS_NEW_SESSION_TICKET = 4, HS_KEY_UPDATE = 24 };

/* NewSessionTicket: lifetime, age_add, nonce, ticket, extensions. */
enum {
	TICKET_BYTES_MIN = 4 + 4 + 1 + 2 + 1 + 2,
	TICKET_BYTES_MAX = 4 + 4 + 256 + 2 + 65535 + 2 + 65535,
};

static int
refuse(uint8_t alert, uint8_t *alert_r)
{
	*alert_r = alert;
	return -WSE_PROTO;
}

static bool
is_type_allowed(const struct tls_state *st, uint8_t type)
{
	return type == HS_KEY_UPDATE ||
	    (type == HS_NEW_SESSION_TICKET && st->is_client);
}

static bool
is_length_allowed(uint8_t type, uint32_t n)
{
	if (type == HS_KEY_UPDATE)
		return n == 1;
	return n >= TICKET_BYTES_MIN && n <= TICKET_BYTES_MAX;
}

static uint32_t
length_in(const uint8_t head[4])
{
	return (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

/* A byte of a message's head. */
static int
take_head(struct tls_state *st, uint8_t byte, uint8_t *alert_r)
{
	st->hs_head[st->hs_have++] = byte;
	if (st->hs_have == 1 && !is_type_allowed(st, byte))
		return refuse(TLS_ALERT_UNEXPECTED_MESSAGE, alert_r);
	if (st->hs_have == 4) {
		st->hs_left = length_in(st->hs_head);
		if (!is_length_allowed(st->hs_head[0], st->hs_left))
			return refuse(TLS_ALERT_DECODE_ERROR, alert_r);
	}
	return 0;
}

static int
take_update(struct tls_rec *r, uint8_t request, uint8_t *alert_r)
{
	if (request > 1)
		return refuse(TLS_ALERT_ILLEGAL_PARAMETER, alert_r);
	if (tls_key_next(&r->st, &r->st.rx) < 0 ||
	    (r->rx_ctx && tls_aead_rekey(r->rx_ctx, r->st.rx.key, false) < 0))
		return refuse(TLS_ALERT_INTERNAL_ERROR, alert_r);
	if (request == 1 && !r->st.sent_close)
		r->st.owes_update = true;
	return 0;
}

/* All of a message is there; left bytes of its record follow it. */
static int
end_message(struct tls_rec *r, uint8_t last, size_t left, uint8_t *alert_r)
{
	struct tls_state *st = &r->st;
	uint8_t type = st->hs_head[0];

	st->hs_have = 0;
	memset(st->hs_head, 0, sizeof(st->hs_head));
	if (++st->updates_run > TLS_REC_RUN_MAX)
		return refuse(TLS_ALERT_UNEXPECTED_MESSAGE, alert_r);
	if (type == HS_NEW_SESSION_TICKET) {
		st->tickets += st->tickets < UINT16_MAX;
		return 0;
	}
	/* RFC 8446 5.1: a key change ends its record */
	if (left > 0)
		return refuse(TLS_ALERT_UNEXPECTED_MESSAGE, alert_r);
	return take_update(r, last, alert_r);
}

int
tls_msg_take(struct tls_rec *r, const uint8_t *p, size_t n, uint8_t *alert_r)
{
	struct tls_state *st = &r->st;
	size_t take;
	int e = 0;

	while (n > 0 && e == 0) {
		if (st->hs_have < 4) {
			e = take_head(st, *p, alert_r);
			p++;
			n--;
			continue;
		}
		take = n < st->hs_left ? n : st->hs_left;
		p += take;
		n -= take;
		st->hs_left -= (uint32_t)take;
		if (st->hs_left == 0)
			e = end_message(r, p[-1], n, alert_r);
	}
	return e;
}

int
tls_msg_alert(struct tls_rec *r, const uint8_t *p, size_t n,
    enum tls_got *got_r, uint8_t *alert_r)
{
	struct tls_state *st = &r->st;

	if (n != 2)
		return refuse(TLS_ALERT_DECODE_ERROR, alert_r);
	if (st->version == 12 && p[0] != 1 && p[0] != 2)
		return refuse(TLS_ALERT_ILLEGAL_PARAMETER, alert_r);
	if (p[1] == TLS_ALERT_CLOSE_NOTIFY) {
		st->got_close = true;
		*got_r = TLS_GOT_CLOSE;
	} else if (p[1] == TLS_ALERT_USER_CANCELED ||
	    (st->version == 12 && p[0] == 1)) {
		*got_r = TLS_GOT_NOTHING;
	} else {
		st->is_broken = true;
		*alert_r = p[1];
		*got_r = TLS_GOT_ALERT;
	}
	return 0;
}

bool
tls_msg_is_sound(const struct tls_state *st)
{
	uint32_t length = length_in(st->hs_head);

	if (st->hs_have > 4)
		return false;
	for (unsigned i = st->hs_have; i < 4; i++)
		if (st->hs_head[i] != 0)
			return false;
	if (st->hs_have > 0 && !is_type_allowed(st, st->hs_head[0]))
		return false;
	if (st->hs_have < 4)
		return st->hs_left == 0;
	return is_length_allowed(st->hs_head[0], length) && st->hs_left > 0 &&
	    st->hs_left <= length;
}
