"""Docker's rules for ``rmi``: what a name or an id removes, and what forbids it. Pure decisions; never touches the disk.

Source: moby ``daemon/images/image_delete.go`` (observed behaviour and messages). An image that a stopped container needs goes
when that is forced, for whoever looks; its files stay until the last such container is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.image import Image, shorten
from dockerkit.errors import Conflict
from dockerkit.schema.names import Reference, parse_reference


@dataclass(frozen=True, slots=True)
class Plan:
    """What a removal does: names to take away, and whether the image goes too.

    :param kept: it goes for whoever looks, and stays for the containers that were made of it.
    """

    untag: tuple[Reference, ...]
    delete: bool
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the way of a removal.

    :param users: ids of all containers of the image.
    :param running: those of them that run.
    :param children: images that were made from it here.
    """

    users: Sequence[str] = ()
    running: Sequence[str] = ()
    children: bool = False


def plan_removal(name: str, image: Image, *, force: bool, standing: Standing) -> Plan:
    """Decide what ``rmi NAME`` does to the image it means.

    :raises Conflict: in Docker's words.
    """
    names = tuple(parse_reference(reference) for reference in (*image.references, *image.digests))
    if not _is_id_of(name, image):
        return _remove_name(name, image, names, force=force, standing=standing)
    if not _is_single(names) and not force:
        raise _refusal(image, "must be forced", "image is referenced in multiple repositories")
    if standing.children:
        raise _refusal(image, "cannot be forced", "image has dependent child images")
    _check_users(image, force=force, standing=standing)
    return Plan(names, delete=True, kept=bool(standing.users))


def _remove_name(name: str, image: Image, names: tuple[Reference, ...], *, force: bool, standing: Standing) -> Plan:
    named = parse_reference(name)
    gone = tuple(one for one in names if _is_named(one, named))
    left = [one for one in names if one not in gone]
    if not named.digest and not any(_repository(one) == _repository(named) and one.tag for one in left):
        # with a repository's last tag its digests go as well
        gone += tuple(one for one in left if _repository(one) == _repository(named))
        left = [one for one in left if one not in gone]
    if left:
        return Plan(gone, delete=False)
    if standing.users and not force:
        raise Conflict(
            f'conflict: unable to remove repository reference "{name}" (must force) - container {shorten(standing.users[0])} '
            f"is using its referenced image {image.short_id}",
            hint="remove the container first, or force",
        )
    _check_users(image, force=force, standing=standing)
    return Plan(gone, delete=not standing.children, kept=bool(standing.users))


def _is_single(names: Sequence[Reference]) -> bool:
    """Tell whether there is one name, or one tag with a digest of the same repository."""
    if len(names) == 2:
        return _repository(names[0]) == _repository(names[1]) and bool(names[0].digest) != bool(names[1].digest)
    return len(names) < 2


def _repository(reference: Reference) -> tuple[str, str]:
    return reference.registry, reference.repository


def _is_named(one: Reference, named: Reference) -> bool:
    if _repository(one) != _repository(named):
        return False
    return one.digest == named.digest if named.digest else one.tag == named.tag and not one.digest


def _check_users(image: Image, *, force: bool, standing: Standing) -> None:
    if standing.running:
        raise _refusal(image, "cannot be forced", f"image is being used by running container {shorten(standing.running[0])}")
    if standing.users and not force:
        raise _refusal(image, "must be forced", f"image is being used by stopped container {shorten(standing.users[0])}")


def _refusal(image: Image, how: str, why: str) -> Conflict:
    return Conflict(f"conflict: unable to delete {image.short_id} ({how}) - {why}")


def _is_id_of(name: str, image: Image) -> bool:
    """Tell whether `name` begins the image's id; it is then no name, as in Docker, even if an image is so called."""
    return image.id.startswith(name) or image.id.removeprefix("sha256:").startswith(name)
