"""What the engine knows of one container, as it is stored."""

from __future__ import annotations

import msgspec
from msgspec import field

from dockerkit.daemon.engine.healthrules import begun, unwatched
from dockerkit.daemon.engine.lifecycle import ACTIVE, ALIVE, Change, Phase, after
from dockerkit.daemon.engine.networks.place import Place
from dockerkit.daemon.engine.volumes.point import Point
from dockerkit.schema.container import ContainerConfig, ContainerState, HostConfig, MountPoint
from dockerkit.schema.network import EndpointSettings, PortBinding
from dockerkit.schema.units import rfc3339
from dockerkit.schema.wire import docker_name


class Record(msgspec.Struct, kw_only=True, frozen=True, rename=docker_name):
    """One container: the merged wish, where it is in its life, and who owns it. A value: a change makes a new one.

    ``created`` is in nanoseconds since 1970; ``image`` is the id of the image, ``config.image`` the name it was asked by.
    ``manually_stopped``: a stop or a kill was asked for since its last start, so that no restart policy applies.
    ``mounts`` are as inspect shows them, ``points`` what a start needs of them; ``drops_volumes``: it is being removed, and its
    anonymous volumes go with it.
    ``endpoints`` are what it asks of its networks (see :attr:`wishes`); ``places``, by network, and ``ports`` what it has of
    them while it runs, in the namespace named ``sandbox``.
    ``snapshotter`` made its root, and knows how it is put together.
    ``stopping``: a stop was asked for, and it has not ended yet: whichever daemon hears of the end tells of the stop with it.
    """

    id: str
    name: str
    created: int
    image: str
    path: str
    args: list[str]
    config: ContainerConfig
    host_config: HostConfig
    state: ContainerState = field(default_factory=ContainerState)
    mounts: list[MountPoint] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    drops_volumes: bool = False
    snapshotter: str = "overlay"
    endpoints: dict[str, EndpointSettings] | None = None
    places: dict[str, Place] = field(default_factory=dict)
    ports: dict[str, list[PortBinding] | None] = field(default_factory=dict)
    sandbox: str = ""
    restart_count: int = 0
    manually_stopped: bool = False
    stopping: bool = False
    session: str = ""
    log_lost: int = 0

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return Phase(self.state.status)

    @property
    def alive(self) -> bool:
        """Whether it has a process: it runs, perhaps paused."""
        return self.phase in ALIVE

    @property
    def active(self) -> bool:
        """Whether Docker calls it running: alive, or about to be restarted by its policy."""
        return self.phase in ACTIVE

    @property
    def owned(self) -> bool:
        """Whether it goes away by itself: removed at its end, or with the session that owns it."""
        return bool(self.session) or self.host_config.auto_remove

    @property
    def wishes(self) -> dict[str, EndpointSettings]:
        """What it asks of each of its networks, by name; of a record from before there were networks, its mode's alone."""
        if self.endpoints is not None:
            return self.endpoints
        mode = self.host_config.network_mode
        return {} if mode.startswith("container:") else {mode: EndpointSettings()}

    def with_state(self, change: Change, **facts: object) -> Record:
        """Return the record after `change`, its state updated with `facts`.

        :raises Conflict: the lifecycle has no such change from here.
        """
        phase = after(self.phase, change, self.id)
        facts |= {"status": phase.value, "running": phase in ACTIVE}
        facts |= {word.value: phase is word for word in (Phase.PAUSED, Phase.RESTARTING, Phase.DEAD)}
        if change is Change.START:
            facts["health"] = begun(self.config, self.state.health)
        elif phase is not Phase.RUNNING:
            facts["health"] = unwatched(self.state.health)
        return msgspec.structs.replace(self, state=msgspec.structs.replace(self.state, **facts))

    def started(self, pid: int, at: int) -> Record:
        """Return the record of the running container: process `pid`, since `at` (ns).

        Its restarts are counted from here, unless it was its restart policy that started it.
        """
        facts = {"pid": pid, "started_at": rfc3339(at), "exit_code": 0, "error": "", "oom_killed": False}
        count = self.restart_count if self.phase is Phase.RESTARTING else 0
        begun = self.with_state(Change.START, **facts)
        return msgspec.structs.replace(begun, manually_stopped=False, stopping=False, restart_count=count)

    def died(
        self, exit_code: int, at: int, *, oom_killed: bool = False, error: str = "", log_lost: int = 0, restart: bool = False
    ) -> Record:
        """Return the record of the container that ended at `at` (ns); with `restart` it awaits its next start."""
        if log_lost and not error:
            error = f"{log_lost} bytes of output could not be logged: the disk was full"
        facts = {"pid": 0, "exit_code": exit_code, "finished_at": rfc3339(at), "oom_killed": oom_killed, "error": error}
        change = Change.AWAIT if restart else Change.DIE
        return msgspec.structs.replace(self.with_state(change, **facts), stopping=False, log_lost=self.log_lost + log_lost)
