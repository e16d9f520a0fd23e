/* SPDX-License-Identifier: MIT */
/*
 * Words that are looked at once all lines were read, and messages about them.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/tls_conf_int.h"

int
tls_error(
    struct conf_parse *cp, const struct tls_word *at, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return conf_error_col(cp, at->file, at->line, at->col, "%s", text);
}

void
tls_warn(struct conf_parse *cp, const struct tls_word *at, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_warn_col(cp, at->file, at->line, at->col, "%s", text);
}

void
tls_word_set(struct conf_parse *cp, int i, struct tls_word *w)
{
	char *s = mem_strdup(conf_word(cp, i));

	free(w->s);
	w->s = s;
	w->file = cp->ln->file;
	w->line = cp->ln->line;
	w->col = i < cp->ln->count ? cp->ln->word[i].col : cp->ln->end_col;
}

void
tls_word_copy(struct tls_word *to, const struct tls_word *from)
{
	*to = *from;
	if (from->s)
		to->s = mem_strdup(from->s);
}

void
tls_word_done(struct tls_word *w)
{
	free(w->s);
	w->s = NULL;
}

void
tls_words_add(struct tls_words **list, const struct tls_word *w, bool is_list)
{
	struct tls_words *one = mem_alloc(sizeof(*one));

	tls_word_copy(&one->w, w);
	one->is_list = is_list;
	while (*list)
		list = &(*list)->next;
	*list = one;
}

void
tls_words_done(struct tls_words **list)
{
	while (*list) {
		struct tls_words *one = *list;

		*list = one->next;
		tls_word_done(&one->w);
		free(one);
	}
}

char *
tls_word_path(const char *base, const char *path)
{
	if (!base || *path == '/' || *path == '@')
		return mem_strdup(path);
	return mem_printf("%s/%s", base, path);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
tls_word_dir(const char *path, char ***names_r, int *n_r)
{
	DIR *d = opendir(path);
	char **names = NULL;
	struct dirent *de;
	int n = 0;

	if (!d)
		return -WSE_SYS;
	while ((de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		names = mem_realloc(names, (size_t)(n + 1) * sizeof(*names));
		names[n++] = mem_strdup(de->d_name);
	}
	closedir(d);
	if (n)
		qsort(names, (size_t)n, sizeof(*names), by_name);
	*names_r = names;
	*n_r = n;
	return 0;
}
