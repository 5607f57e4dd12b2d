"""The command group: finds a word's module when the word is used, and shows every error as Docker does. No traceback."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.offers import ALIASES, GROUPS, LATER, WORDS, found, later
from dockerkit.cli.refusals import Refused, exit_code, said
from dockerkit.errors import DockerkitError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Words(click.Group):
    """A group whose words are imported when they are used: ``--help`` and completion of words load none of them.

    :param table: word → (where its command is, what it does).
    """

    def __init__(self, *arguments: Any, table: dict[str, tuple[str, str]], later: bool = False, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._table = table
        self._later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the words, in the order of the alphabet."""
        return sorted(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a word's command; one that comes later is a command that says so."""
        cmd_name = cmd_name if self._later or cmd_name in self._table else ALIASES.get(cmd_name, cmd_name)
        if cmd_name in self._table:
            return found(self._table[cmd_name][0])
        if self._later and cmd_name in GROUPS:
            help, table = GROUPS[cmd_name]
            return Words(cmd_name, table=table, help=help)
        return later(cmd_name) if self._later and cmd_name in LATER else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the words from the table, without importing any."""
        rows = [(word, self._table[word][1]) for word in self.list_commands(ctx)]
        groups = [(word, GROUPS[word][0]) for word in sorted(GROUPS)] if self._later else []
        for title, words in (("Management Commands", groups), ("Commands", rows)):
            if words:
                with formatter.section(title):
                    formatter.write_dl(words)
        if self._later:
            with formatter.section("Not offered yet"):
                formatter.write_text(", ".join(sorted(LATER)))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse the word as Docker does."""
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            raise Refused(ctx, f"{ctx.find_root().info_name}: unknown command: {ctx.command_path} {word}", code=1, usage=False)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the words that begin so, with what they do."""
        from click.shell_completion import CompletionItem

        words = {word: help for word, (_, help) in self._table.items()}
        if self._later:
            words |= {word: help for word, (help, _) in GROUPS.items()}
        items = [CompletionItem(word, help=words[word]) for word in sorted(words) if word.startswith(incomplete)]
        return items or click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen word; an error of ours ends the program with its message and code."""
        try:
            return super().invoke(ctx)
        except DockerkitError as error:
            if ctx.parent is not None:
                raise
            click.echo(said(error), err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from dockerkit import __version__

        click.echo(f"dockerkit version {__version__}")
        ctx.exit()


@click.group(cls=Words, table=WORDS, later=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-H", "--host", metavar="URL", help="Talk to the engine at this URL, instead of our own daemon.")
@click.option("-v", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version.")
def main(host: str | None) -> None:
    """Docker in Python: containers from the command line, a notebook or a test."""
