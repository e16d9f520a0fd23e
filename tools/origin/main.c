/* SPDX-License-Identifier: MIT */
/*
 * wsbroker-origin: an HTTP/1.1 and HTTP/2 server to try wsbroker with, and the
 * origin of its tests and benchmarks. One process, one event loop. It knows
 * nothing of wsbroker.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
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
#include "tools/origin/option.h"
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

static struct event_base *base;
static struct listener listeners[LISTENERS_MAX];
static int listener_count;

/* The reason is in errno. */
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
add_listener(const char *address, enum conn_kind kind)
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

static void
raise_descriptor_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
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
	base = event_base_new();
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "wsb-origin");
	raise_descriptor_limit();
	if (!base)
		die("no event loop", "");
	conn_init(base);
	option_read(argc, argv, add_listener);
	if (listener_count == 0)
		add_listener("127.0.0.1:8000", CONN_PLAIN);
	setup_tls();
	fflush(stdout);
	return event_base_dispatch(base) < 0 ? 1 : 0;
}
