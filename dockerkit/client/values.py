"""The values a wish is made of, read from what people write: docker's one-string forms, numbers, mappings, paths.

Pure but for the caller's working directory, to which the source of a bind is relative. Every function returns something
hashable and comparable, so that equal wishes are equal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dockerkit.errors import Invalid
from dockerkit.schema.units import parse_size

Scalar = str | int | float
Size = str | int | float
Path = str | os.PathLike[str]
Pairs = tuple[tuple[str, Any], ...]
_PORT = re.compile(r"(?:\d+(?:-\d+)?)(?:/(?:tcp|udp|sctp))?", re.ASCII)
_HIGHEST_PORT = 65535
_PERMISSIONS = re.compile(r"[rwm]{1,3}")


class Bind(NamedTuple):
    """A file or folder of the host shown inside; `mode` holds docker's further options (``z``, ``rshared`` …)."""

    source: str
    target: str
    read_only: bool = False
    mode: str = ""

    def __str__(self) -> str:
        """Return docker's ``-v`` form."""
        options = ",".join(part for part in ("ro" if self.read_only else "", self.mode) if part)
        return ":".join(part for part in (self.source, self.target, options) if part)


class Device(NamedTuple):
    """A device of the host shown inside, with what may be done: r, w, m (mknod)."""

    host: str
    inside: str
    permissions: str = "rwm"


class Attach(NamedTuple):
    """A network to be on, under which further names, at which address."""

    network: str
    aliases: tuple[str, ...] = ()
    ip: str = ""


class Restart(NamedTuple):
    """When to start again, and how often at most (0: no limit)."""

    policy: str
    max_retries: int = 0


class Probe(NamedTuple):
    """How to probe health; seconds."""

    test: tuple[str, ...]
    interval: float = 0
    timeout: float = 0
    retries: int = 0
    start_period: float = 0
    start_interval: float = 0


def text(word: str, value: Any) -> str:
    """Return a text argument; numbers are written out.

    :raises TypeError: something else, by the name of the word.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{word}: expected text or a number, not {type(value).__name__} ({value!r})")


def texts(word: str, values: Iterable[Any]) -> tuple[str, ...]:
    """Return several text arguments."""
    return tuple(text(word, value) for value in values)


def number(word: str, value: Any) -> float:
    """Return a number, also from its decimal text.

    :raises TypeError: not a number.
    :raises Invalid: text that is none.
    """
    try:
        return float(text(word, value))
    except ValueError:
        raise Invalid(f"{word}: {value!r} is not a number") from None


def size(word: str, value: Any) -> int:
    """Return bytes from ``"256m"`` or a number.

    :raises Invalid: not a size; in the words of :func:`dockerkit.schema.units.parse_size`.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(f"{word}: expected a size, not {type(value).__name__} ({value!r})")
    if isinstance(value, (int, float)) and value < 0:
        raise Invalid(f"{word}: a size is not negative ({value!r})", hint='leave the word out for "without a limit"')
    return parse_size(value)


def pairs(word: str, mapping: Any, keywords: Mapping[str, Any], *, empty: bool = False) -> Pairs:
    """Return name and value pairs from a mapping or ``"NAME=value"``, and from keywords.

    :param empty: keep None as a value.
    :raises Invalid: text without ``=``.
    """
    said: list[tuple[str, Any]] = []
    if isinstance(mapping, str):
        name, equals, value = mapping.partition("=")
        if not equals or not name:
            raise Invalid(
                f"{word}: {mapping!r} is not NAME=value", hint=f'write {word}(NAME="value") or {word}({{"NAME": "value"}})'
            )
        said.append((name, value))
    elif isinstance(mapping, Mapping):
        said.extend(mapping.items())
    elif mapping is not None:
        raise TypeError(f"{word}: expected a mapping, not {type(mapping).__name__} ({mapping!r})")
    said.extend(keywords.items())
    return tuple((text(word, n), None if v is None and empty else text(f"{word} {n}", v)) for n, v in said)


