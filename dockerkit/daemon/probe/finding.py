"""One thing tried, and how to say no: values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one trial found.

    :param next: what to do about it, in one sentence; empty when it is fine.
    """

    name: str
    ok: bool
    detail: str
    next: str = ""


class Missing(Exception):
    """Something a container needs is not there.

    :param next: overrules the trial's usual advice.
    """

    def __init__(self, detail: str, *, next: str = "") -> None:
        super().__init__(detail)
        self.detail, self.next = detail, next
