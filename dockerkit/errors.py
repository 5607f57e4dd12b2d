"""Every error dockerkit raises, by meaning.

::

    DockerkitError
    ├── NotFound(LookupError)          the named thing is not there
    ├── Conflict                       it is there, but in a state that refuses this
    ├── Invalid(ValueError)            the request itself is wrong
    ├── NotAllowed(PermissionError)    the caller or the host may not
    ├── Unsupported                    known and understood, not offered here
    ├── Unavailable(ConnectionError)   somebody else did not answer
    ├── Damaged                        bytes are not what their digest or format says
    ├── Exhausted                      no room, descriptors, addresses, processes left
    ├── TimedOut(TimeoutError)         the time given is over
    ├── Cancelled                      somebody asked to stop
    └── Failed                         it ran, and ended badly
        ├── ContainerFailed            .completed holds exit code and output
        ├── BuildFailed
        └── NotReady

A message is one lower-case sentence that names the subject and the cause; ``hint`` says what to do next. Only ``daemon/api``
and ``client/transport`` know which HTTP status each class travels as.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockerkit.client.completed import Completed

__all__ = [
    "BuildFailed",
    "Cancelled",
    "Conflict",
    "ContainerFailed",
    "Damaged",
    "DockerkitError",
    "Exhausted",
    "Failed",
    "Invalid",
    "NotAllowed",
    "NotFound",
    "NotReady",
    "TimedOut",
    "Unavailable",
    "Unsupported",
]


class DockerkitError(Exception):
    """Base of all errors raised on purpose.

    :param message: the subject and the cause, in one sentence.
    :param hint: what to do next; empty when there is nothing to say.
    """

    by_engine = False
    """True when an engine refused, in its own words."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class NotFound(DockerkitError, LookupError):
    """The named container, image, network, volume or file does not exist."""


class Conflict(DockerkitError):
    """The thing exists, but its present state or name refuses the request."""


class Invalid(DockerkitError, ValueError):
    """The request is malformed, ill-typed or out of range."""


class NotAllowed(DockerkitError, PermissionError):
    """The caller or the host's policy does not permit this."""


class Unsupported(DockerkitError):
    """Known to Docker or to dockerkit, but not offered by this engine or this host."""


class Unavailable(DockerkitError, ConnectionError):
    """A daemon, registry or mirror could not be reached."""


class Damaged(DockerkitError):
    """Stored or received bytes do not match their digest, size or format."""


class Exhausted(DockerkitError):
    """The host ran out of something: disk, descriptors, processes, addresses."""


class TimedOut(DockerkitError, TimeoutError):
    """The time the caller gave is over; ``completed`` holds partial output when a program was running."""

    def __init__(self, message: str, *, hint: str = "", completed: Completed | None = None) -> None:
        super().__init__(message, hint=hint)
        self.completed = completed


class Cancelled(DockerkitError):
    """The work was stopped because somebody asked for it."""


class Failed(DockerkitError):
    """Something ran and ended badly."""


class ContainerFailed(Failed):
    """A container's program could not be started (126, 127) or ended with a code its caller checks.

    :param completed: arguments, exit code and output of the program.
    """

    def __init__(self, message: str, *, hint: str = "", completed: Completed | None = None) -> None:
        super().__init__(message, hint=hint)
        self.completed = completed


class BuildFailed(Failed):
    """A build step failed."""


class NotReady(Failed):
    """A container did not meet its readiness condition in time, or died before."""
