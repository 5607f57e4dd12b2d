"""apt's configuration, as far as fetching goes: proxies, and whether dates are checked. Reads files, writes nothing.

Source: apt.conf(5), apt-transport-http(1).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from dockerkit.errors import Invalid

_TOKEN = re.compile(r'"(?P<text>[^"\n]*)"|(?P<mark>[{};])|(?P<word>[^\s{};"]+)|(?P<skip>\s+)')
_COMMENT = re.compile(r'("[^"\n]*")|//[^\n]*|/\*.*?\*/|^[ \t]*#[^\n]*', re.DOTALL | re.MULTILINE)
_PART = re.compile(r"[A-Za-z0-9_-]+(\.conf)?")
_NO = ("false", "no", "0", "off", "disable")


class AptConfiguration:
    """Settings by their full name in lower case, ``acquire::http::proxy``; the last one wins."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    @classmethod
    def read(cls, directory: str) -> AptConfiguration:
        """Read ``apt.conf.d`` and ``apt.conf`` of a directory (``/etc/apt``), in apt's order.

        :raises Invalid: a file is not in apt's syntax; names it.
        """
        settings: dict[str, str] = {}
        for path in _files(directory):
            with open(path, encoding="utf-8", errors="replace") as file:
                settings.update(parse(file.read(), path))
        return cls(settings)

    def flag(self, name: str, default: bool) -> bool:
        """Return a yes-or-no setting."""
        value = self._settings.get(name.lower(), "")
        return value.lower() not in _NO if value else default

    def proxy(self, url: str) -> str | None:
        """Return the proxy for a URL: one for the host, else one for the scheme; None leaves it to the environment.

        ``""`` means: directly.
        """
        parts = urlsplit(url)
        for name in (f"{parts.scheme}::proxy::{parts.hostname}", f"{parts.scheme}::proxy"):
            found = self._settings.get(f"acquire::{name}".lower())
            if found:
                return "" if found.upper() == "DIRECT" else found
        return None


def parse(text: str, path: str) -> dict[str, str]:
    """Return the settings of one file (apt.conf(5): ``A::B "x";`` and ``A { B "x"; };`` mix).

    :raises Invalid: braces that do not match, or a character that means nothing there.
    """
    settings: dict[str, str] = {}
    scopes: list[str] = []
    name = ""
    for kind, value in _tokens(_COMMENT.sub(lambda found: found[1] or " ", text), path):
        if kind == "word" and not name:
            name = value
        elif kind in ("text", "word"):
            settings["::".join([*scopes, name]).lower()] = value
        elif value == "{":
            scopes.append(name)
            name = ""
        elif value == "}":
            if not scopes:
                raise Invalid(f"{path}: a closing brace too many")
            scopes.pop()
            name = ""
        else:
            name = ""
    if scopes:
        raise Invalid(f"{path}: a closing brace is missing")
    return settings


def _tokens(text: str, path: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Invalid(f"{path}: cannot be read at {text[at : at + 20]!r}")
        at = found.end()
        if found.lastgroup and found.lastgroup != "skip":
            yield found.lastgroup, found[found.lastgroup]


def _files(directory: str) -> list[str]:
    parts = os.path.join(directory, "apt.conf.d")
    names = sorted(name for name in os.listdir(parts) if _PART.fullmatch(name)) if os.path.isdir(parts) else []
    paths = [*(os.path.join(parts, name) for name in names), os.path.join(directory, "apt.conf")]
    return [path for path in paths if os.path.isfile(path)]
