/* SPDX-License-Identifier: MIT */
/*
 * Sections: what a line means where it stands.
 *
 * A defaults section keeps its lines; a proxy that inherits from it has them
 * parsed once more for itself, in the same order, before its own.  So every
 * proxy owns all it has, and nothing needs to know how to copy a rule.  In
 * the same way a section's default-server lines are parsed for each server.
 */
#ifndef SHM_CONF_SECTION_H
#define SHM_CONF_SECTION_H

#include "shm/conf/conf.h"
#include "shm/conf/index.h"
#include "shm/conf/parse.h"

/* A line kept for later. */
struct section_line {
	struct section_line *next;
	struct conf_line *ln; /* words and texts in one block */
	bool negated;
};

struct section_defaults {
	struct section_defaults *next;
	const struct section_defaults *from; /* an earlier one, or NULL */
	int depth;                           /* length of that chain */
	struct proxy *px;                    /* PX_DEFAULTS, owned */
	struct section_line *lines, **tail;
};

struct section_file {
	struct section_file *next;
	char name[];
};

/* The parser's own; conf_finish() frees all but file names and names. */
struct conf_state {
	struct section_file *files;
	struct section_defaults *defaults; /* newest first */
	struct section_line *server_lines, **server_tail;
	struct proxy **proxy_tail;        /* end of conf.proxies */
	struct server **server_list_tail; /* end of the section's servers */
	struct index names; /* of proxies; conf_finish() makes it */
	unsigned where;   /* KW_*, 0: no section yet, KW_SECTION: passed over */
	const char *name; /* "backend", for messages */
	bool replay;      /* parsing kept lines */
};

struct conf_state *section_state_new(void);
void section_state_free(struct conf_state **st);
/* Forget the kept lines. */
void section_state_trim(struct conf_state *st);
/* A copy of a file name that lives as long as the conf. */
const char *section_file_name(struct conf *c, const char *name);

/* A file begins: no section is open. */
void section_reset(struct conf_parse *cp);
/* One line; "no" is taken off it. Errors are reported and counted. */
void section_parse_line(struct conf_parse *cp, struct conf_line *ln);
/* Keep the line at hand as one of the section's default-server lines. */
void section_keep_default_server(struct conf_parse *cp);
/* Call fn for each default-server line, as the line at hand. */
void section_each_default_server(struct conf_parse *cp,
    void (*fn)(struct conf_parse *cp, struct server *s), struct server *s);
/* Kept lines are parsed again: say no warning twice. */
bool section_is_replay(const struct conf_parse *cp);

#endif
