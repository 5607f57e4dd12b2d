"""The network verbs as the API sees them. Types only; see :mod:`dockerkit.daemon.api.verbs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from dockerkit.schema.network import (
    EndpointSettings,
    FaultRequest,
    NetworkCreate,
    NetworkCreateResponse,
    NetworkInspect,
    PortBinding,
)

if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812 - `list` is one of Docker's verbs here


class Networks(Protocol):
    """Verbs on networks; `ref` is a full id, a unique prefix of one, or a name."""

    def create(self, request: NetworkCreate, *, session: str = "") -> NetworkCreateResponse:
        """Make a network; a session owns it from birth."""

    def list(self, filters: Mapping[str, List[str]] | None = None, *, containers: bool = False) -> Sequence[NetworkInspect]:
        """Return networks, with the containers that are on them or without."""

    def inspect(self, ref: str, *, verbose: bool = False, scope: str = "") -> NetworkInspect:
        """Return everything known of a network."""

    def remove(self, ref: str) -> None:
        """Remove a network that nobody is on."""

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> dict[str, Any]:
        """Remove all that nobody is on."""

    def connect(self, ref: str, container: str, settings: EndpointSettings | None = None) -> None:
        """Connect a container."""

    def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        """Disconnect a container."""

    def publish(self, container: str, ports: Mapping[str, List[PortBinding] | None]) -> dict[str, List[PortBinding] | None]:
        """Publish more ports of a running container; return all it has."""

    def fault(self, ref: str, request: FaultRequest) -> None:
        """Disturb a network, or heal it."""

    def topology(self, ref: str) -> dict[str, Any]:
        """Return who is on a network and who reaches whom."""
