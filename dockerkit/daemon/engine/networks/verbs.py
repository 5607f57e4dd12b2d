"""The network verbs as the API calls them: each finds its network and hands over to the verb's own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import (
    connecting,
    creating,
    disconnecting,
    faults,
    inspecting,
    listing,
    owning,
    publishing,
    removing,
    topology,
)
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.pruning import Pruning
from dockerkit.errors import NotFound
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


class NetworkVerbs:
    """All networks of this engine. `ref` is a full id, a name, or a unique prefix of an id.

    :param check_session: raises NotFound when a session is not open.
    """

    def __init__(self, core: Core, check_session: Callable[[str], None]) -> None:
        self._core = core
        self._check_session = check_session
        self._pruning = Pruning(core)

    def create(self, request: NetworkCreate, *, session: str = "") -> NetworkCreateResponse:
        """Make a network; see :func:`dockerkit.daemon.engine.networks.creating.create`.

        :param session: the open session that shall own it.
        """
        if not session:
            return creating.create(self._core, request)
        self._check_session(session)
        made = creating.create(self._core, request, session=session)
        try:
            self._check_session(session)
        except NotFound:
            owning.orphan(self._core, session)  # it ended meanwhile, and has not seen its network
            raise
        return made

    def list(self, filters: Mapping[str, List[str]] | None = None, *, containers: bool = False) -> List[NetworkInspect]:
        """Return each network that fits, newest first; see :func:`dockerkit.daemon.engine.networks.listing.fitting`."""
        found = listing.fitting(self._core, filters or {})
        return [inspecting.inspect(self._core, entry, containers=containers) for entry in found]

    def inspect(self, ref: str, *, verbose: bool = False, scope: str = "") -> NetworkInspect:
        """Return everything known of a network.

        :param verbose: adds what a swarm has of it: nothing here.
        :param scope: look only among those of this scope; all are ``local``.
        """
        if scope not in ("", "local"):
            raise NotFound(f"network {ref} not found")
        return inspecting.inspect(self._core, self._find(ref))

    def remove(self, ref: str) -> None:
        """Remove a network; see :func:`dockerkit.daemon.engine.networks.removing.remove`."""
        removing.remove(self._core, self._find(ref))

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> dict[str, Any]:
        """Remove all that nobody is on; see :meth:`dockerkit.daemon.engine.networks.pruning.Pruning.prune`."""
        return self._pruning.prune(filters or {})

    def connect(self, ref: str, container: str, settings: EndpointSettings | None = None) -> None:
        """Connect a container; see :func:`dockerkit.daemon.engine.networks.connecting.connect`."""
        connecting.connect(self._core, self._find(ref), self._core.entries.resolve(container), settings)

    def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        """Disconnect a container; see :func:`dockerkit.daemon.engine.networks.disconnecting.disconnect`.

        :param force: in Docker, also one that is not known; here every one is.
        """
        network = self._find(ref)
        try:
            entry = self._core.entries.resolve(container)
        except NotFound:
            if force:
                raise NotFound(f"endpoint {container} not found") from None
            raise
        disconnecting.disconnect(self._core, network, entry)

    def publish(self, container: str, ports: Mapping[str, List[PortBinding] | None]) -> dict[str, List[PortBinding] | None]:
        """Publish more ports of a running container; see :func:`dockerkit.daemon.engine.networks.publishing.further`."""
        return publishing.further(self._core, self._core.entries.resolve(container), ports)

    def fault(self, ref: str, request: FaultRequest) -> None:
        """Disturb a network, or heal it; see :func:`dockerkit.daemon.engine.networks.faults.fault`."""
        faults.fault(self._core, self._find(ref), request)

    def topology(self, ref: str) -> dict[str, Any]:
        """Return who is on a network and who reaches whom; see :func:`dockerkit.daemon.engine.networks.topology.topology`."""
        return topology.topology(self._core, self._find(ref))

    def _find(self, ref: str) -> NetworkEntry:
        return self._core.networks.resolve(ref)
