/* SPDX-License-Identifier: MIT */
/*
 * Every variable of log formats, by name.
 */
#include <arpa/inet.h>
#include <ctype.h>

#include "worker/rules/log_time.h"

#define PUT(name)                                                      \
	static void put_##name(struct logfmt_out *o,                   \
	    const struct logfmt_item *it __attribute__((unused)))

static void
put_number(struct logfmt_out *o, const struct logfmt_item *it, long long i,
    unsigned digits)
{
	if (it->flags & LOGFMT_HEX)
		logfmt_put_hex(o, (unsigned long long)i, digits);
	else
		logfmt_put_int(o, i);
}

/* Dotted decimal without a library call: two of them stand in each line. */
static size_t
put_ipv4(char *out, const uint8_t *a)
{
	size_t n = 0;
	int k;

	for (k = 0; k < 4; k++) {
		if (k)
			out[n++] = '.';
		n += sample_put_int(out + n, a[k]);
	}
	return n;
}

static void
put_ip(struct logfmt_out *o, const struct logfmt_item *it,
    const struct addr *a)
{
	int family = a && a->len ? a->u.sa.sa_family : AF_UNSPEC, k;
	char text[INET6_ADDRSTRLEN + SAMPLE_INT_BYTES];

	if (family == AF_INET && (it->flags & LOGFMT_HEX)) {
		logfmt_put_hex(o, ntohl(a->u.in4.sin_addr.s_addr), 8);
	} else if (family == AF_INET6 && (it->flags & LOGFMT_HEX)) {
		for (k = 0; k < 16; k++)
			logfmt_put_hex(o, a->u.in6.sin6_addr.s6_addr[k], 2);
	} else if (family == AF_INET) {
		logfmt_put_text(o, it,
		    sv_of(text,
			put_ipv4(text,
			    (const uint8_t *)&a->u.in4.sin_addr)));
	} else if (family == AF_INET6) {
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, text, sizeof(text));
		logfmt_put_text(o, it, sv_str(text));
	} else if (family == AF_UNIX) {
		logfmt_put_text(o, it, SV("unix"));
	} else {
		logfmt_put_text(o, it, SV_NULL);
	}
}

static void
put_port(struct logfmt_out *o, const struct logfmt_item *it,
    const struct addr *a)
{
	int family = a && a->len ? a->u.sa.sa_family : AF_UNSPEC;
	const struct bind *b = o->t->cli ? o->t->cli->bind : NULL;

	if (family == AF_INET)
		put_number(o, it, ntohs(a->u.in4.sin_port), 4);
	else if (family == AF_INET6)
		put_number(o, it, ntohs(a->u.in6.sin6_port), 4);
	else if (family == AF_UNIX)
		put_number(o, it, b ? b->index + 1 : 0, 4);
	else
		logfmt_put_text(o, it, SV_NULL);
}

static const struct addr *
put_src(const struct logfmt_out *o)
{
	return o->t->cli ? &o->t->cli->src : NULL;
}

static const struct addr *
put_dst(const struct logfmt_out *o)
{
	if (o->t->dst_override.len)
		return &o->t->dst_override;
	return o->t->cli ? &o->t->cli->dst : NULL;
}

static const struct addr *
put_server(const struct logfmt_out *o)
{
	if (o->t->bc_dst)
		return o->t->bc_dst;
	return o->t->srv && o->t->at.connect_us ? &o->t->srv->addr : NULL;
}

PUT(ci)
{
	put_ip(o, it, put_src(o));
}

PUT(cp)
{
	put_port(o, it, put_src(o));
}

PUT(fi)
{
	put_ip(o, it, put_dst(o));
}

PUT(fp)
{
	put_port(o, it, put_dst(o));
}

PUT(bi)
{
	put_ip(o, it, o->t->bc_src);
}

PUT(bp)
{
	put_port(o, it, o->t->bc_src);
}

PUT(si)
{
	put_ip(o, it, put_server(o));
}

PUT(sp)
{
	put_port(o, it, put_server(o));
}

PUT(t)
{
	log_time_put_ms(o, log_time_accept_us(o->t));
}

PUT(T)
{
	log_time_put_gmt(o, log_time_accept_us(o->t));
}

PUT(Tl)
{
	log_time_put_local(o, log_time_accept_us(o->t));
}

PUT(tr)
{
	log_time_put_ms(o, log_time_request_us(o->t));
}

PUT(trg)
{
	log_time_put_gmt(o, log_time_request_us(o->t));
}

PUT(trl)
{
	log_time_put_local(o, log_time_request_us(o->t));
}

