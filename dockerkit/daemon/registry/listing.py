"""What a registry has: tags, repositories, referrers; and taking a manifest away. Pages are followed on the same host only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urljoin

import msgspec

from dockerkit.daemon.registry import manifests
from dockerkit.daemon.registry.breaks import Garbled, Refused
from dockerkit.daemon.registry.challenges import repository_scope
from dockerkit.daemon.registry.contract import Referrer
from dockerkit.daemon.registry.following import origin
from dockerkit.daemon.registry.resolving import fetch, head
from dockerkit.daemon.registry.session import Session
from dockerkit.errors import Damaged, Unsupported
from dockerkit.schema.image import INDEX
from dockerkit.schema.names import Reference

_PAGE = 1000
_PAGES = 100_000
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


class _Page(msgspec.Struct):
    """A page of tags or of repositories."""

    tags: list[str] | None = None
    repositories: list[str] | None = None


class _Referrers(msgspec.Struct):
    """An index of referrers."""

    manifests: list[Referrer] = msgspec.field(default_factory=list)


def tags(session: Session, reference: Reference) -> Iterator[str]:
    """Iterate over a repository's tags."""
    scope = repository_scope(reference.repository, "pull")
    for page in _pages(session, f"{reference.repository}/tags/list?n={_PAGE}", scope):
        yield from page.tags or []


def catalog(session: Session) -> Iterator[str]:
    """Iterate over a registry's repositories.

    :raises Unsupported: the registry does not show them.
    """
    try:
        for page in _pages(session, f"_catalog?n={_PAGE}", "registry:catalog:*"):
            yield from page.repositories or []
    except Refused as refused:
        if refused.status in (404, 405):
            raise Unsupported(f"registry {session.endpoint.name} does not list its repositories: {refused.words}") from None
        raise


def delete(session: Session, reference: Reference) -> str:
    """Delete the manifest a reference resolves to, and return its digest."""
    found = head(session, reference)
    digest = found.digest if found is not None else fetch(session, reference).descriptor.digest
    scope = repository_scope(reference.repository, "pull", "push", "delete")
    with session.call("DELETE", f"{reference.repository}/manifests/{digest}", scopes=[scope], expect=(200, 202, 204)):
        return digest


def referrers(session: Session, reference: Reference, artifact_type: str) -> list[Referrer]:
    """Return what names a manifest as its subject; by the fallback tag (OCI 1.1) where the registry has no endpoint for it."""
    found = head(session, reference)
    digest = found.digest if found is not None else fetch(session, reference).descriptor.digest
    query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
    try:
        listed = list(_referrer_pages(session, reference, f"{reference.repository}/referrers/{digest}{query}"))
    except Refused as refused:
        if refused.status not in (400, 404, 405):
            raise
        listed = _by_tag(session, reference, digest)
    return [one for one in listed if artifact_type in ("", one.artifact_type)]


def _referrer_pages(session: Session, reference: Reference, path: str) -> Iterator[Referrer]:
    scope = repository_scope(reference.repository, "pull")
    for content in _contents(session, path, scope, {"Accept": INDEX}):
        yield from _decode(content, _Referrers).manifests


def _by_tag(session: Session, reference: Reference, digest: str) -> list[Referrer]:
    tag = digest.replace(":", "-")
    try:
        document = fetch(session, Reference(reference.registry, reference.repository, tag))
    except Refused as refused:
        if refused.status == 404:
            return []
        raise
    return _decode(document.content, _Referrers).manifests if document.media_type in manifests.INDEXES else []


def _pages(session: Session, path: str, scope: str) -> Iterator[_Page]:
    for content in _contents(session, path, scope, {}):
        yield _decode(content, _Page)


def _contents(session: Session, path: str, scope: str, headers: Mapping[str, str]) -> Iterator[bytes]:
    """Iterate over pages, as each answer's ``Link`` leads on.

    :raises Damaged: it leads in a circle.
    """
    url, seen = session.url(path), set[str]()
    while url:
        if url in seen or len(seen) >= _PAGES:
            raise Damaged(f"the pages of {session.url(path)} lead in a circle")
        seen.add(url)
        with session.call("GET", url, headers=headers, scopes=[scope]) as answer:
            content = answer.document(manifests.LIMIT, session.settings.document_within)
            following = _NEXT.search(answer.header("Link"))
        yield content
        url = _beside(url, following[1]) if following else ""


def _beside(url: str, link: str) -> str:
    try:
        target = urljoin(url, link)
    except ValueError:
        target = ""
    if origin(target) != origin(url):
        raise Garbled(f"the next page is said to be elsewhere: {link[:200]!r}")
    return target


def _decode(content: bytes, model: type[manifests.T]) -> manifests.T:
    try:
        return msgspec.json.decode(content, type=model)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Garbled(f"the list cannot be read: {error}") from None
