"""The registry's process: ``python -m dockerkit.daemon.registry.server``. Options, signals, start-up and shut-down.

Says on standard output where it listens, or, as one line of JSON, to whoever started it (``--ready-fd``). Ends on SIGTERM and
SIGINT, after what is under way; and, with ``--owner``, at once when that process is gone, however it went.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import logging
import os
import resource
import shutil
import signal
import ssl
import sys
import tempfile
from collections.abc import Iterator

from dockerkit.daemon.registry.server import certificate
from dockerkit.daemon.registry.server.beneath import Tree
from dockerkit.daemon.registry.server.collecting import GRACE
from dockerkit.daemon.registry.server.listener import Listener, address_of, bind
from dockerkit.daemon.registry.server.passwords import Passwords
from dockerkit.daemon.registry.server.registry import Registry, Rules
from dockerkit.daemon.registry.server.shelves import Shelves
from dockerkit.errors import Conflict, DockerkitError, NotAllowed

log = logging.getLogger("dockerkit.registry")
LEAVE = 5.0
"""Seconds that requests under way get at the end."""


def main() -> int:
    """Serve until told to end; return the exit code."""
    options = _options().parse_args()
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(0o077)
    try:
        with contextlib.ExitStack() as stack:
            ends = [_signals(stack), *_owner(options.owner, stack)]
            _serve(options, ends, stack)
    except DockerkitError as error:
        _report(options.ready_fd, {"error": error.message, "hint": error.hint, "class": type(error).__name__})
        print(f"dockerkit registry: {error}", file=sys.stderr)  # noqa: T201 - the way this process speaks
        return 1
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockerkit registry serve", description="A registry of container images.")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="where (port 0: one that is free)")
    parser.add_argument("--storage", metavar="DIR", help="keep everything there (default: in a directory that goes with it)")
    parser.add_argument("--auth", metavar="HTPASSWD", help="let in who is in this file (bcrypt)")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="speak TLS with this certificate")
    parser.add_argument("--tls-self-signed", action="store_true", help="speak TLS with a certificate made now")
    parser.add_argument("--mirror", metavar="URL", help="stand in for the registry there: fetch on a miss, keep")
    parser.add_argument("--read-only", action="store_true", help="refuse pushes and deletions")
    parser.add_argument("--grace", type=float, default=GRACE, metavar="SECONDS", help="spare new blobs nobody needs so long")
    parser.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--workspace", help=argparse.SUPPRESS)  # a directory of ours alone, which goes with us
    parser.add_argument("--owner", type=int, default=0, help=argparse.SUPPRESS)  # the process we go with: our parent
    parser.add_argument("--ready-fd", type=int, default=-1, help=argparse.SUPPRESS)
    return parser


def _serve(options: argparse.Namespace, ends: list[int], stack: contextlib.ExitStack) -> None:
    _many_descriptors()
    listening = bind(options.listen)
    stack.callback(listening.close)
    workspace = stack.enter_context(_workspace(options.workspace))
    context, shown = _tls(options, workspace)
    registry = _registry(options, workspace, stack)
    registry.collector.start()
    stack.callback(registry.collector.close)
    listener = Listener(listening, registry, context)
    address = address_of(listening)
    url = f"{'https' if context else 'http'}://{address}"
    _report(options.ready_fd, {"ready": True, "url": url, "address": address, "certificate": shown})
    if options.ready_fd < 0:
        print(f"dockerkit registry: listening on {url}", flush=True)  # noqa: T201 - the way this process speaks
    listener.run(ends)
    listener.close(LEAVE)


def _registry(options: argparse.Namespace, workspace: str, stack: contextlib.ExitStack) -> Registry:
    passwords = Passwords(options.auth) if options.auth else None
    tree = _tree(options.storage, workspace, stack)
    shelves = Shelves(tree)
    upstream = None
    if options.mirror:
        from dockerkit.daemon.registry.server.mirror import Mirror  # noqa: PLC0415 - the whole client, for mirrors only

        upstream = Mirror(options.mirror, shelves)
        stack.callback(upstream.close)
    return Registry(shelves, Rules(passwords, options.read_only, options.grace), upstream)


def _tree(storage: str | None, workspace: str, stack: contextlib.ExitStack) -> Tree:
    """Return the store's directory, ours alone. What goes with us need not survive a power cut.

    :raises Conflict: another registry has it.
    :raises NotAllowed: it cannot be used.
    """
    path = os.path.abspath(storage) if storage else os.path.join(workspace, "storage")
    try:
        tree = Tree(path, durable=bool(storage))
        lock = os.open(os.path.join(path, "registry.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise NotAllowed(f"the storage {path} cannot be used: {error.strerror}", hint="--storage names another") from None
    stack.callback(tree.close)
    stack.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(f"another registry serves {path}", hint="two would collect each other's garbage") from None
    tree.remove_unfinished()
    return tree


def _tls(options: argparse.Namespace, workspace: str) -> tuple[ssl.SSLContext | None, str]:
    """Return how to speak TLS, and the certificate that proves it."""
    if options.tls:
        return certificate.context(*options.tls), os.path.abspath(options.tls[0])
    if options.tls_self_signed:
        made = certificate.make(workspace, options.listen.rpartition(":")[0].strip("[]"))
        return certificate.context(*made), made[0]
    return None, ""


@contextlib.contextmanager
def _workspace(given: str | None) -> Iterator[str]:
    """Yield a directory that is gone afterwards."""
    path = given or tempfile.mkdtemp(prefix="dockerkit-registry-")
    try:
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):  # whoever gave it was quicker
            shutil.rmtree(path)


def _signals(stack: contextlib.ExitStack) -> int:
    """Return a descriptor that becomes readable when it is time to end."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    stack.callback(os.close, reader)
    stack.callback(os.close, writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(writer, b"."))
    return reader


def _owner(pid: int, stack: contextlib.ExitStack) -> list[int]:
    """Return a descriptor that becomes readable when our owner is gone.

    :raises Conflict: it is gone already: somebody else is our parent.
    """
    if not pid:
        return []
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        pidfd = -1
    if pidfd < 0 or os.getppid() != pid:  # the number may have been given to another process: our parent it is not
        raise Conflict("whoever started this registry is gone")
    stack.callback(os.close, pidfd)
    return [pidfd]


def _many_descriptors() -> None:
    """Use as many descriptors as we may: a connection has one, and so has each file under way."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536) if most != resource.RLIM_INFINITY else 65536, most))


def _report(fd: int, message: dict[str, object]) -> None:
    """Tell whoever started us; once."""
    if fd >= 0:
        with contextlib.suppress(OSError), os.fdopen(fd, "w") as file:  # nobody wants to know any more, or was told
            file.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    sys.exit(main())
