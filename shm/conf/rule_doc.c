/* SPDX-License-Identifier: MIT */
/*
 * The rows of actions, fetches, converters and log variables as text, for the
 * manual page.
 */
#include "shm/conf/logfmt.h"

static const char *const type_names[SMP_TYPE_N] = {
	[SMP_BOOL] = "boolean",
	[SMP_SINT] = "integer",
	[SMP_ADDR] = "address",
	[SMP_STR] = "string",
	[SMP_BIN] = "binary",
	[SMP_METH] = "method",
	[SMP_ANY] = "any",
};

/* "s,i?" as "(text[,number])" */
static void
rule_doc_args(FILE *out, const char *spec)
{
	int open = 0;

	if (!*spec)
		return;
	fputs(*spec && spec[1] == '?' ? "[(" : "(", out);
	open = spec[1] == '?';
	for (; *spec; spec++) {
		switch (*spec) {
		case 'i':
			fputs("number", out);
			break;
		case 'v':
			fputs("variable", out);
			break;
		case 'n':
			fputs("number-or-variable", out);
			break;
		case 'w':
			fputs("text-or-variable", out);
			break;
		case 'r':
			fputs("regex", out);
			break;
		case 's':
			fputs("text", out);
			break;
		case 'm':
			fputs("kind", out);
			break;
		case ',':
			fputs(spec[2] == '?' ? "[,] " : ",", out);
			break;
		default:
			break;
		}
	}
	fputs(open ? ")]" : ")", out);
}

static void
rule_doc_actions(FILE *out)
{
	static const char *const sections[RULES_N] = {
		[RULES_HTTP_REQUEST] = "http-request",
		[RULES_HTTP_RESPONSE] = "http-response",
		[RULES_HTTP_AFTER_RESPONSE] = "http-after-response",
	};
	int set, k;

	for (set = 0; set <= RULES_HTTP_AFTER_RESPONSE; set++) {
		for (k = 0; k < action_tbl_count; k++) {
			const struct action_row *row = &action_tbl[k];

			if (!(row->sets & (1u << set)))
				continue;
			fprintf(out, "%s\t%s\t%s%s%s\t%s\n", sections[set],
			    row->name, row->name,
			    row->syntax[0] && row->syntax[0] != '(' ? " " : "",
			    row->syntax, row->doc);
		}
	}
}

void
rule_dump_keywords(FILE *out)
{
	int k;

	rule_doc_actions(out);
	for (k = 0; k < fetch_tbl_count; k++) {
		fprintf(
		    out, "fetch\t%s\t%s", fetch_tbl[k].name, fetch_tbl[k].name);
		rule_doc_args(out, fetch_tbl[k].args);
		fprintf(out, " : %s\t%s\n", type_names[fetch_tbl[k].type],
		    fetch_tbl[k].doc);
	}
	for (k = 0; k < conv_tbl_count; k++) {
		fprintf(out, "converter\t%s\t%s", conv_tbl[k].name,
		    conv_tbl[k].name);
		rule_doc_args(out, conv_tbl[k].args);
		fprintf(out, " : %s\t%s\n", type_names[conv_tbl[k].out],
		    conv_tbl[k].doc);
	}
	for (k = 0; k < logfmt_tbl_count; k++)
		fprintf(out, "log-format\t%%%s\t%%%s\t%s\n", logfmt_tbl[k].name,
		    logfmt_tbl[k].name, logfmt_tbl[k].doc);
}
