"""The daemon's process: ``python -m dockerkit.daemon``. Sockets, signals, start-up and shut-down; nothing else."""

from __future__ import annotations

import dockerkit.daemon.sparing  # noqa: F401 - before what it spares us

# isort: split
import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import sys
import time

from dockerkit.daemon.api.server import Server
from dockerkit.daemon.datarootlock import DataRootLock
from dockerkit.daemon.engine.engine import Engine
from dockerkit.errors import DockerkitError
from dockerkit.schema.endpoint import data_root, socket_path

log = logging.getLogger("dockerkit.daemon")
_LOOK_EVERY = 1.0
"""Seconds between two looks at whether there is still something to do."""


def main() -> int:
    """Run a daemon until it is told to stop, or has been idle for long enough; return the exit code."""
    options = _options()
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    root = os.path.abspath(options.root)
    try:
        _own_session()
        with DataRootLock(root):
            engine = Engine(root)
            try:
                asyncio.run(_serve(engine, options, socket_path(root)))
            finally:
                engine.close()
    except DockerkitError as error:
        _report(options.ready_fd, {"error": error.message, "hint": error.hint, "class": type(error).__name__})
        print(f"dockerkit daemon: {error}", file=sys.stderr)  # noqa: T201 - the way this process speaks
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dockerkit.daemon", description="dockerkit's daemon")
    parser.add_argument("--root", default=data_root(), help="data root (default: DOCKERKIT_ROOT, else /var/lib/dockerkit)")
    parser.add_argument("--idle", type=float, default=0, help="seconds with nothing to do after which to go (0: stay)")
    parser.add_argument("--ready-fd", type=int, default=-1, help="descriptor to say on that it is ready, or why not")
    parser.add_argument("--group", default="", help="group that may use the socket: equals root")
    parser.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    return parser.parse_args()


def _own_session() -> None:
    """Leave the terminal and the process group of whoever started us."""
    os.chdir("/")
    os.umask(0o022)
    with contextlib.suppress(PermissionError):  # a session leader already
        os.setsid()


async def _serve(engine: Engine, options: argparse.Namespace, path: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await loop.run_in_executor(None, engine.start)
    server = Server(engine)
    await server.listen_unix(path, group=options.group or None)
    gc.freeze()  # what start-up made stays: no collection needs to look at it
    _report(options.ready_fd, {"ready": True})
    log.info("ready on %s", path)
    try:
        await _until_done(stop, engine, server, options.idle)
    finally:
        await server.close()


async def _until_done(stop: asyncio.Event, engine: Engine, server: Server, idle: float) -> None:
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY if idle else None)
        quiet = time.monotonic() - server.last_activity
        if idle and quiet >= idle and not engine.running and not server.connections:
            log.info("nothing to do for %d s: going", quiet)
            return


def _report(fd: int, message: dict[str, object]) -> None:
    """Tell whoever started us; once."""
    if fd >= 0:
        with contextlib.suppress(BrokenPipeError), os.fdopen(fd, "w") as file:
            file.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    sys.exit(main())
