"""``%%container [options] IMAGE`` and ``%%exec NAME``: the cell is a program, fed to an interpreter, its output shown at once.

What ``%%container`` runs is owned: killed and removed at its end, with Ctrl-C, and with the kernel. A program that fails stops
the notebook, unless the cell forbids that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dockerkit.cli.completion import container_names, image_names
from dockerkit.client.completed import Completed
from dockerkit.client.execution import Wanted as Program
from dockerkit.client.execution import execute
from dockerkit.client.images import is_missing
from dockerkit.client.run import run
from dockerkit.client.streams import Tell
from dockerkit.errors import NotFound
from dockerkit.notebook import flags
from dockerkit.notebook.interpreters import Reader, reader
from dockerkit.notebook.live import Screen, Told
from dockerkit.notebook.magic import Magic, client, docker_context
from dockerkit.schema.units import parse_duration

OURS = (
    click.Option(["--out"], metavar="NAME", help="Keep the result (exit code, output) under this name."),
    click.Option(["--no-raise-error"], is_flag=True, help="Go on when the program fails."),
    click.Option(["--timeout"], metavar="TIME", help="Kill it after this time: seconds, or 1m30s."),
)
_OURS = frozenset({"out", "no_raise_error", "timeout"})
Live = Callable[[Tell, float | None], Completed]


class Cell(Magic):
    """A magic whose cell is a program."""

    kind = "cell"
    like: str
    """Whose flags the line takes."""
    subject: str
    """What the line names."""

    @classmethod
    def command(cls) -> click.Command:
        """Return what reads the line."""
        params = [*OURS, *flags.options(cls.like), click.Argument([cls.subject], shell_complete=cls.names)]
        return click.Command(cls.name, params=params, help=cls.__doc__)

    @staticmethod
    def names(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        """Return what the line may name."""
        raise NotImplementedError

    def act(self, said: list[str], cell: str) -> None:
        """Run the cell as a program, and show its output as it comes."""
        with docker_context() as root, self.command().make_context(f"%%{self.name}", said, parent=root) as ctx:
            flags.check_no_terminal(ctx.params, instead="leave it out: the cell is the program's input")
            ours = {name: ctx.params.pop(name) for name in _OURS}
            self.show(ours, self.program(ctx.params, cell))

    def program(self, said: dict[str, Any], cell: str) -> Live:
        """Return what runs the cell; it is told who shows output, and how long it may take."""
        raise NotImplementedError

    def show(self, ours: dict[str, Any], program: Live) -> None:
        """Run, show output as it comes, keep the result where the line wants it; a failure stops the notebook."""
        screen = Screen()
        try:
            completed = program(screen.tell, _seconds(ours["timeout"]))
        finally:
            screen.end()
        if ours["out"]:
            self.shell.user_ns[ours["out"]] = Told.of(completed)
        if not ours["no_raise_error"]:
            completed.check()


class ContainerCell(Cell):
    """Run the cell in a new container of IMAGE, and show its output as it comes. The container is removed.

    The cell is read by the interpreter of its #! line, else by the image's command when that is one, else by sh.
    """

    name = "container"
    like = "create"
    subject = "image"

    @staticmethod
    def names(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        """Return the images that are here."""
        return image_names(ctx, parameter, begun)

    def program(self, said: dict[str, Any], cell: str) -> Live:
        """Return the run of a container."""
        from dockerkit.cli.create import Wanted  # noqa: PLC0415

        who = _reader(said["image"], cell)
        wanted = Wanted(said.pop("image"), who.command, said)
        request = wanted.request(attached=("stdin", "stdout", "stderr"))
        if who.alone and not said["entrypoint"]:
            request.entrypoint = []
        here = client()
        return lambda tell, timeout: run(
            here.engine, here.session, wanted.spec, input=cell, check=False, timeout=timeout, tell=tell, request=request
        )


class ExecCell(Cell):
    """Run the cell in a container that runs already, and show its output as it comes.

    The cell is read by the interpreter of its #! line, else by the image's command when that is one, else by sh.
    """

    name = "exec"
    like = "exec"
    subject = "container"

    @staticmethod
    def names(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        """Return the containers that run."""
        return container_names(running=True)(ctx, parameter, begun)

    def program(self, said: dict[str, Any], cell: str) -> Live:
        """Return the run of a program inside."""
        from dockerkit.cli.variables import environment  # noqa: PLC0415

        container = client().containers.get(said["container"])
        image = client().images.get(container.inspect()["Image"]).inspect()
        who = reader(cell, (), image["Config"].get("Cmd"))
        variables = environment(said["env"], said["env_file"])
        program = Program(who.command, variables, said["user"], said["workdir"], privileged=said["privileged"])
        return lambda tell, timeout: execute(
            container.engine, container.id, program, input=cell, timeout=timeout, check=False, tell=tell
        )


def _seconds(time: str | None) -> float | None:
    return None if time is None else float(time) if time.replace(".", "", 1).isdecimal() else parse_duration(time)


def _reader(image: str, cell: str) -> Reader:
    """Return who reads the cell in a container of `image`, which is obtained when missing."""
    here = client()
    try:
        found = here.images.get(image)
    except NotFound as error:
        if not is_missing(error):
            raise
        found = here.pull(image)
    config = found.inspect()["Config"]
    return reader(cell, config.get("Entrypoint"), config.get("Cmd"))
