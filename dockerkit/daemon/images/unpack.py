"""A layer's tar stream becomes files beneath one descriptor, ready to be a lower directory of overlay.

Source: OCI image specification, "Image Layer Filesystem Changeset"; kernel documentation of overlayfs for what whiteouts and
opaque directories look like on disk. What a hostile archive can do is hide, replace or damage files of its own layer, nothing
else: names and links are resolved by :mod:`.tree`, formats by :mod:`.archive`. Never runs anything, never follows a final link.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass

from dockerkit.daemon.images.archive import Stream, is_file, members
from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.limits import Meter
from dockerkit.daemon.images.making import Maker, time_of
from dockerkit.daemon.images.tree import Parts, Tree, make_whiteout, set_opaque
from dockerkit.errors import Damaged

_WHITEOUT = ".wh."
_META = ".wh..wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked: digest of the plain tar and bytes of its regular files."""

    diff_id: str
    size: int


def unpack(chunks: Iterable[bytes], root: int, *, hashed: bool = True) -> Unpacked:
    """Unpack a layer, compressed or not, beneath the directory descriptor `root`, which is empty.

    :param hashed: compute the diff id; without, whoever calls knows it (that of a plain tar is its own digest).
    :raises Damaged: the archive is malformed, cut short, hostile or larger than a layer may be (:mod:`.limits`); `root` then
        holds a part of it, to be thrown away.
    :raises OSError: the file system refuses (no room, not permitted).
    """
    meter = Meter()
    stream = Stream(decompress(chunks, meter), hashed=hashed)
    unpacker = _Unpacker(Tree(root), stream)
    try:
        for member in members(stream):
            meter.member(member.name, member.size)
            unpacker.apply(member)
        unpacker.finish()
    finally:
        unpacker.tree.close()
    return Unpacked(stream.finish(), unpacker.size)


def measure(chunks: Iterable[bytes]) -> int:
    """Return the bytes of a layer's regular files without unpacking it.

    :raises Damaged: the archive is malformed or cut short.
    """
    stream = Stream(decompress(chunks, Meter()), hashed=False)
    return sum(member.size for member in members(stream) if is_file(member))


class _Unpacker(Maker):
    """A layer's members, with the two kinds that speak of the layers below."""

    def _apply(self, parts: Parts, member: tarfile.TarInfo) -> None:
        _check_name(parts)
        if parts and parts[-1].startswith(_WHITEOUT):
            self._whiteout(parts)
        else:
            super()._apply(parts, member)

    def _root(self, member: tarfile.TarInfo) -> None:
        super()._root(member)
        self._attributes(self.tree.root, member)
        self._times[()] = time_of(member)

    def _set_time(self, parts: Parts, time: int) -> None:
        if parts:
            super()._set_time(parts, time)
        else:
            os.utime(self.tree.root, ns=(time, time))

    def _whiteout(self, parts: Parts) -> None:
        *above, mark = parts
        parent = self.tree.directory(tuple(above))
        if mark == _OPAQUE:
            set_opaque(parent)
            return
        if mark.startswith(_META):
            return  # aufs' own bookkeeping, ignored by everybody
        name = mark.removeprefix(_WHITEOUT)
        if name in ("", ".", ".."):
            raise Damaged(f"archive is hostile: whiteout {mark!r}")
        status = self.tree.status(parent, name)
        if status is None:
            make_whiteout(parent, name)
        elif stat.S_ISDIR(status.st_mode):
            # the mark speaks of lower layers only: this layer's own directory stays and hides theirs
            hidden = self.tree.find((*above, name))
            set_opaque(hidden)
            os.close(hidden)


def _check_name(parts: Parts) -> None:
    for part in parts[:-1]:
        if part.startswith(_WHITEOUT):
            raise Damaged(f"archive is hostile: {'/'.join(parts)!r} lies beneath a whiteout")
