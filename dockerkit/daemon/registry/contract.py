"""What a registry client is to the engine: the values that go in and come out, and what it asks of the store.

The story, with two examples. ``pull("127.0.0.1:5000/shop:2")`` asks the registry what the tag is; the answer is an index, of
which the manifest for this host is chosen; config and layers stream into the store's writers, several at a time, each checked
while it streams; ``arrived`` hears of each layer as it is whole, on the caller's thread, so that the caller unpacks one while
the others come in; the result is the descriptors of manifest and index, both now blobs of the store. ``push`` is the way back:
every blob the registry lacks goes up once, the manifest last, so that a name never points at what is not there.

Who promises what: before a pull returns, every blob it speaks of is in the store under its digest; when it raises, what is in
the store is whole blobs only. Names, leases and unpacking are the caller's. Only declares; never opens a connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, Self

from msgspec import Struct

from dockerkit.errors import NotAllowed, Unavailable
from dockerkit.schema.image import Descriptor, Platform
from dockerkit.schema.names import Reference
from dockerkit.schema.wire import Model

__all__ = [
    "Arrived",
    "AuthResponse",
    "Blobs",
    "Credentials",
    "Distribution",
    "DistributionInspect",
    "Incoming",
    "Progress",
    "Pulled",
    "Referrer",
    "SearchResult",
    "Sources",
    "Unauthorized",
    "Unreachable",
]

Progress = Callable[[dict[str, Any]], None]
"""Hears one message of Docker's JSON stream. Called from several threads, one at a time; what it raises ends the work."""
Arrived = Callable[[Descriptor, int], None]
"""Hears that a layer is in the store, and its position in the manifest (0 is lowest). Called on the thread that called
``pull``, in the order of arrival; downloads go on meanwhile. What it raises ends the pull."""
Sources = Callable[[str], Sequence[str]]
"""A blob's digest → names of repositories (``team/shop``) of the same registry that have it: it need not go up again."""


class Unreachable(Unavailable):
    """No connection to the registry could be made at all, within three seconds: nobody there knows of the request."""


class Unauthorized(NotAllowed):
    """The registry wants a login, or another one (Docker's status for it is 401)."""


