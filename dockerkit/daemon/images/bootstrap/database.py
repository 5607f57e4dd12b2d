"""dpkg's own records of what is installed, written so that the dpkg and apt inside go on from them.

Source: dpkg's ``lib/dpkg`` (dbmodify, infodb, trigdeferred, triglib) as documented in dpkg-trigger(1), deb-triggers(5),
dpkg(1) "package states". Packages are recorded as "unpacked"; their own dpkg configures them. Runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.bootstrap.resolution import left_out
from dockerkit.daemon.images.bootstrap.sources import parse_stanzas
from dockerkit.daemon.images.bootstrap.unpacking import Unpacked, Unpacker
from dockerkit.errors import Damaged

_HOME = "/var/lib/dpkg"
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
_NOT_INFO = ("control", "conffiles")


@dataclass(frozen=True, slots=True)
class Record:
    """One package as it was unpacked."""

    control: Mapping[str, bytes]
    unpacked: Unpacked

    @property
    def fields(self) -> dict[str, str]:
        """Its control fields, names in lower case."""
        return next(parse_stanzas(self.control["control"].decode("utf-8", "replace")))

    @property
    def file_name(self) -> str:
        """What its files in dpkg's database are called: with the architecture where several may be installed."""
        fields = self.fields
        return f"{fields['package']}:{fields['architecture']}" if fields.get("multi-arch") == "same" else fields["package"]


def write(unpacker: Unpacker, records: Sequence[Record], *, dropped: Sequence[str] = ()) -> None:
    """Add packages to the database of a tree and the layers below it.

    :param dropped: names (patterns) taken out of their dependencies, because what needed them was left out.
    :raises Damaged: a control file is malformed.
    """
    unpacker.write(f"{_HOME}/info/format", b"1\n")
    for name in ("available", "diversions", "statoverride"):
        if not unpacker.union.read(("var", "lib", "dpkg", name)):
            unpacker.write(f"{_HOME}/{name}", b"")
    before = unpacker.union.read(("var", "lib", "dpkg", "status"))
    unpacker.write(f"{_HOME}/status", before + b"".join(_stanza(unpacker, record, dropped) for record in records))
    for record in records:
        _write_info(unpacker, record)
    _write_triggers(unpacker, records)


def _stanza(unpacker: Unpacker, record: Record, dropped: Sequence[str]) -> bytes:
    text = record.control["control"].decode("utf-8", "surrogateescape").strip("\n")
    if not text.startswith("Package: "):
        raise Damaged("package is malformed: its control file does not begin with its name")
    first, _, rest = text.partition("\n")
    lines = [_without(line, dropped) if line.startswith(("Depends:", "Pre-Depends:")) else line for line in rest.split("\n")]
    stanza = "\n".join([first, "Status: install ok unpacked", *lines, *_conffiles(unpacker, record)])
    return f"{stanza}\n\n".encode("utf-8", "surrogateescape")


def _without(line: str, dropped: Sequence[str]) -> str:
    field, _, value = line.partition(":")
    groups = [group.strip() for group in value.split(",")]
    return f"{field}: {', '.join(group for group in groups if not left_out(group.split(' ')[0].split(':')[0], dropped))}"


def _conffiles(unpacker: Unpacker, record: Record) -> list[str]:
    names = [name.strip() for name in record.control.get("conffiles", b"").decode().splitlines()]
    places = record.unpacked.places
    found = [f" {name} {unpacker.md5(places[name])}" for name in names if name in places]
    return ["Conffiles:", *found] if found else []


def _write_info(unpacker: Unpacker, record: Record) -> None:
    stem = f"{_HOME}/info/{record.file_name}"
    unpacker.write(f"{stem}.list", "".join(f"{path}\n" for path in record.unpacked.paths).encode("utf-8", "surrogateescape"))
    for name, content in record.control.items():
        if name not in _NOT_INFO:
            unpacker.write(f"{stem}.{name}", content, 0o755 if name in _SCRIPTS else 0o644)
    if "conffiles" in record.control:
        unpacker.write(f"{stem}.conffiles", record.control["conffiles"])


def _write_triggers(unpacker: Unpacker, records: Sequence[Record]) -> None:
    """Record who is interested in what, and which files they are to be told of."""
    home = ("var", "lib", "dpkg", "triggers")
    files = unpacker.union.read((*home, "File")).decode().splitlines()
    named: dict[str, list[str]] = {}
    for record in records:
        for trigger, line in _interests(record):
            if trigger.startswith("/"):
                files.append(f"{trigger} {line}")
            else:
                named.setdefault(trigger, unpacker.union.read((*home, trigger)).decode().splitlines()).append(line)
    for trigger, lines in sorted(named.items()):
        unpacker.write(f"{_HOME}/triggers/{trigger}", "".join(f"{line}\n" for line in lines).encode())
    unpacker.write(f"{_HOME}/triggers/File", "".join(f"{line}\n" for line in files).encode())
    touched = {file.split(" ")[0] for file in files if _touches(records, file.split(" ")[0])}
    unpacker.write(f"{_HOME}/triggers/Unincorp", "".join(f"{trigger} -\n" for trigger in sorted(touched)).encode())


def _interests(record: Record) -> list[tuple[str, str]]:
    found = []
    for line in record.control.get("triggers", b"").decode().splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2 and words[0].startswith("interest"):
            found.append((words[1], record.file_name + ("/noawait" if words[0] == "interest-noawait" else "")))
    return found


def _touches(records: Sequence[Record], trigger: str) -> bool:
    return any(path == trigger or path.startswith(f"{trigger}/") for record in records for path in record.unpacked.places)
