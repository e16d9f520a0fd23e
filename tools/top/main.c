/* SPDX-License-Identifier: MIT */
/*
 * wsbroker-top: shows and checks the board of a running wsbroker, which it
 * maps read-only.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/top/check.h"
#include "tools/top/find.h"
#include "tools/top/json.h"
#include "tools/top/save.h"
#include "tools/top/screen.h"
#include "tools/top/tui.h"

enum mode {
	MODE_TUI,
	MODE_BATCH,
	MODE_JSON,
	MODE_CHECK,
	MODE_SLOTS,
	MODE_SAVE
};
enum { EXIT_CLEAN, EXIT_VIOLATIONS, EXIT_UNREADABLE };

struct options {
	enum mode mode;
	const char *socket; /* or a saved board */
	const char *save;
	pid_t pid;
	double delay_s; /* 0: rates since the start of the service */
	long count;     /* screens, 0: until interrupted */
};

static const char usage_text[] =
    "usage: wsbroker-top [--batch | --once | --json | --slots | --check |\n"
    "                     --save FILE]\n"
    "                    [-d SECONDS] [-n COUNT]\n"
    "                    [--pid PID | --socket PATH | PID | PATH | FILE]\n"
    "  without   screens, read anew each -d (default 1) seconds\n"
    "  --batch   the overview as text; rates over -d (default 1) seconds,\n"
    "            -n times (default 1; 0: until interrupted)\n"
    "  --once    the same at once, rates since the start of the service\n"
    "  --json    everything as one JSON object\n"
    "  --slots   every backend connection\n"
    "  --check   whether the shared memory is consistent: exit status 0,\n"
    "            or 1 after a line for each violation\n"
    "  --save    write it to FILE, which can be shown later and elsewhere\n"
    "Without PID or PATH: " WSB_RUN_DIR "/admin.sock, else the only one\n"
    "running. Exit status 2: nothing to read.\n";

static void
usage_fail(const char *what)
{
	fprintf(stderr, "wsbroker-top: %s\n%s", what, usage_text);
	exit(EXIT_UNREADABLE);
}

static double
number(const char *s, const char *what)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end != '\0' || !(v >= 0 && v < 1e9))
		usage_fail(what);
	return v;
}

static pid_t
pid_parse(const char *s)
{
	double v = number(s, "a process id is a number");

	if (v < 1 || v > 0x7fffffff)
		usage_fail("no such process id");
	return (pid_t)v;
}

static void
options_parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "batch", no_argument, NULL, 'b' },
		{ "once", no_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "slots", no_argument, NULL, 'l' },
		{ "check", no_argument, NULL, 'c' },
		{ "delay", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ "save", required_argument, NULL, 'w' },
		{ "pid", required_argument, NULL, 'p' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "bojlcd:n:p:s:w:h", longs, NULL)) !=
	    -1) {
		switch (c) {
		case 'b':
			o->mode = MODE_BATCH;
			break;
		case 'o':
			o->mode = MODE_BATCH;
			o->delay_s = 0;
			o->count = 1;
			break;
		case 'j':
			o->mode = MODE_JSON;
			break;
		case 'l':
			o->mode = MODE_SLOTS;
			break;
		case 'c':
			o->mode = MODE_CHECK;
			break;
		case 'd':
			o->delay_s = number(optarg, "-d wants seconds");
			break;
		case 'n':
			o->count = (long)number(optarg, "-n wants a number");
			break;
		case 'p':
			o->pid = pid_parse(optarg);
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'w':
			o->mode = MODE_SAVE;
			o->save = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(EXIT_CLEAN);
		default:
			fputs(usage_text, stderr);
			exit(EXIT_UNREADABLE);
		}
	}
	if (optind < argc) {
		if (strspn(argv[optind], "0123456789") == strlen(argv[optind]))
			o->pid = pid_parse(argv[optind]);
		else
			o->socket = argv[optind];
		optind++;
	}
	if (optind < argc || (o->pid && o->socket))
		usage_fail("one PID or PATH");
}

