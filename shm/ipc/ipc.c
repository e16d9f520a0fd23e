/* SPDX-License-Identifier: MIT */
/*
 * The wire: a head {type, bytes of the whole}, the message's struct, and for
 * LEASE, FAIL and VIOLATION only the used bytes of their arrays; behind MOVE's
 * and MOVE_MORE's come the bytes they carry.
 */
#include "shm/ipc/ipc.h"

#include <stddef.h>
#include <string.h>

#include "shm/base/chk.h"

struct head {
	uint16_t type;
	uint16_t bytes; /* of the whole message */
};

enum {
	LEASE_FIXED = offsetof(struct ipc_lease, dst),
	FAIL_FIXED = offsetof(struct ipc_fail, text),
	VIOLATION_FIXED = offsetof(struct ipc_violation, text),
};

/* The structs go over the wire as they are: none has padding to leak. */
_Static_assert(sizeof(struct head) == 4, "head");
_Static_assert(sizeof(struct ipc_hello) == 12, "hello");
_Static_assert(sizeof(struct ipc_welcome) == 8, "welcome");
_Static_assert(LEASE_FIXED == 36, "lease");
_Static_assert(sizeof(struct ipc_cancel) == 8, "cancel");
_Static_assert(sizeof(struct ipc_grant) == 48, "grant");
_Static_assert(offsetof(struct ipc_grant, dial_start_us) == 40, "grant");
_Static_assert(FAIL_FIXED == 16, "fail");
_Static_assert(sizeof(struct ipc_slot) == 16, "slot");
_Static_assert(sizeof(struct ipc_child) == 16, "child");
_Static_assert(sizeof(struct ipc_dead) == 20, "dead");
_Static_assert(sizeof(struct ipc_drain) == 8, "drain");
_Static_assert(sizeof(struct ipc_log) == 4, "log");
_Static_assert(sizeof(struct ipc_pass) == 12, "pass");
_Static_assert(sizeof(struct ipc_peer) == 8, "peer");
_Static_assert(sizeof(struct ipc_move) == 16, "move");
_Static_assert(sizeof(struct ipc_move_done) == 8, "move done");
_Static_assert(VIOLATION_FIXED == 12, "violation");
_Static_assert(sizeof(struct head) + sizeof(struct ipc_lease) <= IPC_WIRE_MAX,
    "the largest message fits");
_Static_assert(
    sizeof(struct head) + sizeof(struct ipc_move) + IPC_MOVE_BYTES_MAX <=
	IPC_WIRE_MAX,
    "a moving connection's fits");

static uint8_t *
put(uint8_t *out, const void *p, size_t n)
{
	memcpy(out, p, n);
	return out + n;
}

/* Texts end up in logs: one line, printable. */
static bool
text_is_clean(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] < ' ' || s[i] > '~')
			return false;
	}
	return true;
}

/* Of a text field of room bytes, NUL-terminated. */
static uint8_t *
put_text(uint8_t *at, const char *text, size_t room)
{
	size_t i, n = strnlen(text, room - 1);

	for (i = 0; i < n; i++) {
		at[i] = (uint8_t)text[i];
		if (at[i] < ' ' || at[i] > '~')
			at[i] = '?';
	}
	return at + n;
}

static uint8_t *
put_body(uint8_t *at, const struct ipc_msg *m)
{
	const struct ipc_lease *l = &m->u.lease;
	struct ipc_grant g;

	switch (m->type) {
	case IPC_LEASE:
		at = put(at, l, LEASE_FIXED);
		at = put(at, l->dst, l->dst_bytes);
		at = put(at, l->name, l->name_bytes);
		at = put(at, l->sni, l->sni_bytes);
		return put(at, l->proxy, l->proxy_bytes);
	case IPC_GRANT:
		g = m->u.grant;
		g.pad = 0;
		g.pad2 = 0;
		return put(at, &g, sizeof(g));
	case IPC_VIOLATION:
		at = put(at, &m->u.violation, VIOLATION_FIXED);
		return put_text(at, m->u.violation.text, IPC_TEXT_MAX);
	case IPC_FAIL:
		at = put(at, &m->u.fail, FAIL_FIXED);
		return put_text(at, m->u.fail.text, IPC_WHY_MAX);
	case IPC_MOVE:
	case IPC_MOVE_MORE:
		at = put(at, &m->u.move, sizeof(m->u.move));
		return put(at, m->more, m->u.move.bytes);
	default: /* no tail: the struct as it is */
		return put(at, &m->u, ipc_tbl[m->type].bytes);
	}
}

ssize_t
ipc_encode(const struct ipc_msg *m, void *out, size_t room)
{
	uint8_t wire[IPC_WIRE_MAX], *end;
	const struct ipc_row *row;
	struct head h;

	if ((unsigned)m->type >= IPC_TYPE_N || !ipc_tbl[m->type].name)
		return -WSE_RANGE;
	row = &ipc_tbl[m->type];
	if (m->fd_count < row->fd_min || m->fd_count > row->fd_max)
		return -WSE_RANGE;
	if (row->valid && row->valid(m) < 0)
		return -WSE_RANGE;
	end = put_body(wire + sizeof(h), m);
	h.type = (uint16_t)m->type;
	h.bytes = (uint16_t)(end - wire);
	memcpy(wire, &h, sizeof(h));
	if (h.bytes > room)
		return -WSE_TOOBIG;
	memcpy(out, wire, h.bytes);
	return h.bytes;
}

