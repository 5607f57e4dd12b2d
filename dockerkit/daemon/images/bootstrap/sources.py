"""Where the host's distribution keeps its packages: the entries of apt's source lists that are its own archive.

Source: sources.list(5), both styles. Third parties' archives are left out by suite and component here, and by the signed
origin in :mod:`.mirror`. Reads files; contacts nobody.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SUITES = ("stable", "oldstable", "testing", "unstable", "sid")
_POCKETS = ("", "-security", "-updates")
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+[^\s#]+)*)")


@dataclass(frozen=True, slots=True)
class Source:
    """One archive and suite.

    :param signed_by: keyring files, key fingerprints or one armoured key; empty: whatever the host trusts.
    :param check_valid_until: what the entry says about the index's last day, or None.
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    architectures: tuple[str, ...] = ()
    signed_by: tuple[str, ...] = field(default=())
    check_valid_until: bool | None = None


def read_sources(directory: str, *, codename: str) -> list[Source]:
    """Return the entries of ``sources.list`` and ``sources.list.d`` that are the distribution's own ``main``, over HTTP(S).

    :param directory: apt's, ``/etc/apt``.
    :param codename: the host's release (os-release(5) VERSION_CODENAME); its suites and pockets count as its own.
    """
    suites = {f"{name}{pocket}" for name in (*_SUITES, *([codename] if codename else [])) for pocket in _POCKETS}
    entries = (entry for path in _files(directory) for entry in _read(path))
    own = [e for e in entries if e.suite in suites and "main" in e.components and e.uri.startswith(("http://", "https://"))]
    return list(dict.fromkeys(own))


def parse_one_line(text: str) -> Iterator[Source]:
    """Yield the ``deb`` entries of a one-line-style list."""
    for line in text.splitlines():
        found = _ONE_LINE.match(line.strip())
        if found is None:
            continue
        options = dict(option.lower().partition("=")[::2] for option in (found["options"] or "").split() if "=" in option)
        raw = dict(option.partition("=")[::2] for option in (found["options"] or "").split())
        yield Source(
            uri=found["uri"].rstrip("/"),
            suite=found["suite"],
            components=tuple(found["components"].split()),
            architectures=_commas(options.get("arch", "")),
            signed_by=_commas(next((value for key, value in raw.items() if key.lower() == "signed-by"), "")),
            check_valid_until=_flag(options.get("check-valid-until", "")),
        )


def parse_deb822(text: str) -> Iterator[Source]:
    """Yield the enabled ``deb`` entries of a deb822-style file, one for each URI and suite."""
    for stanza in parse_stanzas(text):
        if "deb" not in stanza.get("types", "").split() or _flag(stanza.get("enabled", "")) is False:
            continue
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                yield Source(
                    uri=uri.rstrip("/"),
                    suite=suite,
                    components=tuple(stanza.get("components", "").split()),
                    architectures=tuple(stanza.get("architectures", "").split()),
                    signed_by=_signed_by(stanza.get("signed-by", "")),
                    check_valid_until=_flag(stanza.get("check-valid-until", "")),
                )


def parse_stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the stanzas of a deb822 text (deb822(5)), field names in lower case; a lone ``.`` line is an empty one."""
    stanza: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if stanza:
                yield stanza
            stanza, last = {}, ""
        elif line.startswith((" ", "\t")) and last:
            stanza[last] += "\n" + ("" if line.strip() == "." else line[1:])
        elif not line.startswith("#"):
            name, _, value = line.partition(":")
            last = name.strip().lower()
            stanza[last] = value.strip()


def _signed_by(value: str) -> tuple[str, ...]:
    if "-----BEGIN PGP" in value:
        return (value.strip() + "\n",)
    return tuple(value.replace(",", " ").split())


def _commas(value: str) -> tuple[str, ...]:
    return tuple(part for part in value.split(",") if part)


def _flag(value: str) -> bool | None:
    return value.lower() in ("yes", "true", "1") if value else None


def _read(path: str) -> Iterator[Source]:
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    return parse_deb822(text) if path.endswith(".sources") else parse_one_line(text)


def _files(directory: str) -> list[str]:
    parts = os.path.join(directory, "sources.list.d")
    names = sorted(os.listdir(parts)) if os.path.isdir(parts) else []
    paths = [
        os.path.join(directory, "sources.list"),
        *(os.path.join(parts, n) for n in names if n.endswith((".list", ".sources"))),
    ]
    return [path for path in paths if os.path.isfile(path)]
