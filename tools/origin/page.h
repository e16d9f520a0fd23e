/* SPDX-License-Identifier: MIT */
/* Answers of the demo origin whose body is a short text. */
#ifndef ORIGIN_PAGE_H
#define ORIGIN_PAGE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/origin/plan.h"
#include "tools/origin/tls.h"

/* What there is to tell of. */
struct page_subject {
	const char *head; /* the request's */
	size_t head_len;
	uint64_t conn_id;
	uint32_t request; /* which one on the connection */
	EVP_MD_CTX *hash; /* of the body, for PLAN_HASH */
	struct tls *tls;  /* or NULL */
};

struct page {
	const char *type;
	const char *text; /* stays until the next page_make() */
	size_t len;
};

/*
 * Makes the answer, and does what the request wants done. May change the
 * plan's status. False: this kind of plan is not answered by a page.
 */
bool page_make(
    struct plan *plan, const struct page_subject *subject, struct page *page_r);

#endif
