"""OCI ``linux.seccomp`` → classic BPF. Decides nothing about what is allowed, loads nothing.

Shape of the program: the architecture is looked at first (an unknown one kills: its numbers mean other syscalls); then the
number, in a binary tree over ranges with the same answer; at a leaf, where needed, the arguments. A number above all that the
profile names answers ENOSYS, not the default: a libc that tries a newer syscall first then falls back (as runc does).

Meaning of several rules for one syscall: a rule without arguments decides alone, the first of them; else the first rule whose
conditions all hold; else the default. Two conditions on one argument in one rule are alternatives (as runc reads them).
Source: seccomp(2), OCI runtime spec, config-linux, Seccomp.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dockerkit.daemon.kernel.seccomp.arguments import Alternative, Condition, condition_of, emit_alternatives
from dockerkit.daemon.kernel.seccomp.assembler import IF_AT_LEAST, IF_EQUAL, Assembler, Label
from dockerkit.daemon.kernel.seccomp.numbers import X32_BIT, syscall_numbers

NUMBER, ARCHITECTURE = 0, 4
"""Offsets in ``struct seccomp_data``."""
KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, TRACE, LOG, ALLOW = (
    0x80000000,
    0x00000000,
    0x00030000,
    0x00050000,
    0x7FF00000,
    0x7FFC0000,
    0x7FFF0000,
)
"""SECCOMP_RET_…, linux/seccomp.h."""

_ACTIONS = {
    "SCMP_ACT_ALLOW": ALLOW,
    "SCMP_ACT_LOG": LOG,
    "SCMP_ACT_TRAP": TRAP,
    "SCMP_ACT_KILL": KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": KILL_PROCESS,
}
_ACTIONS_WITH_NUMBER = {"SCMP_ACT_ERRNO": ERRNO, "SCMP_ACT_TRACE": TRACE}
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "i386": 0x40000003, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_…, linux/audit.h; x32 calls itself x86_64 and sets a bit in the number."""
_TABLES = {
    "x86_64": {"SCMP_ARCH_X86_64": "x86_64", "SCMP_ARCH_X86": "i386", "SCMP_ARCH_X32": "x32"},
    "aarch64": {"SCMP_ARCH_AARCH64": "aarch64"},
}
_PERMISSIVE = frozenset((ALLOW, LOG)) | frozenset((TRACE,))


class Rules(NamedTuple):
    """A profile for one syscall table: number → alternatives in order, the default, and the answer to newer numbers."""

    alternatives: Mapping[int, Sequence[Alternative]]
    default: int
    newer: int


def compile_profile(profile: Mapping[str, Any], architecture: str) -> bytes:
    """Return the program (``struct sock_filter[]``) for processes of `architecture` (``x86_64``, ``aarch64``).

    The 32-bit and x32 programs of an x86_64 host are judged by their own tables when the profile names their architectures.

    :raises OSError: EINVAL, an action, operator or architecture that is not known; E2BIG, more rules than the kernel takes.
    """
    if architecture not in _TABLES:
        raise OSError(errno.EINVAL, "no syscall table for this architecture", architecture)
    named = profile.get("architectures") or ()
    wanted = {architecture} | {_TABLES[architecture].get(name) for name in named}
    assembler = Assembler()
    entries = {
        table: _emit_table(assembler, read_rules(profile, table)) for table in ("x32", "i386", architecture) if table in wanted
    }
    _emit_entrance(assembler, entries, architecture)
    try:
        return assembler.program()
    except OverflowError as error:
        raise OSError(errno.E2BIG, f"the seccomp profile is too long: {error}", architecture) from None


def action_value(action: str, number: int | None, default_number: int = errno.EPERM) -> int:
    """Return SECCOMP_RET_… for an OCI action and its ``errnoRet``.

    :raises OSError: EINVAL, not an action, or one that needs a listener (SCMP_ACT_NOTIFY is not offered).
    """
    if action in _ACTIONS_WITH_NUMBER:
        return _ACTIONS_WITH_NUMBER[action] | ((default_number if number is None else number) & 0xFFFF)
    if action not in _ACTIONS:
        raise OSError(errno.EINVAL, "unknown seccomp action", action)
    return _ACTIONS[action]


def read_rules(profile: Mapping[str, Any], table: str) -> Rules:
    """Return what a profile says about the syscalls of one table; names the table does not have are passed over."""
    numbers, base = syscall_numbers(table), X32_BIT if table == "x32" else 0
    default_number = profile.get("defaultErrnoRet")
    default = action_value(profile.get("defaultAction", ""), default_number)
    alternatives: dict[int, list[Alternative]] = {}
    for rule in profile.get("syscalls") or ():
        value = action_value(rule.get("action", ""), rule.get("errnoRet"))
        ways = [Alternative(conditions, value) for conditions in _conditions(rule.get("args") or ())]
        for name in rule["names"]:
            if name in numbers:
                alternatives.setdefault(base + numbers[name], []).extend(ways)
    permissive = (default & 0x7FFF0000) in _PERMISSIVE
    return Rules(alternatives, default, default if permissive or not alternatives else ERRNO | errno.ENOSYS)


def _conditions(arguments: Sequence[Mapping[str, Any]]) -> list[tuple[Condition, ...]]:
    conditions = [condition_of(argument) for argument in arguments]
    if len({condition.argument for condition in conditions}) < len(conditions):
        return [(condition,) for condition in conditions]
    return [tuple(conditions)]


def _emit_entrance(assembler: Assembler, entries: Mapping[str, Label], architecture: str) -> None:
    here = assembler.answer(KILL_PROCESS)
    for table, entry in entries.items():
        if table == "x32":
            continue
        if table == "x86_64":
            x32 = entries.get("x32", assembler.answer(KILL_PROCESS))
            entered = assembler.branch(IF_AT_LEAST, X32_BIT, x32, entry)
        else:
            entered = entry
        chosen = assembler.load(NUMBER, entered)
        here = assembler.branch(IF_EQUAL, AUDIT_ARCHITECTURES[table], chosen, here)
    assembler.load(ARCHITECTURE, here)


def _emit_table(assembler: Assembler, rules: Rules) -> Label:
    """Emit the tree over all numbers; the accumulator holds the number where it is entered."""
    starts = _ranges(rules)

    def tree(low: int, high: int) -> Label:
        if high - low == 1:
            return _emit_leaf(assembler, starts[low][1], rules.default)
        middle = (low + high) // 2
        below = tree(low, middle)
        return assembler.branch(IF_AT_LEAST, starts[middle][0], tree(middle, high), below)

    return tree(0, len(starts))


def _ranges(rules: Rules) -> list[tuple[int, tuple[Alternative, ...]]]:
    """Return where each range of numbers with one answer begins, and that answer."""
    base = min(rules.alternatives, default=0) & X32_BIT
    default, newer = (Alternative((), rules.default),), (Alternative((), rules.newer),)
    last = max(rules.alternatives, default=base - 1)
    answers = ((number, _deciding(rules.alternatives.get(number, default))) for number in range(base, last + 1))
    grouped = itertools.groupby(answers, key=lambda answer: answer[1])
    return [(next(group)[0], way) for way, group in grouped] + [(last + 1, newer)]


def _deciding(alternatives: Sequence[Alternative]) -> tuple[Alternative, ...]:
    for alternative in alternatives:
        if not alternative.conditions:
            return (alternative,)
    return tuple(alternatives)


def _emit_leaf(assembler: Assembler, alternatives: tuple[Alternative, ...], default: int) -> Label:
    if not alternatives[0].conditions:
        return assembler.answer(alternatives[0].value)
    return emit_alternatives(assembler, alternatives, default)
