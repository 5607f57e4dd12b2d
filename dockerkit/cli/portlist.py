"""Ports as Docker shows them: those of ``ps``, neighbours together; and addresses with a port. Pure.

Source: ``DisplayablePorts`` of the docker program.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def joined(address: str, port: object) -> str:
    """Return an address with a port: ``0.0.0.0:80``, ``[::]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def displayable(entries: Iterable[dict[str, Any]]) -> str:
    """Return the ports of one container: ``0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 90-92/udp``.

    Neighbours that are published under their own number, or not at all, are shown together.
    """
    ended: list[str] = []
    moved: list[str] = []
    runs: dict[tuple[str, str], list[int]] = {}
    for entry in sorted(entries, key=_order):
        address, number, kind = entry.get("IP") or "", int(entry["PrivatePort"]), str(entry.get("Type") or "tcp")
        public = int(entry.get("PublicPort") or 0)
        if address and public != number:
            moved.append(f"{joined(address, public)}->{number}/{kind}")
            continue
        run = runs.setdefault((address, kind), [number, number])
        if number == run[1] + 1:
            run[1] = number
        elif number != run[1]:
            ended.append(_run(address, kind, *run))
            runs[address, kind] = [number, number]
    return ", ".join([*ended, *(_run(address, kind, *run) for (address, kind), run in runs.items()), *moved])


def _order(entry: dict[str, Any]) -> tuple[int, str, int, str]:
    return int(entry["PrivatePort"]), entry.get("IP") or "", int(entry.get("PublicPort") or 0), entry.get("Type") or ""


def _run(address: str, kind: str, first: int, last: int) -> str:
    numbers = str(first) if first == last else f"{first}-{last}"
    return f"{joined(address, numbers)}->{numbers}/{kind}" if address else f"{numbers}/{kind}"
