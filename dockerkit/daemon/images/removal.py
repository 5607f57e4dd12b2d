"""Docker's rules for ``rmi``: what a name or an id removes, and what forbids it. Pure decisions; never touches the disk.

Source: moby ``daemon/images/image_delete.go`` (observed behaviour and messages). One difference, which is that of Docker's
containerd store: an image that a container still needs loses its names when forced, and stays, nameless, until nobody does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.image import Image, shorten
from dockerkit.errors import Conflict
from dockerkit.schema.names import Reference, parse_reference


@dataclass(frozen=True, slots=True)
class Plan:
    """What a removal does: names to take away, and whether the image goes too."""

    untag: tuple[Reference, ...]
    delete: bool


def plan_removal(name: str, image: Image, *, force: bool, users: Sequence[str], running: Sequence[str]) -> Plan:
    """Decide what ``rmi NAME`` does to the image it means.

    :param users: ids of all containers of this image.
    :param running: those of them that run.
    :raises Conflict: in Docker's words.
    """
    tags = tuple(parse_reference(reference) for reference in image.references)
    if not _is_id_of(name, image):
        return _remove_name(name, image, tags, force=force, users=users, running=running)
    if len(tags) > 1 and not force:
        raise _refusal(image, "must be forced", "image is referenced in multiple repositories")
    _check_users(image, force=force, users=users, running=running)
    return Plan(tags, delete=not users)


def _remove_name(
    name: str, image: Image, tags: tuple[Reference, ...], *, force: bool, users: Sequence[str], running: Sequence[str]
) -> Plan:
    named = parse_reference(name)
    gone = tuple(tag for tag in tags if _is_named(tag, named))
    if len(gone) < len(tags):
        return Plan(gone, delete=False)
    if users and not force:
        raise Conflict(
            f'conflict: unable to remove repository reference "{name}" (must force) - container {shorten(users[0])} '
            f"is using its referenced image {image.short_id}",
            hint="remove the container first, or force",
        )
    _check_users(image, force=force, users=users, running=running)
    return Plan(gone, delete=not users)


def _is_named(tag: Reference, named: Reference) -> bool:
    same = (tag.registry, tag.repository) == (named.registry, named.repository)
    return same and (bool(named.digest) or tag.tag == named.tag)


def _check_users(image: Image, *, force: bool, users: Sequence[str], running: Sequence[str]) -> None:
    if running:
        raise _refusal(image, "cannot be forced", f"image is being used by running container {shorten(running[0])}")
    if users and not force:
        raise _refusal(image, "must be forced", f"image is being used by stopped container {shorten(users[0])}")


def _refusal(image: Image, how: str, why: str) -> Conflict:
    return Conflict(f"conflict: unable to delete {image.short_id} ({how}) - {why}")


def _is_id_of(name: str, image: Image) -> bool:
    """Tell whether `name` begins the image's id; it is then no name, as in Docker, even if an image is so called."""
    return image.id.startswith(name) or image.id.removeprefix("sha256:").startswith(name)
