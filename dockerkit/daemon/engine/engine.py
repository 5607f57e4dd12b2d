"""The engine: the one place that builds everything and knows everybody."""

from __future__ import annotations

import contextlib
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dockerkit.daemon.engine.containers import Containers
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.dying import on_exit
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.execs import Execs
from dockerkit.daemon.engine.health import Healthchecks
from dockerkit.daemon.engine.images import ImageVerbs
from dockerkit.daemon.engine.images.configuring import Configuring
from dockerkit.daemon.engine.images.using import used_by
from dockerkit.daemon.engine.networks import recovery as networks
from dockerkit.daemon.engine.networks.verbs import NetworkVerbs
from dockerkit.daemon.engine.probing import Probing
from dockerkit.daemon.engine.recovery import recover
from dockerkit.daemon.engine.sessions import Sessions
from dockerkit.daemon.engine.system import System
from dockerkit.daemon.engine.volumes.recovery import take_up_volumes
from dockerkit.daemon.engine.volumes.verbs import VolumeVerbs
from dockerkit.daemon.images.images import Images
from dockerkit.daemon.images.snapshots import choose
from dockerkit.daemon.kernel import cgroups, failpoints, placement
from dockerkit.daemon.runtime.runtime import Exit, Runtime
from dockerkit.daemon.state.database import Database
from dockerkit.errors import Exhausted, NotFound
from dockerkit.schema.endpoint import root_id


class Engine:
    """An engine on one data root; whoever makes it holds the root's lock.

    :param root: the data root; its folders are made when missing.
    """

    def __init__(self, root: str) -> None:
        _make_folders(root)
        failpoints.arm(f"{root}/run/{failpoints.FILE}")
        database = Database(f"{root}/state.db")
        cgroup_parent = f"dockerkit-{root_id(root)}"
        snapshots = choose(f"{root}/containers")
        runtime = Runtime(f"{root}/run", on_exit=self._on_exit, on_detach=self._on_detach, cgroup_parent=cgroup_parent)
        pool = ThreadPoolExecutor(4, thread_name_prefix="removal")
        self._cgroups = cgroups.detect(cgroup_parent)
        self._core = Core(root, database, Images(root), runtime, pool, self._cgroups, snapshots)
        self._configuring = Configuring(self._core)
        self._core.images.configure = self._configuring.run
        self.images = ImageVerbs(self._core)
        self.sessions = Sessions(self._core)
        self.networks = NetworkVerbs(self._core, self.sessions.check)
        self.volumes = VolumeVerbs(self._core, self.sessions.check)
        self.events = self._core.events
        self.containers = Containers(self._core, self.sessions)
        self.execs = Execs(self._core)
        self._checks = ThreadPoolExecutor(4, thread_name_prefix="health")
        self._health = Healthchecks(self._core, Probing(self._core, self.execs).begin, self._checks)
        self._core.observers.append(self._health.settle)
        self.system = System(self._core, database.fact("id", str(uuid.uuid4())), self._cgroups.version)

    def start(self) -> None:
        """Start the shim, then take up the containers and sessions of the daemon before, and sweep up images' remains."""
        self._core.runtime.start()
        self._core.timers.start()
        self._core.volumes.load()
        recover(self._core)
        take_up_volumes(self._core)
        self.sessions.recover()
        self._core.pool.submit(self._core.images.sweep, partial(used_by, self._core))

    @property
    def running(self) -> int:
        """How many containers run now, or will by their restart policy."""
        return sum(entry.record.active for entry in self._core.entries.all())

    def close(self) -> None:
        """Let go of everything; containers go on running under their keepers."""
        self._core.timers.stop()
        self._health.close()
        self.sessions.stop()
        self._core.pool.shutdown(wait=True)
        networks.settle(self._core)
        self._core.fabric.close()
        self._core.runtime.close()
        self._checks.shutdown(wait=True)
        self._core.followers.close()
        self._core.events.close()
        self._core.database.close()
        with contextlib.suppress(OSError):  # EBUSY: containers live in it
            self._cgroups.discard()

    def _on_detach(self, id: str) -> None:
        with contextlib.suppress(NotFound):  # removed in this moment: nobody is left to be told about
            self._core.note(self._core.entries.resolve(id).record, Happening("detach"))

    def _on_exit(self, id: str, exit: Exit) -> None:
        if not self._configuring.owns(id):
            on_exit(self._core, id, exit)


def _make_folders(root: str) -> None:
    try:
        for name, mode in (("", 0o711), ("containers", 0o710), ("trash", 0o700), ("run", 0o700)):
            path = os.path.join(root, name)
            os.makedirs(path, mode, exist_ok=True)
        placement.spread(os.path.join(root, "containers"))
    except OSError as error:
        raise Exhausted(f"the data root {root} cannot be made: {error}", hint="choose another with DOCKERKIT_ROOT") from error
