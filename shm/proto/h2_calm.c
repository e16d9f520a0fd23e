/* SPDX-License-Identifier: MIT */
/* See h2_calm.h. */
#include "shm/proto/h2_calm.h"

void
h2_calm_begin(struct h2_calm *c, uint64_t now_ms)
{
	*c = (struct h2_calm){ .budget = H2_CALM_MAX, .at_ms = now_ms };
}

bool
h2_calm_pay(struct h2_calm *c, int32_t cost)
{
	c->budget -= cost;
	return c->budget > 0;
}

void
h2_calm_earn(struct h2_calm *c)
{
	if (c->budget < H2_CALM_MAX)
		c->budget += H2_CALM_WORK;
}

static void
refill(struct h2_calm *c, uint64_t now_ms)
{
	uint64_t gain;

	if (now_ms <= c->at_ms)
		return;
	gain = (now_ms - c->at_ms) * H2_CALM_PER_S / 1000;
	if (gain == 0)
		return;
	c->at_ms = now_ms;
	if (gain > H2_CALM_MAX)
		gain = H2_CALM_MAX;
	c->budget += (int32_t)gain;
	if (c->budget > H2_CALM_MAX)
		c->budget = H2_CALM_MAX;
}

/* DATA: carries something or ends the stream, or is empty but for padding. */
static int32_t
data_cost(const struct h2_hd *hd, const uint8_t *payload)
{
	uint32_t pad = 0;

	if (hd->flags & H2_END_STREAM)
		return 0;
	if ((hd->flags & H2_PADDED) && hd->len)
		pad = 1u + payload[0];
	return hd->len > pad ? -H2_CALM_WORK : H2_CALM_EMPTY;
}

static int32_t
cost_of(const struct h2_hd *hd, const uint8_t *payload)
{
	switch (hd->type) {
	case H2_DATA:
		return data_cost(hd, payload);
	case H2_HEADERS:
		return -H2_CALM_WORK;
	case H2_CONTINUATION:
		return 0; /* counted per section */
	case H2_RST_STREAM:
		return 0; /* judged where the stream is known */
	case H2_SETTINGS:
		return hd->flags & H2_ACK ? H2_CALM_OTHER : H2_CALM_SETTINGS;
	case H2_PING:
		return H2_CALM_PING;
	default:
		return H2_CALM_OTHER;
	}
}

bool
h2_calm_frame(struct h2_calm *c, const struct h2_hd *hd, const uint8_t *payload,
    uint32_t block_max, uint64_t now_ms)
{
	int32_t cost = cost_of(hd, payload);

	refill(c, now_ms);
	if (hd->type == H2_HEADERS) {
		c->block_bytes = hd->len;
		c->block_frames = 0;
	} else if (hd->type == H2_CONTINUATION) {
		c->block_bytes += hd->len;
		c->block_frames++;
	}
	if (c->block_frames > H2_CONTINUATION_MAX ||
	    c->block_bytes > block_max + H2_FRAME_MAX)
		return false;
	if (cost < 0)
		h2_calm_earn(c);
	return cost <= 0 || h2_calm_pay(c, cost);
}
