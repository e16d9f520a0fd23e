/* SPDX-License-Identifier: MIT */
/*
 * Server state.  The board's row is the truth; `usable` in the private row is
 * what has been acted upon.
 */
#include "broker/srv.h"

#include <stdio.h>

#include "broker/idle.h"
#include "broker/lease.h"
#include "shm/base/clock.h"

/* How long it was not usable: what counts is what was acted upon. */
static void
clock_down(bool usable, _Atomic uint64_t *from_us, _Atomic uint64_t *all_us)
{
	uint64_t now = clock_wall_us(), from = atomic_load(from_us);

	if (usable && from && now > from)
		atomic_fetch_add(all_us, now - from);
	if (usable != !from)
		atomic_store(from_us, usable ? 0 : now);
}

static void
clock_proxy(uint32_t proxy)
{
	struct board_proxy *px;
	unsigned active, backup;
	bool was, is;

	if (proxy >= broker.board.cap.proxy_count)
		return;
	px = &broker.board.proxy[proxy];
	srv_count_active(proxy, &active, &backup);
	was = atomic_load(&px->down_from_us) == 0;
	is = active + backup > 0;
	if (was == is)
		return;
	if (!is)
		atomic_fetch_add(&px->downs, 1);
	clock_down(is, &px->down_from_us, &px->down_us);
	atomic_store(&px->changed_us, clock_wall_us());
}

void
srv_refresh(uint32_t server)
{
	struct board_server *row = &broker.board.server[server];
	struct bserver *sv = state_server(server);
	bool usable = board_server_is_usable(row);

	if (usable == sv->usable)
		return;
	sv->usable = usable;
	clock_down(usable, &row->down_from_us, &row->down_us);
	clock_proxy(row->proxy);
	state_attention(server);
	if (usable) {
		sv->warm = sv->warm_ws = (struct warm){ 0, 0 };
		return;
	}
	/* set first: who releases from now on says so, and is told to close */
	idle_evict_server(server);
	lease_fail_all(server, LFAIL_DOWN);
}

void
srv_refresh_all(void)
{
	uint32_t i, n = atomic_load(&broker.board.hdr->used_servers);

	for (i = 0; i < n && i < broker.board.cap.server_count; i++)
		if (state_has_server(i))
			srv_refresh(i);
}

void
srv_set_op(uint32_t server, enum server_op op)
{
	struct board_server *row = &broker.board.server[server];

	if (atomic_load(&row->op_state) == op)
		return;
	atomic_store(&row->op_state, op);
	atomic_store(&row->changed_us, clock_wall_us());
	srv_refresh(server);
}

void
srv_set_admin(uint32_t server, uint32_t set, uint32_t clear)
{
	struct board_server *row = &broker.board.server[server];
	uint32_t old = atomic_load(&row->admin_state);
	uint32_t now = (old & ~clear) | set;

	if (now == old)
		return;
	atomic_store(&row->admin_state, now);
	atomic_store(&row->changed_us, clock_wall_us());
	srv_refresh(server);
}

void
srv_set_addr(uint32_t server, const struct sockaddr *sa, socklen_t len)
{
	struct board_server *row = &broker.board.server[server];

	if (len > BOARD_ADDR_MAX)
		return;
	memset(row->transport.addr, 0, sizeof(row->transport.addr));
	memcpy(row->transport.addr, sa, len);
	row->transport.addr_len = (uint32_t)len;
	atomic_fetch_add(&row->epoch, 1);
	idle_evict_server(server);
}

static const char *
name_copy(const char *from)
{
	static char ring[4][BOARD_NAME_MAX + 1];
	static unsigned next;
	char *out = ring[next++ % 4];

	memcpy(out, from, BOARD_NAME_MAX);
	out[BOARD_NAME_MAX] = '\0';
	return out;
}

const char *
srv_name(uint32_t server)
{
	return name_copy(broker.board.server[server].name);
}

const char *
srv_proxy_name(uint32_t server)
{
	uint32_t px = broker.board.server[server].proxy;

	return px < broker.board.cap.proxy_count
	    ? name_copy(broker.board.proxy[px].name)
	    : "?";
}

uint32_t
srv_find(const char *backend, const char *server)
{
	uint32_t i, n = atomic_load(&broker.board.hdr->used_servers);

	for (i = 0; i < n && i < broker.board.cap.server_count; i++)
		if (state_has_server(i) && strcmp(srv_name(i), server) == 0 &&
		    strcmp(srv_proxy_name(i), backend) == 0)
			return i;
	return UINT32_MAX;
}

static const struct server *
conf_find(uint32_t server)
{
	const struct proxy *px;
	const struct server *s;

	for (px = broker.conf->proxies; px; px = px->next)
		for (s = px->servers; s; s = s->next)
			if (s->row == (int)server)
				return s;
	return NULL;
}

const struct server *
srv_conf(uint32_t server)
{
	struct bserver *sv = state_server(server);

	if (!sv->conf)
		sv->conf = conf_find(server);
	return sv->conf;
}

void
srv_log(uint32_t server, enum log_level level, const char *line)
{
	const struct server *s = srv_conf(server);
	uint64_t mask = s ? s->px->log.target_mask : 0;

	if (mask)
		log_line(mask, level, sv_str(line));
	else
		log_msg(level, "%s", line);
}

void
srv_count_active(uint32_t proxy, unsigned *active_r, unsigned *backup_r)
{
	uint32_t i, n = atomic_load(&broker.board.hdr->used_servers);

	*active_r = *backup_r = 0;
	for (i = 0; i < n && i < broker.board.cap.server_count; i++) {
		if (!state_has_server(i) ||
		    broker.board.server[i].proxy != proxy ||
		    !board_server_is_usable(&broker.board.server[i]))
			continue;
		if (broker.board.server[i].is_backup)
			(*backup_r)++;
		else
			(*active_r)++;
	}
}
