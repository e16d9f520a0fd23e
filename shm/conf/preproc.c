/* SPDX-License-Identifier: MIT */
/*
 * Directives: .if .elif .else .endif, .diag .notice .warning .alert.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/base/mem.h"
#include "shm/conf/condition.h"
#include "shm/conf/conf.h"
#include "shm/conf/preproc.h"

/* All words from i on, with single blanks. */
static char *
join(const struct conf_parse *cp, int i)
{
	char *all = mem_strdup(conf_word(cp, i));

	while (++i < cp->ln->count) {
		char *more = mem_printf("%s %s", all, conf_word(cp, i));

		free(all);
		all = more;
	}
	return all;
}

static bool
condition(struct conf_parse *cp)
{
	char err[256], *text = join(cp, 1);
	int r = condition_eval(text, err, sizeof(err));

	free(text);
	if (r < 0)
		conf_error(cp, 1, "%s", err);
	return r > 0;
}

static bool
is_active(const struct preproc *pp)
{
	return !pp->depth || pp->nest[pp->depth - 1].active;
}

static void
open_if(struct conf_parse *cp, struct preproc *pp)
{
	bool outer = is_active(pp), holds;

	if (pp->depth == PREPROC_NEST_MAX) {
		conf_error(cp, 0, "too many nested '.if', at most %d",
		    PREPROC_NEST_MAX);
		return;
	}
	holds = outer && condition(cp);
	pp->nest[pp->depth].active = holds;
	pp->nest[pp->depth].taken = holds || !outer;
	pp->nest[pp->depth].is_else = false;
	pp->nest[pp->depth].line = cp->ln->line;
	pp->depth++;
}

static void
next_branch(struct conf_parse *cp, struct preproc *pp, bool is_else)
{
	bool taken = pp->nest[pp->depth - 1].taken, holds;

	if (pp->nest[pp->depth - 1].is_else) {
		conf_error(cp, 0, "'%s' after '.else'", conf_word(cp, 0));
		return;
	}
	holds = !taken && (is_else || condition(cp));
	pp->nest[pp->depth - 1].active = holds;
	pp->nest[pp->depth - 1].taken = taken || holds;
	pp->nest[pp->depth - 1].is_else = is_else;
	if (is_else)
		conf_no_more(cp, 1);
}

static void
message(struct conf_parse *cp, const char *word)
{
	char *text = join(cp, 1);

	if (strcmp(word, ".alert") == 0)
		conf_error(cp, 0, "'%s'", text);
	else if (strcmp(word, ".warning") == 0)
		conf_warn(cp, 0, "'%s'", text);
	else if (strcmp(word, ".notice") == 0 && !cp->quiet)
		fprintf(cp->out ? cp->out : stderr,
		    "[NOTICE]   (%d) : config : parsing [%s:%d] : '%s'\n",
		    (int)getpid(), cp->ln->file, cp->ln->line, text);
	free(text);
}

bool
preproc_line(struct conf_parse *cp, struct preproc *pp)
{
	static const char *const names[] = { ".if", ".elif", ".else", ".endif",
		".notice", ".warning", ".alert", ".diag" };
	const char *word = conf_word(cp, 0), *near;
	int i;

	if (*word != '.')
		return !is_active(pp);
	for (i = 0; i < 8; i++)
		if (strcmp(word, names[i]) == 0)
			break;
	if (i == 0) {
		open_if(cp, pp);
	} else if (i <= 3 && !pp->depth) {
		conf_error(cp, 0, "'%s' without '.if'", word);
	} else if (i <= 2) {
		next_branch(cp, pp, i == 2);
	} else if (i == 3) {
		pp->depth--;
		conf_no_more(cp, 1);
	} else if (i < 8 && is_active(pp)) {
		message(cp, word);
	} else if (i == 8 && is_active(pp)) {
		near = conf_nearest(word, names, 8);
		conf_error(cp, 0, "unknown directive '%s'%s%s%s", word,
		    near ? "; did you mean '" : "", near ? near : "",
		    near ? "'?" : "");
	}
	return true;
}

void
preproc_end(struct conf_parse *cp, struct preproc *pp, const char *file)
{
	if (pp->depth)
		conf_error_at(cp, file, pp->nest[pp->depth - 1].line,
		    "'.if' without '.endif'");
	pp->depth = 0;
}
