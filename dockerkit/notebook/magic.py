"""What every magic of ours is: words of a line read as a command's, an act, and errors that say what is wrong and no more.

Commands are click's, as those of ``dockerkit`` are: flags are read, completed and explained in one way everywhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import click

from dockerkit.errors import DockerkitError
from dockerkit.notebook.line import words

if TYPE_CHECKING:
    from dockerkit.client.client import Client


class Magic:
    """A magic: subclasses say their name and kind, and what they do with the words."""

    name: ClassVar[str]
    kind: ClassVar[str]
    """``line`` or ``cell``."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def act(self, said: list[str], cell: str) -> Any:
        """Do what the words say; return what shall be shown."""
        raise NotImplementedError

    def as_function(self) -> Callable[..., Any]:
        """Return the function that IPython calls."""
        if self.kind == "line":

            def line_magic(line: str, local_ns: Mapping[str, Any] | None = None) -> Any:
                return self._called(line, "", local_ns)

            line_magic.__doc__ = self.act.__doc__
            return line_magic

        def cell_magic(line: str, cell: str, local_ns: Mapping[str, Any] | None = None) -> Any:
            return self._called(line, cell, local_ns)

        cell_magic.__doc__ = self.act.__doc__
        return cell_magic

    def _called(self, line: str, cell: str, local_ns: Mapping[str, Any] | None) -> Any:
        """Act, and let an error show its own words instead of our insides."""
        from IPython.core.error import UsageError  # noqa: PLC0415

        try:
            return self.act(words(line, {**self.shell.user_ns, **(local_ns or {})}), cell)
        except click.exceptions.Exit:
            return None  # --help, which has been shown
        except click.ClickException as error:
            raise UsageError(error.format_message()) from None
        except (DockerkitError, KeyboardInterrupt) as error:
            raise shown_shortly(error) from None


def client() -> Client:
    """Return the client of ``dk.run`` and its like."""
    from dockerkit.client.default import default_client  # noqa: PLC0415

    return default_client()


@contextlib.contextmanager
def docker_context() -> Iterator[click.Context]:
    """Be the ``dockerkit`` command for a moment: its words talk to our client."""
    from dockerkit.cli.main import main  # noqa: PLC0415

    with click.Context(main, info_name="docker", obj=client()) as root:
        yield root


def shown_shortly(error: BaseException) -> BaseException:
    """Return `error`, which a notebook will show as its message: where we raised it helps nobody."""
    words = str(error) or "interrupted: what ran has been killed"
    lines = [f"{type(error).__name__}: {words}"]
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]  # IPython asks an error itself first
    return error
