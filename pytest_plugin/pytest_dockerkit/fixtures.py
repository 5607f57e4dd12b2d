"""The fixtures that are there without a word in conftest: ``dk_client`` and ``dk_container``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Unpack

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.options import ContainerOptions
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import DockerkitError
from dockerkit.testing.ledger import Ledger, User
from dockerkit.testing.processes import sweep
from dockerkit.testing.tenure import Owned
from dockerkit.testing.wanted import said
from pytest_dockerkit.options import LEDGER

if TYPE_CHECKING:
    from dockerkit.client.images import Image

_PARAM_SHOWN = 40


@pytest.fixture(scope="session")
def dk_client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of the engine: that of --dk-host, else of DOCKERKIT_HOST, DOCKER_HOST, else our own daemon, started when needed.

    Override it in conftest for another engine; the factories follow.
    """
    __tracebackhide__ = True
    url = request.config.getoption("--dk-host")
    try:
        client = dockerkit.connect(url)
    except DockerkitError as error:
        raise _no_engine(error, url) from None
    with client:
        if client.engine.foreign:
            sweep(client)
        yield client


def _no_engine(error: DockerkitError, url: str | None) -> DockerkitError:
    where = f"of --dk-host {url}" if url else "(DOCKERKIT_HOST, DOCKER_HOST, else our own daemon)"
    hint = f"{error.hint}; --dk-host URL names one, too" if error.hint else "start one, or name one: --dk-host URL"
    return type(error)(f"the tests need an engine, and the one {where} cannot be used: {error.message}", hint=hint)


class ContainerFactory:
    """What ``dk_container`` is: call it for a started container that goes when the test ends."""

    def __init__(self, client: Client, ledger: Ledger, user: User, stack: ExitStack) -> None:
        self._client = client
        self._ledger = ledger
        self._user = user
        self._stack = stack

    def __call__(self, image: str | Image | ContainerSpec, *command: str, **options: Unpack[ContainerOptions]) -> Container:
        """Start a container and return it when it is ready; arguments as of ``dockerkit.start``, or a wish and more words.

        :raises ContainerFailed: its program cannot be started (126, 127).
        :raises NotReady: it did not get ready.
        """
        __tracebackhide__ = True
        spec = said(self._client, image, command, options)
        try:
            lease = self._ledger.begin(Owned(self._client, keep=self._ledger.keep), spec, self._user)
        except DockerkitError as error:
            raise error.with_traceback(None) from None
        self._stack.callback(self._ledger.end, lease)
        return lease.container


@pytest.fixture
def dk_container(request: pytest.FixtureRequest, dk_client: Client) -> Iterator[ContainerFactory]:
    """Start containers: dk_container(image, *command, **words); they are killed and removed when the test ends."""
    user = User(request.fixturename or "dk_container", request.node, request.node.nodeid)
    with ExitStack() as stack:
        yield ContainerFactory(dk_client, ledger_of(request), user, stack)


def ledger_of(request: pytest.FixtureRequest) -> Ledger:
    """Return the ledger of this process."""
    return request.config.stash[LEDGER]


def user_of(request: Any) -> User:
    """Return for whom a fixture is set up; one with parameters is called with its present one, or its number."""
    shown = request.fixturename
    if hasattr(request, "param"):
        plain = isinstance(request.param, (str, int, float)) and len(str(request.param)) <= _PARAM_SHOWN
        shown += f"[{request.param if plain else request.param_index}]"
    return User(request.fixturename, request.node, request.node.nodeid, shown)
