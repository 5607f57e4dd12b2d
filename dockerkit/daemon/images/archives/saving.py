"""``save``: images become one tar that is Docker's archive and an OCI layout at once; the same images give the same bytes.

Blobs go out as they came in, so that digests survive wherever the archive is loaded. Order, times, owners and modes are fixed.
Never holds more than a piece of a blob; while it is read, nothing of it is collected.
"""

from __future__ import annotations

import tarfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from dockerkit.daemon.images.archives.layouts import PULLED
from dockerkit.daemon.images.catalog import Catalog
from dockerkit.daemon.images.collecting import blobs_of
from dockerkit.daemon.images.compression import read_chunks
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.index import NAME, TAG, full_name
from dockerkit.daemon.images.leases import LeasedStore, Leases
from dockerkit.daemon.images.store import LAYOUT, Store
from dockerkit.schema.image import Descriptor, Index
from dockerkit.schema.names import FULL_ID, Reference, parse_reference

_BLOCK, _RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE


@dataclass(frozen=True, slots=True)
class Item:
    """One image that is to be saved, and the tags it is to have in the archive."""

    image: Image
    tags: tuple[Reference, ...] = ()


def items(catalog: Catalog, names: Sequence[str]) -> list[Item]:
    """Return what these names ask for, each image once: a repository without a tag stands for all its tags, an id for none.

    :raises NotFound: one is not here.
    """
    found: dict[str, Item] = {}
    for name in names:
        for image, tags in _meant(catalog, name):
            known = found.get(image.id)
            both = dict.fromkeys([*(known.tags if known else ()), *tags])
            found[image.id] = Item(image, tuple(both))
    return list(found.values())


def _meant(catalog: Catalog, name: str) -> list[tuple[Image, list[Reference]]]:
    if is_id(name):
        return [(catalog.get(name), [])]
    wanted = parse_reference(name)
    if not wanted.digest and not has_tag(name):
        tagged = [(image, _tags(image, wanted, any_tag=True)) for image in catalog.images()]
        if every := [(image, tags) for image, tags in tagged if tags]:
            return every
    image = catalog.get(name)
    return [(image, _tags(image, wanted, any_tag=False))]


def _tags(image: Image, wanted: Reference, *, any_tag: bool) -> list[Reference]:
    tags = [parse_reference(reference) for reference in image.references]
    same = [tag for tag in tags if (tag.registry, tag.repository) == (wanted.registry, wanted.repository)]
    return [tag for tag in same if any_tag or tag.tag == wanted.tag]


def is_id(name: str) -> bool:
    """Tell whether a name is a full id, which is no reference."""
    return FULL_ID.fullmatch(name.removeprefix("sha256:")) is not None


def has_tag(name: str) -> bool:
    """Tell whether a reference was written with its tag."""
    return ":" in name.rpartition("/")[2]


def save(store: Store, leases: Leases, items: Sequence[Item]) -> Generator[bytes]:
    """Yield the archive.

    :raises NotFound: a blob is missing: the stream then ends early.
    """
    with leases.take() as lease:
        kept = LeasedStore(store, lease)
        digests = sorted({digest for item in items for digest in blobs_of(item.image)})
        size = 0
        for piece in _pieces(kept, items, [digest for digest in digests if kept.has(digest) or store.open(digest).close()]):
            size += len(piece)
            yield piece
        yield bytes(2 * _BLOCK + -(size + 2 * _BLOCK) % _RECORD)


def _pieces(store: LeasedStore, items: Sequence[Item], digests: Sequence[str]) -> Iterator[bytes]:
    yield _header("blobs/", 0)
    yield _header("blobs/sha256/", 0)
    for digest in digests:
        yield from _blob(store, digest)
    yield from _file("index.json", msgspec.json.encode(Index(manifests=[one for item in items for one in _entries(item)])))
    yield from _file("manifest.json", msgspec.json.encode([_words(item) for item in items]))
    yield from _file("oci-layout", LAYOUT)
    repositories: dict[str, dict[str, str]] = {}
    for item in items:
        for tag in item.tags:
            repositories.setdefault(tag.familiar_name, {})[tag.tag] = item.image.id.removeprefix("sha256:")
    if repositories:
        yield from _file("repositories", msgspec.json.encode(repositories, order="deterministic"))


def _blob(store: LeasedStore, digest: str) -> Iterator[bytes]:
    with store.open(digest) as file:
        size = file.seek(0, 2)
        file.seek(0)
        yield _header(_path(digest), size)
        yield from read_chunks(file)
    yield bytes(-size % _BLOCK)


def _file(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content)) + content + bytes(-len(content) % _BLOCK)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    if name.endswith("/"):
        member.type, member.mode = tarfile.DIRTYPE, 0o755
    return member.tobuf(tarfile.PAX_FORMAT)


def _path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _entries(item: Item) -> list[Descriptor]:
    """Return an image's entries of ``index.json``: one a tag, as containerd writes them."""
    pulled = [full_name(parse_reference(name)) for name in sorted(item.image.digests)] if item.tags else []
    ours = {PULLED: " ".join(pulled)} if pulled else {}
    named = [{NAME: full_name(tag), TAG: tag.tag, **ours} for tag in item.tags]
    return [replace(item.image.manifest, annotations=annotations) for annotations in named or [{}]]


def _words(item: Item) -> dict[str, Any]:
    return {
        "Config": _path(item.image.id),
        "RepoTags": [str(tag) for tag in item.tags] or None,
        "Layers": [_path(blob.digest) for blob in item.image.blobs],
    }
