/* SPDX-License-Identifier: MIT */
/*
 * Payloads of runtime commands: the lines behind a command that ends in `<<`,
 * up to an empty one.  They may hold private keys, so no copy is left behind.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/cli_parts.h"
#include "shm/base/mem.h"

enum { PAYLOAD_MAX = 1 << 20, PAYLOAD_FIRST = 16384 };

void
cli_payload_drop(struct cli *c)
{
	if (c->payload.p)
		explicit_bzero(c->payload.p, c->payload.room);
	free(c->payload.p);
	c->payload = (struct payload){ 0 };
}

bool
cli_payload_begin(struct cli *c)
{
	size_t n = strlen(c->line);

	if (n < 2 || strcmp(c->line + n - 2, "<<") != 0)
		return false;
	c->line[n - 2] = '\0';
	c->held = c->line;
	c->line = NULL;
	cli_payload_drop(c);
	if (c->prompt)
		cli_print(c, "+ ");
	return true;
}

/* Not realloc(), which would leave the old place as it was. */
static void
make_room(struct payload *p, size_t more)
{
	size_t room = p->room ? p->room : PAYLOAD_FIRST;
	char *to;

	while (room < p->n + more)
		room *= 2;
	if (room == p->room)
		return;
	to = mem_alloc(room);
	if (p->p) {
		memcpy(to, p->p, p->n);
		explicit_bzero(p->p, p->room);
		free(p->p);
	}
	p->p = to;
	p->room = room;
}

static void
eat(struct cli *c, size_t n)
{
	size_t left = c->in_bytes - n;

	memmove(c->in, c->in + n, left);
	explicit_bzero(c->in + left, n);
	c->in_bytes = (unsigned)left;
}

void
cli_payload_read(struct cli *c)
{
	struct payload *p = &c->payload;
	size_t n;
	char *nl;

	while (c->held && (nl = memchr(c->in, '\n', c->in_bytes)) != NULL) {
		n = (size_t)(nl - c->in) + 1;
		if (n == 1 || (n == 2 && c->in[0] == '\r')) {
			eat(c, n);
			free(c->line);
			c->line = c->held;
			c->held = NULL;
			make_room(p, 1); /* even an empty one is one */
			return;
		}
		if (p->n + n > PAYLOAD_MAX) {
			c->broken = true;
			return;
		}
		make_room(p, n);
		memcpy(p->p + p->n, c->in, n);
		p->n += n;
		eat(c, n);
		if (c->prompt)
			cli_print(c, "+ ");
	}
}
