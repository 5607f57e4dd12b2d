"""The files of a container as a mapping: ``container.files["/etc/hostname"]``, running or not.

Read: the content, as bytes. Write: bytes or text is the content; a ``Path`` of the host is a file or a tree to copy. Folders
that are missing are made, links are followed. Also on a foreign engine: Docker's archive routes are all it needs.
"""

from __future__ import annotations

import base64
import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from dockerkit.client import archive
from dockerkit.client.engine import Engine, segment
from dockerkit.client.rows import Row, Rows
from dockerkit.client.transport.http import Body, Response
from dockerkit.errors import Failed, Invalid, NotFound
from dockerkit.schema.units import from_rfc3339

_STAT = "x-docker-container-path-stat"
_MISSING = "no such file in container {}: {}"
_GO = {1 << 31: stat.S_IFDIR, 1 << 27: stat.S_IFLNK, 1 << 25: stat.S_IFIFO, 1 << 24: stat.S_IFSOCK, 1 << 21: stat.S_IFCHR}
"""Go's bits for kinds of files; Python's. A block device has none but the device bit."""
_GO_SPECIAL = {1 << 23: stat.S_ISUID, 1 << 22: stat.S_ISGID, 1 << 20: stat.S_ISVTX}
_GO_DEVICE = 1 << 26


@dataclass(frozen=True)
class FileInfo:
    """What is known of a path inside, without reading it."""

    name: str
    size: int
    mode: int
    """As ``os.stat`` has it: kind and permissions."""
    modified: datetime
    link: str = ""
    """Where a link leads."""

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """True for an ordinary file."""
        return stat.S_ISREG(self.mode)


