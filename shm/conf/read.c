/* SPDX-License-Identifier: MIT */
/*
 * Reading configuration: a text, a file, a directory of files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/base/mem.h"
#include "shm/conf/conf.h"
#include "shm/conf/lexer.h"
#include "shm/conf/preproc.h"
#include "shm/conf/section.h"

enum { FILE_MAX_BYTES = 64 << 20 };

/* A message about a place in a line that could not be split. */
static void
split_error(struct conf_parse *cp, struct lexer *lx, int col, const char *err)
{
	struct conf_line at = { .file = lx->ln.file,
		.line = lx->ln.line,
		.count = 0,
		.end_col = col };

	cp->ln = &at;
	conf_error(cp, 0, "%s", err);
	cp->ln = NULL;
}

static void
parse_line(struct conf_parse *cp, struct lexer *lx, struct preproc *pp,
    const char *s, size_t n)
{
	char err[256];
	int col;

	lx->section = cp->conf->state->name;
	if (n && s[n - 1] == '\r')
		n--;
	if (lexer_split(lx, s, n, &col, err, sizeof(err))) {
		split_error(cp, lx, col, err);
		return;
	}
	if (!lx->ln.count)
		return;
	cp->ln = &lx->ln;
	if (preproc_line(cp, pp))
		cp->ln = NULL;
	else
		section_parse_line(cp, &lx->ln);
}

static int
parse_bytes(struct conf_parse *cp, const char *file, const char *s, size_t n)
{
	struct lexer *lx = mem_alloc(sizeof(*lx));
	struct preproc pp = { .depth = 0 };
	int errors = cp->error_count;

	lx->ln.file = section_file_name(cp->conf, file);
	section_reset(cp);
	if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
		s += 3; /* a byte order mark says nothing here */
		n -= 3;
	}
	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;

		lx->ln.line++;
		parse_line(cp, lx, &pp, s, len);
		len += nl != NULL;
		s += len;
		n -= len;
	}
	preproc_end(cp, &pp, lx->ln.file);
	section_reset(cp);
	lexer_done(lx);
	free(lx);
	return cp->error_count == errors ? 0 : -WSE_SYNTAX;
}

int
conf_read_text(struct conf_parse *cp, const char *file, const char *text)
{
	return parse_bytes(cp, file, text, strlen(text));
}

int
conf_read_bytes(
    struct conf_parse *cp, const char *file, const char *s, size_t n)
{
	return parse_bytes(cp, file, s, n);
}

/* The bytes of an open file, a pipe too. */
static int
slurp(int fd, char **bytes_r, size_t *n_r)
{
	size_t n = 0, room = 16384;
	char *bytes = mem_alloc(room);

	for (;;) {
		ssize_t got;

		if (n == room) {
			room *= 2;
			bytes = mem_realloc(bytes, room);
		}
		got = read(fd, bytes + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got > 0)
			n += (size_t)got;
		if (got >= 0 && n > FILE_MAX_BYTES) {
			errno = EFBIG;
			got = -1;
		}
		if (got < 0) {
			free(bytes);
			return -WSE_SYS;
		}
		if (got == 0)
			break;
	}
	*bytes_r = bytes;
	*n_r = n;
	return 0;
}

static int
unreadable(struct conf_parse *cp, const char *path)
{
	conf_error_at(cp, NULL, 0, "could not open configuration file %s : %s",
	    path, strerror(errno));
	return -WSE_SYS;
}

static int
read_file(struct conf_parse *cp, const char *path, int fd)
{
	char *bytes;
	size_t n;
	int r;

	if (slurp(fd, &bytes, &n))
		return unreadable(cp, path);
	if (n && bytes[n - 1] != '\n')
		conf_warn_at(cp, NULL, 0,
		    "missing LF on last line of %s, the "
		    "file might have been truncated",
		    path);
	r = parse_bytes(cp, path, bytes, n);
	free(bytes);
	if (r)
		conf_error_at(cp, NULL, 0,
		    "Error(s) found in configuration file : %s", path);
	return r;
}

static int
is_config_name(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	if (e->d_name[0] == '.')
		return 0;
	return (n > 4 && strcmp(e->d_name + n - 4, ".cfg") == 0) ||
	    (n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0);
}

/* Order of bytes, whatever the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
read_dir(struct conf_parse *cp, const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_config_name, by_name), r = 0;

	if (n < 0)
		return unreadable(cp, path);
	for (int i = 0; i < n; i++) {
		char *file = mem_printf("%s/%s", path, names[i]->d_name);
		struct stat st;
		int fd, one = 0;

		/* A directory in a directory is passed over. */
		if (stat(file, &st) || !S_ISDIR(st.st_mode)) {
			fd = open(file, O_RDONLY | O_CLOEXEC);
			one = fd < 0 ? unreadable(cp, file)
				     : read_file(cp, file, fd);
			if (fd >= 0)
				close(fd);
		}
		r = r ? r : one;
		free(file);
		free(names[i]);
	}
	free(names);
	return r;
}

int
conf_read(struct conf_parse *cp, const char *path)
{
	struct stat st;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return unreadable(cp, path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		r = read_dir(cp, path);
	else
		r = read_file(cp, path, fd);
	close(fd);
	return r;
}
