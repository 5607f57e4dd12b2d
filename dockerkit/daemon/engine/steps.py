"""A verb as a list of named steps with inverses, undone in reverse when one fails.

The first failure is what the caller sees; a failing inverse is attached to it as a note and unwinding goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Step(Generic[C]):
    """One named act on a shared context, and how to take it back."""

    name: str
    do: Callable[[C], None]
    undo: Callable[[C], None] | None = None


def run(steps: Sequence[Step[C]], context: C) -> None:
    """Do every step in order.

    :raises Exception: what the failing step raised, with notes that name the step and any inverse that failed too.
    """
    done: list[Step[C]] = []
    for step in steps:
        try:
            step.do(context)
        except BaseException as error:
            error.add_note(f"step: {step.name}")
            _unwind(done, context, error)
            raise
        done.append(step)


def _unwind(done: list[Step[C]], context: C, error: BaseException) -> None:
    for step in reversed(done):
        if step.undo is None:
            continue
        try:
            step.undo(context)
        except Exception as second:
            error.add_note(f"undoing {step.name} failed too: {second}")
