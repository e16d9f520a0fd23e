/* SPDX-License-Identifier: MIT */
/*
 * Inside the master's command socket: a client's connection and the command
 * table.
 */
#ifndef MASTER_CLI_PARTS_H
#define MASTER_CLI_PARTS_H

#include "master/master.h"
#include "shm/base/list.h"

enum {
	CLI_LINE_MAX = 16384,   /* longest line, and what is read ahead */
	CLI_ANSWER_LOW = 65536, /* no more is made or fetched above this */
	CLI_ARGS_MAX = 16,
};

enum cli_right { RIGHT_USER, RIGHT_OPERATOR, RIGHT_ADMIN, RIGHT_N };

/* Who a client talks to. */
enum cli_target { TARGET_MASTER, TARGET_SERVICE, TARGET_N };

/* A command on its way to the broker, and the answer on its way back. */
struct cli_relay {
	int fd; /* -1: none */
	struct event in, out;
	bool payload;  /* lines follow, up to an empty one */
	bool mid_line; /* the line at the begin of the input was sent in part */
};

struct cli_client {
	struct list node;
	struct master *m;
	int fd;
	struct event ev;
	enum cli_right right;
	enum cli_target target; /* of commands without @ */
	bool prompt;            /* stays open, shows who it talks to */
	bool closing;           /* close when the answer is out */
	bool eof;               /* the client sends no more */
	bool broken;            /* cannot be written to, or said too much */
	bool waiting;           /* for cli_client_resume() */
	bool in_line;           /* a part of a line with `;` was done */
	struct cli_relay relay;
	char in[CLI_LINE_MAX];
	unsigned in_bytes;
	char *out;
	size_t out_bytes, out_room;
};

struct cli_order {
	const char *words; /* "show proc" */
	const char *args;  /* for help */
	const char *doc;
	int arg_min; /* words that must follow */
	enum cli_right right;
	void (*fn)(struct cli_client *c, int argc, char **argv);
};

extern const struct cli_order cli_orders[]; /* words NULL: the end */

/* --- cli_client.c --- */
void
cli_client_print(struct cli_client *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void cli_client_append(struct cli_client *c, const char *p, size_t n);
/*
 * The answer of a command that set `waiting` is complete but for its end.
 * From the loop, not from within the command; c may be gone afterwards.
 */
void cli_client_resume(struct cli_client *c);
/* Send what can be sent; the same. */
void cli_client_push(struct cli_client *c);
/* Take n bytes off the input. */
void cli_client_consume(struct cli_client *c, unsigned n);

/* --- cli_order.c --- */
/* Run one command. True: its answer needs the empty line at its end. */
MUST_USE bool cli_order_run(struct cli_client *c, char *cmd);

/* --- cli_proc.c --- */
void cli_proc_show(struct cli_client *c, int argc, char **argv);

/* --- cli_relay.c --- */
/* Send `cmd` to the broker; sets c->waiting or prints why not. */
void cli_relay_start(struct cli_client *c, const char *cmd, bool payload);
/* There is input, or its end: a payload goes on. */
void cli_relay_feed(struct cli_client *c);
/* The answer was drained below CLI_ANSWER_LOW: fetch more. */
void cli_relay_go_on(struct cli_client *c);
void cli_relay_stop(struct cli_client *c);

#endif
