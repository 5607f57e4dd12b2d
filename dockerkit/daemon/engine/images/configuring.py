"""Where half-made systems run their own scripts: a container of our runtime, confined as any other, without a network.

It has no record, so nobody meets it in a list; its directory lies among the containers', and after a crash of the daemon
recovery removes it with all others that no record speaks of. Never gives it anything of the host.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
from collections.abc import Iterator
from concurrent.futures import TimeoutError as WaitTimeout

from dockerkit.daemon.engine.changes import compare
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.defaults import filled
from dockerkit.daemon.engine.removal import SIGKILL, remove_tree
from dockerkit.daemon.images.bootstrap.bench import Completed, Job
from dockerkit.daemon.images.snapshots import Copying
from dockerkit.daemon.images.snapshots.gathering import gather
from dockerkit.daemon.logs.files import read_all
from dockerkit.daemon.runtime.exits import read_ended
from dockerkit.daemon.runtime.launch import Launch, Rootfs
from dockerkit.daemon.runtime.runtime import Keeper, StartFailed
from dockerkit.daemon.runtime.spec import device_policy, runtime_spec, seccomp_program
from dockerkit.errors import Failed, TimedOut
from dockerkit.schema.container import ContainerConfig, HostConfig

SECONDS = 600.0
"""A script that asks a question nobody answers must not hold a daemon's thread for ever."""
_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"
_NAME = "bootstrap"


class Configuring:
    """Runs jobs, any number at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._running: set[str] = set()

    def owns(self, id: str) -> bool:
        """Tell whether a container is one of these, so that its end concerns nobody else."""
        return id in self._running

    def run(self, job: Job) -> Completed:
        """Run a job to its end and return how it ended; nothing is left of its container then.

        :raises Failed: it could not be started.
        :raises TimedOut: it did not end.
        """
        id = secrets.token_hex(32)
        directory = self._core.directory(id)
        os.mkdir(directory, 0o710)
        self._running.add(id)
        try:
            for name, text in (("hosts", _HOSTS), ("hostname", f"{_NAME}\n"), ("resolv.conf", "")):
                with open(os.path.join(directory, name), "w", encoding="ascii") as file:
                    file.write(text)
            with self._rootfs(job, directory) as rootfs:
                self._wait(self._spawn(id, directory, job, rootfs))
            return Completed(*_outcome(directory))
        finally:
            self._running.discard(id)
            remove_tree(directory)

    @contextlib.contextmanager
    def _rootfs(self, job: Job, directory: str) -> Iterator[Rootfs]:
        """Lend what the job's trees are together; what is changed there is changed in its upper tree, sooner or later."""
        if self._core.snapshots.snapshotter.name != Copying.name:
            yield Rootfs(lower=job.lower, upper=job.upper, work=job.work, volatile=True)
            return
        layers = (job.upper, *job.lower)
        snapshot = Copying().prepare(layers, directory)
        yield Rootfs(snapshot.lower, snapshot.upper, snapshot.work, volatile=True)
        source, target = (os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for path in (snapshot.upper, job.upper))
        try:
            gather(compare(snapshot.upper, list(layers), whole=True), source, target, job.lower)
        finally:
            os.close(source)
            os.close(target)

    def _spawn(self, id: str, directory: str, job: Job, rootfs: Rootfs) -> Keeper:
        host = filled(HostConfig(network_mode="none"))
        spec = runtime_spec(
            id=id,
            hostname=_NAME,
            config=ContainerConfig(),
            host_config=host,
            arguments=list(job.arguments),
            environment=list(job.environment),
            directory=directory,
            cgroup=f"{self._core.cgroups.parent}/{device_policy(host)}/{id}",
        )
        seccomp = seccomp_program(spec, host, f"{self._core.root}/run", platform.machine())
        launch = Launch(id=id, directory=directory, spec=spec, rootfs=rootfs, log=f"{directory}/log", seccomp=seccomp)
        try:
            return self._core.runtime.spawn(launch)
        except StartFailed as failure:
            raise Failed(f"a half-made system cannot be entered: {failure.message}") from failure

    def _wait(self, keeper: Keeper) -> None:
        try:
            keeper.gone.result(SECONDS)
        except WaitTimeout:
            keeper.kill(SIGKILL)
            keeper.gone.result(SECONDS)
            raise TimedOut(f"configuring packages did not end within {SECONDS:g} s") from None


def _outcome(directory: str) -> tuple[int, str]:
    ended = read_ended(directory)
    said = b"".join(bytes(record.data) for record in read_all(os.path.join(directory, "log")))
    return ended.exit_code if ended else SIGKILL + 128, said.decode("utf-8", "replace")
