/* SPDX-License-Identifier: MIT */
/*
 * A transaction made by hand: a config text, a raw request, a raw response.
 */
#ifndef TESTS_UNIT_WORKER_RULES_FIXTURE_H
#define TESTS_UNIT_WORKER_RULES_FIXTURE_H

#include "worker/rules/txn.h"

enum { FIX_ARENA_BYTES = 32768, FIX_HEAD_BYTES = 8192 };

struct fix {
	struct conf *conf;
	struct conf_parse cp;
	struct proxy *fe, *be; /* "f" and "b" */
	struct txn t;
	struct txn_client cli;
	struct http_head req, res, reply_head;
	struct rule_reply reply;
	struct sv req_capture[8], res_capture[8];
	char req_bytes[FIX_HEAD_BYTES], res_bytes[FIX_HEAD_BYTES];
	_Alignas(8) char arena[FIX_ARENA_BYTES];
};

/*
 * `frontend f` with these lines, then `backend b` with those and a server s1.
 * Fails the test when it does not parse.  The request is GET / with a Host.
 */
struct fix *fix_new(const char *fe_lines, const char *be_lines);
void fix_free(struct fix **x);
/* Replace the request or the response; "\r\n" at line ends. */
void fix_request(struct fix *x, const char *head);
void fix_response(struct fix *x, const char *head);
/* Run http-request, http-response or http-after-response of f. */
enum rule_verdict fix_run(struct fix *x, enum rule_set set);
/* Value of request header `name` after rules: the first; "" if there is none.
 */
const char *fix_header(const struct http_head *h, const char *name);
/* A log format evaluated as an expression text: "%[expr]" and the like. */
const char *fix_format(struct fix *x, const char *format);
/* The same as a header's value. */
const char *fix_value(struct fix *x, const char *format);
/* True if "{ condition }" holds. */
bool fix_cond(struct fix *x, const char *condition);
/* What the parser says on stderr about a frontend with these lines. */
const char *fix_complaint(const char *fe_lines);

#endif
