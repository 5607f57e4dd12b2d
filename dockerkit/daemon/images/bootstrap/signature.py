"""Whose word an index is: the host's ``gpgv`` and keyrings decide. The only foreign program the daemon runs.

Only the text that gpgv gives back is used: what stands before or after the signed part of a clear-signed file is nobody's
word. Never touches a user's keyring or configuration.
"""

from __future__ import annotations

import base64
import binascii
import glob
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence

from dockerkit.errors import Damaged, TimedOut, Unsupported

_GPGV = ("/usr/bin/gpgv", "/usr/local/bin/gpgv", "/bin/gpgv")
_SECONDS = 20
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{40}!?")
_TRUSTED = (
    "/etc/apt/trusted.gpg",
    "/etc/apt/trusted.gpg.d/*.gpg",
    "/etc/apt/trusted.gpg.d/*.asc",
    "/usr/share/keyrings/debian-archive-keyring.*",
    "/usr/share/keyrings/ubuntu-archive-keyring.*",
)
_VERDICTS = ("GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "ERRSIG")
_ARMOUR = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----\s*?\n(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)


def verify(signed: bytes, signed_by: Sequence[str], *, subject: str) -> bytes:
    """Return the text of a clear-signed file that a trusted key has signed.

    :param signed_by: keyring files, fingerprints, or one armoured key; empty: the host's trusted keyrings.
    :param subject: what it is, for the error.
    :raises Damaged: no trusted key has signed this text.
    :raises Unsupported: the host has no gpgv.
    :raises TimedOut: gpgv did not end.
    """
    fingerprints = {word.rstrip("!").upper() for word in signed_by if _FINGERPRINT.fullmatch(word)}
    keyrings = [word for word in signed_by if not _FINGERPRINT.fullmatch(word)] or _trusted()
    with tempfile.TemporaryDirectory(prefix="dockerkit-gpgv-") as directory:
        files = [_binary(keyring, os.path.join(directory, f"{number}.gpg")) for number, keyring in enumerate(keyrings)]
        text, status = _gpgv(signed, files, directory)
    signers = _signers(status)
    if not signers or (fingerprints and not signers & fingerprints):
        raise Damaged(f"{subject} is not signed by a key this host trusts: {_reason(status)}", hint="nothing of it was used")
    return text


def _gpgv(signed: bytes, keyrings: Sequence[str], directory: str) -> tuple[bytes, list[str]]:
    program = next((path for path in _GPGV if os.access(path, os.X_OK)), None)
    if program is None:
        raise Unsupported("the package index cannot be verified: this host has no gpgv", hint="install gpgv, or busybox-static")
    path = os.path.join(directory, "signed")
    with open(path, "wb") as file:
        file.write(signed)
    rings = [word for keyring in keyrings for word in ("--keyring", keyring)]
    command = [program, "--homedir", directory, "--weak-digest", "SHA1", *rings, "--status-fd", "2", "--output", "-", path]
    try:
        done = subprocess.run(  # noqa: S603 (fixed program, fixed words, paths of our own)
            command, capture_output=True, check=False, timeout=_SECONDS, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, cwd="/"
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(f"gpgv did not end within {_SECONDS} s") from None
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    return done.stdout, [line.removeprefix("[GNUPG:] ") for line in lines if line.startswith("[GNUPG:] ")]


def _signers(status: Sequence[str]) -> set[str]:
    """Return the fingerprints of good signatures (key and primary key); none when any signature is bad.

    gpgv's exit code will not do: several keys sign an index, and one that this host does not know yet is no fault. Nor will
    ``VALIDSIG`` alone, which is said of the signature and not of its key: it follows ``REVKEYSIG`` and ``EXPKEYSIG`` too.
    """
    words = [line.split() for line in status if line.strip()]
    if any(line[0] == "BADSIG" for line in words):
        return set()
    found, verdict = set[str](), ""
    for line in words:
        if line[0] in _VERDICTS:
            verdict = line[0]
        elif line[0] == "VALIDSIG":
            found |= {line[1].upper(), line[-1].upper()} if verdict == "GOODSIG" else set()
            verdict = ""
    return found


def _reason(status: Sequence[str]) -> str:
    for word, meaning in (
        ("BADSIG", "its text was changed"),
        ("EXPKEYSIG", "the key has expired"),
        ("REVKEYSIG", "the key was revoked"),
        ("NO_PUBKEY", "the key is unknown"),
        ("ERRSIG", "the signature cannot be checked"),
    ):
        if any(line.split()[:1] == [word] for line in status):
            return meaning
    return "it holds no signature" if not any("VALIDSIG" in line for line in status) else "another key has signed it"


def _trusted() -> list[str]:
    return sorted({path for pattern in _TRUSTED for path in glob.glob(pattern) if os.path.getsize(path)})


def _binary(keyring: str, target: str) -> str:
    """Return a keyring gpgv can read: an armoured one (a file, or the text itself) is written out in binary."""
    if keyring.startswith("-----BEGIN PGP"):
        text = keyring
    elif keyring.endswith(".asc"):
        with open(keyring, encoding="ascii", errors="replace") as file:
            text = file.read()
    else:
        return keyring
    with open(target, "wb") as out:
        out.write(b"".join(_unarmour(block) for block in _ARMOUR.findall(text)))
    return target


def _unarmour(block: str) -> bytes:
    """Decode the inside of an armoured key (RFC 9580 §6): headers, an empty line, base64, a checksum line."""
    lines = block.replace("\r", "").split("\n")
    body = lines[lines.index("") + 1 :] if "" in lines and any(":" in line for line in lines) else lines
    try:
        return base64.b64decode("".join(line for line in body if not line.startswith("=")))
    except binascii.Error as error:
        raise Damaged(f"an armoured key of apt's configuration is malformed: {error}") from None
