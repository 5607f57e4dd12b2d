"""From a factory's arguments to a pytest fixture: its signature, its place in the conftest, its documentation.

pytest reads what a fixture needs from its signature; a template's fixtures are written there, so that pytest knows them when it
collects. The fixture's code says the file and line where the factory was called, in ``--fixtures`` and in tracebacks.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest

from dockerkit.errors import Invalid

Serve = Callable[[pytest.FixtureRequest, Mapping[str, Any]], Iterator[Any]]
"""Sets a fixture up, yields its value, tears it down. The mapping has what the fixture asked for, and ``param``."""
PARAM = "param"
_BELOW = 0 if pytest.version_tuple >= (9, 2) else 1
"""Before 9.2 pytest shows the line below a fixture's first one, which it takes for the decorator's."""


@dataclass(frozen=True)
class Declared:
    """What every factory is told about its fixture.

    :param factory: the factory's name.
    :param scope: as pytest has it.
    :param doc: for ``--fixtures``.
    """

    factory: str
    scope: Any
    params: Sequence[Any] | None
    doc: str

    def fixture(self, serve: Serve, needs: Iterable[str], *, depth: int = 2) -> Any:
        """Return the fixture that `serve` serves.

        :param needs: fixtures it depends on.
        :param depth: how many frames up the factory was called.
        :raises Invalid: a template with ``{param}``, and no params.
        """
        needed = dict.fromkeys(("request", *needs))
        if PARAM in needed and self.params is None:
            raise Invalid(f"{self.factory}(): {{param}} is the fixture's parameter, and there is none", hint="params=[…]")
        needed.pop(PARAM, None)
        caller = sys._getframe(depth)
        in_class = "__qualname__" in caller.f_locals and "__module__" in caller.f_locals
        function = _method(serve) if in_class else _function(serve)
        function.__signature__ = _signature(["self", *needed] if in_class else needed)
        function.__doc__ = self.doc
        _place(function, caller, self.factory)
        return pytest.fixture(scope=self.scope, params=self.params)(function)


def _function(serve: Serve) -> Any:
    def fixture(**needed: Any) -> Iterator[Any]:
        yield from serve(needed["request"], _with_param(needed))

    return fixture


def _method(serve: Serve) -> Any:
    def fixture(self: object, **needed: Any) -> Iterator[Any]:
        yield from serve(needed["request"], _with_param(needed))

    return fixture


def _with_param(needed: dict[str, Any]) -> dict[str, Any]:
    request = needed["request"]
    return {**needed, PARAM: request.param} if hasattr(request, "param") else needed


def _signature(arguments: Iterable[str]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(argument, kind) for argument in arguments])


def _place(function: Any, caller: FrameType, name: str) -> None:
    """Let a function be one of the caller's file and line."""
    function.__code__ = function.__code__.replace(
        co_filename=caller.f_code.co_filename,
        co_firstlineno=caller.f_lineno - _BELOW,
        co_linetable=_one_line(len(function.__code__.co_code)),
        co_name=name,
        co_qualname=name,
    )
    function.__name__ = function.__qualname__ = name
    function.__module__ = str(caller.f_globals.get("__name__", "?"))


def _one_line(size: int) -> bytes:
    """Return a location table in which all of a code is the caller's line, without columns.

    After CPython's ``Objects/locations.md``: an entry is a byte with kind 13 and a length of one to eight units of two bytes,
    then how far the line moves, doubled.
    """
    units = size // 2
    lengths = [min(8, units - done) for done in range(0, units, 8)]
    moves = [_BELOW, *[0] * (len(lengths) - 1)]
    return b"".join(bytes((0x80 | 13 << 3 | length - 1, move << 1)) for length, move in zip(lengths, moves, strict=True))
