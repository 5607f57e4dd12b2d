"""Makes a tree of a template: nodes with pipelines in them. Never runs anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from dockerkit.cli.template.tokens import Piece, TemplateError, Token, pieces

_REFUSED, _ENDS = frozenset({"define", "template", "block", "break", "continue"}), frozenset({"end", "else"})
_CONSTANTS = {"true": True, "false": False, "nil": None}


@dataclass(slots=True)
class Operand:
    """One thing with the fields asked of it: ``.A.B``, ``$x.A``, ``"text"``, ``join``, ``(len .A)``."""

    kind: str
    """``dot``, ``variable``, ``constant``, ``function`` or ``pipe``."""
    value: Any = None
    fields: tuple[str, ...] = ()
    text: str = ""
    at: int = 0


@dataclass(slots=True)
class Pipeline:
    """Commands, each fed with what came of the one before; `names` are the variables it sets."""

    commands: list[list[Operand]]
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Node:
    """Text, or an action: ``write``, ``if``, ``range`` or ``with``."""

    kind: str
    text: str = ""
    pipeline: Pipeline | None = None
    body: list[Node] = field(default_factory=list)
    otherwise: list[Node] = field(default_factory=list)


class _Action:
    """Reads the tokens of one action."""

    def __init__(self, piece: Piece, functions: Collection[str]) -> None:
        self.tokens = piece.tokens or []
        self.line = piece.line
        self.functions = functions
        self.next = 0

    def peek(self, text: str = "") -> Token | None:
        token = self.tokens[self.next] if self.next < len(self.tokens) else None
        return token if token is not None and text in ("", token.text) else None

    def take(self) -> Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def wrong(self, what: str) -> TemplateError:
        return TemplateError(f"template: :{self.line}: {what}")

    def pipeline(self, *, inner: bool = False) -> Pipeline:
        names = () if inner else self.names()
        commands = [self.command()]
        while self.peek("|"):
            self.take()
            commands.append(self.command())
        if not inner and (token := self.peek()):
            raise self.wrong(f"unexpected {token.text!r} in operand")
        return Pipeline(commands, names)

    def names(self) -> tuple[str, ...]:
        """Read ``$a :=`` or ``$a, $b :=`` in front of a pipeline."""
        marks = [token.text for token in self.tokens[self.next : self.next + 4]]
        for count, shape in ((1, marks[1:2]), (2, marks[3:4])):
            if shape in ([":="], ["="]) and (count == 1 or marks[1] == ","):
                names = tuple(marks[: 2 * count : 2])
                self.next += 2 * count
                return names
        return ()

    def command(self) -> list[Operand]:
        operands: list[Operand] = []
        while (token := self.peek()) and token.text not in ("|", ")"):
            operands.append(self.operand())
        if not operands:
            raise self.wrong("missing value for command")
        return operands

    def operand(self) -> Operand:
        token = self.take()
        made = self.start(token)
        made.at = token.at
        made.text = token.text
        while (more := self.peek()) and more.kind == "field" and not more.spaced:
            self.take()
            made.fields = (*made.fields, more.text[1:])
            made.text += more.text
        return made

    def start(self, token: Token) -> Operand:
        if token.text == "(":
            return self.parenthesis()
        if token.kind == "field":
            return Operand("dot", fields=(token.text[1:],))
        if token.kind in ("dot", "variable"):
            return Operand(token.kind, token.text)
        if token.kind in ("number", "string") or token.text in _CONSTANTS:
            return Operand("constant", self.constant(token))
        if token.text in self.functions:
            return Operand("function", token.text)
        if token.kind == "word":
            raise self.wrong(f'function "{token.text}" not defined')
        raise self.wrong(f"unexpected {token.text!r} in command")

    def parenthesis(self) -> Operand:
        inner = self.pipeline(inner=True)
        if not self.peek(")"):
            raise self.wrong("unclosed left paren")
        self.take()
        return Operand("pipe", inner)

    def constant(self, token: Token) -> Any:
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        return self.string(token.text) if token.kind == "string" else _CONSTANTS[token.text]

    def string(self, text: str) -> str:
        if text.startswith("`"):
            return text[1:-1]
        try:
            return str(json.loads(text))
        except ValueError:
            raise self.wrong(f"invalid syntax: {text}") from None


class _Tree:
    def __init__(self, template: str, functions: Collection[str]) -> None:
        self.pieces = list(pieces(template))
        self.functions = functions
        self.next = 0

    def nodes(self, inside: str = "") -> tuple[list[Node], Piece | None]:
        """Return the nodes up to what ends them (``else`` or ``end``), and that."""
        found: list[Node] = []
        while self.next < len(self.pieces):
            piece = self.pieces[self.next]
            self.next += 1
            if piece.tokens is None:
                found.append(Node("text", piece.text))
                continue
            word = piece.tokens[0].text if piece.tokens else ""
            if word in _ENDS:
                if not inside:
                    raise TemplateError(f"template: :{piece.line}: unexpected {{{{{word}}}}}")
                return found, piece
            found.append(self.action(piece, word))
        if inside:
            raise TemplateError(f"template: :{self.pieces[-1].line}: unexpected EOF")
        return found, None

    def action(self, piece: Piece, word: str) -> Node:
        if word in _REFUSED:
            raise TemplateError(
                f"template: :{piece.line}: {word} is not offered here", hint="if, range, with and functions are"
            )
        action = _Action(piece, self.functions)
        if word not in ("if", "range", "with"):
            return Node("write", pipeline=action.pipeline())
        action.take()
        return self.block(word, action)

    def block(self, word: str, action: _Action) -> Node:
        node = Node(word, pipeline=action.pipeline())
        node.body, end = self.nodes(word)
        if end is not None and end.tokens and end.tokens[0].text == "else":
            node.otherwise = self.otherwise(end)
        return node

    def otherwise(self, end: Piece) -> list[Node]:
        """Read what follows ``else``, which may be a block itself: ``{{else if …}}``."""
        if end.tokens is not None and len(end.tokens) > 1:
            action = _Action(end, self.functions)
            action.take()
            return [self.block(action.take().text, action)]
        return self.nodes("else")[0]


def parse(template: str, functions: Collection[str] | dict[str, Callable[..., Any]]) -> list[Node]:
    """Return the nodes of a template.

    :param functions: the names that are known.
    :raises TemplateError: it is none, in Go's words.
    """
    return _Tree(template, functions).nodes()[0]
