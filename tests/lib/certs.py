#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Test certificates, made by the openssl program: certs.py DIR

In DIR afterwards (NAME.pem holds certificate, chain and key):

  ca.pem          an authority (ca.crt: without its key); other-ca.pem
  chain-ca.pem    an intermediate authority, signed by ca
  rsa.pem ecdsa.pem   localhost, 127.0.0.1; keys RSA 2048 and P-256
  both.rsa both.ecdsa names both.test; a bundle
  a.pem b.pem     a.test, b.test
  many.pem        one.test, two.test, *.wild.test
  wild.pem        *.wild.test
  chained.pem     chained.test, signed by chain-ca, with it in the file
  expired.pem     localhost, ended yesterday
  future.pem      localhost, begins in a year
  wrong.pem       elsewhere.test
  other.pem       localhost, signed by other-ca
  client.pem      a client's; client-other.pem by other-ca;
  encrypted.pem   a.test with an encrypted key (password: secret)
  split.crt split.key   certificate and key apart; split.pem split.pem.key
  nokey.pem       no key; mismatch.pem: the key of another; rubbish.pem

make(DIR) makes what is not there yet; files of one DIR fit together.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

RSA = ["rsa:2048"]
EC = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]

# name: (key, subject, alternative names, authority, dates)
LEAVES = {
    "rsa": (RSA, "localhost", "DNS:localhost,IP:127.0.0.1", "ca", None),
    "ecdsa": (EC, "localhost", "DNS:localhost,IP:127.0.0.1", "ca", None),
    "both.rsa": (RSA, "both.test", "DNS:both.test", "ca", None),
    "both.ecdsa": (EC, "both.test", "DNS:both.test", "ca", None),
    "a": (EC, "a.test", "DNS:a.test", "ca", None),
    "b": (EC, "b.test", "DNS:b.test", "ca", None),
    "many": (EC, "one.test", "DNS:one.test,DNS:two.test,DNS:*.wild.test",
             "ca", None),
    "wild": (EC, "*.wild.test", "DNS:*.wild.test", "ca", None),
    "chained": (EC, "chained.test", "DNS:chained.test", "chain-ca", None),
    "expired": (EC, "localhost", "DNS:localhost", "ca",
                ("20200101000000Z", "20200201000000Z")),
    "future": (EC, "localhost", "DNS:localhost", "ca",
               ("20480101000000Z", "20490101000000Z")),
    "wrong": (EC, "elsewhere.test", "DNS:elsewhere.test", "ca", None),
    "other": (EC, "localhost", "DNS:localhost", "other-ca", None),
    "client": (EC, "client", "DNS:client.test", "ca", None),
    "client-other": (EC, "client", "DNS:client.test", "other-ca", None),
}

CA_CONF = """
[ca]
default_ca=x
[x]
database={index}
new_certs_dir={dir}
rand_serial=yes
default_md=sha256
policy=p
unique_subject=no
copy_extensions=none
[p]
commonName=supplied
"""


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def _request(d, name, key, subject):
    openssl("req", "-new", "-newkey", *key, "-nodes", "-subj",
            f"/CN={subject}", "-keyout", d / f"{name}.k", "-out",
            d / f"{name}.r")


def _sign(d, name, ca, extensions, dates):
    """By `openssl ca`, the only command that takes any two dates."""
    (d / "index.txt").write_text("")
    (d / "ca.cnf").write_text(
        CA_CONF.format(index=d / "index.txt", dir=d) + f"[v]\n{extensions}\n")
    start, end = dates or ("20240101000000Z", "20480101000000Z")
    openssl("ca", "-batch", "-notext", "-config", d / "ca.cnf", "-extensions",
            "v", "-startdate", start, "-enddate", end, "-cert", d / f"{ca}.c",
            "-keyfile", d / f"{ca}.k", "-in", d / f"{name}.r", "-out",
            d / f"{name}.c")


def _authority(d, name, issuer):
    _request(d, name, EC, name)
    extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign"
    if issuer:
        _sign(d, name, issuer, extensions, None)
    else:
        (d / "self.cnf").write_text(f"[v]\n{extensions}\n")
        openssl("x509", "-req", "-in", d / f"{name}.r", "-signkey",
                d / f"{name}.k", "-days", "7000", "-extfile", d / "self.cnf",
                "-extensions", "v", "-out", d / f"{name}.c")
    _join(d, f"{name}.pem", f"{name}.c", f"{name}.k")
    _join(d, f"{name}.crt", f"{name}.c")


def _join(d, to, *parts):
    (d / to).write_text("".join((d / p).read_text() for p in parts))


def _leaf(d, name, key, subject, alt, ca, dates):
    _request(d, name, key, subject)
    _sign(d, name, ca, f"subjectAltName={alt}\nbasicConstraints=CA:FALSE",
          dates)
    chain = ["chain-ca.c"] if ca == "chain-ca" else []
    to = name if "." in name else f"{name}.pem"
    _join(d, to, f"{name}.c", *chain, f"{name}.k")


def _faulty(d):
    openssl("pkey", "-in", d / "a.k", "-aes128", "-passout", "pass:secret",
            "-out", d / "enc.k")
    _join(d, "encrypted.pem", "a.c", "enc.k")
    _join(d, "split.crt", "a.c")
    _join(d, "split.key", "a.k")
    _join(d, "split.pem", "a.c")
    _join(d, "split.pem.key", "a.k")
    _join(d, "nokey.pem", "a.c")
    _join(d, "mismatch.pem", "a.c", "b.k")
    damaged = (d / "a.c").read_text().replace("MII", "M!I", 1)
    (d / "rubbish.pem").write_text(damaged + (d / "a.k").read_text())


def make(directory):
    """Make all in the directory; returns it as a Path."""
    d = Path(directory)
    if (d / "done").exists():
        return d
    d.mkdir(parents=True, exist_ok=True)
    _authority(d, "ca", None)
    _authority(d, "other-ca", None)
    _authority(d, "chain-ca", "ca")
    for name, (key, subject, alt, ca, dates) in LEAVES.items():
        _leaf(d, name, key, subject, alt, ca, dates)
    _faulty(d)
    for junk in ("index.txt*", "ca.cnf", "self.cnf", "*.r", "*.c", "*.k",
                 "[0-9A-F]*.pem"):
        for path in d.glob(junk):
            path.unlink()
    (d / "done").write_text("")
    return d


def make_some(directory, *names):
    """Only these of LEAVES, signed by ca; returns the directory as a Path."""
    d = Path(directory)
    d.mkdir(parents=True, exist_ok=True)
    _authority(d, "ca", None)
    for name in names:
        _leaf(d, name, *LEAVES[name])
    return d


_made = None


def certificates():
    """A folder with all of them, made once in a test; it goes with it."""
    global _made
    if _made is None:
        _made = Path(tempfile.mkdtemp(prefix="wsbtest.certs."))
        os.chmod(_made, 0o755)
        make(_made)
        atexit.register(shutil.rmtree, _made, True)
    return _made


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    try:
        make(sys.argv[1])
    except subprocess.CalledProcessError as e:
        sys.exit(f"{' '.join(e.cmd)}: {e.stderr.decode()}")
