"""ELF read from its bytes: what a program needs, whether it is static, which applets a busybox has."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockerkit.daemon.images.bootstrap import busybox, libraries
from dockerkit.daemon.images.bootstrap.elf import Elf, applets, parse
from dockerkit.errors import Damaged
from tests.unit.images.elfmaterial import NATIVE, elf


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_a_dynamic_program_needs(wide: bool, order: str) -> None:
    data = elf(
        wide=wide,
        order=order,
        machine=183,
        interpreter="/lib/ld.so",
        needed=("liba.so", "libb.so"),
        rpath="/r:/s",
        runpath="$ORIGIN/x",
    )
    assert parse(data) == Elf(
        machine=183,
        bits=64 if wide else 32,
        big_endian=order == ">",
        interpreter="/lib/ld.so",
        needed=("liba.so", "libb.so"),
        rpath=("/r", "/s"),
        runpath=("$ORIGIN/x",),
    )


def test_static_programs() -> None:
    plain, pie = parse(elf(dynamic=False)), parse(elf(dynamic=True))
    assert plain is not None
    assert plain.static
    assert pie is not None
    assert pie.static


def test_this_interpreter_is_native_and_dynamic() -> None:
    found = libraries.needs("/proc/self/exe")
    assert found is not None
    assert found.native
    assert not found.static


def test_other_files_are_none() -> None:
    assert parse(b"#!/bin/sh\n") is None
    assert parse(b"") is None


@settings(max_examples=300)
@given(st.integers(4, 300), st.lists(st.tuples(st.integers(4, 250), st.integers(0, 255)), max_size=8))
def test_a_broken_file_is_read_or_refused(keep: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(elf(interpreter="/lib/ld.so", needed=("liba.so",), rpath="/r"))
    for at, value in flips:
        data[at] = value
    try:
        parse(bytes(data[:keep]))
    except Damaged as error:
        assert "malformed ELF" in str(error)


NAMES = ["[", "[[", "ash", "cat", "echo", "ls", "sh", "true", "wget", "zcat"]


def table(names: list[str]) -> bytes:
    return b"\0".join(name.encode() for name in names) + b"\0"


def test_applets_are_the_sorted_run_around_sh() -> None:
    data = b"\x7f\x01ZZZ\0sh\0abc\0" + b"\xff\xfe\0" + table(NAMES) + b"\0/var/log\0cat\0" + b"junk"
    assert applets(data) == tuple(NAMES)


def test_a_table_that_ends_the_file_is_read() -> None:
    assert applets(b"\x01\0" + table(NAMES)) == tuple(NAMES)


def test_a_file_with_a_few_sorted_words_is_no_busybox() -> None:
    assert applets(b"\0cat\0sh\0") == ()
    assert applets(b"") == ()


def test_a_made_busybox_is_recognised() -> None:
    tail = b"\0" + table(NAMES) + b"\0BusyBox v1.36.1 (2024)\0"
    binary = busybox.check(elf(dynamic=False, machine=NATIVE, tail=tail), origin="here")
    assert (binary.version, binary.applets) == ("1.36.1", tuple(NAMES))
    for wrong in (
        elf(machine=NATIVE, interpreter="/lib/ld.so", needed=("libc.so",), tail=tail),
        elf(dynamic=False, machine=99, tail=tail),
        elf(dynamic=False, machine=NATIVE),
        b"#!/bin/sh\n",
    ):
        with pytest.raises(Damaged, match="here is no"):
            busybox.check(wrong, origin="here")
