"""The list of trials, in the order in which one depends on another, and the running of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from dockerkit.daemon.probe import host
from dockerkit.daemon.probe.apart import apart, words
from dockerkit.daemon.probe.finding import Finding, Missing
from dockerkit.errors import Damaged
from dockerkit.schema.endpoint import data_root, socket_path

_SANDBOX = "this machine forbids it, perhaps because it is itself a container: run it privileged, or on the machine itself"
_SUN_PATH = 108
_AS_ROOT = "run it as root: sudo -E dockerkit …"


class Trial(NamedTuple):
    """Something to try, and what to do when it fails."""

    name: str
    act: Callable[[], str]
    next: str


def probe(root: str | None = None) -> list[Finding]:
    """Return what this machine allows a daemon on the data root `root` (default: ``DOCKERKIT_ROOT``).

    Runs :func:`examine` in a fresh interpreter, so it may be called from a process with threads.

    :raises Damaged: the probe itself broke; the message holds what it said.
    """
    environment = os.environ | ({"DOCKERKIT_ROOT": root} if root else {})
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-m", "dockerkit.daemon.probe"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    try:
        return [Finding(**finding) for finding in json.loads(done.stdout)]
    except (ValueError, TypeError):
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise Damaged(f"the probe of this machine broke: {said}") from None


def examine(root: str | None = None) -> list[Finding]:
    """Try everything, here and in forked children; only for a process with one thread. Leaves nothing behind."""
    root = root or data_root()
    first = _try(Trial("Linux kernel", host.kernel, f"boot Linux {host.OLDEST_KERNEL[0]}.{host.OLDEST_KERNEL[1]} or newer"))
    if not first.ok and not sys.platform.startswith("linux"):
        return [first]
    with _scratch(root) as directory:
        return [first, *(_try(trial) for trial in _trials(root, directory))]


def _trials(root: str, directory: str) -> tuple[Trial, ...]:
    from dockerkit.daemon.probe import trials  # noqa: PLC0415 (where this is not Linux it cannot be imported)

    elsewhere = "put the data root on another file system: DOCKERKIT_ROOT=/path/on/ext4 dockerkit …"
    return (
        Trial("architecture", host.architecture, f"use a machine with one of: {', '.join(host.ARCHITECTURES)}"),
        Trial("privileges", host.privileges, _AS_ROOT),
        *(Trial(f"{kind} namespace", partial(apart, trials.namespace(kind)), _SANDBOX) for kind in trials.NAMESPACES),
        Trial("clone3 and pidfd", partial(apart, trials.births), _SANDBOX),
        Trial("overlay mount", partial(_roots, trials.overlay(directory), trials.directory(directory)), elsewhere),
        Trial("device nodes", partial(apart, trials.devices(directory)), _SANDBOX),
        Trial("cgroups", trials.control_groups, "mount cgroup2, or the version 1 hierarchies, writable at /sys/fs/cgroup"),
        Trial("seccomp", partial(apart, trials.filters), "boot a kernel with CONFIG_SECCOMP_FILTER"),
        Trial("loopback network", partial(apart, trials.loopback), _SANDBOX),
        Trial("unix socket", partial(_socket, directory, trials.local_socket), elsewhere),
        Trial("data root", partial(_writable, root, directory), elsewhere),
        Trial("disk space", partial(host.room, _nearest(root)), "free some space, or set DOCKERKIT_ROOT to a larger disk"),
        Trial("open files", host.open_files, "raise the limit before starting the daemon: ulimit -Hn 1048576"),
        Trial("package signatures", host.signatures, "install gpgv and your distribution's keyring"),
    )


def _try(trial: Trial) -> Finding:
    try:
        return Finding(trial.name, True, trial.act())
    except Missing as missing:
        detail, advice = missing.detail, missing.next
    except OSError as error:
        detail, advice = words(error), ""
    if not advice:
        advice = _AS_ROOT if hasattr(os, "geteuid") and os.geteuid() != 0 and "not permitted" in detail else trial.next
    return Finding(trial.name, False, detail, advice)


def _writable(root: str, directory: str) -> str:
    """The data root, or where it will be made."""
    if not os.path.realpath(directory).startswith(os.path.realpath(_nearest(root))):
        raise Missing(f"nothing can be written at {_nearest(root)}")
    path = socket_path(root)
    return f"{root} ({'exists' if os.path.isdir(root) else 'will be made'}), socket {path}"


def _roots(overlay: Callable[[], str], directory: Callable[[], str]) -> str:
    """Where no overlay can be mounted, roots are copies: that is no obstacle, unless overlay was asked for by name."""
    chosen = os.environ.get("DOCKERKIT_SNAPSHOTTER") or "auto"
    if chosen == "copy":
        return f"not asked for (DOCKERKIT_SNAPSHOTTER=copy): {apart(directory)}"
    try:
        return apart(overlay)
    except Missing as missing:
        if chosen == "overlay":
            raise
        with contextlib.suppress(Missing):  # then the first reason is the one to tell
            return f"refused ({missing.detail}): {apart(directory)}"
        raise


def _socket(directory: str, trial: Callable[[str], Callable[[], str]]) -> str:
    """Where the daemon's socket will be: in the data root, or in /run when that has too long a name."""
    path = f"{directory}/sock"
    if len(path) < _SUN_PATH:
        return apart(trial(path))
    with _scratch("/run") as shorter:
        return apart(trial(f"{shorter}/sock"))


@contextlib.contextmanager
def _scratch(root: str) -> Iterator[str]:
    """Yield an empty directory on the data root's file system, gone afterwards; elsewhere when nothing can be written there."""
    try:
        directory = tempfile.mkdtemp(prefix=".dockerkit-probe-", dir=_nearest(root))
    except OSError:
        directory = tempfile.mkdtemp(prefix="dockerkit-probe-")
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def _nearest(root: str) -> str:
    """Return the data root, or the directory nearest above it that exists."""
    while not os.path.isdir(root):
        root = os.path.dirname(root)
    return root
