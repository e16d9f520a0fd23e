/* SPDX-License-Identifier: MIT */
/*
 * Log lines as HAProxy frames them, one system call a line and never a wait.
 *
 * Every line ends in a newline, in datagrams too, as HAProxy's do.  Sockets
 * are written with MSG_DONTWAIT.  A descriptor that may be shared with other
 * programs (stdout, fd@N) cannot be made non-blocking without changing it for
 * them: it is written with RWF_NOWAIT, and where the kernel has no such thing
 * for it, only after poll() says there is room.  Any process may log.
 */
#include "shm/base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "shm/base/chk.h"

enum { REOPEN_EVERY_MS = 1000, HEAD_MAX = 192, LINE_DEFAULT = 1024 };

/* How the bytes get out without a wait. */
enum out_way {
	OUT_SOCKET, /* sendmsg(MSG_DONTWAIT) */
	OUT_NOWAIT, /* pwritev2(RWF_NOWAIT) */
	OUT_POLLED, /* poll(), then writev() */
	OUT_FILE,   /* writev(): a regular file never waits for a reader */
};

struct target {
	struct log_target cfg;
	enum out_way way;
	uint16_t atomic_bytes; /* longest write that is not torn, 0: any */
	bool set;
	/* RFC 3164: the head of the last line, good for its second and level */
	enum log_level head_level;
	time_t head_at;
	size_t head_bytes;
	char head[HEAD_MAX];
};

static struct target targets[LOG_TARGETS_MAX];
static char log_hostname[64];
static uint64_t global_mask;
static uint64_t dropped_lines;
static int stderr_level = LOGL_DEBUG; /* before the config: everything */
static char process_tag[64] = "wsbroker";
static int process_pid;
static void (*reopen_fn)(unsigned index);

static const char *const level_names[LOGL_N] = { "emerg", "alert", "crit",
	"err", "warning", "notice", "info", "debug" };

static const char *const facility_names[24] = { "kern", "user", "mail",
	"daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2",
	"ftp", "ntp", "audit", "alert", "cron2", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7" };

void
log_init(const char *tag, int pid)
{
	snprintf(process_tag, sizeof(process_tag), "%s", tag);
	process_pid = pid;
	for (unsigned i = 0; i < LOG_TARGETS_MAX; i++)
		targets[i].head_at = 0;
	tzset(); /* reads a file: not possible any more after chroot */
}

void
log_host(const char *name)
{
	snprintf(log_hostname, sizeof(log_hostname), "%s", name);
}

void
log_stderr(int max_level)
{
	stderr_level = max_level;
}

/* Find out what kind of file the descriptor is. */
static void
target_probe(struct target *t)
{
	struct stat st;

	t->way = OUT_POLLED;
	t->atomic_bytes = 0;
	if (t->cfg.fd < 0 || fstat(t->cfg.fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode))
		t->way = OUT_SOCKET;
	else if (S_ISREG(st.st_mode))
		t->way = OUT_FILE;
	else if (S_ISFIFO(st.st_mode)) {
		t->way = OUT_NOWAIT;
		t->atomic_bytes = PIPE_BUF;
	}
}

void
log_target_set(unsigned index, const struct log_target *t)
{
	CHK(index < LOG_TARGETS_MAX);
	targets[index].cfg = *t;
	targets[index].set = true;
	targets[index].head_at = 0;
	if (!targets[index].cfg.line_max_bytes)
		targets[index].cfg.line_max_bytes = LINE_DEFAULT;
	target_probe(&targets[index]);
}

void
log_target_fd(unsigned index, int *fd)
{
	struct target *t;

	CHK(index < LOG_TARGETS_MAX);
	t = &targets[index];
	if (t->set && t->cfg.fd >= 0)
		close(t->cfg.fd);
	t->cfg.fd = *fd;
	*fd = -1;
	target_probe(t);
}

int
log_target_get(unsigned index)
{
	if (index >= LOG_TARGETS_MAX || !targets[index].set)
		return -1;
	return targets[index].cfg.fd;
}

void
log_on_reopen(void (*fn)(unsigned index))
{
	reopen_fn = fn;
}

void
log_global_mask(uint64_t mask)
{
	global_mask = mask;
}

uint64_t
log_dropped(void)
{
	return dropped_lines;
}

/* "Nov 24 10:00:00", made once a second. */
static const char *
stamp_3164(time_t now)
{
	static time_t cached_at = -1;
	static char text[40];
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	if (now == cached_at)
		return text;
	localtime_r(&now, &tm);
	snprintf(text, sizeof(text), "%.3s %2d %02d:%02d:%02d",
	    months + 3 * (tm.tm_mon % 12), tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	cached_at = now;
	return text;
}

/* "2026-11-24T10:00:00.", the zone as "+01:00" in *zone_r; once a second. */
static const char *
stamp_5424(time_t now, const char **zone_r)
{
	static time_t cached_at = -1;
	static char text[80], zone[24];
	struct tm tm;
	long off;

	*zone_r = zone;
	if (now == cached_at)
		return text;
	localtime_r(&now, &tm);
	off = (tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff) / 60;
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	snprintf(zone, sizeof(zone), "%c%02ld:%02ld",
	    tm.tm_gmtoff < 0 ? '-' : '+', off / 60, off % 60);
	cached_at = now;
	return text;
}

/* Make t->head, what stands before the text of a line. */
static void
head_make(struct target *t, enum log_level level, time_t now)
{
	struct timespec ts;
	const char *zone, *stamp;
	int pri = t->cfg.facility * 8 + (int)level;
	bool named;
	int n = 0;

	switch (t->cfg.form) {
	case LOGF_LOCAL:
	case LOGF_RFC3164:
		named = t->cfg.form == LOGF_RFC3164 || log_hostname[0];
		n = snprintf(t->head, HEAD_MAX, "<%d>%s %s%s%s[%d]: ", pri,
		    stamp_3164(now),
		    !named                ? ""
			: log_hostname[0] ? log_hostname
					  : "localhost",
		    named ? " " : "", process_tag, process_pid);
		t->head_at = now;
		t->head_level = level;
		break;
	case LOGF_RFC5424:
		clock_gettime(CLOCK_REALTIME, &ts);
		stamp = stamp_5424(ts.tv_sec, &zone);
		n = snprintf(t->head, HEAD_MAX, "<%d>1 %s%06ld%s %s %s %d - - ",
		    pri, stamp, ts.tv_nsec / 1000, zone,
		    log_hostname[0] ? log_hostname : "-", process_tag,
		    process_pid);
		break;
	case LOGF_SHORT:
		n = snprintf(t->head, HEAD_MAX, "<%d>", (int)level);
		break;
	case LOGF_RAW:
	case LOGF_N:
		break;
	}
	t->head_bytes = n < 0 ? 0 : n < HEAD_MAX ? (size_t)n : HEAD_MAX - 1;
}

static ssize_t
out_polled(int fd, const struct iovec *iov, int count)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
		errno = EAGAIN;
		return -1;
	}
	return writev(fd, iov, count);
}

