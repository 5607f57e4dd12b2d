"""A daemon under load whose parts are killed: the house it lives in, those who work with it, and one who listens.

Nobody here waits for time: workers wait for answers, the killer for work done, the listener for events.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.livedaemon import LiveDaemon, UnixConnection

PATIENCE = 60.0
"""Seconds after which somebody who waits gives up; no test that passes takes as long."""
BROKEN = (OSError, http.client.HTTPException)


class House:
    """One data root, and the daemon that lives there now; another takes its place when it is killed."""

    def __init__(self, root: str) -> None:
        self.root = root
        os.makedirs(f"{root}/run", exist_ok=True)
        pathlib.Path(root, "run", "failpoints").touch()
        self.daemon = LiveDaemon.start(root)
        self.over = False
        self.killed: set[str] = set()
        self._changed = threading.Condition()
        self._generation = 0
        self._done = 0

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, bool]:
        """Ask until a daemon answers; also return whether it was asked more than once."""
        again = False
        while True:
            generation, daemon = self._generation, self.daemon
            try:
                return *daemon.request(method, path, body), again
            except BROKEN:
                again = True
                self.wait_for_another(generation)

    def ask_once(self, method: str, path: str) -> tuple[int, Any]:
        """Ask this daemon only; when it goes over it return 0, once there is another."""
        generation = self._generation
        try:
            return self.daemon.request(method, path)
        except BROKEN:
            self.wait_for_another(generation)
            return 0, None

    @property
    def generation(self) -> int:
        """How many daemons came before this one."""
        return self._generation

    def wait_for_another(self, generation: int) -> None:
        """Wait until another daemon than this one is there."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._generation > generation, PATIENCE), "no daemon came back"

    def worked(self) -> None:
        """Say that something was done."""
        with self._changed:
            self._done += 1
            self._changed.notify_all()

    def wait_for_work(self, amount: int) -> None:
        """Wait until so much more was done."""
        with self._changed:
            goal = self._done + amount
            assert self._changed.wait_for(lambda: self._done >= goal, PATIENCE), "nobody works any more"

    def kill_daemon(self) -> bool:
        """Kill the daemon and have another come; True, as there always is one."""
        self.daemon.crash()
        self.daemon = LiveDaemon.start(self.root)
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
        return True

    def tell(self, failpoint: str) -> None:
        """Have something happen at a named place, e.g. ``engine.commit=kill``."""
        pathlib.Path(self.root, "run", "failpoints").write_text(f"{failpoint}\n")

    def replace_the_dead(self) -> threading.Thread:
        """Have another daemon come once this one has died; returns the thread that waits for that."""
        process = self.daemon.process

        def wait() -> None:
            process.wait()
            if not self.over:
                self.kill_daemon()

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        return waiting

    def kill_shim(self) -> bool:
        """Kill the process that forks keepers; keepers that wait for a container go with it. True if there was one."""
        shims = [child for child in children(self.daemon.process.pid) if b"shim" in command_line(child)]
        for shim in shims:
            signal_process(shim)
        return bool(shims)

    def kill_keeper(self, chance: random.Random) -> bool:
        """Kill the keeper of some container; False if none runs."""
        found = list(pathlib.Path(self.root, "containers").glob("*/keeper.json"))
        for path in chance.sample(found, len(found)):
            try:
                keeper = json.loads(path.read_text())["keeper"]
            except (FileNotFoundError, ValueError, KeyError):  # it ended this moment
                continue
            self.killed.add(path.parent.name)
            signal_process(keeper)
            return True
        return False


