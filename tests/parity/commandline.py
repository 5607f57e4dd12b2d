"""The real docker command line, pointed at one engine: run to its end, on a terminal, or watched while it runs."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parity.engines import EngineUnderTest


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


class Docker:
    """The docker command line with one engine behind it and a configuration of its own."""

    def __init__(self, program: str, engine: EngineUnderTest, home: Path) -> None:
        self.engine = engine
        self._program = program
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DOCKER_HOST": engine.url,
            "DOCKER_CLI_HINTS": "false",
        }

    def __call__(self, *arguments: str, input: bytes | None = None) -> Said:
        """Run it to its end."""
        done = subprocess.run(
            [self._program, *arguments],
            check=False,
            env=self._environment,
            input=b"" if input is None else input,
            capture_output=True,
            timeout=60,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(self, *arguments: str, input: bytes | None = None) -> Said:
        """``docker run --rm --network none …``."""
        return self("run", "--rm", "--network", "none", *arguments, input=input)

    def watched(self, *arguments: str) -> Watched:
        """Start it and read what it prints as it comes."""
        return Watched([self._program, *arguments], self._environment)

    def on_terminal(self, *arguments: str) -> Any:
        """Start it on a terminal of its own: a ``pexpect.spawn`` of 100 columns and 30 rows."""
        import pexpect

        environment = {**self._environment, "TERM": "xterm"}
        return pexpect.spawn(self._program, [*arguments], env=environment, timeout=20, dimensions=(30, 100), encoding="utf-8")


class Watched:
    """A command that goes on; a context manager that ends it.

    :param command: program and arguments.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __enter__(self) -> Watched:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        """Return the next line, without its end.

        :raises EOFError: it ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"ended with {self._process.wait()}")
        return line.rstrip("\n")

    def until(self, pattern: str) -> str:
        """Return the first line in which the pattern is found."""
        while not re.search(pattern, line := self.line()):
            pass
        return line

    def rest(self) -> str:
        """Return what it prints until it ends by itself."""
        assert self._process.stdout is not None
        return self._process.stdout.read()

    def code(self) -> int:
        """Return its exit code when it has ended by itself."""
        return self._process.wait(30)
