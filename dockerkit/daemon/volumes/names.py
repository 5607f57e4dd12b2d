"""What a volume may be called: one component of a path, in Docker's words. Pure."""

from __future__ import annotations

import re

from dockerkit.errors import Invalid

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_LONGEST = 255


def check_volume_name(name: str) -> str:
    """Return `name` when a volume can be called so.

    :raises Invalid: too short, too long, or with other characters: a path above all. In Docker's words.
    """
    if len(name) == 1:
        raise Invalid("volume name is too short, names should be at least two alphanumeric characters")
    if not _NAME.fullmatch(name):
        raise Invalid(
            f'"{name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. '
            "If you intended to pass a host directory, use absolute path"
        )
    if len(name) > _LONGEST:
        raise Invalid(f"volume name is too long: {len(name)} characters, a file name has {_LONGEST} at most")
    return name
