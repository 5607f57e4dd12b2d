"""What a process is born into: session, namespaces, control group, names, loopback, keyring, limits."""

from __future__ import annotations

import errno
import os
import resource

from dockerkit.daemon.kernel import loopback, namespaces, processes
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed

_NEWBORN = ("mount", "pid", "uts", "ipc", "network")
_ENTERED = ("network", "ipc", "uts", "cgroup")
_OOM_SCORE = "/proc/self/oom_score_adj"


def newborn_flags(wanted: dict[str, str]) -> int:
    """Return the ``CLONE_NEW*`` bits to be born with: what is wanted new, but for the cgroup namespace, which must wait
    until the group is joined, and always a mount namespace, without which nothing below could be done.
    """
    flags = namespaces.FLAGS["mount"]
    for kind in _NEWBORN:
        if wanted.get(kind) == "":
            flags |= namespaces.FLAGS[kind]
    return flags


def start_session(birth: Birth) -> None:
    """Leave the keeper's session and terminal behind, and its umask, so that modes below are as written."""
    os.setsid()
    os.umask(0)


def join_namespaces(birth: Birth) -> None:
    """Enter the namespaces the spec gives by path (another container's network, say)."""
    for kind, path in birth.namespaces().items():
        if path and kind in _ENTERED:
            namespaces.enter_path(path, namespaces.FLAGS[kind])


def join_cgroup(birth: Birth) -> None:
    """Make the control group and enter it, and only then take a cgroup namespace: its root is where we are at that moment.

    The child does this, not the keeper, because the keeper is busy with the root meanwhile; one that was born in its group is
    there already.
    """
    path = birth.linux.get("cgroupsPath")
    if path and birth.place.cgroups is not None and not birth.inside:
        birth.place.cgroups.create(path, birth.linux.get("resources") or {}).join()
    if birth.namespaces().get("cgroup") == "":
        namespaces.unshare(namespaces.FLAGS["cgroup"])


def set_names(birth: Birth) -> None:
    """Set host and domain name, when the uts namespace is the container's own."""
    if "uts" not in birth.namespaces():
        return
    if birth.spec.get("hostname"):
        namespaces.set_hostname(birth.spec["hostname"])
    if birth.spec.get("domainname"):
        namespaces.set_domainname(birth.spec["domainname"])


def raise_loopback(birth: Birth) -> None:
    """Bring ``lo`` up in a new network namespace; one that was joined has an owner already."""
    if birth.namespaces().get("network") == "" and not birth.loopback:
        loopback.bring_up()


def join_keyring(birth: Birth) -> None:
    """Take a session keyring of our own: the host's keys are not to be found. Kernels without keys have none to hide."""
    try:
        processes.join_keyring(f"_ses.{birth.launch.id}")
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise


def set_limits(birth: Birth) -> None:
    """Set the resource limits; last among what root does, because tight limits hurt us too.

    :raises OSError: EPERM where the host lacks CAP_SYS_RESOURCE and a limit is above ours.
    """
    for limit in birth.process.get("rlimits") or ():
        _set_limit(limit["type"], _amount(limit["soft"]), _amount(limit["hard"]))


def set_oom_score(birth: Birth) -> None:
    """Say how gladly the kernel should take this process when memory is out.

    :raises OSError: EACCES for a score below ours where the host lacks CAP_SYS_RESOURCE.
    """
    score = birth.process.get("oomScoreAdj")
    if score is None:
        return
    fd = os.open(_OOM_SCORE, os.O_RDWR | os.O_CLOEXEC)
    try:
        if int(os.read(fd, 16)) != score:
            os.pwrite(fd, str(score).encode(), 0)
    except OSError as error:
        raise OSError(error.errno, error.strerror, _OOM_SCORE) from None
    finally:
        os.close(fd)


def _amount(value: int) -> int:
    return -1 if value >= 1 << 63 else value


def _set_limit(name: str, soft: int, hard: int) -> None:
    number = getattr(resource, name, None)
    if number is None:
        raise StepFailed(f"unknown resource limit {name}", subject=name, errno=errno.EINVAL)
    try:
        resource.setrlimit(number, (soft, hard))
    except (OSError, ValueError) as error:  # Python says ValueError for EINVAL and EPERM
        code = error.errno if isinstance(error, OSError) and error.errno else errno.EPERM
        raise OSError(code, f"setrlimit: {os.strerror(code)}", name) from None
