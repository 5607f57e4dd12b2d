"""What a program that ran to its end left: exit code and output, as ``subprocess.CompletedProcess`` tells it.

A value: contacts nothing.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from functools import cached_property

from dockerkit.errors import ContainerFailed


@dataclass(frozen=True)
class Completed:
    """Exit code and output of a program that has ended; text is UTF-8 with replacement characters, the bytes are beside it."""

    args: tuple[str, ...]
    exit_code: int
    stdout_bytes: bytes = field(default=b"", repr=False)
    stderr_bytes: bytes = field(default=b"", repr=False)
    oom_killed: bool = False
    duration: float = field(default=0.0, compare=False)
    """Seconds from start to end, as the client saw it."""
    image: str = field(default="", repr=False)

    @cached_property
    def stdout(self) -> str:
        """Standard output as text."""
        return self.stdout_bytes.decode("utf-8", "replace")

    @cached_property
    def stderr(self) -> str:
        """Standard error as text."""
        return self.stderr_bytes.decode("utf-8", "replace")

    @property
    def returncode(self) -> int:
        """The exit code, under subprocess's name."""
        return self.exit_code

    def check(self) -> Completed:
        """Return itself when the program succeeded.

        :raises ContainerFailed: it did not; ``.completed`` is this object.
        """
        if self.exit_code == 0:
            return self
        last = self.stderr.strip().rpartition("\n")[2]
        why = "out of memory" if self.oom_killed else last
        message = f"{self.command_line()} ended with exit code {self.exit_code}" + (f": {why}" if why else "")
        hint = "give it more: memory=…" if self.oom_killed else ""
        raise ContainerFailed(message, hint=hint, completed=self)

    def command_line(self) -> str:
        """Return image and command as one would type them, for messages."""
        return " ".join(part for part in (self.image, shlex.join(self.args)) if part)

    def __repr__(self) -> str:
        """Show what matters, output shortened."""
        shown = [f"args={self.args!r}", f"exit_code={self.exit_code}"]
        shown += [f"{n}={_short(t)}" for n, t in (("stdout", self.stdout), ("stderr", self.stderr)) if t]
        shown += ["oom_killed=True"] if self.oom_killed else []
        return f"Completed({', '.join(shown)})"

    def _repr_html_(self) -> str:
        """Show how it ended and what it wrote where HTML is shown."""
        from dockerkit.notebook.views import completed_card  # noqa: PLC0415 (only its readers pay for it)

        return completed_card(self).html()


def _short(text: str, limit: int = 200) -> str:
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}… ({len(text)} characters)"
