"""Whether an image is for the platform somebody asked for, by Docker's rules for ``--platform``."""

from __future__ import annotations

from dockerkit.daemon.images.image import Image
from dockerkit.errors import Invalid, NotFound

ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"}


def check_platform(image: Image, wanted: str) -> None:
    """Refuse an image that is not for `wanted`: ``os[/architecture[/variant]]``, nothing is everything.

    :raises Invalid: not a platform.
    :raises NotFound: in Docker's words.
    """
    if not wanted:
        return
    parts = wanted.lower().split("/")
    if len(parts) > 3 or not all(parts):
        raise Invalid(f'"{wanted}" is an invalid component: platform specifier component must match "os[/arch[/variant]]"')
    document = image.document
    actual = [document.os or "linux", document.architecture, document.variant]
    asked = [parts[0], *(ALIASES.get(part, part) for part in parts[1:])]
    if parts == [asked[0]] and parts[0] in (document.architecture, *ALIASES):  # an architecture alone is one of linux
        asked = ["linux", ALIASES.get(parts[0], parts[0])]
    if any(one != other for one, other in zip(asked, actual, strict=False)):
        name = image.references[0].partition(":")[0] if image.references else image.short_id
        raise NotFound(
            f"image with reference {name} was found but does not match the specified platform: "
            f"wanted {'/'.join(asked)}, actual: {'/'.join(filter(None, actual))}"
        )
