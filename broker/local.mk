# SPDX-License-Identifier: MIT
include broker/broker.mk
