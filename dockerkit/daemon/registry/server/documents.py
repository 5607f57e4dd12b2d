"""Manifests as they are pushed: what one is, what it needs, whom it speaks of. Pure; refuses what may be read in two ways.

Source: OCI image specification 1.1 (manifest, index), distribution specification 1.1 ("Pushing Manifests with Subject"),
Docker's image manifest version 2, schema 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dockerkit.daemon.registry.manifests import DOCKER_LIST, DOCKER_MANIFEST, LIMIT
from dockerkit.daemon.registry.server.grammar import is_digest
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.schema.image import INDEX, MANIFEST

ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
"""Was in the release candidates of 1.1, and is still written by older tools."""
_IMAGES, _LISTS = (MANIFEST, DOCKER_MANIFEST), (INDEX, DOCKER_LIST)
_LISTS_OF = {"manifests": _LISTS, "layers": _IMAGES, "blobs": (ARTIFACT,)}


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest.

    :param blobs: digests of what must be in the repository for it to be whole; layers that are elsewhere are not among them.
    :param manifests: … of which manifests.
    :param subject: digest of the manifest it is about; empty when it is about none.
    :param artifact_type: what it is, for those who look for referrers.
    """

    media_type: str
    blobs: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    subject: str = ""
    artifact_type: str = ""
    annotations: dict[str, str] = field(default_factory=dict)

    def descriptor(self, digest: str, size: int) -> bytes:
        """Return what the list of referrers says of it."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": digest, "size": size}
        found |= {"artifactType": self.artifact_type} if self.artifact_type else {}
        found |= {"annotations": self.annotations} if self.annotations else {}
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def read(content: bytes, content_type: str) -> Document:
    """Read a manifest that is pushed, or was.

    :param content_type: what the request calls it; may be empty.
    :raises Refusal: MANIFEST_INVALID.
    """
    document = _parsed(content)
    claimed = content_type.partition(";")[0].strip().lower()
    own = document.get("mediaType") or ""
    if not isinstance(own, str) or (own and claimed and own != claimed):
        raise _invalid(f"it calls itself {str(own)[:100]!r}, and came as {claimed[:100]!r}")
    media_type = own or claimed or (INDEX if "manifests" in document else MANIFEST)
    if media_type not in (*_IMAGES, *_LISTS, ARTIFACT):
        raise _invalid(f"media type {media_type[:100]!r} is not one of an image, a list of images or an artifact")
    if media_type != ARTIFACT and document.get("schemaVersion") != 2:
        raise _invalid("schemaVersion is not 2")
    for key, of in _LISTS_OF.items():
        if document.get(key) and media_type not in of:
            raise _invalid(f"it is a {media_type}, and has {key}: two readers would see two things in it")
    return _document(document, media_type)


def _document(document: dict[str, Any], media_type: str) -> Document:
    subject = document.get("subject")
    kind = document.get("artifactType") or ""
    annotations = document.get("annotations") or {}
    if not isinstance(kind, str) or not _texts(annotations):
        raise _invalid("artifactType is no text, or annotations are not texts")
    if media_type in _LISTS:
        listed = _descriptors(document, "manifests")
        blobs: list[dict[str, Any]] = []
    else:
        listed = []
        blobs = _descriptors(document, "blobs" if media_type == ARTIFACT else "layers")
        blobs = [one for one in blobs if not _elsewhere(one)]
    if media_type in _IMAGES:
        config = _checked(document.get("config"), "config")
        blobs.insert(0, config)
        kind = kind or config.get("mediaType", "")
    return Document(
        media_type,
        blobs=_digests(blobs),
        manifests=_digests(listed),
        subject="" if subject is None else _checked(subject, "subject")["digest"],
        artifact_type=kind,
        annotations=annotations,
    )


def _parsed(content: bytes) -> dict[str, Any]:
    if len(content) > LIMIT:
        raise Refusal("MANIFEST_INVALID", f"the manifest is larger than {LIMIT} bytes", status=413)
    try:
        document = json.loads(content.decode(), object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        raise _invalid(str(error)[:200]) from None
    if not isinstance(document, dict):
        raise _invalid("it is no JSON object")
    return document


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice: two readers would see two things in it")
    return found


def _descriptors(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    listed = document.get(key)
    if listed is None and key != "layers":
        return []
    if not isinstance(listed, list):
        raise _invalid(f"{key} is no list")
    return [_checked(one, f"{key}[{position}]") for position, one in enumerate(listed)]


def _checked(one: Any, where: str) -> dict[str, Any]:
    if not isinstance(one, dict) or not isinstance(one.get("digest"), str) or not is_digest(one["digest"]):
        raise _invalid(f"{where} has no digest that could be checked")
    size = one.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or not isinstance(one.get("mediaType", ""), str):
        raise _invalid(f"{where} has no size, or a media type that is no text")
    return one


def _elsewhere(layer: dict[str, Any]) -> bool:
    """Tell whether a layer may be kept outside the registry, for its licence or because it says where."""
    media_type = layer.get("mediaType", "")
    return bool(layer.get("urls")) or "nondistributable" in media_type or ".foreign." in media_type


def _digests(descriptors: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one["digest"] for one in descriptors))


def _texts(annotations: Any) -> bool:
    return isinstance(annotations, dict) and all(isinstance(value, str) for value in annotations.values())


def _invalid(reason: str) -> Refusal:
    return Refusal("MANIFEST_INVALID", f"manifest invalid: {reason}")
