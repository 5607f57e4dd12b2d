"""The words of docker that are about images, whose answer is an object; see :mod:`dockerkit.notebook.verbs`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dockerkit.client.engine import image_segment
from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Invalid, NotFound, Unsupported

if TYPE_CHECKING:
    from dockerkit.client.client import Client

Said = dict[str, Any]
"""What the flags of a word said."""
Act = Callable[["Client", Said], object]


def filters_of(said: Iterable[str]) -> dict[str, list[str]]:
    """Return what ``--filter`` said.

    :raises Invalid: one is not ``name=value``.
    """
    filters: dict[str, list[str]] = {}
    for each in said:
        name, equals, value = each.partition("=")
        if not equals:
            raise Invalid(f"--filter {each!r}: expected name=value")
        filters.setdefault(name.strip().lower(), []).append(value.strip())
    return filters


def _image_list(client: Client, said: Said) -> object:
    """Return the images."""
    filters = filters_of(said["filters"])
    if said["repository"]:
        filters["reference"] = [said["repository"]]
    return client.images.list(all=said["all"], **filters)


def _push(client: Client, said: Said) -> object:
    """Push an image; return it."""
    image = client.images.get(said["name"])
    if said["all_tags"] or said["platform"]:
        raise Unsupported("push -a and --platform are not for a notebook", hint="push one name at a time")
    image.push()
    return image


def _save(client: Client, said: Said) -> object:
    """Save images to a file of this machine."""
    if not said["output"]:
        raise Invalid("save: a notebook has no pipe to write to", hint="%docker save -o app.tar app")
    client.images.save([client.images.get(name) for name in said["names"]], said["output"])
    return None


def _load(client: Client, said: Said) -> object:
    """Load an archive; return its images."""
    if not said["source"]:
        raise Invalid("load: a notebook has no pipe to read from", hint="%docker load -i app.tar")
    return client.images.load(said["source"])


def _import(client: Client, said: Said) -> object:
    """Import an archive; return the image."""
    if said["source"] == "-":
        raise Invalid("import: a notebook has no pipe to read from", hint="%docker import FILE NAME")
    words = {word: said[word] for word in ("changes", "message", "platform")}
    return client.images.import_(said["source"], said["reference"] or None, **words)


def _search(client: Client, said: Said) -> object:
    """Search a registry; return what was found."""
    filters = {name.replace("-", "_"): values for name, values in filters_of(said["filters"]).items()}
    return client.images.search(said["term"], limit=said["limit"] or 25, **filters)


def _rmi(client: Client, said: Said) -> Rows[Row]:
    """Remove images; return what went. With force, one that is not there is no failure, as docker has it."""
    gone: list[Row] = []
    for name in said["names"]:
        with contextlib.suppress(*([NotFound] if said["force"] else [])):
            path = f"/images/{image_segment(name)}"
            steps = client.engine.json("DELETE", path, force=said["force"], noprune=said["no_prune"])
            gone += [Row(removed=thing, how=how.lower()) for step in steps for how, thing in step.items() if thing]
    return Rows(gone, columns=("removed", "how"))


ACTS: dict[str, Act] = {
    "images:images": _image_list,
    "history:history": lambda client, said: client.images.get(said["name"]).history(),
    "pull:pull": lambda client, said: client.pull(said["name"], platform=said["platform"]),
    "pull:push": _push,
    "archives:save": _save,
    "archives:load": _load,
    "archives:import": _import,
    "search:search": _search,
    "explore:explore": lambda client, said: client.images.get(said["name"]).explore(),
    "images:rmi": _rmi,
    "images:tag": lambda client, said: client.images.get(said["source"]).tag(said["target"]),
}
"""``module:word`` of the command → what it does here."""
