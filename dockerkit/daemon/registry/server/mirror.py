"""A registry that stands in for another: what it lacks it fetches, once, and keeps; when that is down it serves what it has.

Tags are asked after each time, since they move; what has a digest is never asked for twice. Bytes are checked while they come,
by the client's own means (:mod:`dockerkit.daemon.registry.downloading`). Never shows the other registry anybody's credential.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from dockerkit.daemon.registry import listing, resolving
from dockerkit.daemon.registry.breaks import Broken, Refused
from dockerkit.daemon.registry.challenges import repository_scope
from dockerkit.daemon.registry.claims import Claims
from dockerkit.daemon.registry.contract import Incoming, Unreachable
from dockerkit.daemon.registry.downloading import Download
from dockerkit.daemon.registry.endpoints import HUB, loopback
from dockerkit.daemon.registry.greeting import Greeter
from dockerkit.daemon.registry.server import documents, grammar
from dockerkit.daemon.registry.server.pulls import unknown_blob, unknown_manifest
from dockerkit.daemon.registry.server.pushes import keep
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.shelves import Shelves
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.settings import Settings, check_mirror
from dockerkit.errors import Damaged, DockerkitError, Invalid, Unavailable
from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import DEFAULT_REGISTRY, Reference

log = logging.getLogger(__name__)
T = TypeVar("T")
_HUB = ("docker.io", "index.docker.io", HUB)


class Mirror:
    """The other registry, as one sees it who stands in for it. Thread-safe.

    :param url: of the other registry: ``https://host[:port]``; ``http`` without TLS.
    :raises Invalid: not such a URL.
    """

    def __init__(self, url: str, shelves: Shelves, settings: Settings | None = None) -> None:
        parts = urlsplit(check_mirror(url))
        self._registry = DEFAULT_REGISTRY if parts.netloc in _HUB else parts.netloc
        given = settings or Settings.from_environment()
        if parts.scheme == "http" and not loopback(parts.hostname or "") and parts.netloc not in given.insecure:
            raise Invalid(f"{url} has no TLS", hint=f"permit it: DOCKERKIT_REGISTRY_INSECURE={parts.netloc}")
        self._greeter = Greeter(given)
        self._shelves = shelves
        self._claims = Claims()
        self._lock = threading.Lock()
        self._session: Session | None = None

    def close(self) -> None:
        """Break off what is being fetched."""
        self._greeter.close()

    def bring_manifest(self, name: str, reference: str) -> None:
        """See that a manifest is here, as new as can be had.

        :raises Refusal: MANIFEST_UNKNOWN, DENIED; UNAVAILABLE when the other registry is down and it is not here either.
        """
        if grammar.is_digest(reference):
            if self._shelves.media_type(name, reference) is None:
                self._manifest(name, Reference(self._registry, name, digest=reference))
            return
        try:
            self._tag(name, reference)
        except Refusal as refusal:
            if refusal.status not in (429, 503) or self._shelves.tag(name, reference) is None:
                raise
            log.warning("%s:%s is served as it was: %s", name, reference, refusal)

    def bring_blob(self, name: str, digest: str) -> None:
        """See that a blob is here.

        :raises Refusal: BLOB_UNKNOWN, DENIED, UNAVAILABLE.
        """
        if not self._shelves.add_blob(name, digest):  # another repository may have it: the same bytes
            with self._asking(unknown_blob(digest)) as session, self._claims.claim(digest, session.errand):
                if not self._shelves.add_blob(name, digest):
                    size = self._size(session, name, digest)
                    blob = Descriptor(media_type="application/octet-stream", digest=digest, size=size)
                    Download(session, name, blob, lambda _: None).into(_Only(self._shelves), lambda: None)
                    self._shelves.add_blob(name, digest)

    def tags(self, name: str) -> list[str] | None:
        """Return a repository's tags; None when the other registry does not answer.

        :raises Refusal: NAME_UNKNOWN, DENIED.
        """
        try:
            with self._asking(Refusal("NAME_UNKNOWN", detail={"name": name})) as session:
                return list(listing.tags(session, Reference(self._registry, name)))
        except Refusal as refusal:
            if refusal.status not in (429, 503):
                raise
            return None

    def _tag(self, name: str, tag: str) -> None:
        reference = Reference(self._registry, name, tag)
        with self._asking(unknown_manifest(tag)) as session:
            found = resolving.head(session, reference)
        if found is None or self._shelves.media_type(name, found.digest) is None:
            self._manifest(name, reference)
        elif self._shelves.tag(name, tag) != found.digest:
            with self._shelves.changing:
                self._shelves.set_tag(name, tag, found.digest)

    def _manifest(self, name: str, reference: Reference) -> None:
        wanted = unknown_manifest(reference.digest or reference.tag)
        with self._asking(wanted) as session, self._claims.claim((name, str(reference)), session.errand):
            if reference.digest and self._shelves.media_type(name, reference.digest) is not None:
                return  # somebody else was quicker
            came = resolving.fetch(session, reference)
            document = documents.read(came.content, came.media_type)
            keep(self._shelves, name, came.descriptor.digest, came.content, document, tag=reference.tag)

    def _size(self, session: Session, name: str, digest: str) -> int:
        scope = repository_scope(name, "pull")
        with session.call("HEAD", f"{name}/blobs/{digest}", scopes=[scope]) as answer:
            text = answer.header("Content-Length")
        if not text.isdecimal():
            raise Refusal("UNAVAILABLE", "the other registry does not say how large the blob is")
        return int(text)

    @contextlib.contextmanager
    def _asking(self, absent: Refusal) -> Iterator[Session]:
        """Yield a session with the other registry; what goes wrong in the block becomes a refusal.

        :param absent: what it is when the other registry has no such thing.
        """
        try:
            yield self._opened()
        except Refused as refused:
            raise _refusal(refused, absent) from None
        except (Broken, Unreachable) as error:
            with self._lock:
                self._session = None
            raise Refusal("UNAVAILABLE", f"{self._registry} does not answer: {error}"[:500]) from None
        except Damaged as error:
            log.warning("%s sent what it should not: %s", self._registry, error)
            raise Refusal("UNAVAILABLE", f"{self._registry} sent something damaged: {error.message}"[:500]) from None
        except (Unavailable, Invalid) as error:
            raise Refusal("UNAVAILABLE", error.message[:500]) from None
        except DockerkitError as error:
            raise Refusal("UNSUPPORTED", error.message[:500], status=404) from None

    def _opened(self) -> Session:
        with self._lock:
            known = self._session
        errand = self._greeter.begin()
        if known is not None:
            return known.during(errand)
        made = self._greeter.open(self._registry, None, errand)
        with self._lock:
            self._session = made
        return made


class _Only:
    """The shelves as :class:`dockerkit.daemon.registry.contract.Blobs`: what a download asks of them."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self.writer: Callable[[], Incoming] = shelves.writer

    def has(self, digest: str) -> bool:
        """Tell whether a content is here."""
        return self._shelves.size(digest) is not None

    def open(self, digest: str) -> BinaryIO:
        """Open a content for reading."""
        found = self._shelves.open(digest)
        if found is None:
            raise unknown_blob(digest)
        return open(found[0], "rb")

    def read(self, digest: str) -> bytes:
        """Return a document."""
        with self.open(digest) as file:
            return file.read()

    def write(self, content: bytes, media_type: str) -> Descriptor:
        """Store a document."""
        with self.writer() as incoming:
            incoming.write(content)
            return incoming.commit(media_type)


def _refusal(refused: Refused, absent: Refusal) -> Refusal:
    if refused.status in (401, 403):
        return Refusal("DENIED", refused.words[:500])
    if refused.status == 404:
        return absent
    if refused.status == 429:
        wait = [("Retry-After", str(int(refused.retry_after)))] if refused.retry_after else []
        return Refusal("TOOMANYREQUESTS", refused.words[:500], headers=wait)
    return Refusal("UNAVAILABLE", refused.words[:500])
