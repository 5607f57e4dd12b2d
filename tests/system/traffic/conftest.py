"""One daemon with images of real servers, in a network of its own; made once for all tests of traffic."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator

import pytest

from dockerkit.client.client import Client
from tests.livedaemon import LiveDaemon

SERVERS = ("redis", "nginx", "postgres")


@pytest.fixture(scope="session")
def server_packages() -> Iterator[str]:
    """Where packages are kept: of the whole machine if it says so, else of this session."""
    if os.environ.get("DOCKERKIT_CACHE"):
        yield os.environ["DOCKERKIT_CACHE"]
        return
    with tempfile.TemporaryDirectory(prefix="dkt-cache-") as made:
        yield made


@pytest.fixture(scope="session")
def servers_root(new_root: Callable[[], str], daemon_factory: Callable[..., LiveDaemon], server_packages: str) -> str:
    """A data root with the images; the daemon that made them reached a mirror, those that follow need none."""
    import dockerkit

    daemon = daemon_factory(new_root(), private=False, DOCKERKIT_CACHE=server_packages)
    with dockerkit.connect(daemon.url) as client:
        try:
            for name in ("busybox", *SERVERS):
                client.images.bootstrap(name)
        except (dockerkit.errors.Unavailable, dockerkit.errors.Unsupported) as error:
            pytest.skip(f"no packages of the distribution here: {error}")
        finally:
            daemon.stop()
    return daemon.root


@pytest.fixture(scope="session")
def servers(servers_root: str, daemon_factory: Callable[..., LiveDaemon]) -> LiveDaemon:
    """The daemon with the images, in a network of its own. It may be crashed, if it is started again."""
    return daemon_factory(servers_root)


@pytest.fixture
def dk(servers: LiveDaemon) -> Iterator[Client]:
    """A client of that daemon; the test leaves it without containers and networks."""
    import dockerkit

    with dockerkit.connect(servers.url) as client:
        yield client
        for container in client.containers.list(all=True):
            container.remove(force=True, volumes=True)
        client.networks.prune()
