"""``docker cp`` into a container: dockerd's rules for what may be put where."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from liveengine import BOTH_SNAPSHOTTERS
from tarmaterial import directory, done, link, member, read, tar, untar, wait_for_output

from dockerkit.daemon.engine.engine import Engine
from dockerkit.errors import Conflict, Invalid, NotAllowed, NotFound
from dockerkit.schema.container import HostConfig
from tests.earlier import prefix
from tests.leftovers import mounts_of

pytestmark = [pytest.mark.system, BOTH_SNAPSHOTTERS]
Make = Callable[..., str]
TREE = "mkdir -p /d/e /d/dir; echo hi>/d/f; ln -s /d /ld; ln -s /nowhere /dang; echo x>/d/dir/x; "


@pytest.fixture(params=["running", "stopped"])
def tree(request: pytest.FixtureRequest, engine: Engine, make: Make) -> str:
    """A container with some files, alive or not."""
    if request.param == "stopped":
        id = make("sh", "-c", TREE)
        assert done(engine, id) == 0
        return id
    id = make("sh", "-c", TREE + "echo ready; exec sleep 1000")
    wait_for_output(engine, id)
    return id


def listing(engine: Engine, id: str, path: str) -> dict[str, tarfile.TarInfo]:
    return untar(engine.containers.archive(id, path)[1])


def test_what_goes_in_comes_out(engine: Engine, tree: str) -> None:
    sent = tar(
        directory("a", 0o750, uid=3, gid=4, mtime=1000),
        member("a/f", b"content", mode=0o4640, uid=5, gid=6, mtime=2000),
        link("a/s", "f"),
        link("a/h", "a/f", tarfile.LNKTYPE),
        member("a/p", None, type=tarfile.FIFOTYPE),
        member("a/n", None, type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("a/deep/er", b"x"),
        member("a/.wh.not", b""),
    )
    engine.containers.extract(tree, "/tmp", sent)
    found = listing(engine, tree, "/tmp/a")
    assert list(found) == ["a", "a/.wh.not", "a/deep", "a/deep/er", "a/f", "a/h", "a/n", "a/p", "a/s"]
    assert (found["a"].mode & 0o7777, found["a"].uid, found["a"].gid, found["a"].mtime) == (0o750, 3, 4, 1000)
    file = found["a/f"]
    assert (file.mode & 0o7777, file.uid, file.gid, file.mtime, file.size) == (0o4640, 5, 6, 2000, 7)
    assert (found["a/h"].type, found["a/n"].devminor, found["a/s"].linkname) == (tarfile.LNKTYPE, 3, "f")
    assert (found["a/deep"].mode & 0o7777, found["a/deep"].uid) == (0o755, 0)
    assert read(engine, tree, "/tmp/a/h") == b"content"


def test_the_program_finds_it(engine: Engine, make: Make) -> None:
    id = make("cat", "/tmp/f", start=False)
    engine.containers.extract(id, "/tmp", tar(member("f", b"from outside\n")))
    engine.containers.start(id)
    assert done(engine, id) == 0
    lines = engine.containers.logs(id, stdout=True, stderr=True)
    assert [line for _, line in lines] == [b"from outside\n"]


def test_the_destination_must_be_a_directory_that_exists(engine: Engine, tree: str) -> None:
    for path in ("/nosuch", "/dang"):
        with pytest.raises(NotFound, match=f"^Could not find the file {path} in container {tree}$"):
            engine.containers.extract(tree, path, tar(member("x")))
    with pytest.raises(Invalid, match=r"^extraction point is not a directory"):
        engine.containers.extract(tree, "/d/f", tar(member("x")))
    engine.containers.extract(tree, "/ld", tar(member("through", b"1")))
    assert read(engine, tree, "/d/through") == b"1"


def test_an_empty_body_and_every_compression_are_accepted(engine: Engine, tree: str) -> None:
    engine.containers.extract(tree, "/tmp", io.BytesIO())
    for name, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        engine.containers.extract(tree, "/tmp", io.BytesIO(pack(tar(member(name, b"1" * 9000)).getvalue())))
        assert len(read(engine, tree, f"/tmp/{name}")) == 9000


def test_a_directory_is_merged_and_keeps_what_it_has(engine: Engine, tree: str) -> None:
    engine.containers.extract(tree, "/d", tar(directory("dir", 0o700), member("dir/y", b"")))
    found = listing(engine, tree, "/d/dir")
    assert list(found) == ["dir", "dir/x", "dir/y"]
    assert found["dir"].mode & 0o777 == 0o700


def test_the_destinations_own_attributes_stay(engine: Engine, tree: str) -> None:
    engine.containers.extract(tree, "/d/e", tar(directory("./", 0o700), member("./in", b"")))
    found = listing(engine, tree, "/d/e")
    assert list(found) == ["e", "e/in"]
    assert found["e"].mode & 0o777 == 0o755


def test_kinds_replace_each_other_unless_it_is_forbidden(engine: Engine, tree: str) -> None:
    with pytest.raises(Invalid, match='cannot overwrite non-directory "/d/f" with directory "/d"'):
        engine.containers.extract(tree, "/d", tar(directory("f")), no_overwrite_dir_non_dir=True)
    with pytest.raises(Invalid, match='cannot overwrite directory "/d/dir" with non-directory "/d"'):
        engine.containers.extract(tree, "/d", tar(member("dir")), no_overwrite_dir_non_dir=True)
    assert {"d/f", "d/dir/x"} <= listing(engine, tree, "/d").keys()
    engine.containers.extract(tree, "/d", tar(directory("f"), member("dir", b"now a file")))
    assert read(engine, tree, "/d/dir") == b"now a file"
    assert listing(engine, tree, "/d")["d/f"].isdir()


def test_a_mount_point_is_neither_replaced_nor_emptied(engine: Engine, make: Make, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("host")
    for start in (True, False):
        id = make("sleep", "1000", start=start, host=HostConfig(network_mode="none", binds=[f"{tmp_path}:/a/b/c"]))
        if start:  # before its start it has none
            with pytest.raises(Conflict, match="hosts in /etc: "):
                engine.containers.extract(id, "/etc", tar(member("hosts", b"")))
            assert b"localhost" in read(engine, id, "/etc/hosts")
        for path, name in (("/a/b", "c"), ("/a", "b"), ("/", "a")):
            with pytest.raises(Conflict, match=f"{name} in {path}: "):
                engine.containers.extract(id, path, tar(member(name, b"")))
        assert read(engine, id, "/a/b/c/precious") == b"host"


def test_what_holds_a_mounted_file_is_not_emptied_either(engine: Engine, make: Make) -> None:
    with pytest.raises(Conflict, match="etc in /: "):
        engine.containers.extract(make(), "/", tar(member("etc", b"")))


def test_directories_without_end_are_replaced_all_the_same(engine: Engine, make: Make) -> None:
    """They were once too many levels for Python."""
    id = make("sh", "-c", "mkdir /d && cd /d && for i in $(seq 1500); do mkdir d && cd d; done; echo ready; exec sleep 1000")
    wait_for_output(engine, id)
    engine.containers.extract(id, "/", tar(member("d", b"a file")))
    assert read(engine, id, "/d") == b"a file"


def test_owners_are_the_containers_user_when_asked(engine: Engine, make: Make) -> None:
    for user, owner in (("1000:1001", (1000, 1001)), ("2000", (2000, 0)), ("root", (0, 0)), ("", (9, 8))):
        id = make(user=user)
        engine.containers.extract(id, "/tmp", tar(member("f", uid=9, gid=8)), copy_uid_gid=True)
        info = listing(engine, id, "/tmp/f")["f"]
        assert (info.uid, info.gid) == owner, user
        engine.containers.extract(id, "/tmp", tar(member("g", uid=9, gid=8)))
        assert listing(engine, id, "/tmp/g")["g"].uid == 9


def test_what_is_read_only_stays_so(engine: Engine, make: Make, tmp_path: Path) -> None:
    host = HostConfig(
        network_mode="none", readonly_rootfs=True, binds=[f"{tmp_path}:/rw", f"{tmp_path}:/ro:ro"], tmpfs={"/t": ""}
    )
    for start in (True, False):
        id = make("sleep", "1000", start=start, host=host)
        with pytest.raises(NotAllowed, match="container rootfs is marked read-only"):
            engine.containers.extract(id, "/tmp", tar(member("f")))
        with pytest.raises(NotAllowed, match="mounted volume is marked read-only"):
            engine.containers.extract(id, "/ro", tar(member("f")))
        engine.containers.extract(id, "/rw", tar(member(f"f{start}", b"1")))
    assert sorted(os.listdir(tmp_path)) == ["fFalse", "fTrue"]


def test_a_bind_of_a_container_that_never_ran_gets_the_files(engine: Engine, make: Make, tmp_path: Path) -> None:
    host = HostConfig(network_mode="none", binds=[f"{tmp_path}:/new/place"])
    id = make("sleep", "1000", start=False, host=host)
    engine.containers.extract(id, "/new/place", tar(member("f", b"1")))
    assert (tmp_path / "f").read_bytes() == b"1"
    assert not any("view" in line or id in line for line in Path("/proc/self/mountinfo").read_text().splitlines())


def test_a_stopped_container_starts_after_it(engine: Engine, make: Make) -> None:
    for owned in (False, True):  # an owned one's overlay is `volatile`, which marks its work directory
        id = make("true", host=HostConfig(network_mode="none", auto_remove=False), start=False)
        entry = engine._core.entries.resolve(id)
        if owned:
            entry.record = type(entry.record)(**{f: getattr(entry.record, f) for f in entry.record.__struct_fields__} | {
                "session": "x"
            })  # fmt: skip
        for _ in range(2):
            engine.containers.extract(id, "/tmp", tar(member("f", b"1")))
            assert read(engine, id, "/tmp/f") == b"1"
        engine.containers.start(id)
        assert done(engine, id) == 0


def test_the_kernels_own_file_systems_are_not_written(engine: Engine, make: Make) -> None:
    id = make(host=HostConfig(network_mode="none"))
    for path in ("/proc", "/sys", "/dev", "/dev/pts"):
        with pytest.raises((NotAllowed, NotFound)):
            engine.containers.extract(id, path, tar(member("x")))
    with pytest.raises(NotAllowed, match="belongs to the kernel"):
        engine.containers.extract(id, "/", tar(directory("proc", 0o700), member("proc/sys/x")))
    # a whole root, as `export` gives it, passes over their mount points
    engine.containers.extract(id, "/", tar(directory("proc", 0o700), directory("dev", 0o700), member("ok", b"1")))
    assert read(engine, id, "/ok") == b"1"


def test_an_archive_that_ends_early_leaves_what_came_before(engine: Engine, tree: str) -> None:
    whole = tar(member("first", b"1" * 2000), member("second", b"2" * 5000)).getvalue()
    with pytest.raises(Invalid, match="cut short"):
        engine.containers.extract(tree, "/tmp", io.BytesIO(whole[:5000]))
    assert len(read(engine, tree, "/tmp/first")) == 2000


def test_a_full_disk_is_said(engine: Engine, make: Make) -> None:
    id = make(host=HostConfig(network_mode="none", tmpfs={"/t": "size=1m"}))
    from dockerkit.errors import Exhausted

    with pytest.raises(Exhausted):
        engine.containers.extract(id, "/t", tar(member("f", b"1" * (2 << 20))))


@pytest.fixture(autouse=True)
def nothing_mounted_here() -> Iterator[None]:
    """No test leaves a mount in this process's namespace."""
    yield
    assert mounts_of(prefix()) == []
