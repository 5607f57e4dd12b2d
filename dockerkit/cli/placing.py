"""Where ``cp`` puts things, and what they are called there: Docker's rule, on both sides. Looks at this machine's files only.

Source: docker container cp, "Description".
"""

from __future__ import annotations

import os
import posixpath
import stat

from dockerkit.cli.refusals import Failure


def place_here(folder: bool, inside: str, target: str) -> str:
    """Return what the copy is called here.

    :raises Failure: there is something in the way; in Docker's words.
    """
    if os.path.isdir(target):
        whole = folder and (inside.endswith("/.") or inside == "/")
        return target if whole else os.path.join(target, posixpath.basename(posixpath.normpath(inside)))
    if folder and os.path.exists(target):
        raise Failure("cannot copy directory")
    if not folder and target.endswith("/"):
        raise Failure("no such directory")
    if not os.path.isdir(os.path.dirname(os.path.abspath(target))):
        above = os.path.dirname(os.path.abspath(target))
        raise Failure(f'invalid output path: directory "{above}" does not exist')
    return target


def place_inside(source: str, target: str, there: tuple[str, int] | None) -> tuple[str, str]:
    """Return the folder of the container to unpack in, and what the copy is called in it ("" for its content alone).

    :raises Failure: in Docker's words.
    """
    folder = os.path.isdir(source)
    called = os.path.basename(os.path.normpath(os.path.abspath(source)))
    if there is not None and stat.S_ISDIR(there[1]):
        return there[0], "" if folder and source.endswith("/.") else called
    if there is not None and folder:
        raise Failure("cannot copy directory")
    if target.endswith("/") and not folder:
        raise Failure("no such directory")
    return posixpath.dirname(target.rstrip("/")), posixpath.basename(target.rstrip("/"))
