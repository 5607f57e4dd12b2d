"""A program that is killed in the middle of a ``start()`` leaves nothing; what ``start()`` has returned outlives it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

import dockerkit as dk

pytestmark = pytest.mark.system
PREPARING = """
import dockerkit as dk, time
client = dk.connect({url!r})
def prepared(container):
    print(container.id, flush=True)
    time.sleep(60)
client.start("busybox", "sleep", "600", network="none", volume="/data", ready=prepared)
"""
STARTED = """
import dockerkit as dk, time
client = dk.connect({url!r})
bare = client.start("busybox", "sleep", "600", network="none")
network, volume = client.networks.create(), client.volumes.create()
with client.volumes.create("found"):
    client.volumes.create("found")  # finds it, and does not let it go
    with client.start("busybox", "sleep", "600", network="none", volume="found:/data") as owned:
        print(bare.id, network.name, volume.name, owned.id, flush=True)
        time.sleep(60)
"""


@pytest.fixture
def killed_after(client: dk.Client) -> Iterator[object]:
    """Run a program until it says something, then kill it; return what it said."""

    def run(program: str) -> list[str]:
        asked = [sys.executable, "-c", program.format(url=client.url)]
        with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = process.stdout.readline().split()
            process.kill()
        return said

    yield run


def gone(client: dk.Client, container: str) -> None:
    """Return when the engine has removed it."""
    with contextlib.suppress(dk.errors.NotFound):
        client.engine.call("POST", f"/containers/{container}/wait", query={"condition": "removed"}, timeout=30).read()


def test_killed_while_it_waits_for_readiness_leaves_nothing(client, killed_after):
    volumes = {volume.name for volume in client.volumes.list()}
    (being_made,) = killed_after(PREPARING)
    gone(client, being_made)
    assert being_made not in client.containers
    assert {volume.name for volume in client.volumes.list()} == volumes


def test_what_start_and_create_have_returned_outlives_a_killed_program(client, killed_after):
    bare, network, volume, owned = killed_after(STARTED)
    gone(client, owned)
    assert client.containers[bare].status == "running"
    assert network in client.networks
    assert volume in client.volumes
    assert "found" not in client.volumes
    client.containers[bare].remove(force=True)
    client.networks[network].remove()
    client.volumes[volume].remove()


def test_a_bare_start_keeps_its_files_through_a_power_cut(client, live_daemon):
    """An owned container's overlay is volatile: it is never synced. That of one which outlives its program must not be."""
    with client.start("busybox", "sleep", "600", network="none") as box, open(f"/proc/{box.pid}/mounts") as file:
        assert "volatile" not in file.readline()
