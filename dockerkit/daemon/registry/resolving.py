"""A reference → the manifest for a platform, both documents checked and in the store. Never touches a layer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from dockerkit.daemon.registry import manifests, platforms
from dockerkit.daemon.registry.breaks import NoCredentials, Refused
from dockerkit.daemon.registry.challenges import repository_scope
from dockerkit.daemon.registry.contract import Blobs, Pulled
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.wire import Request
from dockerkit.errors import Damaged, NotFound
from dockerkit.schema.image import Descriptor, Manifest, Platform
from dockerkit.schema.names import Reference


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index: its bytes, and what they are."""

    content: bytes
    media_type: str
    kept: bool = False
    """Whether it is in the store already."""

    @property
    def descriptor(self) -> Descriptor:
        """Media type, digest and size."""
        digest = f"sha256:{hashlib.sha256(self.content).hexdigest()}"
        return Descriptor(media_type=self.media_type, digest=digest, size=len(self.content))


def head(session: Session, reference: Reference) -> Descriptor | None:
    """Ask what a reference is, without fetching it; None when the registry does not say."""
    path = f"{reference.repository}/manifests/{reference.digest or reference.tag}"
    scope = repository_scope(reference.repository, "pull")
    try:
        with session.call("HEAD", path, headers={"Accept": manifests.ACCEPT}, scopes=[scope]) as answer:
            digest, size = answer.header("Docker-Content-Digest"), answer.header("Content-Length")
            media_type = answer.header("Content-Type").partition(";")[0].strip()
    except Refused as refused:
        if isinstance(refused, NoCredentials) or refused.status not in (401, 403, 404, 405, 429):
            raise
        if refused.status == 429:  # its attempts are over; the refusal of a GET has a body, which says more
            session.once(Request("GET", session.url(path), {"Accept": manifests.ACCEPT}), scopes=[scope]).__exit__(
                None, None, None
            )
        return None
    if not digest or not size.isdecimal() or reference.digest not in ("", digest):
        return None
    return Descriptor(media_type=media_type, digest=manifests.check_digest(digest), size=int(size))


def fetch(session: Session, reference: Reference, *, digest: str = "", media_type: str = "") -> Document:
    """Fetch a manifest or index.

    :param digest: what it must be; the reference's own digest or tag when empty.
    :param media_type: what the list it is from calls it.
    :raises Damaged: too large, or its bytes are not what the digest (ours, or the answer's) says.
    """
    wanted = digest or reference.digest
    path = f"{reference.repository}/manifests/{wanted or reference.tag}"
    scope = repository_scope(reference.repository, "pull")
    with session.call("GET", path, headers={"Accept": manifests.ACCEPT}, scopes=[scope]) as answer:
        content = answer.document(manifests.LIMIT, session.settings.document_within)
        promised, came_as = answer.header("Docker-Content-Digest"), answer.header("Content-Type")
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    for expected in filter(None, (wanted, promised)):
        if manifests.check_digest(expected) != found:
            raise Damaged(
                f"manifest {expected} of {reference.familiar_name} arrived as {found}", hint="ask the registry's owner"
            )
    kind = manifests.kind(content, media_type or came_as)
    return Document(content, kind)


def resolve(
    session: Session, reference: Reference, platform: Platform, blobs: Blobs, found: Callable[[], None]
) -> tuple[Pulled, Manifest]:
    """Bring the documents a reference stands for into the store, and return what they are.

    :param found: called when the reference is known to exist.
    :raises NotFound: no manifest for the platform.
    """
    top = _have(head(session, reference), blobs) or fetch(session, reference)
    found()
    if top.media_type not in manifests.INDEXES:
        return Pulled(_keep(top, blobs)), manifests.read_manifest(top.content)
    chosen = platforms.choose(manifests.read_index(top.content).manifests, platform)
    inner = _have(chosen, blobs) or fetch(session, reference, digest=chosen.digest, media_type=chosen.media_type)
    if len(inner.content) != chosen.size:
        raise Damaged(f"manifest {chosen.digest} has {len(inner.content)} bytes, its index says {chosen.size}")
    if inner.media_type in manifests.INDEXES:
        raise Damaged(f"index {top.descriptor.digest} leads to another index: nobody writes that, and it may never end")
    manifest = manifests.read_manifest(inner.content)
    return Pulled(_keep(inner, blobs), _keep(top, blobs)), manifest


def _have(descriptor: Descriptor | None, blobs: Blobs) -> Document | None:
    """Return a document from the store, its bytes checked; a damaged one is fetched again."""
    if descriptor is None or not blobs.has(descriptor.digest):
        return None
    try:
        content = blobs.read(descriptor.digest)
    except (Damaged, NotFound):
        return None
    return Document(content, manifests.kind(content, descriptor.media_type), kept=True)


def _keep(document: Document, blobs: Blobs) -> Descriptor:
    return document.descriptor if document.kept else blobs.write(document.content, document.media_type)
