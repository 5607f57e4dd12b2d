"""Docker's default rules, compiled, answer for every syscall of every table what the rules say."""

import json
import pathlib

import pytest
from bpf_emulator import AUDIT, ENOSYS, decide, run

from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.numbers import X32_BIT, syscall_numbers
from dockerkit.daemon.kernel.seccomp.resolution import default_profile, resolve_profile

WORDS = """CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE
           SYS_CHROOT KILL AUDIT_WRITE"""
DOCKER = frozenset(f"CAP_{name}" for name in WORDS.split())
SETS = {"docker": DOCKER, "none": frozenset(), "admin": DOCKER | {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_BPF"}}
TABLES = {"x86_64": ("x86_64", "i386", "x32"), "aarch64": ("aarch64",)}
ALLOW, EPERM, KILL = 0x7FFF0000, 0x50001, 0x80000000
SPECIFICATION = pathlib.Path(__file__).parents[4] / "shared/specs/seccomp-default.json"
ARGUMENTS = ((0,) * 6, (40, 40, 0, 0, 0, 0), (0x11, 0, 0, 0, 0, 0), (0x10000000,) * 6, (0xFFFFFFFF,) * 6, ((1 << 64) - 1,) * 6)


def numbered(table):
    base = X32_BIT if table == "x32" else 0
    return {name: base + number for name, number in syscall_numbers(table).items()}


@pytest.mark.parametrize("capabilities", sorted(SETS))
@pytest.mark.parametrize("architecture", sorted(TABLES))
def test_every_syscall_of_every_table_gets_the_answer_of_the_rules(architecture, capabilities):
    profile = default_profile(SETS[capabilities], (6, 1), architecture)
    program = compile_profile(profile, architecture)
    named = {name for rule in profile["syscalls"] for name in rule["names"]}
    for table in TABLES[architecture]:
        numbers = numbered(table)
        last = max(number for name, number in numbers.items() if name in named)
        for name, number in numbers.items():
            for args in ARGUMENTS:
                expected = ENOSYS if number > last else decide(profile, name, args)
                assert run(program, number, AUDIT[table], args) == expected, (table, name, args)


@pytest.mark.parametrize("architecture", sorted(TABLES))
def test_numbers_without_a_name_are_refused_and_newer_ones_do_not_exist(architecture):
    program = compile_profile(default_profile(DOCKER, (6, 1), architecture), architecture)
    for table in TABLES[architecture]:
        known, base = set(numbered(table).values()), X32_BIT if table == "x32" else 0
        last = max(known)
        assert all(run(program, n, AUDIT[table]) == EPERM for n in range(base, last) if n not in known)
        assert all(run(program, n, AUDIT[table]) == ENOSYS for n in (last + 1, last + 100))
    assert run(program, 0xFFFFFFFF, AUDIT[architecture]) == ENOSYS


def test_an_unknown_architecture_kills():
    program = compile_profile(default_profile(DOCKER, (6, 1), "x86_64"), "x86_64")
    assert run(program, 0, 0x40000028) == KILL  # arm
    assert run(program, 0, AUDIT["aarch64"]) == KILL


def test_a_capability_opens_its_syscalls_and_no_others():
    def answer(name, capabilities):
        return run(
            compile_profile(default_profile(capabilities, (6, 1), "x86_64"), "x86_64"),
            numbered("x86_64")[name],
            AUDIT["x86_64"],
        )

    assert answer("mount", DOCKER) == EPERM
    assert answer("mount", DOCKER | {"CAP_SYS_ADMIN"}) == ALLOW
    assert answer("reboot", DOCKER | {"CAP_SYS_ADMIN"}) == EPERM
    assert answer("chroot", DOCKER) == ALLOW
    assert answer("chroot", DOCKER - {"CAP_SYS_CHROOT"}) == EPERM
    assert answer("clone3", DOCKER) == ENOSYS
    assert answer("clone3", DOCKER | {"CAP_SYS_ADMIN"}) == ALLOW


def test_an_old_kernel_has_no_ptrace():
    program = compile_profile(default_profile(DOCKER, (4, 4), "x86_64"), "x86_64")
    assert run(program, numbered("x86_64")["ptrace"], AUDIT["x86_64"]) == EPERM


def test_any_namespace_flag_of_clone_is_refused():
    program = compile_profile(default_profile(DOCKER, (6, 1), "x86_64"), "x86_64")
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert run(program, numbered("x86_64")["clone"], AUDIT["x86_64"], (flag | 17, 0, 0, 0, 0, 0)) == EPERM
        assert run(program, numbered("i386")["clone"], AUDIT["i386"], (flag | 17, 0, 0, 0, 0, 0)) == EPERM


@pytest.mark.parametrize("capabilities", sorted(SETS))
@pytest.mark.parametrize("architecture", sorted(TABLES))
def test_our_rules_are_docker_s(architecture, capabilities):
    if not SPECIFICATION.exists():
        pytest.skip(f"Docker's own profile is not beside the project ({SPECIFICATION.name})")
    theirs = resolve_profile(json.loads(SPECIFICATION.read_bytes()), SETS[capabilities], (6, 1), architecture)
    ours = default_profile(SETS[capabilities], (6, 1), architecture)
    for table in TABLES[architecture]:
        for name in syscall_numbers(table):
            for args in ARGUMENTS:
                assert decide(ours, name, args) == decide(theirs, name, args), (table, name, args)
