"""Numbers and masks that the kernel gave and nobody may change."""

from __future__ import annotations

import errno
import os

import pytest

from dockerkit.daemon.kernel import capabilities, namespaces, syscalls


def test_both_architectures_know_the_same_calls() -> None:
    assert syscalls.NUMBERS["x86_64"].keys() == syscalls.NUMBERS["aarch64"].keys()


def test_no_two_calls_share_a_number() -> None:
    for numbers in syscalls.NUMBERS.values():
        assert len(set(numbers.values())) == len(numbers)


def test_docker_s_fourteen_capabilities_are_its_mask() -> None:
    assert len(capabilities.DEFAULT) == 14
    assert capabilities.mask(capabilities.DEFAULT) == 0xA80425FB


def test_capability_names_are_in_the_order_of_their_numbers() -> None:
    assert capabilities.NUMBERS["CAP_SYS_ADMIN"] == 21
    assert capabilities.NUMBERS["CAP_CHECKPOINT_RESTORE"] == 40


def test_an_unknown_capability_is_named() -> None:
    with pytest.raises(OSError, match="unknown capability") as caught:
        capabilities.mask(["CAP_CHOWN", "CAP_NOSUCH"])
    assert caught.value.filename == "CAP_NOSUCH"


def test_a_failed_call_tells_its_name_cause_and_subject() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        syscalls.call("open_tree", -100, b"/no/such/place", 0, about="/no/such/place")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.strerror == "open_tree: No such file or directory"
    assert caught.value.filename == "/no/such/place"


def test_a_call_without_a_number_here_is_enosys() -> None:
    with pytest.raises(OSError, match="nosuch") as caught:
        syscalls.call("nosuch")
    assert caught.value.errno == errno.ENOSYS


def test_clone3_gives_a_pidfd_and_the_child_s_status() -> None:
    pid, pidfd = namespaces.clone3()
    if pid == 0:
        os._exit(42)
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    os.close(pidfd)
    assert result is not None
    assert (result.si_pid, result.si_status) == (pid, 42)
