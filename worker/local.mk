# SPDX-License-Identifier: MIT
include worker/worker.mk
include worker/pool.mk
include worker/rules.mk
