"""An engine in the test's own process, and an ear for its events: a test waits for what happens, never for time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dockerkit.daemon.engine.engine import Engine
from dockerkit.schema.container import CreateRequest, HostConfig
from dockerkit.schema.events import EventMessage
from dockerkit.schema.wire import convert

BOTH_SNAPSHOTTERS = pytest.mark.parametrize("engine", ["auto", "copy"], indirect=True)
PATIENCE = 60.0
"""Seconds after which a test that waits for an event gives up; no test that passes takes as long."""


class Ear:
    """Hears all of containers and images from now on; a context manager. What networks tell has tests of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._heard: list[EventMessage] = []
        self._changed = threading.Condition()

    def __enter__(self) -> Ear:
        """Begin to listen."""
        self._subscription = self._engine.events.subscribe(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._subscription.close()

    def _hear(self, event: EventMessage) -> None:
        if event.type in ("container", "image"):
            with self._changed:
                self._heard.append(event)
                self._changed.notify_all()

    def until(self, action: str, times: int = 1) -> list[EventMessage]:
        """Return everything heard, once `action` was heard so many times."""
        with self._changed:
            came = self._changed.wait_for(lambda: self.actions().count(action) >= times, PATIENCE)
        assert came, f"no {action} ({times}): {self.actions()}"
        return self._heard

    def actions(self) -> list[str]:
        """Return what was heard, without what comes after a colon, but for health."""
        return [e.action if e.action.startswith("health") else e.action.partition(":")[0] for e in self._heard]


def create(engine: Engine, name: str, *command: str, host: dict[str, Any] | None = None, **config: Any) -> str:
    """Make a container of busybox in Docker's own words; return its id."""
    request = convert({"Image": "busybox", "Cmd": list(command), **config}, CreateRequest)
    request.host_config = convert({"NetworkMode": "none", **(host or {})}, HostConfig)
    return engine.containers.create(request, name=name).id
