/* SPDX-License-Identifier: MIT */
/*
 * Directives: .if .elif .else .endif, .diag .notice .warning .alert.
 */
#ifndef SHM_CONF_PREPROC_H
#define SHM_CONF_PREPROC_H

#include "shm/conf/parse.h"

enum { PREPROC_NEST_MAX = 16 };

struct preproc {
	int depth;
	struct {
		bool active;  /* lines of this branch count */
		bool taken;   /* a branch was, or must not be */
		bool is_else; /* .else was seen */
		int line;     /* of the .if */
	} nest[PREPROC_NEST_MAX];
};

/*
 * The line at hand: true if it is a directive, or stands in a branch not
 * taken, and so is done with. Errors are reported.
 */
bool preproc_line(struct conf_parse *cp, struct preproc *pp);
/* The file's end: an open .if is reported. */
void preproc_end(struct conf_parse *cp, struct preproc *pp, const char *file);

#endif
