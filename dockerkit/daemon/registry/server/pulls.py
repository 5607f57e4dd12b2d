"""Pulling: manifests by tag or digest, blobs or parts of them. Only reads. Source: OCI distribution specification, "Pull"."""

from __future__ import annotations

import os
from typing import Protocol

from dockerkit.daemon.registry.server import grammar
from dockerkit.daemon.registry.server.exchange import Asked, Part, Reply
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.shelves import Shelves

FOREVER = "max-age=31536000"
"""What has a digest never changes (distribution says so, too)."""


class Upstream(Protocol):
    """Another registry that this one stands in for: :class:`.mirror.Mirror`."""

    def bring_manifest(self, name: str, reference: str) -> None:
        """See that a manifest is here, as new as can be had.

        :raises Refusal: it can be had nowhere.
        """

    def bring_blob(self, name: str, digest: str) -> None:
        """See that a blob is here.

        :raises Refusal: it can be had nowhere.
        """

    def tags(self, name: str) -> list[str] | None:
        """Return a repository's tags; None when it does not answer."""


class Pulls:
    """The verbs of pulling.

    :param upstream: asked for what is not here.
    """

    def __init__(self, shelves: Shelves, upstream: Upstream | None = None) -> None:
        self._shelves = shelves
        self._upstream = upstream

    def base(self, asked: Asked) -> Reply:
        """Say that this is a registry."""
        return Reply(200, [("Content-Type", "application/json")], b"{}")

    def manifest(self, asked: Asked, name: str, reference: str) -> Reply:
        """Return a manifest, byte for byte as it was pushed.

        :raises Refusal: NAME_INVALID, MANIFEST_UNKNOWN.
        """
        grammar.check_name(name)
        if not grammar.is_tag(reference) and not grammar.is_digest(reference):
            raise unknown_manifest(reference)
        if self._upstream is not None:
            self._upstream.bring_manifest(name, reference)
        digest = resolved(self._shelves, name, reference)
        media_type = self._shelves.media_type(name, digest)
        content = None if media_type is None else self._shelves.read(digest)
        if content is None or media_type is None:
            raise unknown_manifest(reference)
        headers = [("Content-Type", media_type), ("Docker-Content-Digest", digest), ("ETag", f'"{digest}"')]
        if _unchanged(asked, digest):
            return Reply(304, headers[1:])
        return Reply(200, headers, content)

    def blob(self, asked: Asked, name: str, digest: str) -> Reply:
        """Return a blob or, with ``Range``, a part of it.

        :raises Refusal: NAME_INVALID, DIGEST_INVALID, BLOB_UNKNOWN; 416 for a range beyond its end.
        """
        grammar.check_name(name)
        grammar.check_digest(digest)
        if not self._shelves.has_blob(name, digest):
            if self._upstream is None:
                raise unknown_blob(digest)
            self._upstream.bring_blob(name, digest)
        found = self._shelves.open(digest)
        if found is None:
            raise unknown_blob(digest)
        descriptor, size = found
        try:
            return _blob(asked, digest, descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise


def resolved(shelves: Shelves, name: str, reference: str) -> str:
    """Return the digest that a tag or digest stands for.

    :raises Refusal: MANIFEST_UNKNOWN: no such tag.
    """
    digest = reference if grammar.is_digest(reference) else shelves.tag(name, reference)
    if digest is None or not grammar.is_digest(digest):
        raise unknown_manifest(reference)
    return digest


def unknown_manifest(reference: str) -> Refusal:
    """Return the refusal for a manifest that is not here."""
    return Refusal("MANIFEST_UNKNOWN", detail={"reference": reference[:200]})


def unknown_blob(digest: str) -> Refusal:
    """Return the refusal for a blob that is not here."""
    return Refusal("BLOB_UNKNOWN", detail={"digest": digest})


def _blob(asked: Asked, digest: str, descriptor: int, size: int) -> Reply:
    headers = [("Docker-Content-Digest", digest), ("ETag", f'"{digest}"'), ("Cache-Control", FOREVER)]
    if _unchanged(asked, digest):
        os.close(descriptor)
        return Reply(304, headers)
    headers += [("Accept-Ranges", "bytes"), ("Content-Type", "application/octet-stream")]
    only_if = asked.headers.get("if-range")
    wanted = asked.headers.get("range") if asked.method == "GET" and only_if in (None, f'"{digest}"') else None
    part = grammar.byte_range(wanted, size)
    if part is None:
        return Reply(200, headers, Part(descriptor, 0, size))
    offset, length = part
    headers.append(("Content-Range", f"bytes {offset}-{offset + length - 1}/{size}"))
    return Reply(206, headers, Part(descriptor, offset, length))


def _unchanged(asked: Asked, digest: str) -> bool:
    known = [one.strip().removeprefix("W/").strip('"') for one in asked.headers.get("if-none-match", "").split(",")]
    return digest in known or known == ["*"]