class Incoming(Protocol):
    """A blob on its way into the store: a context manager that leaves nothing unless it was committed."""

    size: int

    @property
    def digest(self) -> str:
        """Digest of what was written so far."""

    def write(self, data: bytes) -> int:
        """Append bytes."""

    def commit(self, media_type: str, *, expected: str = "") -> Descriptor:
        """Keep the blob under its digest.

        :raises Damaged: the digest is not the expected one; nothing is kept.
        """

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class Blobs(Protocol):
    """The content store as a registry client sees it; ``images.store.Store`` is one."""

    def has(self, digest: str) -> bool:
        """Tell whether a blob is here."""

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading, unchecked."""

    def read(self, digest: str) -> bytes:
        """Return a document blob, checked."""

    def write(self, content: bytes, media_type: str) -> Descriptor:
        """Store a document."""

    def writer(self) -> Incoming:
        """Return a writer for one blob."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What ``X-Registry-Auth`` carries. Its text never shows a value, so that no log, error or event can.

    :param identity_token: stands for a login (OAuth2 refresh token); `username` may then be empty.
    :param registry_token: a bearer token to be sent as it is.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    def __repr__(self) -> str:
        """Only whether there is something."""
        return "Credentials(given)" if self else "Credentials()"

    def __bool__(self) -> bool:
        """Tell whether there is anything to show a registry."""
        return bool(self.username or self.password or self.identity_token or self.registry_token)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a reference turned out to be.

    :param manifest: of the platform asked for; in the store, like its config and layers.
    :param index: the list it was chosen from, in the store too; None when the reference names a manifest.
    """

    manifest: Descriptor
    index: Descriptor | None = None

    @property
    def digest(self) -> str:
        """What the reference resolves to on the registry: goes into ``RepoDigests`` and the ``Digest:`` line."""
        return (self.index or self.manifest).digest


class AuthResponse(Model):
    """Answer of ``POST /auth``."""

    status: str
    identity_token: str = ""


class DistributionInspect(Model):
    """Answer of ``GET /distribution/{name}/json``."""

    descriptor: Descriptor
    platforms: list[Platform]


class Referrer(Descriptor, kw_only=True, rename="camel", omit_defaults=True):
    """A manifest that names another as its subject, and what it is to it."""

    artifact_type: str = ""


class SearchResult(Struct, kw_only=True):
    """One row of ``GET /images/search``; keys as dockerd writes them (``star_count``)."""

    star_count: int = 0
    is_official: bool = False
    name: str = ""
    is_automated: bool = False
    description: str = ""


class Distribution(Protocol):
    """A client of every registry. Thread-safe; all verbs block.

    Common to all: `credentials` are shown only to the registry of the reference and to the token service it names, never to
    where it redirects.

    :raises Unreachable: no connection could be made, within 3 s in all.
    :raises Unavailable: it answered, and then did not go on, or failed (5xx, 429) in spite of retries.
    :raises NotFound: no such repository, tag, digest or platform; in dockerd's words.
    :raises Unauthorized: it wants a login, or another one; in dockerd's words.
    :raises Damaged: bytes do not match their digest, size or format.
    :raises Unsupported: known, and not handled (schema 1, foreign layers); or this registry has no such endpoint.
    """

    def pull(
        self,
        reference: Reference,
        *,
        platform: str = "",
        credentials: Credentials | None = None,
        blobs: Blobs,
        progress: Progress,
        arrived: Arrived,
        cancelled: threading.Event | None = None,
    ) -> Pulled:
        """Bring an image into the store. Says ``Pulling from …`` and every layer's messages up to ``Download complete`` or
        ``Already exists``; what comes after (``Extracting``, ``Pull complete``, ``Digest:``, ``Status:``) is the caller's.

        :param platform: ``os[/architecture[/variant]]``; ``""`` is this host's.
        :param cancelled: set by whoever wants the work to end; so does an exception from `progress` or `arrived`.
        :raises Cancelled: it was set.
        """

    def push(
        self,
        reference: Reference,
        manifest: Descriptor,
        *,
        credentials: Credentials | None = None,
        blobs: Blobs,
        progress: Progress,
        sources: Sources | None = None,
        cancelled: threading.Event | None = None,
    ) -> Descriptor:
        """Bring an image (or an index with all its manifests) to a registry; every message of dockerd's push is said here."""

    def login(self, registry: str, credentials: Credentials) -> AuthResponse:
        """Prove credentials to a registry (``""`` is Docker Hub) and return what to keep of them."""

    def describe(self, reference: Reference, credentials: Credentials | None = None) -> DistributionInspect:
        """Return what a reference is on its registry, without its layers."""

    def tags(self, reference: Reference, credentials: Credentials | None = None) -> Iterator[str]:
        """Iterate over a repository's tags, page by page."""

    def catalog(self, registry: str, credentials: Credentials | None = None) -> Iterator[str]:
        """Iterate over a registry's repositories, page by page."""

    def delete(self, reference: Reference, credentials: Credentials | None = None) -> str:
        """Delete the manifest a reference resolves to, with every tag that points to it, and return its digest."""

    def referrers(
        self, reference: Reference, credentials: Credentials | None = None, *, artifact_type: str = ""
    ) -> list[Referrer]:
        """Return the manifests that name this one as their subject (signatures, attestations)."""

    def close(self) -> None:
        """End every verb under way (it raises :class:`Cancelled`), and close all connections."""

    def search(
        self,
        term: str,
        *,
        limit: int = 25,
        filters: Mapping[str, Sequence[str]] | None = None,
        credentials: Credentials | None = None,
    ) -> list[SearchResult]:
        """Find repositories by a word; ``host/word`` searches that registry."""
