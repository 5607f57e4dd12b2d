"""The steps from birth to execve, in order, by name. Their names are what errors, explain mode and tests speak of.

::

    clone3 ─► session ─► namespaces ─► names ─► loopback ─► keyring ─► oom score ─► cgroup ─► root ─► mounts ─► devices
           ─► terminal ─► sysctls ─► covers ─► user ─► directory ─► read-only ─► pivot ─► working directory
           ─► descriptors ─► limits ─► identity ─► exec

The child never returns: a step that fails is reported to the keeper with its name, the kernel's reason and its subject.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.child import (
    console,
    covers,
    devices,
    filesystems,
    identity,
    program,
    rootfs,
    surroundings,
    users,
)
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed, subject_of


class Step(NamedTuple):
    """One act of a birth."""

    name: str
    act: Callable[[Birth], None]


STEPS = (
    Step("session", surroundings.start_session),
    Step("namespaces", surroundings.join_namespaces),
    # what does not need the root comes first: the keeper is still making it
    Step("names", surroundings.set_names),
    Step("loopback", surroundings.raise_loopback),
    Step("keyring", surroundings.join_keyring),
    # before the pivot: it needs a /proc that is surely the host's
    Step("oom score", surroundings.set_oom_score),
    Step("cgroup", surroundings.join_cgroup),
    Step("root", rootfs.attach_root),
    Step("mounts", filesystems.mount_all),
    # after the mounts: /dev is one of them
    Step("devices", devices.make_devices),
    Step("terminal", console.make_terminal),
    # before the covers: they make /proc/sys read-only
    Step("sysctls", covers.write_sysctls),
    Step("covers", covers.cover),
    Step("user", users.resolve_user),
    # before the root is read-only: it may have to be made
    Step("directory", program.open_directory),
    Step("read-only", rootfs.make_read_only),
    Step("pivot", rootfs.enter_root),
    Step("working directory", program.enter_directory),
    Step("descriptors", program.arrange_descriptors),
    Step("limits", surroundings.set_limits),
    Step("identity", identity.become_user),
    Step("exec", program.execute),
)
NAMES = tuple(step.name for step in STEPS)


def be_born(birth: Birth, sequence: Sequence[Step] = STEPS) -> NoReturn:
    """Do every step of `sequence`; ends as the program, or reports the step that failed and exits with 125."""
    name = ""
    try:
        for number, step in enumerate(sequence):
            name = step.name
            birth.progress.note(number)
            step.act(birth)
    except BaseException as error:
        with contextlib.suppress(OSError):  # the keeper is gone: nobody to tell
            wire.send(birth.status, report(name, error))
    finally:
        os._exit(125)


def report(step: str, error: BaseException) -> wire.Message:
    """Return what is told about a step that failed."""
    if isinstance(error, StepFailed):
        code, subject, message = error.errno, error.subject, error.message
    elif isinstance(error, OSError):
        code, subject = error.errno or 0, subject_of(error)
        message = f"{subject}: {error.strerror}" if subject else str(error.strerror)
    else:
        code, subject, message = 0, "", f"{type(error).__name__}: {error}"
    return {"verb": "failed", "step": step, "errno": code, "subject": subject, "message": message}
