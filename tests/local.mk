# SPDX-License-Identifier: MIT

# Unit tests: the fragments add to check_PROGRAMS.
if HAVE_CMOCKA
include tests/unit/base.mk
include tests/unit/proto.mk
include tests/unit/conf.mk
include tests/unit/seg.mk
include tests/unit/ipc.mk
include tests/unit/broker.mk
include tests/unit/worker.mk
include tests/unit/rules.mk
include tests/unit/master.mk
include tests/unit/tools.mk
include tests/unit/top.mk
endif
TESTS = $(check_PROGRAMS)

print-check-programs:
	@echo $(check_PROGRAMS)

# Fuzzers: tests/fuzz/fuzz_X.c with tests/fuzz/corpus/X/, built by clang.
FUZZERS = $(patsubst $(srcdir)/%.c,%,$(wildcard $(srcdir)/tests/fuzz/fuzz_*.c))
FUZZ_SECONDS = 10

if ENABLE_FUZZ
$(FUZZERS): %: $(srcdir)/%.c libwsb.a
	@$(MKDIR_P) $(@D)
	$(AM_V_CCLD)$(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) \
		$(CFLAGS) -fsanitize=fuzzer $(AM_LDFLAGS) $(LDFLAGS) -o $@ $< \
		libwsb.a $(WSB_LIBS)

fuzz: $(FUZZERS)

fuzz-smoke: fuzz
	@$(srcdir)/tests/lib/fuzz-smoke "$(srcdir)" $(FUZZ_SECONDS) $(FUZZERS)
else
fuzz fuzz-smoke:
	@echo "configure with --enable-fuzz first (or: tools/build --fuzz)" >&2
	@exit 1
endif

lint:
	@$(srcdir)/tools/lint

# Micro-benchmarks: make tests/bench/tls_rec, and run it.
EXTRA_PROGRAMS = tests/bench/tls_rec
tests_bench_tls_rec_SOURCES = tests/bench/tls_rec.c
tests_bench_tls_rec_LDADD = libwsb.a $(WSB_LIBS)

bench: all
	@WSB_BUILD="$(abs_builddir)" $(srcdir)/tests/bench/run

.PHONY: print-check-programs fuzz fuzz-smoke lint bench
