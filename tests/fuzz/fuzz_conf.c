/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the config parser (libFuzzer): any bytes are a file.
 *
 * What must hold: no crash, no leak; what was read is what was counted; text
 * without an error has all its references; a condition is 1, 0 or an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/conf/conf.h"

enum { MAX = 16384 };

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct conf *c)
{
	int proxies = 0, servers = 0, binds = 0;

	for (const struct proxy *px = c->proxies; px; px = px->next) {
		MUST(px->row == proxies++);
		MUST(px->id > 0);
		MUST(!px->default_backend_name || px->default_backend ||
		    !(px->cap & PX_FRONTEND));
		for (const struct server *s = px->servers; s; s = s->next) {
			MUST(s->row == servers++);
			MUST(s->px == px && s->id > 0);
			MUST(s->weight >= 0 && s->weight <= 256);
		}
		for (const struct bind *b = px->binds; b; b = b->next) {
			MUST(b->index == binds++);
			MUST(b->px == px);
		}
	}
	MUST(proxies == c->proxy_count);
	MUST(servers == c->server_count);
	MUST(binds == c->bind_count);
}

static void
fuzz_condition(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), err[128];
	int r;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	r = conf_condition(text, err, sizeof(err));
	MUST(r == 0 || r == 1 || r == -WSE_SYNTAX);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_parse cp = { .conf = NULL, .quiet = true, .offline = true };
	int read, finish;

	if (size > MAX)
		return 0;
	if (size && *data == '?')
		fuzz_condition(data + 1, size - 1);
	cp.conf = conf_new();
	read = conf_read_bytes(&cp, "fuzz", (const char *)data, size);
	finish = conf_finish(&cp);
	MUST((read != 0 || finish != 0) == (cp.error_count != 0));
	if (!finish)
		check(cp.conf);
	conf_free(&cp.conf);
	return 0;
}
