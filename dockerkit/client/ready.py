"""Conditions to wait for, as values: ``dk.ready.log("Ready")``, ``dk.ready.port(5432) & dk.ready.healthy()``.

Comparable and hashable, so that wishes which hold them are. They only say what to wait for; ``watches`` looks, ``waiting``
waits. A function of the container that returns true or false is a condition too, also beside ``&`` and ``|``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from dockerkit.errors import Invalid

if TYPE_CHECKING:
    from dockerkit.client.container import Container

__all__ = ["All", "Any", "Condition", "exec", "exited", "healthy", "http", "log", "port"]


class Condition:
    """Something to wait for; ``a & b`` waits for both, ``a | b`` for the first. Called with a container, it looks once."""

    def __and__(self, other: Wish) -> Condition:
        """Return the condition that both are met."""
        return All(self, other)

    def __rand__(self, other: Wish) -> Condition:
        """Return the condition that both are met."""
        return All(other, self)

    def __or__(self, other: Wish) -> Condition:
        """Return the condition that one is met."""
        return Any(self, other)

    def __ror__(self, other: Wish) -> Condition:
        """Return the condition that one is met."""
        return Any(other, self)

    def __call__(self, container: Container) -> bool:
        """Look once, without waiting: tell whether it is met now."""
        from dockerkit.client.waiting import is_met  # noqa: PLC0415 (a value needs no engine until it is asked)

        return is_met(container, self)


Wish = Union[Condition, "Callable[[Container], bool]"]
"""What can be waited for."""


@dataclass(frozen=True)
class All(Condition):
    """Both conditions."""

    first: Wish
    second: Wish

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"({said(self.first)} & {said(self.second)})"


@dataclass(frozen=True)
class Any(Condition):
    """One of the conditions."""

    first: Wish
    second: Wish

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"({said(self.first)} | {said(self.second)})"


@dataclass(frozen=True)
class Log(Condition):
    """See :func:`log`."""

    regex: str | re.Pattern[str]
    count: int = 1

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"dk.ready.log({self.regex!r}{'' if self.count == 1 else f', {self.count}'})"


@dataclass(frozen=True)
class Port(Condition):
    """See :func:`port`."""

    number: int

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"dk.ready.port({self.number})"


@dataclass(frozen=True)
class Http(Condition):
    """See :func:`http`."""

    port: int
    path: str = "/"
    status: int = 200

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"dk.ready.http({self.port}, {self.path!r}, {self.status})"


@dataclass(frozen=True)
class Healthy(Condition):
    """See :func:`healthy`."""

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return "dk.ready.healthy()"


@dataclass(frozen=True)
class Exec(Condition):
    """See :func:`exec`."""

    command: tuple[str, ...]

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"dk.ready.exec({', '.join(map(repr, self.command))})"


@dataclass(frozen=True)
class Exited(Condition):
    """See :func:`exited`."""

    code: int = 0

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"dk.ready.exited({self.code})"


def log(regex: str | re.Pattern[str], count: int = 1) -> Condition:
    """The container wrote a line in which `regex` is found, so many times, on either stream, since its last start.

    :raises Invalid: not a regular expression.
    """
    try:
        re.compile(regex)
    except re.error as error:
        raise Invalid(f"ready.log: {regex!r} is not a regular expression: {error}") from None
    return Log(regex, int(count))


def port(number: int) -> Condition:
    """The container itself listens on this TCP port, published or not.

    Our own engine reads the container's socket table; on a foreign one ``cat /proc/net/tcp`` is run inside, so the container
    needs ``cat``.
    """
    return Port(int(number))


def http(port: int, path: str = "/", status: int = 200) -> Condition:
    """It answers a GET of `path` on this port with this status.

    Asked where the port is published, else at the container's address; without either, by ``wget`` inside the container.
    """
    return Http(int(port), path if path.startswith("/") else f"/{path}", int(status))


def healthy() -> Condition:
    """Its health check says healthy."""
    return Healthy()


def exec(*command: str) -> Condition:
    """This command, run inside, succeeds."""
    if not command:
        raise Invalid("ready.exec needs a command", hint='dk.ready.exec("pg_isready")')
    return Exec(tuple(map(str, command)))


def exited(code: int = 0) -> Condition:
    """It has ended with this exit code."""
    return Exited(int(code))


def said(condition: Wish) -> str:
    """Return the Python that makes a condition; a function is called by its name."""
    return repr(condition) if isinstance(condition, Condition) else getattr(condition, "__qualname__", repr(condition))
