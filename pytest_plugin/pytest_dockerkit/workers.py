"""pytest-xdist: what the process that started the workers tells them, and what it ends for them. Unused without xdist."""

from __future__ import annotations

import os
import tempfile
import uuid
from typing import Any

import pytest

from dockerkit.testing.meeting import Run, finish

_FOLDER, _PROCESS = "dockerkit_folder", "dockerkit_process"


class WorkerHooks:
    """Hooks of the controller, registered where xdist is installed."""

    def __init__(self) -> None:
        self._run = Run(os.path.join(tempfile.gettempdir(), f"dockerkit-shared-{uuid.uuid4().hex[:12]}"), os.getpid())

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where all of them meet."""
        node.workerinput[_FOLDER] = self._run.folder
        node.workerinput[_PROCESS] = self._run.process

    def pytest_unconfigure(self) -> None:
        """End what the workers shared; they have ended."""
        finish(self._run)


def run_of(config: pytest.Config) -> Run | None:
    """Return the run of which this process is a worker; None when it is alone."""
    told: dict[str, Any] | None = getattr(config, "workerinput", None)
    if told is None or _FOLDER not in told:
        return None
    return Run(told[_FOLDER], told[_PROCESS])
