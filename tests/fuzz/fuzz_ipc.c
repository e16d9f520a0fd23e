/* SPDX-License-Identifier: MIT */
/*
 * The IPC wire: first four bytes sender, receiver, phase, descriptors; the
 * rest is the message.  What decodes must encode to the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shm/ipc/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t out[IPC_WIRE_MAX];
	struct ipc_msg m;
	ssize_t k;
	int r;

	if (n < 4)
		return 0;
	if (p[3] & 0x80)
		r = ipc_decode_truncated(p + 4, n - 4,
		    (enum proc_role)(p[0] % ROLE_N),
		    (enum proc_role)(p[1] % ROLE_N), p[2], &m);
	else
		r = ipc_decode(p + 4, n - 4, (enum proc_role)(p[0] % ROLE_N),
		    (enum proc_role)(p[1] % ROLE_N), p[2], p[3], &m);
	if (r != 0)
		return 0;
	if (m.truncated) {
		/* an encoder wants the descriptors */
		m.fd_count = ipc_tbl[m.type].fd_max;
		if (m.type == IPC_GRANT &&
		    (m.u.grant.flags & GRANT_F_HELD ||
			m.u.grant.slot == UINT32_MAX))
			m.fd_count = 0;
	}
	k = ipc_encode(&m, out, sizeof(out));
	if (k != (ssize_t)(n - 4))
		abort();
	if (m.type == IPC_GRANT) /* padding is zeroed */
		return 0;
	if (memcmp(out, p + 4, n - 4) != 0)
		abort();
	return 0;
}
