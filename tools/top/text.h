/* SPDX-License-Identifier: MIT */
/* Numbers as people read them. */
#ifndef TOOLS_TOP_TEXT_H
#define TOOLS_TOP_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* "412", "13.0k", "2.1M" */
const char *text_human(char *to, size_t room, double v);
/* "12s", "3m", "41d" */
const char *text_duration(char *to, size_t room, uint64_t us);
/* "12us", "0.4ms", "3.2s" */
const char *text_short_time(char *to, size_t room, uint64_t us);
double text_percent(uint64_t part, uint64_t whole);

#endif
