# SPDX-License-Identifier: MIT
"""The demo origin with a TLS port beside its plain one."""

import re
import shutil
import ssl
import tempfile
from pathlib import Path

from h2client import H2Client
from wsbtest import Client, Origin

TLS12 = ssl.TLSVersion.TLSv1_2
TLS13 = ssl.TLSVersion.TLSv1_3

# Python sets it by itself, and then an end without close_notify looks clean.
OP_IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 1 << 7)


class TlsOrigin(Origin):
    """port, tls_port, and ca: the file with its certificate."""

    def __init__(self, *args):
        self.folder = Path(tempfile.mkdtemp(prefix="wsbtest.origin."))
        self.ca = self.folder / "ca.pem"
        super().__init__("--tls-listen", "127.0.0.1:0", "--dump-cert",
                         self.ca, *args)
        self.tls_port = int(
            re.search(r"listening \(tls\) on \S+:(\d+)", self.stdout())[1])

    def remove(self):
        super().remove()
        shutil.rmtree(self.folder, True)

    def context(self, version=None, alpn=()):
        """A client's, which trusts this origin."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.options &= ~OP_IGNORE_UNEXPECTED_EOF
        if version:
            context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def client(self, version=None, context=None, session=None, alpn=()):
        """A wsbclient.Client over TLS."""
        client = Client(self.tls_port)
        context = context or self.context(version, alpn)
        client.socket = context.wrap_socket(
            client.socket, server_hostname="localhost", session=session,
            suppress_ragged_eofs=False)
        return client

    def h2(self, tls=False, version=None, **options):
        """An H2Client, plain or over TLS."""
        if tls:
            return H2Client(self.tls_port, context=self.context(version),
                            **options)
        return H2Client(self.port, **options)

    def tls(self):
        return self.stats()["tls"]
