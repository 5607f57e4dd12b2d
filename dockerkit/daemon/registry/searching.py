"""Finding names: the old index API, which Docker Hub still has and few others do. Source: moby ``registry/search.go``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from dockerkit.daemon.registry.breaks import Broken, Garbled, Unconnected
from dockerkit.daemon.registry.contract import Credentials, SearchResult, Unreachable
from dockerkit.daemon.registry.endpoints import search_endpoints
from dockerkit.daemon.registry.following import follow
from dockerkit.daemon.registry.greeting import HINT, Greeter
from dockerkit.daemon.registry.refusals import shown
from dockerkit.daemon.registry.tokens import basic
from dockerkit.daemon.registry.wire import Request
from dockerkit.errors import Invalid, Unavailable, Unsupported
from dockerkit.schema.names import DEFAULT_REGISTRY

_LIMIT = 4 << 20
_FILTERS = ("is-automated", "is-official", "stars")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class _Results(msgspec.Struct):
    """The index's answer."""

    results: list[SearchResult] = msgspec.field(default_factory=list)


def search(
    greeter: Greeter, term: str, limit: int, filters: Mapping[str, Sequence[str]], credentials: Credentials | None
) -> list[SearchResult]:
    """Ask the index of the registry `term` starts with.

    :raises Invalid: a limit or filter dockerd refuses, in its words.
    :raises Unsupported: the registry has no index.
    """
    if not 0 <= limit <= 100:
        raise Invalid(f"Limit {limit} is outside the range of [1, 100]")
    keep = _Filter(filters)
    registry, word = _split(term)
    found = _ask(greeter, registry, urlencode({"q": word, "n": limit or 25}), credentials)
    for one in found:
        one.name = one.name if registry == DEFAULT_REGISTRY else f"{registry}/{one.name}"
    return [one for one in found if keep.admits(one)]


def _split(term: str) -> tuple[str, str]:
    if "://" in term:
        raise Invalid(f'invalid repository name: repository name ("{term}") should not have a scheme')
    host, slash, word = term.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return (DEFAULT_REGISTRY if host in ("index.docker.io", "docker.io") else host), word
    return DEFAULT_REGISTRY, term.removeprefix("library/")


def _ask(greeter: Greeter, registry: str, query: str, credentials: Credentials | None) -> list[SearchResult]:
    failure: Broken = Unconnected("nobody was asked")
    for place in search_endpoints(registry, greeter.settings):
        url = f"{place.base}/v1/search"
        headers = {"Authorization": basic(credentials)} if credentials and credentials.username else {}
        try:
            with follow(greeter.wire, Request("GET", f"{url}?{query}", headers), greeter.begin(), place) as answer:
                if answer.status != 200:
                    raise Unsupported(
                        f"registry {registry} cannot be searched: Unexpected status code {answer.status}",
                        hint="few registries have an index of names; its catalog may list them",
                    )
                return _read(answer.document(_LIMIT, greeter.settings.document_within))
        except Broken as broken:
            failure = type(broken)(f"{shown('Get', url)}: {broken}")
    if isinstance(failure, Unconnected):
        raise Unreachable(str(failure), hint=HINT)
    raise Unavailable(str(failure), hint=f"{registry}: {failure.hint}")


def _read(content: bytes) -> list[SearchResult]:
    try:
        return msgspec.json.decode(content, type=_Results).results
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Garbled(f"the index's answer cannot be read: {error}") from None


class _Filter:
    """``docker search --filter``."""

    def __init__(self, filters: Mapping[str, Sequence[str]]) -> None:
        for name in filters:
            if name not in _FILTERS:
                raise Invalid(f"Invalid filter '{name}'")
        self._stars = max((_number(value) for value in filters.get("stars", ())), default=0)
        self._official = [_truth("is-official", value) for value in filters.get("is-official", ())]
        self._automated = [_truth("is-automated", value) for value in filters.get("is-automated", ())]

    def admits(self, one: SearchResult) -> bool:
        """Tell whether a result is wanted."""
        return (
            one.star_count >= self._stars
            and all(one.is_official == wanted for wanted in self._official)
            and all(one.is_automated == wanted for wanted in self._automated)
        )


def _number(value: str) -> int:
    if not value.isdecimal():
        raise Invalid(f"Invalid filter 'stars=[{value}]'")
    return int(value)


def _truth(name: str, value: str) -> bool:
    if value.lower() not in _TRUTHS:
        raise Invalid(f"Invalid filter '{name}=[{value}]'")
    return _TRUTHS[value.lower()]
