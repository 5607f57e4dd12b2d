"""Becoming the program's user: groups, capabilities, seccomp, no_new_privs. The order is the whole point of this file."""

from __future__ import annotations

import errno
import os
import signal
from typing import Any

from dockerkit.daemon.kernel import capabilities, processes
from dockerkit.daemon.kernel.seccomp import loading
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed


def become_user(birth: Birth) -> None:
    """Give up everything the spec does not grant, then the user id, then what only the user id was covering for."""
    sets = _sets(birth.process.get("capabilities") or {})
    unprivileged = bool(birth.process.get("noNewPrivileges"))
    highest = capabilities.last()
    # dropping from the bounding set needs CAP_SETPCAP, loading a filter without no_new_privs CAP_SYS_ADMIN: both first
    capabilities.limit_bounding(sets["bounding"], highest)
    if birth.launch.seccomp and not unprivileged:
        loading.load(birth.launch.seccomp)
    _change_user(birth)
    # an ambient capability needs to be permitted and inheritable before it is raised
    capabilities.set_masks(effective=sets["effective"], permitted=sets["permitted"], inheritable=sets["inheritable"])
    if sets["ambient"]:
        capabilities.set_ambient(sets["ambient"])
    # changing credentials clears the parent-death signal, so it is asked for after; it is a hint, see keeper
    processes.set_parent_death_signal(signal.SIGKILL)
    _check_keeper(birth)
    if unprivileged:
        processes.set_no_new_privileges()
        if birth.launch.seccomp:
            loading.load(birth.launch.seccomp)


def _sets(document: dict[str, Any]) -> dict[str, int]:
    kinds = ("bounding", "effective", "permitted", "inheritable", "ambient")
    return {kind: capabilities.mask(document.get(kind) or ()) for kind in kinds}


def _change_user(birth: Birth) -> None:
    who = birth.identity
    processes.keep_capabilities(True)
    os.setgroups(who.groups)
    os.setresgid(who.gid, who.gid, who.gid)
    os.setresuid(who.uid, who.uid, who.uid)
    processes.keep_capabilities(False)


def _check_keeper(birth: Birth) -> None:
    """End when the keeper died before its death could be signalled: nobody would ever reap or stop this container."""
    try:
        gone = birth.status.recv(1, 0x40) == b""  # MSG_DONTWAIT
    except BlockingIOError:
        return
    if gone:
        raise StepFailed("the keeper died", errno=errno.ESRCH)
