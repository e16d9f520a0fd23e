/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

#include "shm/conf/addr.h"
#include "shm/conf/rule.h"

static void
conf__new__has_the_defaults(void **state)
{
	struct run r;

	(void)state;
	run_good(&r, "");
	assert_int_equal(r.cp.conf->global.nbproc, 1);
	assert_int_equal(r.cp.conf->global.uid, -1);
	assert_int_equal(r.cp.conf->global.bufsize_bytes, 16384);
	assert_int_equal(r.cp.conf->proxy_count, 0);
	run_end(&r);
	run_end(&r); /* NULL is fine */
}

static void
conf__global__is_stored(void **state)
{
	struct run r;
	struct conf_global *g;

	(void)state;
	run_good(&r,
	    "global\n\tnbproc 4\n\tmaxconn 1000\n\tdaemon\n"
	    "\tuid 10\n\tgid 20\n\tchroot /var/empty\n\tpidfile /run/x.pid\n"
	    "\thard-stop-after 30s\n"
	    "\tstats socket /run/x.sock mode 660 level admin expose-fd "
	    "listeners\n\tstats socket 127.0.0.1:9999\n\tstats timeout 5s\n"
	    "global\n\tmaxconn 2000\n\ttune.bufsize 8k\n\tnbthread 8\n"
	    "\ttune.maxrewrite 8000\n"
	    "\tssl-default-bind-options no-sslv3\n\tlog-tag tag\n");
	g = &r.cp.conf->global;
	assert_int_equal(g->nbproc, 4);
	assert_int_equal(g->maxconn, 2000);
	assert_true(g->daemon);
	assert_int_equal(g->uid, 10);
	assert_int_equal(g->gid, 20);
	assert_string_equal(g->chroot, "/var/empty");
	assert_string_equal(g->pidfile, "/run/x.pid");
	assert_int_equal(g->hard_stop_after_ms, 30000);
	assert_int_equal(g->bufsize_bytes, 8192);
	assert_int_equal(g->maxrewrite_bytes, 4096); /* half at most */
	assert_string_equal(g->log_tag, "tag");
	assert_int_equal(g->stats_sockets->mode, 0660);
	assert_int_equal(g->stats_sockets->level, 2);
	assert_true(g->stats_sockets->expose_fd);
	assert_int_equal(g->stats_sockets->next->level, 1);
	assert_int_equal(g->stats_timeout_ms, 5000);
	run_end(&r);
}

static void
conf__frontend_and_backend__are_linked(void **state)
{
	struct run r;
	struct proxy *fe, *be;

	(void)state;
	run_good(&r,
	    DEFAULTS
	    "frontend fe\n\tbind 127.0.0.1:80,[::1]:81 name web accept-proxy\n"
	    "\tbind *:8000-8002\n\tbind /run/s mode 600\n\tbind fd@5\n"
	    "\tacl api path_beg /api\n\tuse_backend be if api\n"
	    "\tdefault_backend be\n"
	    "backend be\n\tbalance leastconn\n"
	    "\tserver a 127.0.0.1:9000 weight 5\n"
	    "\tserver b [::1]:9001 backup check inter 1s rise 1 fall 2 id 1\n"
	    "\tserver c /run/c.sock maxconn 7 send-proxy-v2 disabled\n"
	    "\tserver d 127.0.0.1:0\n");
	fe = conf_find_proxy(r.cp.conf, "fe", PX_FRONTEND);
	be = conf_find_proxy(r.cp.conf, "be", PX_BACKEND);
	assert_non_null(fe);
	assert_null(conf_find_proxy(r.cp.conf, "fe", PX_BACKEND));
	assert_ptr_equal(fe->default_backend, be);
	assert_int_equal(r.cp.conf->bind_count, 7);
	assert_string_equal(fe->binds->name, "web");
	assert_true(fe->binds->accept_proxy);
	assert_string_equal(fe->binds->next->name, "web");
	assert_int_equal(addr_port(&fe->binds->next->next->next->addr), 8001);
	assert_int_equal(fe->binds->next->next->next->index, 3);
	assert_non_null(fe->rules[RULES_USE_BACKEND].head);
	assert_int_equal(be->lb.algo, LB_LEASTCONN);
	assert_int_equal(be->server_count, 4);
	assert_int_equal(conf_find_server(be, "a")->weight, 5);
	assert_int_equal(conf_find_server(be, "a")->id, 2); /* 1 is taken */
	assert_int_equal(conf_find_server(be, "b")->check.inter_ms, 1000);
	assert_int_equal(conf_find_server(be, "b")->row, 1);
	assert_int_equal(conf_find_server(be, "c")->send_proxy, 2);
	assert_true(conf_find_server(be, "c")->disabled);
	assert_false(conf_find_server(be, "d")->addr.has_port);
	assert_null(conf_find_server(be, "e"));
	assert_int_equal(fe->id, 2);
	assert_int_equal(be->id, 3);
	run_end(&r);
}

