/* SPDX-License-Identifier: MIT */
/*
 * Inside the runtime API: a client's connection and the command table.
 *
 * A command prints with the cli_print functions; one whose answer may be long
 * sets `step`, which is called again whenever the output has drained, so that
 * a dump never holds the loop nor more than a few kilobytes.
 */
#ifndef BROKER_CLI_PARTS_H
#define BROKER_CLI_PARTS_H

#include "broker/state.h"

enum {
	CLI_IN_MAX = 16384,  /* longest line */
	CLI_OUT_LOW = 16384, /* a dump goes on below this */
	CLI_WORDS_MAX = 32,
};

enum cli_level { CLI_USER, CLI_OPERATOR, CLI_ADMIN };
enum cli_severity { SEV_NONE, SEV_NUMBER, SEV_STRING };

/* Lines behind a command that ends in <<, up to an empty one.  May be secret:
 * wiped when dropped. */
struct payload {
	char *p;
	size_t n, room;
};

struct cli {
	struct list node;
	struct event ev;
	int fd;
	enum cli_level level;
	enum cli_severity severity;
	bool prompt;  /* stays open, shows "> " */
	bool closing; /* close when the output is out */
	bool eof;     /* the client sends no more */
	bool broken;  /* write failed or the answer got too long */
	unsigned timeout_ms;
	char in[CLI_IN_MAX];
	unsigned in_bytes;
	char *line; /* rest of the line being worked on, or NULL */
	char *held; /* a line that ends in <<: its payload is being read */
	struct payload payload;
	bool waiting; /* for cli_resume(): the answer comes later */
	char *out;
	size_t out_bytes, out_room;
	int send_fd; /* goes with the next byte, -1 */
	/* True: the dump is complete. */
	bool (*step)(struct cli *c);
	uint32_t pos, sub; /* where the dump is */
	uint32_t filter;   /* row it is restricted to, or UINT32_MAX */
};

struct cli_cmd {
	const char *words; /* "show stat" */
	const char *args;  /* for help */
	const char *doc;
	enum cli_level level;
	void (*fn)(struct cli *c, int argc, char **argv);
};

extern const struct cli_cmd cli_cmds[]; /* words NULL: the end */

/* --- cli.c --- */
void cli_print(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A message with its syslog level, shown if the client wants it. */
void cli_say(struct cli *c, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The answer of a command that set `waiting` is printed (which ends it), or
 * goes on.  From the loop, not from within the command. */
void cli_resume(struct cli *c);

/* --- cli_payload.c --- */
/* The line asks for a payload: take off the mark and hold it. */
bool cli_payload_begin(struct cli *c);
/*
 * Move lines of c->in to the payload, up to the empty one, which makes
 * c->held the line to be run.  Too much of it breaks the connection.
 */
void cli_payload_read(struct cli *c);
void cli_payload_drop(struct cli *c);

/* --- cli_tbl.c --- */
void cli_run(struct cli *c, char *cmd);

/* --- cli_save.c --- */
/* After a command: have what it changed saved; sets `waiting` if need be. */
void cli_save(struct cli *c, const char *what);
/* The lines of show info. */
void cli_show_store(struct cli *c);
void cli_show_changes(struct cli *c, int argc, char **argv);

/* --- cli_show.c, cli_stat.c, cli_set.c: the commands --- */
void cli_show_info(struct cli *c, int argc, char **argv);
void cli_show_pools(struct cli *c, int argc, char **argv);
void cli_show_state(struct cli *c, int argc, char **argv);
void cli_show_stat(struct cli *c, int argc, char **argv);
void cli_show_version(struct cli *c, int argc, char **argv);
void cli_give_board(struct cli *c, int argc, char **argv);
void cli_enable_server(struct cli *c, int argc, char **argv);
void cli_disable_server(struct cli *c, int argc, char **argv);
void cli_set_server(struct cli *c, int argc, char **argv);
void cli_set_weight(struct cli *c, int argc, char **argv);
void cli_get_weight(struct cli *c, int argc, char **argv);
void cli_set_cert(struct cli *c, int argc, char **argv);
void cli_commit_cert(struct cli *c, int argc, char **argv);
void cli_abort_cert(struct cli *c, int argc, char **argv);
void cli_show_cert(struct cli *c, int argc, char **argv);
void cli_set_maxconn(struct cli *c, int argc, char **argv);
void cli_set_maxconn_frontend(struct cli *c, int argc, char **argv);
void cli_set_maxconn_global(struct cli *c, int argc, char **argv);
void cli_pause_check(struct cli *c, int argc, char **argv);
void cli_shut_server(struct cli *c, int argc, char **argv);
void cli_show_conn(struct cli *c, int argc, char **argv);

/* --- cli_place.c: parts of set server --- */
void cli_set_addr(struct cli *c, uint32_t row, int argc, char **argv);
void cli_set_place(struct cli *c, uint32_t row, int argc, char **argv);

/* Peaks and rates for show stat; once a second. */
void cli_stat_tick(void);

#endif
