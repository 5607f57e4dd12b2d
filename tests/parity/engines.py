"""The two engines every parity test is run on, and a box of containers that is emptied after each test."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import Any

from tests.parity.wire import Answer, Api, Stream, frames, joined

NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class EngineUnderTest:
    """One running engine.

    :param version: the newest API version it speaks; requests carry it.
    """

    name: str
    socket: str
    version: str

    @property
    def url(self) -> str:
        """URL of its socket."""
        return f"unix://{self.socket}"

    @property
    def ours(self) -> bool:
        """Whether this is dockerkit, which speaks like moby 28."""
        return self.name == "ours"

    @property
    def api(self) -> Api:
        """Requests at its newest version."""
        return Api(self.socket, f"v{self.version}")

    @property
    def unversioned(self) -> Api:
        """Requests without a version in the path."""
        return Api(self.socket, "")


@dataclass(frozen=True)
class Ended:
    """A container that ran to its end, and its output as the log has it."""

    id: str
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines of standard output."""
        return self.out.splitlines()


class Box:
    """Makes containers on one engine and removes them all at the end."""

    def __init__(self, engine: EngineUnderTest) -> None:
        self.engine = engine
        self.api = engine.api
        self._made: list[str] = []

    def ask(
        self, command: list[str] | None = None, *, host: Any = None, name: str = "", platform: str = "", **config: Any
    ) -> Answer:
        """POST a create request for busybox without network; remember what it made."""
        body = {"Image": "busybox", "Cmd": command, **config, "HostConfig": {"NetworkMode": "none", **(host or {})}}
        query = {key: value for key, value in (("name", name), ("platform", platform)) if value}
        answer = self.api.post("/containers/create", body, **query)
        if answer.status == 201:
            self._made.append(answer.json["Id"])
        return answer

    def create(self, *command: str, **rest: Any) -> str:
        """Make a container and return its id."""
        answer = self.ask(list(command) or None, **rest)
        assert answer.status == 201, answer
        return str(answer.json["Id"])

    def start(self, id: str) -> None:
        """Start, and insist that it started."""
        answer = self.api.post(f"/containers/{id}/start")
        assert answer.status == 204, answer

    def up(self, *command: str, **rest: Any) -> str:
        """Make and start a container; return its id."""
        id = self.create(*command, **rest)
        self.start(id)
        return id

    def run(self, *command: str, **rest: Any) -> Ended:
        """Run to the end; output is what the log holds."""
        id = self.up(*command, **rest)
        code = self.wait(id)
        body = self.logs(id, stdout=1, stderr=1)
        if rest.get("Tty"):
            return Ended(id, code, body.decode(), "")
        return Ended(id, code, joined(body, 1).decode(errors="replace"), joined(body, 2).decode(errors="replace"))

    def sh(self, script: str, **rest: Any) -> Ended:
        """Run a shell script to its end."""
        return self.run("sh", "-c", script, **rest)

    def run_without_log(self, *command: str) -> str:
        """Run to the end with the log driver ``none``."""
        id = self.up(*command, host={"LogConfig": {"Type": "none"}})
        self.wait(id)
        return id

    def ready(self, script: str, **rest: Any) -> str:
        """Start a shell script that prints ``ready`` and return once it did."""
        id = self.create("sh", "-c", script, **rest)
        with self.attach(id, stdout=1) as stream:
            self.start(id)
            stream.read_until(b"ready")
        return id

    def wait(self, id: str, **query: Any) -> int:
        """Return the exit code when it is there."""
        answer = self.api.post(f"/containers/{id}/wait", **query)
        assert answer.status == 200, answer
        return int(answer.json["StatusCode"])

    def waiting(self, id: str, **query: Any) -> Pending:
        """Begin to wait; return once the engine has accepted."""
        return Pending(Stream.post(self.api, f"/containers/{id}/wait", **query))

    def inspect(self, id: str) -> dict[str, Any]:
        """Return the inspect document."""
        answer = self.api.get(f"/containers/{id}/json")
        assert answer.status == 200, answer
        return dict(answer.json)

    def state(self, id: str) -> dict[str, Any]:
        """Return the state."""
        return dict(self.inspect(id)["State"])

    def row(self, id: str) -> dict[str, Any]:
        """Return its row in the list."""
        rows = self.api.get("/containers/json", all=1, filters={"id": [id]}).json
        assert len(rows) == 1, rows
        return dict(rows[0])

    def ids(self, all: int = 1, **filters: list[str]) -> list[str]:
        """Return the ids a filtered list shows, in its order, among those made here."""
        answer = self.api.get("/containers/json", all=all, filters=filters)
        assert answer.status == 200, answer
        return [row["Id"] for row in answer.json if row["Id"] in self._made]

    def logs(self, id: str, **query: Any) -> bytes:
        """Return the raw bytes of the log."""
        answer = self.api.get(f"/containers/{id}/logs", **query)
        assert answer.status == 200, answer
        return answer.body

    def lines(self, id: str, **query: Any) -> list[bytes]:
        """Return the payload of each frame of the log."""
        return [payload for _, payload in frames(self.logs(id, **query))]

    def attach(self, id: str, **query: Any) -> Stream:
        """Attach over an upgraded connection."""
        return self.api.hijack(f"/containers/{id}/attach", stream=1, **query)

    def post(self, id: str, verb: str, body: Any = None, **query: Any) -> Answer:
        """POST one of a container's verbs."""
        return self.api.post(f"/containers/{id}/{verb}", body, **query)

    def did(self, id: str, verb: str, body: Any = None, **query: Any) -> None:
        """POST one of a container's verbs, and insist that it was done."""
        answer = self.post(id, verb, body, **query)
        assert answer.status in (200, 201, 204), answer

    def remove(self, id: str, **query: Any) -> Answer:
        """DELETE."""
        return self.api.delete(f"/containers/{id}", **query)

    def empty(self) -> None:
        """Remove everything made here, by force."""
        for id in self._made:
            with contextlib.suppress(
                TimeoutError
            ):  # the test that caused it has failed already; the next removals must still happen
                self.remove(id, force=1, v=1)


def alike(answer: Answer, status: int, words: str) -> bool:
    """Whether an answer has this status and this message; the case of letters is not compared: moby 28 begins in lower case."""
    found = (answer.status, answer.message.lower())
    assert found == (status, words.lower())
    return True


class Pending:
    """A wait that was accepted and has not been answered yet."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.status = stream.status

    def code(self) -> int:
        """Block until the container's exit code comes."""
        with self._stream as stream:
            text = stream.read_until(b"}").decode()
        match = re.search(r"\{.*\}", text)
        assert match, text
        return int(json.loads(match[0])["StatusCode"])
