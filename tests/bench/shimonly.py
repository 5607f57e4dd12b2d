"""The runtime alone: the same container as the engine would start, without client, API, engine and state: what do these add?

What it does each time: a directory for the container, one launch through the shim, its output read to the end, and everything
of it gone again. The spec and the filter are made once, as an engine that starts one container after the other could.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from dockerkit.daemon.images.images import Images
from dockerkit.daemon.runtime.runtime import Attachment, Exit, Launch, Rootfs, Runtime
from dockerkit.daemon.runtime.spec import runtime_spec, seccomp_program
from dockerkit.schema.container import ContainerConfig, HostConfig

FILES = {"hosts": "127.0.0.1\tlocalhost\n", "hostname": "bench\n", "resolv.conf": ""}


@contextlib.contextmanager
def shim_only(command: list[str]) -> Iterator[Callable[[], bytes]]:
    """Give a function that runs `command` in a container of busybox and returns what it wrote."""
    top = tempfile.mkdtemp(prefix="dkb-")
    parent = f"dockerkit-bench-{os.getpid()}"
    runtime = Runtime(f"{top}/run", on_exit=_nobody, cgroup_parent=parent)
    try:
        os.mkdir(f"{top}/containers")
        images = Images(top)
        lower = images.lower(images.bootstrap("busybox"))
        runtime.start()
        yield lambda: _run(runtime, f"{top}/containers/{secrets.token_hex(32)}", lower, parent, command)
    finally:
        runtime.close()
        shutil.rmtree(top)
        for group in _groups(parent):
            os.rmdir(group)


def _run(runtime: Runtime, directory: str, lower: tuple[str, ...], parent: str, command: list[str]) -> bytes:
    _furnish(directory)
    ours, theirs = socket.socketpair()
    launch = _launch(directory, lower, parent, command)
    launch.attachments = [Attachment(theirs.detach(), stdout=True, stderr=True, framed=False)]
    keeper = runtime.spawn(launch)
    with ours:
        output = b"".join(iter(lambda: ours.recv(1 << 16), b""))
    keeper.gone.result(10)
    shutil.rmtree(directory)
    return output


def _furnish(directory: str) -> None:
    os.mkdir(directory)
    os.mkdir(f"{directory}/upper")
    os.mkdir(f"{directory}/work")
    for name, text in FILES.items():
        with open(f"{directory}/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def _launch(directory: str, lower: tuple[str, ...], parent: str, command: list[str]) -> Launch:
    id = os.path.basename(directory)
    config, host = ContainerConfig(hostname="bench"), HostConfig(network_mode="none")
    spec: dict[str, Any] = runtime_spec(
        id=id,
        hostname="bench",
        config=config,
        host_config=host,
        arguments=command,
        environment=["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=bench"],
        directory=directory,
        cgroup=f"{parent}/confined/{id}",
        binds=[],
    )
    program = seccomp_program(spec, host, os.path.dirname(os.path.dirname(directory)) + "/run", platform.machine())
    rootfs = Rootfs(lower, f"{directory}/upper", f"{directory}/work", volatile=True)
    return Launch(id, directory, spec, rootfs, log=f"{directory}/log", seccomp=program)


def _groups(parent: str) -> list[str]:
    """Return the control groups made for this bench, the innermost first."""
    tops = [path.path for path in os.scandir("/sys/fs/cgroup") if os.path.isdir(f"{path.path}/{parent}")]
    return [
        f"{top}/{parent}{end}" for top in tops for end in ("/confined", "/open", "") if os.path.isdir(f"{top}/{parent}{end}")
    ]


def _nobody(_id: str, _exit: Exit) -> None:
    """Nobody waits for the exit: what was written and that all is gone are enough."""
