"""Compiled programs kept on disk, under a name made of the rules and of the compiler that read them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from dockerkit.daemon.kernel.seccomp import arguments, assembler, compiler, numbers
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.profile import DOCKER_PROFILE
from dockerkit.daemon.kernel.seccomp.resolution import resolve_profile

_DIGEST = hashlib.sha256().digest_size


def cached_program(
    directory: str,
    capabilities: Collection[str],
    architecture: str = platform.machine(),
    *,
    kernel: tuple[int, int] | None = None,
    profile: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the program for a container with these capabilities; compiled when `directory` does not hold it yet.

    :param directory: made when missing. A file of other rules, of another version of the compiler, or damaged is never used.
    :param kernel: this host's when left out.
    :param profile: in Docker's format; Docker's default when left out.
    :raises OSError: the profile cannot be compiled, or the directory cannot be written.
    """
    chosen = DOCKER_PROFILE if profile is None else profile
    resolved = resolve_profile(chosen, capabilities, kernel or _kernel(), architecture)
    key = hashlib.sha256(json.dumps([_compiler_digest(), architecture, resolved], sort_keys=True).encode()).hexdigest()
    path = os.path.join(directory, f"{key}.bpf")
    program = _read(path)
    if program is None:
        program = compile_profile(resolved, architecture)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _write(path, program)
    return program


def _read(path: str) -> bytes | None:
    """Return a stored program; nothing when there is none or when a crash has cut it short."""
    try:
        with open(path, "rb") as stored:
            content = stored.read()
    except FileNotFoundError:
        return None
    digest, program = content[:_DIGEST], content[_DIGEST:]
    return program if program and hashlib.sha256(program).digest() == digest else None


def _write(path: str, program: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".program")
    try:
        with open(descriptor, "wb") as stored:
            stored.write(hashlib.sha256(program).digest() + program)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@cache
def _compiler_digest() -> str:
    digest = hashlib.sha256()
    for module in (arguments, assembler, compiler, numbers):
        with open(str(module.__file__), "rb") as source:
            digest.update(source.read())
    return digest.hexdigest()


@cache
def _kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split("-")[0].split(".")[:2]
    return int(major), int("".join(digit for digit in minor if digit.isdigit()) or 0)
