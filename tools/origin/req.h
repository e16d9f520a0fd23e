/* SPDX-License-Identifier: MIT */
/*
 * The demo origin's request parser: one HTTP/1 request head, and the body
 * that follows it. Bytes in, no descriptor, no event loop.
 */
#ifndef ORIGIN_REQ_H
#define ORIGIN_REQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REQ_KEY_BYTES 64 /* Sec-WebSocket-Key, really 24 */

enum req_body { REQ_BODY_NONE, REQ_BODY_LENGTH, REQ_BODY_CHUNKED };

struct req {
	const char *method; /* these three point into the parsed bytes */
	const char *path;   /* starts with '/', the query cut off */
	const char *query;  /* what follows the '?', may be empty */
	size_t method_len;
	size_t path_len;
	size_t query_len;
	uint64_t length; /* bytes, for REQ_BODY_LENGTH */
	enum req_body body;
	bool http10;
	bool keep;     /* the client wants the connection to stay open */
	bool expect;   /* Expect: 100-continue */
	bool ws_token; /* Upgrade holds "websocket" */
	bool upgrade;  /* Connection holds "upgrade" */
	char key[REQ_KEY_BYTES];
};

/* Reads a body piece by piece. */
struct req_decoder {
	enum {
		DEC_DATA, /* `left` bytes of the body or of this chunk */
		DEC_SIZE, /* in a chunk size line */
		DEC_CRLF, /* after a chunk's data */
		DEC_TRAILER,
		DEC_DONE
	} state;
	bool chunked;
	uint64_t left;
};

/*
 * Parses the head at buf. Returns its length, 0 for "need more", -1 for a
 * request that is not HTTP/1 or ambiguous.
 */
ssize_t req_parse(const char *buf, size_t len, struct req *req_r);

bool req_path_is(const struct req *req, const char *path);

void req_decoder_init(struct req_decoder *dec, const struct req *req);

/*
 * Decodes at most len bytes at buf. Returns how many it consumed, 0 for
 * "need more", -1 if they are no body; data_r and data_len_r name the body
 * bytes among them, if any. The state DEC_DONE says that nothing follows.
 */
ssize_t req_decode(struct req_decoder *dec, const char *buf, size_t len,
    const char **data_r, size_t *data_len_r);

#endif
