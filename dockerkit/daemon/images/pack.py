"""Files become a layer, a layer becomes an image: the way in for everything made here. Same contents, same bytes, same digest.

Entries are written in the order of their names, with one time for all (``SOURCE_DATE_EPOCH``, else 1970), numeric owners and
no names of users. Never decides what goes into an image, never reads a file it was not given.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from dockerkit.daemon.images.platform import host_platform
from dockerkit.daemon.images.store import BlobWriter, Store
from dockerkit.errors import Conflict, Invalid
from dockerkit.schema.image import (
    CONFIG,
    LAYER,
    MANIFEST,
    Descriptor,
    History,
    ImageConfig,
    ImageDocument,
    Manifest,
    RootFS,
)

_PIECE = 1 << 20
"""Bytes of a file that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a layer: a directory unless it has content, a source file on the host, or a link.

    :param path: without a leading ``/``.
    :param content: the bytes of a file.
    :param source: path of a host file whose bytes it gets.
    :param symlink: target of a symbolic link.
    :param hardlink: path, in the same layer, of the file it is another name of.
    """

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    content: bytes | None = None
    source: str = ""
    symlink: str = ""
    hardlink: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """All of an image that is to be: entries of its one layer, configuration, and how it came to be.

    :param told: one line for people, "from …".
    """

    entries: tuple[Entry, ...]
    config: ImageConfig
    created_by: str
    told: str
    labels: Mapping[str, str] = field(default_factory=dict)


def source_date() -> int:
    """Return the one time of everything made here: ``SOURCE_DATE_EPOCH`` (reproducible-builds.org), else 0.

    :raises Invalid: the variable is not a number of seconds since 1970.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH") or "0"
    if not text.isdecimal():
        raise Invalid(f"SOURCE_DATE_EPOCH is {text!r}, no number of seconds since 1970", hint="unset it")
    return int(text)


def assemble(store: Store, contents: Contents) -> Descriptor:
    """Store an image of one layer and return its manifest's descriptor; the same contents give the same digest.

    :raises Exhausted: no room.
    :raises Conflict: a file of the host changed while it was read.
    """
    moment = source_date()
    layer, diff_id = write_layer(store, contents.entries, moment)
    created = f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
    host = host_platform()
    document = ImageDocument(
        created=created,
        architecture=host.architecture,
        variant=host.variant,
        config=msgspec.structs.replace(contents.config, labels=dict(sorted(contents.labels.items()))),
        rootfs=RootFS(diff_ids=[diff_id]),
        history=[History(created=created, created_by=contents.created_by, comment="dockerkit bootstrap")],
    )
    # "os" is required (OCI config schema); the struct leaves out what equals its default
    config = store.write(msgspec.json.encode({**msgspec.to_builtins(document), "os": host.os}), CONFIG)
    return store.write(msgspec.json.encode(Manifest(config=config, layers=[layer])), MANIFEST)


def write_layer(store: Store, entries: Iterable[Entry], moment: int) -> tuple[Descriptor, str]:
    """Store a layer, not compressed, and return its descriptor and diff id: whoever sends it elsewhere compresses it then.

    :raises Exhausted: no room.
    :raises Conflict: a file of the host changed while it was read.
    """
    with store.writer() as blob:
        with tarfile.open(fileobj=_Sink(blob), mode="w", format=tarfile.PAX_FORMAT, copybufsize=_PIECE) as archive:  # type: ignore[call-overload]
            for entry in sorted(entries, key=_order):
                _add(archive, entry, moment)
        layer = blob.commit(LAYER)
    return layer, layer.digest


class _Sink:
    """A blob as a file object: tarfile asks where it is."""

    def __init__(self, blob: BlobWriter) -> None:
        self.write, self._blob = blob.write, blob

    def tell(self) -> int:
        return self._blob.size


def _order(entry: Entry) -> tuple[bool, list[str]]:
    """Directories before what is in them, hard links after everything they can point at."""
    return bool(entry.hardlink), entry.path.split("/")


def _add(archive: tarfile.TarFile, entry: Entry, moment: int) -> None:
    member = tarfile.TarInfo(entry.path)
    member.mode, member.uid, member.gid, member.mtime = entry.mode, entry.uid, entry.gid, moment
    if entry.symlink:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.symlink, 0o777
    elif entry.hardlink:
        member.type, member.linkname = tarfile.LNKTYPE, entry.hardlink
    elif entry.source:
        _add_source(archive, member, entry.source)
        return
    elif entry.content is not None:
        member.size = len(entry.content)
        archive.addfile(member, io.BytesIO(entry.content))
        return
    else:
        member.type = tarfile.DIRTYPE
    archive.addfile(member)


def _add_source(archive: tarfile.TarFile, member: tarfile.TarInfo, source: str) -> None:
    with open(source, "rb") as file:
        member.size = os.fstat(file.fileno()).st_size
        try:
            archive.addfile(member, file)
        except OSError as error:
            if "unexpected end of data" in str(error):
                raise Conflict(f"{source} changed while it was read", hint="try again when it is not being updated") from None
            raise
