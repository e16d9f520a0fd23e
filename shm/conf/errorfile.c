/* SPDX-License-Identifier: MIT */
/*
 * errorfile: whole HTTP responses read from files.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/base/buf.h"
#include "shm/base/mem.h"
#include "shm/conf/keyword.h"

static const uint16_t statuses[ERRORFILE_N] = { 200, 400, 401, 403, 404, 405,
	407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504 };

/* "HTTP/1.x NNN": what a file must begin with, unless it is empty. */
static bool
is_response(const char *s, size_t n)
{
	return n >= 13 && strncmp(s, "HTTP/1.", 7) == 0 &&
	    isdigit((unsigned char)s[7]) && s[8] == ' ' &&
	    isdigit((unsigned char)s[9]) && isdigit((unsigned char)s[10]) &&
	    isdigit((unsigned char)s[11]);
}

static int
read_all(struct conf_parse *cp, int fd, const char *path, char **bytes_r,
    uint32_t *n_r)
{
	size_t max = cp->conf->global.bufsize_bytes, n = 0;
	char *bytes = mem_alloc(max + 1);

	for (;;) {
		ssize_t got = read(fd, bytes + n, max + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(bytes);
			return conf_error(cp, 2, "error reading file '%s': %s",
			    path, strerror(errno));
		}
		n += (size_t)got;
		if (got == 0 || n > max)
			break;
	}
	if (n > max || (n && !is_response(bytes, n))) {
		free(bytes);
		return n > max ? conf_error(cp, 2,
				     "file '%s' is too large, at most %zu "
				     "bytes (tune.bufsize)",
				     path, max)
			       : conf_error(cp, 2,
				     "file '%s' is not an HTTP response: it "
				     "must begin with a status line",
				     path);
	}
	*bytes_r = bytes;
	*n_r = (uint32_t)n;
	return 0;
}

static int
read_file(
    struct conf_parse *cp, const char *path, char **bytes_r, uint32_t *n_r)
{
	struct stat st;
	int fd =
	    cp->offline ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (fd < 0)
		return conf_error(cp, 2,
		    "error opening file '%s' for custom "
		    "error message: %s",
		    path, strerror(errno));
	/* /dev/null: an empty answer. */
	if (fstat(fd, &st) ||
	    (!S_ISREG(st.st_mode) && strcmp(path, "/dev/null") != 0))
		r = conf_error(cp, 2, "'%s' is not a regular file", path);
	else
		r = read_all(cp, fd, path, bytes_r, n_r);
	close(fd);
	return r;
}

/* The entry of a status, or the first unused one. */
static struct errorfile *
entry(struct proxy *px, int status)
{
	for (int i = 0; i < ERRORFILE_N; i++)
		if (px->errorfiles[i].status == status ||
		    !px->errorfiles[i].status)
			return &px->errorfiles[i];
	return NULL;
}

static int
parse_errorfile(struct conf_parse *cp, const struct keyword *kw)
{
	int status, known = 0;
	struct errorfile *e;
	char *bytes = NULL;
	uint32_t n = 0;

	(void)kw;
	if (conf_arg_int(cp, 1, 100, 599, &status) ||
	    conf_need(cp, 2, "<status> <file>") || conf_no_more(cp, 3))
		return -WSE_SYNTAX;
	for (int i = 0; i < ERRORFILE_N; i++)
		known |= statuses[i] == status;
	if (!known)
		return conf_error(cp, 1,
		    "status code '%d' not handled by "
		    "'errorfile'",
		    status);
	if (read_file(cp, conf_word(cp, 2), &bytes, &n))
		return -WSE_SYNTAX;
	e = entry(cp->px, status);
	if (!e) {
		free(bytes);
		return -WSE_FULL;
	}
	free(e->bytes);
	e->status = (uint16_t)status;
	e->bytes = bytes;
	e->n = n;
	return 0;
}

const struct keyword errorfile_tbl[] = {
	{ KW_ALL, "errorfile", parse_errorfile, 0, "<status> <file>",
	    "Answer an error with this file, a whole HTTP response." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
