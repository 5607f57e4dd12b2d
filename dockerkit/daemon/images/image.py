"""One image as an immutable view: what the engine, the API and people look at. Reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from dockerkit.schema.image import Descriptor, ImageDocument

SHORT = 12
"""Digits of an id that Docker prints."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its configuration, its names, its layers.

    :param id: ``sha256:…``, the digest of the configuration's bytes.
    :param document: the OCI image configuration.
    :param references: tags, as Docker prints them (``busybox:latest``).
    :param digests: names with the digest that a registry gave for it: its index's, or the manifest's
        (``busybox@sha256:…``).
    :param size: bytes of the regular files in its layers.
    :param created: RFC 3339, as the configuration says.
    :param layers: chain ids, hex, lowest first.
    :param manifest: descriptor of its manifest blob.
    :param blobs: descriptors of its layer blobs, lowest first.
    :param parent: id of the image it was committed or built on here, or ``""``.
    :param kept: it was deleted, and is there for the containers that were made of it.
    """

    id: str
    document: ImageDocument
    references: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    created: str
    layers: tuple[str, ...]
    manifest: Descriptor
    blobs: tuple[Descriptor, ...]
    parent: str = ""
    kept: bool = False

    @property
    def short_id(self) -> str:
        """The twelve digits that Docker prints."""
        return shorten(self.id)


def shorten(id: str) -> str:
    """Return the twelve digits of an id that Docker prints."""
    return id.removeprefix("sha256:")[:SHORT]
