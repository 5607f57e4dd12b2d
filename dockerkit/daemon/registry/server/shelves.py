"""What a registry keeps: contents by digest, and for each repository which of them it has, under which tags and referrers.

::

    blobs/sha256/<hex>                                  bytes, once, whoever has them
    repositories/<name>/_blobs/sha256/<hex>             the repository has this blob (empty file)
    repositories/<name>/_manifests/sha256/<hex>         … and this manifest: its media type
    repositories/<name>/_tags/<tag>                     a digest
    repositories/<name>/_referrers/sha256/<hex>/sha256/<hex>   subject, and who names it: a descriptor
    repositories/<name>/_uploads/<id>                   what of an upload is here (:mod:`.uploads`)

Two examples. A pushed blob gets its content first and its place in the repository then: a crash in between leaves a content
that nobody has, which the next collection takes. A manifest is deleted after its tags: a crash leaves a manifest without tags,
never a tag that leads nowhere. Times of change say when something was last wanted: :mod:`.collecting` goes by them.
Never reads a manifest, never checks a name (:mod:`.grammar` did).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from typing import Self

from dockerkit.daemon.registry.server.beneath import Tree
from dockerkit.daemon.registry.server.grammar import ALGORITHMS, check_digest, is_digest
from dockerkit.errors import Damaged
from dockerkit.schema.image import Descriptor

BLOBS, MANIFESTS, TAGS, REFERRERS, UPLOADS = "_blobs", "_manifests", "_tags", "_referrers", "_uploads"


class Shelves:
    """The store of one registry. Thread-safe.

    :param tree: the directory it is in.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.changing = threading.RLock()
        """Held while something gets a name or loses it."""

    # contents

    def open(self, digest: str) -> tuple[int, int] | None:
        """Return a descriptor of a content and its size; None when it is not here."""
        try:
            descriptor = self.tree.open(content_path(digest))
        except FileNotFoundError:
            return None
        return descriptor, os.fstat(descriptor).st_size

    def read(self, digest: str) -> bytes | None:
        """Return a document; None when it is not here."""
        try:
            return self.tree.read(content_path(digest))
        except FileNotFoundError:
            return None

    def size(self, digest: str) -> int | None:
        """Return how large a content is; None when it is not here."""
        found = self.tree.stat(content_path(digest))
        return None if found is None else found.st_size

    def keep(self, content: bytes, digest: str) -> None:
        """Keep a document under its digest, which was computed from it."""
        self.tree.write(content_path(digest), content)

    def adopt(self, path: str, digest: str, descriptor: int) -> None:
        """Make a file the content of its digest, which was computed from it."""
        os.utime(descriptor)
        self.tree.rename(path, content_path(digest), descriptor)

    def writer(self) -> Arriving:
        """Return a writer for a content that comes from elsewhere."""
        return Arriving(self)

    # blobs of a repository

    def has_blob(self, name: str, digest: str) -> bool:
        """Tell whether a repository has a blob, and note that it was asked for: it is not collected soon."""
        return self.tree.touch(link_path(name, BLOBS, digest))

    def add_blob(self, name: str, digest: str) -> bool:
        """Give a repository a blob; tell whether there is such a content."""
        with self.changing:
            if not self.tree.touch(content_path(digest)):
                return False
            if not self.tree.touch(link_path(name, BLOBS, digest)):
                self.tree.write(link_path(name, BLOBS, digest), b"")
            return True

    def remove_blob(self, name: str, digest: str) -> bool:
        """Take a blob from a repository; tell whether it had it."""
        with self.changing:
            return self.tree.remove(link_path(name, BLOBS, digest))

    # manifests of a repository

    def media_type(self, name: str, digest: str) -> str | None:
        """Return as what a repository has a manifest; None when it has not."""
        try:
            return self.tree.read(link_path(name, MANIFESTS, digest)).decode()
        except FileNotFoundError:
            return None

    def add_manifest(self, name: str, digest: str, media_type: str) -> None:
        """Give a repository a manifest, whose content is here."""
        self.tree.touch(content_path(digest))
        self.tree.write(link_path(name, MANIFESTS, digest), media_type.encode())

    def remove_manifest(self, name: str, digest: str) -> bool:
        """Take a manifest and its tags from a repository; tell whether it had it."""
        with self.changing:
            for tag in self.tags(name):
                if self.tag(name, tag) == digest:
                    self.remove_tag(name, tag)
            return self.tree.remove(link_path(name, MANIFESTS, digest))

    # tags

    def tag(self, name: str, tag: str) -> str | None:
        """Return the digest a tag stands for; None when there is no such tag."""
        try:
            return self.tree.read(path_of(name, TAGS, tag)).decode()
        except FileNotFoundError:
            return None

    def set_tag(self, name: str, tag: str, digest: str) -> None:
        """Let a tag stand for a manifest the repository has."""
        self.tree.write(path_of(name, TAGS, tag), digest.encode())

    def remove_tag(self, name: str, tag: str) -> bool:
        """Remove a tag; tell whether it was there."""
        return self.tree.remove(path_of(name, TAGS, tag))

    def tags(self, name: str) -> list[str]:
        """Return a repository's tags, sorted."""
        return self.tree.names(path_of(name, TAGS))

    # referrers

    def add_referrer(self, name: str, subject: str, digest: str, descriptor: bytes) -> None:
        """Note that a manifest names another, which need not be here, as its subject."""
        self.tree.write(_referrer(name, subject, digest), descriptor)

    def remove_referrer(self, name: str, subject: str, digest: str) -> None:
        """Forget it."""
        self.tree.remove(_referrer(name, subject, digest))

    def referrers(self, name: str, subject: str) -> Iterator[tuple[str, bytes]]:
        """Iterate over who names a manifest: digest and descriptor, in the order of the digests."""
        for digest in self._digests(f"{path_of(name, REFERRERS)}/{subject.replace(':', '/')}"):
            with contextlib.suppress(FileNotFoundError):  # deleted as we look
                yield digest, self.tree.read(_referrer(name, subject, digest))

    # everything

    def known(self, name: str) -> bool:
        """Tell whether there is such a repository: something was pushed to it."""
        return any(self.tree.stat(path_of(name, kind)) for kind in (MANIFESTS, TAGS, BLOBS))

    def repositories(self, below: str = "repositories") -> Iterator[str]:
        """Iterate over the names of all repositories, those without a manifest too, in the order of their components."""
        names = self.tree.names(below)
        if below != "repositories" and any(name.startswith("_") for name in names):
            yield below.removeprefix("repositories/")
        for name in names:
            if not name.startswith("_"):
                yield from self.repositories(f"{below}/{name}")

    def contents(self) -> Iterator[str]:
        """Iterate over the digests of all contents."""
        return self._digests("blobs")

    def links(self, name: str, kind: str) -> Iterator[str]:
        """Iterate over the digests of a repository's blobs or manifests."""
        return self._digests(path_of(name, kind))

    def _digests(self, directory: str) -> Iterator[str]:
        for algorithm in ALGORITHMS:
            for digits in self.tree.names(f"{directory}/{algorithm}"):
                if is_digest(f"{algorithm}:{digits}"):
                    yield f"{algorithm}:{digits}"


