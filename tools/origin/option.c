/* SPDX-License-Identifier: MIT */
#include "tools/origin/option.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/origin/h2.h"
#include "tools/origin/plan.h"
#include "tools/origin/probe.h"
#include "tools/origin/tls_ctx.h"

#define WINDOW_MAX 0x7fffffff
#define FIRST_CODE 256 /* of getopt_long(): row 0 */

enum option_kind {
	OPTION_GROUP, /* a headline of --help */
	OPTION_HELP,
	OPTION_LISTEN,
	OPTION_LISTEN_TLS,
	OPTION_LISTEN_ADMIN,
	OPTION_PROBE,
	OPTION_PROBE_WS,
	OPTION_NAME, /* one more of the certificate's */
	OPTION_TEXT,
	OPTION_NUMBER,
	OPTION_FLAG
};

struct option_row {
	enum option_kind kind;
	const char *name;
	const char *arg; /* what --help calls the value; NULL: none */
	void *to;        /* of OPTION_TEXT, OPTION_NUMBER, OPTION_FLAG */
	uint32_t min, max;
	const char *doc;
};

#define GROUP(doc)                                      \
	{                                               \
		OPTION_GROUP, "", NULL, NULL, 0, 0, doc \
	}
#define CALL(kind, name, arg, doc)                        \
	{                                                 \
		OPTION_##kind, name, arg, NULL, 0, 0, doc \
	}
#define TEXT(name, arg, to, doc)                      \
	{                                             \
		OPTION_TEXT, name, arg, to, 0, 0, doc \
	}
#define NUMBER(name, arg, to, min, max, doc)                \
	{                                                   \
		OPTION_NUMBER, name, arg, to, min, max, doc \
	}
#define FLAG(name, to, doc)                            \
	{                                              \
		OPTION_FLAG, name, NULL, to, 0, 0, doc \
	}

static const struct option_row rows[] = {
	GROUP("Listening; port 0 takes a free one, and which is printed"),
	CALL(LISTEN, "listen", "ADDR:PORT", "or unix:PATH; HTTP/1.1 and 2"),
	CALL(LISTEN_TLS, "tls-listen", "ADDR:PORT", "the same over TLS"),
	CALL(LISTEN_ADMIN, "admin", "ADDR:PORT", "not counted in /_stats"),
	GROUP("Connections"),
	NUMBER("idle-close", "MS", &conn_options.idle_close_ms, 0, UINT32_MAX,
	    "closes a connection without requests"),
	NUMBER("close-after", "N", &conn_options.close_after, 0, UINT32_MAX,
	    "closes it after so many requests"),
	NUMBER("max-conn", "N", &conn_options.max_conn, 0, UINT32_MAX,
	    "connections above are closed at once"),
	GROUP("TLS"),
	TEXT("tls-cert", "FILE", &tls_options.cert_file,
	    "certificate and key; made without"),
	TEXT("tls-key", "ecdsa|rsa", &tls_options.key_kind,
	    "the key that is made"),
	CALL(NAME, "tls-name", "NAME", "also in the certificate made"),
	TEXT("dump-cert", "FILE", &tls_options.dump_file,
	    "writes the certificate, for clients"),
	TEXT("tls-min", "1.2|1.3", &tls_options.min_version, "lowest version"),
	TEXT("tls-max", "1.2|1.3", &tls_options.max_version, "highest version"),
	TEXT("tls-ciphers", "LIST", &tls_options.ciphers, "of TLS 1.2"),
	TEXT("tls-ciphersuites", "LIST", &tls_options.ciphersuites,
	    "of TLS 1.3"),
	NUMBER("tls-tickets", "N", &tls_options.tickets, 0, UINT32_MAX,
	    "after a handshake; 0: no resumption"),
	TEXT("alpn", "LIST", &tls_options.alpn, "best first; h2,http/1.1"),
	NUMBER("tls-handshake-delay", "MS", &tls_options.handshake_delay_ms, 0,
	    UINT32_MAX, "waits before it"),
	FLAG("tls-close-unclean", &tls_options.close_unclean,
	    "never sends close_notify"),
	NUMBER("tls-key-update", "N", &tls_options.key_update, 0, UINT32_MAX,
	    "new keys after so many records, over TLS 1.3"),
	FLAG("tls-key-request", &tls_options.key_request,
	    "... and asks for the client's"),
	GROUP("HTTP/2"),
	FLAG("no-h2", &h2_options.off, "HTTP/1.1 only where there is no ALPN"),
	FLAG("h2-no-websocket", &h2_options.no_websocket,
	    "does not announce extended CONNECT"),
	NUMBER("h2-window", "BYTES", &h2_options.window, 0, WINDOW_MAX,
	    "of a stream; 262144"),
	NUMBER("h2-conn-window", "BYTES", &h2_options.conn_window, 0,
	    WINDOW_MAX, "of a connection; 1048576"),
	NUMBER("h2-max-streams", "N", &h2_options.max_streams, 0, UINT32_MAX,
	    "at a time; 100"),
	NUMBER("h2-max-frame", "BYTES", &h2_options.max_frame, 16384, 16777215,
	    "that clients may send; 16384"),
	NUMBER("h2-header-table", "BYTES", &h2_options.header_table, 0, 1 << 20,
	    "for clients' header compression; 4096"),
	NUMBER("h2-padding", "BYTES", &h2_options.padding, 0, 255,
	    "of DATA and HEADERS"),
	NUMBER("h2-settings-delay", "MS", &h2_options.settings_delay, 0,
	    UINT32_MAX, "sends nothing before"),
	NUMBER("h2-goaway", "N", &h2_options.goaway, 0, UINT32_MAX,
	    "GOAWAY after so many streams; also by --close-after"),
	NUMBER("h2-unprocessed", "N", &h2_options.unprocessed, 0, UINT32_MAX,
	    "... and so many more before it, not answered"),
	FLAG("h2-notice", &h2_options.notice,
	    "... first without a last stream, the last 200 ms later"),
	FLAG("h2-stay", &h2_options.stay, "does not close after GOAWAY"),
	FLAG("h2-abrupt", &h2_options.abrupt,
	    "no GOAWAY at the end of idle connections"),
	NUMBER("h2-refuse", "N", &h2_options.refuse, 0, UINT32_MAX,
	    "REFUSED_STREAM for every Nth stream"),
	NUMBER("h2-late", "N", &h2_options.late, 0, 1000000000,
	    "frames on the stream N before one that ends"),
	NUMBER("h2-pings", "N", &h2_options.pings, 0, 1000000,
	    "PINGs with each request"),
	NUMBER("h2-idle-frames", "MS", &h2_options.idle_frames, 0, UINT32_MAX,
	    "PING, SETTINGS and late ones while nothing is open"),
	GROUP("As a client"),
	CALL(PROBE, "probe", "URL", "asks once; 0 if the answer is 200"),
	CALL(PROBE_WS, "ws-probe", "URL TEXT", "0 if a WebSocket echoes it"),
	CALL(HELP, "help", NULL, "this"),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void
usage(FILE *out)
{
	fputs("usage: wsbroker-origin [OPTION]...\n", out);
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		char both[64];

		if (r->kind == OPTION_GROUP) {
			fprintf(out, "%s:\n", r->doc);
			continue;
		}
		snprintf(both, sizeof(both), "%s%s%s", r->name,
		    r->arg ? " " : "", r->arg ? r->arg : "");
		fprintf(out, "  --%-24s %s\n", both, r->doc);
	}
	plan_help(out);
}

