/* SPDX-License-Identifier: MIT */
/*
 * Variables of log formats: names, counts, the process.
 */
#include "worker/rules/logfmt_var.h"

#define VAR(name)                                    \
	void logfmt_var_##name(struct logfmt_out *o, \
	    const struct logfmt_item *it __attribute__((unused)))

void
logfmt_var_number(struct logfmt_out *o, const struct logfmt_item *it,
    long long i, unsigned digits)
{
	if (it->flags & LOGFMT_HEX)
		logfmt_put_hex(o, (unsigned long long)i, digits);
	else
		logfmt_put_int(o, i);
}

void
logfmt_var_plus(struct logfmt_out *o)
{
	if (o->t->fe->log.logasap)
		logfmt_put_char(o, '+');
}

VAR(f)
{
	logfmt_put_text(o, it, sv_str(o->t->fe->name));
}

VAR(ft)
{
	bool quote = it->flags & LOGFMT_QUOTE;

	if (quote)
		logfmt_put_char(o, '"');
	logfmt_put(o, sv_str(o->t->fe->name));
	if (o->t->cli && o->t->cli->is_tls)
		logfmt_put_char(o, '~');
	if (quote)
		logfmt_put_char(o, '"');
}

VAR(b)
{
	const struct proxy *px = o->t->be ? o->t->be : o->t->fe;

	logfmt_put_text(o, it, sv_str(px->name));
}

VAR(s)
{
	logfmt_put_text(
	    o, it, o->t->srv ? sv_str(o->t->srv->name) : SV("<NOSRV>"));
}

VAR(B)
{
	logfmt_var_plus(o);
	logfmt_put_int(o, (long long)o->t->log.bytes_read);
}

VAR(U)
{
	logfmt_put_int(o, (long long)o->t->log.bytes_uploaded);
}

VAR(ST)
{
	/* what was no request to begin with has none */
	logfmt_put_int(o, o->t->status ? o->t->status : o->t->req ? -1 : 0);
}

VAR(CC)
{
	logfmt_put_text(o, it, SV_NULL);
}

VAR(ts)
{
	char c[2] = { o->t->log.term[0], o->t->log.term[1] };

	logfmt_put_char(o, c[0] ? c[0] : '-');
	logfmt_put_char(o, c[1] ? c[1] : '-');
}

VAR(tsc)
{
	const struct proxy *px = o->t->be ? o->t->be : o->t->fe;
	const struct txn_cookie *ck = &o->t->cookie;
	const struct proxy_cookie *conf = &px->cookie;
	bool any =
	    conf->insert || conf->rewrite || conf->prefix || conf->indirect;

	logfmt_var_ts(o, it);
	logfmt_put_char(o, !any ? '-' : ck->req ? ck->req : 'N');
	logfmt_put_char(o, !any ? '-' : ck->res ? ck->res : 'N');
}

VAR(ac)
{
	logfmt_var_number(o, it, o->t->log.actconn, 1);
}

VAR(fc)
{
	logfmt_var_number(o, it, o->t->log.feconn, 1);
}

VAR(bc)
{
	logfmt_var_number(o, it, o->t->log.beconn, 1);
}

VAR(sc)
{
	logfmt_var_number(o, it, o->t->log.srvconn, 1);
}

VAR(rc)
{
	if (o->t->log.redispatched)
		logfmt_put_char(o, '+');
	logfmt_put_int(o, o->t->log.retries);
}

VAR(sq)
{
	logfmt_put_int(o, o->t->log.srv_queue);
}

VAR(bq)
{
	logfmt_put_int(o, o->t->log.be_queue);
}

VAR(H)
{
	logfmt_put_text(o, it, txn_hooks.hostname);
}

VAR(ID)
{
	logfmt_put_text(o, it, o->t->unique_id);
}

VAR(pid)
{
	logfmt_var_number(o, it, txn_hooks.master_pid, 4);
}

/* Lines with %rt or %lc of this process so far. */
VAR(rt)
{
	static long long count;

	logfmt_var_number(o, it, count++, 4);
}

VAR(lc)
{
	static long long count;

	logfmt_var_number(o, it, count++, 4);
}
