"""Networks in memory, for tests of the routes alone: every verb is remembered as it was called."""

from __future__ import annotations

from typing import Any

from dockerkit.errors import NotAllowed, NotFound
from dockerkit.schema.network import NetworkContainer, NetworkCreateResponse, NetworkInspect


class PretendNetworks:
    """One network, ``bridge``, and whatever a test makes."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.all = {"bridge": NetworkInspect(name="bridge", id="b" * 64, created="2026-01-01T00:00:00Z")}

    def _find(self, ref: str) -> NetworkInspect:
        if ref not in self.all:
            raise NotFound(f"network {ref} not found")
        return self.all[ref]

    def create(self, request, *, session: str = "") -> NetworkCreateResponse:
        self.calls.append(("create", request, session))
        self.all[request.name] = NetworkInspect(name=request.name, id="c" * 64, created="2026-01-01T00:00:00Z")
        return NetworkCreateResponse(id="c" * 64)

    def list(self, filters=None, *, containers: bool = False) -> list[NetworkInspect]:
        self.calls.append(("list", filters, containers))
        if containers:
            self.all["bridge"].containers = {"1": NetworkContainer(name="x")}
        return list(self.all.values())

    def inspect(self, ref: str, *, verbose: bool = False, scope: str = "") -> NetworkInspect:
        self.calls.append(("inspect", ref, verbose, scope))
        return self._find(ref)

    def remove(self, ref: str) -> None:
        if ref == "bridge":
            raise NotAllowed("bridge is a pre-defined network and cannot be removed")
        self.all.pop(self._find(ref).name)

    def prune(self, filters=None) -> dict:
        self.calls.append(("prune", filters))
        return {"NetworksDeleted": None}

    def connect(self, ref: str, container: str, settings=None) -> None:
        self.calls.append(("connect", self._find(ref).name, container, settings))

    def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        self.calls.append(("disconnect", self._find(ref).name, container, force))

    def publish(self, container: str, ports) -> dict:
        self.calls.append(("publish", container, ports))
        return ports

    def fault(self, ref: str, request) -> None:
        self.calls.append(("fault", self._find(ref).name, request))

    def topology(self, ref: str) -> dict:
        return {"Name": self._find(ref).name}