static void
refuse(const struct option_row *r, const char *text)
{
	fprintf(stderr, "wsbroker-origin: --%s %s: not valid\n", r->name, text);
	exit(1);
}

static void
set_number(const struct option_row *r, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n < r->min ||
	    n > r->max)
		refuse(r, text);
	*(uint32_t *)r->to = (uint32_t)n;
}

static void
probe(const struct option_row *r, int argc, char **argv)
{
	if (r->kind == OPTION_PROBE)
		exit(probe_http(optarg) ? 0 : 1);
	if (optind >= argc) {
		usage(stderr);
		exit(2);
	}
	exit(probe_ws(optarg, argv[optind]) ? 0 : 1);
}

static void
set(const struct option_row *r)
{
	switch (r->kind) {
	case OPTION_NAME:
		if (tls_options.name_count == TLS_NAMES_MAX)
			refuse(r, optarg);
		tls_options.names[tls_options.name_count++] = optarg;
		break;
	case OPTION_TEXT:
		*(const char **)r->to = optarg;
		break;
	case OPTION_NUMBER:
		set_number(r, optarg);
		break;
	case OPTION_FLAG:
		*(bool *)r->to = true;
		break;
	case OPTION_HELP:
		usage(stdout);
		exit(0);
	case OPTION_GROUP:
	case OPTION_LISTEN:
	case OPTION_LISTEN_TLS:
	case OPTION_LISTEN_ADMIN:
	case OPTION_PROBE:
	case OPTION_PROBE_WS:
		break;
	}
}

void
option_read(int argc, char **argv,
    void (*listen_on)(const char *address, enum conn_kind kind))
{
	struct option names[ROWS + 1];
	size_t count = 0;
	int code;

	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].kind != OPTION_GROUP)
			names[count++] = (struct option){ rows[i].name,
				rows[i].arg ? required_argument : no_argument,
				NULL, FIRST_CODE + (int)i };
	memset(&names[count], 0, sizeof(names[0]));
	while ((code = getopt_long(argc, argv, "", names, NULL)) != -1) {
		const struct option_row *r;

		if (code < FIRST_CODE) {
			usage(stderr);
			exit(2);
		}
		r = &rows[code - FIRST_CODE];
		if (r->kind == OPTION_LISTEN)
			listen_on(optarg, CONN_PLAIN);
		else if (r->kind == OPTION_LISTEN_TLS)
			listen_on(optarg, CONN_TLS);
		else if (r->kind == OPTION_LISTEN_ADMIN)
			listen_on(optarg, CONN_ADMIN);
		else if (r->kind == OPTION_PROBE || r->kind == OPTION_PROBE_WS)
			probe(r, argc, argv);
		else
			set(r);
	}
	if (optind < argc) {
		usage(stderr);
		exit(2);
	}
}
