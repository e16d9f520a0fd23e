/* SPDX-License-Identifier: MIT */
/* The demo origin's answers in HTTP/1.1. */
#ifndef ORIGIN_ANSWER_H
#define ORIGIN_ANSWER_H

#include <stddef.h>

#include "tools/origin/req.h"

struct conn;

/* Writes the answer into the connection; head is what /headers shows. */
void answer_start(struct conn *c, const char *head, size_t head_len);

/* Starts the answer to a /echo, whose body follows. */
void answer_echo(struct conn *c, const struct req *req);

/* Writes more of a /chunked or /sse answer. */
void answer_more_chunks(struct conn *c);
void answer_tick(struct conn *c);

#endif
