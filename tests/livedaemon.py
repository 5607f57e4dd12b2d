"""A real daemon in a process of its own, for tests."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from dockerkit.schema.endpoint import socket_path
from tests.privatenet import PrivateNetwork, network_of

T = TypeVar("T")
_CHOSEN = ("DOCKERKIT_SNAPSHOTTER",)
"""What whoever runs the tests may choose for all of them: ``DOCKERKIT_SNAPSHOTTER=copy pytest tests/system``."""
PACKAGE_HOME = str(pathlib.Path(__file__).resolve().parent.parent)


@dataclass
class LiveDaemon:
    """A running daemon: its data root, socket and URL."""

    root: str
    process: subprocess.Popen[bytes]
    network: PrivateNetwork | None = None

    @property
    def socket(self) -> str:
        """Path of the API socket."""
        return socket_path(self.root)

    @property
    def url(self) -> str:
        """URL of the API."""
        return f"unix://{self.socket}"

    @classmethod
    def start(cls, root: str, environment: dict[str, str] | None = None, *arguments: str, private: bool = True) -> LiveDaemon:
        """Start a daemon on `root` and return when it is ready; fail with what it said otherwise.

        :param private: in a network namespace of the root's own, from which nothing leads out; False where it has to reach a
            mirror: then its containers must do without networks.
        """
        told, tell = os.pipe()
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": PACKAGE_HOME, "DOCKERKIT_BOOTSTRAP": "always"}
        env |= {name: os.environ[name] for name in _CHOSEN if name in os.environ} | (environment or {})
        command = [sys.executable, "-m", "dockerkit.daemon", "--root", root, "--ready-fd", str(tell), *arguments]
        network = network_of(root) if private and os.geteuid() == 0 else None
        with open(f"{root}/daemon.log", "ab") as log:

            def spawn() -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    command, env=env, cwd="/", pass_fds=(tell,), stdout=log, stderr=log, stdin=subprocess.DEVNULL
                )

            process = network.inside(spawn) if network else spawn()
        os.close(tell)
        with open(told, encoding="utf-8") as answer:
            line = answer.readline()
        if not line or "error" in json.loads(line):
            process.wait(10)
            raise RuntimeError(line or pathlib.Path(f"{root}/daemon.log").read_text())
        return cls(root, process, network)

    def inside(self, act: Callable[[], T]) -> T:
        """Return what `act` returns where the daemon's network is: where published ports are, and bridges."""
        return self.network.inside(act) if self.network else act()

    def stop(self) -> int:
        """Ask the daemon to end, wait for it, and return its exit code; harmless when it ended already."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def crash(self) -> None:
        """Kill the daemon as a crash would."""
        self.process.kill()
        self.process.wait(20)

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request; return the status and the decoded body (bytes when it is not one JSON document)."""
        connection = UnixConnection(self.socket)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, _decoded(data)
        finally:
            connection.close()

    def bootstrap(self, name: str) -> None:
        """Make an image from what the host has."""
        status, data = self.request("POST", "/dockerkit/v1/images/bootstrap", {"Name": name})
        assert status == 200, data
        assert b'"error"' not in data, data


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket, by the standard library alone: nothing of ours is between a test and the daemon."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
