"""A bar for each layer, in a terminal: drawn with rich, gone when it is done. Says nothing that the messages do not."""

from __future__ import annotations

import sys
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, Task, TaskID, TextColumn, TransferSpeedColumn
from rich.text import Text

from dockerkit.client.progress import Words

FINISHED = frozenset({"Already exists", "Pull complete", "Pushed", "Layer already exists", "Mounted from", "Skipped"})


class Bars:
    """Draws the progress of one pull, push or load.

    :param subject: the image's name.
    :param file: a terminal; standard error, when None.
    :param stay: leave the last words of it on a line of its own.
    """

    def __init__(self, subject: str, file: IO[str] | None = None, *, stay: bool = True) -> None:
        self._file = file or sys.stderr
        self._words = Words(subject)
        self._stay = stay
        self._tasks: dict[str, TaskID] = {}
        self._drawn = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            _Bytes(),
            _Speed(),
            console=Console(file=self._file),
            transient=True,
        )
        self._drawing = False

    def say(self, message: dict[str, Any]) -> None:
        """Move the bar of the layer that a message is about; what is about none moves one of its own."""
        if not self._words.hear(message) or str(message.get("status")).startswith("Pulling from"):
            return
        if not self._drawing:
            self._drawing = True
            self._drawn.start()
        id, status = str(message.get("id") or ""), str(message.get("status") or message.get("stream") or "").strip()
        figures = message.get("progressDetail") or {}
        task = self._task(id)
        self._drawn.update(task, description=f"{id}: {status}" if id else status, **_amount(figures))
        if status.startswith(tuple(FINISHED)):
            self._drawn.update(task, visible=False)

    def line(self, text: str) -> None:
        """Write a line above the bars; it stays."""
        self._drawn.console.print(text.removesuffix("\n"), markup=False, highlight=False, soft_wrap=True)

    def draw(self) -> None:
        """Draw now, instead of within a tenth of a second."""
        self._drawn.refresh()

    def done(self) -> None:
        """Take the bars away, and leave the last words."""
        if self._drawing:
            self._drawn.stop()
        if self._stay and self._words.last():
            self._file.write(self._words.last() + "\n")
            self._file.flush()

    def _task(self, id: str) -> TaskID:
        if id not in self._tasks:
            self._tasks[id] = self._drawn.add_task("", total=None)
        return self._tasks[id]


def _amount(figures: dict[str, Any]) -> dict[str, Any]:
    """Return what a message's figures say of a bar."""
    current, total = figures.get("current"), figures.get("total")
    if current is None:
        return {}
    return {"completed": current, "total": max(total, current) if total else None}


class _Bytes(DownloadColumn):
    """How much of how much; nothing where nobody knows."""

    def render(self, task: Task) -> Text:
        """Return the text."""
        return super().render(task) if task.completed else Text("")


class _Speed(TransferSpeedColumn):
    """How fast; nothing where nobody knows."""

    def render(self, task: Task) -> Text:
        """Return the text."""
        return super().render(task) if task.completed and not task.finished else Text("")
