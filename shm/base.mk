# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	shm/base/buf.c shm/base/buf.h \
	shm/base/chk.c shm/base/chk.h \
	shm/base/clock.c shm/base/clock.h \
	shm/base/err.c shm/base/err.h \
	shm/base/fds.c shm/base/fds.h \
	shm/base/list.h \
	shm/base/log.c shm/base/log.h \
	shm/base/mem.c shm/base/mem.h \
	shm/base/sealed.c shm/base/sealed.h \
	shm/base/sv.c shm/base/sv.h \
	shm/base/wheel.c shm/base/wheel.h
