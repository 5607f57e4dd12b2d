"""Going once through the motions, so that the memory they touch is the process's own before anybody waits.

A forked process shares its parent's pages until it writes to them, and in CPython reading an object writes its reference count:
each first touch is a page fault of 1 to 4 µs, some 400 of them between a launch and its program. A waiting keeper and its
waiting child have time to take them beforehand. Nothing here has an effect but that; it may be left out at any time.
"""

from __future__ import annotations

import os
import time
from typing import Any

from dockerkit.daemon.kernel import beneath, capabilities
from dockerkit.daemon.logs import records
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.child import options, program, steps, users
from dockerkit.daemon.runtime.child.birth import Birth, Place, Progress, namespaces_of
from dockerkit.daemon.runtime.keeper.audience import Audience
from dockerkit.daemon.runtime.keeper.control import Control
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import Loop
from dockerkit.daemon.runtime.keeper.streams import Output, make_pipes
from dockerkit.daemon.runtime.launch import Launch, Rootfs, launch_document, read_launch

_GRANTED = {kind: list(capabilities.DEFAULT) for kind in ("bounding", "effective", "permitted")}
_SPEC: dict[str, Any] = {
    "process": {"args": ["sh"], "env": ["PATH=/bin", "HOSTNAME=x"], "cwd": "/", "capabilities": _GRANTED},
    "mounts": [{"destination": "/x", "type": "tmpfs", "options": ["nosuid", "ro", "mode=755", "size=1k"]}] * 10,
    "linux": {"namespaces": [{"type": kind} for kind in ("mount", "pid", "uts", "ipc", "network", "cgroup")]},
}


def rehearse_keeper() -> None:
    """Read a launch, make streams and a loop, log and pass on a chunk."""
    launch = _read_launch()
    loop, journal = Loop(), Journal(None)
    audience = Audience(loop, launch, journal)
    Control(loop, {}).tell({"verb": "started"})
    theirs, ours = make_pipes(with_input=True)
    output = Output(loop, ours[0], records.STDOUT, audience.deliver)
    os.write(theirs[1], b"x")
    loop.after(0, lambda: None)
    loop.turn()
    output.close()
    wire.close((*theirs, *ours[1:]))
    loop.close()
    _talk()


def rehearse_child() -> None:
    """Read a launch, look something up, resolve a user."""
    launch = _read_launch()
    ours, theirs = wire.pair()
    with ours, theirs:
        birth = Birth(launch, Place(None, "/"), [], theirs, Progress(len(steps.STEPS)))
        birth.progress.note(0)
        birth.namespaces()
        root = os.open("/", os.O_PATH | os.O_CLOEXEC)
        wire.close((beneath.open_in(root, "/etc"), beneath.make_directory(root, "/etc"), root))
        users.identify("root", (), "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n")
        capabilities.mask(birth.process["capabilities"]["bounding"])
        program.environment_of(birth)
        program.find_program("sh", "/bin")
    _talk()


def _read_launch() -> Launch:
    fd = wire.pack(*launch_document(Launch("x" * 64, "/", _SPEC, Rootfs(("/",), "/", "/"), seccomp=bytes(4096))))
    document, tail = wire.unpack(fd)
    os.close(fd)
    for entry in document["spec"]["mounts"]:
        options.parse(entry["options"])
    namespaces_of(document["spec"])
    return read_launch(document, tail, ())


def _talk() -> None:
    one, two = wire.pair()
    with one, two:
        wire.send(one, {"verb": "go", "stdio": 3, "binds": [7, 8, 9]}, [0])
        _, fds = wire.receive(two)
        wire.close(fds)
    time.time_ns()
