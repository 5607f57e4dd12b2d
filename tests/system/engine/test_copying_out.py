"""``docker cp`` out of a container: what dockerd's archive holds, ours holds."""

from __future__ import annotations

import contextlib
import gc
import os
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from liveengine import BOTH_SNAPSHOTTERS
from tarmaterial import content, done, read, untar, wait_for_output

from dockerkit.daemon.engine.engine import Engine
from dockerkit.errors import Conflict, Invalid, NotFound
from dockerkit.schema.container import HostConfig

pytestmark = [pytest.mark.system, BOTH_SNAPSHOTTERS]
Make = Callable[..., str]
TREE = (
    "mkdir -p /d/e; echo hi>/d/f; ln /d/f /d/hard; ln -s /d /ld; ln -s f /d/lf; ln -s /nowhere /dang; "
    "ln -s ../../../../etc/passwd /d/out; ln -s loop /loop; mkfifo /d/ff; chmod 4755 /d/f; chmod 1777 /d/e; "
)


@pytest.fixture(params=["running", "stopped"])
def tree(request: pytest.FixtureRequest, engine: Engine, make: Make) -> str:
    """A container with one of everything, alive or not."""
    if request.param == "stopped":
        id = make("sh", "-c", TREE)
        assert done(engine, id) == 0
        return id
    id = make("sh", "-c", TREE + "echo ready >/tmp/ready; cat /tmp/ready; exec sleep 1000")
    wait_for_output(engine, id)
    return id


# (path, name, Go's mode bits or None, where a link leads): answers of dockerd 20.10
STATS = [
    ("/d", "d", 2147484141, ""),
    ("/d/", "d", 2147484141, ""),
    ("/d/.", ".", 2147484141, ""),
    ("d", "d", 2147484141, ""),
    ("/", "/", 2147484141, ""),
    ("/.", ".", 2147484141, ""),
    ("/ld", "ld", 134218239, "/d"),
    ("/ld/", "ld", 2147484141, ""),
    ("/ld/.", ".", 2147484141, ""),
    ("/d/f", "f", 8389101, ""),
    ("/d/lf", "lf", 134218239, "/d/f"),
    ("/dang", "dang", 134218239, "/nowhere"),
    ("/d/out", "out", 134218239, "/etc/passwd"),
    ("/d/ff", "ff", 33554852, ""),
    ("/d/e", "e", 2148532735, ""),
    ("/d/../d/f", "f", 8389101, ""),
    ("/../../d", "d", 2147484141, ""),
    ("/tmp/../d/..", "/", 2147484141, ""),
]


def test_a_path_is_described_as_dockerd_does(engine: Engine, tree: str) -> None:
    for path, name, mode, target in STATS:
        stat = engine.containers.archive_stat(tree, path)
        assert (stat.name, stat.mode, stat.link_target) == (name, mode, target), path
        assert engine.containers.archive(tree, path)[0] == stat


def test_a_path_that_is_not_there_is_named_in_dockers_words(engine: Engine, tree: str) -> None:
    for path in ("/nowhere", "/dang/", "/dang/x", "/d/nosuch", "/proc/cpuinfo", "/dev/null"):
        with pytest.raises(NotFound, match=rf"^Could not find the file {path} in container {tree[:12]}$"):
            engine.containers.archive(tree[:12], path)


def test_a_path_that_makes_no_sense_is_refused(engine: Engine, tree: str) -> None:
    for path in ("", "/d/f/", "/d/f/.", "/d/f/x", "/loop/", "/loop/x", "/d\0/f", "/" + "x" * 300):
        with pytest.raises(Invalid):
            engine.containers.archive_stat(tree, path)


def test_a_directory_holds_one_of_everything(engine: Engine, tree: str) -> None:
    found = untar(engine.containers.archive(tree, "/d")[1])
    assert list(found) == ["d", "d/e", "d/f", "d/ff", "d/hard", "d/lf", "d/out"]
    assert (found["d/f"].type, found["d/f"].size, found["d/f"].mode & 0o7777) == (tarfile.REGTYPE, 3, 0o4755)
    assert (found["d/hard"].type, found["d/hard"].linkname) == (tarfile.LNKTYPE, "d/f")
    assert (found["d/lf"].type, found["d/lf"].linkname) == (tarfile.SYMTYPE, "f")
    assert found["d/out"].linkname == "../../../../etc/passwd"
    assert (found["d/ff"].type, found["d/e"].mode & 0o7777) == (tarfile.FIFOTYPE, 0o1777)
    assert not found["d/f"].pax_headers


