"""Arguments that wait for fixtures: templates and functions, anywhere inside lists, tuples and dicts.

What they wait for is known when they are written, so a fixture's dependencies are static; what they become, when it is used.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

from dockerkit.errors import Invalid
from dockerkit.testing.templates import parse

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def names(value: Any) -> tuple[str, ...]:
    """Return the fixtures that a value waits for, each once, in the order of reading.

    :raises Invalid: a function whose arguments cannot be fixtures.
    """
    return tuple(dict.fromkeys(_names(value)))


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield from parse(value).names
    elif _is_function(value):
        yield from _arguments(value)
    elif type(value) is dict:
        for item in value.items():
            yield from _names(item)
    elif type(value) in (list, tuple):
        for inner in value:
            yield from _names(inner)


def resolved(value: Any, fixtures: Mapping[str, Any]) -> Any:
    """Return a value with every template filled and every function called.

    :raises Invalid: a template names what is not there.
    """
    if isinstance(value, str):
        return parse(value).render(fixtures)
    if _is_function(value):
        return value(**{name: fixtures[name] for name in _arguments(value)})
    if type(value) is dict:
        return {resolved(key, fixtures): resolved(inner, fixtures) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(resolved(inner, fixtures) for inner in value)
    return value


def _is_function(value: Any) -> TypeGuard[Callable[..., Any]]:
    return isinstance(value, (types.FunctionType, types.MethodType, functools.partial))


def _arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return a function's arguments without a default: its fixtures, as pytest reads a test's."""
    needed = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind not in _BY_NAME:
            raise Invalid(f"{function!r}: its arguments are fixtures, and {parameter.name} cannot be given by name")
        needed.append(parameter.name)
    return tuple(needed)
