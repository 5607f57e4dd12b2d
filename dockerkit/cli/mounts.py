"""``-v``, ``--mount`` and ``--tmpfs`` in Docker's grammar. Pure: no file is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dockerkit.cli.refusals import Failure

_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
_KNOWN = frozenset({"type", "source", "target", "readonly", "bind-propagation", "tmpfs-size", "tmpfs-mode", "consistency"})
_YES = frozenset({"", "true", "1"})


@dataclass
class Mounts:
    """What was said of mounts: binds and volumes in ``-v``'s form, and tmpfs by target."""

    binds: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    tmpfs: dict[str, str] = field(default_factory=dict)


def read_mounts(volumes: Iterable[str], mounts: Iterable[str], tmpfs: Iterable[str]) -> Mounts:
    """Return what the three flags said.

    :raises Failure: not their grammar.
    """
    read = Mounts()
    for said in volumes:
        source, colon, _ = said.partition(":")
        (read.binds if colon and source.startswith((".", "/", "~")) else read.volumes).append(said)
    for said in mounts:
        _mount(read, said)
    for said in tmpfs:
        target, _, flags = said.partition(":")
        read.tmpfs[target] = flags
    return read


def _mount(read: Mounts, said: str) -> None:
    options = _options(said)
    kind, target = options.get("type", "volume"), options.get("target", "")
    if not target:
        raise Failure(f'invalid argument "{said}" for "--mount" flag: target is required', code=125)
    if kind == "tmpfs":
        flags = [f"{key}={options[f'tmpfs-{key}']}" for key in ("size", "mode") if f"tmpfs-{key}" in options]
        read.tmpfs[target] = ",".join([*flags, *(["ro"] if "readonly" in options else [])])
        return
    if kind not in ("bind", "volume"):
        raise Failure(f"--mount type={kind} is not offered yet", code=125, hint="bind and tmpfs are")
    flags = [*(["ro"] if "readonly" in options else []), *filter(None, [options.get("bind-propagation", "")])]
    written = ":".join(filter(None, [options.get("source", ""), target, ",".join(flags)]))
    (read.binds if kind == "bind" else read.volumes).append(written)


def _options(said: str) -> dict[str, str]:
    options = {}
    for each in said.split(","):
        key, _, value = each.partition("=")
        key = _ALIASES.get(key.strip().lower(), key.strip().lower())
        if key not in _KNOWN:
            raise Failure(f"invalid argument \"{said}\" for \"--mount\" flag: unexpected key '{key}' in '{each}'", code=125)
        if key != "readonly" or value.lower() in _YES:
            options[key] = value
    return options
