"""Conditions on a syscall's arguments as BPF: 64-bit comparisons made of two 32-bit ones. Source: OCI runtime spec, Seccomp.

Pointers cannot be followed: only the six register values are seen.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dockerkit.daemon.kernel.seccomp.assembler import IF_AT_LEAST, IF_EQUAL, IF_GREATER, Assembler, Label

FIRST_ARGUMENT = 16
"""Offset of ``args[0]`` in ``struct seccomp_data``; each has eight bytes, the low half first (both architectures)."""
_HALF = 0xFFFFFFFF
_WHOLE = 0xFFFFFFFFFFFFFFFF


class Condition(NamedTuple):
    """One comparison of one argument."""

    argument: int
    operator: str
    value: int
    value_two: int


class Alternative(NamedTuple):
    """What is answered when all conditions hold."""

    conditions: tuple[Condition, ...]
    value: int


def condition_of(argument: Mapping[str, Any]) -> Condition:
    """Read an OCI ``args`` entry.

    :raises OSError: EINVAL, an operator or index that does not exist.
    """
    operator = str(argument.get("op", ""))
    if operator not in _EMITTERS:
        raise OSError(errno.EINVAL, "unknown seccomp operator", operator)
    index = argument.get("index", -1)
    if not 0 <= index < 6:
        raise OSError(errno.EINVAL, "a syscall has the arguments 0 to 5", str(index))
    return Condition(index, operator, argument.get("value", 0) & _WHOLE, argument.get("valueTwo", 0) & _WHOLE)


def emit_alternatives(assembler: Assembler, alternatives: Sequence[Alternative], default: int) -> Label:
    """Emit: the first alternative whose conditions all hold answers, else `default`."""
    otherwise = assembler.answer(default)
    for alternative in reversed(alternatives):
        here = assembler.answer(alternative.value)
        for condition in reversed(alternative.conditions):
            here = _EMITTERS[condition.operator](assembler, condition, here, otherwise)
        otherwise = here
    return otherwise


def _equal(assembler: Assembler, condition: Condition, yes: Label, no: Label) -> Label:
    low = _compare(assembler, condition, IF_EQUAL, yes, no, high=False)
    return _compare(assembler, condition, IF_EQUAL, low, no, high=True)


def _greater(assembler: Assembler, condition: Condition, yes: Label, no: Label, test: int = IF_GREATER) -> Label:
    # the high halves decide unless they are equal
    low = _compare(assembler, condition, test, yes, no, high=False)
    equal = assembler.branch(IF_EQUAL, condition.value >> 32, low, no)
    high = assembler.branch(IF_GREATER, condition.value >> 32, yes, equal)
    return assembler.load(_offset(condition, high=True), high)


def _masked_equal(assembler: Assembler, condition: Condition, yes: Label, no: Label) -> Label:
    here = yes
    for high in (False, True):
        mask, wanted = (number >> 32 if high else number & _HALF for number in (condition.value, condition.value_two))
        test = assembler.branch(IF_EQUAL, wanted, here, no)
        here = assembler.load(_offset(condition, high=high), assembler.mask(mask, test))
    return here


def _compare(assembler: Assembler, condition: Condition, test: int, yes: Label, no: Label, *, high: bool) -> Label:
    constant = condition.value >> 32 if high else condition.value & _HALF
    return assembler.load(_offset(condition, high=high), assembler.branch(test, constant, yes, no))


def _offset(condition: Condition, *, high: bool) -> int:
    return FIRST_ARGUMENT + 8 * condition.argument + (4 if high else 0)


_Emitter = Callable[[Assembler, Condition, Label, Label], Label]
_EMITTERS: dict[str, _Emitter] = {
    "SCMP_CMP_EQ": _equal,
    "SCMP_CMP_NE": lambda assembler, condition, yes, no: _equal(assembler, condition, no, yes),
    "SCMP_CMP_GT": _greater,
    "SCMP_CMP_LE": lambda assembler, condition, yes, no: _greater(assembler, condition, no, yes),
    "SCMP_CMP_GE": lambda assembler, condition, yes, no: _greater(assembler, condition, yes, no, IF_AT_LEAST),
    "SCMP_CMP_LT": lambda assembler, condition, yes, no: _greater(assembler, condition, no, yes, IF_AT_LEAST),
    "SCMP_CMP_MASKED_EQ": _masked_equal,
}
