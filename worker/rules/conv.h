/* SPDX-License-Identifier: MIT */
/*
 * Converters, by what they work on; rows of conv_tbl name them.
 */
#ifndef WORKER_RULES_CONV_H
#define WORKER_RULES_CONV_H

#include "worker/rules/txn.h"

#define CONV_DECL(name)                                               \
	bool name(struct txn *t, const struct fetch_arg *a, int argc, \
	    struct sample *io)

/* conv_int.c */
CONV_DECL(conv_int_add);
CONV_DECL(conv_int_sub);
CONV_DECL(conv_int_mul);
CONV_DECL(conv_int_div);
CONV_DECL(conv_int_mod);
CONV_DECL(conv_int_and);
CONV_DECL(conv_int_or);
CONV_DECL(conv_int_xor);
CONV_DECL(conv_int_cpl);
CONV_DECL(conv_int_neg);
CONV_DECL(conv_int_odd);
CONV_DECL(conv_int_even);
CONV_DECL(conv_int_bool);
CONV_DECL(conv_int_not);
CONV_DECL(conv_int_ipmask);
CONV_DECL(conv_int_http_date);
CONV_DECL(conv_int_ltime);
CONV_DECL(conv_int_utime);
/* conv_str.c */
CONV_DECL(conv_str_lower);
CONV_DECL(conv_str_upper);
CONV_DECL(conv_str_length);
CONV_DECL(conv_str_concat);
CONV_DECL(conv_str_field);
CONV_DECL(conv_str_word);
CONV_DECL(conv_str_bytes);
CONV_DECL(conv_str_ltrim);
CONV_DECL(conv_str_rtrim);
CONV_DECL(conv_str_iif);
CONV_DECL(conv_str_strcmp);
CONV_DECL(conv_str_regsub);
CONV_DECL(conv_str_param);
CONV_DECL(conv_str_set_var);
CONV_DECL(conv_str_unset_var);
/* conv_code.c */
CONV_DECL(conv_code_hex);
CONV_DECL(conv_code_hex2i);
CONV_DECL(conv_code_base64);
CONV_DECL(conv_code_b64dec);
CONV_DECL(conv_code_ub64enc);
CONV_DECL(conv_code_ub64dec);
CONV_DECL(conv_code_url_dec);
CONV_DECL(conv_code_url_enc);
/* conv_hash.c */
CONV_DECL(conv_hash_sha1);
CONV_DECL(conv_hash_sha2);
CONV_DECL(conv_hash_md5);
CONV_DECL(conv_hash_crc32);
CONV_DECL(conv_hash_crc32c);
CONV_DECL(conv_hash_djb2);
CONV_DECL(conv_hash_sdbm);

#undef CONV_DECL

#endif