static ssize_t
out_write(struct target *t, struct iovec *iov, int count)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)count };
	ssize_t n = -1;

	switch (t->way) {
	case OUT_SOCKET:
		n = sendmsg(t->cfg.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		/* may be an ICMP error that an earlier line left behind */
		if (n < 0 && errno == ECONNREFUSED)
			n = sendmsg(t->cfg.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case OUT_NOWAIT:
		n = pwritev2(t->cfg.fd, iov, count, -1, RWF_NOWAIT);
		if (n >= 0 ||
		    (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM &&
			errno != EINVAL))
			break;
		t->way = OUT_POLLED;
		/* fall through */
	case OUT_POLLED:
		n = out_polled(t->cfg.fd, iov, count);
		break;
	case OUT_FILE:
		n = writev(t->cfg.fd, iov, count);
		break;
	}
	return n;
}

/* The socket is of no use any more: ask for another, once a second. */
static void
target_reopen(unsigned index)
{
	struct log_target *t = &targets[index].cfg;
	struct timespec ts;
	uint64_t now_ms;

	if (t->kind != LOGK_DGRAM || !reopen_fn)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	if (now_ms < t->retry_ms)
		return;
	t->retry_ms = now_ms + REOPEN_EVERY_MS;
	reopen_fn(index);
}

/* Send head and line, cut to what the target takes. */
static void
target_send(unsigned index, enum log_level level, struct sv line)
{
	struct target *t = &targets[index];
	time_t now = time(NULL);
	char newline = '\n';
	struct iovec iov[3];
	size_t max, n;

	if (level > t->cfg.max_level)
		return;
	if (level < t->cfg.min_level)
		level = t->cfg.min_level;
	if (t->cfg.fd < 0) {
		dropped_lines++;
		target_reopen(index);
		return;
	}
	if (now != t->head_at || level != t->head_level)
		head_make(t, level, now);
	n = t->head_bytes;
	/* As HAProxy counts: the newline is part of a raw line alone. */
	max = (size_t)t->cfg.line_max_bytes + (n > 0);
	if (t->atomic_bytes && max > t->atomic_bytes)
		max = t->atomic_bytes;
	if (n + 1 > max)
		n = max ? max - 1 : 0;
	if (line.n > max - n - 1)
		line.n = max - n - 1;
	iov[0] = (struct iovec){ t->head, n };
	iov[1] = (struct iovec){ (void *)(uintptr_t)line.p, line.n };
	iov[2] = (struct iovec){ &newline, 1 };
	if (out_write(t, iov, 3) >= 0)
		return;
	dropped_lines++;
	if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS &&
	    errno != EMSGSIZE && errno != ENOMEM)
		target_reopen(index);
}

void
log_line(uint64_t mask, enum log_level level, struct sv line)
{
	while (mask) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		mask &= mask - 1;
		if (targets[i].set)
			target_send(i, level, line);
	}
}

/* Copy a message to stderr without waiting for who reads it. */
static void
stderr_send(const char *text, size_t n)
{
	static struct target t = { .cfg = { .fd = STDERR_FILENO } };
	char head[HEAD_MAX];
	int h = snprintf(head, sizeof(head), "%s[%d]: ", process_tag,
	    process_pid ? process_pid : (int)getpid());
	char newline = '\n';
	struct iovec iov[3] = {
		{ head, h < 0 ? 0 : (size_t)h },
		{ (void *)(uintptr_t)text, n },
		{ &newline, 1 },
	};

	target_probe(&t); /* it may have been redirected since */
	if (t.atomic_bytes && iov[0].iov_len + n + 1 > t.atomic_bytes)
		iov[1].iov_len = t.atomic_bytes - iov[0].iov_len - 1;
	if (out_write(&t, iov, 3) < 0)
		dropped_lines++;
}

void
log_msg(enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	/* one message is one line, whatever a peer made us quote */
	for (int i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
	if ((int)level <= stderr_level)
		stderr_send(text, (size_t)n);
	log_line(global_mask, level, sv_of(text, (size_t)n));
}

static int
name_find(const char *const *names, int count, struct sv name)
{
	for (int i = 0; i < count; i++)
		if (sv_eq(sv_str(names[i]), name))
			return i;
	return -1;
}

int
log_level_parse(struct sv name)
{
	return name_find(level_names, LOGL_N, name);
}

int
log_facility_parse(struct sv name)
{
	return name_find(facility_names, 24, name);
}
