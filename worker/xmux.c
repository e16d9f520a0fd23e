/* SPDX-License-Identifier: MIT */
/*
 * Bytes between a stream and the connection it shares; see xmux.h.
 */
#include "worker/xmux.h"

#include <event2/event.h>
#include <string.h>

#include "shm/base/chk.h"

static void
wake_reader(struct xmux *m)
{
	if (m->reading && *m->reading)
		event_active(m->rev, EV_READ, 0);
}

ssize_t
xmux_recv(struct xmux *m, void *p, size_t room)
{
	uint32_t n = buf_len(&m->rx);

	if (n == 0) {
		/* a reset after the end takes nothing away from it */
		if (m->rx_end)
			return -WSE_EOF;
		return m->dead ? -WSE_RESET : -WSE_AGAIN;
	}
	if (n > room)
		n = (uint32_t)room;
	memcpy(p, buf_rp(&m->rx), n);
	buf_eat(&m->rx, n);
	if (buf_len(&m->rx) == 0)
		buf_put(&m->rx);
	/* a reader without a descriptor: nothing else calls it again */
	if (xmux_has_pending(m))
		wake_reader(m);
	m->ops->consumed(m, n);
	return n;
}

ssize_t
xmux_send(struct xmux *m, const struct iovec *iov, int count)
{
	size_t sum = 0, n;

	if (m->dead || m->tx_end)
		return -WSE_RESET;
	if (!m->tx.data && buf_get(&m->tx, XMUX_TX_MAX) < 0)
		return -WSE_RESET;
	for (int i = 0; i < count; i++) {
		n = buf_room(&m->tx);
		if (n > iov[i].iov_len)
			n = iov[i].iov_len;
		memcpy(buf_wp(&m->tx), iov[i].iov_base, n);
		m->tx.w += (uint32_t)n;
		sum += n;
		if (n < iov[i].iov_len)
			break;
	}
	if (sum == 0)
		return -WSE_AGAIN;
	m->ops->kick(m);
	return (ssize_t)sum;
}

void
xmux_end(struct xmux *m, struct sv trail)
{
	if (m->tx_end || m->dead)
		return;
	m->tx_end = true;
	if (trail.n && trail.n <= BUF_SMALL &&
	    buf_get(&m->tx_trail, BUF_SMALL) == 0) {
		memcpy(m->tx_trail.data, trail.p, trail.n);
		m->tx_trail.w = (uint32_t)trail.n;
	}
	m->ops->kick(m);
}

int
xmux_put(struct xmux *m, struct sv data)
{
	struct buf *b = &m->rx;

	if (data.n == 0)
		return 0;
	if (!b->data &&
	    buf_get(b, data.n > BUF_SMALL ? BUF_LARGE : BUF_SMALL) < 0)
		return -WSE_NOMEM;
	if (buf_room(b) < data.n)
		buf_compact(b);
	if (buf_room(b) < data.n && b->size < BUF_LARGE && buf_grow(b) < 0)
		return -WSE_NOMEM;
	if (buf_room(b) < data.n)
		return -WSE_NOMEM; /* beyond its window: cannot be */
	memcpy(buf_wp(b), data.p, data.n);
	b->w += (uint32_t)data.n;
	wake_reader(m);
	return 0;
}

void
xmux_put_end(struct xmux *m)
{
	m->rx_end = true;
	wake_reader(m);
}

void
xmux_break(struct xmux *m, bool refused)
{
	if (m->dead)
		return;
	m->dead = true;
	m->refused = refused;
	buf_put(&m->tx);
	/* whoever waits for either, or for nothing, hears of it */
	event_active(m->rev, EV_READ, 0);
}

size_t
xmux_pull(struct xmux *m, size_t max, const char **p_r, enum h2_more *more_r)
{
	uint32_t n = m->tx.data ? buf_len(&m->tx) : 0;

	*p_r = n ? buf_rp(&m->tx) : "";
	*more_r = H2_MORE;
	if (n > max)
		return max;
	if (m->tx_end)
		*more_r = m->tx_trail.data ? H2_MORE_TRAILERS : H2_MORE_END;
	return n;
}

void
xmux_pulled(struct xmux *m, size_t n)
{
	if (n == 0)
		return;
	CHK(n <= buf_len(&m->tx));
	buf_eat(&m->tx, (uint32_t)n);
	if (buf_len(&m->tx))
		return;
	buf_put(&m->tx);
	if (m->writing && *m->writing)
		event_active(m->wev, EV_WRITE, 0);
}

uint32_t
xmux_free(struct xmux *m)
{
	uint32_t n = buf_len(&m->rx);

	buf_put(&m->rx);
	buf_put(&m->tx);
	buf_put(&m->rx_trail);
	buf_put(&m->tx_trail);
	return n;
}
