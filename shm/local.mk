# SPDX-License-Identifier: MIT
include shm/base.mk
include shm/proto.mk
include shm/conf.mk
include shm/seg.mk
include shm/ipc.mk
