# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	shm/seg/able.c shm/seg/able.h \
	shm/seg/board.c shm/seg/board.h \
	shm/seg/hist.c shm/seg/hist.h \
	shm/seg/limit.c shm/seg/limit.h \
	shm/seg/rate.c shm/seg/rate.h \
	shm/seg/memfd.c shm/seg/memfd.h \
	shm/seg/slot.c shm/seg/slot.h \
	shm/seg/stat.c shm/seg/stat.h \
	shm/seg/stat_tbl.c shm/seg/stat_tbl.h \
	shm/seg/vault.c shm/seg/vault.h
