"""``apt-get`` and ``pip`` in a container on the default bridge reach the mirrors that the host can reach.

The daemon is in the machine's own network here, for only that has a way out. What it switched on there is switched back, and
the fixture looks whether anything else of it stayed.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.daemon.networks.firewall.switches import FORWARDING
from tests.leftovers import left_behind
from tests.livedaemon import LiveDaemon

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SWITCHES = [pathlib.Path(f"/proc/sys/net/{name}") for name in FORWARDING.values()]
PACKAGE, WHEEL = "bc", "iniconfig"


@pytest.fixture(scope="module")
def abroad(daemon_factory: Callable[..., LiveDaemon], server_packages: str) -> Iterator[Client]:
    """A client of a daemon that has a way out; afterwards the machine's network is as it was."""
    before = {path: path.read_text() for path in SWITCHES if path.exists()}
    daemon = daemon_factory(private=False, DOCKERKIT_CACHE=server_packages)
    try:
        with dockerkit.connect(daemon.url) as client:
            try:
                client.images.bootstrap("python:3")
            except (dockerkit.errors.Unavailable, dockerkit.errors.Unsupported) as error:
                pytest.skip(f"no packages of the distribution here: {error}")
            yield client
            for container in client.containers.list(all=True):
                container.remove(force=True)
    finally:
        daemon.stop()
        for path, value in before.items():
            path.write_text(value)
    assert not [line for line in left_behind([daemon.root]) if not line.startswith("file:")]


def test_apt_get_updates_and_installs(abroad: Client) -> None:
    script = f"apt-get update && apt-get install -y --no-install-recommends {PACKAGE} && echo 6*7 | bc"
    box = abroad.container("python:3", "sh", "-ec", script)
    if pathlib.Path(CERTIFICATES).exists():
        box = box.bind(CERTIFICATES, CERTIFICATES, read_only=True)
    done = box.run()
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "42"), f"{done.stdout}{done.stderr}"


def test_pip_downloads_and_installs_a_wheel(abroad: Client, tmp_path: pathlib.Path) -> None:
    trust = {"PIP_CERT": CERTIFICATES} if pathlib.Path(CERTIFICATES).exists() else {}
    words = ["-m", "pip", "--no-cache-dir", "--disable-pip-version-check", "download", "-q", "--no-deps", WHEEL]
    host = subprocess.run(
        [sys.executable, *words, "-d", str(tmp_path)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **trust},
        capture_output=True,
        text=True,
        check=False,
    )
    if host.returncode != 0:
        pytest.skip(f"the host itself gets no wheel: {host.stderr.splitlines()[-1:]}")
    script = (
        f"pip download -q --no-deps -d /tmp/w {WHEEL} && pip install -q --no-deps --target /tmp/t {WHEEL} && "
        f"PYTHONPATH=/tmp/t python3 -c 'import {WHEEL}; print({WHEEL}.__name__)'"
    )
    box = abroad.container("python:3", "sh", "-ec", script, env=trust)
    for path in trust.values():
        box = box.bind(path, path, read_only=True)
    done = box.run()
    assert (done.exit_code, done.stdout) == (0, f"{WHEEL}\n"), done.stderr


def test_on_a_network_of_one_s_own_the_name_server_asks_outside(abroad: Client) -> None:
    with abroad.networks.create("shop") as net:
        done = abroad.container("python:3", "apt-get", "update").network(net).run()
        assert done.exit_code == 0, done.stderr
        assert "Failed to fetch" not in done.stderr
    with abroad.networks.create("inner", internal=True) as net:
        done = abroad.container("python:3", "apt-get", "update").network(net).run()
        assert "Temporary failure resolving" in done.stderr
