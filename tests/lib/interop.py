# SPDX-License-Identifier: MIT
"""What both matrices of real TLS programs use: the suites, the certificates,
files and their hashes."""

import atexit
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import certs
from wsbtest import run

CERTS = ("ecdsa", "rsa")

# name: (version, the AEAD as names of suites hold it, words of a line)
SUITES = {
    f"12{short}": ("TLSv1.2", aead, "ssl-max-ver TLSv1.2 ciphers " + ":".join(
        f"ECDHE-{key}-{suite}" for key in ("ECDSA", "RSA")))
    for short, aead, suite in (
        ("aes128", "AES128GCM", "AES128-GCM-SHA256"),
        ("aes256", "AES256GCM", "AES256-GCM-SHA384"),
        ("chacha", "CHACHA20POLY1305", "CHACHA20-POLY1305"))
} | {
    f"13{short}": ("TLSv1.3", aead,
                   f"ssl-min-ver TLSv1.3 ciphersuites TLS_{suite}")
    for short, aead, suite in (
        ("aes128", "AES128GCM", "AES_128_GCM_SHA256"),
        ("aes256", "AES256GCM", "AES_256_GCM_SHA384"),
        ("chacha", "CHACHA20POLY1305", "CHACHA20_POLY1305_SHA256"))
}

BIG = 100 << 20

_folder = None


def folder():
    """With certificates; what is put there goes with the test."""
    global _folder
    if _folder is None:
        _folder = Path(tempfile.mkdtemp(prefix="wsbtest.interop."))
        os.chmod(_folder, 0o755)
        certs.make_some(_folder, *CERTS)
        atexit.register(shutil.rmtree, _folder, True)
    return _folder


def says_suite(text, suite):
    """Whether a program's words are about this version and AEAD."""
    version, aead, _ = SUITES[suite]
    plain = text.upper().replace("-", "").replace("_", "")
    return version.upper() in plain and aead in plain


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write_file(path, size):
    """Bytes that do not repeat in a pattern of records; returns the hash."""
    digest, block = hashlib.sha256(), os.urandom(min(size, 1000003))
    with open(path, "wb") as f:
        while size:
            part = block[:size]
            f.write(part)
            digest.update(part)
            size -= len(part)
    os.chmod(path, 0o644)
    return digest.hexdigest()


def sha256_of(argv, timeout=200):
    """The hash of what a command prints; it goes through no memory here."""
    words = " ".join(f"'{a}'" for a in map(str, argv))
    done = run(["bash", "-o", "pipefail", "-c", f"{words} | sha256sum"],
               timeout=timeout)
    assert done.returncode == 0, done
    return done.stdout.split()[0]
