/* SPDX-License-Identifier: MIT */
/*
 * Fetches, by what they look at; rows of fetch_tbl name them.
 */
#ifndef WORKER_RULES_FETCH_H
#define WORKER_RULES_FETCH_H

#include "worker/rules/txn.h"

#define FETCH_DECL(name)                                                     \
	bool name(struct txn *t, const struct fetch_arg *a, int argc, int n, \
	    struct sample *out)

/* fetch_hdr.c */
FETCH_DECL(fetch_hdr_req);
FETCH_DECL(fetch_hdr_req_full);
FETCH_DECL(fetch_hdr_req_count);
FETCH_DECL(fetch_hdr_req_full_count);
FETCH_DECL(fetch_hdr_req_val);
FETCH_DECL(fetch_hdr_req_ip);
FETCH_DECL(fetch_hdr_req_names);
FETCH_DECL(fetch_hdr_res);
FETCH_DECL(fetch_hdr_res_full);
FETCH_DECL(fetch_hdr_res_count);
FETCH_DECL(fetch_hdr_res_full_count);
FETCH_DECL(fetch_hdr_res_val);
FETCH_DECL(fetch_hdr_res_ip);
FETCH_DECL(fetch_hdr_res_names);
/* fetch_ws.c */
FETCH_DECL(fetch_ws_bytes_in);
FETCH_DECL(fetch_ws_bytes_out);
FETCH_DECL(fetch_ws_close_code);
FETCH_DECL(fetch_ws_closed_by);
FETCH_DECL(fetch_ws_duration);
FETCH_DECL(fetch_ws_msgs_in);
FETCH_DECL(fetch_ws_msgs_out);
/* fetch_cook.c */
FETCH_DECL(fetch_cook_req);
FETCH_DECL(fetch_cook_req_count);
FETCH_DECL(fetch_cook_req_val);
FETCH_DECL(fetch_cook_res);
FETCH_DECL(fetch_cook_res_count);
FETCH_DECL(fetch_cook_res_val);
/* fetch_url.c */
FETCH_DECL(fetch_url_path);
FETCH_DECL(fetch_url_pathq);
FETCH_DECL(fetch_url_query);
FETCH_DECL(fetch_url_whole);
FETCH_DECL(fetch_url_param);
FETCH_DECL(fetch_url_param_val);
FETCH_DECL(fetch_url_base);
FETCH_DECL(fetch_url_method);
FETCH_DECL(fetch_url_ip);
FETCH_DECL(fetch_url_port);
/* fetch_msg.c */
FETCH_DECL(fetch_msg_status);
FETCH_DECL(fetch_msg_req_ver);
FETCH_DECL(fetch_msg_res_ver);
FETCH_DECL(fetch_msg_first_req);
FETCH_DECL(fetch_msg_proto_http);
FETCH_DECL(fetch_msg_body);
FETCH_DECL(fetch_msg_body_len);
FETCH_DECL(fetch_msg_body_size);
FETCH_DECL(fetch_msg_cap_req);
FETCH_DECL(fetch_msg_cap_res);
FETCH_DECL(fetch_msg_cap_method);
FETCH_DECL(fetch_msg_cap_uri);
FETCH_DECL(fetch_msg_cap_ver);
FETCH_DECL(fetch_msg_unique_id);
/* fetch_conn.c */
FETCH_DECL(fetch_conn_src);
FETCH_DECL(fetch_conn_src_port);
FETCH_DECL(fetch_conn_dst);
FETCH_DECL(fetch_conn_dst_port);
FETCH_DECL(fetch_conn_ssl_fc);
FETCH_DECL(fetch_conn_ssl_fc_alpn);
FETCH_DECL(fetch_conn_ssl_fc_sni);
FETCH_DECL(fetch_conn_ssl_bc_alpn);
FETCH_DECL(fetch_conn_reused);
FETCH_DECL(fetch_conn_be_name);
FETCH_DECL(fetch_conn_be_id);
FETCH_DECL(fetch_conn_srv_name);
FETCH_DECL(fetch_conn_srv_id);
FETCH_DECL(fetch_conn_fe_name);
FETCH_DECL(fetch_conn_fe_id);
FETCH_DECL(fetch_conn_fe_conn);
FETCH_DECL(fetch_conn_be_conn);
FETCH_DECL(fetch_conn_nbsrv);
FETCH_DECL(fetch_conn_srv_conn);
FETCH_DECL(fetch_conn_srv_is_up);
FETCH_DECL(fetch_conn_so_name);
FETCH_DECL(fetch_conn_so_id);
/* fetch_const.c */
FETCH_DECL(fetch_const_str);
FETCH_DECL(fetch_const_int);
FETCH_DECL(fetch_const_bool);
FETCH_DECL(fetch_const_ip);
FETCH_DECL(fetch_const_meth);
FETCH_DECL(fetch_const_bin);
FETCH_DECL(fetch_const_true);
FETCH_DECL(fetch_const_false);
FETCH_DECL(fetch_const_var);
FETCH_DECL(fetch_const_env);
FETCH_DECL(fetch_const_date);
FETCH_DECL(fetch_const_date_us);
FETCH_DECL(fetch_const_rand);
FETCH_DECL(fetch_const_uuid);
FETCH_DECL(fetch_const_hostname);
FETCH_DECL(fetch_const_nbproc);
FETCH_DECL(fetch_const_proc);
FETCH_DECL(fetch_const_pid);

/* Elements of a comma-separated value, quoted commas kept; false at the end. */
bool fetch_hdr_next(struct sv *rest, struct sv *elem_r);
/* "name=value" pairs of a query, one a call; false at the end. */
bool fetch_url_next_param(
    struct sv *rest, char delim, struct sv *name_r, struct sv *value_r);

#undef FETCH_DECL

#endif