static void
conf__defaults__are_inherited_and_overridden(void **state)
{
	struct run r;
	struct proxy *px;

	(void)state;
	run_good(&r,
	    DEFAULTS
	    "\tretries 5\n\toption forwardfor header X-A\n\tbalance source\n"
	    "\toption dontlognull\n\tdefault_backend b\n\tmaxconn 9\n"
	    "frontend a\n\tbind :80\n\tno option dontlognull\n"
	    "backend b\n\tretries 1\n"
	    "backend c\n\toption redispatch\n"
	    "defaults\n\tmode http\n"
	    "\ttimeout client 1\n"
	    "backend d\n");
	px = conf_find_proxy(r.cp.conf, "a", PX_FRONTEND);
	assert_false(px->log.dontlognull);
	assert_int_equal(px->maxconn, 9);
	assert_string_equal(px->default_backend->name, "b");
	assert_string_equal(px->http.forwardfor_hdr, "X-A");
	px = conf_find_proxy(r.cp.conf, "b", PX_BACKEND);
	assert_int_equal(px->http.retries, 1);
	assert_int_equal(px->lb.algo, LB_SOURCE);
	assert_int_equal(px->tmo.queue_ms, 1000); /* as connect */
	px = conf_find_proxy(r.cp.conf, "c", PX_BACKEND);
	assert_int_equal(px->http.retries, 5);
	assert_true(px->http.redispatch);
	px = conf_find_proxy(r.cp.conf, "d", PX_BACKEND);
	assert_int_equal(px->http.retries, 3); /* a new start */
	assert_false(px->http.forwardfor);
	run_end(&r);
}

static void
conf__named_defaults__chain_and_hold_rules(void **state)
{
	struct run r;
	struct proxy *px;

	(void)state;
	run_good(&r,
	    "defaults base\n\tmode http\n\tretries 7\n\ttimeout client 1s\n"
	    "\thttp-request set-header x 1\n"
	    "defaults more from base\n\tmaxconn 3\n"
	    "\thttp-request set-header y 2\n"
	    "defaults last\n\tmode http\n\ttimeout client 1s\n"
	    "frontend f from more\n\tbind :80\n\thttp-request deny\n"
	    "backend g from base\n"
	    "frontend h\n\tbind :81\n");
	px = conf_find_proxy(r.cp.conf, "f", PX_FRONTEND);
	assert_int_equal(px->maxconn, 3);
	assert_int_equal(px->rules[RULES_HTTP_REQUEST].head->line, 5);
	assert_int_equal(px->rules[RULES_HTTP_REQUEST].head->next->line, 8);
	assert_int_equal(
	    px->rules[RULES_HTTP_REQUEST].head->next->next->line, 14);
	px = conf_find_proxy(r.cp.conf, "g", PX_BACKEND);
	assert_int_equal(px->http.retries, 7);
	assert_null(px->rules[RULES_HTTP_REQUEST].head->next);
	px = conf_find_proxy(r.cp.conf, "h", PX_FRONTEND);
	assert_null(px->rules[RULES_HTTP_REQUEST].head);
	run_end(&r);
}

static void
conf__default_server__reaches_servers_that_follow(void **state)
{
	struct run r;
	struct proxy *px;

	(void)state;
	run_good(&r,
	    DEFAULTS "\tdefault-server inter 9s pool-conn-name req.hdr(host)\n"
		     "backend b\n\tserver s0 127.0.0.1:1\n"
		     "\tdefault-server check maxconn 4\n"
		     "\tserver s1 127.0.0.1:1 no-check pool-conn-name path\n"
		     "\tserver s2 127.0.0.1:1\n"
		     "backend c\n\tserver s3 127.0.0.1:1\n");
	px = conf_find_proxy(r.cp.conf, "b", PX_BACKEND);
	assert_int_equal(px->servers->check.inter_ms, 9000);
	assert_false(px->servers->check.enabled);
	assert_int_equal(px->servers->maxconn, 0);
	assert_non_null(px->servers->pool.conn_name);
	assert_int_equal(conf_find_server(px, "s1")->maxconn, 4);
	assert_false(conf_find_server(px, "s1")->check.enabled);
	assert_string_equal(
	    conf_find_server(px, "s1")->pool.conn_name->text, "path");
	assert_true(conf_find_server(px, "s2")->check.enabled);
	assert_int_equal(conf_find_server(px, "s2")->check.inter_ms, 9000);
	px = conf_find_proxy(r.cp.conf, "c", PX_BACKEND);
	assert_int_equal(px->servers->maxconn, 0);
	assert_int_equal(px->servers->check.inter_ms, 9000);
	run_end(&r);
}

