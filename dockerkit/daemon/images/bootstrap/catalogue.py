"""Which names of images stand for a recipe on this distribution, tag by tag. A program's version is checked later."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dockerkit.daemon.images.bootstrap.distribution import Distribution
from dockerkit.daemon.images.bootstrap.recipe import Recipe
from dockerkit.daemon.images.bootstrap.recipes.memcached import MEMCACHED
from dockerkit.daemon.images.bootstrap.recipes.nginx import NGINX
from dockerkit.daemon.images.bootstrap.recipes.postgres import POSTGRES
from dockerkit.daemon.images.bootstrap.recipes.redis import REDIS
from dockerkit.daemon.images.bootstrap.recipes.systems import PYTHON, system
from dockerkit.errors import Unsupported

PROGRAMS = {recipe.title: recipe for recipe in (PYTHON, REDIS, POSTGRES, NGINX, MEMCACHED)}
_NUMBER = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class Found:
    """A recipe, and the version that its tag asks for (``""``: whichever there is)."""

    recipe: Recipe
    version: str = ""


def names(distribution: Distribution) -> tuple[str, ...]:
    """Return the names that stand for something; none where the host's packages cannot be read."""
    return (distribution.id, *PROGRAMS) if distribution.id else ()


def find(name: str, tag: str, distribution: Distribution) -> Found | None:
    """Return what a name and tag stand for, or None."""
    if name == distribution.id and name:
        slim = tag == "slim" or tag.endswith("-slim")
        fits = tag.removesuffix("slim").removesuffix("-") in _system_tags(distribution)
        return Found(system(name, slim=slim or name == "ubuntu")) if fits else None
    if name not in PROGRAMS or not distribution.id:
        return None
    version, words = _split(tag)
    known = {"slim", distribution.codename}
    return Found(PROGRAMS[name], version) if set(words) <= known and len(words) == len(set(words)) else None


def refusal(name: str, tag: str, distribution: Distribution) -> Unsupported:
    """Return the error for a name or tag that stands for nothing, with what can be made instead."""
    if name == distribution.id:
        tags = [word for word in _system_tags(distribution) if word]
        return Unsupported(
            f"{name}:{tag} cannot be made here: this host's packages are those of {name} {distribution.codename}",
            hint=f"these can be made: {', '.join(f'{name}:{word}' for word in tags)}, each also with -slim",
        )
    if name in PROGRAMS and distribution.id:
        return Unsupported(
            f"{name}:{tag} cannot be made here: only the version that {distribution.id} {distribution.codename} has",
            hint=f"these can be made: {name}, {name}:slim, {name}:{distribution.codename}, {name}:VERSION",
        )
    return Unsupported(f"image '{name}:{tag}' cannot be bootstrapped")


def _system_tags(distribution: Distribution) -> tuple[str, ...]:
    always = ("", "latest", "stable") if distribution.id == "debian" else ("", "latest")
    return (*always, *distribution.words)


def _split(tag: str) -> tuple[str, list[str]]:
    """Return the version of a tag such as ``3.11-slim-bookworm`` (``""`` for none or ``latest``) and its other words."""
    first, *rest = tag.split("-")
    if _NUMBER.fullmatch(first):
        return first, rest
    return "", rest if first == "latest" else [first, *rest]
