"""Profiles in Docker's format are resolved as Docker does, and programs are remembered safely."""

import errno
import os

import pytest

from dockerkit.daemon.kernel.seccomp.cache import cached_program
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.resolution import default_profile, resolve_profile

CAPABILITIES = ("CAP_KILL",)


def names(profile):
    return {name for rule in profile["syscalls"] for name in rule["names"]}


def resolve(rule, capabilities=CAPABILITIES, kernel=(6, 1), architecture="x86_64"):
    return names(resolve_profile({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule]}, capabilities, kernel, architecture))


def rule(**conditions):
    return {"names": ["read"], "action": "SCMP_ACT_ALLOW", **conditions}


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"includes": {"caps": ["CAP_KILL"]}}, True),
        ({"includes": {"caps": ["CAP_KILL", "CAP_CHOWN"]}}, False),
        ({"includes": {"arches": ["amd64"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"includes": {"minKernel": "6.1"}}, True),
        ({"includes": {"minKernel": "6.10"}}, False),
        ({"excludes": {"caps": ["CAP_KILL"]}}, False),
        ({"excludes": {"arches": ["s390x"]}}, True),
        ({"excludes": {"minKernel": "4.8"}}, False),
        ({"includes": None, "excludes": None, "args": None}, True),
    ],
)
def test_includes_and_excludes_are_conditions(conditions, holds):
    assert resolve(rule(**conditions)) == ({"read"} if holds else set())


def test_the_older_single_name_still_works():
    assert resolve({"name": "read", "action": "SCMP_ACT_ALLOW"}) == {"read"}


@pytest.mark.parametrize(
    ("profile", "word"),
    [
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "x"}]},
            "architectures",
        ),
        ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "read", "names": ["read"]}]}, "read"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule(includes={"minKernel": "six"})]}, "six"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(profile, word):
    with pytest.raises(OSError) as refused:
        resolve_profile(profile, CAPABILITIES, (6, 1), "x86_64")
    assert (refused.value.errno, refused.value.filename) == (errno.EINVAL, word)


def test_other_programs_of_the_host_are_judged_by_the_default_too():
    assert default_profile(CAPABILITIES, (6, 1), "x86_64")["architectures"] == [
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_X86",
        "SCMP_ARCH_X32",
    ]


def test_a_program_is_compiled_once_and_then_read(tmp_path, monkeypatch):
    directory = str(tmp_path / "seccomp")
    program = cached_program(directory, CAPABILITIES, "x86_64", kernel=(6, 1))
    assert program == compile_profile(default_profile(CAPABILITIES, (6, 1), "x86_64"), "x86_64")
    monkeypatch.setattr("dockerkit.daemon.kernel.seccomp.cache.compile_profile", None)
    assert cached_program(directory, CAPABILITIES, "x86_64", kernel=(6, 1)) == program
    assert len(os.listdir(directory)) == 1


def test_other_rules_get_a_program_of_their_own(tmp_path):
    first = cached_program(str(tmp_path), CAPABILITIES, "x86_64", kernel=(6, 1))
    second = cached_program(str(tmp_path), ("CAP_SYS_ADMIN",), "x86_64", kernel=(6, 1))
    third = cached_program(str(tmp_path), CAPABILITIES, "x86_64", kernel=(6, 1), profile={"defaultAction": "SCMP_ACT_ALLOW"})
    assert len({first, second, third}) == len(os.listdir(tmp_path)) == 3


def test_a_program_cut_short_by_a_crash_is_compiled_again(tmp_path):
    program = cached_program(str(tmp_path), CAPABILITIES, "x86_64", kernel=(6, 1))
    (stored,) = tmp_path.iterdir()
    for damage in (b"", program[:40], stored.read_bytes()[:-8]):
        stored.write_bytes(damage)
        assert cached_program(str(tmp_path), CAPABILITIES, "x86_64", kernel=(6, 1)) == program


def test_a_failed_write_leaves_no_file(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        cached_program(str(tmp_path), CAPABILITIES, "x86_64", kernel=(6, 1))
    assert list(tmp_path.iterdir()) == []
