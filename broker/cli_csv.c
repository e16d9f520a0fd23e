/* SPDX-License-Identifier: MIT */
/*
 * The CSV of show stat.  A field that has no value stays empty in its place.
 */
#include "broker/cli_csv.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[F_N] = {
	"pxname",
	"svname",
	"qcur",
	"qmax",
	"scur",
	"smax",
	"slim",
	"stot",
	"bin",
	"bout",
	"dreq",
	"dresp",
	"ereq",
	"econ",
	"eresp",
	"wretr",
	"wredis",
	"status",
	"weight",
	"act",
	"bck",
	"chkfail",
	"chkdown",
	"lastchg",
	"downtime",
	"qlimit",
	"pid",
	"iid",
	"sid",
	"throttle",
	"lbtot",
	"tracked",
	"type",
	"rate",
	"rate_lim",
	"rate_max",
	"check_status",
	"check_code",
	"check_duration",
	"hrsp_1xx",
	"hrsp_2xx",
	"hrsp_3xx",
	"hrsp_4xx",
	"hrsp_5xx",
	"hrsp_other",
	"hanafail",
	"req_rate",
	"req_rate_max",
	"req_tot",
	"cli_abrt",
	"srv_abrt",
	"comp_in",
	"comp_out",
	"comp_byp",
	"comp_rsp",
	"lastsess",
	"last_chk",
	"last_agt",
	"qtime",
	"ctime",
	"rtime",
	"ttime",
	"agent_status",
	"agent_code",
	"agent_duration",
	"check_desc",
	"agent_desc",
	"check_rise",
	"check_fall",
	"check_health",
	"agent_rise",
	"agent_fall",
	"agent_health",
	"addr",
	"cookie",
	"mode",
	"algo",
	"conn_rate",
	"conn_rate_max",
	"conn_tot",
	"intercepted",
	"dcon",
	"dses",
	"wrew",
	"connect",
	"reuse",
	"cache_lookups",
	"cache_hits",
	"srv_icur",
	"src_ilim",
	"qtime_max",
	"ctime_max",
	"rtime_max",
	"ttime_max",
	"eint",
	"idle_conn_cur",
	"safe_conn_cur",
	"used_conn_cur",
	"need_conn_est",
	"uweight",
	"agg_server_status",
	"agg_server_check_status",
	"agg_check_status",
};

struct line {
	char f[F_N][BOARD_NAME_MAX + 48];
};

static struct line line;

void
cli_csv_put(enum stat_field f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line.f[f], sizeof(line.f[f]), fmt, ap);
	va_end(ap);
}

void
cli_csv_put_n(enum stat_field f, uint64_t n)
{
	cli_csv_put(f, "%llu", (unsigned long long)n);
}

void
cli_csv_put_text(enum stat_field f, const char *s)
{
	cli_csv_put(f, strpbrk(s, ",\"\n") ? "\"%s\"" : "%s", s);
}

void
cli_csv_print_line(struct cli *c)
{
	int i;

	for (i = 0; i < F_N; i++)
		cli_print(c, "%s,", line.f[i]);
	cli_print(c, "-,\n");
	memset(&line, 0, sizeof(line));
}

void
cli_csv_print_names(struct cli *c)
{
	int i;

	cli_print(c, "# ");
	for (i = 0; i < F_N; i++)
		cli_print(c, "%s,", names[i]);
	cli_print(c, "-,\n");
}
