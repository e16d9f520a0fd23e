/* SPDX-License-Identifier: MIT */
/*
 * What the files of struct h2_sess share: h2_sess.c (life, output), h2_recv.c
 * (input), h2_send.c (submitting), h2_move.c. Nobody else includes it.
 */
#ifndef SHM_PROTO_H2_SESS_INT_H
#define SHM_PROTO_H2_SESS_INT_H

#include <nghttp2/nghttp2.h>

#include "shm/base/chk.h"
#include "shm/base/list.h"
#include "shm/proto/h2_calm.h"
#include "shm/proto/h2_sess.h"

struct h2_stream {
	struct list link; /* in h2_sess.streams, ascending ids */
	uint32_t id;
	void *user;
	const char *offered; /* pull's bytes, not sent yet */
	uint64_t left_bytes; /* of the body by its Content-Length */
	uint32_t held_bytes; /* given to on_data, not consumed yet */
	uint8_t interims;    /* heads that wait to be sent */
	bool has_length;
	bool has_head; /* a final head came */
	bool in_ended;
	bool out_ended;  /* END_STREAM was submitted */
	bool is_connect; /* asks for a tunnel (CONNECT of either kind) */
	bool is_tunnel;  /* and has it */
	bool is_dead;    /* a reset was submitted */
	bool by_peer;    /* the peer reset it */
};

/*
 * Which streams that are over may still be sent to: those we reset, as the
 * peer may not know yet.  On others DATA and HEADERS are STREAM_CLOSED.
 */
enum { H2_CUT_MAX = 16 };
struct h2_cut {
	uint32_t id[H2_CUT_MAX]; /* a ring */
	uint32_t count;
	uint32_t below;    /* up to this id it is not known any longer */
	uint32_t gap_from; /* server: ids from here up to gap_to were skipped */
	uint32_t gap_to;
};

enum { H2_OWN_SETTINGS_MAX = 6 };

struct h2_sess {
	nghttp2_session *ng;
	const struct h2_events *ev;
	void *conn;
	struct h2_cfg cfg;
	struct h2_calm calm;
	struct h2_dec dec; /* the section that comes in */
	uint32_t dec_id;   /* its stream, 0: none, or one not wanted */
	struct h2_cut cut;
	struct list streams;
	unsigned stream_count;
	const uint8_t *pend; /* of nghttp2, or hello; not copied out yet */
	size_t pend_bytes;
	uint8_t hello[H2_HD_BYTES + 6 * H2_OWN_SETTINGS_MAX]; /* server */
	uint8_t *out; /* where h2_sess_output() writes now */
	size_t out_room;
	uint32_t magic_left; /* server: of the client's preface */
	uint32_t last_id;    /* highest of the peer's streams seen */
	uint32_t sent_error; /* of a GOAWAY of ours */
	uint8_t unacked;     /* SETTINGS of ours */
	bool ready, going, over;
	bool window_grown;    /* conn_window_bytes is in force */
	bool table_zero;      /* HEADER_TABLE_SIZE 0 was announced */
	bool in_block;        /* between HEADERS and END_HEADERS */
	bool shrunk;          /* the peer lowered windows of open streams */
	bool discarding;      /* a rebuilt session's output is thrown away */
	size_t discard_bytes; /* of DATA to throw away */
	bool discard_end;     /* with END_STREAM on the last of it */
};

/* h2_sess.c */
struct h2_sess *h2_sess_make(const struct h2_cfg *cfg,
    const struct h2_events *ev, void *conn, uint64_t now_ms);
struct h2_stream *h2_sess_stream(const struct h2_sess *s, uint32_t id);
/* A stream under id, -WSE_NOMEM: NULL. */
struct h2_stream *h2_sess_stream_new(struct h2_sess *s, uint32_t id);
void h2_sess_stream_free(struct h2_sess *s, struct h2_stream *st);
/* Our SETTINGS as announced; entries written, at most 6. */
size_t h2_sess_settings(const struct h2_cfg *cfg, nghttp2_settings_entry *e);
/* Reset a stream, known or not. 0 or a code of nghttp2. */
void h2_sess_cut_note(struct h2_sess *s, uint32_t id);
int h2_sess_cut(struct h2_sess *s, uint32_t id, uint32_t code);
/* Body of a stream, for the submit functions; st NULL: of a made-up one. */
nghttp2_data_provider h2_sess_provider(struct h2_stream *st);
/* h2_recv.c: register what it wants to be told. */
void h2_recv_callbacks(nghttp2_session_callbacks *cb);

#endif
