"""Running further processes in a container of the suite."""

from __future__ import annotations

import itertools
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockerkit.daemon.kernel import capabilities
from dockerkit.daemon.runtime.runtime import Attachment, Execution, Process, StartFailed

if TYPE_CHECKING:
    from conftest import Box

NUMBERS = itertools.count(1)


@dataclass
class Ran:
    """One exec."""

    client: socket.socket
    ended: threading.Event = field(default_factory=threading.Event)
    codes: list[int] = field(default_factory=list)
    process: Process | None = None

    def on_exit(self, code: int) -> None:
        self.codes.append(code)
        self.ended.set()

    def output(self) -> str:
        """Read what it wrote, to the end."""
        data = b""
        while chunk := self.client.recv(1 << 16):
            data += chunk
        return data.decode()

    def read_until(self, text: str) -> str:
        data = b""
        while text.encode() not in data:
            chunk = self.client.recv(1 << 16)
            assert chunk, f"{text!r} never came, only {data!r}"
            data += chunk
        return data.decode()

    def code(self) -> int:
        assert self.ended.wait(30)
        assert len(self.codes) == 1
        return self.codes[0]


def granted(*names: str) -> dict[str, list[str]]:
    return {kind: list(names) for kind in ("bounding", "effective", "permitted")}


def execute(
    box: Box,
    *args: str,
    framed: bool = False,
    detach_keys: bytes = b"",
    change: dict[str, Any] | None = None,
    **options: Any,
) -> Ran:
    """Start a process in a container; `change` is put into its OCI process, `options` are Execution's."""
    ours, theirs = socket.socketpair()
    process: dict[str, Any] = {
        "args": list(args),
        "env": ["PATH=/usr/bin:/bin"],
        "cwd": "/",
        "capabilities": granted(*capabilities.DEFAULT),
        **(change or {}),
    }
    attachment = Attachment(theirs.detach(), stdin=True, stdout=True, stderr=True, framed=framed, detach_keys=detach_keys)
    ran = Ran(ours)
    assert box.keeper is not None
    try:
        execution = Execution(f"{next(NUMBERS):064x}", process, attachments=[attachment], **options)
        ran.process = box.keeper.execute(execution, on_exit=ran.on_exit)
    except StartFailed:
        assert ours.recv(1) == b"", "a failed exec left its listener"
        ours.close()
        raise
    return ran


def run(box: Box, *args: str, **options: Any) -> tuple[int, str]:
    """Run a process in a container to its end; returns exit code and output."""
    ran = execute(box, *args, **options)
    with ran.client:
        output = ran.output()
        return ran.code(), output


def sh(box: Box, script: str, **options: Any) -> str:
    code, output = run(box, "sh", "-c", script, **options)
    assert code == 0, output
    return output
