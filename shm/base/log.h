/* SPDX-License-Identifier: MIT */
/*
 * Log lines: building, and sending them without ever waiting.
 *
 * Before the config is read, messages go to stderr.  A process then registers
 * its targets: descriptors opened by the master (syslog sockets, stdout,
 * stderr, fd@N).  A reader that blocks costs lines, which are counted, never
 * time.  When a Unix syslog socket refuses (the daemon restarted), the line is
 * counted, and the reopen hook asks the master for a new descriptor.
 */
#ifndef SHM_BASE_LOG_H
#define SHM_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/base/sv.h"

enum log_level {
	LOGL_EMERG,
	LOGL_ALERT,
	LOGL_CRIT,
	LOGL_ERR,
	LOGL_WARN,
	LOGL_NOTICE,
	LOGL_INFO,
	LOGL_DEBUG,
	LOGL_N
};

enum log_kind { LOGK_DGRAM, LOGK_STREAM, LOGK_N }; /* syslog socket | fd */
/* LOCAL: RFC 3164 without the host name, as syslog daemons on this host take
 * it. */
enum log_form {
	LOGF_LOCAL,
	LOGF_RFC3164,
	LOGF_RFC5424,
	LOGF_SHORT,
	LOGF_RAW,
	LOGF_N
};

enum { LOG_TARGETS_MAX = 64, LOG_LINE_MAX = 8192 };

/* One place lines go to; index = its number in the process and on the board. */
struct log_target {
	int fd;             /* -1: not open now */
	enum log_kind kind; /* how lines are framed */
	enum log_form form;
	uint8_t facility;        /* 0..23, RFC 5424 6.2.1 */
	uint8_t max_level;       /* drop what is less urgent */
	uint8_t min_level;       /* raise what is more urgent to this */
	uint16_t line_max_bytes; /* longer lines are cut */
	uint64_t retry_ms;       /* next time a reopen may be asked for */
};

/* Before any other call: process name shown in lines, pid shown in lines. */
void log_init(const char *tag, int pid);
/* Lines name this host (log-send-hostname); "": only where the form needs it.
 */
void log_host(const char *name);
/* Also copy messages to stderr (foreground), from this level up; -1: never. */
void log_stderr(int max_level);
/* Copy of *t becomes target `index` (< LOG_TARGETS_MAX). */
void log_target_set(unsigned index, const struct log_target *t);
/* New descriptor for a target (the old one is closed). */
void log_target_fd(unsigned index, int *fd);
/* The descriptor of a target now, or -1: for who closes all others. */
int log_target_get(unsigned index);
/* Called when a target has to be reopened; at most once a second per target. */
void log_on_reopen(void (*fn)(unsigned index));
/* Where log_msg() lines go: bit i = target i. */
void log_global_mask(uint64_t mask);

/* A message of the process itself, to the global targets and stderr. */
void log_msg(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One finished line (no newline) to the targets in mask. */
void log_line(uint64_t mask, enum log_level level, struct sv line);

/* Lines dropped since the start of this process. */
uint64_t log_dropped(void);

/* "emerg".."debug" to a level, or -1. */
int log_level_parse(struct sv name);
/* "kern".."local7" to a facility, or -1. */
int log_facility_parse(struct sv name);

#endif
