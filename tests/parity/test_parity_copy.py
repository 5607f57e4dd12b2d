"""The archive endpoints: what comes out of a container as tar, and what goes in."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
from typing import Any

import pytest

from tests.parity.engines import Box, alike
from tests.parity.wire import Answer

pytestmark = pytest.mark.timeout(60)
SETUP = """mkdir -p /d/sub /e; echo one >/d/f; echo two >/d/sub/g; chmod 640 /d/f; chown 1:2 /d/f; ln -s f /d/l; ln -s /d /ld
ln -s nowhere /dang; ln -s ../../../../etc/passwd /up; ln /d/f /d/hard; mkfifo /d/fifo; chmod u+s /d/sub/g; chmod 1777 /e
touch /d/ünï; ln -s loop2 /loop1; ln -s loop1 /loop2"""
DIRECTORY, LINK, PIPE, SETUID, STICKY = 1 << 31, 1 << 27, 1 << 25, 1 << 23, 1 << 20
FILE, FOLDER, SYMLINK, HARDLINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.fixture(params=["running", "stopped"])
def id(request: pytest.FixtureRequest, box: Box) -> str:
    """A container with something of everything in it."""
    if request.param == "running":
        return box.ready(SETUP + "\necho ready; exec sleep 1000")
    return box.sh(SETUP).id


def tar(*members: tuple[str, bytes, str | bytes, dict[str, Any]]) -> bytes:
    """Return an archive of (name, type, content or link target, attributes)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, content, attributes in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o755 if kind == FOLDER else 0o644
            data = content.encode() if isinstance(content, str) else content
            if kind in (SYMLINK, HARDLINK):
                member.linkname, data = data.decode(), b""
            member.size = len(data)
            for key, value in attributes.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def one(name: str, content: str = "x", **attributes: Any) -> bytes:
    """Return an archive of one file."""
    return tar((name, FILE, content, attributes))


def head(box: Box, id: str, path: str) -> Answer:
    """HEAD."""
    return box.api.request("HEAD", f"/containers/{id}/archive", path=path)


