"""Completion of our magics' lines: words, flags, names of containers and images, as the ``dockerkit`` command completes them.

Asks only an engine that runs, and never starts one.
"""

from __future__ import annotations

import re
from typing import Any

import click

_OURS = re.compile(r"(?:^|[=\s])(?P<kind>%%?)(?P<word>docker|container|exec)\s+(?P<rest>[^\n]*)\Z", re.MULTILINE)


def complete(context: Any) -> dict[str, Any]:
    """Return what may follow the cursor (IPython's ``CompletionContext`` → ``SimpleMatcherResult``)."""
    from IPython.core.completer import SimpleCompletion  # noqa: PLC0415

    found = _OURS.search(context.text_until_cursor)
    if found is None or (found["kind"] == "%%") != (found["word"] != "docker"):
        return {"completions": [], "suppress": False}
    *said, begun = re.split(r"\s+", found["rest"])
    items = [SimpleCompletion(text, type=kind) for text, kind in suggestions(found["word"], said, begun)]
    return {"completions": items, "matched_fragment": begun, "suppress": True, "ordered": True}


def suggestions(magic: str, said: list[str], begun: str) -> list[tuple[str, str]]:
    """Return what may continue a magic's line: text and kind.

    :param said: the words before.
    :param begun: the word under the cursor, so far.
    """
    from click.shell_completion import ShellComplete  # noqa: PLC0415

    from dockerkit.cli.main import main  # noqa: PLC0415
    from dockerkit.notebook.cells import ContainerCell, ExecCell  # noqa: PLC0415

    commands = {"container": ContainerCell.command, "exec": ExecCell.command}
    command = commands.get(magic, lambda: main)()
    try:
        items = ShellComplete(command, {}, magic, "_COMPLETE").get_completions(said, begun)
    except click.ClickException:
        return []  # words that cannot be read: there is nothing to continue
    found = [(item.value, "param" if item.value.startswith("-") else "name") for item in items if item.type == "plain"]
    return [*found, ("reset", "name")] if command is main and not said and "reset".startswith(begun) else found
