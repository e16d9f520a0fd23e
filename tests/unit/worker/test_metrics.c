/* SPDX-License-Identifier: MIT */
#include "worker/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "shm/base/clock.h"
#include "shm/seg/hist.h"
#include "shm/seg/stat_tbl.h"
#include "tests/unit/tools/top/board.h"

static struct board board;
static int board_fd;
static char text[1 << 20];

static int
setup(void **state)
{
	(void)state;
	clock_update();
	board_fd = board_make(&board);
	board.hdr->start_wall_us = 1000000;
	return board_fd < 0;
}

static int
teardown(void **state)
{
	(void)state;
	board_detach(&board);
	close(board_fd);
	return 0;
}

/* Everything, in pieces of at most `room` bytes; returns their number. */
static int
make(size_t room)
{
	struct svc *v = svc_new(&svc_metrics, &board, NULL);
	size_t n = 0;
	int pieces = 0;

	while (!v->done) {
		assert_true(n + room < sizeof(text));
		n += svc_fill(v, text + n, room);
		pieces++;
	}
	text[n] = '\0';
	svc_free(&v);
	assert_null(v);
	return pieces;
}

static void
has(const char *line)
{
	if (!strstr(text, line))
		fail_msg("no line: %s", line);
}

static void
metrics__hand_made_board__is_told(void **state)
{
	(void)state;
	stat_add(&stat_proxy(&board, 2, 0)->requests, 4);
	stat_add(&stat_proxy(&board, 0, 0)->requests, 3); /* of the dead */
	stat_add(&stat_server(&board, 2, 0)->status[5], 2);
	stat_add(&stat_proxy(&board, 2, 0)->ws[STAT_OUT][STAT_WS_BINARY], 9);
	stat_add(&stat_proc(&board, 2)->even_taken, 5);
	make(sizeof(text) / 2);
	has("\nhaproxy_frontend_http_requests_total{proxy=\"fe\"} 7\n");
	has("\nhaproxy_server_http_responses_total{proxy=\"be\",server=\"s1\","
	    "code=\"5xx\"} 2\n");
	has("\nhaproxy_server_status{proxy=\"be\",server=\"s1\",state=\"UP\"} "
	    "1\n");
	has("\nhaproxy_server_current_sessions{proxy=\"be\",server=\"s1\"} "
	    "1\n");
	has("\nwsbroker_pool_connections{proxy=\"be\",server=\"s1\",tag="
	    "\"h2ws\",state=\"idle\"} 1\n");
	has("\nwsbroker_pool_connections{proxy=\"be\",server=\"s1\",tag="
	    "\"h1\",state=\"leased\"} 1\n");
	has("\nwsbroker_frontend_websocket_sent_total{proxy=\"fe\","
	    "type=\"binary\"} 9\n");
	has("\nwsbroker_worker_clients{worker=\"1\",pid=\"");
	has("\nwsbroker_process_even_taken_total 5\n");
	has("\nhaproxy_process_build_info{version=\"" PACKAGE_VERSION
	    "\"} 1\n");
}

static void
metrics__histogram__is_cumulative_in_seconds(void **state)
{
	struct stat_proc *p = stat_proc(&board, 2);

	(void)state;
	hist_add(p->lease_hist, 15, HIST_LEASE_UNIT_US);
	hist_add(p->lease_hist, 15, HIST_LEASE_UNIT_US);
	hist_add(p->lease_hist, 700000, HIST_LEASE_UNIT_US);
	hist_add(p->lease_hist, 99000000, HIST_LEASE_UNIT_US);
	stat_add(&p->lease_us_sum, 99700030);
	make(sizeof(text) / 2);
	has("\nwsbroker_lease_duration_seconds_bucket{le=\"1e-05\"} 0\n");
	has("\nwsbroker_lease_duration_seconds_bucket{le=\"2e-05\"} 2\n");
	has("\nwsbroker_lease_duration_seconds_bucket{le=\"0.5\"} 2\n");
	has("\nwsbroker_lease_duration_seconds_bucket{le=\"1\"} 3\n");
	has("\nwsbroker_lease_duration_seconds_bucket{le=\"5\"} 3\n");
	has("\nwsbroker_lease_duration_seconds_bucket{le=\"+Inf\"} 4\n");
	has("\nwsbroker_lease_duration_seconds_sum 99.700030\n");
	has("\nwsbroker_lease_duration_seconds_count 4\n");
}

static void
metrics__in_pieces_of_any_size__are_the_same(void **state)
{
	char *whole;

	(void)state;
	make(sizeof(text) / 2);
	whole = strdup(text);
	assert_true(make(SVC_ITEM_MAX) > 2);
	assert_string_equal(text, whole);
	make(SVC_ITEM_MAX + 4096);
	assert_string_equal(text, whole);
	free(whole);
}

static void
metrics__hostile_names__stay_in_their_label(void **state)
{
	(void)state;
	strcpy(board.server[0].name, "a\"b\\c\nd\xff");
	memset(board.proxy[0].name, 'x', BOARD_NAME_MAX); /* no end */
	make(sizeof(text) / 2);
	has("server=\"a\\\"b\\\\c?d?\"");
	has("proxy=\"xxxx");
	assert_null(strstr(text, "\xff"));
}

/* A server row of a proxy that is none; words of no state. */
static void
metrics__indices_out_of_range__are_left_out(void **state)
{
	(void)state;
	board.server[0].proxy = 4000000000u;
	board.hdr->used_servers = 4000000000u;
	board.hdr->used_proxies = 4000000000u;
	board.slot[LEASED_SLOT].server = 4000000000u;
	atomic_store(&board.slot[IDLE_SLOT].word, UINT64_MAX);
	make(sizeof(text) / 2);
	assert_null(strstr(text, "server=\"s1\""));
}

/* Each line is a comment or a sample, each name said once, in one run. */
static void
metrics__format__is_prometheus(void **state)
{
	char *line, *save = NULL, name[200] = "", *end;
	unsigned heads = 0, samples = 0;

	(void)state;
	make(sizeof(text) / 2);
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(name, sizeof(name), "%.*s",
			    (int)strcspn(line + 7, " "), line + 7);
			heads++;
			continue;
		}
		if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_int_equal(
			    strncmp(line + 7, name, strlen(name)), 0);
			continue;
		}
		assert_int_equal(strncmp(line, name, strlen(name)), 0);
		strtod(strrchr(line, ' ') + 1, &end);
		assert_true(end > strrchr(line, ' ') + 1 && *end == '\0');
		samples++;
	}
	assert_true(heads > 80);
	assert_true(samples > heads);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(metrics__hand_made_board__is_told),
		T(metrics__histogram__is_cumulative_in_seconds),
		T(metrics__in_pieces_of_any_size__are_the_same),
		T(metrics__hostile_names__stay_in_their_label),
		T(metrics__indices_out_of_range__are_left_out),
		T(metrics__format__is_prometheus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