def stat(answer: Answer) -> dict[str, Any]:
    """Return what the header says."""
    assert answer.status == 200, answer
    return dict(json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"])))


def get(box: Box, id: str, path: str) -> tuple[dict[str, Any], dict[str, tarfile.TarInfo], dict[str, bytes]]:
    """GET: the header, the members by name, the contents."""
    answer = box.api.get(f"/containers/{id}/archive", path=path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        members = {member.name: member for member in archive}
        contents = {m.name: archive.extractfile(m).read() for m in members.values() if m.isreg()}  # type: ignore[union-attr]
    return stat(answer), members, contents


def put(box: Box, id: str, path: str, body: bytes, **query: Any) -> Answer:
    """PUT."""
    kind = {"Content-Type": "application/x-tar"}
    return box.api.request("PUT", f"/containers/{id}/archive", body, headers=kind, path=path, **query)


def puts(box: Box, id: str, path: str, body: bytes, **query: Any) -> None:
    """PUT, and insist that it was done."""
    answer = put(box, id, path, body, **query)
    assert (answer.status, answer.body) == (200, b""), answer


@pytest.mark.parametrize(
    ("path", "name", "mode", "size", "target"),
    [
        ("/d/f", "f", 0o640, 4, ""),
        ("d/f", "f", 0o640, 4, ""),
        ("/d/sub/../f", "f", 0o640, 4, ""),
        ("/ld/f", "f", 0o640, 4, ""),
        ("/d", "d", DIRECTORY | 0o755, None, ""),
        ("/d/", "d", DIRECTORY | 0o755, None, ""),
        ("/d/.", ".", DIRECTORY | 0o755, None, ""),
        ("/", "/", DIRECTORY | 0o755, None, ""),
        ("/e", "e", DIRECTORY | STICKY | 0o777, None, ""),
        ("/d/sub/g", "g", SETUID | 0o644, 4, ""),
        ("/d/fifo", "fifo", PIPE | 0o644, 0, ""),
        ("/d/l", "l", LINK | 0o777, 1, "/d/f"),
        ("/ld", "ld", LINK | 0o777, 2, "/d"),
        ("/ld/", "ld", DIRECTORY | 0o755, None, ""),
        ("/dang", "dang", LINK | 0o777, 7, "/nowhere"),
        ("/up", "up", LINK | 0o777, 22, "/etc/passwd"),
        ("/../../d/f", "f", 0o640, 4, ""),
    ],
)
def test_the_header(box: Box, id: str, path: str, name: str, mode: int, size: int | None, target: str) -> None:
    found = stat(head(box, id, path))
    assert (found["name"], oct(found["mode"]), found["linkTarget"]) == (name, oct(mode), target)
    assert size is None or found["size"] == size
    assert "2000" < found["mtime"] < "2100"
    assert found["mtime"].endswith("Z")


def test_a_directory_comes_out_with_everything_in_it(box: Box, id: str) -> None:
    found, members, contents = get(box, id, "/d")
    assert found == stat(head(box, id, "/d"))
    assert list(members) == ["d", "d/f", "d/fifo", "d/hard", "d/l", "d/sub", "d/sub/g", "d/ünï"]
    assert [member.type for member in members.values()] == [b"5", b"0", b"6", b"1", b"2", b"5", b"0", b"0"]
    assert (members["d/f"].mode & 0o7777, members["d/f"].uid, members["d/f"].gid) == (0o640, 1, 2)
    assert members["d/sub/g"].mode & 0o7777 == 0o4644
    assert (members["d/hard"].linkname, members["d/l"].linkname) == ("d/f", "f")
    assert (contents["d/f"], contents["d/sub/g"]) == (b"one\n", b"two\n")


@pytest.mark.parametrize(
    ("path", "first", "count"), [("/d/.", ".", 8), ("/ld/", "ld", 8), ("/ld", "ld", 1), ("/d/l", "l", 1), ("/d/f", "f", 1)]
)
def test_the_first_member_is_called_as_asked(box: Box, id: str, path: str, first: str, count: int) -> None:
    _, members, _ = get(box, id, path)
    assert (next(iter(members)), len(members)) == (first, count)


def test_the_files_docker_puts_into_etc_are_seen(box: Box, id: str) -> None:
    _, _, contents = get(box, id, "/etc/hostname")
    assert contents == {"hostname": f"{id[:12]}\n".encode()}
    assert b"localhost" in get(box, id, "/etc")[2]["etc/hosts"]


@pytest.mark.parametrize("path", ["/nosuch", "/nosuch/x", "/dang/"])
def test_what_is_not_there_is_named(box: Box, id: str, path: str) -> None:
    words = f"Could not find the file {path} in container {id}"
    assert alike(box.api.get(f"/containers/{id}/archive", path=path), 404, words)
    answer = head(box, id, path)
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("path", ["/d/f/", "/d/f/x", "/loop1", "/loop1/x"])
def test_a_path_that_leads_nowhere(box: Box, id: str, path: str) -> None:
    answer = box.api.get(f"/containers/{id}/archive", path=path)
    assert answer.status in ((400, 404, 500) if box.engine.ours else (500,)), answer
    assert answer.message


def test_a_path_is_needed(box: Box, id: str) -> None:
    for method in ("GET", "HEAD", "PUT"):
        assert box.api.request(method, f"/containers/{id}/archive", b"", path="").status == 400


def test_a_missing_container(box: Box) -> None:
    assert alike(box.api.get("/containers/nosuch/archive", path="/x"), 404, "No such container: nosuch")
    assert alike(put(box, "nosuch", "/x", b""), 404, "No such container: nosuch")
    assert head(box, "nosuch", "/x").status == 404


def test_files_go_in_with_owner_mode_and_time(box: Box, id: str) -> None:
    body = tar(
        ("a", FILE, "content", {"uid": 7, "gid": 8, "mode": 0o4755, "mtime": 1000, "uname": "daemon"}),
        ("dd", FOLDER, "", {"uid": 9, "gid": 10, "mode": 0o700}),
        ("dd/s", SYMLINK, "../a", {}),
        ("b", FILE, "same", {}),
        ("dd/h", HARDLINK, "b", {}),
    )
    puts(box, id, "/tmp", body)
    _, members, contents = get(box, id, "/tmp/.")
    assert (members["./a"].uid, members["./a"].gid, members["./a"].mode & 0o7777, members["./a"].mtime) == (7, 8, 0o4755, 1000)
    assert (members["./dd"].uid, members["./dd"].gid, members["./dd"].mode & 0o7777) == (9, 10, 0o700)
    assert (members["./dd/s"].linkname, contents["./a"], members["./dd/h"].type) == ("../a", b"content", HARDLINK)


def test_a_directory_link_is_followed(box: Box, id: str) -> None:
    puts(box, id, "/ld", one("via", "link"))
    assert get(box, id, "/d/via")[2] == {"via": b"link"}


def test_where_nothing_can_go_in(box: Box, id: str) -> None:
    for path in ("/nosuch", "/dang"):
        assert alike(put(box, id, path, one("f")), 404, f"Could not find the file {path} in container {id}")
    answer = put(box, id, "/d/f", one("f"))
    assert answer.status in ((400,) if box.engine.ours else (500,))
    assert "not a directory" in answer.message


def test_directories_and_files_replace_each_other_unless_forbidden(box: Box, id: str) -> None:
    codes = (400,) if box.engine.ours else (500,)
    for flag in ("1", "true"):
        assert put(box, id, "/", one("e"), noOverwriteDirNonDir=flag).status in codes
        assert put(box, id, "/d", tar(("f", FOLDER, "", {})), noOverwriteDirNonDir=flag).status in codes
    assert (stat(head(box, id, "/e"))["mode"] & DIRECTORY, stat(head(box, id, "/d/f"))["size"]) == (DIRECTORY, 4)
    puts(box, id, "/", one("e"))
    puts(box, id, "/d", tar(("f", FOLDER, "", {})))
    assert (stat(head(box, id, "/e"))["mode"], stat(head(box, id, "/d/f"))["mode"] & DIRECTORY) == (0o644, DIRECTORY)


def test_a_file_replaces_a_link_and_not_what_it_points_to(box: Box, id: str) -> None:
    puts(box, id, "/d", one("l", "new"))
    assert (get(box, id, "/d/l")[2], get(box, id, "/d/f")[2]) == ({"l": b"new"}, {"f": b"one\n"})


def test_a_hostile_archive_stays_below(box: Box, id: str) -> None:
    assert put(box, id, "/tmp", one("../../evil")).status in (400, 500)
    assert head(box, id, "/evil").status == 404
    puts(box, id, "/tmp", one("/abs"))
    assert (head(box, id, "/tmp/abs").status, head(box, id, "/abs").status) == (200, 404)
    put(box, id, "/tmp", tar(("esc", SYMLINK, "/../../../../../../tmp", {}), ("esc/out-of-it", FILE, "x", {})))
    assert not any(name.startswith("out-of-it") for name in os.listdir("/tmp"))
    assert put(box, id, "/tmp", tar(("hard", HARDLINK, "../../../../etc/passwd", {}))).status in (400, 500)


def test_what_is_no_archive_is_refused(box: Box, id: str) -> None:
    assert put(box, id, "/tmp", b"not a tar at all" * 100).status in (400, 500)
    assert put(box, id, "/tmp", one("cut", "x" * 5000)[:2000]).status in (400, 500)
    puts(box, id, "/tmp", b"")


def test_compressed_archives_are_unpacked(box: Box, id: str) -> None:
    puts(box, id, "/tmp", gzip.compress(one("zipped", "content")))
    assert get(box, id, "/tmp/zipped")[2] == {"zipped": b"content"}


def test_devices_and_pipes_are_made(box: Box, id: str) -> None:
    null = {"devmajor": 1, "devminor": 3}
    puts(box, id, "/tmp", tar(("null", tarfile.CHRTYPE, "", null), ("pipe", tarfile.FIFOTYPE, "", {})))
    found = get(box, id, "/tmp/null")[1]["null"]
    assert (found.type, found.devmajor, found.devminor) == (tarfile.CHRTYPE, 1, 3)
    assert stat(head(box, id, "/tmp/pipe"))["mode"] & PIPE


def test_a_created_container_takes_files_before_its_first_start(box: Box) -> None:
    id = box.create("cat", "/tmp/early")
    puts(box, id, "/tmp", one("early", "bird"))
    box.start(id)
    assert box.wait(id) == 0
    assert box.lines(id, stdout=1) == [b"bird"]


def test_a_stopped_container_keeps_what_went_in(box: Box) -> None:
    id = box.sh("cat /late || true").id
    puts(box, id, "/", one("late", "riser"))
    box.start(id)
    box.wait(id)
    assert box.lines(id, stdout=1) == [b"riser"]


def test_a_paused_container_can_be_copied_from_and_to(box: Box) -> None:
    id = box.up("sleep", "1000")
    box.did(id, "pause")
    puts(box, id, "/tmp", one("f", "cold"))
    assert get(box, id, "/tmp/f")[2] == {"f": b"cold"}


def test_a_read_only_container_takes_nothing(box: Box) -> None:
    id = box.up("sleep", "1000", host={"ReadonlyRootfs": True})
    answer = put(box, id, "/tmp", one("f"))
    assert answer.status in (400, 403, 500)
    assert alike(answer, answer.status, "container rootfs is marked read-only")
    assert get(box, id, "/etc/passwd")[2]


def test_bound_directories_are_seen(box: Box, tmp_path: Any) -> None:
    (tmp_path / "inside").write_text("bound")
    id = box.up("sleep", "1000", host={"Binds": [f"{tmp_path}:/bound"]})
    if head(box, id, "/bound/inside").status == 404 and not box.engine.ours:
        pytest.skip("the reference has a mount namespace of its own, without this directory")
    assert get(box, id, "/bound/inside")[2] == {"inside": b"bound"}
    puts(box, id, "/bound", one("outside", "too"))
    assert (tmp_path / "outside").read_text() == "too"


def test_owners_may_be_those_of_the_containers_user(box: Box) -> None:
    id = box.create("true", User="daemon")
    puts(box, id, "/tmp", one("plain", uid=7, gid=8))
    puts(box, id, "/tmp", one("given", uid=7, gid=8), copyUIDGID="true")
    plain, given = get(box, id, "/tmp/plain")[1]["plain"], get(box, id, "/tmp/given")[1]["given"]
    assert (plain.uid, plain.gid) == (7, 8)
    assert (given.uid, given.gid) == (1, 1)


def test_much_goes_in_and_out_unharmed(box: Box) -> None:
    id = box.up("sleep", "1000")
    data = bytes(range(256)) * 20_000
    puts(box, id, "/tmp", tar(("big", FILE, data, {}), *((f"many/{n}", FILE, str(n), {}) for n in range(500))))
    assert get(box, id, "/tmp/big")[2]["big"] == data
    assert get(box, id, "/tmp/many")[2] == {f"many/{n}": str(n).encode() for n in range(500)}
