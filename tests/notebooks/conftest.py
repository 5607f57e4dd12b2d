"""A notebook's shell in this process, talking to the suite's daemon."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("IPython")


class Notebook:
    """Runs cells and keeps what they gave: the result, or the error."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def cell(self, text: str) -> Any:
        """Run a cell; return its value, raise its error."""
        ran = self.shell.run_cell(text, store_history=False)
        if (error := ran.error_before_exec or ran.error_in_exec) is not None:
            raise error
        return ran.result

    def completions(self, text: str) -> list[str]:
        """What may follow the text."""
        from IPython.core.completer import provisionalcompleter

        with provisionalcompleter():
            return [found.text for found in self.shell.Completer.completions(text, len(text))]


@pytest.fixture
def notebook(client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[Notebook]:
    """A shell with the extension loaded."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("DOCKERKIT_HOST", client.url)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    book = Notebook(shell)
    book.cell("%load_ext dockerkit\nimport dockerkit as dk")
    yield book
    book.cell("%docker reset\n%unload_ext dockerkit")
