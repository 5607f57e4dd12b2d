"""The ``host`` image: programs of this host with the libraries they need. Works with no network at all; copies, never runs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence

from dockerkit.daemon.images.bootstrap import accounts
from dockerkit.daemon.images.bootstrap.closure import DIRECTORIES, Closure, which
from dockerkit.daemon.images.bootstrap.request import Progress, Request
from dockerkit.daemon.images.pack import Contents, Entry
from dockerkit.errors import NotFound
from dockerkit.schema.image import ImageConfig

_SHELLS = "sh bash"
_COREUTILS = (
    "[ arch b2sum base32 base64 basename basenc cat chgrp chmod chown chroot cksum comm cp csplit cut date dd df dir dircolors "
    "dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir "
    "mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd readlink realpath rm "
    "rmdir sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee "
    "test timeout touch tr true truncate tsort tty uname unexpand uniq unlink users vdir wc who whoami yes"
)
_OTHERS = (
    "awk cmp diff dmesg egrep fgrep find flock free getent grep gunzip gzip hostname ip kill less mount mountpoint more "
    "nsenter pgrep ping pkill ps pwdx sed setsid ss tar top umount uptime unshare vmstat watch which xargs xz zcat"
)
PROGRAMS = tuple(f"{_SHELLS} {_COREUTILS} {_OTHERS}".split())
"""What the image has when nobody chooses, as far as the host has it."""
_TERMINALS = (
    *("ansi", "dumb", "linux", "screen", "screen-256color", "tmux", "tmux-256color"),
    *("vt100", "vt220", "xterm", "xterm-256color", "xterm-color"),
)
_TERMINFO = ("/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo")
_MERGED = ("/bin", "/sbin", "/lib", "/lib64")
"""Links on hosts with a merged ``/usr``; scripts and people name programs by them."""
_DIRECTORIES = (
    *(Entry(name) for name in ("dev", "etc", "home", "proc", "run", "sys", "usr", "usr/bin", "var")),
    Entry("root", 0o700),
    Entry("tmp", 0o1777),
    Entry("var/tmp", 0o1777),
)
_FILES = (
    Entry("etc/passwd", 0o644, content=accounts.passwd()),
    Entry("etc/group", 0o644, content=accounts.group()),
    Entry("etc/shadow", 0o640, content=accounts.shadow()),
    Entry("etc/nsswitch.conf", 0o644, content=b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
)


def make(request: Request) -> Contents:
    """Return the contents of an image of host programs.

    :raises NotFound: a program that was asked for, or something it needs, is not on this host; names it.
    :raises Invalid: a program was asked for by a relative path.
    """
    closure = Closure()
    if request.programs:
        taken = tuple(request.programs)
        for program in taken:
            closure.program(which(program))
    else:
        closure, taken = _present(PROGRAMS, request.progress)
    for link in _MERGED:
        if os.path.islink(link):
            closure.add(link)
    _add_terminals(closure)
    return _contents(closure, taken)


def _present(programs: Iterable[str], progress: Progress) -> tuple[Closure, tuple[str, ...]]:
    """Gather those programs that the host has; one whose library is missing is left out, and it is said."""
    closure, taken = Closure(), []
    for program in programs:
        try:
            path = which(program)
        except NotFound:
            continue
        trial = closure.copy()
        try:
            trial.program(path)
        except NotFound as error:
            progress({"status": f"Leaving out {program}: {error.message}"})
            continue
        closure = trial
        taken.append(program)
    return closure, tuple(taken)


def _add_terminals(closure: Closure) -> None:
    for directory in _TERMINFO:
        for name in _TERMINALS:
            path = os.path.join(directory, name[0], name)
            if os.path.exists(path):
                closure.add(path)


def _contents(closure: Closure, programs: Sequence[str]) -> Contents:
    system = _system()
    entries = {entry.path: entry for entry in (*_DIRECTORIES, *closure.entries(), *_FILES)}
    shell = [os.path.basename(program) for program in programs if os.path.basename(program) in ("sh", "bash")]
    return Contents(
        entries=tuple(entries.values()),
        config=ImageConfig(cmd=shell[:1] or [programs[0]], env=[f"PATH={':'.join(DIRECTORIES)}"]),
        created_by=f"bootstrap host: {' '.join(programs)}",
        told=f"{len(programs)} programs of this host ({system})",
        labels={
            "org.opencontainers.image.title": "host",
            "org.opencontainers.image.version": system,
            "dev.dockerkit.bootstrap.origin": f"programs of a host with {system}",
        },
    )


def _system() -> str:
    """Return what the host calls itself (os-release(5))."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()
