"""Which devices a group may use, as a program the kernel asks at every mknod(2) and open(2) of one (version 2). Pure.

The program is eBPF of type ``BPF_PROG_TYPE_CGROUP_DEVICE``: it is shown type, numbers and the kinds of access wanted, and
answers 1 (granted) or 0 (EPERM). It means what the same lines mean to the version 1 controller: after "deny everything", each
line allowed grants what it says and one line must cover all that is asked for; after "allow everything", each line denied takes
away.

Sources: bpf(2); Linux ``struct bpf_cgroup_dev_ctx``, Documentation/bpf/standardization/instruction-set.rst,
``security/device_cgroup.c``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dockerkit.daemon.kernel.cgroups.devices import DEFAULT_DEVICES, Rule

BLOCK, CHARACTER = 1, 2
MAKE, READ, WRITE = 1, 2, 4
DENY_ALL = Rule("devices.deny", "a")
DEFAULT_RULES = (DENY_ALL, *(Rule("devices.allow", line) for line in DEFAULT_DEVICES))

_TYPES = {"b": BLOCK, "c": CHARACTER}
_ACCESS = {"m": MAKE, "r": READ, "w": WRITE}
_EVERY_ACCESS = MAKE | READ | WRITE

_INSTRUCTION = struct.Struct("<BBhi")
_LOAD = 0x61  # BPF_LDX | BPF_MEM | BPF_W
_MOVE, _MOVE_REGISTER = 0xB4, 0xBC  # BPF_ALU | BPF_MOV, with K and X
_AND, _SHIFT_RIGHT = 0x54, 0x74  # BPF_ALU | BPF_AND, BPF_RSH
_UNLESS, _IF = 0x56, 0x16  # BPF_JMP32 | BPF_JNE, BPF_JEQ
_EXIT = 0x95
_RESULT, _SCRATCH, _TYPE, _WANTED, _MAJOR, _MINOR = range(6)
"""Registers. The first argument, where the question is, comes in the scratch one."""

Instruction = tuple[int, int, int, int, int]
"""Code, destination register, source register, distance to jump, constant."""


class Entry(NamedTuple):
    """Devices of a type (0: any) and numbers (None: any), and the kinds of access it is about."""

    type: int
    major: int | None
    minor: int | None
    access: int


class Policy(NamedTuple):
    """What is answered for a device that no entry is about, and the entries for which it is the other way round."""

    otherwise: bool
    entries: tuple[Entry, ...]


def policy(rules: Iterable[Rule]) -> Policy:
    """Return what `rules`, in their order, amount to in a group that allows everything at first."""
    otherwise = True
    access: dict[tuple[int, int | None, int | None], int] = {}
    for rule in rules:
        allowed = rule.file == "devices.allow"
        entry = _entry(rule.line)
        if entry is None:
            otherwise, access = allowed, {}
            continue
        before = access.get(entry[:3], 0)
        # the controller takes an exception back only where its numbers are the same: a wildcard is another one
        access[entry[:3]] = before | entry.access if allowed != otherwise else before & ~entry.access
    return Policy(otherwise, tuple(Entry(*device, bits) for device, bits in access.items() if bits))


def program(decided: Policy) -> bytes:
    """Return the program that answers as `decided`."""
    body = [instruction for entry in decided.entries for instruction in _entry_code(entry, decided.otherwise)]
    every = [*_PROLOGUE, *body, *_answer(decided.otherwise)]
    return b"".join(_INSTRUCTION.pack(code, source << 4 | target, jump, value) for code, target, source, jump, value in every)


def _entry(line: str) -> Entry | None:
    """Return what a line of the version 1 controller is about; None for everything."""
    kind, *rest = line.split()
    if kind == "a" and (not rest or rest[0] == "*:*"):
        return None
    major, minor = (None if number == "*" else int(number) for number in rest[0].split(":"))
    return Entry(_TYPES.get(kind, 0), major, minor, sum(_ACCESS[letter] for letter in set(rest[1])))


_PROLOGUE: tuple[Instruction, ...] = (
    (_LOAD, _TYPE, _SCRATCH, 0, 0),
    (_MOVE_REGISTER, _WANTED, _TYPE, 0, 0),
    (_AND, _TYPE, 0, 0, 0xFFFF),
    (_SHIFT_RIGHT, _WANTED, 0, 0, 16),
    (_LOAD, _MAJOR, _SCRATCH, 4, 0),
    (_LOAD, _MINOR, _SCRATCH, 8, 0),
)


def _entry_code(entry: Entry, otherwise: bool) -> list[Instruction]:
    """Answer the other way when the question is about this entry, else go on behind it."""
    tests = list(_tests(entry, otherwise))
    end = _answer(not otherwise)
    length = len(tests) + len(end)
    return [
        (code, target, source, length - place - 1, value) if code in (_UNLESS, _IF) else (code, target, source, 0, value)
        for place, (code, target, source, value) in enumerate(tests)
    ] + end


def _tests(entry: Entry, otherwise: bool) -> Iterator[tuple[int, int, int, int]]:
    if entry.type:
        yield _UNLESS, _TYPE, 0, entry.type
    if otherwise:  # one kind of access that is denied is enough
        yield _MOVE_REGISTER, _SCRATCH, _WANTED, 0
        yield _AND, _SCRATCH, 0, entry.access
        yield _IF, _SCRATCH, 0, 0
    elif entry.access != _EVERY_ACCESS:  # nothing may be wanted but what is allowed
        yield _MOVE_REGISTER, _SCRATCH, _WANTED, 0
        yield _AND, _SCRATCH, 0, _EVERY_ACCESS & ~entry.access
        yield _UNLESS, _SCRATCH, 0, 0
    for register, number in ((_MAJOR, entry.major), (_MINOR, entry.minor)):
        if number is not None:
            yield _UNLESS, register, 0, number


def _answer(granted: bool) -> list[Instruction]:
    return [(_MOVE, _RESULT, 0, 0, int(granted)), (_EXIT, 0, 0, 0, 0)]
