"""A core without containers behind it: a real state on disk, a clock that is told to go, a pool that works at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pretendclock import PretendClock

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.state.database import Database
from dockerkit.schema.container import ContainerConfig, HealthConfig, HostConfig, RestartPolicy

BIRTH = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


class Pool:
    """Does at once what it is given."""

    def submit(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Do it, in the caller's thread."""
        action(*arguments)


class PretendKeeper:
    """A keeper that is gone when it is said to be."""

    def __init__(self) -> None:
        self.gone: Future[None] = Future()
        self.signals: list[int] = []
        self.pid, self.started_at = 42, BIRTH

    def release(self) -> None:
        """Hear that nobody waits for unread output."""

    def kill(self, number: int) -> None:
        """Keep the signal."""
        self.signals.append(number)


class PretendRuntime:
    """Adopts what the test put into ``found``."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def adopt(self, id: str, directory: str) -> Any:
        """Return what the test says was found."""
        return self.found.get(id)


class NoImages:
    """Has none."""

    def let_go(self, id: str, used_by: Callable[[str], list[str]]) -> None:
        """Have nothing to let go."""


def pretend_core(root: str, clock: PretendClock) -> Core:
    """Return a core on `root` whose timers go by `clock`."""
    return Core(root, Database(f"{root}/state.db"), NoImages(), PretendRuntime(), Pool(), None, timers=clock.timers)  # type: ignore[arg-type]


def add(core: Core, name: str = "x", *, policy: RestartPolicy | None = None, health: HealthConfig | None = None) -> Entry:
    """Make a container that is known and was written down."""
    config = ContainerConfig(image="busybox", **({"healthcheck": health} if health else {}))
    host = HostConfig(restart_policy=policy or RestartPolicy())
    record = Record(id=name * 64, name=name, created=1, image="sha256:1", path="sh", args=[], config=config, host_config=host)
    entry = Entry(record)
    core.commit(entry, record, Happening("create"))
    core.entries.add(entry)
    return entry


def run(core: Core, entry: Entry, at: int = BIRTH) -> None:
    """Have a container run since `at`."""
    entry.keeper = PretendKeeper()  # type: ignore[assignment]
    core.commit(entry, entry.record.started(42, at), Happening("start"))


def actions(core: Core) -> list[str]:
    """Return what happened, oldest first."""
    return [event.action for event in core.events.history()]
