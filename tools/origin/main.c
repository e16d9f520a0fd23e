/* SPDX-License-Identifier: MIT */
/*
 * wsbroker-origin: an HTTP/1.1 server to try wsbroker with, and the origin
 * of its tests and benchmarks. One process, one event loop. It knows
 * nothing of wsbroker.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/origin/conn.h"
#include "tools/origin/probe.h"
#include "tools/origin/tls_ctx.h"

#define LISTENERS_MAX     16
#define BACKLOG           4096
#define ACCEPTS_PER_EVENT 64
#define PAUSE_MS          100 /* out of descriptors: no accept for so long */

struct listener {
	struct event *ev;
	struct event *pause;
	enum conn_kind kind;
};

static struct listener listeners[LISTENERS_MAX];
static int listener_count;

static void
usage(FILE *out)
{
	fputs(
	    "usage: wsbroker-origin [--listen ADDR:PORT|unix:PATH]...\n"
	    "           [--admin ADDR:PORT] [--idle-close MS]\n"
	    "           [--close-after REQUESTS] [--max-conn N]\n"
	    "           [--tls-listen ADDR:PORT]... [TLS options]\n"
	    "       wsbroker-origin --probe URL\n"
	    "       wsbroker-origin --ws-probe URL TEXT\n"
	    "Port 0 takes a free one; what it is, is printed.\n"
	    "What comes in on --admin is not counted in /_stats.\n"
	    "TLS options, for all of --tls-listen:\n"
	    "  --tls-cert FILE             certificate and key; made without\n"
	    "  --tls-key ecdsa|rsa         the key that is made\n"
	    "  --tls-name NAME             also in the certificate made\n"
	    "  --dump-cert FILE            writes the certificate, for "
	    "clients\n"
	    "  --tls-min, --tls-max        1.2 or 1.3\n"
	    "  --tls-ciphers LIST          of TLS 1.2\n"
	    "  --tls-ciphersuites LIST     of TLS 1.3\n"
	    "  --tls-tickets N             after a handshake; 0: no "
	    "resumption\n"
	    "  --alpn LIST                 best first; http/1.1\n"
	    "  --tls-handshake-delay MS    waits before it\n"
	    "  --tls-close-unclean         never sends close_notify\n",
	    out);
}

static void
die(const char *what, const char *arg)
{
	fprintf(
	    stderr, "wsbroker-origin: %s %s: %s\n", what, arg, strerror(errno));
	exit(1);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	event_add(l->ev, NULL);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval pause = { 0, PAUSE_MS * 1000 };
	struct listener *l = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		int client =
		    accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0) {
			conn_accept(client, l->kind);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			event_del(l->ev);
			evtimer_add(l->pause, &pause);
		}
		return;
	}
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		die("cannot listen on", path);
	}
	strcpy(sun.sun_path, path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		die("cannot listen on", path);
	return fd;
}

static int
listen_tcp(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST };
	struct addrinfo *ai;
	const char *colon = strrchr(address, ':');
	char host[64];
	int one = 1, fd;
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (!colon || len >= sizeof(host)) {
		errno = EINVAL;
		die("not ADDR:PORT:", address);
	}
	if (*address == '[' && len >= 2 && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	memcpy(host, address, len);
	host[len] = '\0';
	if (getaddrinfo(len ? host : NULL, colon + 1, &hints, &ai) != 0) {
		errno = EINVAL;
		die("not an address:", address);
	}
	fd = socket(
	    ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket for", address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0)
		die("cannot listen on", address);
	freeaddrinfo(ai);
	return fd;
}

static void
print_address(int fd, enum conn_kind kind)
{
	static const char *const names[] = { [CONN_PLAIN] = "listening",
		[CONN_TLS] = "listening (tls)",
		[CONN_ADMIN] = "admin" };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	printf(ss.ss_family == AF_INET6 ? "%s on [%s]:%s\n" : "%s on %s:%s\n",
	    names[kind], host, port);
}

static void
add_listener(struct event_base *base, const char *address, enum conn_kind kind)
{
	struct listener *l = &listeners[listener_count++];
	int fd;

	if (listener_count > LISTENERS_MAX) {
		errno = E2BIG;
		die("too many listeners:", address);
	}
	if (strncmp(address, "unix:", 5) == 0) {
		fd = listen_unix(address + 5);
		printf(kind == CONN_TLS ? "listening (tls) on %s\n"
					: "listening on %s\n",
		    address);
	} else {
		fd = listen_tcp(address);
		print_address(fd, kind);
	}
	l->kind = kind;
	l->ev = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, l);
	l->pause = evtimer_new(base, on_pause_over, l);
	if (!l->ev || !l->pause)
		die("cannot watch", address);
	event_add(l->ev, NULL);
}

static uint32_t
number(const char *name, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n > UINT32_MAX) {
		errno = EINVAL;
		die(name, text);
	}
	return (uint32_t)n;
}

static void
raise_descriptor_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

