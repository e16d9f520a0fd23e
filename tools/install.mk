# SPDX-License-Identifier: MIT
# What `make install` places besides the programs.

init_dir = $(sysconfdir)/init.d
default_dir = $(sysconfdir)/default
config_dir = $(sysconfdir)/wsbroker
unit_dir = $(prefix)/lib/systemd/system
sysusers_dir = $(prefix)/lib/sysusers.d
tmpfiles_dir = $(prefix)/lib/tmpfiles.d
examples_dir = $(docdir)/examples

grafanadir = $(docdir)/grafana
dist_grafana_DATA = tools/grafana/wsbroker.json

INIT_FILES = wsbroker.init wsbroker.openrc wsbroker.tmpfiles
UNIT_FILES = wsbroker.service wsbroker@.service

INIT_PATHS = -e 's|@bindir[@]|$(bindir)|g' -e 's|@sbindir[@]|$(sbindir)|g' \
	-e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|@runstatedir[@]|$(runstatedir)|g' \
	-e 's|@localstatedir[@]|$(localstatedir)|g'

# The paths of this configuration go into the init scripts.
$(INIT_FILES): %: $(srcdir)/tools/init/%.in Makefile
	$(AM_V_GEN)$(SED) $(INIT_PATHS) $< > $@
wsbroker.service: $(srcdir)/tools/init/wsbroker.service.in Makefile
	$(AM_V_GEN)$(SED) $(INIT_PATHS) -e 's|@of[@]||' -e 's|@conf[@]|wsbroker|' \
		-e 's|@run[@]|wsbroker|g' -e 's|@instance[@]||' $< > $@
wsbroker@.service: $(srcdir)/tools/init/wsbroker.service.in Makefile
	$(AM_V_GEN)$(SED) $(INIT_PATHS) -e 's|@of[@]| (%i)|' -e 's|@conf[@]|%i|' \
		-e 's|@run[@]|wsbroker-%i|g' \
		-e 's|@instance[@]|--instance %i |' $< > $@
noinst_DATA = $(INIT_FILES) $(UNIT_FILES)
CLEANFILES += $(INIT_FILES) $(UNIT_FILES)

dist_man_MANS = tools/man/wsbroker.8 tools/man/wsbroker-ctl.8 \
	tools/man/wsbroker-top.1

# wsbroker.conf(5) is made from the keyword tables of the program.
nodist_man_MANS = wsbroker.conf.5
wsbroker.conf.5: wsbroker$(EXEEXT) $(srcdir)/tools/mkman \
		$(srcdir)/tools/man/wsbroker.conf.5.in
	$(AM_V_GEN)./wsbroker$(EXEEXT) --dump-keywords | \
		$(srcdir)/tools/mkman > $@.tmp && mv $@.tmp $@
CLEANFILES += wsbroker.conf.5 wsbroker.conf.5.tmp

# An existing configuration is never overwritten.
install-data-local: $(INIT_FILES) $(UNIT_FILES)
	$(MKDIR_P) "$(DESTDIR)$(config_dir)/conf.d" \
		"$(DESTDIR)$(config_dir)/errors" "$(DESTDIR)$(init_dir)" \
		"$(DESTDIR)$(default_dir)" "$(DESTDIR)$(unit_dir)" \
		"$(DESTDIR)$(sysusers_dir)" "$(DESTDIR)$(tmpfiles_dir)" \
		"$(DESTDIR)$(examples_dir)" \
		"$(DESTDIR)$(localstatedir)/lib/wsbroker/empty"
	chmod 555 "$(DESTDIR)$(localstatedir)/lib/wsbroker/empty"
	test -e "$(DESTDIR)$(config_dir)/wsbroker.conf" || \
		$(INSTALL_DATA) $(srcdir)/tools/conf/wsbroker.conf \
		"$(DESTDIR)$(config_dir)/wsbroker.conf"
	test -e "$(DESTDIR)$(default_dir)/wsbroker" || \
		$(INSTALL_DATA) $(srcdir)/tools/init/wsbroker.default \
		"$(DESTDIR)$(default_dir)/wsbroker"
	$(INSTALL_SCRIPT) wsbroker.init "$(DESTDIR)$(init_dir)/wsbroker"
	$(INSTALL_DATA) $(UNIT_FILES) "$(DESTDIR)$(unit_dir)"
	$(INSTALL_DATA) $(srcdir)/tools/init/wsbroker.sysusers \
		"$(DESTDIR)$(sysusers_dir)/wsbroker.conf"
	$(INSTALL_DATA) wsbroker.tmpfiles \
		"$(DESTDIR)$(tmpfiles_dir)/wsbroker.conf"
	$(INSTALL_DATA) $(srcdir)/tools/conf/wsbroker.conf wsbroker.openrc \
		$(srcdir)/tools/init/wsbroker.rsyslog \
		$(srcdir)/tools/init/wsbroker.logrotate \
		"$(DESTDIR)$(examples_dir)"

# The Debian package, from a copy of the sources.
deb:
	@$(srcdir)/tools/mkdeb .

.PHONY: deb

uninstall-local:
	rm -f "$(DESTDIR)$(init_dir)/wsbroker" \
		"$(DESTDIR)$(unit_dir)/wsbroker.service" \
		"$(DESTDIR)$(unit_dir)/wsbroker@.service" \
		"$(DESTDIR)$(sysusers_dir)/wsbroker.conf" \
		"$(DESTDIR)$(tmpfiles_dir)/wsbroker.conf" \
		"$(DESTDIR)$(examples_dir)"/wsbroker.*
