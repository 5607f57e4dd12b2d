"""Image references, container names and ids: parsing and Docker's normal forms.

Source: distribution reference grammar; moby ``names`` for containers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dockerkit.errors import Invalid

DEFAULT_REGISTRY = "docker.io"
CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
FULL_ID = re.compile(r"[0-9a-f]{64}")
_SEPARATOR = r"(?:[._]|__|[-]+)"
_COMPONENT = rf"[a-z0-9]+(?:{_SEPARATOR}[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference in full: registry host, repository, and a tag or a digest or both."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def familiar_name(self) -> str:
        """The repository as Docker prints it: without ``docker.io`` and ``library``."""
        if self.registry != DEFAULT_REGISTRY:
            return f"{self.registry}/{self.repository}"
        official = self.repository.removeprefix("library/")
        return self.repository if "/" in official else official

    def __str__(self) -> str:
        """The reference as Docker prints it, e.g. ``busybox:latest``."""
        text = self.familiar_name
        if self.tag:
            text += f":{self.tag}"
        if self.digest:
            text += f"@{self.digest}"
        return text


def parse_reference(text: str) -> Reference:
    """Read an image reference and fill in Docker's defaults (``docker.io``, ``library/``, ``:latest``).

    :raises Invalid: not a reference; in Docker's words.
    """
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise Invalid(f"invalid reference format: {text!r} has a malformed digest")
    name, tag = _split_tag(rest)
    registry, repository = _split_registry(name)
    if repository != repository.lower():
        shown = f"library/{repository}" if registry == DEFAULT_REGISTRY and "/" not in repository else repository
        raise Invalid(f"invalid reference format: repository name ({shown}) must be lowercase")
    well_formed = _REGISTRY.fullmatch(registry) and _REPOSITORY.fullmatch(repository) and len(repository) <= 255
    if not well_formed or (tag and not _TAG.fullmatch(tag)):
        raise Invalid(f"invalid reference format: {text!r}")
    if FULL_ID.fullmatch(name):
        raise Invalid(f"invalid repository name ({name}), cannot specify 64-byte hexadecimal strings")
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(registry, repository, tag or ("" if digest else "latest"), digest)


def _split_tag(text: str) -> tuple[str, str]:
    head, colon, tail = text.rpartition(":")
    if not colon or "/" in tail:
        return text, ""
    if not tail:
        raise Invalid(f"invalid reference format: {text!r} ends in a colon")
    return head, tail


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return (DEFAULT_REGISTRY if first == "index.docker.io" else first), rest
    return DEFAULT_REGISTRY, name


def check_container_name(name: str) -> str:
    """Return `name` without its leading slash.

    :raises Invalid: in Docker's words, when it holds other characters than Docker admits.
    """
    bare = name.removeprefix("/")
    if not CONTAINER_NAME.fullmatch(bare):
        raise Invalid(
            f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            hint="two characters at least; start with a letter or a digit",
        )
    return bare
