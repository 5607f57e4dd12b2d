"""An archive's stream becomes blobs in the store and documents in memory; what they mean is decided when all has come.

A blob that calls itself by a digest has to have it. Nothing is written outside the store, so no name in an archive leads
anywhere: names are keys. Never decides which blobs are images.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from dockerkit.daemon.images.archive import Stream, content, is_file, members
from dockerkit.daemon.images.arriving import Intake, looks_like_a_layer
from dockerkit.daemon.images.compression import decompress, kind_of
from dockerkit.daemon.images.limits import Meter, limits
from dockerkit.daemon.images.store import DOCUMENT_LIMIT
from dockerkit.daemon.images.tree import split
from dockerkit.errors import Damaged
from dockerkit.schema.image import LAYER, LAYER_GZIP, LAYER_ZSTD, Descriptor

_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_DOCUMENTS = 64 << 20
"""Bytes of documents of one archive that are held in memory: some ten thousand images' worth."""
_TOTAL, _MEMBERS = 1 << 44, 1_000_000
_LINKS = 40
_TYPES = {"": LAYER, "gzip": LAYER_GZIP, "zstd": LAYER_ZSTD}
Landed = Callable[[Descriptor], None]


@dataclass(frozen=True, slots=True)
class Crane:
    """What an archive is unloaded with: the stream, the store, and who hears of each blob."""

    stream: Stream
    intake: Intake
    landed: Landed


@dataclass(slots=True)
class Cargo:
    """What an archive holds, by name.

    :param documents: small files, whole.
    :param blobs: everything else, in the store; with the media type of what it looks like.
    :param links: name → name, both in the archive.
    """

    documents: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, Descriptor] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def resolve(self, name: str) -> str:
        """Return the name a name leads to, links followed.

        :raises Damaged: it leads out of the archive, or round in circles.
        """
        found = "/".join(split(name))
        for _ in range(_LINKS):
            if found not in self.links:
                return found
            found = self.links[found]
        raise Damaged(f"archive is hostile: too many links at {name[:80]!r}")

    def document(self, name: str) -> bytes:
        """Return a document.

        :raises Damaged: it is not in the archive; in the words of whoever opens a file.
        """
        found = self.documents.get(self.resolve(name))
        if found is None:
            raise Damaged(f"archive is malformed: open {name[:200]}: no such file or directory")
        return found

    def blob(self, name: str, intake: Intake) -> Descriptor:
        """Return a layer; one that was taken for a document is stored now.

        :raises Damaged: it is not in the archive.
        """
        resolved = self.resolve(name)
        if resolved in self.documents and resolved not in self.blobs:
            self.blobs[resolved] = intake.write(self.documents[resolved], LAYER)
        found = self.blobs.get(resolved)
        if found is None:
            raise Damaged(f"archive is malformed: open {name[:200]}: no such file or directory")
        return found


def unload(chunks: Iterable[bytes], intake: Intake, landed: Landed) -> Cargo:
    """Take an archive in, compressed or not.

    :param landed: hears of each blob.
    :raises Damaged: it is malformed, cut short, hostile, or a blob is not what it calls itself.
    """
    cargo = Cargo()
    # an archive holds many layers: each is measured by itself, the whole only against bombs
    meter = Meter(replace(limits(), bytes=_TOTAL, entries=_MEMBERS))
    crane = Crane(Stream(decompress(chunks, meter), hashed=False), intake, landed)
    held = 0
    for member in members(crane.stream):
        meter.member(member.name, 0)
        name = "/".join(split(member.name))
        if member.issym() or member.islnk():
            cargo.links[name] = _target(name, member)
        elif is_file(member):
            held += _take(cargo, name, member, crane)
            if held > _DOCUMENTS:
                raise Damaged(f"archive is hostile: more than {_DOCUMENTS >> 20} MiB of documents, at {name[:80]!r}")
        elif not member.isdir():
            raise Damaged(f"archive is hostile: {member.name[:80]!r} is no file")
    crane.stream.finish()
    return cargo


def _take(cargo: Cargo, name: str, member: tarfile.TarInfo, crane: Crane) -> int:
    """Take one file; return how much of it is held in memory."""
    cargo.links.pop(name, None)
    named = _BLOB.fullmatch(name)
    digest = f"sha256:{named[1]}" if named else ""
    if member.size > DOCUMENT_LIMIT:
        if digest and crane.intake.has(digest):
            cargo.blobs[name] = Descriptor(media_type="", digest=digest, size=member.size)  # the next header skips its bytes
        else:
            cargo.blobs[name] = _store(member, crane.stream, crane.intake, digest)
            crane.landed(cargo.blobs[name])
        return 0
    data = b"".join(bytes(piece) for _, piece in content(crane.stream, member))
    if len(data) != member.size:
        raise Damaged(f"archive is malformed: {name[:80]!r} is a sparse file")
    if looks_like_a_layer(data):
        cargo.blobs[name] = _keep(data, crane.intake, digest)
        crane.landed(cargo.blobs[name])
        return 0
    cargo.documents[name] = data
    return len(data)


def _store(member: tarfile.TarInfo, stream: Stream, intake: Intake, digest: str) -> Descriptor:
    if member.issparse():
        raise Damaged(f"archive is malformed: {member.name[:80]!r} is a sparse file")
    with intake.writer() as blob:
        head = b""
        for _, piece in content(stream, member):
            head = head or bytes(piece[:8])
            blob.write(bytes(piece))
        return blob.commit(media_type(head), expected=digest)


def _keep(data: bytes, intake: Intake, digest: str) -> Descriptor:
    with intake.writer() as blob:
        blob.write(data)
        return blob.commit(media_type(data), expected=digest)


def media_type(head: bytes) -> str:
    """Return the type of a layer by how it is compressed; one the OCI has no word for is called after it all the same."""
    kind = kind_of(head)
    return _TYPES.get(kind, f"{LAYER}+{kind}")


def _target(name: str, member: tarfile.TarInfo) -> str:
    if member.islnk() or member.linkname.startswith("/"):
        return "/".join(split(member.linkname))
    return "/".join(split(f"{name.rpartition('/')[0]}/{member.linkname}"))
