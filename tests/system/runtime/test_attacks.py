"""Images and volumes that try to lead the runtime out of their root. Each is a class other engines had a CVE for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.runtime.runtime import StartFailed
from tests.leftovers import mounts_of

if TYPE_CHECKING:
    from conftest import Boxes

pytestmark = pytest.mark.system


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory of the host that must stay as it is."""
    place = tmp_path / "host"
    place.mkdir()
    (place / "secret").write_text("host")
    (place / "passwd").write_text("evil:x:0:0::/evil:/bin/sh\n")
    return place


def replace(path: Path, target: str) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["/", "/tmp", "../../../..", "/dev"])
def test_an_image_whose_proc_is_a_link_is_refused(boxes: Boxes, name: str, target: str) -> None:
    replace(boxes.image / name, target)
    with pytest.raises(StartFailed) as caught:
        boxes.start(boxes.make("true", client=False))
    assert caught.value.message.endswith("must be mounted on ordinary directory")


def test_an_image_whose_dev_links_to_the_host_has_it_inside(boxes: Boxes, host: Path) -> None:
    replace(boxes.image / "dev", str(host))
    assert boxes.sh("echo x > /dev/null; test -c /dev/zero && echo device") == "device\n"
    assert sorted(os.listdir(host)) == ["passwd", "secret"]


