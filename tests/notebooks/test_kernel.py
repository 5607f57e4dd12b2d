"""What only a real kernel shows: output before a cell's end, Ctrl-C, and what a killed kernel leaves."""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from dockerkit.errors import NotFound

pytest.importorskip("ipykernel")
pytestmark = pytest.mark.system


class Kernel:
    """A kernel, asked one cell at a time."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def begin(self, code: str) -> None:
        """Run a cell, and do not wait for its end."""
        self.asked = self.client.execute(code)

    def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Return the first message of this kind from the cell that was begun."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") != self.asked or message["msg_type"] != kind:
                continue
            content = message["content"]
            if all(content.get(name) == value for name, value in wanted.items()):
                return content

    def run(self, code: str) -> None:
        """Run a cell to its end."""
        self.begin(code)
        self.until("status", execution_state="idle")


@pytest.fixture
def kernel(client: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    """A kernel of its own that talks to the suite's daemon."""
    from jupyter_client.manager import KernelManager

    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    here = str(pathlib.Path(__file__).parents[2])
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "DOCKERKIT_HOST": client.url, "PYTHONPATH": here}, cwd=str(tmp_path))
    blocking = manager.client()
    blocking.start_channels()
    blocking.wait_for_ready(timeout=60)
    running = Kernel(manager, blocking)
    running.run("%load_ext dockerkit\nimport dockerkit as dk")
    yield running
    blocking.stop_channels()
    if manager.is_alive():
        manager.shutdown_kernel(now=True)


def test_output_is_shown_before_the_end_and_ctrl_c_removes_the_container(kernel: Kernel, client: Any) -> None:
    before = set(client.containers.list(all=True))
    kernel.begin("%%container busybox\necho begun; sleep 600")
    assert kernel.until("stream", name="stdout")["text"] == "begun\n"
    (box,) = set(client.containers.list()) - before
    kernel.manager.interrupt_kernel()
    assert kernel.until("error")["ename"] == "KeyboardInterrupt"
    kernel.until("status", execution_state="idle")
    assert box not in client.containers.list(all=True)


def test_ctrl_c_kills_what_runs_inside_and_not_the_container(kernel: Kernel, client: Any) -> None:
    kernel.run("box = dk.start('busybox', 'sleep', '600', name='box')")
    kernel.begin("%%exec box\necho begun; exec sleep 601")
    kernel.until("stream", name="stdout")
    kernel.manager.interrupt_kernel()
    assert kernel.until("error")["ename"] == "KeyboardInterrupt"
    kernel.until("status", execution_state="idle")
    assert [row.cmd for row in client.containers["box"].top()] == ["sleep 600"]


def test_ctrl_c_ends_following_a_log(kernel: Kernel, client: Any) -> None:
    kernel.run("box = dk.start('busybox', 'sh', '-c', 'echo said; sleep 600', name='box')")
    kernel.begin("%docker logs -f box")
    assert kernel.until("stream", name="stdout")["text"] == "said\n"
    kernel.manager.interrupt_kernel()
    assert kernel.until("error")["ename"] == "KeyboardInterrupt"
    assert client.containers["box"].status == "running"


def test_errors_are_one_line(kernel: Kernel) -> None:
    kernel.begin("%docker stop nosuch")
    assert kernel.until("error")["traceback"] == ["NotFound: No such container: nosuch"]


def test_a_kernel_that_is_killed_leaves_no_cells_container(kernel: Kernel, client: Any) -> None:
    kernel.begin("%%container busybox\necho begun; sleep 600")
    kernel.until("stream", name="stdout")
    (container,) = client.containers.list()
    os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
    try:
        client.engine.call("POST", f"{container.path}/wait", query={"condition": "removed"}, timeout=20).read()
    except NotFound:
        return  # it was quicker
    assert container.id not in client.containers