static void
conf__log_targets__are_kept_once(void **state)
{
	struct run r;
	struct proxy *px;

	(void)state;
	run_good(&r,
	    DEFAULTS
	    "\tlog global\n\toption httplog\n"
	    "frontend a\n\tbind :80\n\tlog 127.0.0.1 local0\n"
	    "frontend b\n\tbind :81\n\tno log\n\tlog 127.0.0.1:514 local0\n"
	    "global\n\tlog stdout format raw local0\n"
	    "\tlog /dev/log len 2000 local1 notice err\n"
	    "\tlog 127.0.0.1 local0\n");
	assert_int_equal(r.cp.conf->log_target_count, 3);
	px = conf_find_proxy(r.cp.conf, "a", PX_FRONTEND);
	assert_int_equal(px->log.target_mask, 7);
	assert_true(px->log.httplog);
	assert_non_null(px->log.fmt);
	px = conf_find_proxy(r.cp.conf, "b", PX_FRONTEND);
	assert_int_equal(px->log.target_mask, 1);
	assert_int_equal(r.cp.conf->global.log_mask, 7);
	assert_int_equal(r.cp.conf->log_targets[0].t.kind, LOGK_DGRAM);
	assert_int_equal(addr_port(&r.cp.conf->log_targets[0].addr), 514);
	assert_int_equal(r.cp.conf->log_targets[1].addr.fd, 1);
	assert_int_equal(r.cp.conf->log_targets[1].t.form, LOGF_RAW);
	assert_int_equal(r.cp.conf->log_targets[2].t.max_level, LOGL_NOTICE);
	assert_int_equal(r.cp.conf->log_targets[2].t.min_level, LOGL_ERR);
	assert_int_equal(r.cp.conf->log_targets[2].t.line_max_bytes, 2000);
	run_end(&r);
}

static void
conf__directives__choose_lines(void **state)
{
	struct run r;

	(void)state;
	setenv("WSB_N", "3", 1);
	run_good(&r,
	    "global\n\t.if streq(\"$WSB_N\",3)\n\tnbproc \"$WSB_N\"\n"
	    "\t.elif 1\n\tnbproc 4\n\t.else\n\tbogus\n\t.endif\n"
	    ".if 0\nbogus\n.if 1\nbogus\n.else\nbogus\n.endif\n.elif "
	    "defined(WSB_N)\n\tmaxconn 7\n.endif\n.diag x\n");
	assert_int_equal(r.cp.conf->global.nbproc, 3);
	assert_int_equal(r.cp.conf->global.maxconn, 7);
	run_end(&r);
}

static void
conf__log_format__may_build_on_haproxys(void **state)
{
	struct run r;

	(void)state;
	unsetenv("HAPROXY_HTTP_LOG_FMT");
	run_good(&r,
	    DEFAULTS "\tlog stdout local0\nfrontend f\n\tbind :80\n"
		     "\tlog-format \"${HAPROXY_HTTP_LOG_FMT} %[src]\"\n");
	assert_non_null(r.cp.conf->proxies->log.fmt);
	assert_false(r.cp.conf->proxies->log.httplog);
	run_end(&r);
}

static void
conf__missing_timeouts__are_a_warning(void **state)
{
	struct run r;

	(void)state;
	run_text(&r,
	    "listen l\n\tmode http\n\tbind :80\n"
	    "\tserver s 127.0.0.1:1\n");
	assert_int_equal(r.finish, 0);
	assert_int_equal(r.cp.warning_count, 1);
	assert_non_null(strstr(r.said, "missing timeouts for listen 'l'"));
	assert_non_null(strstr(r.said,
	    "'timeout client' 'timeout connect' "
	    "'timeout server'"));
	assert_true(r.cp.conf->has_default_warning);
	run_end(&r);
}

static void
conf__crlf_and_bom__are_no_matter(void **state)
{
	struct run r;

	(void)state;
	run_good(&r, "\xef\xbb\xbfglobal\r\n\tmaxconn 5\r\n\r\n# x\r\n");
	assert_int_equal(r.cp.conf->global.maxconn, 5);
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf__new__has_the_defaults),
		cmocka_unit_test(conf__global__is_stored),
		cmocka_unit_test(conf__frontend_and_backend__are_linked),
		cmocka_unit_test(conf__defaults__are_inherited_and_overridden),
		cmocka_unit_test(conf__named_defaults__chain_and_hold_rules),
		cmocka_unit_test(
		    conf__default_server__reaches_servers_that_follow),
		cmocka_unit_test(conf__log_targets__are_kept_once),
		cmocka_unit_test(conf__directives__choose_lines),
		cmocka_unit_test(conf__log_format__may_build_on_haproxys),
		cmocka_unit_test(conf__missing_timeouts__are_a_warning),
		cmocka_unit_test(conf__crlf_and_bom__are_no_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