def test_a_bind_onto_a_link_to_the_host_lands_inside(boxes: Boxes, host: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("bound")
    (boxes.image / "etc/hosts").symlink_to(host / "secret")
    (boxes.image / "etc/resolv.conf").symlink_to("../../../../../.." + str(host / "new"))
    box = boxes.make("cat", "/etc/hosts", "/etc/resolv.conf")
    for name in ("hosts", "resolv.conf"):
        entry = {"destination": f"/etc/{name}", "type": "bind", "source": str(tmp_path / "hosts"), "options": ["bind"]}
        box.spec["mounts"].append(entry)
    assert boxes.start(box).output() == "boundbound"
    box.wait()
    assert (host / "secret").read_text() == "host"
    assert sorted(os.listdir(host)) == ["passwd", "secret"]


def test_a_tmpfs_onto_a_link_to_the_root_covers_the_containers_root_only(boxes: Boxes) -> None:
    (boxes.image / "out").symlink_to("/")
    before = mounts_of(" / / ")
    box = boxes.make("true", client=False)
    box.spec["mounts"].append({"destination": "/out", "type": "tmpfs", "source": "tmpfs", "options": []})
    try:
        boxes.start(box).wait()
    except StartFailed as error:
        assert error.step == "exec"
    assert (mounts_of(" / / "), mounts_of(str(boxes.place))) == (before, [])


def test_a_working_directory_through_a_descriptor_is_not_the_hosts(boxes: Boxes) -> None:
    for number in range(3, 40):
        box = boxes.make("sh", "-c", "ls ..", client=False)
        box.spec["process"]["cwd"] = f"/proc/self/fd/{number}"
        with pytest.raises(StartFailed) as caught:
            boxes.start(box)
        assert caught.value.step == "directory"


def test_a_program_through_a_descriptor_is_not_the_hosts(boxes: Boxes) -> None:
    for number in range(3, 40):
        with pytest.raises(StartFailed) as caught:
            boxes.start(boxes.make(f"/proc/self/fd/{number}/../../../../../../bin/ls", client=False))
        assert caught.value.step == "exec"


def test_an_image_that_runs_its_runtime_again_cannot_write_it(boxes: Boxes) -> None:
    # CVE-2019-5736: as a script's interpreter the kernel starts the host's file again, inside
    (boxes.image / "again").write_text("#!/proc/self/exe\n")
    (boxes.image / "again").chmod(0o755)
    with pytest.raises(StartFailed) as caught:
        boxes.start(boxes.make("/again", client=False))
    assert caught.value.step == "exec"


@pytest.mark.parametrize("name", ["passwd", "group"])
def test_users_are_not_read_through_links_to_the_host(boxes: Boxes, host: Path, name: str) -> None:
    replace(boxes.image / "etc" / name, str(host / "passwd"))
    with pytest.raises(StartFailed) as caught:
        boxes.start(boxes.make("true", client=False, user="evil" if name == "passwd" else "bob:evil"))
    assert caught.value.message.startswith("unable to find")


def test_users_are_not_read_from_descriptors(boxes: Boxes) -> None:
    replace(boxes.image / "etc/passwd", "/proc/self/fd/0")
    with pytest.raises(StartFailed) as caught:
        boxes.start(boxes.make("true", client=False))
    assert caught.value.step == "user"


def test_a_passwd_that_is_a_pipe_does_not_hang_the_start(boxes: Boxes) -> None:
    (boxes.image / "etc/passwd").unlink()
    os.mkfifo(boxes.image / "etc/passwd")
    with pytest.raises(StartFailed) as caught:
        boxes.start(boxes.make("true", client=False))
    assert caught.value.message == "/etc/passwd is not a regular file"


def test_a_null_device_that_is_a_link_is_not_what_masks(boxes: Boxes, host: Path) -> None:
    # CVE-2025-31133: /dev is the user's own, and its null leads elsewhere
    (host / "dev").mkdir()
    (host / "dev/null").symlink_to("/proc/sysrq-trigger")
    for name in ("pts", "mqueue", "shm"):
        (host / "dev" / name).mkdir()
    box = boxes.make("true", client=False)
    box.spec["mounts"][1] = {"destination": "/dev", "type": "bind", "source": str(host / "dev"), "options": ["rbind"]}
    with pytest.raises(StartFailed) as caught:
        boxes.start(box)
    assert caught.value.step == "covers"
    assert sorted(os.listdir(host / "dev")) == ["mqueue", "null", "pts", "shm"]


def test_a_dev_of_the_users_own_is_left_as_it_is(boxes: Boxes, host: Path) -> None:
    (host / "dev").mkdir()
    for name in ("pts", "mqueue", "shm"):
        (host / "dev" / name).mkdir()
    box = boxes.make("ls", "/dev")
    box.spec["mounts"][1] = {"destination": "/dev", "type": "bind", "source": str(host / "dev"), "options": ["rbind"]}
    box.spec["linux"]["maskedPaths"] = []
    assert boxes.start(box).output().split() == ["mqueue", "pts", "shm"]


def test_a_console_that_is_a_link_is_not_followed(boxes: Boxes, host: Path) -> None:
    # CVE-2025-52565
    (host / "dev").mkdir()
    (host / "dev/pts").mkdir()
    (host / "dev/null").write_text("")
    (host / "dev/console").symlink_to("/proc/sysrq-trigger")
    box = boxes.make("true", client=False)
    box.spec["process"]["terminal"] = True
    box.spec["mounts"][1] = {"destination": "/dev", "type": "bind", "source": str(host / "dev"), "options": ["rbind"]}
    box.spec["mounts"] = [entry for entry in box.spec["mounts"] if entry["destination"] not in ("/dev/mqueue", "/dev/shm")]
    with pytest.raises(StartFailed) as caught:
        boxes.start(box)
    assert caught.value.step == "terminal"


def test_sysctls_cannot_be_pointed_elsewhere(boxes: Boxes) -> None:
    box = boxes.make("true", client=False)
    box.spec["linux"]["sysctl"] = {"kernel/../../../sysrq-trigger": "c"}
    with pytest.raises(StartFailed) as caught:
        boxes.start(box)
    assert caught.value.step == "sysctls"


def test_a_root_with_colons_and_commas_and_a_long_name_is_only_a_name(boxes: Boxes, tmp_path: Path) -> None:
    place = tmp_path / ("x:y,z" + "l" * 200) / ("m" * 200)
    place.parent.mkdir()
    shutil.move(boxes.image, place)
    box = boxes.make("cat", "/proc/self/mountinfo")
    box.launch.rootfs = type(box.launch.rootfs)((str(place),), box.launch.rootfs.upper, box.launch.rootfs.work)
    text = boxes.start(box).output()
    assert "x:y" not in text
    assert " / / rw" in text


def test_an_image_without_any_directory_gets_what_it_needs(boxes: Boxes) -> None:
    for name in ("proc", "sys", "dev", "tmp", "etc", "root"):
        shutil.rmtree(boxes.image / name)
    assert boxes.sh("test -d /proc/self && test -c /dev/null && echo fine") == "fine\n"
