"""Conditions to wait for, as values: ``dk.ready.log("Ready")``, ``dk.ready.port(5432) & dk.ready.healthy()``.

Comparable and hashable, so that wishes which hold them are. They only say what to wait for.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["All", "Any", "Condition", "exec", "exited", "healthy", "http", "log", "port"]


class Condition:
    """Something to wait for; ``a & b`` waits for both, ``a | b`` for the first."""

    def __and__(self, other: Condition) -> Condition:
        """Return the condition that both are met."""
        return All(self, other)

    def __or__(self, other: Condition) -> Condition:
        """Return the condition that one is met."""
        return Any(self, other)


@dataclass(frozen=True)
class All(Condition):
    """Both conditions."""

    first: Condition
    second: Condition

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"({self.first!r} & {self.second!r})"


@dataclass(frozen=True)
class Any(Condition):
    """One of the conditions."""

    first: Condition
    second: Condition

    def __repr__(self) -> str:
        """Return the Python that makes it."""
        return f"({self.first!r} | {self.second!r})"


@dataclass(frozen=True, repr=False)
class _Named(Condition):
    name: str
    arguments: tuple[object, ...] = ()

    def __repr__(self) -> str:
        return f"dk.ready.{self.name}({', '.join(map(repr, self.arguments))})"


def log(regex: str, count: int = 1) -> Condition:
    """The container wrote a line in which `regex` is found, so many times, on either stream, since its last start."""
    return _Named("log", (regex,) if count == 1 else (regex, count))


def port(number: int) -> Condition:
    """The container itself listens on this port, published or not."""
    return _Named("port", (number,))


def http(port: int, path: str = "/", status: int = 200) -> Condition:
    """It answers a GET of `path` on this port with this status."""
    return _Named("http", (port, path, status))


def healthy() -> Condition:
    """Its health check says healthy."""
    return _Named("healthy")


def exec(*command: str) -> Condition:
    """This command, run inside, succeeds."""
    return _Named("exec", command)


def exited(code: int = 0) -> Condition:
    """It has ended with this exit code."""
    return _Named("exited", (code,))
