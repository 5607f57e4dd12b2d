"""Dockerfile syntax: text becomes a list of instructions, each with its flags and its arguments still as written.

Continuations, comments, the ``escape`` directive, flags and the two forms of arguments (JSON and shell) are read here; what an
instruction means is decided elsewhere (:mod:`.configuring` for those that change a configuration). Source: Dockerfile
reference; wording of errors as the Dockerfile frontend of dockerd. Pure: reads no file, expands no variable.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from dockerkit.errors import Invalid

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_KEYWORD = re.compile(r"\s*(\S+)\s*(.*)", re.DOTALL)
_FLAG = re.compile(r"--(\S*)(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    :param keyword: in capitals.
    :param flags: ``--name=value`` before the arguments, in order.
    :param rest: everything behind keyword and flags, continuations joined.
    :param line: where it begins, counted from 1.
    :param escape: the character that takes the next one's meaning.
    """

    keyword: str
    flags: tuple[tuple[str, str], ...]
    rest: str
    line: int
    escape: str = "\\"

    def strings(self) -> list[str] | None:
        """Return the arguments of the JSON form, or None when it is written in the other.

        :raises Invalid: JSON, but not of strings only.
        """
        try:
            value = json.loads(self.rest) if self.rest.startswith("[") else None
        except ValueError:
            return None
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise Invalid("when using JSON array syntax, arrays must be comprised of strings only")
        return value if isinstance(value, list) else None

    def words(self) -> list[str]:
        """Return the arguments parted by blanks; quotes and escapes keep blanks together and are left in place."""
        return split_words(self.rest, self.escape)

    def pairs(self) -> list[tuple[str, str]]:
        """Return ``name=value`` arguments, or the one pair of the older form ``name value``; quotes are left in place.

        :raises Invalid: there are none, or one of them has no ``=``.
        """
        words = self.words()
        if not words:
            raise Invalid(f"{self.keyword} requires at least one argument")
        if "=" not in words[0]:
            name, *value = self.rest.split(None, 1)
            if not value:
                raise Invalid(f"{self.keyword} must have two arguments")
            return [(name, value[0])]
        for word in words:
            if "=" not in word:
                raise Invalid(f'Syntax error - can\'t find = in "{word}". Must be of the form: name=value')
        return [(name, value) for name, _, value in (word.partition("=") for word in words)]


def parse(text: str) -> list[Instruction]:
    """Read instructions; keywords are not judged.

    :raises Invalid: there is none.
    """
    escape = _escape(text)
    continued = re.compile(rf"{re.escape(escape)}[ \t]*$")
    found: list[Instruction] = []
    gathered, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not line.strip():
            continue  # also between the lines of one instruction
        start = start or number
        gathered += continued.sub("", line)
        if not continued.search(line):
            found.append(_read(gathered, start, escape))
            gathered, start = "", 0
    if gathered.strip():
        found.append(_read(gathered, start, escape))
    if not found:
        raise Invalid("file with no instructions")
    return found


def split_words(text: str, escape: str = "\\") -> list[str]:
    """Part a text at blanks outside of quotes; nothing is taken away but those blanks."""
    words, current, quote, position = [], "", "", 0
    while position < len(text):
        character = text[position]
        if character == escape and quote != "'" and position + 1 < len(text):
            current += text[position : position + 2]
            position += 2
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        if character.isspace() and not quote:
            words += [current] if current else []
            current = ""
        else:
            current += character
        position += 1
    return words + ([current] if current else [])


def _escape(text: str) -> str:
    """Return the escape character: directives are comments before anything else."""
    for line in text.splitlines():
        found = _DIRECTIVE.fullmatch(line.strip())
        if not found:
            break
        if found[1].lower() == "escape":
            if found[2] not in ("\\", "`"):
                raise Invalid(f"invalid escape token '{found[2]}' does not match ` or \\")
            return found[2]
    return "\\"


def _read(text: str, line: int, escape: str) -> Instruction:
    matched = _KEYWORD.fullmatch(text.strip())
    assert matched is not None  # the line is not blank
    keyword, rest = matched[1], matched[2].strip()
    flags: list[tuple[str, str]] = []
    while (flag := _FLAG.match(rest)) and flag[1]:
        name, _, value = flag[1].partition("=")
        flags.append((name, value))
        rest = rest[flag.end() :]
    return Instruction(keyword.upper(), tuple(flags), rest, line, escape)