PUT(Ts)
{
	put_number(o, it, (long long)(log_time_accept_us(o->t) / 1000000), 4);
}

PUT(ms)
{
	unsigned ms = (unsigned)(log_time_accept_us(o->t) / 1000 % 1000);

	if (it->flags & LOGFMT_HEX) {
		logfmt_put_hex(o, ms, 2);
		return;
	}
	logfmt_put_char(o, (char)('0' + ms / 100));
	logfmt_put_char(o, (char)('0' + ms / 10 % 10));
	logfmt_put_char(o, (char)('0' + ms % 10));
}

/* What option logasap reports before its end is larger in truth. */
static void
put_plus(struct logfmt_out *o)
{
	if (o->t->fe->log.logasap)
		logfmt_put_char(o, '+');
}

PUT(Th)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	logfmt_put_int(o, lt.handshake_ms);
}

PUT(Ti)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	logfmt_put_int(o, lt.idle_ms);
}

PUT(TR)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	if (lt.request_ms >= 0)
		lt.request_ms -= lt.idle_ms + lt.handshake_ms;
	logfmt_put_int(o, lt.request_ms);
}

PUT(Tq)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	logfmt_put_int(o, lt.request_ms);
}

PUT(Tw)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	logfmt_put_int(o,
	    lt.queue_ms < 0 ? -1 :
			      lt.queue_ms -
		    (lt.request_ms < 0 ? 0 : lt.request_ms));
}

PUT(Tc)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	logfmt_put_int(o,
	    lt.connect_ms < 0 ? -1 :
				lt.connect_ms -
		    (lt.queue_ms < 0 ? 0 : lt.queue_ms));
}

PUT(Tr)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	logfmt_put_int(o,
	    lt.data_ms < 0 ? -1 :
			     lt.data_ms -
		    (lt.connect_ms < 0 ? 0 : lt.connect_ms));
}

PUT(Td)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	logfmt_put_int(o, lt.data_ms < 0 ? -1 : lt.close_ms - lt.data_ms);
}

PUT(Ta)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	put_plus(o);
	logfmt_put_int(o, lt.close_ms - lt.idle_ms - lt.handshake_ms);
}

PUT(Tt)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	put_plus(o);
	logfmt_put_int(o, lt.close_ms);
}

PUT(Tu)
{
	struct log_time lt;

	log_time_get(o->t, &lt);
	put_plus(o);
	logfmt_put_int(o, lt.close_ms - lt.idle_ms);
}

PUT(f)
{
	logfmt_put_text(o, it, sv_str(o->t->fe->name));
}

PUT(ft)
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

PUT(b)
{
	const struct proxy *px = o->t->be ? o->t->be : o->t->fe;

	logfmt_put_text(o, it, sv_str(px->name));
}

PUT(s)
{
	logfmt_put_text(o, it,
	    o->t->srv ? sv_str(o->t->srv->name) : SV("<NOSRV>"));
}

PUT(B)
{
	put_plus(o);
	logfmt_put_int(o, (long long)o->t->log.bytes_read);
}

PUT(U)
{
	logfmt_put_int(o, (long long)o->t->log.bytes_uploaded);
}

PUT(ST)
{
	logfmt_put_int(o, o->t->status ? o->t->status : -1);
}

PUT(CC)
{
	logfmt_put_text(o, it, SV_NULL);
}

PUT(ts)
{
	char c[2] = { o->t->log.term[0], o->t->log.term[1] };

	logfmt_put_char(o, c[0] ? c[0] : '-');
	logfmt_put_char(o, c[1] ? c[1] : '-');
}

PUT(tsc)
{
	put_ts(o, it);
	/* Cookies come with persistence. */
	logfmt_put(o, SV("--"));
}

PUT(ac)
{
	put_number(o, it, o->t->log.actconn, 1);
}

PUT(fc)
{
	put_number(o, it, o->t->log.feconn, 1);
}

PUT(bc)
{
	put_number(o, it, o->t->log.beconn, 1);
}

PUT(sc)
{
	put_number(o, it, o->t->log.srvconn, 1);
}

PUT(rc)
{
	if (o->t->log.redispatched)
		logfmt_put_char(o, '+');
	logfmt_put_int(o, o->t->log.retries);
}

PUT(sq)
{
	logfmt_put_int(o, o->t->log.srv_queue);
}

PUT(bq)
{
	logfmt_put_int(o, o->t->log.be_queue);
}

