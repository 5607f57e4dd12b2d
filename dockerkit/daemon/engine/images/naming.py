"""``tag``: a name for an image, by Docker's rules of what a name may be."""

from __future__ import annotations

import re

from dockerkit.daemon.engine import imageevents
from dockerkit.daemon.engine.core import Core
from dockerkit.errors import Invalid
from dockerkit.schema.names import Reference, parse_reference

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


def tag(core: Core, name: str, repository: str, tag: str) -> None:
    """Give an image another name.

    :raises NotFound: no such image.
    :raises Invalid: no name, or one that may not be given; in Docker's words.
    """
    reference = named(repository, tag)
    image = core.images.get(name)
    core.images.tag(image, str(reference))
    imageevents.happened(core, "tag", image, name=str(reference))


def named(repository: str, tag: str) -> Reference:
    """Put a repository and a tag together; a tag that stands in both places is the second.

    :raises Invalid: in Docker's words.
    """
    if not repository:
        raise Invalid("invalid reference format", hint="which name shall the image get?")
    found = parse_reference(repository)
    if found.digest:
        raise Invalid("refusing to create a tag with a digest reference")
    if found.familiar_name == "sha256":
        raise Invalid("refusing to create an ambiguous tag using digest algorithm as name")
    if tag and not _TAG.fullmatch(tag):
        raise Invalid("invalid tag format")
    return Reference(found.registry, found.repository, tag or found.tag)
