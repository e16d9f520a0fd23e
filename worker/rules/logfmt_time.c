/* SPDX-License-Identifier: MIT */
/*
 * Variables of log formats: dates and timers.
 */
#include "worker/rules/log_time.h"
#include "worker/rules/logfmt_var.h"

#define VAR(name)                                    \
	void logfmt_var_##name(struct logfmt_out *o, \
	    const struct logfmt_item *it __attribute__((unused)))

VAR(t)
{
	log_time_put_ms(o, log_time_accept_us(o->t));
}

VAR(T)
{
	log_time_put_gmt(o, log_time_accept_us(o->t));
}

VAR(Tl)
{
	log_time_put_local(o, log_time_accept_us(o->t));
}

VAR(tr)
{
	log_time_put_ms(o, log_time_request_us(o->t));
}

VAR(trg)
{
	log_time_put_gmt(o, log_time_request_us(o->t));
}

VAR(trl)
{
	log_time_put_local(o, log_time_request_us(o->t));
}

VAR(Ts)
{
	logfmt_var_number(
	    o, it, (long long)(log_time_accept_us(o->t) / 1000000), 4);
}

VAR(ms)
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

VAR(Th)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o, lt->handshake_ms);
}

VAR(Ti)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o, lt->idle_ms);
}

VAR(TR)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o,
	    lt->request_ms < 0
		? -1
		: lt->request_ms - lt->idle_ms - lt->handshake_ms);
}

VAR(Tq)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o, lt->request_ms);
}

VAR(Tw)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o,
	    lt->queue_ms < 0
		? -1
		: lt->queue_ms - (lt->request_ms < 0 ? 0 : lt->request_ms));
}

VAR(Tc)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o,
	    lt->connect_ms < 0
		? -1
		: lt->connect_ms - (lt->queue_ms < 0 ? 0 : lt->queue_ms));
}

VAR(Tr)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o,
	    lt->data_ms < 0
		? -1
		: lt->data_ms - (lt->connect_ms < 0 ? 0 : lt->connect_ms));
}

VAR(Td)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_put_int(o, lt->data_ms < 0 ? -1 : lt->close_ms - lt->data_ms);
}

VAR(Ta)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_var_plus(o);
	logfmt_put_int(o, lt->close_ms - lt->idle_ms - lt->handshake_ms);
}

VAR(Tt)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_var_plus(o);
	logfmt_put_int(o, lt->close_ms);
}

VAR(Tu)
{
	const struct log_time *lt = log_time_get(o);

	logfmt_var_plus(o);
	logfmt_put_int(o, lt->close_ms - lt->idle_ms);
}
