"""What the daemon asks for: one container to start, and who listens to it. Plain values, standard library only, no I/O."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rootfs:
    """The layers of a root file system, as overlay takes them.

    :param lower: read-only directories, the top layer first; none: `upper` alone is the root, and `work` is not there.
    :param volatile: what is written need not survive a power cut, so unmounting does not sync (and a crash spoils ``upper``).
    """

    lower: tuple[str, ...]
    upper: str
    work: str
    volatile: bool = False


@dataclass(slots=True)
class Attachment:
    """Somebody who listens or types; the runtime owns ``fd`` from the moment it is handed over.

    :param framed: each chunk behind Docker's 8-byte multiplex header; else raw.
    :param initial: bytes the client had already sent: the first of standard input.
    :param replay_from: offset in the log from where what was written before comes first; None: from now on. 0 is the oldest
        that is kept; others count all bytes the log has had since its keeper opened it, over every rotation.
    :param tells_exit: of an exec, framed: the last frame, of stream 4, holds the exit code: four bytes, the highest first.
    :param detach_keys: typed in this order they close this attachment, and nothing else; empty: no keys do.
    """

    fd: int
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    framed: bool = True
    initial: bytes = b""
    replay_from: int | None = None
    detach_keys: bytes = b""
    tells_exit: bool = False


@dataclass(slots=True)
class Launch:
    """One container to start.

    :param id: 64 hexadecimal digits; names nothing but the session keyring.
    :param directory: the container's own directory, which exists.
    :param spec: OCI runtime spec 1.2 without ``linux.seccomp``; ``process.user`` is overruled by `user`.
    :param user: as ``docker run --user``; looked up in the image's own files, empty is root.
    :param groups: further groups, by name or number.
    :param stdin_once: standard input ends when the first client that had it goes.
    :param log: path of the log file; None keeps no log. A file that would be longer than `log_max_size` bytes (negative: never)
        becomes ``log.1`` and a new one is begun; `log_max_files` are kept in all.
    :param seccomp: compiled program; None filters nothing.
    """

    id: str
    directory: str
    spec: dict[str, Any]
    rootfs: Rootfs
    user: str = ""
    groups: tuple[str, ...] = ()
    open_stdin: bool = False
    stdin_once: bool = False
    log: str | None = None
    log_max_size: int = -1
    log_max_files: int = 1
    seccomp: bytes | None = None
    attachments: list[Attachment] = field(default_factory=list)


@dataclass(slots=True)
class Execution:
    """One further process in a running container.

    :param id: 64 hexadecimal digits.
    :param process: OCI ``process``: args, env, cwd, capabilities, rlimits, noNewPrivileges, terminal, consoleSize, oomScoreAdj.
    :param user: as ``docker exec --user``; looked up in the container's files as they are then, empty is root.
    :param open_stdin: it reads what is typed; else nothing.
    :param attachments: who listens and types from its first moment; no log is kept.
    """

    id: str
    process: dict[str, Any]
    user: str = ""
    groups: tuple[str, ...] = ()
    open_stdin: bool = False
    seccomp: bytes | None = None
    attachments: list[Attachment] = field(default_factory=list)


_BYTES = ("initial", "detach_keys")


def attachment_document(attachment: Attachment) -> dict[str, Any]:
    """Return an attachment as JSON values, without its descriptor."""
    document = asdict(attachment)
    del document["fd"]
    for name in _BYTES:
        document[name] = base64.b64encode(document[name]).decode()
    return document


def read_attachment(document: dict[str, Any], fd: int) -> Attachment:
    """Return the attachment a document describes, with the descriptor that travelled beside it."""
    return Attachment(fd=fd, **{**document, **{name: base64.b64decode(document[name]) for name in _BYTES}})


def launch_document(launch: Launch) -> tuple[dict[str, Any], bytes]:
    """Return a launch as JSON values, without descriptors, and its seccomp program (empty when there is none)."""
    document = {name: getattr(launch, name) for name in Launch.__slots__ if name not in ("rootfs", "attachments", "seccomp")}
    document["rootfs"] = asdict(launch.rootfs)
    document["attachments"] = [attachment_document(attachment) for attachment in launch.attachments]
    return document, launch.seccomp or b""


def read_launch(document: dict[str, Any], program: bytes, fds: Sequence[int]) -> Launch:
    """Return the launch a document describes; `fds` are its attachments', in order.

    :raises TypeError: the document has keys this version does not know, or lacks some.
    """
    rest = dict(document)
    rootfs = dict(rest.pop("rootfs"))
    attachments = list(_with_descriptors(rest.pop("attachments"), fds))
    rest["groups"] = tuple(rest["groups"])
    rootfs["lower"] = tuple(rootfs["lower"])
    return Launch(**rest, rootfs=Rootfs(**rootfs), attachments=attachments, seccomp=program or None)


def execution_document(execution: Execution) -> tuple[dict[str, Any], bytes]:
    """Return an execution as JSON values, without descriptors, and its seccomp program (empty when there is none)."""
    document = {name: getattr(execution, name) for name in Execution.__slots__ if name not in ("attachments", "seccomp")}
    document["attachments"] = [attachment_document(attachment) for attachment in execution.attachments]
    return document, execution.seccomp or b""


def read_execution(document: dict[str, Any], program: bytes, fds: Sequence[int]) -> Execution:
    """Return the execution a document describes; `fds` are its attachments', in order.

    :raises TypeError: the document has keys this version does not know, or lacks some.
    """
    rest = dict(document)
    attachments = list(_with_descriptors(rest.pop("attachments"), fds))
    rest["groups"] = tuple(rest["groups"])
    return Execution(**rest, attachments=attachments, seccomp=program or None)


def _with_descriptors(documents: list[dict[str, Any]], fds: Sequence[int]) -> Iterator[Attachment]:
    for document, fd in zip(documents, fds, strict=True):
        yield read_attachment(document, fd)