class Files:
    """The files of one container."""

    __iter__ = None
    """Not iterable: a whole file system is nobody's list; see :meth:`list`."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._id = container

    def __getitem__(self, path: str | os.PathLike[str]) -> bytes:
        """Return the content of a file; links are followed.

        :raises NotFound: there is none.
        :raises Invalid: it is a folder; see :meth:`copy`.
        """
        inside = _absolute(path)
        with self._followed(inside) as answer:
            info = _info(answer)
            if not info.is_file:
                raise Invalid(f"{inside} is not a file", hint=f'files.copy("{inside}", target) copies a folder to the host')
            return archive.first_content(answer)

    def __setitem__(self, path: str | os.PathLike[str], content: str | bytes | os.PathLike[str]) -> None:
        """Write a file: bytes, or text as UTF-8; a ``Path`` copies a file or a tree of the host.

        A file that exists keeps its permissions; missing folders are made. What comes in belongs to root inside.

        :raises NotFound: the path of the host does not exist.
        :raises Invalid: a file where a folder is, or a folder where a file is.
        """
        inside = _absolute(path)
        source = None if isinstance(content, (str, bytes, bytearray, memoryview)) else os.fspath(content)
        if source is not None and not os.path.exists(source):
            raise NotFound(f"no such file on this host: {source}")
        folder = source is not None and os.path.isdir(source)
        there = self._there(inside)
        if there is not None and there.link:
            inside, there = there.link, self._there(there.link)
        _check_kind(inside, there, folder)
        base, missing, name = self._place(inside)
        if source is not None:
            self._put(base, archive.of_tree(missing, name, os.path.realpath(source)))
            return
        mode = 0o644 if there is None else stat.S_IMODE(there.mode)
        data = content.encode() if isinstance(content, str) else bytes(content)  # type: ignore[arg-type]
        size, pieces = archive.of_bytes(missing, name, data, mode)
        self._put(base, pieces, size)

    def __contains__(self, path: object) -> bool:
        """Tell whether there is such a path."""
        try:
            return self._there(_absolute(str(path))) is not None
        except Invalid:
            return False

    def get(self, path: str | os.PathLike[str], default: Any = None) -> Any:
        """Return the content of a file, or `default` when there is none."""
        try:
            return self[path]
        except NotFound:
            return default

    def stat(self, path: str | os.PathLike[str]) -> FileInfo:
        """Return what is known of a path, a link itself included.

        :raises NotFound: there is none.
        """
        found = self._there(_absolute(path))
        if found is None:
            raise NotFound(_MISSING.format(self._id[:12], path))
        return found

    def list(self, path: str | os.PathLike[str] = "/") -> Rows[Row]:
        """Return what is in a folder and below, as a table. The engine sends all of it: choose a small one."""
        inside = _absolute(path)
        with self._followed(inside) as answer, archive.files_of(answer) as tar:
            items = [_row(member, inside) for member in tar]
        return Rows(items, columns=("path", "mode", "size", "modified", "link"))

    def copy(self, path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        """Copy a file or a folder to the host: `target` is what it is called there.

        :raises NotFound: there is none.
        """
        with self._followed(_absolute(path)) as answer:
            archive.extract(answer, os.fspath(target))

    # the routes

    @property
    def _path(self) -> str:
        return f"/containers/{segment(self._id)}/archive"

    def _there(self, inside: str) -> FileInfo | None:
        try:
            with self._engine.call("HEAD", self._path, query={"path": inside}) as answer:
                answer.read()
                return _info(answer)
        except NotFound:
            return None
        except (Failed, Invalid):  # of which the answer to HEAD cannot tell the reason
            return self._told(inside)

    def _told(self, inside: str) -> FileInfo | None:
        """Ask again in a way that is answered with words; None when something above the path is no folder."""
        try:
            with self._get(inside) as answer:
                return _info(answer)
        except (Failed, Invalid) as error:
            if "not a directory" in error.message:
                return None
            raise

    def _followed(self, inside: str) -> Response:
        """Return the archive of a path, or of what it links to."""
        answer = self._get(inside)
        info = _info(answer)
        if not stat.S_ISLNK(info.mode) or not info.link:
            return answer
        answer.close()
        return self._get(info.link)

    def _get(self, inside: str) -> Response:
        answer = self._engine.call("GET", self._path, query={"path": inside})
        answer.patience(None)
        return answer

    def _put(self, folder: str, pieces: Iterator[bytes], size: int | None = None) -> None:
        headers = [("Content-Type", "application/x-tar")]
        if size is not None:
            headers.append(("Content-Length", str(size)))
        body: Body = pieces
        self._engine.call("PUT", self._path, query={"path": folder}, content=body, headers=headers, timeout=None).read()

    def _place(self, inside: str) -> tuple[str, Sequence[str], str]:
        """Return the deepest folder above a path that exists, those to be made in it (upper first), and the rest of the path.

        :raises Invalid: something above is not a folder.
        """
        base = above = posixpath.dirname(inside)
        missing: Sequence[str] = ()
        while above != "/":
            found = self._there(above)
            if found is not None:
                base = found.link or above
                if not found.is_folder and not found.link:
                    raise Invalid(f"{above} is not a folder")
                break
            missing = (above, *missing)
            base = above = posixpath.dirname(above)
        name = "" if inside == "/" else posixpath.relpath(inside, above)
        return base, [posixpath.relpath(each, above) for each in missing], name


def _check_kind(inside: str, there: FileInfo | None, folder: bool) -> None:
    if there is not None and there.is_folder and not folder:
        raise Invalid(f"{inside} is a folder", hint="name the file in it")
    if there is not None and folder and not there.is_folder:
        raise Invalid(f"{inside} is a file, not a folder")


def _absolute(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not text.startswith("/") or "\0" in text:
        raise Invalid(f"{text!r} is not an absolute path inside the container")
    return posixpath.normpath(text).replace("//", "/")


def _info(answer: Response) -> FileInfo:
    """Read Docker's description of a path: base64 of JSON, in a header."""
    said = msgspec.json.decode(base64.b64decode(answer.headers.get(_STAT, "") or "e30="))
    modified = datetime.fromtimestamp(from_rfc3339(said["mtime"]) / 1e9).astimezone() if said.get("mtime") else datetime.min
    mode = python_mode(int(said.get("mode") or 0))
    link = str(said.get("linkTarget") or "") if stat.S_ISLNK(mode) else ""
    return FileInfo(str(said.get("name") or ""), int(said.get("size") or 0), mode, modified, link)


def python_mode(mode: int) -> int:
    """Return Go's file mode (``os.FileMode``) as Python's ``st_mode``."""
    kind = next((ours for bit, ours in _GO.items() if mode & bit), stat.S_IFBLK if mode & _GO_DEVICE else stat.S_IFREG)
    return kind | (mode & 0o777) | sum(ours for bit, ours in _GO_SPECIAL.items() if mode & bit)


def _row(member: Any, inside: str) -> Row:
    below = member.name.rstrip("/").partition("/")[2]
    return Row(
        path=posixpath.join(inside, below) if below else inside,
        mode=stat.filemode(_KINDS.get(member.type, stat.S_IFREG) | member.mode),
        size=member.size,
        modified=f"{datetime.fromtimestamp(member.mtime).astimezone():%Y-%m-%d %H:%M}",
        link=member.linkname,
    )


_KINDS = {b"5": stat.S_IFDIR, b"2": stat.S_IFLNK, b"3": stat.S_IFCHR, b"4": stat.S_IFBLK, b"6": stat.S_IFIFO}
