"""Files in and out, and what a container changed: the same on every engine, running or not."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

import dockerkit as dk

pytestmark = pytest.mark.system


def test_content_goes_in_and_comes_out(box: Any) -> None:
    data = os.urandom(1 << 20) * 8 + b"tail"
    box.files["/data/deep/x.bin"] = data
    assert box.files["/data/deep/x.bin"] == data
    box.files["/data/ä.txt"] = "häh"
    assert box.exec("cat", "/data/ä.txt").stdout == "häh"
    box.files["/empty"] = b""
    assert box.files["/empty"] == b""


def test_file_that_exists_keeps_its_permissions(box: Any) -> None:
    box.exec("sh", "-c", "echo old >/script; chmod 755 /script", check=True)
    box.files["/script"] = "#!/bin/sh\necho new\n"
    assert box.exec("/script").stdout == "new\n"


def test_links_are_followed(box: Any) -> None:
    box.exec("sh", "-c", "mkdir /real; echo there >/real/file; ln -s /real/file /link; ln -s real /folder", check=True)
    assert box.files["/link"] == b"there\n"
    box.files["/link"] = "through"
    assert box.files["/real/file"] == b"through"
    box.files["/folder/new/file"] = "inside"
    assert box.files["/real/new/file"] == b"inside"
    assert box.files.stat("/link").link == "/real/file"


def test_what_is_there(box: Any) -> None:
    assert "/etc/passwd" in box.files
    assert "/no/such" not in box.files
    assert box.files.get("/no/such", b"else") == b"else"
    assert box.files.stat("/etc").is_folder
    assert box.files.stat("/etc/passwd").size == len(box.files["/etc/passwd"])
    with pytest.raises(dk.errors.NotFound, match="/no/such"):
        _ = box.files["/no/such"]
    with pytest.raises(dk.errors.Invalid, match="not a file"):
        _ = box.files["/etc"]
    with pytest.raises(dk.errors.Invalid, match="is a folder"):
        box.files["/etc"] = b"x"
    with pytest.raises(dk.errors.Invalid, match="absolute"):
        box.files["etc/x"] = b"x"
    with pytest.raises(dk.errors.Invalid, match="is not a folder"):
        box.files["/etc/passwd/x"] = b"x"
    with pytest.raises(TypeError):
        iter(box.files)


def test_tree_goes_in_and_comes_out(box: Any, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (tree / "sub" / "run.sh").chmod(0o755)
    (tree / "link").symlink_to("sub/run.sh")
    (tree / ("long" * 40)).write_bytes(b"n" * 3000)
    os.link(tree / "sub" / "run.sh", tree / "hard")
    box.files["/opt/tree"] = tree
    assert box.exec("/opt/tree/link").stdout == "ran\n"
    assert [row.path for row in box.files.list("/opt/tree/sub")] == ["/opt/tree/sub", "/opt/tree/sub/run.sh"]
    box.files.copy("/opt/tree", tmp_path / "back")
    assert sorted(path.name for path in (tmp_path / "back").rglob("*")) == sorted(path.name for path in tree.rglob("*"))
    assert (tmp_path / "back" / "link").readlink() == Path("sub/run.sh")
    assert (tmp_path / "back" / "hard").read_text() == "#!/bin/sh\necho ran\n"
    assert (tmp_path / "back" / "sub" / "run.sh").stat().st_mode & 0o777 == 0o755


def test_one_file_of_the_host(box: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    box.files["/y"] = tmp_path / "x"
    box.files.copy("/y", tmp_path / "z")
    assert (tmp_path / "z").read_bytes() == b"content"
    with pytest.raises(dk.errors.NotFound, match="on this host"):
        box.files["/y"] = tmp_path / "nope"
    with pytest.raises(dk.errors.Invalid, match="not a folder"):
        box.files["/y"] = tmp_path


def test_files_of_a_container_that_does_not_run(either: Any) -> None:
    box = either.container("busybox", "cat", "/in", network="none").create()
    try:
        box.files["/in"] = "before\n"
        box.start()
        assert box.wait() == 0
        assert box.logs() == "before\n"
        assert box.files["/in"] == b"before\n"
    finally:
        box.remove(force=True)


def test_changes_are_listed(box: Any) -> None:
    box.exec("sh", "-c", "echo x >/new; echo y >>/etc/passwd; rm /etc/group", check=True)
    changes = {(change.kind, change.path) for change in box.diff()}
    assert {("added", "/new"), ("modified", "/etc/passwd"), ("deleted", "/etc/group")} <= changes
    assert "/new" in repr(box.diff())


def test_commit_keeps_what_it_wrote(box: Any, either: Any) -> None:
    box.files["/kept"] = "kept\n"
    image = box.commit("dk-test-commit:1", message="why", author="me", changes=['CMD ["cat", "/kept"]'])
    try:
        assert "dk-test-commit:1" in image.tags
        assert either.run("dk-test-commit:1", network="none").stdout == "kept\n"
    finally:
        image.remove(force=True)
    assert box.status == "running"


def test_export_is_an_archive_of_everything(box: Any, tmp_path: Path) -> None:
    box.files["/mine"] = "mine"
    box.export(tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar") as tar:
        file = tar.extractfile("mine")
        assert file is not None
        assert file.read() == b"mine"
        assert "bin/busybox" in tar.getnames()
