"""Who owns what is copied in with ``docker cp -a``: the container's own user, by the container's own files.

dockerd asks the *host's* user database here, and refuses ``uid:gid``; the container's files are what the program itself is
started by. Never asks the host.
"""

from __future__ import annotations

import os
import stat

from dockerkit.daemon.kernel import beneath
from dockerkit.daemon.runtime.child.birth import StepFailed
from dockerkit.daemon.runtime.child.users import identify
from dockerkit.errors import Invalid

_MOST_BYTES = 1 << 24


def container_user(root: int, user: str) -> tuple[int, int] | None:
    """Return uid and gid of a ``--user`` text, by the files beneath a root; None when no user was named.

    :raises Invalid: it names nobody there.
    """
    if not user:
        return None
    try:
        found = identify(user, (), _read(root, "/etc/passwd"), _read(root, "/etc/group"))
    except StepFailed as error:
        raise Invalid(error.message) from error
    return found.uid, found.gid


def _read(root: int, path: str) -> str:
    """Return the text of a file of the container; empty when it has none, or has something else there."""
    try:
        probe = beneath.open_in(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        if not stat.S_ISREG(os.fstat(probe).st_mode):
            return ""
        file = os.open(f"/proc/self/fd/{probe}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(probe)
    with open(file, "rb") as reading:
        return reading.read(_MOST_BYTES).decode("utf-8", "replace")
