"""The command line: which engine, what is kept, what is used again, where logs go. Contacts nothing."""

from __future__ import annotations

import os

import pytest

from dockerkit.client import default
from dockerkit.client.endpoint import resolve
from dockerkit.errors import DockerkitError
from dockerkit.testing.ledger import Ledger
from pytest_dockerkit.workers import WorkerHooks

LEDGER = pytest.StashKey[Ledger]()
"""Where a run's ledger is, in ``config.stash``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("dockerkit", "containers as fixtures (dockerkit)")
    group.addoption(
        "--dk-host",
        metavar="URL",
        help="the engine: unix:///path, tcp://host:port, or docker for the active docker context; also that of dk.run and its"
        " like. Without it: DOCKERKIT_HOST, DOCKER_HOST, else our own daemon, started when needed.",
    )
    group.addoption(
        "--dk-keep", action="store_true", help="leave the containers that failed tests used, and print how to enter them"
    )
    group.addoption(
        "--dk-reuse",
        action="store_true",
        help="leave the containers of session fixtures for the next run, which takes them up again if their wish is the same",
    )
    group.addoption("--dk-logs", metavar="DIR", help="write what each container wrote to a file of its own in this folder")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the engine and begin a ledger.

    :raises pytest.UsageError: --dk-host names no engine that can be.
    """
    url = config.getoption("--dk-host")
    if url:
        try:
            resolve(url)
        except DockerkitError as error:
            raise pytest.UsageError(f"--dk-host: {error}") from None
        default.use(url)
    logs = config.getoption("--dk-logs")
    folder = os.path.join(config.invocation_params.dir, logs) if logs else None
    config.stash[LEDGER] = Ledger(keep=config.getoption("--dk-keep"), logs=folder)
    if config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerHooks(), "dockerkit workers")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give the default client back to the environment."""
    if config.getoption("--dk-host"):
        default.use(None)
