"""Waiting for the kernel to get somewhere, for a bounded time. Never waits for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator


def until(reached: Callable[[], bool], seconds: float) -> bool:
    """Ask `reached` until it is, for so long; return whether it was."""
    for pause in _pauses(seconds):
        if reached():
            return True
        time.sleep(pause)
    return reached()


def _pauses(seconds: float) -> Iterator[float]:
    """Yield ever longer pauses until `seconds` are over: version 1 tells nobody when a group becomes empty."""
    pause, end = 0.0005, time.monotonic() + seconds
    while time.monotonic() < end:
        yield pause
        pause = min(pause * 1.5, 0.02)