enum {
	OPT_LISTEN = 256,
	OPT_ADMIN,
	OPT_IDLE,
	OPT_AFTER,
	OPT_MAX,
	OPT_PROBE,
	OPT_WS_PROBE,
	OPT_TLS_LISTEN,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_TLS_NAME,
	OPT_DUMP_CERT,
	OPT_TLS_MIN,
	OPT_TLS_MAX,
	OPT_TLS_CIPHERS,
	OPT_TLS_SUITES,
	OPT_TLS_TICKETS,
	OPT_ALPN,
	OPT_TLS_DELAY,
	OPT_TLS_UNCLEAN
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "admin", required_argument, NULL, OPT_ADMIN },
	{ "idle-close", required_argument, NULL, OPT_IDLE },
	{ "close-after", required_argument, NULL, OPT_AFTER },
	{ "max-conn", required_argument, NULL, OPT_MAX },
	{ "probe", required_argument, NULL, OPT_PROBE },
	{ "ws-probe", required_argument, NULL, OPT_WS_PROBE },
	{ "tls-listen", required_argument, NULL, OPT_TLS_LISTEN },
	{ "tls-cert", required_argument, NULL, OPT_TLS_CERT },
	{ "tls-key", required_argument, NULL, OPT_TLS_KEY },
	{ "tls-name", required_argument, NULL, OPT_TLS_NAME },
	{ "dump-cert", required_argument, NULL, OPT_DUMP_CERT },
	{ "tls-min", required_argument, NULL, OPT_TLS_MIN },
	{ "tls-max", required_argument, NULL, OPT_TLS_MAX },
	{ "tls-ciphers", required_argument, NULL, OPT_TLS_CIPHERS },
	{ "tls-ciphersuites", required_argument, NULL, OPT_TLS_SUITES },
	{ "tls-tickets", required_argument, NULL, OPT_TLS_TICKETS },
	{ "alpn", required_argument, NULL, OPT_ALPN },
	{ "tls-handshake-delay", required_argument, NULL, OPT_TLS_DELAY },
	{ "tls-close-unclean", no_argument, NULL, OPT_TLS_UNCLEAN },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Returns false if it is none of TLS. */
static bool
read_tls_option(int opt)
{
	struct tls_options *o = &tls_options;

	switch (opt) {
	case OPT_TLS_CERT:
		o->cert_file = optarg;
		return true;
	case OPT_TLS_KEY:
		o->key_kind = optarg;
		return true;
	case OPT_TLS_NAME:
		if (o->name_count == TLS_NAMES_MAX) {
			errno = E2BIG;
			die("--tls-name", optarg);
		}
		o->names[o->name_count++] = optarg;
		return true;
	case OPT_DUMP_CERT:
		o->dump_file = optarg;
		return true;
	case OPT_TLS_MIN:
		o->min_version = optarg;
		return true;
	case OPT_TLS_MAX:
		o->max_version = optarg;
		return true;
	case OPT_TLS_CIPHERS:
		o->ciphers = optarg;
		return true;
	case OPT_TLS_SUITES:
		o->ciphersuites = optarg;
		return true;
	case OPT_TLS_TICKETS:
		o->tickets = number("--tls-tickets", optarg);
		return true;
	case OPT_ALPN:
		o->alpn = optarg;
		return true;
	case OPT_TLS_DELAY:
		o->handshake_delay_ms = number("--tls-handshake-delay", optarg);
		return true;
	case OPT_TLS_UNCLEAN:
		o->close_unclean = true;
		return true;
	default:
		return false;
	}
}

static void
read_options(struct event_base *base, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (opt) {
		case OPT_LISTEN:
		case OPT_ADMIN:
			add_listener(base, optarg,
			    opt == OPT_ADMIN ? CONN_ADMIN : CONN_PLAIN);
			break;
		case OPT_TLS_LISTEN:
			add_listener(base, optarg, CONN_TLS);
			break;
		case OPT_IDLE:
			conn_options.idle_close_ms =
			    number("--idle-close", optarg);
			break;
		case OPT_AFTER:
			conn_options.close_after =
			    number("--close-after", optarg);
			break;
		case OPT_MAX:
			conn_options.max_conn = number("--max-conn", optarg);
			break;
		case OPT_PROBE:
			exit(probe_http(optarg) ? 0 : 1);
		case OPT_WS_PROBE:
			if (optind >= argc) {
				usage(stderr);
				exit(2);
			}
			exit(probe_ws(optarg, argv[optind]) ? 0 : 1);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			if (read_tls_option(opt))
				break;
			usage(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		usage(stderr);
		exit(2);
	}
}

/* The certificate takes a moment to make: only who wants it waits. */
static void
setup_tls(void)
{
	bool wanted = tls_options.dump_file != NULL;
	const char *wrong;

	for (int i = 0; i < listener_count; i++)
		wanted = wanted || listeners[i].kind == CONN_TLS;
	wrong = wanted ? tls_ctx_setup() : NULL;
	if (wrong) {
		fprintf(stderr, "wsbroker-origin: %s\n", wrong);
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	struct event_base *base = event_base_new();

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "wsb-origin");
	raise_descriptor_limit();
	if (!base)
		die("no event loop", "");
	conn_init(base);
	read_options(base, argc, argv);
	if (listener_count == 0)
		add_listener(base, "127.0.0.1:8000", CONN_PLAIN);
	setup_tls();
	fflush(stdout);
	return event_base_dispatch(base) < 0 ? 1 : 0;
}