def test_names_begin_with_what_was_asked_for(engine: Engine, tree: str) -> None:
    assert list(untar(engine.containers.archive(tree, "/ld/")[1]))[:2] == ["ld", "ld/e"]
    dotted = untar(engine.containers.archive(tree, "/d/.")[1])
    assert list(dotted)[:2] == [".", "./e"]
    assert dotted["./hard"].linkname == "./f"
    assert list(untar(engine.containers.archive(tree, "/ld")[1])) == ["ld"]


def test_the_whole_root_leaves_the_kernels_own_file_systems_empty(engine: Engine, tree: str) -> None:
    found = untar(engine.containers.archive(tree, "/")[1])
    assert {"/d/f", "/proc", "/sys", "/dev", "/etc/hosts", "/bin"} <= found.keys()
    assert not [name for name in found if name.startswith(("/proc/", "/sys/"))]
    assert not [info for info in found.values() if info.ischr() or info.isblk()]


def test_the_files_docker_writes_are_the_real_ones(engine: Engine, tree: str) -> None:
    assert read(engine, tree, "/etc/hostname") == f"{tree[:12]}\n".encode()
    assert b"127.0.0.1\tlocalhost" in read(engine, tree, "/etc/hosts")


def test_binds_are_seen_whether_it_runs_or_not(engine: Engine, make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("host")
    host = HostConfig(network_mode="none", binds=[f"{tmp_path}:/data/in"])
    for start in (True, False):
        id = make("sleep", "1000", start=start, host=host)
        assert read(engine, id, "/data/in/file") == b"host"
        assert set(untar(engine.containers.archive(id, "/data")[1])) == {"data", "data/in", "data/in/file"}


def test_a_tmpfs_of_a_running_container_is_seen(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "echo x >/t/f; echo y >/dev/shm/g; echo ready; exec sleep 1000", host=HostConfig(
        network_mode="none", tmpfs={"/t": ""}
    ))  # fmt: skip
    wait_for_output(engine, id)
    assert read(engine, id, "/t/f") == b"x\n"
    assert read(engine, id, "/dev/shm/g") == b"y\n"


def test_reading_a_stopped_container_changes_nothing_and_lets_it_start(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "echo x >>/f; echo written; exec sleep 1000", start=False)
    _, chunks = engine.containers.archive(id, "/bin")
    next(chunks)
    engine.containers.start(id)  # while the stream is open
    assert sum(map(len, chunks)) > 1 << 20
    wait_for_output(engine, id)
    assert [change.path for change in engine.containers.diff(id)] == ["/f"]


def opened() -> Counter[str]:
    """What this process has open, and how often, but sockets and pipes, which come and go with other containers."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return Counter(path for path in found if not path.startswith(("socket:", "pipe:", "anon_inode:", "/proc/")))


def test_a_stream_lets_go_at_its_end_when_closed_and_when_forgotten(engine: Engine, tree: str) -> None:
    gc.collect()  # what other tests forgot to close
    before = opened()
    for finish in (list, lambda s: s.close(), lambda s: (next(s), s.close())):
        finish(engine.containers.archive(tree, "/bin")[1])
        assert not opened() - before
    engine.containers.archive(tree, "/bin")
    next(engine.containers.export(tree))
    gc.collect()
    assert not opened() - before
    with pytest.raises(NotFound):
        engine.containers.archive(tree, "/nosuch")
    assert not opened() - before


def test_a_file_that_shrinks_while_it_is_read_ends_the_stream_with_an_error(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "dd if=/dev/zero of=/big bs=1M count=8 2>/dev/null; echo ready; exec sleep 1000")
    wait_for_output(engine, id)
    _, chunks = engine.containers.archive(id, "/big")
    next(chunks)
    os.truncate(f"{engine._core.directory(id)}/upper/big", 10)
    with pytest.raises(Conflict, match="shrank"):
        list(chunks)


def test_attributes_and_odd_names_survive(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "mkdir /o; cd /o; echo 1 >'ü'; echo 2 >$(printf 'a\\377b'); echo 3 >$(printf 'x%0200d' 1); echo ok")
    done(engine, id)
    os.setxattr(f"{engine._core.directory(id)}/upper/o/ü", "user.note", b"\xff\x00v")
    _, chunks = engine.containers.archive(id, "/o")
    raw = b"".join(chunks)
    found = untar([raw])
    assert {"o/ü", "o/a\udcffb", "o/x" + "1".zfill(200)} <= found.keys()
    assert found["o/ü"].pax_headers["SCHILY.xattr.user.note"].encode("utf-8", "surrogateescape") == b"\xff\x00v"
    assert content([raw], "o/x" + "1".zfill(200)) == b"3\n"
