"""One daemon and one base system for all tests of bootstrapped systems; packages are downloaded once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator

import pytest

from dockerkit.client.client import Client
from tests.livedaemon import LiveDaemon


@pytest.fixture(scope="session")
def package_cache() -> Iterator[str]:
    """Where packages are kept: of the whole machine if it says so, else of this session."""
    if os.environ.get("DOCKERKIT_CACHE"):
        yield os.environ["DOCKERKIT_CACHE"]
        return
    with tempfile.TemporaryDirectory(prefix="dkt-cache-") as made:
        yield made


@pytest.fixture(scope="session")
def maker(daemon_factory: Callable[..., LiveDaemon], package_cache: str) -> LiveDaemon:
    """A daemon with a minimal system of the distribution; skips, with the reason, where its packages cannot be had."""
    import dockerkit

    daemon = daemon_factory(private=False, DOCKERKIT_CACHE=package_cache)
    with dockerkit.connect(daemon.url) as client:
        try:
            client.images.bootstrap(_system())
        except (dockerkit.errors.Unavailable, dockerkit.errors.Unsupported) as error:
            pytest.skip(f"no packages of the distribution here: {error}")
    return daemon


@pytest.fixture
def dk(maker: LiveDaemon) -> Iterator[Client]:
    """A client of that daemon; the test leaves it without containers."""
    import dockerkit

    with dockerkit.connect(maker.url) as client:
        yield client
        for container in client.containers.list(all=True):
            container.remove(force=True)


def _system() -> str:
    from dockerkit.daemon.images.bootstrap.distribution import this_distribution

    found = this_distribution()
    if not found.id:
        pytest.skip("this host is of no distribution whose packages can be read")
    return "ubuntu" if found.id == "ubuntu" else "debian:latest-slim"


@pytest.fixture(scope="session")
def system_image() -> str:
    """The name of the minimal system."""
    return _system()