def children(pid: int) -> list[int]:
    """Return a process's children."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def command_line(pid: int) -> bytes:
    """Return how a process was called; empty when it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def signal_process(pid: int) -> None:
    """Kill a process of the daemon's; it may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@dataclass
class Told:
    """What a worker knows of one container, to be compared with what the daemon says at the end."""

    name: str
    id: str = ""
    exit_code: int | None = None
    output: str = ""
    runs: bool = False
    removed: bool = False


@dataclass
class Worker:
    """Makes containers, one after the other, and remembers what became of each."""

    house: House
    number: int
    told: list[Told] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        """Get a chance of its own, so that one seed makes one load."""
        self._chance = random.Random(self.number)
        self.thread = threading.Thread(target=self._run, name=f"worker {self.number}", daemon=True)

    def _run(self) -> None:
        try:
            while not self.house.over:
                told = Told(f"w{self.number}-{len(self.told)}")
                self.told.append(told)
                self._live(told)
                self.house.worked()
        except BaseException as error:
            self.error = error

    def _live(self, told: Told) -> None:
        kinds: list[tuple[Callable[[Told], None], int]] = [(self._short, 6), (self._long, 1), (self._self_removing, 2)]
        (kind,) = self._chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        kind(told)

    def _short(self, told: Told) -> None:
        """A container that says something, ends with a code, and is perhaps removed."""
        code = self._chance.randrange(1, 100)
        told.output = f"begin\nend {code}\n"
        if not self.start(told, f"echo begin; echo end {code}; exit {code}"):
            return
        status, answer, _ = self.house.ask("POST", f"/containers/{told.name}/wait")
        assert status == 200, answer
        told.exit_code = code
        if self._chance.random() < 0.6:
            self.remove(told)

    def _long(self, told: Told) -> None:
        told.output = "begin\n"
        told.runs = self.start(told, "echo begin; exec sleep 100000")

    def _self_removing(self, told: Told) -> None:
        if self.start(told, "exit 0", AutoRemove=True):
            status, answer, _ = self.house.ask("POST", f"/containers/{told.name}/wait?condition=removed")
            assert status in (200, 404), answer
        told.removed = True

    def start(self, told: Told, script: str, **host: object) -> bool:
        """Make and start a container, whoever dies meanwhile; False when it could not be, for its keeper was killed."""
        body = {"Image": "busybox", "Cmd": ["sh", "-c", script], "HostConfig": {"NetworkMode": "none", **host}}
        status, answer, again = self.house.ask("POST", f"/containers/create?name={told.name}", body)
        assert status == 201 or (status == 409 and again), answer  # made by a daemon that could not say so any more
        status, found, _ = self.house.ask("GET", f"/containers/{told.name}/json")
        assert status == 200, found
        told.id = found["Id"]
        while found["State"]["StartedAt"].startswith("0001"):
            status, answer = self.house.ask_once("POST", f"/containers/{told.name}/start")
            if status in (204, 304):
                return True
            if status:
                assert told.id in self.house.killed, answer
                return False
            status, found, _ = self.house.ask("GET", f"/containers/{told.name}/json")
            if status == 404:  # it ran, ended and removed itself while nobody could tell
                return False
        return True

    def remove(self, told: Told) -> None:
        """Remove a container, as often as it takes."""
        status, answer, again = self.house.ask("DELETE", f"/containers/{told.name}?force=1")
        assert status == 204 or (status == 404 and again), answer
        told.removed = True


class Listener:
    """Hears every event, whoever is killed: it comes back to each daemon and asks from where it was."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.heard: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def _run(self) -> None:
        try:
            while not self.house.over:
                generation = self.house.generation
                with contextlib.suppress(BROKEN):  # the daemon was killed: the next one is asked
                    self._listen()
                if self.house.over:
                    return
                self.house.wait_for_another(generation)
        except BaseException as error:
            self.error = error

    def _listen(self) -> None:
        last = self.heard[-1]["timeNano"] + 1 if self.heard else 1
        connection = UnixConnection(self.house.daemon.socket)
        connection.request("GET", f"/events?since={last // 10**9}.{last % 10**9:09d}")
        answer = connection.getresponse()
        while line := answer.readline():
            self.heard.append(json.loads(line))
        connection.close()
