"""Manifests, indexes and configurations read with suspicion: from their bytes to values, or one error that says what is wrong.

Two readers who take the same bytes for different things are how images lie (CVE-2021-41190): a document is what its descriptor
says it is and nothing besides, no key stands in it twice, and every digest is one. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from dockerkit.errors import Damaged, DockerkitError, Invalid
from dockerkit.schema import wire
from dockerkit.schema.image import INDEX, MANIFEST, Descriptor, ImageDocument, Index, Manifest
from dockerkit.schema.units import from_rfc3339

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS, INDEXES = (MANIFEST, DOCKER_MANIFEST), (INDEX, DOCKER_INDEX)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LAYERS = 1024
"""Most layers of one image: overlay takes 500, Docker 125."""
T = TypeVar("T")


def parse(content: bytes, what: str) -> Any:
    """Return JSON as plain values.

    :param what: the document's name, for the error.
    :raises Damaged: it is none, or a key stands twice in one object.
    """
    try:
        return json.loads(content, object_pairs_hook=_object)
    except RecursionError:
        raise Damaged(f"{what} is malformed: nested too deep") from None
    except ValueError as error:
        raise Damaged(f"{what} is malformed: {error}") from None


def read_manifest(content: bytes, what: str, media_type: str = "") -> Manifest:
    """Return an image manifest.

    :param media_type: what its descriptor calls it; empty: not known.
    :raises Damaged: it is something else, or malformed.
    """
    plain = _typed(content, what, media_type, MANIFESTS)
    if "manifests" in plain or "config" not in plain:
        raise Damaged(f"{what} is malformed: it is no image manifest, or more than one thing at a time")
    manifest = _model(plain, Manifest, what)
    if len(manifest.layers) > _LAYERS:
        raise Damaged(f"{what} is malformed: {len(manifest.layers)} layers")
    _check(what, [manifest.config, *manifest.layers])
    return manifest


def read_index(content: bytes, what: str, media_type: str = "") -> Index:
    """Return an image index; see :func:`read_manifest`."""
    plain = _typed(content, what, media_type, INDEXES)
    if "layers" in plain or "config" in plain:
        raise Damaged(f"{what} is malformed: it is no index, or more than one thing at a time")
    index = _model(plain, Index, what)
    _check(what, index.manifests)
    return index


def read_config(content: bytes, what: str) -> ImageDocument:
    """Return an image configuration.

    :raises Damaged: it is none.
    """
    document = _model(parse(content, what), ImageDocument, what)
    if document.rootfs.type != "layers":
        raise Damaged(f"{what} is malformed: its root file system is of type {document.rootfs.type!r}")
    for digest in document.rootfs.diff_ids:
        check_digest(digest, what)
    for moment in (document.created, *(line.created for line in document.history)):
        _check_moment(moment, what)
    return document


def check_layers(document: ImageDocument, layers: Sequence[object], what: str) -> None:
    """Compare a configuration with its manifest.

    :raises Damaged: they count different layers; in Docker's words.
    """
    if len(document.rootfs.diff_ids) != len(layers):
        raise Damaged(
            f"{what} is malformed: invalid manifest, layers length mismatch: expected {len(layers)}, "
            f"got {len(document.rootfs.diff_ids)}"
        )


def check_digest(digest: str, what: str) -> None:
    """Accept a sha256 digest.

    :raises Damaged: it is none: it would become a path.
    """
    if not _DIGEST.fullmatch(digest):
        raise Damaged(f"{what} is malformed: {digest[:80]!r} is no digest")


def _typed(content: bytes, what: str, media_type: str, wanted: Sequence[str]) -> dict[str, Any]:
    plain = parse(content, what)
    if not isinstance(plain, dict):
        raise Damaged(f"{what} is malformed: it is no object")
    folded = [key.lower() for key in plain]
    if len(set(folded)) < len(folded):  # readers that ignore case, as Docker's, would see another document
        raise Damaged(f"{what} is malformed: a key stands in it twice")
    said = plain.get("mediaType", media_type) or media_type
    if media_type and said != media_type:
        raise Damaged(f"{what} is malformed: it is called {media_type} and calls itself {said}")
    if said and said not in wanted:
        raise Damaged(f"{what} is of type {said}, which is none of {', '.join(wanted)}")
    return plain


def _model(plain: Any, model: type[T], what: str) -> T:
    try:
        return wire.convert(plain, model)
    except Invalid as error:
        raise Damaged(f"{what} is malformed: {error.message}") from None


def _check(what: str, descriptors: Sequence[Descriptor]) -> None:
    for descriptor in descriptors:
        check_digest(descriptor.digest, what)
        if descriptor.size < 0:
            raise Damaged(f"{what} is malformed: {descriptor.digest} has size {descriptor.size}")


def _check_moment(moment: str, what: str) -> None:
    try:
        if moment:
            from_rfc3339(moment)
    except (DockerkitError, ValueError) as error:
        raise Damaged(f"{what} is malformed: {moment[:40]!r} is no time: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands in it twice")
    return made
