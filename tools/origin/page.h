/* SPDX-License-Identifier: MIT */
/* The demo origin's page: what is here, and a WebSocket echo to try. */
#ifndef ORIGIN_PAGE_H
#define ORIGIN_PAGE_H

extern const char page_html[];

#endif
