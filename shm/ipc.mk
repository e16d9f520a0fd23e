# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	shm/ipc/chan.c shm/ipc/chan.h \
	shm/ipc/ipc.c shm/ipc/ipc.h \
	shm/ipc/ipc_tbl.c shm/ipc/ipc_tbl.h
