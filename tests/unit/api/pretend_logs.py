"""The pretend engine's logs: whole, and followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerkit.daemon.api.frames import frame
from dockerkit.errors import Invalid
from dockerkit.schema import units

if TYPE_CHECKING:
    from pretend_engine import Pretend


def wanted(one: Pretend, begin: int, *, stdout, stderr, since=0, until=0, timestamps=False) -> list[tuple[int, bytes]]:
    """Return the lines from number `begin` on that somebody wants."""
    return [
        (stream, f"{units.rfc3339(moment)} ".encode() + line if timestamps else line)
        for moment, stream, line in one.log[begin:]
        if (stdout if stream == 1 else stderr) and moment >= since and (not until or moment <= until)
    ]


def check(stdout: bool, stderr: bool) -> None:
    """Refuse to read nothing, in Docker's words."""
    if not (stdout or stderr):
        raise Invalid("Bad parameters: you must choose at least one stream")


class PretendFollower:
    """Follows by number of line; woken by whoever adds one, and by the end."""

    def __init__(self, one: Pretend, tail: int | None, wake, **which) -> None:
        self.one, self.wake, self.which, self.ended, self.closed = one, wake, which, False, False
        with one.lock:
            self.position = 0 if tail is None else max(0, len(one.log) - tail)
            one.followers.append(self)

    def chunk(self, *, framed: bool) -> bytes:
        with self.one.lock:
            lines = wanted(self.one, self.position, **self.which)
            self.position = len(self.one.log)
            self.ended = not lines and not self.one.state.running
        return b"".join(frame(*line) if framed else line[1] for line in lines)

    def close(self) -> None:
        self.closed = True
        if self in self.one.followers:
            self.one.followers.remove(self)
