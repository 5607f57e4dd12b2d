"""Routes as a table, and the negotiation of the API version that dockerd does with its path prefix. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dockerkit.daemon.api.answers import Pending
from dockerkit.daemon.api.errors import PageNotFound
from dockerkit.errors import Invalid
from dockerkit.schema.endpoint import API_VERSION, MIN_API_VERSION, version_tuple

if TYPE_CHECKING:
    from dockerkit.daemon.api.call import Call

Handler = Callable[["Call"], Pending]
_Shape = tuple[str, str, str]
_PREFIX = re.compile(r"/v([0-9.]{1,16})(/.*)")
_NEWEST = version_tuple(API_VERSION)
_OLDEST = version_tuple(MIN_API_VERSION)


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a table: ``GET /containers/{id}/json`` is answered by a handler, from an API version on.

    ``{name}`` stands for one segment of the path, ``{name:path}`` for several (image names have slashes).
    """

    method: str
    template: str
    handler: Handler
    since: str = MIN_API_VERSION


@dataclass(frozen=True, slots=True)
class Match:
    """What the router found: the handler, the path's parameters in order, the API version the client speaks."""

    handler: Handler
    parameters: tuple[str, ...]
    version: tuple[int, int]


class Router:
    """Finds the handler of a request; literal paths win over templates, those that end literally over others."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._literal: dict[tuple[str, str], Route] = {}
        self._patterns: dict[_Shape, list[tuple[re.Pattern[str], Route]]] = {}
        for route in routes:
            if "{" in route.template:
                self._patterns.setdefault(_shape(route), []).append((_pattern(route.template), route))
            else:
                self._literal[route.method, route.template] = route

    def find(self, method: str, path: str) -> Match:
        """Return the match of a request.

        :raises NotFound: no such route; as in dockerd also when the path exists under another method.
        :raises Invalid: the route exists, but the client's API version is not spoken here; in dockerd's words.
        """
        prefixed = _PREFIX.fullmatch(path)
        bare = prefixed[2] if prefixed else path
        route, parameters = self._route(method, bare)
        version = negotiate(prefixed[1]) if prefixed else _NEWEST
        if version < version_tuple(route.since):
            raise PageNotFound
        return Match(route.handler, parameters, version)

    def _route(self, method: str, path: str) -> tuple[Route, tuple[str, ...]]:
        route = self._literal.get((method, path))
        if route is not None:
            return route, ()
        first, last = path[1:].partition("/")[0], path.rpartition("/")[2]
        for shape in ((method, first, last), (method, first, "")):
            for pattern, candidate in self._patterns.get(shape, ()):
                found = pattern.fullmatch(path)
                if found:
                    return candidate, tuple(map(unquote, found.groups()))
        raise PageNotFound


def _shape(route: Route) -> _Shape:
    """Return what a path must have to be looked at: method, first segment, and last one unless that is a parameter."""
    first, last = route.template[1:].partition("/")[0], route.template.rpartition("/")[2]
    return route.method, first, "" if "{" in last else last


@lru_cache(maxsize=64)
def negotiate(text: str) -> tuple[int, int]:
    """Return the version a client asks for, ``1.41`` → ``(1, 41)``.

    :raises Invalid: older or newer than what is spoken here.
    """
    numbers = [int(part) if part else 0 for part in text.split(".")]
    version = (numbers[0], numbers[1] if len(numbers) > 1 else 0)
    if version < _OLDEST:
        raise Invalid(
            f"client version {text} is too old. Minimum supported API version is {MIN_API_VERSION}, "
            "please upgrade your client to a newer version"
        )
    if version > _NEWEST:
        raise Invalid(f"client version {text} is too new. Maximum supported API version is {API_VERSION}")
    return version


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+(:path)?\}", template)
    text = re.escape(parts[0])
    for kind, literal in zip(parts[1::2], parts[2::2], strict=True):
        text += (r"(.+)" if kind else r"([^/]+)") + re.escape(literal)
    return re.compile(text)
