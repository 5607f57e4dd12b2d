"""The instructions that change an image's configuration and no file: what ``commit --change`` takes, and a build between RUNs.

Source: Dockerfile reference; what a real dockerd answers to each of them. Pure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from dockerkit.daemon.images.expansion import expand, expand_words
from dockerkit.daemon.images.instructions import Instruction, parse
from dockerkit.errors import Invalid
from dockerkit.schema.container import Empty, HealthConfig
from dockerkit.schema.image import ImageConfig
from dockerkit.schema.signals import parse_signal

SHELL = ["/bin/sh", "-c"]
_PORT = re.compile(r"(?:[^:]*:)?(\d+)(?:-(\d+))?(?:/(\w+))?", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_DURATIONS = {"interval": "interval", "timeout": "timeout", "start-period": "start_period", "start-interval": "start_interval"}


@dataclass(slots=True)
class Draft:
    """A configuration being changed.

    :param cmd_set: a CMD has been met: an ENTRYPOINT after it leaves it alone.
    """

    config: ImageConfig
    cmd_set: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """What ``$NAME`` stands for: the environment so far."""
        return {name: value for name, _, value in (item.partition("=") for item in self.config.env or ())}

    def apply(self, instruction: Instruction) -> None:
        """Carry out one instruction.

        :raises Invalid: it is none of these, or its arguments are wrong; in Docker's words.
        """
        act = _ACTS.get(instruction.keyword)
        if act is None:
            raise Invalid(f"{instruction.keyword.lower()} is not a valid change command", hint=f"valid: {', '.join(_ACTS)}")
        if instruction.flags and instruction.keyword != "HEALTHCHECK":
            raise Invalid(f"Unknown flag: {instruction.flags[0][0]}")
        self.config = act(self, instruction)


def changed(config: ImageConfig, changes: list[str]) -> ImageConfig:
    """Return a configuration after the changes of ``commit --change``; each may be several lines.

    :raises Invalid: in Docker's words.
    """
    if not changes:
        return config
    draft = Draft(config)
    for instruction in parse("\n".join(changes)):
        draft.apply(instruction)
    return draft.config


def _cmd(draft: Draft, instruction: Instruction) -> ImageConfig:
    draft.cmd_set = True
    return replace(draft.config, cmd=_command(draft, instruction))


def _entrypoint(draft: Draft, instruction: Instruction) -> ImageConfig:
    entrypoint = _command(draft, instruction) if instruction.rest else None
    return replace(draft.config, entrypoint=entrypoint or None, cmd=draft.config.cmd if draft.cmd_set else None)


def _command(draft: Draft, instruction: Instruction) -> list[str]:
    strings = instruction.strings()
    if strings is not None:
        return strings
    return [*(draft.config.shell or SHELL), *([instruction.rest] if instruction.rest else [])]


def _env(draft: Draft, instruction: Instruction) -> ImageConfig:
    env = draft.variables
    # all values see the environment before the instruction: ENV A=1 B=$A does not see its own A
    for name, value in _expanded_pairs(draft, instruction):
        env[name] = value
    return replace(draft.config, env=[f"{name}={value}" for name, value in env.items()])


def _label(draft: Draft, instruction: Instruction) -> ImageConfig:
    return replace(draft.config, labels=(draft.config.labels or {}) | dict(_expanded_pairs(draft, instruction)))


def _expanded_pairs(draft: Draft, instruction: Instruction) -> list[tuple[str, str]]:
    variables, escape = draft.variables, instruction.escape
    pairs = [(expand(n, variables, escape), expand(v, variables, escape)) for n, v in instruction.pairs()]
    if any(not name for name, _ in pairs):
        raise Invalid(f"{instruction.keyword} names can not be blank")
    return pairs


def _expose(draft: Draft, instruction: Instruction) -> ImageConfig:
    _at_least_one(instruction)
    ports: dict[str, Empty] = dict(draft.config.exposed_ports or {})
    for word in expand_words(instruction.rest, draft.variables, instruction.escape):
        ports |= {port: {} for port in _ports(word)}
    return replace(draft.config, exposed_ports=ports or None)


def _ports(word: str) -> list[str]:
    found = _PORT.fullmatch(word)
    first, last, protocol = (found[1], found[2] or found[1], (found[3] or "tcp").lower()) if found else ("", "", "tcp")
    if not found or not 0 <= int(first) <= int(last) < 1 << 16:
        raise Invalid(f"Invalid containerPort: {word}")
    if protocol not in ("tcp", "udp", "sctp"):
        raise Invalid(f"Invalid proto: {protocol}")
    return [f"{port}/{protocol}" for port in range(int(first), int(last) + 1)]


def _volume(draft: Draft, instruction: Instruction) -> ImageConfig:
    _at_least_one(instruction)
    strings = instruction.strings()
    if strings is None:
        names = expand_words(instruction.rest, draft.variables, instruction.escape)
    else:
        names = [expand(name, draft.variables, instruction.escape) for name in strings]
    if any(not name.strip() for name in names):
        raise Invalid("VOLUME specified can not be an empty string")
    return replace(draft.config, volumes=(draft.config.volumes or {}) | {name: {} for name in names})


def _user(draft: Draft, instruction: Instruction) -> ImageConfig:
    return replace(draft.config, user=_one(draft, instruction))


def _workdir(draft: Draft, instruction: Instruction) -> ImageConfig:
    path = posixpath.join("/", draft.config.working_dir, _one(draft, instruction))
    return replace(draft.config, working_dir=posixpath.normpath("/" + path.lstrip("/")))


def _stop_signal(draft: Draft, instruction: Instruction) -> ImageConfig:
    signal = _one(draft, instruction)
    parse_signal(signal)
    return replace(draft.config, stop_signal=signal)


def _one(draft: Draft, instruction: Instruction) -> str:
    if not instruction.rest:
        raise Invalid(f"{instruction.keyword} requires exactly one argument")
    return expand(instruction.rest, draft.variables, instruction.escape)


def _at_least_one(instruction: Instruction) -> None:
    if not instruction.rest:
        raise Invalid(f"{instruction.keyword} requires at least one argument")


def _shell(draft: Draft, instruction: Instruction) -> ImageConfig:
    strings = instruction.strings()
    if not strings:
        raise Invalid(f"SHELL requires the arguments to be in JSON form: {instruction.rest}")
    return replace(draft.config, shell=strings)


def _on_build(draft: Draft, instruction: Instruction) -> ImageConfig:
    _at_least_one(instruction)
    trigger = instruction.rest.split(None, 1)[0].upper()
    if trigger == "ONBUILD":
        raise Invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("FROM", "MAINTAINER"):
        raise Invalid(f"{trigger} isn't allowed as an ONBUILD trigger")
    return replace(draft.config, on_build=[*(draft.config.on_build or []), instruction.rest])


def _health(draft: Draft, instruction: Instruction) -> ImageConfig:
    _at_least_one(instruction)
    kind, _, rest = instruction.rest.partition(" ")
    if kind.upper() == "NONE":
        if rest.strip():
            raise Invalid("HEALTHCHECK NONE takes no arguments")
        return replace(draft.config, healthcheck=HealthConfig(test=["NONE"]))
    if kind.upper() != "CMD":
        raise Invalid(f"Unknown type {kind.upper()} in HEALTHCHECK (try CMD)")
    command = replace_rest(instruction, rest.strip())
    if not command.rest:
        raise Invalid("Missing command after HEALTHCHECK CMD")
    strings = command.strings()
    test = ["CMD-SHELL", command.rest] if strings is None else ["CMD", *strings]
    check = HealthConfig(test=test)
    for name, value in instruction.flags:
        _set_health(check, name, value)
    return replace(draft.config, healthcheck=check)


def replace_rest(instruction: Instruction, rest: str) -> Instruction:
    """Return an instruction with other arguments."""
    return Instruction(instruction.keyword, instruction.flags, rest, instruction.line, instruction.escape)


def _set_health(check: HealthConfig, name: str, value: str) -> None:
    if name == "retries":
        if not value.removeprefix("-").isdecimal() or int(value) < 0:
            raise Invalid(f"--retries must be at least 1 (not {value})")
        check.retries = int(value)
    elif name in _DURATIONS:
        setattr(check, _DURATIONS[name], _nanoseconds(name, value))
    else:
        raise Invalid(f"Unknown flag: {name}")


def _nanoseconds(name: str, text: str) -> int:
    parts = _DURATION.findall(text)
    if text != "0" and (not parts or "".join(number + unit for number, unit in parts) != text):
        cause = "missing unit in" if text.replace(".", "", 1).isdecimal() else "invalid"
        raise Invalid(f'time: {cause} duration "{text}"')
    found = round(sum(float(number) * _NANOSECONDS[unit] for number, unit in parts))
    if found < 1_000_000 and not (found == 0 and text != "0"):
        raise Invalid(f'Interval "{name}" cannot be less than 1ms')
    return found


_ACTS: Mapping[str, Callable[[Draft, Instruction], ImageConfig]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
