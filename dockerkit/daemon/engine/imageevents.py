"""What happens to images, as dockerd tells it: an image's own labels are among the attributes.

The image is there or gone whether or not the disk takes the news: an event that cannot be written is missed, and logged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.events import event
from dockerkit.daemon.images.image import Image
from dockerkit.errors import Exhausted
from dockerkit.schema.image import ImageDelete
from dockerkit.schema.names import parse_reference

log = logging.getLogger(__name__)


def happened(core: Core, action: str, image: Image, *, id: str = "", name: str = "") -> None:
    """Tell what happened to an image.

    :param id: how the event names it, when not by its id; `name` as well.
    """
    labels = image.document.config.labels or {}
    _tell(core, action, id or image.id, labels | {"name": name or image.id})


def pulled(core: Core, image: Image, reference: str) -> None:
    """Tell that an image was obtained; named as it was asked for, as by dockerd."""
    name = parse_reference(reference)
    happened(core, "pull", image, id=str(name), name=name.familiar_name)


def removed(core: Core, image: Image | None, done: Iterable[ImageDelete]) -> None:
    """Tell of every name that was taken from an image, and of its end."""
    for one in done:
        if image is not None and one.untagged:
            happened(core, "untag", image)
        elif image is not None and one.deleted == image.id:
            _tell(core, "delete", image.id, {"name": image.id})


def _tell(core: Core, action: str, id: str, attributes: dict[str, str]) -> None:
    try:
        core.tell(event("image", action, id, attributes))
    except Exhausted as error:
        log.warning("%s of image %s is not noted: %s", action, id, error)
