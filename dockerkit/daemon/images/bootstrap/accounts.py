"""The account files of a made image: the users and numbers that Docker's busybox has. Data, nothing else."""

from __future__ import annotations

from collections.abc import Iterable

_USERS = (
    ("root", 0, 0, "root", "/root", "/bin/sh"),
    ("daemon", 1, 1, "daemon", "/usr/sbin", "/bin/false"),
    ("bin", 2, 2, "bin", "/bin", "/bin/false"),
    ("sys", 3, 3, "sys", "/dev", "/bin/false"),
    ("sync", 4, 100, "sync", "/bin", "/bin/sync"),
    ("mail", 8, 8, "mail", "/var/spool/mail", "/bin/false"),
    ("www-data", 33, 33, "www-data", "/var/www", "/bin/false"),
    ("operator", 37, 37, "Operator", "/var", "/bin/false"),
    ("nobody", 65534, 65534, "nobody", "/home", "/bin/false"),
)
_GROUPS = (
    *(("root", 0), ("daemon", 1), ("bin", 2), ("sys", 3), ("adm", 4), ("tty", 5), ("disk", 6), ("lp", 7), ("mail", 8)),
    *(("kmem", 9), ("wheel", 10), ("cdrom", 11), ("dialout", 18), ("floppy", 19), ("video", 28), ("audio", 29)),
    *(("tape", 32), ("www-data", 33), ("operator", 37), ("utmp", 43), ("plugdev", 46), ("staff", 50), ("lock", 54)),
    *(("netdev", 82), ("users", 100), ("nobody", 65534)),
)
_MEMBERS = {"wheel": "root"}


def passwd() -> bytes:
    """Return ``/etc/passwd`` (passwd(5)); passwords are in shadow."""
    return _lines(f"{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}" for name, uid, gid, gecos, home, shell in _USERS)


def group() -> bytes:
    """Return ``/etc/group`` (group(5))."""
    return _lines(f"{name}:x:{gid}:{_MEMBERS.get(name, '')}" for name, gid in _GROUPS)


def shadow() -> bytes:
    """Return ``/etc/shadow`` (shadow(5)): nobody can log in with a password."""
    return _lines(f"{user[0]}:*:::::::" for user in _USERS)


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
