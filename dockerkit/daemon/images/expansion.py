"""Variables and quotes in a Dockerfile's arguments: ``$NAME``, ``${NAME}``, ``${NAME:-word}`` and their kin.

Source: Dockerfile reference, "Environment replacement". Pure; never runs a shell, never asks this process's environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dockerkit.daemon.images.instructions import split_words
from dockerkit.errors import Invalid

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*|[0-9]")
_MODIFIER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*|[0-9])(:?[-+?])?", re.DOTALL)


def expand(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """Return an argument with variables replaced and quotes and escapes taken away; it stays one word.

    :raises Invalid: an unknown form of ``${…}``, one without end, or a ``:?`` whose variable is not set.
    """
    return _Expander(text, variables, escape).run()


def expand_words(text: str, variables: Mapping[str, str], escape: str = "\\") -> list[str]:
    """Return the words of an argument after expansion; a variable with blanks in it makes several, an empty one none."""
    found: list[str] = []
    for word in split_words(text, escape):
        quoted = any(mark in word for mark in "'\"") or escape in word
        value = expand(word, variables, escape)
        found += [value] if quoted else value.split()
    return found


class _Expander:
    """One word being read."""

    def __init__(self, text: str, variables: Mapping[str, str], escape: str) -> None:
        self._text, self._variables, self._escape = text, variables, escape
        self._position = 0

    def run(self) -> str:
        """Return the word."""
        return self._until("", quoted=False)

    def _until(self, end: str, *, quoted: bool) -> str:
        out = ""
        while self._position < len(self._text):
            character = self._text[self._position]
            self._position += 1
            if character == end and end:
                return out
            if character == self._escape:
                out += self._escaped(quoted=quoted)
            elif character == "$":
                out += self._dollar()
            elif character == "'" and not quoted:
                out += self._literal()
            elif character == '"':
                out += self._until('"', quoted=True) if not quoted else character
            else:
                out += character
        if end:
            wanted = "double-quote" if end == '"' else end
            raise Invalid(f"unexpected end of statement while looking for matching {wanted}")
        return out

    def _escaped(self, *, quoted: bool) -> str:
        following = self._text[self._position : self._position + 1]
        self._position += 1
        if quoted and following not in ('"', "$", self._escape):
            return self._escape + following  # inside quotes only these have a meaning to take away
        return following

    def _literal(self) -> str:
        end = self._text.find("'", self._position)
        if end < 0:
            raise Invalid("unexpected end of statement while looking for matching single-quote")
        text, self._position = self._text[self._position : end], end + 1
        return text

    def _dollar(self) -> str:
        if self._text[self._position : self._position + 1] == "{":
            self._position += 1
            return self._braced()
        name = _NAME.match(self._text, self._position)
        if not name:
            return "$"
        self._position = name.end()
        return self._variables.get(name[0], "")

    def _braced(self) -> str:
        found = _MODIFIER.match(self._text, self._position)
        if not found:
            raise Invalid(f"syntax error: bad substitution in {self._text}")
        self._position = found.end()
        name, modifier = found[1], found[2]
        if not modifier:
            if self._text[self._position : self._position + 1] != "}":
                raise Invalid(f"unsupported modifier or missing }} in substitution: {self._text}")
            self._position += 1
            return self._variables.get(name, "")
        word = self._until("}", quoted=False)
        value = self._variables.get(name)
        there = value is not None and (bool(value) or not modifier.startswith(":"))
        if modifier.endswith("?") and not there:
            raise Invalid(f"{name}: {word or 'not allowed to be unset'}")
        if modifier.endswith("+"):
            return word if there else ""
        return value if there and value is not None else word
