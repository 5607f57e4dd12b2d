"""Volumes on a live daemon: what is in them stays, is shared, is copied, and goes when it should."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.errors import Conflict, ContainerFailed, DockerkitError, Failed, Invalid, NotFound
from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system


@pytest.fixture
def dk(live_daemon: LiveDaemon) -> Iterator[Client]:
    """A client; whatever containers and volumes a test made are gone afterwards."""
    with dockerkit.connect(live_daemon.url) as client:
        yield client
        for container in client.containers.list(all=True):
            container.remove(force=True, volumes=True)
        for volume in client.volumes.list():
            volume.remove()


def sh(dk: Client, script: str, **options: Any) -> str:
    done = dk.run("busybox", "sh", "-c", script, network="none", **options)
    assert done.exit_code == 0, done
    return done.stdout


def created(daemon: LiveDaemon, host: dict[str, Any], *command: str, **config: Any) -> tuple[int, Any]:
    body = {"Image": "busybox", "Cmd": list(command) or ["true"], **config, "HostConfig": {"NetworkMode": "none", **host}}
    return daemon.request("POST", "/containers/create", body)


def test_what_is_written_stays_and_is_shared(dk: Client) -> None:
    sh(dk, "echo hi > /d/f", volume=("data1", "/d"))
    assert sh(dk, "cat /e/f", volume=("data1", "/e")) == "hi\n"
    assert Path(dk.volumes["data1"].mountpoint, "f").read_text() == "hi\n"


def test_read_only_volume_refuses_writes(dk: Client) -> None:
    done = dk.run("busybox", "sh", "-c", "echo x > /d/f", volume=dk.container("busybox").volume("data2", "/d", read_only=True)
                  .said["volume"][0][:2], network="none")  # fmt: skip
    assert done.exit_code == 0
    refused = dk.container("busybox", "sh", "-c", "echo x > /d/f").volume("data2", "/d", read_only=True).network("none").run()
    assert refused.exit_code != 0
    assert "Read-only file system" in refused.stderr


def test_volume_that_a_container_has_is_not_removed(dk: Client) -> None:
    box = dk.container("busybox", "true").volume("data3", "/d").network("none").create()
    volume = dk.volumes["data3"]
    with pytest.raises(Conflict, match=rf"remove data3: volume is in use - \[{box.id}\]"):
        volume.remove()
    with pytest.raises(Conflict):
        volume.remove(force=True)
    box.remove()
    volume.remove()
    assert "data3" not in dk.volumes
    volume.remove(force=True)
    with pytest.raises(NotFound, match="get data3: no such volume"):
        volume.remove()


def test_anonymous_volumes_go_with_their_container_when_asked(dk: Client) -> None:
    kept = dk.container("busybox", "true").volume("/a").volume("named1", "/n").network("none").create()
    kept.remove()
    assert len(dk.volumes.list()) == 2
    gone = dk.container("busybox", "true").volume("/a").volume("named1", "/n").network("none").create()
    gone.remove(volumes=True)
    assert len(dk.volumes.list()) == 2
    assert dk.volumes.prune()["VolumesDeleted"]
    assert [volume.name for volume in dk.volumes.list()] == ["named1"]
    assert dk.volumes.prune(all=True)["VolumesDeleted"] == ["named1"]


def test_owned_container_takes_its_anonymous_volumes_along(dk: Client) -> None:
    sh(dk, "touch /a/f", volume="/a")
    assert not dk.volumes.list()


def test_owned_volume_goes_with_its_block_and_with_its_client(dk: Client, live_daemon: LiveDaemon) -> None:
    with dk.volumes.create("owned1") as volume:
        assert volume in dk.volumes.list()
    assert "owned1" not in dk.volumes
    other = dockerkit.connect(live_daemon.url)
    other.volumes.create("owned2").__enter__()
    box = dk.container("busybox", "true").volume("owned2", "/d").network("none").create()
    other.close()
    waited = dk.volumes["owned2"]  # a container has it still
    box.remove()
    with pytest.raises(NotFound):
        waited.inspect()


def test_first_use_gets_what_the_image_has_there_owner_and_mode_too(dk: Client) -> None:
    assert sh(dk, "stat -c '%a %u' /tmp", volume=("tmp1", "/tmp")) == "1777 0\n"
    listed = sh(dk, "ls /bin | wc -l")
    assert sh(dk, "ls /b | wc -l", volume=("bin1", "/b")) == "0\n"
    assert dk.run("busybox", "sh", "-c", "ls /bin | wc -l", volume=("bin2", "/bin"), network="none").stdout == listed
    assert sh(dk, "ls /x | wc -l", volume=("bin2", "/x")) == listed
    sh(dk, "rm /x/*", volume=("bin2", "/x"))
    sh(dk, "touch /x/only", volume=("bin2", "/x"))
    assert sh(dk, "ls /x", volume=("bin2", "/x")) == "only\n"


def test_nocopy_leaves_a_volume_empty(dk: Client) -> None:
    assert sh(dk, "ls /etc/passwd || true", volume="etc1:/etc:nocopy") == ""


def test_file_system_of_a_volume_is_one_for_all_and_gone_after_the_last(dk: Client) -> None:
    volume = dk.volumes.create("mem1", options={"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=77"})
    boxes = [dk.start("busybox", "sleep", "100", volume=(volume, "/d"), network="none") for _ in range(2)]
    boxes[0].exec("sh", "-c", "echo both > /d/f")
    assert boxes[1].exec("cat", "/d/f").stdout == "both\n"
    assert boxes[1].exec("stat", "-c", "%u", "/d").stdout == "77\n"
    assert os.path.ismount(volume.mountpoint)
    boxes[0].remove(force=True)
    assert boxes[1].exec("cat", "/d/f").stdout == "both\n"
    boxes[1].remove(force=True)
    wait_until_unmounted(dk, volume.mountpoint)
    assert sh(dk, "ls /d", volume=(volume, "/d")) == ""


def wait_until_unmounted(dk: Client, place: str) -> None:
    """The event is told when it is done."""
    seen = {event.action for event in dk.events(since=0, until="0s", type="volume")}
    if "unmount" in seen and not os.path.ismount(place):
        return
    for event in dk.events(since=0, type="volume"):
        if event.action == "unmount" and not os.path.ismount(place):
            return


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"type": "none", "device": "/nosuchdir", "o": "bind"}, "flags: 0x1000: no such file or directory"),
        ({"type": "tmpfs", "device": "tmpfs", "o": "nosuchopt=1"}, "data: nosuchopt=1: invalid argument"),
        ({"type": "nosuchfs", "device": "none"}, "no such device"),
    ],
)
def test_volume_that_cannot_be_mounted_says_so_at_the_start(dk: Client, options: dict[str, str], words: str) -> None:
    volume = dk.volumes.create("bad1", options=options)
    with pytest.raises(Failed, match=r"error while mounting volume .*failed to mount local volume: mount ") as caught:
        dk.start("busybox", "true", volume=(volume, "/d"), network="none")
    assert words in caught.value.message
    assert not os.path.ismount(volume.mountpoint)


def test_bound_directory_survives_the_volume(dk: Client, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("still here")
    volume = dk.volumes.create("bind1", options={"type": "none", "device": str(tmp_path), "o": "bind,ro"})
    box = dk.start("busybox", "sleep", "100", volume=(volume, "/d"), network="none")
    assert box.exec("cat", "/d/precious").stdout == "still here"
    assert box.exec("touch", "/d/x").exit_code != 0
    box.remove(force=True)
    volume.remove()
    assert (tmp_path / "precious").read_text() == "still here"


def test_clone_is_independent_and_so_is_the_clone_of_a_clone(dk: Client) -> None:
    sh(dk, "echo one > /d/f; mkdir /d/sub; echo x > /d/sub/y; chmod 711 /d; chown 5:6 /d", volume=("base", "/d"))
    base = dk.volumes["base"]
    copy = base.clone("copy", labels={"a": "b"})
    assert copy.labels == {"a": "b"}
    assert sh(dk, "cat /d/f /d/sub/y; stat -c '%a %u %g' /d", volume=(copy, "/d")) == "one\nx\n711 5 6\n"
    sh(dk, "echo two > /d/f; rm -r /d/sub", volume=(copy, "/d"))
    again = copy.clone("again")
    sh(dk, "echo three >> /d/f", volume=(again, "/d"))
    assert sh(dk, "cat /d/f; ls /d/sub", volume=(base, "/d")) == "one\ny\n"
    assert sh(dk, "cat /d/f; ls /d", volume=(copy, "/d")) == "two\nf\n"
    assert sh(dk, "cat /d/f", volume=(again, "/d")) == "two\nthree\n"
    base.remove()
    copy.remove()
    assert sh(dk, "cat /d/f", volume=(again, "/d")) == "two\nthree\n"
    again.remove()


def test_clone_waits_for_nobody_who_runs(dk: Client) -> None:
    box = dk.start("busybox", "sleep", "100", volume=("busy1", "/d"), network="none")
    with pytest.raises(Conflict, match="volume is in use by what runs"):
        dk.volumes["busy1"].clone()
    box.stop(timeout=0)
    box.remove()
    clone = dk.volumes["busy1"].clone()
    with pytest.raises(Conflict, match=f"there is a volume {clone.name} already"):
        dk.volumes["busy1"].clone(clone.name)
    with pytest.raises(Invalid):
        dk.volumes["busy1"].clone("../up")


def test_backup_and_restore_keep_everything(dk: Client, tmp_path: Path) -> None:
    sh(
        dk,
        "echo hi > /d/f; ln -s f /d/l; ln /d/f /d/h; mkdir -m 700 /d/e; chown 3:4 /d/e; chmod 750 /d",
        volume=("from1", "/d"),
    )
    dk.volumes["from1"].backup(tmp_path / "b.tar")
    target = dk.volumes.create("to1")
    target.restore(tmp_path / "b.tar")
    look = "cd /d; cat l h; stat -c '%a %u %g %h %n' . e f"
    assert sh(dk, look, volume=("to1", "/d")) == sh(dk, look, volume=("from1", "/d"))


def test_archive_that_leads_out_of_the_volume_is_refused(dk: Client, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/"
        tar.addfile(link)
        member = tarfile.TarInfo("out/escaped-from-a-volume")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    volume = dk.volumes.create("evil1")
    volume.restore(tmp_path / "evil.tar")
    assert not os.path.lexists("/escaped-from-a-volume")
    (tmp_path / "no.tar").write_bytes(b"this is no archive" * 100)
    with pytest.raises(Invalid):
        volume.restore(tmp_path / "no.tar")


def test_subpath_is_found_beneath_the_volume_and_nowhere_else(dk: Client, live_daemon: LiveDaemon) -> None:
    sh(
        dk,
        "mkdir -p /d/a/b; echo deep > /d/a/b/f; ln -s / /d/root; ln -s ../../../etc /d/etc; ln -s a/b /d/ok",
        volume=("sub1", "/d"),
    )

    def mounted(subpath: str) -> tuple[int, Any]:
        mount = {"Type": "volume", "Source": "sub1", "Target": "/s", "VolumeOptions": {"Subpath": subpath}}
        status, made = created(live_daemon, {"Mounts": [mount]}, "ls", "/s")
        return (status, made) if status != 201 else live_daemon.request("POST", f"/containers/{made['Id']}/start")

    assert mounted("a/b")[0] == 204
    assert mounted("ok")[0] == 204
    assert mounted("root")[0] == 204  # the volume's own root
    for bad in ("etc", "a/missing"):
        status, told = mounted(bad)
        assert status == 500
        assert f"cannot access path {bad} of volume sub1" in told["message"]
    for hostile in ("../x", "/etc", "a/../../x"):
        status, told = mounted(hostile)
        assert (status, "subpath must be a relative path within the volume" in told["message"]) == (400, True)
    listings = [box.logs() for box in dk.containers.list(all=True) if box.wait() == 0 and box.logs()]
    assert all("passwd" not in listing for listing in listings)


def test_image_as_a_mount(dk: Client, live_daemon: LiveDaemon) -> None:
    mounts = [
        {"Type": "image", "Source": "busybox", "Target": "/i"},
        {"Type": "image", "Source": "busybox", "Target": "/b", "ImageOptions": {"Subpath": "bin"}},
    ]
    script = "test -x /i/bin/busybox && test -x /b/busybox && ! touch /i/x 2>/dev/null && echo fine"
    status, made = created(live_daemon, {"Mounts": mounts}, "sh", "-c", script)
    assert status == 201, made
    box = dk.containers[made["Id"]].start()
    assert box.wait() == 0
    assert box.logs() == "fine\n"
    mounted = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "/run/images/" in line]
    assert not [line for line in mounted if live_daemon.root in line]
    assert box.inspect()["Mounts"][0]["Type"] == "image"


def test_volumes_from_another_container_modes_and_order(dk: Client, live_daemon: LiveDaemon) -> None:
    _, one = created(
        live_daemon, {"Binds": ["vf1:/v", "/usr:/u:ro"], "Mounts": [{"Type": "tmpfs", "Target": "/t"}]}, Volumes={"/a": {}}
    )
    _, two = created(live_daemon, {"Binds": ["vf2:/v"]})
    script = "grep -E ' /(v|u|a|t) ' /proc/self/mountinfo | cut -d' ' -f5,6 | sort"
    _, made = created(live_daemon, {"VolumesFrom": [one["Id"], f"{two['Id']}:ro"]}, "sh", "-c", script)
    box = dk.containers[made["Id"]].start()
    box.wait()
    assert box.logs().splitlines() == [
        "/a rw,relatime",
        "/t rw,nosuid,nodev,noexec,relatime",
        "/u ro,relatime",
        "/v ro,relatime",
    ]
    named = {m["Destination"]: m.get("Name") for m in box.inspect()["Mounts"]}
    assert named["/v"] == "vf2"


def test_files_of_a_container_that_does_not_run_are_in_its_volumes(dk: Client) -> None:
    box = dk.container("busybox", "true").volume("cp1", "/d").network("none").create()
    box.files["/d/f"] = "in the volume"
    assert Path(dk.volumes["cp1"].mountpoint, "f").read_text() == "in the volume"
    assert box.files["/d/f"] == b"in the volume"


def test_files_of_a_stopped_container_with_a_cloned_volume(dk: Client) -> None:
    sh(dk, "echo base > /d/f", volume=("cp2", "/d"))
    clone = dk.volumes["cp2"].clone("cp3")
    box = dk.container("busybox", "true").volume(clone, "/d").network("none").create()
    assert box.files["/d/f"] == b"base\n"
    box.files["/d/f"] = "mine"
    assert sh(dk, "cat /d/f", volume=("cp2", "/d")) == "base\n"
    assert sh(dk, "cat /d/f", volume=("cp3", "/d")) == "mine"


def test_refused_create_leaves_no_volume(dk: Client, live_daemon: LiveDaemon) -> None:
    binds = ["left1:/l", "bad/name:/x"]
    status, _ = created(live_daemon, {"Binds": binds}, Volumes={"/anonymous": {}})
    assert status == 400
    status, _ = created(live_daemon, {"Binds": ["left2:/l"]}, Volumes={"/etc/passwd": {}})
    assert status == 400
    assert not dk.volumes.list()


def test_disk_usage_and_list_know_who_uses_what(dk: Client, live_daemon: LiveDaemon) -> None:
    sh(dk, "dd if=/dev/zero of=/d/f bs=1k count=8", volume=("df1", "/d"))
    dk.container("busybox", "true").volume("df1", "/d").network("none").create()
    _, usage = live_daemon.request("GET", "/system/df")
    assert [(v["Name"], v["UsageData"]) for v in usage["Volumes"]] == [("df1", {"Size": 8192, "RefCount": 1})]
    assert [v.name for v in dk.volumes.list(dangling=True)] == []
    assert [v.name for v in dk.volumes.list(dangling=False)] == ["df1"]


def test_start_that_fails_lets_its_volumes_go(dk: Client) -> None:
    volume = dk.volumes.create("mem2", options={"type": "tmpfs", "device": "tmpfs"})
    with pytest.raises(ContainerFailed):
        dk.start("busybox", "/nosuch", volume=(volume, "/d"), network="none")
    assert not os.path.ismount(volume.mountpoint)
    volume.remove()


def test_propagation_shared_brings_later_mounts_of_the_host(dk: Client, tmp_path: Path) -> None:
    if os.system(f"mount --bind {tmp_path} {tmp_path} && mount --make-shared {tmp_path}"):
        pytest.skip("no mount program here")
    try:
        (tmp_path / "later").mkdir()
        boxes = {
            way: dk.container("busybox", "sleep", "100").bind(f"{tmp_path}:/h:{way}").network("none").start()
            for way in ("rslave", "rprivate")
        }
        os.system(f"mount -t tmpfs later {tmp_path}/later")
        seen = {way: "later" in box.exec("cat", "/proc/mounts").stdout for way, box in boxes.items()}
        assert seen == {"rslave": True, "rprivate": False}
    finally:
        os.system(f"umount -l {tmp_path}/later; umount -l {tmp_path}")


def test_read_only_bind_is_so_all_the_way_down_unless_said(dk: Client, live_daemon: LiveDaemon, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    if os.system(f"mount -t tmpfs below {tmp_path}/below"):
        pytest.skip("no mount program here")
    try:
        found = {}
        for word in ("", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive", "NonRecursive"):
            mount = {"Type": "bind", "Source": str(tmp_path), "Target": "/h", "ReadOnly": True}
            mount |= {"BindOptions": {word: True}} if word else {}
            status, made = created(
                live_daemon, {"Mounts": [mount]}, "sh", "-c", "touch /h/below/x 2>/dev/null && rm /h/below/x"
            )
            assert status == 201, made
            found[word] = dk.containers[made["Id"]].start().wait()
        assert found == {"": 1, "ReadOnlyNonRecursive": 0, "ReadOnlyForceRecursive": 1, "NonRecursive": 1}
    finally:
        os.system(f"umount -l {tmp_path}/below")


def test_clone_of_a_large_volume_copies_nothing(dk: Client) -> None:
    sh(dk, "dd if=/dev/zero of=/d/db bs=1M count=100 2>/dev/null", volume=("large1", "/d"))
    base = dk.volumes["large1"]
    free = os.statvfs(os.path.dirname(base.mountpoint)).f_bavail * os.statvfs(os.path.dirname(base.mountpoint)).f_frsize
    clones = [base.clone() for _ in range(5)]
    now = os.statvfs(os.path.dirname(base.mountpoint))
    assert free - now.f_bavail * now.f_frsize < 100 << 20
    assert sh(dk, "stat -c %s /d/db", volume=(clones[4], "/d")) == f"{100 << 20}\n"


def test_errors_are_ours(dk: Client) -> None:
    with pytest.raises(DockerkitError):
        dk.volumes.create("x")
