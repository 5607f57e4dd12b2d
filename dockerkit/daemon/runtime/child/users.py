"""Who the program runs as, from the image's own ``passwd`` and ``group``, with dockerd's rules and words. Pure but for
reading them.

Source: Docker's ``--user`` reference; github.com/moby/sys/user describes the same rules.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dockerkit.daemon.kernel import beneath
from dockerkit.daemon.runtime.child.birth import Birth, Identity, StepFailed

_LARGEST_ID = (1 << 31) - 1
_MOST_BYTES = 1 << 24


class User(NamedTuple):
    """A line of passwd."""

    name: str
    uid: int
    gid: int
    home: str


class Group(NamedTuple):
    """A line of group."""

    name: str
    gid: int
    members: tuple[str, ...]


def resolve_user(birth: Birth) -> None:
    """Find out who the program will be; reads the container's files, whose links cannot lead out.

    :raises StepFailed: in dockerd's words, e.g. ``unable to find user x: no matching entries in passwd file``.
    """
    passwd, group = _read(birth.root, "/etc/passwd"), _read(birth.root, "/etc/group")
    birth.identity = identify(birth.launch.user, birth.launch.groups, passwd, group)


def identify(text: str, further: Sequence[str], passwd: str, group: str) -> Identity:
    """Return the identity for a ``user[:group]`` text and further groups, given the contents of both files.

    The primary group is always among the supplementary ones, so it cannot be shed (CVE-2022-36109).

    :raises StepFailed: a name is not in its file, or a number is out of range.
    """
    user_text, _, group_text = text.partition(":")
    groups = list(_groups(group))
    user = _find_user(user_text, passwd)
    gid, members = user.gid, []
    if group_text:
        gid = _find_group(group_text, groups)
    elif user.name:
        members = [entry.gid for entry in groups if user.name in entry.members]
    asked = [_find_further(name, groups) for name in further]
    return Identity(user.uid, gid, list(dict.fromkeys([gid, *members, *asked])), user.home)


def _find_user(text: str, passwd: str) -> User:
    number = _number(text or "0")
    for user in _users(passwd):
        if user.uid == number if number is not None else user.name == text:
            return user
    if number is None:
        raise StepFailed(f"unable to find user {text}: no matching entries in passwd file", subject=text)
    return User("", _in_range(number), 0, "/")


def _find_group(text: str, groups: list[Group]) -> int:
    number = _number(text)
    for entry in groups:
        if entry.gid == number if number is not None else entry.name == text:
            return entry.gid
    if number is None:
        raise StepFailed(f"unable to find group {text}: no matching entries in group file", subject=text)
    return _in_range(number)


def _find_further(text: str, groups: list[Group]) -> int:
    by_name = next((entry.gid for entry in groups if entry.name == text), None)
    if by_name is not None:
        return by_name
    number = _number(text)
    if number is None:
        raise StepFailed(f"unable to find group {text}: no matching entries in group file", subject=text)
    return _in_range(number)


def _number(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdigit() and text.isascii() else None


def _in_range(number: int) -> int:
    if not 0 <= number <= _LARGEST_ID:
        raise StepFailed(f"uids and gids must be in range 0-{_LARGEST_ID}", subject=str(number))
    return number


def _users(passwd: str) -> Iterator[User]:
    for line in passwd.splitlines():
        fields = line.strip().split(":")
        uid, gid = (_number(text) for text in (*fields, "", "", "", "")[2:4])
        if len(fields) >= 4 and uid is not None and gid is not None:
            yield User(fields[0], uid, gid, fields[5] if len(fields) > 5 else "")


def _groups(group: str) -> Iterator[Group]:
    for line in group.splitlines():
        fields = line.strip().split(":")
        gid = _number(fields[2]) if len(fields) > 2 else None
        if gid is not None:
            yield Group(fields[0], gid, tuple(fields[3].split(",")) if len(fields) > 3 else ())


def _read(root: int, path: str) -> str:
    """Return the text of a file of the container; empty when it has none. Anything but a regular file is refused.

    It is looked at before it is opened, and again after: a running container may have changed it in between.
    """
    try:
        probe = beneath.open_in(root, path)
        _check_regular(probe, path)
        os.close(probe)
        fd = beneath.open_in(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    _check_regular(fd, path)
    with open(fd, "rb") as file:
        return file.read(_MOST_BYTES).decode("utf-8", "replace")


def _check_regular(fd: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise StepFailed(f"{path} is not a regular file", subject=path)
