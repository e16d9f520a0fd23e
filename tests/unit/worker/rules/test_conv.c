/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/worker/rules/fixture.h"
#include "worker/rules/var.h"

struct pair {
	const char *expr, *expected;
};

static void
check(const struct pair *p, size_t n)
{
	struct fix *x = fix_new("", "");
	struct sample v = { .type = SMP_SINT, .i = 5 };
	char format[256];
	size_t k;

	assert_true(var_set(&x->t, VAR_TXN, SV("five"), &v));
	v.type = SMP_STR;
	v.s = SV("mmm");
	assert_true(var_set(&x->t, VAR_TXN, SV("m"), &v));
	for (k = 0; k < n; k++) {
		snprintf(format, sizeof(format), "%%[%s]", p[k].expr);
		assert_string_equal(fix_value(x, format), p[k].expected);
	}
	fix_free(&x);
}

#define CHECK(table) check(table, sizeof(table) / sizeof(*(table)))

static void
conv_int__operations__saturate(void **state)
{
	static const struct pair t[] = {
		{ "int(3),add(4)", "7" },
		{ "int(3),add(txn.five)", "8" },
		{ "int(3),add(txn.none)", "" },
		{ "int(9223372036854775807),add(1)", "9223372036854775807" },
		{ "int(3),sub(5)", "-2" },
		{ "int(-9223372036854775807),sub(9)", "-9223372036854775808" },
		{ "int(3),mul(-4)", "-12" },
		{ "int(9223372036854775807),mul(-2)", "-9223372036854775808" },
		{ "int(7),div(2)", "3" },
		{ "str(10),div(0)", "9223372036854775807" },
		{ "int(10),mod(3)", "1" },
		{ "int(10),mod(0)", "0" },
		{ "int(6),and(3)", "2" },
		{ "int(6),or(3)", "7" },
		{ "int(6),xor(3)", "5" },
		{ "int(0),cpl", "-1" },
		{ "int(6),neg", "-6" },
		{ "int(6),even", "1" },
		{ "int(6),odd", "0" },
		{ "int(6),not", "0" },
		{ "int(6),bool", "1" },
		{ "str(5x),add(1)", "6" },
		{ "str(x),add(1)", "1" },
	};

	(void)state;
	CHECK(t);
}

static void
conv_int__addresses_and_dates__as_documented(void **state)
{
	static const struct pair t[] = {
		{ "src,ipmask(8)", "10.0.0.0" },
		{ "src,ipmask(255.255.0.0)", "10.1.0.0" },
		{ "str(10.1.2.3),ipmask(30)", "10.1.2.0" },
		{ "str(fe80::1),ipmask(24,64)", "fe80::" },
		{ "str(fe80::1),ipmask(24)", "" },
		{ "int(0),http_date", "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ "int(1795507196),http_date(1)",
		    "Tue, 24 Nov 2026 07:59:57 GMT" },
		{ "int(1795507196),utime(%Y)", "2026" },
	};

	(void)state;
	CHECK(t);
}

static void
conv_str__parts__as_documented(void **state)
{
	static const struct pair t[] = {
		{ "str(aBc),lower", "abc" },
		{ "str(aBc),upper", "ABC" },
		{ "str(abc),length", "3" },
		{ "str(a/b//c),field(3,/)", "" },
		{ "str(a/b//c),field(4,/)", "c" },
		{ "str(a/b//c),word(3,/)", "c" },
		{ "str(a/b/c/d),field(2,/,2)", "b/c" },
		{ "str(a/b/c/d),field(2,/,0)", "b/c/d" },
		{ "str(a/b/c/d),field(-1,/)", "d" },
		{ "str(a/b/c/d),field(-2,/,2)", "b/c" },
		{ "str(a//b/c/d),word(2,/,0)", "b/c/d" },
		{ "str(a/b),word(3,/)", "" },
		{ "str(f1_f2_f3__f5),field(5,_)", "f5" },
		{ "str(f1_f2_f3__f5),field(2,_,0)", "f2_f3__f5" },
		{ "str(f1_f2_f3__f5),field(2,_,2)", "f2_f3" },
		{ "str(f1_f2_f3__f5),field(-2,_,3)", "f2_f3_" },
		{ "str(f1_f2_f3__f5),field(-3,_,0)", "f1_f2_f3" },
		{ "str(f1_f2_f3__f5),word(4,_)", "f5" },
		{ "str(f1_f2_f3__f5),word(3,_,2)", "f3__f5" },
		{ "str(f1_f2_f3__f5),word(-2,_,0)", "f1_f2_f3" },
		{ "str(abc),bytes(1,1)", "b" },
		{ "str(abc),bytes(1)", "bc" },
		{ "str(abc),bytes(9)", "" },
		{ "str(aab),rtrim(b)", "aa" },
		{ "str(aab),ltrim(a)", "b" },
		{ "bool(1),iif(yes,no)", "yes" },
		{ "bool(0),iif(yes,no)", "no" },
		{ "str(a),concat(<,txn.m,>)", "a<mmm>" },
		{ "str(a),concat(<,,>)", "a<>" },
		{ "str(a),concat(x)", "ax" },
		{ "str(mmm),strcmp(txn.m)", "0" },
		{ "str(mm),strcmp(txn.m)", "-1" },
		{ "str(n),strcmp(txn.m)", "1" },
		{ "str(a=1&b=2),param(b)", "2" },
		{ "str(v),set-var(txn.w),length", "1" },
		{ "var(txn.w)", "v" },
	};

	(void)state;
	CHECK(t);
}

