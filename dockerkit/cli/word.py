"""What every command is made with: flags as Docker reads them, one client, one act for many names. Knows no noun."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from dockerkit.cli.refusals import Absent, said, usage_refusal
from dockerkit.errors import DockerkitError

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.container import Container

_AT_ONCE = 50
"""So many containers are stopped, removed … at a time, as Docker's command does."""
_YES = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


class Word(click.Command):
    """A command that takes ``--flag=true`` as Docker does, and complains in Docker's words."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the command line.

        :raises Refused: it cannot be read.
        """
        try:
            return super().make_context(*arguments, **options)
        except click.UsageError as error:
            ctx = error.ctx or click.Context(self, info_name=self.name)
            raise usage_refusal(ctx, error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        :raises Refused: a value of the command line cannot be read.
        """
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise usage_refusal(ctx, error) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the flags and arguments."""
        return super().parse_args(ctx, list(self._booleans(ctx, args)))

    def _booleans(self, ctx: click.Context, args: list[str]) -> Iterable[str]:
        """Yield the arguments; up to where flags end, ``--flag=true`` is ``--flag``, ``=false`` is ``--no-flag`` or nothing."""
        options = {name: p for p in self.params if isinstance(p, click.Option) for name in p.opts}
        rest = iter(args)
        for arg in rest:
            if arg == "--" or (not arg.startswith("-") and not ctx.allow_interspersed_args):
                yield arg
                break
            name, equals, value = arg.partition("=")
            option = options.get(name)
            if option is not None and option.is_flag and equals and value.lower() in _YES:
                yield from (name,) if _YES[value.lower()] else option.secondary_opts[:1]
                continue
            yield arg
            if _takes_next(arg, options):
                yield from (following for following in (next(rest, None),) if following is not None)
        yield from rest


def _takes_next(arg: str, options: dict[str, click.Option]) -> bool:
    """Tell whether the argument after this one is a flag's value: ``--name``, ``-it`` (no), ``-itv`` (yes)."""
    if not arg.startswith("-") or "=" in arg:
        return False
    if arg.startswith("--") or len(arg) == 2:
        return arg in options and not options[arg].is_flag
    for at, letter in enumerate(arg[1:], 1):
        option = options.get(f"-{letter}")
        if option is None or not option.is_flag:
            return option is not None and at == len(arg) - 1
    return False


def client() -> Client:
    """Return the client of this run of the program: that of ``--host``, else of the environment; closed at the end."""
    import dockerkit

    root = click.get_current_context().find_root()
    if root.obj is None:
        root.obj = root.with_resource(dockerkit.connect(root.params.get("host")))
    found: Client = root.obj
    return found


def container(name: str) -> Container:
    """Return a container by what it was called on the command line; nothing is asked yet."""
    from dockerkit.client.container import Container

    return Container(client(), name)


def each(names: Iterable[str], act: Callable[[str], Any], *, echo: bool = True, end: str = "\n") -> None:
    """Do the same to many, at once; print each name that it worked for, and every error; exit 1 when there was one.

    :param act: takes the name; what it returns is printed instead of the name, unless None.
    :param end: what is printed after each; "" where `act` says whether a line is printed at all.
    """
    wanted = list(dict.fromkeys(names))
    failed = False
    for name, result in zip(wanted, _at_once(wanted, act), strict=True):
        if isinstance(result, DockerkitError):
            failed = failed or not isinstance(result, Absent)
            click.echo(said(result), err=True)
        elif echo:
            click.echo(f"{name if result is None else result}{end}", nl=False)
    if failed:
        click.get_current_context().exit(1)


def _at_once(names: list[str], act: Callable[[str], Any]) -> Iterable[Any]:
    context = click.get_current_context()

    def tried(name: str) -> Any:
        try:
            with context.scope(cleanup=False):  # a thread has no context of its own
                return act(name)
        except DockerkitError as error:
            return error

    client()  # before any thread: there is one for all
    if len(names) < 2:
        return map(tried, names)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as threads:
        return list(threads.map(tried, names))


def options(*rows: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return one decorator for a table of options, in the order of the table."""

    def decorate(command: Any) -> Any:
        for row in reversed(rows):
            command = row(command)
        return command

    return decorate
