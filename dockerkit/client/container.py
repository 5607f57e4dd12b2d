"""One live container, read fresh whenever asked.

It outlives the program that started it, unless ``with`` owns it.
"""

from __future__ import annotations

import contextlib
import math
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from dockerkit.client import values
from dockerkit.client.encoding import bind_to_loopback, port_bindings
from dockerkit.client.engine import Engine, segment
from dockerkit.client.inside import Inside
from dockerkit.client.limits import limits_body
from dockerkit.client.ready import Wish, said
from dockerkit.client.run import start_failure, wait
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import Conflict, DockerkitError, NotFound, NotReady, TimedOut, Unavailable
from dockerkit.schema.container import ContainerInspect, ContainerState
from dockerkit.schema.endpoint import LASTING_HEADER
from dockerkit.schema.network import PortsRequest
from dockerkit.schema.units import parse_duration
from dockerkit.schema.wire import convert

if TYPE_CHECKING:
    from dockerkit.client.client import Client

_RUNNING = frozenset({"running", "paused", "restarting"})


class Address(NamedTuple):
    """Where a published port is reached."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Container(Inside):
    """One container of an engine. As a context manager it is owned: killed and removed on leaving, whatever happens."""

    def __init__(self, client: Client, id: str, *, spec: ContainerSpec | None = None, warnings: tuple[str, ...] = ()) -> None:
        self._client = client
        self.engine: Engine = client.engine
        """The engine it lives in."""
        self._id = id
        self._spec = spec
        self.warnings = warnings
        """What the engine remarked when it created it."""

    # what it is

    @property
    def id(self) -> str:
        """The container's id, 64 digits."""
        return self._id

    @property
    def short_id(self) -> str:
        """Twelve digits of the id, as docker prints it."""
        return self._id[:12]

    @property
    def name(self) -> str:
        """Its name, without the slash."""
        return self._read().name.removeprefix("/")

    @property
    def image(self) -> str:
        """The image as it was named at creation."""
        return self._read().config.image

    @property
    def status(self) -> str:
        """``created``, ``running``, ``paused``, ``restarting``, ``removing``, ``exited`` or ``dead``."""
        return self._read().state.status

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last run; None before its end."""
        state = self._read().state
        return None if state.status in _RUNNING or state.status == "created" else state.exit_code

    @property
    def state(self) -> ContainerState:
        """Where it is in its life, in Docker's words."""
        return self._read().state

    @property
    def health(self) -> str:
        """``starting``, ``healthy``, ``unhealthy``, or ``none`` without a health check."""
        health = self.inspect()["State"].get("Health") or {}
        return str(health.get("Status") or "none")

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, the image's included."""
        return self._read().config.labels

    @property
    def ip(self) -> str:
        """Its address on its first network; empty without one."""
        settings = self._read().network_settings
        return next((net.ip_address for net in settings.networks.values() if net.ip_address), settings.ip_address)

    @property
    def ports(self) -> dict[str, list[Address]]:
        """Where its ports are reached: ``{"6379/tcp": [Address]}``, an empty list for one that is not published."""
        found = self._read().network_settings.ports
        return {port: [_address(b.host_ip, b.host_port) for b in bindings or []] for port, bindings in found.items()}

    @property
    def pid(self) -> int:
        """The process id of its first process on the engine's host; 0 when it does not run."""
        return self._read().state.pid

    def port(self, number: int | str) -> Address:
        """Return where a port is reached.

        :raises NotFound: it is not published.
        """
        key = str(number) if "/" in str(number) else f"{number}/tcp"
        addresses = self.ports.get(key)
        if not addresses:
            live = "" if self.engine.foreign else f", or container.publish({number}) while it runs"
            raise NotFound(
                f"port {key} of container {self.short_id} is not published", hint=f"publish({number}) when creating it{live}"
            )
        return addresses[0]

    def publish(self, port: int | str) -> Address:
        """Publish a port of the running container, now; return where it is reached.

        :param port: its number, for a random port of the host; or docker's ``-p`` grammar. 127.0.0.1 on a local engine.
        :raises Conflict: it does not run, or the host's port is taken.
        :raises Unsupported: the engine is not ours: Docker publishes at creation only.
        """
        bindings = port_bindings([values.port(port)])
        if self.engine.local:
            bind_to_loopback(bindings)
        self.engine.post(self.engine.extension(f"{self.path}/ports", word="publish()"), json=PortsRequest(ports=bindings))
        return self.port(next(iter(bindings)))

    def inspect(self) -> dict[str, Any]:
        """Return the engine's whole record, in Docker's own words."""
        record: dict[str, Any] = self.engine.get(f"{self.path}/json")
        return record

    # what it does

    def start(self) -> Container:
        """Start it, and wait until it is ready when its wish says what that is; nothing happens when it runs. Return itself.

        :raises ContainerFailed: the program cannot be executed (126, 127).
        :raises NotReady: it did not get ready; it is not removed, since it was created before.
        """
        return self._begin()

    def _begin(self, *, lasting: bool = False) -> Container:
        """Start it; see :meth:`start`.

        :param lasting: our session owns it only until it is ready: a power cut later on shall not cost it its files.
        """
        try:
            self.engine.post(f"{self.path}/start", headers=[(LASTING_HEADER, "1")] if lasting else [])
        except (NotFound, Unavailable, TimedOut):
            raise
        except DockerkitError as error:
            raise start_failure(self.engine, self._id, error, self._wished()) from None
        if self._spec is not None and (condition := self._spec.said.get("ready")) is not None:
            self._wait_for_ready(condition)
        return self

    def _wait_for_ready(self, condition: Wish) -> None:
        try:
            self.wait_for(condition)
        except NotFound:
            gone = f"container {self.short_id} ended and was removed before it was ready ({said(condition)})"
            raise NotReady(gone, hint="auto_remove leaves neither exit code nor log") from None

    def stop(self, timeout: str | float | None = None) -> Container:
        """Ask it to end with its stop signal, kill it when the time is over; nothing happens when it has ended. Return itself.

        :param timeout: seconds, or ``"1m"``; without, its own ``stop_timeout``, else ten.
        """
        seconds = None if timeout is None else math.ceil(parse_duration(timeout))
        self.engine.call("POST", f"{self.path}/stop", query={"t": seconds}, timeout=None).read()
        return self

    def kill(self, signal: str | int = "KILL") -> Container:
        """Send a signal to its first process. Return itself.

        :raises Conflict: it does not run.
        """
        self.engine.post(f"{self.path}/kill", signal=signal)
        return self

    def restart(self, timeout: str | float | None = None) -> Container:
        """Stop it as :meth:`stop` does, start it again. Return itself."""
        seconds = None if timeout is None else math.ceil(parse_duration(timeout))
        self.engine.call("POST", f"{self.path}/restart", query={"t": seconds}, timeout=None).read()
        return self

    def pause(self) -> Container:
        """Freeze its processes. Return itself."""
        self.engine.post(f"{self.path}/pause")
        return self

    def unpause(self) -> Container:
        """Let its frozen processes go on. Return itself."""
        self.engine.post(f"{self.path}/unpause")
        return self

    def rename(self, name: str) -> Container:
        """Give it another name. Return itself.

        :raises Conflict: the name is taken.
        """
        self.engine.post(f"{self.path}/rename", name=name)
        return self

    def update(self, **limits: Any) -> Container:
        """Change its limits while it runs: ``memory``, ``cpus``, ``pids_limit``, ``restart`` as at creation. Return itself.

        :raises TypeError: another word.
        :raises Conflict: it uses more than that now.
        """
        answer = self.engine.call("POST", f"{self.path}/update", json=limits_body(limits)).read()
        self.warnings = tuple(msgspec.json.decode(answer).get("Warnings") or ())
        return self

    def remove(self, *, force: bool = False, volumes: bool = False) -> None:
        """Remove it; return when it is gone.

        :param force: kill it first.
        :param volumes: its anonymous volumes too.
        :raises Conflict: it runs, and `force` was not said.
        """
        try:
            self.engine.call("DELETE", self.path, query={"force": force, "v": volumes}, timeout=None).read()
        except Conflict as error:
            if "already in progress" not in error.message:
                raise
            with contextlib.suppress(NotFound):  # somebody else was quicker, and is done
                self.engine.call("POST", f"{self.path}/wait", query={"condition": "removed"}, timeout=None).read()

    def wait(self, *, timeout: str | float | None = None) -> int:
        """Wait for its end; return the exit code.

        :param timeout: seconds, or ``"1m"``.
        :raises TimedOut: it runs on.
        """
        seconds = None if timeout is None else parse_duration(timeout)
        try:
            return wait(self.engine, self._id, timeout=seconds)
        except TimedOut:
            raise TimedOut(f"container {self.short_id} runs on after {seconds:g} s", hint="stop() or kill() end it") from None

    # who owns it

    def __enter__(self) -> Self:
        """Own it from now on: it ends with the block, or with this process, whichever comes first."""
        if not self.engine.foreign:
            self._client.session.own(self._id)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Kill and remove it, after its ``stop_timeout`` if one was said."""
        try:
            if "StopTimeout" in self.inspect()["Config"]:
                self.stop()
            self.remove(force=True, volumes=True)
        except NotFound:
            pass  # removed inside the block
        except DockerkitError as second:
            if error is None:
                raise
            error.add_note(f"and the container {self.short_id} could not be removed: {second}")
        finally:
            self._client.session.released(self._id)

    @property
    def path(self) -> str:
        """Where the engine's routes for it begin."""
        return f"/containers/{segment(self._id)}"

    def _read(self) -> ContainerInspect:
        return convert(self.inspect(), ContainerInspect)

    def _wished(self) -> ContainerSpec:
        """Return what it was made from, else image and command as the engine has them, for messages."""
        if self._spec is not None:
            return self._spec
        record = self._read()
        return ContainerSpec(record.config.image).command(*filter(None, (record.path, *record.args)))

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same container of the same engine."""
        return isinstance(other, Container) and (self._id, self.engine.url) == (other._id, other.engine.url)

    def __hash__(self) -> int:
        """Agree with :meth:`__eq__`."""
        return hash((self._id, self.engine.url))

    def __repr__(self) -> str:
        """Show the id; contacts nothing."""
        return f"<Container {self.short_id}>"

    def _repr_html_(self) -> str:
        """Show what it is now where HTML is shown."""
        from dockerkit.notebook.views import container_card  # noqa: PLC0415 (only its readers pay for it)

        return container_card(self).html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the same as text where IPython asks."""
        from dockerkit.notebook.views import container_card  # noqa: PLC0415 (only its readers pay for it)

        printer.text(container_card(self).text())


def _address(host: str, port: str) -> Address:
    """Return an address to connect to: one that is bound everywhere is reached on this machine."""
    return Address({"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port or 0))