class Arriving:
    """A content on its way in from another registry; see :class:`dockerkit.daemon.registry.contract.Incoming`."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self._hash = hashlib.sha256()
        self._stack = contextlib.ExitStack()
        self.size = 0
        self._descriptor, self._path = self._stack.enter_context(shelves.tree.temporary("blobs"))

    @property
    def digest(self) -> str:
        """Digest of what was written so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, data: bytes) -> int:
        """Append bytes."""
        write_all(self._descriptor, data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def commit(self, media_type: str, *, expected: str = "") -> Descriptor:
        """Keep the content under its digest.

        :raises Damaged: it is not the expected one; nothing is kept.
        """
        if expected and expected != self.digest:
            raise Damaged(f"blob {expected} arrived as {self.digest}")
        self._shelves.adopt(self._path, self.digest, self._descriptor)
        return Descriptor(media_type=media_type, digest=self.digest, size=self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it: write(2) may take a part, when the disk is nearly full.

    :raises OSError: ENOSPC and its like.
    """
    rest = memoryview(data)
    while rest:
        taken = os.write(descriptor, rest)
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[taken:]


def path_of(name: str, *parts: str) -> str:
    """Return where something of a repository is, beneath the root."""
    return "/".join(("repositories", name, *parts))


def link_path(name: str, kind: str, digest: str) -> str:
    """Return where a repository says that it has a digest."""
    return path_of(name, kind, check_digest(digest).replace(":", "/"))


def content_path(digest: str) -> str:
    """Return where a content is."""
    return f"blobs/{check_digest(digest).replace(':', '/')}"


def _referrer(name: str, subject: str, digest: str) -> str:
    return path_of(name, REFERRERS, check_digest(subject).replace(":", "/"), check_digest(digest).replace(":", "/"))
