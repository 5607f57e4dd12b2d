"""Writes a template with a value. Never changes the value, never reaches beyond it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dockerkit.cli.template.functions import FUNCTIONS, text, truth
from dockerkit.cli.template.parsing import Node, Operand, Pipeline, parse
from dockerkit.cli.template.tokens import TemplateError

__all__ = ["Template", "TemplateError"]
_NONE = object()


class Template:
    """A template that has been read; write it with as many values as you like.

    :param functions: instead of, or beside, the usual ones.
    :raises TemplateError: it is none.
    """

    def __init__(self, source: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._functions = {**FUNCTIONS, **(functions or {})}
        self._nodes = parse(source, self._functions)

    def write(self, value: Any) -> str:
        """Return the template's text for a value.

        :raises TemplateError: a field that is not there, or a function that cannot take its arguments.
        """
        return "".join(_Run(self._functions, value).nodes(self._nodes, value))


class _Run:
    def __init__(self, functions: Mapping[str, Callable[..., Any]], root: Any) -> None:
        self.functions = functions
        self.variables: dict[str, Any] = {"$": root}

    def nodes(self, nodes: list[Node], dot: Any) -> list[str]:
        written: list[str] = []
        for node in nodes:
            if node.kind == "text":
                written.append(node.text)
            else:
                written += getattr(self, f"do_{node.kind}")(node, dot)
        return written

    def do_write(self, node: Node, dot: Any) -> list[str]:
        assert node.pipeline is not None
        value = self.pipeline(node.pipeline, dot)
        return [] if node.pipeline.names else [text(value)]

    def do_if(self, node: Node, dot: Any) -> list[str]:
        assert node.pipeline is not None
        return self.nodes(node.body if truth(self.pipeline(node.pipeline, dot)) else node.otherwise, dot)

    def do_with(self, node: Node, dot: Any) -> list[str]:
        assert node.pipeline is not None
        value = self.pipeline(node.pipeline, dot)
        return self.nodes(node.body, value) if truth(value) else self.nodes(node.otherwise, dot)

    def do_range(self, node: Node, dot: Any) -> list[str]:
        assert node.pipeline is not None
        names = node.pipeline.names
        value = self.commands(node.pipeline, dot)
        written: list[str] = []
        for key, item in _items(value):
            self.variables.update(
                zip(names[-1:] if len(names) == 1 else names, (item,) if len(names) == 1 else (key, item), strict=False)
            )
            written += self.nodes(node.body, item)
        return written or (self.nodes(node.otherwise, dot) if not value else [])

    # values

    def pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        value = self.commands(pipeline, dot)
        self.variables.update((name, value) for name in pipeline.names)
        return value

    def commands(self, pipeline: Pipeline, dot: Any) -> Any:
        value: Any = _NONE
        for command in pipeline.commands:
            value = self.command(command, dot, () if value is _NONE else (value,))
        return value

    def command(self, command: list[Operand], dot: Any, piped: tuple[Any, ...]) -> Any:
        first, *rest = command
        arguments = (*(self.operand(each, dot) for each in rest), *piped)
        if first.kind == "function":
            return _called(first, self.functions[first.value], arguments)
        value = self.operand(first, dot, method=bool(arguments))
        if callable(value):
            return _called(first, value, arguments)
        if arguments:
            raise _failed(first, f"can't give argument to non-function {first.text}")
        return value

    def operand(self, operand: Operand, dot: Any, *, method: bool = False) -> Any:
        value = self.start(operand, dot)
        for name in operand.fields:
            value = _field(operand, value, name)
        return _called(operand, value, ()) if callable(value) and not method and operand.kind != "function" else value

    def start(self, operand: Operand, dot: Any) -> Any:
        if operand.kind == "dot":
            return dot
        if operand.kind == "variable":
            if operand.value not in self.variables:
                raise TemplateError(f'template: :1: undefined variable "{operand.value}"')
            return self.variables[operand.value]
        if operand.kind == "pipe":
            return self.commands(operand.value, dot)
        if operand.kind == "function":
            return _called(operand, self.functions[operand.value], ())
        return operand.value


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return [(number, number) for number in range(value)]
    if value is None or isinstance(value, (list, tuple)):
        return list(enumerate(value or ()))
    raise TemplateError(f"range can't iterate over {text(value)}")


def _field(operand: Operand, value: Any, name: str) -> Any:
    """Return a field: of a mapping its entry, of a row its column."""
    if hasattr(value, "column"):
        found = value.column(name)
        if found is not None:
            return found[0]
        if not isinstance(value, Mapping):
            raise _failed(operand, f"can't evaluate field {name} in type {value.type}")
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        raise _failed(operand, f'map has no entry for key "{name}"')
    if value is None:
        raise _failed(operand, f"nil pointer evaluating interface {{}}.{name}")
    raise _failed(operand, f"can't evaluate field {name} in type {type(value).__name__}")


def _called(operand: Operand, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    name = operand.fields[-1] if operand.fields else operand.value
    try:
        return function(*arguments)
    except TemplateError as error:
        raise _failed(operand, error.message) from None
    except (TypeError, AttributeError, ValueError, IndexError) as error:
        raise _failed(operand, f"error calling {name}: {error}") from None


def _failed(operand: Operand, why: str) -> TemplateError:
    return TemplateError(f'template: :1:{operand.at}: executing "" at <{operand.text}>: {why}')
