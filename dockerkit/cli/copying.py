"""``cp``: files between a container and this machine, and archives through ``-``. Where things go is Docker's rule.

A file or folder to a folder goes into it, of a folder the content alone when it is written ``folder/.``; what goes to where
nothing is, is called so. Archives are made and read by the client.
"""

from __future__ import annotations

import os
import posixpath
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click

from dockerkit.cli.placing import place_here, place_inside
from dockerkit.cli.refusals import Failure
from dockerkit.cli.sizes import human_size
from dockerkit.cli.word import Word, container
from dockerkit.errors import NotFound

_PIECE = 1024 * 1024
_TAR = [("Content-Type", "application/x-tar")]


class _Counted:
    """Pieces on their way, and how many bytes they were."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece


@click.command(cls=Word)
@click.option("-a", "--archive", is_flag=True, help="Keep owners: not offered yet.")
@click.option("-L", "--follow-link", is_flag=True, help="Copy what a link leads to.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing.")
@click.argument("source", metavar="CONTAINER:SRC_PATH|SRC_PATH|-")
@click.argument("target", metavar="DEST_PATH|-|CONTAINER:DEST_PATH")
def cp(source: str, target: str, archive: bool, follow_link: bool, quiet: bool) -> None:
    """Copy files/folders between a container and the local filesystem."""
    if archive:
        raise Failure("cp --archive is not offered yet", hint="what is copied belongs to root inside, and to you here")
    (from_name, from_path), (to_name, to_path) = split(source), split(target)
    if from_name and to_name:
        raise Failure("copying between containers is not supported")
    if not from_name and not to_name:
        raise Failure("must specify at least one container source")
    if from_name:
        size = _out(from_name, from_path, to_path, follow_link)
        told = to_path
    else:
        size = _in(from_path, to_name, to_path, follow_link)
        told = f"{to_name}:{to_path}"
    if not quiet and sys.stderr.isatty() and to_path != "-":
        click.echo(f"Successfully copied {human_size(size)} to {told}", err=True)


def split(argument: str) -> tuple[str, str]:
    """Return container and path of an argument; no container for a path of this machine (``./a:b`` and ``/a:b`` are such)."""
    name, colon, path = argument.partition(":")
    if argument == "-" or not colon or argument.startswith((".", "/")):
        return "", argument
    return name, path


# out of a container


def _out(name: str, path: str, target: str, follow: bool) -> int:
    one = container(name)
    called = inside = "/" + path.lstrip("/")
    if follow and target != "-":
        inside = _resolved(one, inside)
    with one.engine.call("GET", f"{one.path}/archive", query={"path": inside}) as answer:
        answer.patience(None)
        pieces = _Counted(answer)
        if target == "-":
            _to_standard_output(pieces)
        else:
            _extract(pieces, one.files.stat(inside.rstrip("/") or "/").mode, called, target)
        return pieces.size


def _resolved(one: Any, inside: str) -> str:
    """Return where a link of the container leads, with what was written behind it."""
    link = one.files.stat(inside.rstrip("/") or "/").link
    return posixpath.join(link, "") if link and inside.endswith("/") else link or inside


def _to_standard_output(pieces: Iterable[bytes]) -> None:
    if sys.stdout.isatty():
        raise Failure("cowardly refusing to copy to a terminal: redirect the output")
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _extract(pieces: Iterable[bytes], mode: int, called: str, target: str) -> None:
    from dockerkit.client.archive import extract, files_of

    folder = stat.S_ISDIR(mode)
    where = place_here(folder, called, target)
    if not stat.S_ISLNK(mode):
        extract(pieces, where)
        return
    with files_of(pieces) as tar:
        member = tar.next()
        if member is not None:
            if os.path.lexists(where):
                os.unlink(where)
            os.symlink(member.linkname, where)


# into a container


def _in(source: str, name: str, path: str, follow: bool) -> int:
    one = container(name)
    target = "/" + path.lstrip("/")
    if source == "-":
        return _put(one, target, iter(lambda: sys.stdin.buffer.read(_PIECE), b""))
    if not os.path.lexists(source):
        raise Failure(f"lstat {os.path.abspath(source)}: no such file or directory")
    there = _there(one, target)
    folder, called = place_inside(source, target, there)
    link = os.path.islink(source) and not follow and not source.endswith("/")
    return _put(one, folder, _link(called, source) if link else _tree(called, source))


def _tree(called: str, source: str) -> Iterator[bytes]:
    from dockerkit.client.archive import of_tree

    return of_tree((), called, os.path.realpath(source))


def _link(called: str, source: str) -> Iterator[bytes]:
    import tarfile

    info = tarfile.TarInfo(called)
    info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, os.readlink(source)
    info.mtime = int(os.lstat(source).st_mtime)
    yield info.tobuf() + bytes(1024)


def _there(one: Any, target: str) -> tuple[str, int] | None:
    """Return where a path of the container leads, links followed, and its mode; None when nothing is there."""
    path = target.rstrip("/") or "/"
    try:
        info = one.files.stat(path)
        if info.link:
            path = info.link
            info = one.files.stat(path)
    except NotFound:
        one.inspect()  # which says so when it is the container that is not there
        return None
    return path, info.mode


def _put(one: Any, folder: str, pieces: Iterable[bytes]) -> int:
    counted = _Counted(pieces)
    query = {"path": folder, "noOverwriteDirNonDir": True}
    one.engine.call("PUT", f"{one.path}/archive", query=query, content=counted, headers=_TAR, timeout=None).read()
    return counted.size
