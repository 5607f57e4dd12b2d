"""Detaching from what goes on: from a container's terminal, and from an exec's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.runtime.runtime import Runtime
from tests.system.runtime.executing import execute

if TYPE_CHECKING:
    from conftest import Boxes

pytestmark = pytest.mark.system

KEYS = b"\x10\x11"


def test_a_container_goes_on_when_its_client_detaches_and_the_daemon_is_told(boxes: Boxes) -> None:
    left: list[str] = []
    boxes.runtime.close()
    boxes.runtime = Runtime(str(boxes.place / "run"), on_exit=boxes._on_exit, on_detach=left.append)
    boxes.runtime.start()
    box = boxes.make("sh", "-c", "echo up; read line; exit 5", open_stdin=True)
    box.spec["process"]["terminal"] = True
    box.launch.attachments[0].detach_keys = KEYS
    boxes.start(box).read_until("up")
    assert box.client is not None
    assert box.keeper is not None
    box.client.sendall(b"half a line" + KEYS + b"\n")
    box.output()
    assert not box.ended.is_set()
    box.keeper.kill(9)
    assert box.wait().exit_code == 137
    assert left == [box.launch.id]


def test_an_exec_goes_on_when_its_client_detaches(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sleep", "1000", client=False))
    change = {"terminal": True}
    ran = execute(box, "sh", "-c", "echo up; read line; exit 5", change=change, open_stdin=True, detach_keys=KEYS)
    ran.read_until("up")
    ran.client.sendall(KEYS)
    ran.output()
    assert not ran.ended.is_set()
    assert ran.process is not None
    ran.process.kill(15)
    assert ran.code() == 143
    ran.client.close()
