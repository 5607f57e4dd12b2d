"""Starting a daemon on demand: one for many, with a clean environment, and a clear word when it fails."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import stat
import sys
import threading
from typing import Any

import pytest

from dockerkit import errors
from dockerkit.client import daemon
from dockerkit.schema.endpoint import socket_path

# A daemon of a few lines in the place of ours: what is tested here is how one is started.
READY = """
import json, os, socket, sys
root, ready = sys.argv[sys.argv.index("--root") + 1], int(sys.argv[sys.argv.index("--ready-fd") + 1])
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.path.join(root, "dockerkit.sock"))
listener.listen()
with open(os.path.join(root, "starts"), "a") as file:
    said = {"pid": os.getpid(), "session": os.getsid(0), "cwd": os.getcwd(), "environ": dict(os.environ)}
    file.write(json.dumps(said) + "\\n")
os.write(ready, b'{"ready": true}\\n')
os.close(ready)
while True:
    peer, _ = listener.accept()
    if peer.recv(4) == b"stop":
        break
"""


@pytest.fixture
def daemons(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let `python -m dockerkit.daemon` be the text given, with this interpreter's own start."""
    program = tmp_path / "program.py"
    launcher = tmp_path / "python"
    launcher.write_text(
        f'#!/bin/sh\nif [ "$1" = -m ]; then shift 2; exec {sys.executable} -I -S {program} "$@"; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    launcher.chmod(0o755)
    detach = daemon._DETACH.replace("sys.executable", repr(str(launcher)))
    monkeypatch.setattr(daemon, "_DETACH", detach)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    root = tmp_path / "root"
    yield program, str(root)
    path = socket_path(str(root))
    with socket.socket(socket.AF_UNIX) as ended:
        if pathlib.Path(path).exists():
            ended.connect(path)
            ended.sendall(b"stop")
            ended.recv(1)


def test_many_at_once_start_one(daemons: Any) -> None:
    program, root = daemons
    program.write_text(READY)
    dial = daemon.dialler(root)
    failed: list[BaseException] = []

    def connect() -> None:
        try:
            dial(10).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=connect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len((pathlib.Path(root) / "starts").read_text().splitlines()) == 1


def test_daemon_is_on_its_own(daemons: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program, root = daemons
    program.write_text(READY)
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("DOCKERKIT_HOST", "unix:///elsewhere")
    monkeypatch.setenv("DOCKERKIT_BOOTSTRAP", "never")
    daemon.ensure(root)
    said = json.loads((pathlib.Path(root) / "starts").read_text())
    assert said["session"] != os.getsid(0)
    assert said["cwd"] == "/"
    assert "SECRET_TOKEN" not in said["environ"]
    assert "DOCKERKIT_HOST" not in said["environ"]
    assert said["environ"]["DOCKERKIT_BOOTSTRAP"] == "never"
    assert (pathlib.Path(said["environ"]["PYTHONPATH"]) / "dockerkit" / "errors.py").exists()
    status = pathlib.Path(f"/proc/{said['pid']}/stat").read_text().rpartition(")")[2].split()
    assert int(status[1]) != os.getpid(), "the daemon is nobody's child: no zombie in a long notebook"
    assert stat.S_IMODE(os.stat(f"{root}/daemon.log").st_mode) == 0o600


def test_daemon_that_dies_shows_the_end_of_its_log(daemons: Any) -> None:
    program, root = daemons
    program.write_text("raise SystemExit('the disk is on fire')")
    with pytest.raises(errors.Unavailable, match="ended before it was ready") as caught:
        daemon.ensure(root)
    assert "the disk is on fire" in caught.value.hint


def test_daemon_that_says_why_is_believed(daemons: Any) -> None:
    program, root = daemons
    line = b'{"error": "held by 7", "hint": "kill it", "class": "Conflict"}\n'
    program.write_text(f'import os, sys; os.write(int(sys.argv[sys.argv.index("--ready-fd") + 1]), {line!r})')
    with pytest.raises(errors.Conflict, match="held by 7") as caught:
        daemon.ensure(root)
    assert caught.value.hint == "kill it"


def test_daemon_that_is_never_ready(daemons: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program, root = daemons
    monkeypatch.setattr(daemon, "READY_WITHIN", 0.3)
    gate = program.with_name("gate")
    os.mkfifo(gate)
    program.write_text(f"open({str(gate)!r}).read()")
    with pytest.raises(errors.Unavailable, match="not ready within"):
        daemon.ensure(root)
    with open(gate, "w"):
        pass  # lets it go


def test_not_root_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(errors.NotAllowed, match="needs root") as caught:
        daemon.ensure(str(tmp_path / "root"))
    assert "DOCKERKIT_HOST" in caught.value.hint
    assert not (tmp_path / "root").exists()


def test_root_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.Unavailable, match="data root"):
        daemon.ensure(str(tmp_path / "file" / "root"))
