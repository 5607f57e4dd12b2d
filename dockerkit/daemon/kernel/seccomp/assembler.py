"""Classic BPF, emitted from its end to its beginning. Knows jumps and distances, nothing of syscalls.

A filter can only jump forwards, so what is jumped to is emitted first, and a place in the program is known as its distance
from the end: a :data:`Label`. A conditional jump reaches 255 instructions; where a target is farther, an unconditional jump
(32 bits) is put in between. Source: Linux Documentation/networking/filter.rst, ``linux/filter.h``.
"""

from __future__ import annotations

import struct

Label = int
"""How many instructions follow, the labelled one included."""

LOAD = 0x20
"""BPF_LD | BPF_W | BPF_ABS: the accumulator becomes the 32 bits at an offset of ``seccomp_data``."""
AND = 0x54
JUMP = 0x05
RETURN = 0x06
IF_EQUAL, IF_GREATER, IF_AT_LEAST = 0x15, 0x25, 0x35
"""Compare the accumulator, unsigned, with a constant."""

_NEAR = 255
_INSTRUCTION = struct.Struct("<HBBI")
MOST_INSTRUCTIONS = 4096
"""BPF_MAXINSNS."""


class Assembler:
    """Collects instructions; every emitting method returns the label of what it emitted."""

    def __init__(self) -> None:
        self._backwards: list[tuple[int, int, int, int]] = []
        self._returns: dict[int, Label] = {}
        self._trampolines: dict[Label, Label] = {}

    def load(self, offset: int, then: Label) -> Label:
        """Load 32 bits of ``seccomp_data`` into the accumulator and continue at `then`."""
        return self._before(then, LOAD, offset)

    def mask(self, bits: int, then: Label) -> Label:
        """Keep only these bits of the accumulator and continue at `then`."""
        return self._before(then, AND, bits)

    def answer(self, value: int) -> Label:
        """End the program with `value` (SECCOMP_RET_…); the same answer near by is used again."""
        known = self._returns.get(value)
        if known is None or self._distance(known) > _NEAR // 2:
            known = self._returns[value] = self._emit(RETURN, 0, 0, value)
        return known

    def branch(self, test: int, constant: int, yes: Label, no: Label) -> Label:
        """Compare the accumulator (``IF_…``) with `constant` and continue at `yes` or `no`."""
        if yes == no:
            return yes
        # one trampoline may push the other target out of reach by one instruction, hence the margin
        yes, no = (label if self._distance(label) < _NEAR else self._trampoline(label) for label in (yes, no))
        return self._emit(test, self._distance(yes), self._distance(no), constant)

    def program(self) -> bytes:
        """Return the finished program, as ``struct sock_filter[]``.

        :raises OverflowError: more instructions than the kernel takes.
        """
        if len(self._backwards) > MOST_INSTRUCTIONS:
            raise OverflowError(f"{len(self._backwards)} instructions, the kernel takes {MOST_INSTRUCTIONS}")
        return b"".join(_INSTRUCTION.pack(*instruction) for instruction in reversed(self._backwards))

    def _before(self, then: Label, code: int, constant: int) -> Label:
        # these have no jump of their own: they run into what was emitted last
        if self._distance(then):
            self._jump(then)
        return self._emit(code, 0, 0, constant)

    def _trampoline(self, label: Label) -> Label:
        known = self._trampolines.get(label)
        if known is None or self._distance(known) > _NEAR // 2:
            known = self._trampolines[label] = self._jump(label)
        return known

    def _jump(self, label: Label) -> Label:
        return self._emit(JUMP, 0, 0, self._distance(label))

    def _distance(self, label: Label) -> int:
        """How many instructions lie between the one to be emitted next and `label`."""
        return len(self._backwards) - label

    def _emit(self, code: int, yes: int, no: int, constant: int) -> Label:
        self._backwards.append((code, yes, no, constant))
        return len(self._backwards)