static void
conv_str__regsub__flags_and_groups(void **state)
{
	static const struct pair t[] = {
		{ "str(abcabc),regsub(b,X)", "aXcabc" },
		{ "str(abcabc),regsub(b,X,g)", "aXcaXc" },
		{ "str(abcABC),regsub(b,X,gi)", "aXcAXC" },
		{ "str(abc),regsub(^a,X,g)", "Xbc" },
		{ "str(aab),regsub(^a,X,g)", "Xab" },
		{ "str(abc),regsub('(a)(b)','\\2\\1')", "bac" },
		{ "str(abc),regsub(x*,-,g)", "-a-b-c" },
		{ "str(abc),regsub(z,X)", "abc" },
	};

	(void)state;
	CHECK(t);
}

static void
conv_code__encodings__both_ways(void **state)
{
	static const struct pair t[] = {
		{ "str(hi),base64", "aGk=" },
		{ "str(hi!),base64", "aGkh" },
		{ "str(h),base64", "aA==" },
		{ "str(aGk=),b64dec", "hi" },
		{ "str(aG k),b64dec", "" },
		{ "str(aGk),b64dec", "" },
		{ "str(h?>),ub64enc", "aD8-" },
		{ "str(aA),ub64dec", "h" },
		{ "str(abc),hex", "616263" },
		{ "int(255),hex", "00000000000000FF" },
		{ "src,hex", "0A010203" },
		{ "str(ff),hex2i", "255" },
		{ "str(a%20b+c),url_dec", "a b+c" },
		{ "str(a?b+c),url_dec", "a?b c" },
		{ "str(b+c),url_dec(1)", "b c" },
		{ "str(a%2),url_dec", "" },
		{ "str('a b&'),url_enc", "a%20b%26" },
	};

	(void)state;
	CHECK(t);
}

static void
conv_hash__known_texts__known_values(void **state)
{
	static const struct pair t[] = {
		{ "str(ab),sha1,hex",
		    "DA23614E02469A0D7C7BD1BDAB5C9C474B1904DC" },
		{ "str(a),sha2(256),hex",
		    "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785"
		    "AFEE48BB" },
		{ "str(a),md5,hex", "0CC175B9C0F1B6A831C399E269772661" },
		{ "str(abc),crc32", "891568578" },
		{ "str(a),crc32c", "3251651376" },
		{ "str(abc),djb2", "193485963" },
		{ "str(abc),sdbm", "807794786" },
	};

	(void)state;
	CHECK(t);
}

static void
sample__control_bytes_in_a_header__are_coded(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, "GET /?z=a%0d%0ab%00c%7fd HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_string_equal(
	    fix_value(x, "%[url_param(z),url_dec]"), "a%0D%0Ab%00c%7Fd");
	assert_string_equal(
	    fix_format(x, "%[url_param(z),url_dec]"), "a#0D#0Ab#00c#7Fd");
	fix_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conv_int__operations__saturate),
		cmocka_unit_test(conv_int__addresses_and_dates__as_documented),
		cmocka_unit_test(conv_str__parts__as_documented),
		cmocka_unit_test(conv_str__regsub__flags_and_groups),
		cmocka_unit_test(conv_code__encodings__both_ways),
		cmocka_unit_test(conv_hash__known_texts__known_values),
		cmocka_unit_test(sample__control_bytes_in_a_header__are_coded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
