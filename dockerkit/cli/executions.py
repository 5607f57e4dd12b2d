"""What ``exec`` asks the engine for: the client's wish, and the size that the program's terminal has from its birth."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dockerkit.cli import terminal
from dockerkit.cli.refusals import Failure
from dockerkit.cli.variables import environment
from dockerkit.client.execution import Wanted
from dockerkit.errors import Invalid


@dataclass(frozen=True)
class Sized(Wanted):
    """A further program whose terminal is as big as ours when it begins; told later, it might have asked already."""

    size: tuple[int, int] | None = None

    def body(self, **said: Any) -> dict[str, Any]:
        """Return the body of ``POST /containers/{id}/exec``."""
        size = {"ConsoleSize": list(self.size)} if self.tty and self.size else {}
        return {**super().body(**said), **size}


def wanted_of(command: tuple[str, ...], said: Mapping[str, Any]) -> Wanted:
    """Return the wish of a command line.

    :raises Failure: a variable without a name.
    """
    try:
        variables = environment(said["env"], said["env_file"])
    except Invalid as error:
        raise Failure(error.message, code=125) from None
    size = terminal.size(sys.stdout.fileno()) if said["tty"] else None
    return Sized(command, variables, said["user"], said["workdir"], said["tty"], said["privileged"], size)
