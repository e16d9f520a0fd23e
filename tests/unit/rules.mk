# SPDX-License-Identifier: MIT
RULES_FIXTURE = tests/unit/worker/rules/fixture.c \
	tests/unit/worker/rules/fixture.h
RULES_LIBS = libwsb.a $(WSB_LIBS) -lcmocka

check_PROGRAMS += tests/unit/shm/conf/test_acl
tests_unit_shm_conf_test_acl_SOURCES = tests/unit/shm/conf/test_acl.c \
	$(RULES_FIXTURE)
tests_unit_shm_conf_test_acl_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/shm/conf/test_expr
tests_unit_shm_conf_test_expr_SOURCES = tests/unit/shm/conf/test_expr.c
tests_unit_shm_conf_test_expr_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/shm/conf/test_logfmt
tests_unit_shm_conf_test_logfmt_SOURCES = tests/unit/shm/conf/test_logfmt.c \
	$(RULES_FIXTURE)
tests_unit_shm_conf_test_logfmt_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/shm/conf/test_regx
tests_unit_shm_conf_test_regx_SOURCES = tests/unit/shm/conf/test_regx.c
tests_unit_shm_conf_test_regx_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/shm/conf/test_rule
tests_unit_shm_conf_test_rule_SOURCES = tests/unit/shm/conf/test_rule.c \
	$(RULES_FIXTURE)
tests_unit_shm_conf_test_rule_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/worker/rules/test_acl_eval
tests_unit_worker_rules_test_acl_eval_SOURCES = \
	tests/unit/worker/rules/test_acl_eval.c $(RULES_FIXTURE)
tests_unit_worker_rules_test_acl_eval_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/worker/rules/test_conv
tests_unit_worker_rules_test_conv_SOURCES = \
	tests/unit/worker/rules/test_conv.c $(RULES_FIXTURE)
tests_unit_worker_rules_test_conv_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/worker/rules/test_fetch
tests_unit_worker_rules_test_fetch_SOURCES = \
	tests/unit/worker/rules/test_fetch.c $(RULES_FIXTURE)
tests_unit_worker_rules_test_fetch_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/worker/rules/test_logfmt_out
tests_unit_worker_rules_test_logfmt_out_SOURCES = \
	tests/unit/worker/rules/test_logfmt_out.c $(RULES_FIXTURE)
tests_unit_worker_rules_test_logfmt_out_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/worker/rules/test_rules_run
tests_unit_worker_rules_test_rules_run_SOURCES = \
	tests/unit/worker/rules/test_rules_run.c $(RULES_FIXTURE)
tests_unit_worker_rules_test_rules_run_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/worker/rules/test_sample
tests_unit_worker_rules_test_sample_SOURCES = \
	tests/unit/worker/rules/test_sample.c $(RULES_FIXTURE)
tests_unit_worker_rules_test_sample_LDADD = $(RULES_LIBS)

check_PROGRAMS += tests/unit/worker/rules/test_var
tests_unit_worker_rules_test_var_SOURCES = \
	tests/unit/worker/rules/test_var.c $(RULES_FIXTURE)
tests_unit_worker_rules_test_var_LDADD = $(RULES_LIBS)
