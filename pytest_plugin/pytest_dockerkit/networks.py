"""Networks as fixtures: the factory ``network`` for conftest, and ``dk_network`` for a network in a test."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from dockerkit.client.client import Client
from dockerkit.client.network import Network
from dockerkit.client.networks import wished
from dockerkit.errors import DockerkitError
from dockerkit.testing import deferred
from dockerkit.testing.networks import NetworkTenure, OwnedNetwork, ReusedNetwork, SharedNetwork
from pytest_dockerkit.declaration import Declared
from pytest_dockerkit.fixtures import ledger_of
from pytest_dockerkit.lasting import check_shared, lasts, place_of
from pytest_dockerkit.workers import run_of

_WORDS = frozenset(inspect.signature(wished).parameters)


def network(
    name: Any = None,
    *,
    scope: Any = "function",
    params: Sequence[Any] | None = None,
    shared: bool = False,
    reuse: bool = False,
    wrapper: Callable[[Network], Any] | None = None,
    doc: str | None = None,
    **options: Any,
) -> Any:
    """Return a fixture: a network, which goes when its scope ends. Containers are on it by ``network="{net.name}"``.

    :param name: without, one of our choosing, so that many runs and workers are not in each other's way.
    :param options: those of ``networks.create``: ``subnet internal ipv6 driver labels options`` …; texts may have places.
    :param shared: one for all workers of pytest-xdist, as its containers are. Needs ``scope="session"``.
    :param reuse: it stays, as its containers do, and the next run takes it up if the wish is the same.
    :param wrapper: the fixture's value is what this returns for the network.
    :raises TypeError: an unknown word.
    :raises Invalid: ``shared`` in a smaller scope.
    """
    check_shared("network", shared, scope)
    if unknown := sorted(set(options) - _WORDS):
        raise TypeError(f"network() has no {unknown[0]!r}; it has {', '.join(sorted(_WORDS - {'name'}))}")

    def serve(request: pytest.FixtureRequest, needed: Mapping[str, Any]) -> Iterator[Any]:
        __tracebackhide__ = True
        said = deferred.resolved({"name": name, **options}, needed)
        tenure = _tenure(needed["dk_client"], request, shared=shared, reuse=reuse)
        try:
            made = tenure.create(said, request.fixturename or "network")
        except DockerkitError as error:
            raise error.with_traceback(None) from None
        try:
            yield made if wrapper is None else wrapper(made)
        finally:
            tenure.end()

    declared = Declared("network", scope, params, doc or "A network.")
    return declared.fixture(serve, (*deferred.names([name, options]), "dk_client"))


def _tenure(client: Client, request: pytest.FixtureRequest, *, shared: bool, reuse: bool) -> NetworkTenure:
    run = run_of(request.config)
    if lasts(request, reuse=reuse):
        return ReusedNetwork(client, place_of(request))
    keep = ledger_of(request).keep
    return SharedNetwork(client, run, keep=keep) if shared and run is not None else OwnedNetwork(client, keep=keep)


class NetworkFactory:
    """What ``dk_network`` is: call it for a network that goes when the test ends."""

    def __init__(self, client: Client, stack: ExitStack, *, keep: bool) -> None:
        self._client = client
        self._stack = stack
        self._keep = keep

    def __call__(
        self,
        name: str | None = None,
        *,
        subnet: str | None = None,
        gateway: str | None = None,
        ip_range: str | None = None,
        internal: bool = False,
        ipv6: bool = False,
        driver: str = "bridge",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Network:
        """Return a new network; arguments as of ``dockerkit.networks.create``."""
        __tracebackhide__ = True
        said = {"name": name, "subnet": subnet, "gateway": gateway, "ip_range": ip_range, "internal": internal, "ipv6": ipv6}
        tenure = OwnedNetwork(self._client, keep=self._keep)
        try:
            made = tenure.create({**said, "driver": driver, "labels": labels, "options": options}, "dk_network")
        except DockerkitError as error:
            raise error.with_traceback(None) from None
        self._stack.callback(tenure.end)
        return made


@pytest.fixture
def dk_network(request: pytest.FixtureRequest, dk_client: Client) -> Iterator[NetworkFactory]:
    """Make networks: dk_network(name, subnet=..., internal=..., ...); they are removed when the test ends."""
    with ExitStack() as stack:
        yield NetworkFactory(dk_client, stack, keep=ledger_of(request).keep)
