#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes configure and Makefile.in from configure.ac and Makefile.am.
set -eu
cd "$(dirname "$0")"

need() {
	command -v "$1" >/dev/null 2>&1 && return
	echo "autogen.sh: $1 is missing (Debian package: $2)" >&2
	exit 1
}
need autoreconf autoconf
need automake automake
need pkg-config pkg-config

mkdir -p .autotools
exec autoreconf --install --force -Wno-portability "$@"
