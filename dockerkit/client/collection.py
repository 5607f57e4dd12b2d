"""What all collections share: docker's filters. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


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