/* Take `want` bytes off the rest of the message. */
static bool
take(const uint8_t **p, size_t *n, void *to, size_t want, size_t room)
{
	if (want > *n || want > room)
		return false;
	memcpy(to, *p, want);
	*p += want;
	*n -= want;
	return true;
}

static bool
get_lease(const uint8_t *p, size_t n, struct ipc_lease *l)
{
	return take(&p, &n, l, LEASE_FIXED, LEASE_FIXED) &&
	    take(&p, &n, l->dst, l->dst_bytes, sizeof(l->dst)) &&
	    take(&p, &n, l->name, l->name_bytes, sizeof(l->name)) &&
	    take(&p, &n, l->sni, l->sni_bytes, sizeof(l->sni)) &&
	    take(&p, &n, l->proxy, l->proxy_bytes, sizeof(l->proxy)) && n == 0;
}

static bool
get_violation(const uint8_t *p, size_t n, struct ipc_violation *v)
{
	return take(&p, &n, v, VIOLATION_FIXED, VIOLATION_FIXED) &&
	    text_is_clean((const char *)p, n) &&
	    take(&p, &n, v->text, n, sizeof(v->text) - 1);
}

static bool
get_fail(const uint8_t *p, size_t n, struct ipc_fail *f)
{
	return take(&p, &n, f, FAIL_FIXED, FAIL_FIXED) &&
	    text_is_clean((const char *)p, n) &&
	    take(&p, &n, f->text, n, sizeof(f->text) - 1);
}

static bool
get_move(const uint8_t *p, size_t n, struct ipc_msg *m)
{
	const size_t fixed = sizeof(m->u.move);

	if (!take(&p, &n, &m->u.move, fixed, fixed))
		return false;
	m->more = p;
	return n == m->u.move.bytes;
}

static bool
get_body(const uint8_t *p, size_t n, struct ipc_msg *m)
{
	switch (m->type) {
	case IPC_LEASE:
		return get_lease(p, n, &m->u.lease);
	case IPC_VIOLATION:
		return get_violation(p, n, &m->u.violation);
	case IPC_FAIL:
		return get_fail(p, n, &m->u.fail);
	case IPC_MOVE:
	case IPC_MOVE_MORE:
		return get_move(p, n, m);
	default: /* no tail */
		return n == ipc_tbl[m->type].bytes &&
		    take(&p, &n, &m->u, n, sizeof(m->u));
	}
}

static int
decode(const void *p, size_t n, enum proc_role from, enum proc_role to,
    unsigned phase, struct ipc_msg *m)
{
	const struct ipc_row *row;
	struct head h;

	if (n < sizeof(h) || n > IPC_WIRE_MAX)
		return -WSE_SYNTAX;
	memcpy(&h, p, sizeof(h));
	if (h.bytes != n || h.type >= IPC_TYPE_N || !ipc_tbl[h.type].name)
		return -WSE_SYNTAX;
	m->type = (enum ipc_type)h.type;
	row = &ipc_tbl[h.type];
	if (!(row->from & IPC_ROLE(from)) || !(row->to & IPC_ROLE(to)) ||
	    !(row->phases & phase))
		return -WSE_DENIED;
	if (!get_body((const uint8_t *)p + sizeof(h), n - sizeof(h), m))
		return -WSE_SYNTAX;
	if (!m->truncated &&
	    (m->fd_count < row->fd_min || m->fd_count > row->fd_max))
		return -WSE_NOFD;
	if (m->truncated && row->fd_max == 0)
		return -WSE_NOFD;
	return row->valid ? row->valid(m) : 0;
}

static void
msg_init(struct ipc_msg *m, unsigned fd_count, bool truncated)
{
	unsigned i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < IPC_FD_MAX; i++)
		m->fd[i] = -1;
	m->fd_count = fd_count;
	m->truncated = truncated;
}

int
ipc_decode(const void *p, size_t n, enum proc_role from, enum proc_role to,
    unsigned phase, unsigned fd_count, struct ipc_msg *m_r)
{
	msg_init(m_r, fd_count, false);
	return decode(p, n, from, to, phase, m_r);
}

int
ipc_decode_truncated(const void *p, size_t n, enum proc_role from,
    enum proc_role to, unsigned phase, struct ipc_msg *m_r)
{
	msg_init(m_r, 0, true);
	return decode(p, n, from, to, phase, m_r);
}

const char *
ipc_name(unsigned type)
{
	if (type >= IPC_TYPE_N || !ipc_tbl[type].name)
		return "unknown";
	return ipc_tbl[type].name;
}
