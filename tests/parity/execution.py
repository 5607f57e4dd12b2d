"""One further process in a container, asked for over the Engine API."""

from __future__ import annotations

from typing import Any

from tests.parity.engines import Box
from tests.parity.wire import Answer, Stream

OUTPUT = {"AttachStdout": True, "AttachStderr": True}
EVERYTHING = {"AttachStdin": True, **OUTPUT}


class Execution:
    """An exec that was created.

    :param config: body of ``POST /containers/{id}/exec`` besides ``Cmd``; output is attached unless it says otherwise.
    """

    def __init__(self, box: Box, container: str, *command: str, **config: Any) -> None:
        self._api = box.api
        answer = box.post(container, "exec", {"Cmd": list(command), **OUTPUT, **config})
        assert answer.status == 201, answer
        self.id = str(answer.json["Id"])
        self.tty = bool(config.get("Tty"))

    def start(self, **body: Any) -> Stream:
        """Start it over an upgraded connection."""
        return self._api.hijack(f"/exec/{self.id}/start", {"Detach": False, "Tty": self.tty, **body})

    def detached(self) -> Answer:
        """Start it in the background."""
        return self._api.post(f"/exec/{self.id}/start", {"Detach": True, "Tty": self.tty})

    def output(self, **body: Any) -> bytes:
        """Run it to its end; return the raw bytes of the connection."""
        with self.start(**body) as stream:
            assert stream.status == 101
            return stream.read()

    def inspect(self) -> dict[str, Any]:
        """Return its inspect document."""
        answer = self._api.get(f"/exec/{self.id}/json")
        assert answer.status == 200, answer
        return dict(answer.json)

    def code(self) -> int | None:
        """Return its exit code; None while it runs."""
        found: int | None = self.inspect()["ExitCode"]
        return found

    def resize(self, **query: Any) -> Answer:
        """Set the size of its terminal."""
        return self._api.post(f"/exec/{self.id}/resize", **query)
