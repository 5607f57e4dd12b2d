"""Small tars for tests, and what a stream of one holds."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable

from dockerkit.daemon.engine.engine import Engine
from dockerkit.daemon.runtime.launch import Attachment


def member(name: str, data: bytes | None = b"", **facts: object) -> tuple[tarfile.TarInfo, bytes | None]:
    """One member; without data it is what `type` says."""
    info = tarfile.TarInfo(name)
    info.size = len(data or b"")
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info, data


def directory(name: str, mode: int = 0o755, **facts: object) -> tuple[tarfile.TarInfo, None]:
    """A directory."""
    return member(name, None, type=tarfile.DIRTYPE, mode=mode, **facts)[0], None


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, None]:
    """A symbolic or hard link."""
    return member(name, None, type=kind, linkname=target)[0], None


def tar(*members: tuple[tarfile.TarInfo, bytes | None]) -> io.BytesIO:
    """An archive of members, at its beginning."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, None if data is None else io.BytesIO(data))
    file.seek(0)
    return file


def untar(chunks: Iterable[bytes]) -> dict[str, tarfile.TarInfo]:
    """The members of a stream by name."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks)), errors="surrogateescape") as archive:
        return {info.name: info for info in archive}


def content(chunks: Iterable[bytes], name: str) -> bytes:
    """The bytes of one file of a stream."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read()


def read(engine: Engine, id: str, path: str) -> bytes:
    """The bytes of one file of a container."""
    stat, chunks = engine.containers.archive(id, path)
    return content(chunks, stat.name)


def done(engine: Engine, id: str) -> int:
    """Wait for a container's end."""
    return engine.containers.wait(id).result(20).status_code


def wait_for_output(engine: Engine, id: str) -> None:
    """Return when a container has written something."""
    reading, writing = os.pipe()
    engine.containers.attach(id, Attachment(fd=writing, stdout=True, framed=False, replay_from=0))
    os.read(reading, 1)
    os.close(reading)
