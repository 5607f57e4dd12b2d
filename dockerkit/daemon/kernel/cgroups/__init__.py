"""Control groups: what a container may use, what it did use, and how to reach all of its processes at once.

Vocabulary
----------
*Hierarchy*: a tree of directories the kernel offers, one per controller on version 1 (memory, pids, cpu, …), one for all on
version 2. *Group*: one directory of such a tree. *Parent*: ``dockerkit-<root id>``, one per data root, so that several daemons
live side by side. *Policy*: one of the parent's two children: ``confined`` (Docker's device list, written once and inherited)
and ``open`` (every device; containers that ask for devices write a list of their own). *Resources*: OCI ``linux.resources``,
raw numbers, as version 1 counts; version 2 converts them.

Which version it is, :func:`detect` decides; everybody else asks the two protocols only, and ``version`` where Docker itself
shows a difference.

Life of a group
---------------
A data root calls :func:`detect` and :meth:`Cgroups.prepare` once, in the process that forks. Then, for each container,
``create`` → (in the child) ``join`` → … → ``kill`` → ``remove``. A group is plain directories: it outlives every process that
knows it, and :meth:`Cgroups.open` finds it again.

Example 1, a container with 256 MiB and no network tricks::

    cgroups = detect("dockerkit-1f2e3d4c")  # cgroups.reason says why this version
    cgroups.prepare()
    group = cgroups.create("dockerkit-1f2e3d4c/confined/6b86b2", {"memory": {"limit": 268435456}, "pids": {"limit": 200}})
    if os.fork() == 0:
        group.join()                 # the child writes itself in, before exec
        os.execv("/bin/true", ["true"])
    os.wait()
    died_of_memory = group.oom_kills() > 0
    group.remove()

Example 2, after a crash, killing what is left of yesterday::

    for path in cgroups.list():
        group = cgroups.open(path)
        group.kill()                 # freezes first: a fork bomb cannot outrun it
        group.remove()
    cgroups.discard()

Everything raises :class:`OSError` whose ``filename`` is the control file or directory. Nothing here decides what is allowed:
limits were judged before they came. Standard library only; safe to import before fork.
"""

from dockerkit.daemon.kernel.cgroups.contract import Cgroup, Cgroups
from dockerkit.daemon.kernel.cgroups.detection import SETTING, detect

__all__ = ["SETTING", "Cgroup", "Cgroups", "detect"]
