/* SPDX-License-Identifier: MIT */
/*
 * Counting results: the first failure of a server that just started takes it
 * down, `rise` successes bring it up and to the top, `fall` failures from
 * there down to 0.
 */
#include <stdio.h>

#include "broker/check_parts.h"
#include "broker/srv.h"

bool
check_health_pass(struct check_health *h)
{
	bool was_up = h->now >= h->rise;

	if (h->now < h->rise + h->fall - 1)
		h->now++;
	if (h->now >= h->rise)
		h->now = h->rise + h->fall - 1;
	return !was_up && h->now >= h->rise;
}

bool
check_health_fail(struct check_health *h)
{
	bool was_up = h->now >= h->rise;

	if (h->now > 0)
		h->now--;
	if (h->now < h->rise)
		h->now = 0;
	return was_up && h->now == 0;
}

const char *
check_health_text(const struct check_health *h)
{
	static char text[48];

	if (h->now >= h->rise)
		snprintf(text, sizeof(text), "%u/%u UP", h->now - h->rise + 1,
		    h->fall);
	else
		snprintf(text, sizeof(text), "%u/%u DOWN", h->now, h->rise);
	return text;
}

/* Names in log lines and statistics. */
static const struct {
	const char *name, *text;
} results[CHECK_STATUS_N] = {
	[CHECK_INI] = { "INI", "Initializing" },
	[CHECK_CHECKED] = { "CHECKED", "No status change" },
	[CHECK_HANA] = { "HANA",
	    "Health analyze" }, /* sic, as HAProxy has it */
	[CHECK_SOCKERR] = { "SOCKERR", "Socket error" },
	[CHECK_L4OK] = { "L4OK", "Layer4 check passed" },
	[CHECK_L4TOUT] = { "L4TOUT", "Layer4 timeout" },
	[CHECK_L4CON] = { "L4CON", "Layer4 connection problem" },
	[CHECK_L6OK] = { "L6OK", "Layer6 check passed" },
	[CHECK_L6TOUT] = { "L6TOUT", "Layer6 timeout" },
	[CHECK_L6RSP] = { "L6RSP", "Layer6 invalid response" },
	[CHECK_L7TOUT] = { "L7TOUT", "Layer7 timeout" },
	[CHECK_L7RSP] = { "L7RSP", "Layer7 invalid response" },
	[CHECK_L7OK] = { "L7OK", "Layer7 check passed" },
	[CHECK_L7OKC] = { "L7OKC", "Layer7 check conditionally passed" },
	[CHECK_L7STS] = { "L7STS", "Layer7 wrong status" },
};

const char *
check_name(enum check_status r)
{
	return r < CHECK_STATUS_N && results[r].name ? results[r].name : "";
}

const char *
check_text(enum check_status r)
{
	return r < CHECK_STATUS_N && results[r].text ? results[r].text : "";
}

bool
check_is_good(enum check_status r)
{
	return r == CHECK_L4OK || r == CHECK_L6OK || r == CHECK_L7OK ||
	    r == CHECK_L7OKC;
}

const char *
check_reason(uint32_t server, bool is_agent)
{
	static char text[384];
	const struct board_server *row = &broker.board.server[server];
	const struct board_check *b = is_agent ? &row->agent : &row->check;
	enum check_status r = (enum check_status)atomic_load(&b->status);
	char code[32] = "", info[CHECK_INFO_MAX + 16] = "";

	if (r >= CHECK_L7TOUT && r < CHECK_STATUS_N && r != CHECK_L7TOUT &&
	    (is_agent || atomic_load(&b->code)))
		snprintf(
		    code, sizeof(code), ", code: %u", atomic_load(&b->code));
	if (b->text[0])
		snprintf(info, sizeof(info), ", info: \"%.*s\"",
		    CHECK_INFO_MAX - 1, b->text);
	snprintf(text, sizeof(text), "reason: %s%s%s, check duration: %ums",
	    check_text(r), code, info, atomic_load(&b->duration_ms));
	return text;
}

void
check_say(const struct check *k, bool report)
{
	const struct check_plan *p = k->cfg->px->check;
	enum check_status r =
	    (enum check_status)atomic_load(&check_row(k)->status);
	bool is_backup = broker.board.server[k->server].is_backup;
	char line[640];

	if (!report || !p || !p->log_all)
		return;
	snprintf(line, sizeof(line),
	    "%s check for %sserver %s/%s %s%s, %s, status: %s.",
	    k->is_agent ? "Agent" : "Health", is_backup ? "backup " : "",
	    srv_proxy_name(k->server), srv_name(k->server),
	    r == CHECK_L7OKC ? "conditionally " : "",
	    check_is_good(r) ? "succeeded" : "failed",
	    check_reason(k->server, k->is_agent),
	    check_health_text(&k->health));
	srv_log(k->server, LOGL_NOTICE, line);
}
