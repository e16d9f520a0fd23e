/* SPDX-License-Identifier: MIT */
/* A client of one request, for tools/quickstart: no curl needed. */
#ifndef ORIGIN_PROBE_H
#define ORIGIN_PROBE_H

#include <stdbool.h>

/* Both print what they got and say whether it was right. */
bool probe_http(const char *url);
bool probe_ws(const char *url, const char *text);

#endif
