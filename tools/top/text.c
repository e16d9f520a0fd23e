/* SPDX-License-Identifier: MIT */
#include "tools/top/text.h"

#include <stdio.h>

const char *
text_human(char *to, size_t room, double v)
{
	static const char units[] = " kMGT";
	int u = 0;

	while (v >= 9999.5 && u < 4) {
		v /= 1000;
		u++;
	}
	if (u == 0)
		snprintf(to, room, "%.0f", v);
	else
		snprintf(to, room, "%.1f%c", v, units[u]);
	return to;
}

const char *
text_duration(char *to, size_t room, uint64_t us)
{
	unsigned long long s = us / 1000000;

	if (s >= 172800)
		snprintf(to, room, "%llud", s / 86400);
	else if (s >= 7200)
		snprintf(to, room, "%lluh", s / 3600);
	else if (s >= 120)
		snprintf(to, room, "%llum", s / 60);
	else
		snprintf(to, room, "%llus", s);
	return to;
}

const char *
text_short_time(char *to, size_t room, uint64_t us)
{
	if (us < 100)
		snprintf(to, room, "%lluus", (unsigned long long)us);
	else if (us < 100000)
		snprintf(to, room, "%.1fms", (double)us / 1e3);
	else
		snprintf(to, room, "%.1fs", (double)us / 1e6);
	return to;
}

double
text_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}
