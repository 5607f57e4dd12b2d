"""``import``: a tar of files becomes an image of one layer, which is kept as it came.

Source: what a real dockerd makes of it. Never unpacks itself: the intake does while the bytes pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from dockerkit.daemon.images.archives.cargo import media_type
from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.configuring import changed
from dockerkit.daemon.images.platform import host_platform
from dockerkit.schema.image import CONFIG, MANIFEST, Descriptor, History, ImageConfig, ImageDocument, Manifest, Platform, RootFS

_HEAD = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """What an imported image is to be.

    :param created: RFC 3339.
    :param message: its comment.
    :param changes: Dockerfile instructions.
    :param platform: what it says it is for; this host's unless given.
    """

    created: str
    message: str = ""
    changes: list[str] = field(default_factory=list)
    platform: Platform | None = None


def import_image(intake: Intake, chunks: Iterable[bytes], wish: Wish) -> Descriptor:
    """Store an image made of a tar and return its manifest's descriptor; it has no name yet.

    :raises Invalid: a change is malformed; in Docker's words. Nothing was read.
    :raises Exhausted: no room.
    """
    config = changed(ImageConfig(), wish.changes)
    layer = _layer(intake, chunks)
    platform = wish.platform or host_platform()
    document = ImageDocument(
        created=wish.created,
        architecture=platform.architecture,
        variant=platform.variant,
        config=config,
        rootfs=RootFS(diff_ids=[intake.diff_id(layer.digest)]),
        history=[History(created=wish.created, comment=wish.message)],
    )
    # "os" is required (OCI config schema); the struct leaves out what equals its default
    written = intake.write(msgspec.json.encode({**msgspec.to_builtins(document), "os": platform.os}), CONFIG)
    return intake.write(msgspec.json.encode(Manifest(config=written, layers=[layer])), MANIFEST)


def _layer(intake: Intake, chunks: Iterable[bytes]) -> Descriptor:
    head = b""
    with intake.writer() as blob:
        for chunk in chunks:
            if len(head) < _HEAD:
                head += chunk[:_HEAD]
            blob.write(chunk)
        return blob.commit(media_type(head))
