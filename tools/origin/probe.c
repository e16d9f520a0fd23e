/* SPDX-License-Identifier: MIT */
#include "tools/origin/probe.h"

#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tools/origin/ws.h"

#define TIMEOUT_S    5
#define ANSWER_BYTES 65536
#define TEXT_MAX     125 /* a WebSocket frame with a one-byte length */

struct target {
	char host[256];
	char port[8];
	const char *path;
};

static bool
parse_url(const char *url, struct target *t_r)
{
	const char *p = strstr(url, "://"), *end, *colon;
	size_t len;

	p = p ? p + 3 : url;
	end = p + strcspn(p, "/");
	colon = memchr(p, ':', (size_t)(end - p));
	if (*p == '[') {
		p++;
		colon = strstr(p, "]:");
	}
	len = (size_t)((colon ? colon : end) - p);
	if (len == 0 || len >= sizeof(t_r->host))
		return false;
	memcpy(t_r->host, p, len);
	t_r->host[len] = '\0';
	snprintf(t_r->port, sizeof(t_r->port), "80");
	if (colon) {
		colon += *colon == ']' ? 2 : 1;
		len = (size_t)(end - colon);
		if (len == 0 || len >= sizeof(t_r->port))
			return false;
		memcpy(t_r->port, colon, len);
		t_r->port[len] = '\0';
	}
	t_r->path = *end ? end : "/";
	return true;
}

static int
dial(const struct target *t)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *ai;
	struct timeval tv = { TIMEOUT_S, 0 };
	int fd = -1;

	if (getaddrinfo(t->host, t->port, &hints, &found) != 0)
		return -1;
	for (ai = found; ai && fd < 0; ai = ai->ai_next) {
		fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

static bool
send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads until want bytes are there, or a head if want is 0. */
static size_t
read_until(int fd, char *buf, size_t len, size_t want)
{
	while (len < ANSWER_BYTES - 1) {
		ssize_t n;

		buf[len] = '\0';
		if (want ? len >= want : strstr(buf, "\r\n\r\n") != NULL)
			break;
		n = recv(fd, buf + len, ANSWER_BYTES - 1 - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return len;
}

static int
connect_to(const char *url, struct target *t)
{
	int fd;

	if (!parse_url(url, t)) {
		fprintf(stderr, "wsbroker-origin: no such URL: %s\n", url);
		return -1;
	}
	fd = dial(t);
	if (fd < 0)
		fprintf(stderr, "wsbroker-origin: cannot reach %s port %s\n",
		    t->host, t->port);
	return fd;
}

bool
probe_http(const char *url)
{
	static char buf[ANSWER_BYTES];
	char request[2048];
	struct target t;
	int fd = connect_to(url, &t), status = 0;
	size_t len;
	char *body;

	if (fd < 0)
		return false;
	snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n",
	    t.path, t.host, t.port);
	len = 0;
	if (send_all(fd, request, strlen(request)))
		len = read_until(fd, buf, 0, ANSWER_BYTES);
	close(fd);
	body = strstr(buf, "\r\n\r\n");
	if (!body || sscanf(buf, "HTTP/1.%*d %d", &status) != 1) {
		printf("GET %s: no answer (%zu bytes)\n", t.path, len);
		return false;
	}
	body += 4;
	printf("GET %s: %.*s, %zu bytes\n", t.path, (int)strcspn(buf, "\r"),
	    buf, len - (size_t)(body - buf));
	return status == 200;
}

static bool
shake_hands(int fd, const struct target *t, char *buf)
{
	unsigned char nonce[16];
	char key[32], accept[WS_ACCEPT_BYTES], request[2048];
	const char *field;

	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)key, nonce, sizeof(nonce));
	ws_accept_key(key, accept);
	snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: %s\r\n\r\n",
	    t->path, t->host, t->port, key);
	if (!send_all(fd, request, strlen(request)))
		return false;
	read_until(fd, buf, 0, 0);
	field = strcasestr(buf, "\r\nSec-WebSocket-Accept: ");
	return strncmp(buf, "HTTP/1.1 101 ", 13) == 0 && field &&
	    strncmp(field + 24, accept, strlen(accept)) == 0;
}

bool
probe_ws(const char *url, const char *text)
{
	static char buf[ANSWER_BYTES];
	char frame[6 + TEXT_MAX];
	size_t n = strlen(text), len = 0;
	struct target t;
	char *answer;
	int fd;

	if (n > TEXT_MAX) {
		fprintf(stderr, "wsbroker-origin: the text is too long\n");
		return false;
	}
	fd = connect_to(url, &t);
	if (fd < 0)
		return false;
	if (!shake_hands(fd, &t, buf)) {
		printf("WebSocket %s: refused: %.*s\n", t.path,
		    (int)strcspn(buf, "\r"), buf);
		close(fd);
		return false;
	}
	frame[0] = (char)0x81;
	frame[1] = (char)(0x80 | n);
	RAND_bytes((unsigned char *)frame + 2, 4);
	for (size_t i = 0; i < n; i++)
		frame[6 + i] = (char)(text[i] ^ frame[2 + (i & 3)]);
	answer = strstr(buf, "\r\n\r\n") + 4;
	if (send_all(fd, frame, 6 + n))
		len =
		    read_until(fd, buf, strlen(answer) + (size_t)(answer - buf),
			(size_t)(answer - buf) + 2 + n);
	close(fd);
	len -= len ? (size_t)(answer - buf) : 0;
	printf("WebSocket %s: sent \"%s\", got \"%.*s\"\n", t.path, text,
	    len > 2 ? (int)(len - 2) : 0, answer + 2);
	return len == n + 2 && memcmp(answer + 2, text, n) == 0;
}