/* "{a|b}"; nothing at all without captures. */
static void
put_captures(struct logfmt_out *o, const struct logfmt_item *it,
    const struct sv *v, int count)
{
	bool quote = it->flags & LOGFMT_QUOTE;
	int k;

	if (!v || !count)
		return;
	if (quote)
		logfmt_put_char(o, '"');
	logfmt_put_char(o, '{');
	for (k = 0; k < count; k++) {
		if (k)
			logfmt_put_char(o, '|');
		logfmt_put_encoded(o, it, LOGFMT_SET_HDR, v[k]);
	}
	logfmt_put_char(o, '}');
	if (quote)
		logfmt_put_char(o, '"');
}

/* "a b", each quoted on its own or "-". */
static void
put_capture_list(struct logfmt_out *o, const struct logfmt_item *it,
    const struct sv *v, int count)
{
	bool quote = it->flags & LOGFMT_QUOTE;
	int k;

	for (k = 0; v && k < count; k++) {
		if (k)
			logfmt_put_char(o, ' ');
		if (quote)
			logfmt_put_char(o, '"');
		if (v[k].p)
			logfmt_put_encoded(o, it, LOGFMT_SET_HDR, v[k]);
		else if (!quote)
			logfmt_put_char(o, '-');
		if (quote)
			logfmt_put_char(o, '"');
	}
}

PUT(hr)
{
	put_captures(o, it, o->t->req_capture, o->t->fe->req_capture_count);
}

PUT(hs)
{
	put_captures(o, it, o->t->res_capture, o->t->fe->res_capture_count);
}

PUT(hrl)
{
	put_capture_list(o, it, o->t->req_capture,
	    o->t->fe->req_capture_count);
}

PUT(hsl)
{
	put_capture_list(o, it, o->t->res_capture,
	    o->t->fe->res_capture_count);
}

/* Word `index` of the request line as received. */
static struct sv
put_line_word(const struct logfmt_out *o, int index)
{
	struct sv s = o->t->req_line;
	ssize_t at;

	for (; index > 0; index--) {
		at = sv_find_char(s, ' ', 0);
		if (at < 0)
			return SV_NULL;
		s = sv_from(s, (size_t)at + 1);
	}
	at = sv_find_char(s, ' ', 0);
	return at < 0 ? s : sv_of(s.p, (size_t)at);
}

/* Encoded and quoted; <BADREQ> where no request was understood. */
static void
put_line_part(struct logfmt_out *o, const struct logfmt_item *it,
    struct sv part)
{
	bool quote = it->flags & LOGFMT_QUOTE;

	if (o->t->req_line.n == 0)
		part = SV("<BADREQ>");
	if (quote)
		logfmt_put_char(o, '"');
	logfmt_put_encoded(o, it, LOGFMT_SET_URI, part);
	if (quote)
		logfmt_put_char(o, '"');
}

PUT(r)
{
	put_line_part(o, it, o->t->req_line);
}

PUT(HM)
{
	put_line_part(o, it, put_line_word(o, 0));
}

PUT(HU)
{
	put_line_part(o, it, put_line_word(o, 1));
}

PUT(HV)
{
	put_line_part(o, it, put_line_word(o, 2));
}

PUT(HP)
{
	struct sv s = put_line_word(o, 1);
	ssize_t at = sv_find_char(s, '?', 0);

	put_line_part(o, it, at < 0 ? s : sv_of(s.p, (size_t)at));
}

PUT(HPO)
{
	struct sv s = put_line_word(o, 1);
	ssize_t at = sv_find_char(s, '?', 0);

	if (at >= 0)
		s.n = (size_t)at;
	at = sv_find(s, SV("://"));
	if (at > 0) {
		at = sv_find_char(s, '/', (size_t)at + 3);
		s = at < 0 ? SV("/") : sv_from(s, (size_t)at);
	}
	put_line_part(o, it, s);
}

PUT(HQ)
{
	struct sv s = put_line_word(o, 1);
	ssize_t at = sv_find_char(s, '?', 0);

	put_line_part(o, it, at < 0 ? SV_NULL : sv_from(s, (size_t)at));
}

PUT(H)
{
	logfmt_put_text(o, it, txn_hooks.hostname);
}

PUT(ID)
{
	logfmt_put_text(o, it, o->t->unique_id);
}

PUT(pid)
{
	put_number(o, it, txn_hooks.master_pid, 4);
}

/* Lines with %rt or %lc of this process so far. */
PUT(rt)
{
	static long long count;

	put_number(o, it, count++, 4);
}

PUT(lc)
{
	static long long count;

	put_number(o, it, count++, 4);
}

enum { ANY = FETCH_SESS };