/* The descriptor stays open for --save. */
static int
attach(const struct options *o, struct board *b, uint64_t *saved_us_r)
{
	char why[FIND_WHY_MAX] = "";
	int fd, r;

	*saved_us_r = 0;
	if (o->pid)
		fd = find_by_pid(o->pid, why);
	else if (o->socket && save_is_file(o->socket))
		fd = save_read(o->socket, saved_us_r, why);
	else if (o->socket)
		fd = find_by_socket(o->socket, why);
	else
		fd = find_default(WSB_RUN_DIR "/admin.sock", why);
	if (fd < 0) {
		fprintf(stderr, "wsbroker-top: %s\n", why);
		exit(EXIT_UNREADABLE);
	}
	r = board_attach(fd, false, b);
	if (r == -WSE_UNSUPP) {
		fprintf(stderr,
		    "wsbroker-top: that wsbroker is of another version\n");
		exit(EXIT_UNREADABLE);
	}
	if (r < 0) {
		fprintf(stderr, "wsbroker-top: not a board: %s\n",
		    r == -WSE_SYS ? strerror(errno) : err_text(r));
		exit(EXIT_UNREADABLE);
	}
	return fd;
}

static void
batch(const struct options *o, const struct board *b, uint64_t saved_us)
{
	struct snap *now, *before = NULL;
	long i;

	if (o->delay_s > 0 && !saved_us)
		before = snap_new(b);
	for (i = 0; o->count == 0 || i < o->count; i++) {
		if (!saved_us)
			usleep((useconds_t)(o->delay_s * 1e6));
		now = snap_new_at(b, saved_us);
		if (i > 0)
			putchar('\n');
		screen_print(stdout, now, before);
		if (fflush(stdout) != 0)
			break;
		snap_free(&before);
		before = now;
	}
	snap_free(&before);
}

static int
check(const struct board *b)
{
	struct check *c = calloc(1, sizeof(*c));
	unsigned i, n;

	if (!c)
		return EXIT_UNREADABLE;
	check_board(b, c);
	for (i = 0; i < c->count; i++)
		printf("%s\n", c->item[i].text);
	n = c->count;
	if (n == CHECK_MAX)
		printf("and perhaps more\n");
	free(c);
	return n ? EXIT_VIOLATIONS : EXIT_CLEAN;
}

static int
save(const struct options *o, const struct board *b, int fd)
{
	char why[FIND_WHY_MAX] = "";

	if (save_write(fd, b->bytes, o->save, why) == 0)
		return EXIT_CLEAN;
	fprintf(stderr, "wsbroker-top: %s\n", why);
	return EXIT_UNREADABLE;
}

static int
screens(const struct options *o, const struct board *b, uint64_t saved_us)
{
	if (tui_run(b, o->delay_s, saved_us) == 0)
		return EXIT_CLEAN;
	fprintf(stderr, "wsbroker-top: no terminal\n");
	return EXIT_UNREADABLE;
}

static int
run(const struct options *o, const struct board *b, int fd, uint64_t saved_us)
{
	struct snap *s;

	switch (o->mode) {
	case MODE_TUI:
		return screens(o, b, saved_us);
	case MODE_BATCH:
		batch(o, b, saved_us);
		break;
	case MODE_JSON:
	case MODE_SLOTS:
		s = snap_new_at(b, saved_us);
		if (o->mode == MODE_JSON)
			json_print(stdout, s);
		else
			screen_slots(stdout, s);
		snap_free(&s);
		break;
	case MODE_CHECK:
		return check(b);
	case MODE_SAVE:
		return save(o, b, fd);
	}
	return EXIT_CLEAN;
}

int
main(int argc, char **argv)
{
	struct options o = { .delay_s = 1, .count = 1 };
	struct board b;
	uint64_t saved_us;
	int code, fd;

	o.mode = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? MODE_TUI
							       : MODE_BATCH;
	options_parse(argc, argv, &o);
	fd = attach(&o, &b, &saved_us);
	code = run(&o, &b, fd, saved_us);
	if (fflush(stdout) != 0 || ferror(stdout))
		code = EXIT_UNREADABLE;
	close(fd);
	board_detach(&b);
	return code;
}