def capabilities(word: str, names: Iterable[Any]) -> tuple[str, ...]:
    """Return capability names without ``CAP_``, in capitals."""
    return tuple(name.upper().removeprefix("CAP_") for name in texts(word, names))


def absolute(word: str, target: Any) -> str:
    """Return a path inside the container.

    :raises Invalid: relative, or with a colon, which Docker's forms cannot carry.
    """
    path = os.fspath(target)
    if not path.startswith("/") or ":" in path:
        raise Invalid(f"{word}: {path!r} is not an absolute path inside the container")
    return str(path)


def bind(source: Path, target: Path | None, read_only: bool) -> Bind:
    """Return a bind from source and target, or from docker's ``source:target[:options]``."""
    made = _mount("bind", source, target, read_only)
    if not made.source or ":" in made.source:
        raise Invalid(f"bind: {made.source!r} cannot be a source", hint="write bind(source, target); no colons in paths")
    return made._replace(source=os.path.abspath(os.path.expanduser(made.source)))


def volume(name: Any, target: Path | None, read_only: bool) -> Bind:
    """Return a named volume from name (or a live volume) and target or docker's ``name:target[:options]``; one path alone is
    anonymous.
    """
    name = str(name)
    if target is None and ":" not in name:
        return Bind("", absolute("volume", name), read_only)
    return _mount("volume", name, target, read_only)


def _mount(word: str, source: Path, target: Path | None, read_only: bool) -> Bind:
    written = os.fspath(source)
    if target is not None:
        return Bind(written, absolute(word, target), read_only)
    name, _, rest = written.partition(":")
    inside, _, options = rest.partition(":")
    modes = [mode for mode in options.split(",") if mode]
    further = ",".join(mode for mode in modes if mode not in ("ro", "rw"))
    return Bind(name, absolute(word, inside), read_only or "ro" in modes, further)


def port(value: Any) -> str:
    """Return docker's ``-p`` form; a number is a container port that gets a random host port; ``/tcp`` is understood.

    :raises Invalid: not that form.
    """
    written = text("publish", value).removesuffix("/tcp")
    host, _, container = written.rpartition(":")
    outside = host.rpartition(":")[2]
    numbers = [int(number) for number in re.findall(r"\d+", f"{outside} {container}")]
    if not _PORT.fullmatch(container) or (outside and not _PORT.fullmatch(outside)) or max(numbers) > _HIGHEST_PORT:
        raise Invalid(f"publish: {value!r} is not a port", hint='write 6379, "8080:80", "127.0.0.1:8080:80" or "53/udp"')
    return written


def device(host: str, inside: str | None, permissions: str) -> Device:
    """Return a device from its parts or from docker's ``host[:inside[:rwm]]``."""
    given = [*host.split(":"), *([inside] if inside else [])]
    if given[-1:] and len(given) > 1 and _PERMISSIONS.fullmatch(given[-1]):
        permissions = given.pop()
    if not 1 <= len(given) <= 2 or not all(path.startswith("/") for path in given) or not _PERMISSIONS.fullmatch(permissions):
        raise Invalid(f"device: {host!r} is not a device", hint='write "/dev/fuse" or "/dev/sda:/dev/xvda:r"')
    return Device(given[0], given[-1], permissions)


def limit(value: Any) -> tuple[int, int]:
    """Return (soft, hard) from a number, a pair, or ``"soft:hard"``; -1 is unlimited.

    :raises Invalid: not that.
    """
    try:
        parts = value.split(":") if isinstance(value, str) else [value] if isinstance(value, int) else list(value)
        soft, hard = (int(part) for part in (parts * 2 if len(parts) == 1 else parts))
    except (ValueError, TypeError):
        raise Invalid(
            f"ulimit: {value!r} is not a limit", hint='write ulimit("nofile", 1024), or (1024, 2048) for soft and hard'
        ) from None
    return soft, hard
