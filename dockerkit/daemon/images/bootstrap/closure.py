"""A set of host files with everything they need to run: libraries, interpreters, the links on the way to them.

A path is placed component by component, so that merged ``/usr`` links and chains of links (``awk`` →
``/etc/alternatives/awk`` → ``mawk``) come out in the image as they are on the host. Reads the host; never writes, never runs.
"""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Iterator

from dockerkit.daemon.images.bootstrap import libraries
from dockerkit.daemon.images.bootstrap.elf import Elf
from dockerkit.daemon.images.pack import Entry
from dockerkit.errors import Invalid, NotFound

DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where a program is looked for by name: the directories of the image's own PATH."""
_LINKS = 40
_BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libnss_compat.so.2", "libgcc_s.so.1")
"""What glibc loads by name at run time, so that no table of needed libraries mentions it (nss(5), pthread_cancel(3))."""
_LINKER_CACHE = "/etc/ld.so.cache"
_PYTHON = re.compile(r"python(3\.\d+)")
_PYTHON_SKIP = re.compile(
    r"__pycache__|dist-packages|ensurepip|idlelib|lib2to3|site-packages|tests?|tkinter|turtledemo|config-3.*"
)
"""Parts of Python's library that no program needs: tests, installers, what is for building extensions."""


def which(program: str) -> str:
    """Return the path of a program, by name or absolute path.

    :raises NotFound: it is not on this host.
    :raises Invalid: a relative path.
    """
    if "/" in program and not program.startswith("/"):
        raise Invalid(f"program {program!r} is a relative path", hint="write a name, or a path that begins with /")
    paths = [program] if program.startswith("/") else [os.path.join(directory, program) for directory in DIRECTORIES]
    for path in paths:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise NotFound(f"program {program!r} is not on this host", hint="name a program that is installed, or give its path")


class Closure:
    """Files gathered so far, by path."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._seen: set[str] = set()

    def entries(self) -> tuple[Entry, ...]:
        """Return what was gathered."""
        return tuple(self._entries.values())

    def copy(self) -> Closure:
        """Return another closure with the same files, to try something on."""
        other = Closure()
        other._entries, other._seen = dict(self._entries), set(self._seen)
        return other

    def program(self, path: str) -> None:
        """Add a program: a file with all it needs, and for a script also what interprets it.

        :raises NotFound: something it needs is not on this host; names both.
        """
        self.add(path)
        self._script(os.path.realpath(path))

    def add(self, path: str, *, paths: tuple[str, ...] = (), interpreter: str = "") -> None:
        """Add a file or directory of the host with the links that lead to it and all it needs.

        :param paths: search paths it inherits from the program that loads it (DT_RPATH, ld.so(8)).
        :param interpreter: the linker of that program.
        :raises NotFound: something it needs is not on this host; names both.
        """
        real = self._place(path)
        if real in self._seen or not stat.S_ISREG(os.stat(real).st_mode):
            return
        self._seen.add(real)
        found = libraries.needs(real)
        if found is not None:
            self._libraries(real, found, paths, found.interpreter or interpreter)
            self._python(real, found)

    def tree(self, top: str, *, skip: re.Pattern[str]) -> None:
        """Add a directory with all beneath it, but for the names that `skip` matches whole, and links that lead nowhere."""
        for directory, below, files in os.walk(top):
            below[:] = sorted(name for name in below if not skip.fullmatch(name))
            self.add(directory)
            for name in sorted(files):
                if os.path.exists(path := os.path.join(directory, name)):
                    self.add(path)

    def _place(self, path: str) -> str:
        """Enter a path and every link on the way; return where it really is."""
        names, at, links = deque(path.split("/")), "/", 0
        while names:
            name = names.popleft()
            if name in ("", "."):
                continue
            at = os.path.normpath(os.path.join(at, name))
            status = os.lstat(at)
            if not stat.S_ISLNK(status.st_mode):
                self._enter(at, status)
                continue
            links += 1
            if links > _LINKS:
                raise NotFound(f"{path} leads nowhere: too many symbolic links")
            target = os.readlink(at)
            self._entries[at[1:]] = Entry(at[1:], symlink=target)
            at = "/" if target.startswith("/") else os.path.dirname(at)
            names.extendleft(reversed(target.split("/")))
        return at

    def _enter(self, path: str, status: os.stat_result) -> None:
        mode, uid, gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
        source = path if stat.S_ISREG(status.st_mode) else ""
        if path != "/" and (source or stat.S_ISDIR(status.st_mode)):
            self._entries[path[1:]] = Entry(path[1:], mode, uid, gid, source=source)

    def _libraries(self, path: str, found: Elf, inherited: tuple[str, ...], interpreter: str) -> None:
        if found.interpreter:
            self.add(found.interpreter)
        origin = os.path.dirname(path)
        own = tuple(_expand(found.rpath, origin)) if not found.runpath else ()
        search = (*own, *inherited, *_expand(found.runpath, origin))
        for name in found.needed:
            place = libraries.find(name, found, paths=search, interpreter=interpreter)
            if place is None:
                raise NotFound(f"library {name}, which {path} needs, is not on this host")
            self._library(*place, paths=(*own, *inherited), interpreter=interpreter)
        if found.interpreter and "ld-linux" in found.interpreter:
            for name in _BY_NAME:
                if place := libraries.find(name, found, paths=(), interpreter=interpreter):
                    self._library(*place, paths=(), interpreter=interpreter)

    def _library(self, path: str, plain: bool, *, paths: tuple[str, ...], interpreter: str) -> None:
        self.add(path, paths=paths, interpreter=interpreter)
        if not plain and os.path.exists(_LINKER_CACHE):
            self._place(_LINKER_CACHE)  # without it the linker would not look where the administrator put this one

    def _script(self, path: str) -> None:
        with open(path, "rb") as file:
            line = file.readline(256)  # the kernel reads no more (execve(2))
        if not line.startswith(b"#!"):
            return
        interpreter, *words = line[2:].decode("utf-8", "replace").split() or [""]
        if os.path.basename(interpreter) == "env":
            self.program(which(interpreter))
            interpreter = next((word for word in words if not word.startswith("-") and "=" not in word), interpreter)
        self.program(which(interpreter))

    def _python(self, path: str, found: Elf) -> None:
        """Add the standard library of a Python interpreter, without which it does not start."""
        version = _PYTHON.fullmatch(os.path.basename(path))
        library = os.path.join(os.path.dirname(os.path.dirname(path)), "lib", version[0]) if version else ""
        if found.interpreter and os.path.isdir(library):
            self.tree(library, skip=_PYTHON_SKIP)


def _expand(paths: tuple[str, ...], origin: str) -> Iterator[str]:
    for path in paths:
        expanded = path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
        if "$" not in expanded:
            yield os.path.normpath(expanded)
