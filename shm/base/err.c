/* SPDX-License-Identifier: MIT */
/*
 * The texts of the error codes and their relation to errno.
 */
#include "shm/base/err.h"

#include <errno.h>

static const char *const texts[WSE_N] = {
	[WSE_OK] = "ok",
	[WSE_AGAIN] = "would block",
	[WSE_NOMEM] = "out of memory",
	[WSE_FULL] = "full",
	[WSE_SYS] = "system call failed",
	[WSE_SYNTAX] = "syntax error",
	[WSE_TOOBIG] = "too big",
	[WSE_RANGE] = "out of range",
	[WSE_PROTO] = "protocol violation",
	[WSE_DENIED] = "not permitted",
	[WSE_NOTFOUND] = "not found",
	[WSE_EXISTS] = "exists already",
	[WSE_STALE] = "stale",
	[WSE_TIMEOUT] = "timed out",
	[WSE_EOF] = "closed by peer",
	[WSE_RESET] = "reset by peer",
	[WSE_REFUSED] = "refused by peer",
	[WSE_UNREACH] = "unreachable",
	[WSE_CORRUPT] = "corrupt",
	[WSE_NOFD] = "no descriptors left",
	[WSE_UNSUPP] = "not supported",
};

const char *
err_text(int err)
{
	unsigned i = err < 0 ? 0u - (unsigned)err : (unsigned)err;

	return i < WSE_N ? texts[i] : "unknown error";
}

int
err_from_errno(int errnum)
{
	switch (errnum) {
	case 0:
		return WSE_OK;
	case EAGAIN:
	case EINTR:
	case EINPROGRESS:
		return WSE_AGAIN;
	case ENOMEM:
	case ENOBUFS:
		return WSE_NOMEM;
	case ENOSPC:
		return WSE_FULL;
	case E2BIG:
	case EMSGSIZE:
		return WSE_TOOBIG;
	case ERANGE:
	case EDOM:
		return WSE_RANGE;
	case EACCES:
	case EPERM:
		return WSE_DENIED;
	case ENOENT:
		return WSE_NOTFOUND;
	case EEXIST:
	case EADDRINUSE:
		return WSE_EXISTS;
	case ETIMEDOUT:
		return WSE_TIMEOUT;
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
		return WSE_RESET;
	case ECONNREFUSED:
		return WSE_REFUSED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
		return WSE_UNREACH;
	case EMFILE:
	case ENFILE:
		return WSE_NOFD;
	case EOPNOTSUPP:
	case ENOSYS:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return WSE_UNSUPP;
	default:
		return WSE_SYS;
	}
}
