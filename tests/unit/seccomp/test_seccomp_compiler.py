"""Any profile compiles to a program that answers as the rules read, whatever the arguments."""

import errno

import pytest
from bpf_emulator import AUDIT, decide, run
from hypothesis import given, settings
from hypothesis import strategies as st

from dockerkit.daemon.kernel.seccomp.assembler import IF_EQUAL, MOST_INSTRUCTIONS, Assembler
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.numbers import syscall_numbers

NUMBERS = syscall_numbers("x86_64")
EDGES = [0, 1, 40, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, 1 << 63, (1 << 64) - 1]
values = st.one_of(st.sampled_from(EDGES), st.integers(0, (1 << 64) - 1))
operators = st.sampled_from(["SCMP_CMP_" + op for op in ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"]])
arguments = st.builds(
    lambda index, value, two, op: {"index": index, "value": value, "valueTwo": two, "op": op},
    st.integers(0, 5),
    values,
    values,
    operators,
)
rules = st.builds(
    lambda names, action, number, args: {"names": names, "action": action, "errnoRet": number, "args": args},
    st.lists(st.sampled_from(["read", "write", "socket", "clone", "statx", "nosuchcall"]), min_size=1, max_size=4),
    st.sampled_from(["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_LOG", "SCMP_ACT_TRAP", "SCMP_ACT_KILL_PROCESS"]),
    st.sampled_from([None, 1, 38, 95]),
    st.lists(arguments, max_size=3),
)


def profile_of(syscalls, default="SCMP_ACT_ERRNO"):
    return {"defaultAction": default, "syscalls": syscalls}


@settings(max_examples=150, deadline=None)
@given(st.lists(rules, min_size=1, max_size=6), st.lists(values, min_size=6, max_size=6), st.data())
def test_the_program_answers_as_the_rules_read(syscalls, args, data):
    profile = profile_of(syscalls)
    program = compile_profile(profile, "x86_64")
    named = {name for rule in syscalls for name in rule["names"] if name in NUMBERS}
    # arguments near the constants of the rules find off-by-one errors that random ones never meet
    near = [a["value"] + d for rule in syscalls for a in rule["args"] for d in (-1, 0, 1) if 0 <= a["value"] + d < 1 << 64]
    if near:
        args = [data.draw(st.sampled_from([arg, *near])) for arg in args]
    for name in named:
        assert run(program, NUMBERS[name], AUDIT["x86_64"], args) == decide(profile, name, args)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=900))
def test_targets_too_far_for_a_short_jump_are_reached(way):
    assembler = Assembler()
    here = assembler.answer(0)
    for step, yes in enumerate(way, 1):
        here = assembler.branch(IF_EQUAL, step, assembler.answer(step) if yes else here, here)
    assembler.load(0, here)
    program = assembler.program()
    for step, yes in enumerate(way, 1):
        assert run(program, step, 0) == (step if yes else 0)


def test_an_empty_profile_is_its_default():
    assert run(compile_profile(profile_of([], "SCMP_ACT_ALLOW"), "x86_64"), 9999, AUDIT["x86_64"]) == 0x7FFF0000
    assert run(compile_profile(profile_of([]), "x86_64"), 0, AUDIT["x86_64"]) == 0x50001


def test_a_permissive_profile_lets_newer_syscalls_through():
    program = compile_profile(profile_of([{"names": ["read"], "action": "SCMP_ACT_ERRNO"}], "SCMP_ACT_ALLOW"), "x86_64")
    assert run(program, 9999, AUDIT["x86_64"]) == 0x7FFF0000


def test_an_architecture_the_profile_does_not_name_kills():
    program = compile_profile(profile_of([{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]), "x86_64")
    assert run(program, 3, AUDIT["i386"]) == 0x80000000
    assert run(program, 0x40000000, AUDIT["x32"]) == 0x80000000
    assert run(program, 0, AUDIT["x86_64"]) == 0x7FFF0000


@pytest.mark.parametrize(
    ("profile", "word"),
    [
        (profile_of([], "SCMP_ACT_NONSENSE"), "SCMP_ACT_NONSENSE"),
        (profile_of([{"names": ["read"], "action": "SCMP_ACT_NOTIFY"}]), "SCMP_ACT_NOTIFY"),
        (
            profile_of([{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "SCMP_CMP_X"}]}]),
            "SCMP_CMP_X",
        ),
        (profile_of([{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]), "6"),
    ],
)
def test_a_word_that_means_nothing_is_refused_by_name(profile, word):
    with pytest.raises(OSError) as refused:
        compile_profile(profile, "x86_64")
    assert (refused.value.errno, refused.value.filename) == (errno.EINVAL, word)


def test_more_rules_than_the_kernel_takes_are_refused():
    args = [[{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}] for value in range(MOST_INSTRUCTIONS)]
    rules = [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": arg} for arg in args]
    with pytest.raises(OSError) as refused:
        compile_profile(profile_of(rules), "x86_64")
    assert refused.value.errno == errno.E2BIG


def test_an_unknown_host_architecture_is_refused_by_name():
    with pytest.raises(OSError, match="no syscall table") as refused:
        compile_profile(profile_of([]), "pdp11")
    assert refused.value.filename == "pdp11"
