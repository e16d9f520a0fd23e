/* SPDX-License-Identifier: MIT */
/*
 * What HAProxy knows and wsbroker does not (yet): a user who brings such a
 * line is told what to do, instead of being asked whether it is a typo.
 */
#include <string.h>

#include "shm/conf/keyword.h"

/* Names in one string, separated by '|', that share an answer. */
static const struct {
	unsigned where;
	const char *instead;
	const char *names;
} groups[] = {
	{ KW_SECTION,
	    "list the members of a cluster elsewhere: stick tables are not "
	    "shared",
	    "|peers|" },
	{ KW_SECTION,
	    "give addresses, or names that the C library resolves at start",
	    "|resolvers|" },
	{ KW_SECTION, "check users in the application", "|userlist|" },
	{ KW_SECTION, "let the application or a cache in front of it do this",
	    "|cache|" },
	{ KW_SECTION, "watch the log or the metrics", "|mailers|" },
	{ KW_SECTION, "start the program from your init system", "|program|" },
	{ KW_SECTION, "use errorfile in a defaults section", "|http-errors|" },
	{ KW_SECTION, "log to syslog or stdout",
	    "|ring|log-forward|log-profile|" },
	{ KW_SECTION, "speak HTTP to the application", "|fcgi-app|" },
	{ KW_SECTION, "name certificates with 'crt' on bind lines",
	    "|crt-store|acme|" },
	{ KW_SECTION, "log more with log-format", "|traces|" },
	{ KW_GLOBAL, "leave the line out; the kernel spreads the load",
	    "|cpu-map|numa-cpu-mapping|cpu-policy|cpu-set|thread-group|"
	    "bind-process|thread-hard-limit|" },
	{ KW_GLOBAL, "leave the line out; Lua is out of scope",
	    "|lua-load|lua-load-per-thread|lua-prepend-path|"
	    "insecure-fork-wanted|insecure-setuid-wanted|"
	    "tune.lua.maxmem|tune.lua.session-timeout|"
	    "tune.lua.service-timeout|tune.lua.task-timeout|"
	    "tune.lua.forced-yield|tune.lua.log.loggers|"
	    "tune.lua.log.stderr|" },
	{ KW_GLOBAL, "leave the line out; epoll is always used",
	    "|noepoll|nopoll|noevports|nokqueue|nosplice|nogetaddrinfo|"
	    "noreuseport|busy-polling|tune.maxpollevents|" },
	{ KW_GLOBAL, "set the limit in the unit or the shell that starts it",
	    "|ulimit-n|fd-hard-limit|strict-limits|set-dumpable|"
	    "maxpipes|no-memory-trimming|tune.memory.hot-size|"
	    "limited-quic|zero-warning|" },
	{ KW_GLOBAL, "leave the line out",
	    "|localpeer|external-check|expose-experimental-directives|"
	    "expose-deprecated-directives|grace|"
	    "server-state-base|server-state-file|"
	    "load-server-state-from-file|default-path|unix-bind|"
	    "spread-checks|max-spread-checks|profiling.tasks|"
	    "profiling.memory|quiet|debug|anonkey|prealloc-fd|"
	    "shm-stats-file|setcap|mworker-max-reloads|presetenv-file|"
	    "resetenv|unsetenv|cluster-secret|h1-case-adjust|"
	    "h1-case-adjust-file|h1-accept-payload-with-any-method|"
	    "h1-do-not-close-on-insecure-transfer-encoding|"
	    "http-err-codes|"
	    "http-fail-codes|pp2-never-send-local|"
	    "httpclient.resolvers.disabled|httpclient.resolvers.id|"
	    "httpclient.resolvers.prefer|httpclient.retries|"
	    "httpclient.timeout.connect|httpclient.ssl.verify|"
	    "httpclient.ssl.ca-file|log-send-hostname-file|"
	    "wurfl-data-file|deviceatlas-json-file|51degrees-data-file|"
	    "stats-file|warn-blocked-traffic-after|"
	    "harden.reject-privileged-ports.tcp|"
	    "harden.reject-privileged-ports.quic|"
	    "force-cfg-parser-pause|dns-accept-family|key-base|" },
	{ KW_GLOBAL, "use maxconn",
	    "|maxconnrate|maxsessrate|maxcomprate|maxcompcpuusage|"
	    "maxzlibmem|" },
	{ KW_GLOBAL, "leave the line out; TLS comes from OpenSSL as it is",
	    "|ssl-engine|ssl-propquery|ssl-provider|ssl-provider-path|"
	    "ssl-mode-async|ssl-security-level|ssl-dh-param-file|"
	    "ssl-default-bind-sigalgs|ssl-default-bind-client-sigalgs|"
	    "ssl-default-server-sigalgs|"
	    "ssl-default-server-client-sigalgs|" },
	{ KW_GLOBAL,
	    "leave the line out; a certificate's file holds its chain, and "
	    "its key or FILE.key does",
	    "|ssl-load-extra-files|ssl-load-extra-del-ext|"
	    "issuers-chain-path|ssl-skip-self-issued-ca|" },
	{ KW_GLOBAL, "leave the line out; the default fits",
	    "|tune.ssl.cachesize|tune.ssl.lifetime|"
	    "tune.ssl.maxrecord|tune.ssl.force-private-cache|"
	    "tune.ssl.keylog|tune.ssl.ssl-ctx-cache-size|"
	    "tune.ssl.capture-buffer-size|"
	    "tune.ssl.capture-cipherlist-size|tune.ssl.hard-maxrecord|"
	    "tune.ssl.ocsp-update.maxdelay|"
	    "tune.ssl.ocsp-update.mindelay|ocsp-update.mode|" },
	{ KW_GLOBAL,
	    "use tune.h2.max-concurrent-streams or "
	    "tune.h2.initial-window-size, or leave the line out",
	    "|tune.h2.be.initial-window-size|"
	    "tune.h2.fe.initial-window-size|"
	    "tune.h2.be.max-concurrent-streams|"
	    "tune.h2.fe.max-concurrent-streams|"
	    "tune.h2.fe.max-total-streams|"
	    "tune.h2.be.glitches-threshold|"
	    "tune.h2.fe.glitches-threshold|tune.h2.be.rxbuf|"
	    "tune.h2.fe.rxbuf|tune.h2.zero-copy-fwd-send|" },
	{ KW_GLOBAL, "leave the line out; the default fits",
	    "|tune.http.maxhdr|tune.buffers.limit|tune.buffers.reserve|"
	    "tune.bufsize.small|tune.comp.maxlevel|"
	    "tune.disable-fast-forward|"
	    "tune.disable-zero-copy-forwarding|"
	    "tune.events.max-events-at-once|tune.fail-alloc|"
	    "tune.fd.edge-triggered|tune.http.cookielen|"
	    "tune.http.logurilen|tune.idletimer|"
	    "tune.idle-pool.low-quota|tune.listener.default-shards|"
	    "tune.max-checks-per-thread|"
	    "tune.maxaccept|tune.notsent-lowat.client|"
	    "tune.notsent-lowat.server|tune.pattern.cache-size|"
	    "tune.peers.max-updates-at-once|tune.pipesize|"
	    "tune.pool-high-fd-ratio|tune.pool-low-fd-ratio|"
	    "tune.pt.zero-copy-forwarding|tune.h1.zero-copy-fwd-recv|"
	    "tune.h1.zero-copy-fwd-send|tune.rcvbuf.client|"
	    "tune.rcvbuf.server|tune.rcvbuf.backend|"
	    "tune.rcvbuf.frontend|tune.sndbuf.client|"
	    "tune.sndbuf.server|tune.sndbuf.backend|"
	    "tune.sndbuf.frontend|tune.recv_enough|tune.runqueue-depth|"
	    "tune.sched.low-latency|tune.stick-counters|"
	    "tune.takeover-other-tg-connections|"
	    "tune.vars.global-max-size|tune.vars.proc-max-size|"
	    "tune.vars.reqres-max-size|tune.vars.sess-max-size|"
	    "tune.vars.txn-max-size|"
	    "tune.quic.frontend.max-idle-timeout|tune.zlib.memlevel|"
	    "tune.zlib.windowsize|tune.epoll.mask-events|"
	    "tune.glitches.kill.cpu-usage|tune.renice.runtime|"
	    "tune.renice.startup|tune.applet.zero-copy-forwarding|" },
	{ KW_GLOBAL, "leave the line out; it comes with reload support",
	    "|rebalance|" },
	{ KW_GLOBAL, "write 'stats socket'", "|stats bind-process|" },
	{ KW_ALL,
	    "leave the line out: it scales minconn, which is not supported",
	    "|fullconn|" },
	{ KW_ALL, "leave the line out; stick tables are out of scope",
	    "|stick|stick-table|" },
	{ KW_ALL, "use 'http-request deny' and ACLs",
	    "|rate-limit sessions|tcp-request connection|block|reqdeny|"
	    "reqtarpit|timeout tarpit|" },
	{ KW_ALL, "use http-request rules",
	    "|tcp-request content|tcp-request inspect-delay|"
	    "tcp-request session|tcp-request|tcp-response|"
	    "http-check disable-on-404|" },
	{ KW_ALL, "leave the line out; caches and compression are out of scope",
	    "|compression|filter cache|filter compression|" },
	{ KW_ALL, "leave the line out; filters are out of scope",
	    "|filter|email-alert|" },
	{ KW_ALL, "use errorfile or 'http-request return'",
	    "|errorloc|errorloc302|errorloc303|errorfiles|http-error|"
	    "monitor fail|monitor-uri|monitor-net|" },
	{ KW_ALL,
	    "use the runtime interface ('stats socket' in the global section)",
	    "|stats admin|stats scope|stats show-desc|stats show-modules|"
	    "stats|" },
	{ KW_ALL,
	    "bind the page to an address of your own, or guard it with "
	    "'http-request deny' and ACLs",
	    "|stats auth|stats realm|stats http-request|" },
	{ KW_ALL,
	    "use 'balance source' or 'balance hdr(name)' to keep clients on a "
	    "server",
	    "|appsession|persist|force-persist|ignore-persist|"
	    "dispatch|use-fcgi-app|" },
	{ KW_ALL, "use 'http-request set-header'",
	    "|unique-id-format|unique-id-header|http-send-name-header|"
	    "option forwarded|option originalto|reqadd|reqrep|rspadd|"
	    "rsprep|" },
	{ KW_ALL, "use log-format",
	    "|log-format-sd|error-log-format|log-steps|" },
	{ KW_ALL,
	    "use 'option httpchk' with 'http-check', or leave the line out: "
	    "checks connect, and shake hands where the server speaks TLS",
	    "|http-check comment|http-check send-state|"
	    "http-check set-var|http-check unset-var|"
	    "tcp-check|external-check|option tcp-check|"
	    "option external-check|option ldap-check|"
	    "option mysql-check|option pgsql-check|option redis-check|"
	    "option smtpchk|option spop-check|option ssl-hello-chk|" },
	{ KW_ALL, "leave the line out",
	    "|bind-process|backlog|grace|guid|source|server-template|"
	    "server-state-file-name|load-server-state-from-file|"
	    "max-session-srv-conns|max-keep-alive-queue|"
	    "transparent|srvtimeout|clitimeout|contimeout|"
	    "option allbackups|option checkcache|option clitcpka|"
	    "option srvtcpka|option tcpka|option contstats|"
	    "option disable-h2-upgrade|"
	    "option h1-case-adjust-bogus-client|"
	    "option h1-case-adjust-bogus-server|option http-no-delay|"
	    "option http-pretend-keepalive|option http-proxy|"
	    "option http_proxy|option http-use-htx|"
	    "option http-use-proxy-header|"
	    "option http-restrict-req-hdr-names|"
	    "option http-drop-request-trailers|"
	    "option http-drop-response-trailers|"
	    "option idle-close-on-response|option independent-streams|"
	    "option log-separate-errors|option nolinger|option persist|"
	    "option prefer-last-server|option socket-stats|"
	    "option splice-auto|option splice-request|"
	    "option splice-response|option tcp-smart-accept|"
	    "option tcp-smart-connect|option transparent|"
	    "option accept-invalid-http-request|"
	    "option accept-invalid-http-response|"
	    "option accept-unsafe-violations-in-http-request|"
	    "option accept-unsafe-violations-in-http-response|"
	    "option use-small-buffers|clitcpka-cnt|clitcpka-idle|"
	    "clitcpka-intvl|srvtcpka-cnt|srvtcpka-idle|srvtcpka-intvl|"
	    "http-request-timeout|hash-balance-factor|"
	    "hash-preserve-affinity|timeout client-hs|retry|acl-file|"
	    "force-be-switch|log-profile|" },
	{ KW_ALL, "use the timeouts that are there",
	    "|timeout clientfin|timeout appsession|" },
	{ KW_BIND, "use 'maxconn' in the frontend", "|maxconn|" },
	{ KW_BIND, "use 'ssl-min-ver TLSv1.2', the lowest there is",
	    "|force-sslv3|force-tlsv10|force-tlsv11|" },
	{ KW_BIND, "use 'ca-file' and 'verify'",
	    "|ca-verify-file|ca-ignore-err|crt-ignore-err|crl-file|"
	    "no-ca-names|" },
	{ KW_BIND, "name certificates with 'crt' or 'crt-list'",
	    "|ca-sign-file|ca-sign-pass|generate-certificates|default-crt|" },
	{ KW_BIND,
	    "leave the word out; tickets have keys that all workers "
	    "share",
	    "|tls-ticket-keys|tls-tickets|" },
	{ KW_BIND, "use 'alpn'", "|npn|" },
	{ KW_BIND, "use 'curves'", "|ecdhe|" },
	{ KW_BIND, "leave the word out; TLS decides it",
	    "|client-sigalgs|sigalgs|prefer-client-ciphers|allow-0rtt|"
	    "ktls|" },
	{ KW_BIND, "leave the word out",
	    "|accept-netscaler-cip|defer-accept|expose-fd|guid-prefix|"
	    "id|label|level|mss|namespace|nbconn|nice|no-quic-socket|"
	    "process|quic-force-retry|quic-cc-algo|quic-socket|"
	    "severity-output|shards|tcp-md5sig|tcp-ut|tcp-ss|tfo|thread|"
	    "cc|idle-ping|force-strict-sni|" },
	{ KW_SERVER, "use 'ssl-min-ver TLSv1.2', the lowest there is",
	    "|force-sslv3|force-tlsv10|force-tlsv11|" },
	{ KW_SERVER, "use 'check-sni'", "|check-sni-auto|" },
	{ KW_SERVER, "use 'sni'", "|sni-auto|no-sni-auto|" },
	{ KW_SERVER, "use 'alpn'", "|npn|" },
	{ KW_SERVER, "use 'ca-file' and 'verify'", "|crl-file|" },
	{ KW_SERVER, "leave the word out; TLS decides it",
	    "|sigalgs|client-sigalgs|allow-0rtt|ktls|renegotiate|"
	    "no-renegotiate|" },
	{ KW_SERVER, "use 'check'",
	    "|check-via-socks4|check-reuse-pool|"
	    "check-pool-conn-name|" },
	{ KW_SERVER, "use 'send-proxy-v2'",
	    "|proxy-v2-options|send-proxy-v2-ssl|send-proxy-v2-ssl-cn|"
	    "no-send-proxy-v2-ssl|no-send-proxy-v2-ssl-cn|"
	    "set-proxy-v2-tlv-fmt|" },
	{ KW_ALL, "give each server a 'cookie'", "|dynamic-cookie-key|" },
	{ KW_SERVER,
	    "give an address, or a name the C library resolves at start",
	    "|resolvers|resolve-prefer|resolve-net|resolve-opts|" },
	{ KW_SERVER, "use http-request redirect", "|redir|" },
	{ KW_SERVER, "leave the word out",
	    "|source|usesrc|interface|namespace|"
	    "non-stick|stick|socks4|tcp-ut|tcp-md5sig|tfo|no-tfo|"
	    "max-reuse|minconn|log-proto|log-bufsize|shard|guid|"
	    "hash-key|idle-ping|pool-idle|strict-maxconn|cc|"
	    "healthcheck|init-state|mptcp|no-redispatch|maxreuse|"
	    "quic-cc-algo|" },
};

static bool
has_name(const char *names, const char *name, const char **name_r)
{
	size_t n = strlen(name);

	if (!n || strchr(name, '|'))
		return false;
	for (const char *p = names; (p = strchr(p, '|')) != NULL; p++) {
		if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '|') {
			*name_r = name;
			return true;
		}
	}
	return false;
}

const char *
unsupported_find(
    unsigned where, const char *first, const char *second, const char **name_r)
{
	/* The two words stay readable until the next call. */
	static char both[96];

	both[0] = '\0';
	if (second && *second &&
	    strlen(first) + strlen(second) + 2 <= sizeof(both)) {
		strcpy(both, first);
		strcat(both, " ");
		strcat(both, second);
	}
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if ((groups[i].where & where) &&
		    (has_name(groups[i].names, both, name_r) ||
			has_name(groups[i].names, first, name_r)))
			return groups[i].instead;
	return NULL;
}
