"""What all collections share: docker's filters, and the nouns that are not offered yet.

A noun that is not offered has its name and says so when used; it never pretends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dockerkit.errors import Unsupported


def filters_json(filters: dict[str, Any]) -> str | None:
    """Return docker's ``filters`` parameter: every value a list of texts, a mapping as ``key=value``."""
    said = {name.replace("_", "-") if name.startswith("is_") else name: _texts(value) for name, value in filters.items()}
    return msgspec.json.encode(said).decode() if said else None


def _texts(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, dict):
        return [f"{key}={inner}" for key, inner in value.items()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [str(inner) for inner in value]
    return [str(value)]


class NotOffered:
    """A collection whose noun comes later: every use raises Unsupported with its name."""

    def __init__(self, noun: str, hint: str = "") -> None:
        self._noun = noun
        self._hint = hint

    def _refuse(self) -> Unsupported:
        return Unsupported(f"{self._noun} are not offered yet", hint=self._hint)

    def list(self, all: bool = False, **filters: Any) -> Any:
        """Raise Unsupported, for now."""
        raise self._refuse()

    def get(self, name: str) -> Any:
        """Raise Unsupported, for now."""
        raise self._refuse()

    def create(self, name: str | None = None, **options: Any) -> Any:
        """Raise Unsupported, for now."""
        raise self._refuse()

    def prune(self) -> Any:
        """Raise Unsupported, for now."""
        raise self._refuse()

    def __getitem__(self, name: str) -> Any:
        """Raise Unsupported, for now."""
        raise self._refuse()

    def __iter__(self) -> Iterator[Any]:
        """Raise Unsupported, for now."""
        raise self._refuse()

    def __contains__(self, name: object) -> bool:
        """Raise Unsupported, for now."""
        raise self._refuse()
