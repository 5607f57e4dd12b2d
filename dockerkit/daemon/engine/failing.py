"""Why a program could not be started, in the words Docker's clients parse, and the exit code that goes with it."""

from __future__ import annotations

import errno
import os

from dockerkit.daemon.runtime.runtime import StartFailed
from dockerkit.errors import ContainerFailed, Failed

_NOT_FOUND = 127
_CANNOT_RUN = 126
_BEFORE_EXEC = 128
_SAID_AS_THEY_ARE = ("user", "directory")
"""Steps whose own words are Docker's."""


def error_of(failure: StartFailed, prefix: str) -> Failed:
    """Return the error to raise: :class:`~dockerkit.errors.ContainerFailed` when it is the program that cannot be run.

    :param prefix: what failed, as Docker says it: ``OCI runtime create failed``.
    """
    text = f"{prefix}: unable to start container process: {_words(failure)}: unknown"
    if failure.step == "exec":
        return ContainerFailed(text, hint=_hint(failure))
    return Failed(text, hint=_hint(failure))


def exit_code(failure: StartFailed) -> int:
    """Return 127 for a program not found, 126 for one found but not to be run, 128 for what failed before its turn came."""
    if failure.step != "exec":
        return _BEFORE_EXEC
    return _NOT_FOUND if failure.errno in (errno.ENOENT, errno.ENOTDIR) else _CANNOT_RUN


def _words(failure: StartFailed) -> str:
    subject, cause = failure.subject, os.strerror(failure.errno).lower()
    if failure.step in _SAID_AS_THEY_ARE:
        return failure.message
    if failure.step != "exec":
        return f"error during container init: {failure.step}: {failure.message}"
    if failure.errno != errno.ENOENT:
        return f'exec: "{subject}": {cause}'
    if "/" in subject:
        return f'exec: "{subject}": stat {subject}: no such file or directory'
    return f'exec: "{subject}": executable file not found in $PATH'


def _hint(failure: StartFailed) -> str:
    if failure.step == "exec" and failure.errno == errno.ENOENT:
        return "check the command's spelling, and that the image has it"
    if failure.step == "exec" and failure.errno == errno.EACCES:
        return "the file is there but may not be executed: check its mode, and that it is not a directory"
    return ""
