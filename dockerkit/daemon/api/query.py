"""Query strings, decoded as dockerd does: ``""``, ``0``, ``no``, ``false`` and ``none`` are false, the first value counts.

Pure. Numbers and times that are none are refused with the name of the parameter.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from dockerkit.errors import Invalid
from dockerkit.schema import units

FALSE = frozenset({"", "0", "no", "false", "none"})
"""Everything else is true (moby ``httputils.BoolValue``)."""
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}")
_UNIX_TIME = re.compile(r"(-?\d{1,12})(?:\.(\d{1,9})\d*)?")
_INTEGER = re.compile(r"[+-]?\d{1,18}")


class Query:
    """The parameters of one request; an absent one is the same as an empty one, as in Docker."""

    __slots__ = ("_values",)

    def __init__(self, text: str = "") -> None:
        self._values: dict[str, list[str]] = {}
        for pair in text.split("&") if text else ():
            if pair:
                key, _, value = pair.partition("=")
                self._values.setdefault(_unescape(key), []).append(_unescape(value))

    def text(self, name: str, default: str = "") -> str:
        """Return the first value of `name`, or `default` when it is absent or empty."""
        return self._values.get(name, ("",))[0] or default

    def texts(self, name: str) -> list[str]:
        """Return all values of `name`."""
        return list(self._values.get(name, ()))

    def flag(self, name: str, default: bool = False) -> bool:
        """Return whether `name` is set to something true; `default` when it is absent."""
        if name not in self._values:
            return default
        return self._values[name][0].strip().lower() not in FALSE

    def integer(self, name: str) -> int | None:
        """Return `name` as a number, None when it is absent or empty.

        :raises Invalid: not a number.
        """
        text = self.text(name)
        if not text:
            return None
        if not _INTEGER.fullmatch(text):
            raise Invalid(f"invalid value for {name!r}: {text!r} is not an integer")
        return int(text)

    def moment(self, name: str) -> int:
        """Return `name` in nanoseconds since 1970: ``1700000000``, ``1700000000.123456789`` or RFC 3339; 0 when absent.

        :raises Invalid: not such a moment.
        """
        text = self.text(name)
        if not text:
            return 0
        found = _UNIX_TIME.fullmatch(text)
        if not found:
            try:
                return units.from_rfc3339(text)
            except ValueError:
                raise Invalid(
                    f"invalid value for {name!r}: {text!r} is not a time",
                    hint="write seconds since 1970, with a fraction if you like, or 2026-01-31T12:00:00Z",
                ) from None
        return int(found[1]) * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))

    def filters(self, name: str = "filters") -> dict[str, list[str]]:
        """Return filters, from either of Docker's forms: ``{"status":["exited"]}`` or ``{"status":{"exited":true}}``.

        :raises Invalid: not JSON, or JSON of another shape.
        """
        text = self.text(name)
        if not text:
            return {}
        try:
            decoded = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Invalid(f"invalid filters: {error}", hint='write JSON such as {"status":["exited"]}') from None
        if not isinstance(decoded, dict):
            raise Invalid("invalid filters: not a JSON object", hint='write JSON such as {"status":["exited"]}')
        return {key: _filter_values(key, value) for key, value in decoded.items()}


def _filter_values(key: str, value: Any) -> list[str]:
    values = list(value) if isinstance(value, (list, dict)) else None
    if values is None or not all(isinstance(item, str) for item in values):
        raise Invalid(f"invalid filters: the values of {key!r} are not a list of strings")
    return values


def _unescape(text: str) -> str:
    found = _BAD_ESCAPE.search(text)
    if found:
        raise Invalid(f'invalid URL escape "{found[0]}"')
    return unquote_plus(text)
