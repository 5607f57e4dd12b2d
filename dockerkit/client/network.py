"""One live network, read fresh whenever asked: who is on it reaches each other by name.

It outlives the program that made it, unless ``with`` owns it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dockerkit.client.engine import segment
from dockerkit.client.topology import Topology
from dockerkit.errors import Conflict, DockerkitError, Invalid, NotFound
from dockerkit.schema.network import EndpointIPAMConfig, EndpointSettings, FaultRequest, NetworkConnect, NetworkDisconnect
from dockerkit.schema.network import NetworkInspect as Document
from dockerkit.schema.units import parse_duration, parse_rate
from dockerkit.schema.wire import convert

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.container import Container

SESSIONS_WORD = "networks"
"""What a session calls them."""


class Network:
    """A network of an engine. As a context manager it is owned: removed on leaving, or with this process, whatever happens."""

    def __init__(self, client: Client, id: str, name: str = "") -> None:
        self._client = client
        self._id = id
        self._name = name

    # what it is

    @property
    def client(self) -> Client:
        """The client it was got by."""
        return self._client

    @property
    def id(self) -> str:
        """Its id: 64 digits."""
        return self._id

    @property
    def short_id(self) -> str:
        """Twelve digits of the id, as docker prints it."""
        return self._id[:12]

    @property
    def name(self) -> str:
        """What it is called, for as long as it lives: there is no renaming a network. Known of one that has gone, too."""
        self._name = self._name or self._read().name
        return self._name

    @property
    def driver(self) -> str:
        """``bridge``, ``macvlan``, ``ipvlan``, ``host`` or ``null``."""
        return self._read().driver

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self._read().labels

    @property
    def internal(self) -> bool:
        """Whether it leads nowhere but to who is on it."""
        return self._read().internal

    @property
    def subnets(self) -> list[str]:
        """Its subnets: ``["172.18.0.0/16"]``."""
        return [pool.subnet for pool in self._read().ipam.config]

    @property
    def gateway(self) -> str:
        """The host's address on it; empty when it has none."""
        return next((pool.gateway for pool in self._read().ipam.config if pool.gateway), "")

    @property
    def containers(self) -> dict[str, str]:
        """Who runs on it: name → address."""
        members = self._read().containers.values()
        return {member.name: (member.ipv4_address or member.ipv6_address).partition("/")[0] for member in members}

    def inspect(self) -> dict[str, Any]:
        """Return the engine's whole record, in Docker's own words.

        :raises NotFound: it has been removed.
        """
        record: dict[str, Any] = self._client.engine.get(self._path)
        return record

    def _read(self) -> Document:
        return convert(self.inspect(), Document)

    @property
    def _path(self) -> str:
        return f"/networks/{segment(self._id)}"

    # who is on it

    def connect(self, container: Container | str, *, aliases: Sequence[str] = (), ip: str | None = None) -> None:
        """Put a container on it, running or not; it keeps the networks it is on.

        :param aliases: further names it answers to here.
        :param ip: its address here; without, a free one.
        :raises Conflict: it is on it already, or the address is taken.
        """
        wanted = EndpointIPAMConfig(ipv6_address=ip) if ip and ":" in ip else EndpointIPAMConfig(ipv4_address=ip or "")
        settings = EndpointSettings(aliases=list(aliases) or None, ipam_config=wanted if ip else None)
        self._client.engine.post(
            f"{self._path}/connect", json=NetworkConnect(container=_id(container), endpoint_config=settings)
        )

    def disconnect(self, container: Container | str, *, force: bool = False) -> None:
        """Take a container off it.

        :param force: also one the engine does not know any more.
        :raises DockerkitError: it is not on it; in the engine's words.
        """
        self._client.engine.post(f"{self._path}/disconnect", json=NetworkDisconnect(container=_id(container), force=force))

    def topology(self) -> Topology:
        """Return who is on it, with which addresses, and who reaches whom, as it is now: a table, a drawing.

        :raises Unsupported: the engine is not ours.
        """
        return Topology(self._client.engine.get(self._extension("topology")))

    # disturbing it

    def delay(self, container: Container | str, time: str | float) -> None:
        """Make all that a container is sent here this much later, until it is healed.

        :param time: ``"200ms"``, or seconds.
        :raises Unsupported: the engine is not ours, or its kernel cannot (netem).
        """
        self._fault(FaultRequest(container=_id(container), delay_ms=round(parse_duration(time) * 1000)))

    def loss(self, container: Container | str, percent: float) -> None:
        """Lose so much of all that a container is sent here, until it is healed.

        :param percent: 0 to 100.
        :raises Invalid: another number.
        :raises Unsupported: the engine is not ours, or its kernel cannot (netem).
        """
        if not 0 <= percent <= 100:
            raise Invalid(f"loss: {percent!r} percent cannot be lost", hint="a number from 0 to 100")
        self._fault(FaultRequest(container=_id(container), loss_percent=percent))

    def rate(self, container: Container | str, rate: str | int) -> None:
        """Let a container be sent no more than this here, until it is healed.

        :param rate: ``"1mbit"``, ``"500kbit"``, or bits a second.
        :raises Unsupported: the engine is not ours.
        """
        self._fault(FaultRequest(container=_id(container), rate_bits=parse_rate(rate)))

    def partition(self, *groups: Iterable[Container | str]) -> None:
        """Cut groups of containers off from each other, until it is healed; those in none of them reach everybody.

        :raises Conflict: a container is not on it now.
        :raises Unsupported: the engine is not ours.
        """
        self._fault(FaultRequest(partition=[sorted(map(_id, group)) for group in groups]))

    def heal(self) -> None:
        """Undo every fault."""
        self._fault(FaultRequest(heal=True))

    def _fault(self, request: FaultRequest) -> None:
        self._client.engine.post(self._extension("faults"), json=request)

    def _extension(self, noun: str) -> str:
        return self._client.engine.extension(f"/networks/{segment(self._id)}/{noun}", word=f"network.{noun}")

    # its end

    def remove(self, *, force: bool = False) -> None:
        """Remove it.

        :param force: take everybody off it first.
        :raises NotAllowed: something that runs is on it, or it is Docker's own (``bridge``, ``host``, ``none``).
        """
        if force:
            self._empty()
        self._client.engine.delete(self._path)

    def __enter__(self) -> Self:
        """Own it from now on: it ends with the block, or with this process, whichever comes first."""
        if not self._client.engine.foreign:
            self._client.session.own(self._id, SESSIONS_WORD)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take everybody off it, and remove it."""
        try:
            self.remove(force=True)
        except NotFound:
            pass  # removed inside the block
        except DockerkitError as second:
            if error is None:
                raise
            error.add_note(f"and the network {self.short_id} could not be removed: {second}")
        finally:
            self._client.session.released(self._id, SESSIONS_WORD)

    def _empty(self) -> None:
        for id in self.inspect().get("Containers") or {}:
            with contextlib.suppress(NotFound, Conflict):  # it went by itself
                self.disconnect(id, force=True)

    # being a value

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same network of the same engine."""
        ours = self._client.engine.url
        return isinstance(other, Network) and (self._id, ours) == (other._id, other._client.engine.url)

    def __hash__(self) -> int:
        """Agree with :meth:`__eq__`."""
        return hash((self._id, self._client.engine.url))

    def __str__(self) -> str:
        """Return the name, so that a network can be given where one is expected."""
        return self.name

    def __repr__(self) -> str:
        """Show its id."""
        return f"<Network {self.short_id}>"

    def _repr_html_(self) -> str:
        """Show what it is now where HTML is shown."""
        from dockerkit.notebook.views import network_card  # noqa: PLC0415 (only its readers pay for it)

        return network_card(self).html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the same as text where IPython asks."""
        from dockerkit.notebook.views import network_card  # noqa: PLC0415 (only its readers pay for it)

        printer.text(network_card(self).text())


def _id(container: Container | str) -> str:
    return container if isinstance(container, str) else container.id
