"""A volume as a card. One that has gone, or whose engine does not answer, says so instead of raising."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerkit.errors import DockerkitError, NotFound
from dockerkit.notebook.views.card import Card, Fact

if TYPE_CHECKING:
    from dockerkit.client.volume import Volume


def volume_card(volume: Volume) -> Card:
    """Return a volume as it is now."""
    try:
        record = volume.inspect()
    except NotFound:
        return Card("Volume", volume.name, (Fact("status", "removed", is_state=True),))
    except DockerkitError as error:
        return Card("Volume", volume.name, (Fact("status", f"unknown: {error.message}", is_state=True),))
    facts = (
        Fact("driver", str(record.get("Driver") or "")),
        Fact("scope", str(record.get("Scope") or "")),
        Fact("options", _pairs(record.get("Options"))),
        Fact("labels", _pairs(record.get("Labels")), folded=True),
        Fact("mountpoint", str(record.get("Mountpoint") or ""), folded=True),
    )
    return Card("Volume", volume.name, facts)


def _pairs(said: object) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(said.items())) if isinstance(said, dict) else ""
