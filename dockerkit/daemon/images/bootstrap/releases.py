"""A suite's signed index of indices, ``InRelease``: whose it is, when it was made, and what it vouches for.

Source: Debian wiki "DebianRepository/Format"; apt-secure(8). Fetches nothing; :mod:`.mirror` does.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dockerkit.daemon.images.bootstrap.aptconf import AptConfiguration
from dockerkit.daemon.images.bootstrap.sources import Source, parse_stanzas
from dockerkit.errors import Damaged

_ORIGINS = ("Debian", "Ubuntu", "Raspbian")
_CLOCK_SKEW = timedelta(minutes=10)
_LISTED = re.compile(r"^\s*([0-9a-f]{64})\s+(\d+)\s+(\S+)$", re.MULTILINE)
Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Release:
    """A suite's signed index of indices."""

    source: Source
    fields: dict[str, str]

    @property
    def archive(self) -> str:
        """What the archive calls itself: ``Debian bookworm``."""
        return f"{self.fields.get('origin')} {self.fields.get('codename')}"

    @property
    def date(self) -> int:
        """When it was made, in seconds since 1970; 0 when it does not say."""
        made = self.fields.get("date", "")
        return int(_date(made, self.archive).timestamp()) if made else 0

    def listed(self, path: str) -> tuple[str, int] | None:
        """Return SHA-256 and size of a file of this suite, or None."""
        for digest, size, name in _LISTED.findall(self.fields.get("sha256", "")):
            if name == path:
                return digest, int(size)
        return None


def read_release(text: bytes, source: Source, url: str, configuration: AptConfiguration, *, now: Now) -> Release | None:
    """Return a release whose signature was verified; None when it is somebody else's archive.

    :raises Damaged: it is another suite's, has outlived itself, or is from the future.
    """
    fields = next(parse_stanzas(text.decode("utf-8", "replace")), {})
    if fields.get("origin") not in _ORIGINS:
        return None
    if source.suite not in (fields.get("suite"), fields.get("codename")):
        raise Damaged(f"{url} is the index of {fields.get('suite')}, not of {source.suite}")
    _check_dates(source, fields, url, configuration, now())
    return Release(source, fields)


def _check_dates(source: Source, fields: dict[str, str], url: str, configuration: AptConfiguration, now: datetime) -> None:
    """Refuse an index that has outlived itself (a mirror frozen before a security update) or is from the future."""
    checked = configuration.flag("Acquire::Check-Valid-Until", True)
    until = fields.get("valid-until", "")
    if until and (checked if source.check_valid_until is None else source.check_valid_until) and _date(until, url) < now:
        raise Damaged(f"{url} was valid until {until}", hint="update the mirror, or set this host's clock")
    made = fields.get("date", "")
    if made and configuration.flag("Acquire::Check-Date", True) and _date(made, url) > now + _CLOCK_SKEW:
        raise Damaged(f"{url} is dated {made}, in the future", hint="set this host's clock")


def _date(text: str, url: str) -> datetime:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        raise Damaged(f"{url} holds a malformed date: {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
