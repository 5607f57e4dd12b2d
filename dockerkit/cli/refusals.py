"""How an error is said, and how the program exits then: Docker's words and codes. Never decides what is an error."""

from __future__ import annotations

from typing import IO, Any

import click

from dockerkit import errors
from dockerkit.errors import DockerkitError

WRONG_FLAG = 125
"""Docker's exit code for flags that cannot be read, and for a container that the engine did not make."""
WRONG_TEMPLATE = 64
_OURS = (errors.Unavailable, errors.Unsupported, errors.TimedOut, errors.Cancelled)
_ENGINE = "Error response from daemon: "


class Refused(click.ClickException):
    """The command line itself is wrong; shown with the command's usage."""

    def __init__(self, ctx: click.Context, message: str, *, code: int, usage: bool = True) -> None:
        super().__init__(message)
        self.ctx = ctx
        self.code = code
        self.usage = usage

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The code of the program's exit, which click asks for."""
        return self.code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print message, usage and the next step on standard error."""
        path = self.ctx.command_path
        usage = f"Usage:  {path} {' '.join(self.ctx.command.collect_usage_pieces(self.ctx))}\n\n" if self.usage else ""
        click.echo(f"{self.message}\n\n{usage}Run '{path} --help' for more information", err=True)


class Failure(DockerkitError):
    """The command cannot do what was asked; said as it is, without the engine's prefix.

    :param code: of the program's exit.
    """

    def __init__(self, message: str, *, code: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Absent(DockerkitError):
    """What was to be removed by force is not there: told, and no failure."""


def said(error: DockerkitError, *, program: str = "") -> str:
    """Return what is printed of an error: with Docker's prefix where the engine refused, with ours where we did.

    :param program: put in front, as ``docker run`` does.
    """
    prefix = f"{program}: " if program else ""
    if isinstance(error, Failure):
        return prefix + str(error)
    if isinstance(error, errors.ContainerFailed) and error.completed is not None:
        return f"{prefix}{_ENGINE}{error.completed.stderr.strip()}"  # the engine's own words, which scripts look for
    if isinstance(error, _OURS) and not error.by_engine:
        return f"{prefix or 'dockerkit: '}{error}"
    return f"{prefix}{_ENGINE}{error}"


def exit_code(error: DockerkitError) -> int:
    """Return the code with which the program exits after an error that no command has an own code for."""
    return error.code if isinstance(error, Failure) else 1


def usage_refusal(ctx: click.Context, error: click.UsageError) -> Refused:
    """Return click's complaint about a command line in Docker's words: 125 for flags, 1 for arguments."""
    path = ctx.command_path
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        short = f"unknown shorthand flag: {name[1:2]!r} in {name}"
        return Refused(ctx, f"unknown flag: {name}" if name.startswith("--") else short, code=WRONG_FLAG)
    if isinstance(error, click.MissingParameter) and isinstance(error.param, click.Argument):
        count = sum(parameter.required for parameter in ctx.command.params if isinstance(parameter, click.Argument))
        at_least = "at least " if any(p.nargs == -1 for p in ctx.command.params) else ""
        plural = "" if count == 1 else "s"
        return Refused(ctx, f"{_root(ctx)}: '{path}' requires {at_least}{count} argument{plural}", code=1)
    if error.message.startswith("Got unexpected extra argument"):
        arguments = [parameter for parameter in ctx.command.params if isinstance(parameter, click.Argument)]
        count, at_most = len(arguments), "" if all(argument.required for argument in arguments) else "at most "
        takes = f"requires {at_most}{count} argument{'' if count == 1 else 's'}" if count else "accepts no arguments"
        return Refused(ctx, f"{_root(ctx)}: '{path}' {takes}", code=1)
    return Refused(ctx, error.format_message(), code=WRONG_FLAG)


def _root(ctx: click.Context) -> str:
    return ctx.find_root().info_name or "dockerkit"