const struct logfmt_row logfmt_tbl[] = {
	{ "B", put_B, ANY, "Bytes sent to the client." },
	{ "CC", put_CC, ANY, "Captured request cookie: always \"-\"." },
	{ "CS", put_CC, ANY, "Captured response cookie: always \"-\"." },
	{ "H", put_H, ANY, "Name of this host." },
	{ "HM", put_HM, ANY, "Method." },
	{ "HP", put_HP, ANY, "Request target without the query." },
	{ "HPO", put_HPO, ANY, "Path alone." },
	{ "HQ", put_HQ, ANY, "Query with its '?'." },
	{ "HU", put_HU, ANY, "Request target." },
	{ "HV", put_HV, ANY, "Version, such as HTTP/1.1." },
	{ "ID", put_ID, ANY, "Unique id." },
	{ "ST", put_ST, ANY, "Status, -1 if none was sent." },
	{ "T", put_T, ANY, "Time of acceptance, UTC." },
	{ "TR", put_TR, ANY,
	    "Milliseconds from the first byte to the end of the head." },
	{ "Ta", put_Ta, ANY, "Milliseconds from the first byte to the end." },
	{ "Tc", put_Tc, ANY, "Milliseconds to get a connection." },
	{ "Td", put_Td, ANY, "Milliseconds from the response head on." },
	{ "Th", put_Th, ANY, "Milliseconds of handshakes." },
	{ "Ti", put_Ti, ANY, "Milliseconds idle before the first byte." },
	{ "Tl", put_Tl, ANY, "Time of acceptance, local." },
	{ "Tq", put_Tq, ANY, "Th, Ti and TR together." },
	{ "Tr", put_Tr, ANY, "Milliseconds to the response head." },
	{ "Ts", put_Ts, ANY, "Time of acceptance, seconds since 1970." },
	{ "Tt", put_Tt, ANY, "Milliseconds from acceptance to the end." },
	{ "Tu", put_Tu, ANY, "Tt without Ti: as the user sees it." },
	{ "Tw", put_Tw, ANY, "Milliseconds in queues." },
	{ "U", put_U, ANY, "Bytes received from the client." },
	{ "ac", put_ac, ANY, "Client connections of the process." },
	{ "b", put_b, ANY, "Name of the backend." },
	{ "bc", put_bc, ANY, "Requests on the backend." },
	{ "bi", put_bi, ANY, "Address the server was called from." },
	{ "bp", put_bp, ANY, "Port the server was called from." },
	{ "bq", put_bq, ANY, "Requests ahead in the backend's queue." },
	{ "ci", put_ci, ANY, "Address of the client." },
	{ "cp", put_cp, ANY, "Port of the client." },
	{ "f", put_f, ANY, "Name of the frontend." },
	{ "fc", put_fc, ANY, "Client connections of the frontend." },
	{ "fi", put_fi, ANY, "Address the client connected to." },
	{ "fp", put_fp, ANY, "Port the client connected to." },
	{ "ft", put_ft, ANY, "Name of the frontend, with '~' for TLS." },
	{ "hr", put_hr, ANY, "Request captures as {a|b}." },
	{ "hrl", put_hrl, ANY, "Request captures as a list." },
	{ "hs", put_hs, ANY, "Response captures as {a|b}." },
	{ "hsl", put_hsl, ANY, "Response captures as a list." },
	{ "lc", put_lc, ANY, "Number of this line in its worker." },
	{ "ms", put_ms, ANY, "Milliseconds of the time of acceptance." },
	{ "pid", put_pid, ANY, "Process id of the master." },
	{ "r", put_r, ANY, "Request line." },
	{ "rc", put_rc, ANY, "Retries, with '+' after a redispatch." },
	{ "rt", put_rt, ANY, "Number of this request in its worker." },
	{ "s", put_s, ANY, "Name of the server." },
	{ "sc", put_sc, ANY, "Requests on the server." },
	{ "si", put_si, ANY, "Address of the server." },
	{ "sp", put_sp, ANY, "Port of the server." },
	{ "sq", put_sq, ANY, "Requests ahead in the server's queue." },
	{ "t", put_t, ANY, "Time of acceptance with milliseconds." },
	{ "tr", put_tr, ANY, "Time of the first byte with milliseconds." },
	{ "trg", put_trg, ANY, "Time of the first byte, UTC." },
	{ "trl", put_trl, ANY, "Time of the first byte, local." },
	{ "ts", put_ts, ANY, "How it ended: two letters." },
	{ "tsc", put_tsc, ANY, "How it ended, and cookies: four letters." },
};

const int logfmt_tbl_count = sizeof(logfmt_tbl) / sizeof(*logfmt_tbl);
