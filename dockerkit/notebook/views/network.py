"""A network where HTML is shown: as a card, and its topology as a drawing with the table beneath it.

The drawing says nothing that the table does not: a notebook that is not trusted loses it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from dockerkit.errors import DockerkitError, NotFound
from dockerkit.notebook.views.card import Card, Fact
from dockerkit.notebook.views.style import framed

if TYPE_CHECKING:
    from dockerkit.client.network import Network
    from dockerkit.client.topology import Topology

_WIDE, _TALL, _GAP, _BUS, _TOP = 150, 44, 24, 60, 120
_CUT = "#b3261e"


def network_card(network: Network) -> Card:
    """Return a network as it is now."""
    try:
        record = network.inspect()
    except NotFound:
        return Card("Network", network.short_id, (Fact("status", "removed", is_state=True),))
    except DockerkitError as error:
        return Card("Network", network.short_id, (Fact("status", f"unknown: {error.message}", is_state=True),))
    pools = (record.get("IPAM") or {}).get("Config") or ()
    members = sorted(
        (str(one["Name"]), str(one["IPv4Address"]).partition("/")[0]) for one in (record.get("Containers") or {}).values()
    )
    labels = {name: value for name, value in (record.get("Labels") or {}).items() if not name.startswith("dockerkit.")}
    facts = (
        Fact("name", str(record.get("Name") or "")),
        Fact("driver", str(record.get("Driver") or "")),
        Fact("subnets", ", ".join(str(pool.get("Subnet")) for pool in pools)),
        Fact("internal", "yes" if record.get("Internal") else ""),
        Fact("containers", ", ".join(f"{name} {address}" for name, address in members) or "none"),
        Fact("labels", ", ".join(f"{name}={value}" for name, value in sorted(labels.items())), folded=True),
    )
    return Card("Network", network.short_id, facts)


def topology_html(topology: Topology) -> str:
    """Return drawing and table."""
    return framed(topology_svg(topology)) + topology.rows._repr_html_()


def topology_svg(topology: Topology) -> str:
    """Return the drawing: the network as a bar, each container hanging from it, a dashed red line where two are cut off."""
    members = topology.document["Containers"]
    width = max(1, len(members)) * (_WIDE + _GAP) + _GAP
    places = {str(one["Name"]): _GAP + number * (_WIDE + _GAP) + _WIDE / 2 for number, one in enumerate(members)}
    cut = {tuple(sorted((row["From"], row["To"]))): row["Why"] for row in topology.document["Reach"] if not row["Reaches"]}
    title = escape(f"{topology.name}  {', '.join(topology.subnets)}{'  internal' if topology.document['Internal'] else ''}")
    parts = [
        f'<rect x="{_GAP / 2}" y="{_BUS - 14}" width="{width - _GAP}" height="28" rx="6" fill="currentColor" '
        'fill-opacity="0.08" stroke="currentColor"/>',
        f'<text x="{_GAP}" y="{_BUS + 4}" font-weight="bold">{title}</text>',
        *(_member(places[str(one["Name"])], one) for one in members),
        *(_severed(places[one], places[other], why) for (one, other), why in cut.items()),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 250" width="{width}" style="max-width:100%" role="img" '
        'font-family="sans-serif" font-size="12" fill="currentColor" stroke="none">'
        f"<title>network {escape(topology.name)}</title>"
    )
    return f"{head}{''.join(parts)}</svg>"


def _member(x: float, one: dict[str, object]) -> str:
    addresses, ports = one["Addresses"], one["Ports"]
    assert isinstance(addresses, list)
    assert isinstance(ports, list)
    outside = ", ".join(f"{port['HostPort']}→{str(port['Port']).partition('/')[0]}" for port in ports)
    lines = [str(one["Name"]), *(str(address) for address in addresses[:1])]
    words = "".join(
        f'<text x="{x}" y="{_TOP + 18 + 15 * number}" text-anchor="middle" font-weight="{weight}">{escape(line)}</text>'
        for number, (line, weight) in enumerate(zip(lines, ("bold", "normal"), strict=False))
    )
    published = f'<text x="{x + 6}" y="{_BUS - 22}" font-size="11">{escape(outside)}</text>' if outside else ""
    up = f'<path d="M{x} {_BUS - 14}V{_BUS - 40}" stroke="currentColor"/>' if outside else ""
    return (
        f'<path d="M{x} {_BUS + 14}V{_TOP}" stroke="currentColor"/>'
        f'<rect x="{x - _WIDE / 2}" y="{_TOP}" width="{_WIDE}" height="{_TALL}" rx="8" fill="currentColor" fill-opacity="0.06" '
        f'stroke="currentColor"/>{words}{up}{published}'
    )


def _severed(one: float, other: float, why: str) -> str:
    low, middle = _TOP + _TALL, (one + other) / 2
    depth = low + 30 + abs(other - one) / 12
    return (
        f'<path d="M{one} {low}Q{middle} {depth + 20} {other} {low}" fill="none" stroke="{_CUT}" stroke-dasharray="5 4"/>'
        f'<text x="{middle}" y="{depth + 4}" text-anchor="middle" font-size="11" fill="{_CUT}">{escape(why)}</text>'
    )
