"""``debian`` and ``ubuntu``: the required packages and apt, nothing else; and ``python`` on top."""

from __future__ import annotations

from dockerkit.daemon.images.bootstrap.recipe import PATH, Recipe
from dockerkit.schema.image import ImageConfig


def system(title: str, *, slim: bool) -> Recipe:
    """Return the recipe of a plain system."""
    return Recipe(title=title, config=ImageConfig(cmd=["bash"], env=[PATH]), slim=slim)


PYTHON = Recipe(
    title="python",
    config=ImageConfig(cmd=["python3"], env=[PATH, "LANG=C.UTF-8"]),
    packages=("python3", "python3-pip", "python3-venv", "python-is-python3", "ca-certificates"),
    version_of="python3",
    # in a container pip has nobody's system to spoil
    gone=("/usr/lib/python3*/EXTERNALLY-MANAGED",),
)
