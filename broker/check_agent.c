/* SPDX-License-Identifier: MIT */
/*
 * What an agent says: words in one line, and behind an operational one, after
 * `#`, why.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/check_parts.h"
#include "broker/srv.h"
#include "broker/srv_admin.h"

enum { PERCENT_MAX = 100000 };

static bool
take_number(struct sv w, int *n_r)
{
	uint64_t n;

	if (sv_to_u64(w, &n) != 0 || n > PERCENT_MAX)
		return false;
	*n_r = (int)n;
	return true;
}

static bool
take_op(struct sv w, struct check_agent *a)
{
	static const char *const downs[] = { "down", "stopped", "fail",
		"failed" };
	size_t i;

	if (sv_ieq(w, SV("up"))) {
		a->up = true;
		a->word = "up";
		return true;
	}
	for (i = 0; i < sizeof(downs) / sizeof(*downs); i++) {
		if (!sv_ieq(w, sv_str(downs[i])))
			continue;
		a->down = true;
		a->word = downs[i];
		return true;
	}
	return false;
}

static bool
take_admin(struct sv w, struct check_agent *a)
{
	bool *at = sv_ieq(w, SV("ready")) ? &a->ready
	    : sv_ieq(w, SV("drain"))      ? &a->drain
	    : sv_ieq(w, SV("maint"))      ? &a->maint
					  : NULL;

	if (!at)
		return false;
	a->ready = a->drain = a->maint = false;
	*at = true;
	return true;
}

static bool
take_word(struct sv w, struct check_agent *a)
{
	if (w.n > 1 && w.p[w.n - 1] == '%')
		return take_number(sv_of(w.p, w.n - 1), &a->weight);
	if (sv_istarts(w, SV("maxconn:")))
		return take_number(sv_from(w, 8), &a->maxconn);
	return take_op(w, a) || take_admin(w, a);
}

void
check_agent_parse(struct sv line, struct check_agent *a)
{
	ssize_t sharp = sv_find_char(line, '#', 0);
	struct sv about = SV_NULL, w;
	size_t i, from;

	memset(a, 0, sizeof(*a));
	a->weight = a->maxconn = -1;
	if (sharp >= 0) {
		about = sv_trim(sv_from(line, (size_t)sharp + 1));
		line.n = (size_t)sharp;
	}
	for (i = 0; i < line.n; i = from) {
		while (i < line.n && strchr(" \t,\r", line.p[i]))
			i++;
		for (from = i;
		     from < line.n && !strchr(" \t,\r", line.p[from]);)
			from++;
		w = sv_of(line.p + i, from - i);
		if (w.n == 0 || take_word(w, a) || a->unknown)
			continue;
		a->unknown = true;
		snprintf(a->about, sizeof(a->about), SV_FMT, SV_ARG(w));
	}
	if (!a->unknown && about.n)
		snprintf(a->about, sizeof(a->about), SV_FMT, SV_ARG(about));
}

static void
admin(const struct check *k, const struct check_agent *a)
{
	const uint32_t maint = SRV_FMAINT | SRV_CMAINT;

	if (a->ready)
		srv_admin(k->server, 0, maint | SRV_FDRAIN);
	else if (a->drain)
		srv_admin(k->server, SRV_FDRAIN, maint);
	else if (a->maint)
		srv_admin(k->server, SRV_FMAINT, 0);
}

void
check_agent_apply(struct check *k, struct sv line)
{
	struct check_agent a;
	char info[CHECK_INFO_MAX];

	check_agent_parse(line, &a);
	if (a.weight >= 0)
		srv_weight_percent(k->server, (unsigned)a.weight);
	if (a.maxconn >= 0)
		srv_maxconn(k->server, (unsigned)a.maxconn);
	if (a.unknown) {
		snprintf(
		    info, sizeof(info), "agent reports an error : %s", a.about);
		check_over(k, CHECK_CHECKED, 0, info);
		return;
	}
	admin(k, &a);
	if (!a.word) {
		check_over(k, CHECK_CHECKED, 0, "");
		return;
	}
	snprintf(info, sizeof(info), "via agent : %s%s%s%s", a.word,
	    a.about[0] ? " (" : "", a.about, a.about[0] ? ")" : "");
	check_over(k, a.up ? CHECK_L7OK : CHECK_L7STS, 0, info);
}
