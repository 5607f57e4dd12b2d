"""What an image is to be made of, as a value: packages, files of our own, accounts, configuration. Data; does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dockerkit.schema.image import ImageConfig

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class File:
    """A file of our own: where it is and what is in it."""

    path: str
    content: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Account:
    """A user with a group of the same name, with the numbers that users of the official image know."""

    name: str
    number: int
    home: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image.

    :param title: its name, for labels.
    :param packages: of the distribution, on top of the base.
    :param version_of: the package (a pattern) whose version is the image's; ``""``: the distribution's.
    :param without: packages (patterns, as a shell's) left out although one of these depends on them; what needs them is `gone`.
    :param gone: paths (patterns) that stay away.
    :param accounts: made before the packages are configured, which otherwise take the next free number.
    :param before: files that are there when the packages are configured; `files`: those written when it is done.
    :param commands: shell lines that run last, in the container.
    """

    title: str
    config: ImageConfig
    packages: tuple[str, ...] = ()
    version_of: str = ""
    slim: bool = True
    without: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    before: tuple[File, ...] = ()
    files: tuple[File, ...] = ()
    commands: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
