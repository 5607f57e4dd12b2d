"""A clock that goes when it is told to, and the timers that run by it."""

from __future__ import annotations

from dockerkit.daemon.engine.timers import Timers


class PretendClock:
    """Seconds that pass by :meth:`pass_` only."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers = Timers(lambda: self.now)

    def pass_(self, seconds: float) -> None:
        """Let time pass, doing what becomes due, each thing at its own moment."""
        end = self.now + seconds
        while (wait := self.timers.run_due()) is not None and self.now + wait <= end:
            self.now += wait
        self.now = end
        self.timers.run_due()
