"""Both snapshotters keep the contract; which one a data root gets is found by trying."""

from __future__ import annotations

import ctypes
import os
import pickle
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dockerkit.daemon.images.snapshots import Copying, Overlay, Snapshotter, choose
from dockerkit.daemon.images.snapshots.overlay import refusal
from dockerkit.errors import Exhausted
from tests.system.images import snapshotcontract
from tests.system.images.unpacking import put_bytes

pytestmark = pytest.mark.system
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x00020000, 0x4000, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)

for _name in dir(snapshotcontract):
    if _name.startswith("test_"):
        globals()[_name] = getattr(snapshotcontract, _name)


class Way:
    """One snapshotter at work."""

    def __init__(self, snapshotter: Snapshotter, top: Path) -> None:
        self.snapshotter, self._top = snapshotter, top

    def see(self, layers: Sequence[bytes], act: Callable[[str], Any]) -> Any:
        """See the module ``snapshotcontract``."""
        directory = self._directory()
        snapshot = self.snapshotter.prepare(self._unpacked(layers), directory)
        if not snapshot.lower:
            return act(snapshot.upper)
        options = f"lowerdir={':'.join(snapshot.lower)},upperdir={snapshot.upper},workdir={snapshot.work}"
        return _mounted(options, f"{directory}/root", act)

    def prepared(self, layers: Sequence[bytes]) -> str:
        """Prepare a snapshot and return the directory it is in."""
        directory = self._directory()
        self.snapshotter.prepare(self._unpacked(layers), directory)
        return directory

    def failure(self) -> str:
        """Prepare one that fails, leaving nothing; return why."""
        with pytest.raises(Exhausted) as failed:
            self.snapshotter.prepare([], str(self._top))
        assert os.listdir(self._top) == []
        return failed.value.message

    def _directory(self) -> str:
        directory = self._top / f"c{len(os.listdir(self._top))}"
        directory.mkdir()
        return str(directory)

    def _unpacked(self, layers: Sequence[bytes]) -> list[str]:
        made = []
        for layer in layers:
            root = Path(self._directory())
            put_bytes(root, layer)
            made.append(str(root))
        return made[::-1]


def _mounted(options: str, where: str, act: Callable[[str], Any]) -> Any:
    """Call `act` in a child that has an overlay mounted, and nobody else sees it."""
    os.mkdir(where)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            assert _libc.unshare(CLONE_NEWNS) == 0
            assert _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0
            assert _libc.mount(b"overlay", where.encode(), b"overlay", 0, options.encode()) == 0, os.strerror(
                ctypes.get_errno()
            )
            with open(write, "wb") as answer:
                answer.write(pickle.dumps(act(where)))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as answer:
        data = answer.read()
    os.waitpid(pid, 0)
    os.rmdir(where)
    return pickle.loads(data)


@pytest.fixture(params=["overlay", "copy"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    if request.param == "overlay" and refusal(str(tmp_path)):
        pytest.skip(f"no overlay here: {refusal(str(tmp_path))}")
    return Way({"overlay": Overlay, "copy": Copying}[request.param](), tmp_path)


def test_overlay_is_chosen_where_it_can_be_mounted(tmp_path: Path) -> None:
    choice = choose(str(tmp_path), refused=lambda _: "")
    assert (choice.snapshotter.name, choice.why) == ("overlay", f"an overlay can be mounted in {tmp_path}")


def test_copying_is_chosen_where_it_is_refused_and_says_why(tmp_path: Path) -> None:
    choice = choose(str(tmp_path), refused=lambda _: "invalid argument")
    assert choice.snapshotter.name == "copy"
    assert choice.why.endswith("invalid argument")


def test_trying_leaves_nothing(tmp_path: Path) -> None:
    refusal(str(tmp_path))
    assert os.listdir(tmp_path) == []
