"""Output as it comes, into the cell that runs; and the end of a program whose output has been shown already.

Bytes are decoded as UTF-8 across pieces. A flood is shown up to a megabyte: a notebook is a file that somebody has to open.
"""

from __future__ import annotations

import codecs
import sys
from dataclasses import dataclass, fields

from dockerkit.client.completed import Completed
from dockerkit.client.streams import STDERR

SHOWN = 1 << 20
"""Characters shown of each stream."""


class Screen:
    """Is told what a program writes, and shows it; hand it :meth:`tell`."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = [decoder("replace"), decoder("replace")]
        self._shown = [0, 0]

    def tell(self, stream: int, piece: bytes) -> None:
        """Show a piece of a stream."""
        self._show(int(stream >= STDERR), piece, final=False)

    def end(self) -> None:
        """Show what is left of a character that was cut."""
        for which in (0, 1):
            self._show(which, b"", final=True)

    def _show(self, which: int, piece: bytes, *, final: bool) -> None:
        text = self._decoders[which].decode(piece, final)
        left = SHOWN - self._shown[which]
        if not text or left < 0:
            return
        self._shown[which] += len(text)
        target = (sys.stdout, sys.stderr)[which]
        target.write(text[:left])
        if len(text) > left:
            target.write(f"\n… not shown any more: {SHOWN} characters are enough for a notebook\n")
            self._shown[which] = SHOWN + 1
        target.flush()


@dataclass(frozen=True)
class Told(Completed):
    """A program's end, after its output was shown as it came: shown without it."""

    @classmethod
    def of(cls, completed: Completed) -> Told:
        """Return `completed`, as one whose output has been shown."""
        return cls(**{field.name: getattr(completed, field.name) for field in fields(completed)})

    def _repr_html_(self) -> str:
        from dockerkit.notebook.views import completed_card  # noqa: PLC0415 (only its readers pay for it)

        return completed_card(self, outputs=False).html()

    def __repr__(self) -> str:
        """Show how it ended."""
        return f"Completed(args={self.args!r}, exit_code={self.exit_code}{', oom_killed=True' if self.oom_killed else ''})"
