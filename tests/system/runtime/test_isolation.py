"""What a container sees, and what it does not: the kernel's own view, inside and outside."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.kernel import capabilities, cgroups, mounts, namespaces
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.resolution import default_profile
from dockerkit.daemon.runtime.runtime import StartFailed
from dockerkit.daemon.runtime.shim.launching import read_only_clone
from tests.leftovers import mounts_of

if TYPE_CHECKING:
    from conftest import Boxes

pytestmark = pytest.mark.system
version_1 = pytest.mark.skipif(cgroups.detect().version != 1, reason="test_on_version2 has its own")
SIOCSIFMTU = 0x8922


def status(text: str) -> dict[str, str]:
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def test_every_namespace_is_another_than_the_hosts(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sleep", "1000"))
    assert box.keeper is not None
    for kind in ("mnt", "pid", "uts", "ipc", "net", "cgroup"):
        assert os.readlink(f"/proc/{box.keeper.pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), kind
    assert os.readlink(f"/proc/{box.keeper.pid}/ns/user") == os.readlink("/proc/self/ns/user")


def test_no_two_containers_share_a_namespace(boxes: Boxes) -> None:
    one, two = (boxes.start(boxes.make("sleep", "1000")) for _ in range(2))
    assert one.keeper is not None
    assert two.keeper is not None
    for kind in ("mnt", "pid", "uts", "ipc", "net", "cgroup"):
        assert os.readlink(f"/proc/{one.keeper.pid}/ns/{kind}") != os.readlink(f"/proc/{two.keeper.pid}/ns/{kind}"), kind


def test_a_namespace_that_is_not_asked_for_is_the_hosts(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "hostname; sleep 1000")
    box.spec["linux"]["namespaces"] = [{"type": kind} for kind in ("mount", "pid", "ipc")]
    boxes.start(box)
    assert box.read_until("\n").strip() == os.uname().nodename
    assert box.keeper is not None
    for kind in ("net", "uts", "cgroup"):
        assert os.readlink(f"/proc/{box.keeper.pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}")


def test_anothers_namespaces_can_be_joined(boxes: Boxes) -> None:
    owner = boxes.start(boxes.make("sleep", "1000"))
    assert owner.keeper is not None
    box = boxes.make("sleep", "1000")
    names = {"network": "net", "ipc": "ipc", "uts": "uts", "pid": "pid"}
    for entry in box.spec["linux"]["namespaces"]:
        if entry["type"] in names:
            entry["path"] = f"/proc/{owner.keeper.pid}/ns/{names[entry['type']]}"
    del box.spec["hostname"]
    boxes.start(box)
    assert box.keeper is not None
    for kind in names.values():
        assert os.readlink(f"/proc/{box.keeper.pid}/ns/{kind}") == os.readlink(f"/proc/{owner.keeper.pid}/ns/{kind}")
    assert boxes.sh("true") == ""


def test_what_sys_shows_is_of_the_network_that_was_joined(boxes: Boxes) -> None:
    """A seat has made its /sys before it knew that it would have to show another's network."""
    assert boxes.sh("true") == ""  # from here on there are seats
    with _network_of_its_own(mtu=1234) as descriptor:
        box = boxes.make("cat", "/sys/class/net/lo/mtu")
        entry = next(entry for entry in box.spec["linux"]["namespaces"] if entry["type"] == "network")
        entry["path"] = f"/proc/{os.getpid()}/fd/{descriptor}"
        boxes.start(box)
        assert box.output() == "1234\n"


@contextlib.contextmanager
def _network_of_its_own(*, mtu: int) -> Iterator[int]:
    """Give a network namespace whose lo has this MTU."""

    def make() -> int:
        namespaces.unshare(namespaces.FLAGS["network"])  # of this thread alone
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si12x", b"lo", mtu))
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    with ThreadPoolExecutor(1) as thread:
        descriptor = thread.submit(make).result()
    yield descriptor
    os.close(descriptor)


def test_with_the_hosts_processes_nothing_outlives_the_container(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "sleep 1000 & echo $!; exit 5")
    box.spec["linux"]["namespaces"] = [{"type": kind} for kind in ("mount", "uts", "ipc", "network")]
    boxes.start(box)
    pid = int(box.read_until("\n"))
    assert box.wait().exit_code == 5
    assert not os.path.exists(f"/proc/{pid}")


def test_capabilities_are_dockers_and_nothing_is_inherited(boxes: Boxes) -> None:
    seen = status(boxes.sh("cat /proc/self/status"))
    assert seen["CapEff"] == seen["CapPrm"] == seen["CapBnd"] == "00000000a80425fb"
    assert seen["CapInh"] == seen["CapAmb"] == "0000000000000000"
    assert seen["NoNewPrivs"] == "0"
    assert seen["Seccomp"] == "0"


def test_another_user_has_no_capability_but_keeps_the_bounding_set(boxes: Boxes) -> None:
    seen = status(boxes.sh("cat /proc/self/status", user="bob"))
    assert seen["CapEff"] == seen["CapPrm"] == seen["CapAmb"] == "0000000000000000"
    assert seen["CapBnd"] == "00000000a80425fb"


def test_no_new_privileges_only_when_asked(boxes: Boxes) -> None:
    box = boxes.make("cat", "/proc/self/status")
    box.spec["process"]["noNewPrivileges"] = True
    assert status(boxes.start(box).output())["NoNewPrivs"] == "1"


@pytest.mark.parametrize("unprivileged", [False, True])
@pytest.mark.parametrize("user", ["", "bob"])
def test_seccomp_filters_the_program(boxes: Boxes, user: str, unprivileged: bool) -> None:
    kernel = tuple(int(part) for part in os.uname().release.split(".")[:2])
    profile = default_profile(capabilities.DEFAULT, kernel)  # type: ignore[arg-type]
    program = compile_profile(profile, os.uname().machine)
    box = boxes.make("sh", "-c", "cat /proc/self/status; mount -t tmpfs x /tmp 2>&1", seccomp=program, user=user)
    box.spec["process"]["noNewPrivileges"] = unprivileged
    seen = status(boxes.start(box).output())
    assert seen["Seccomp"] == "2"
    assert seen["NoNewPrivs"] == str(int(unprivileged))


def test_only_the_three_streams_are_open(boxes: Boxes) -> None:
    listing = boxes.sh("ls -l /proc/self/fd/")
    numbers = [line.split(" -> ")[0].split()[-1] for line in listing.splitlines() if " -> " in line]
    assert numbers == ["0", "1", "2"]


def test_only_the_specs_environment_and_home_are_there(boxes: Boxes) -> None:
    assert sorted(boxes.run("env")[1].split()) == ["HOME=/root", "MODE=test", "PATH=/usr/bin:/bin"]


def test_the_program_is_alone(boxes: Boxes) -> None:
    assert boxes.run("ps", "-o", "pid,comm")[1].split() == ["PID", "COMMAND", "1", "ps"]


def test_signals_are_as_a_program_expects_them(boxes: Boxes) -> None:
    seen = status(boxes.run("cat", "/proc/self/status")[1])
    assert seen["SigIgn"] == seen["SigBlk"] == seen["SigCgt"] == "0000000000000000"


def test_the_umask_session_and_parent_are_clean(boxes: Boxes) -> None:
    fields = boxes.run("cat", "/proc/self/stat")[1].split()
    pid, parent, group, session = fields[0], *fields[3:6]
    assert (pid, parent, group, session) == ("1", "0", "1", "1")
    assert boxes.sh("umask") == "0022\n"


def test_mountinfo_names_nothing_of_the_host(boxes: Boxes, tmp_path: Path) -> None:
    text = boxes.run("cat", "/proc/self/mountinfo")[1]
    assert str(tmp_path) not in text
    assert "python" not in text
    roots = [line.split()[3] for line in text.splitlines()]
    assert {root for root in roots if root != "/"} <= {"/null", "/bus", "/fs", "/irq", "/sys", "/sysrq-trigger"}


def test_masked_paths_are_empty_and_read_only_ones_refuse(boxes: Boxes) -> None:
    assert boxes.sh("cat /proc/keys /proc/timer_list; ls /sys/firmware /proc/acpi") == "/proc/acpi:\n\n/sys/firmware:\n"
    assert "Read-only file system" in boxes.sh("echo 1 2>&1 > /proc/sys/kernel/domainname; true")
    assert "Read-only file system" in boxes.sh("touch /sys/firmware/x 2>&1; true")


def test_sysctls_are_written_before_they_become_read_only(boxes: Boxes) -> None:
    box = boxes.make("cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shmmax")
    box.spec["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "4096"}
    assert boxes.start(box).output() == "1\n4096\n"


def test_loopback_is_up(boxes: Boxes) -> None:
    assert boxes.sh("cat /sys/class/net/lo/operstate; cat /proc/net/route; ls /sys/class/net").split("\n")[-2] == "lo"
    (boxes.image / "bin/ping").symlink_to("busybox")
    assert "1 packets received" in boxes.sh("ping -c 1 127.0.0.1")


def test_device_nodes_and_links_are_dockers(boxes: Boxes) -> None:
    nodes = {"full", "mqueue", "null", "ptmx", "pts", "random", "shm", "tty", "urandom", "zero"}
    links = {"core", "fd", "stderr", "stdin", "stdout"}
    assert set(boxes.sh("cd /dev; ls").split()) == nodes | links
    assert boxes.sh("stat -c '%a %t:%T' /dev/null /dev/urandom") == "666 1:3\n666 1:9\n"
    assert boxes.sh("echo x > /dev/null; head -c 3 /dev/zero | wc -c; echo x > /dev/full 2>&1 || echo full").split() == [
        "3",
        "full",
    ]


def test_an_additional_device_is_made_with_its_owner(boxes: Boxes) -> None:
    box = boxes.make("stat", "-c", "%F %a %u:%g %t:%T", "/dev/deep/down")
    box.spec["linux"]["devices"] = [
        {"path": "/dev/deep/down", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8}
    ]
    assert boxes.start(box).output() == "character special file 640 7:8 1:5\n"


@version_1
def test_a_container_sees_its_own_groups_only(boxes: Boxes) -> None:
    assert (
        boxes.sh("cat /sys/fs/cgroup/memory/memory.limit_in_bytes; cat /sys/fs/cgroup/pids/pids.max") == f"{256 << 20}\n200\n"
    )
    assert "dockerkit" not in boxes.sh("cat /proc/self/cgroup /proc/self/mountinfo")
    assert "Read-only file system" in boxes.sh("echo 1 2>&1 > /sys/fs/cgroup/pids/pids.max; true")


@version_1
def test_its_processes_are_in_its_groups(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sleep", "1000"))
    assert box.keeper is not None
    groups = Path(f"/proc/{box.keeper.pid}/cgroup").read_text()
    for controller in ("memory", "pids", "devices", "freezer"):
        assert f":{controller}:/{box.spec['linux']['cgroupsPath']}\n" in groups


def test_a_read_only_root_is_read_only_but_not_what_is_mounted_on_it(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "touch /x 2>&1; touch /dev/shm/y && echo yes; pwd")
    box.spec["root"]["readonly"] = True
    box.spec["process"]["cwd"] = "/made"
    assert boxes.start(box).output() == "touch: /x: Read-only file system\nyes\n/made\n"


def test_what_is_written_is_in_the_upper_layer_and_the_image_untouched(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "echo new > /tmp/new; echo changed >> /etc/passwd"))
    box.wait()
    assert Path(box.launch.rootfs.upper, "tmp/new").read_text() == "new\n"
    assert "changed" not in (boxes.image / "etc/passwd").read_text()


def test_rlimits_are_set(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c")
    box.spec["process"]["rlimits"] = [
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    ]
    assert boxes.start(box).output() == "100\n200\n0\n"


def test_tight_limits_are_the_programs_trouble_not_ours(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "ulimit -v")
    box.spec["process"]["rlimits"] = [{"type": "RLIMIT_AS", "soft": 10 << 20, "hard": 10 << 20}]
    assert boxes.start(box).output() == "10240\n"


def test_oom_score_is_set(boxes: Boxes) -> None:
    box = boxes.make("cat", "/proc/self/oom_score_adj")
    box.spec["process"]["oomScoreAdj"] = 321
    assert boxes.start(box).output() == "321\n"


def test_binds_show_the_host_and_may_be_read_only(boxes: Boxes, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/file").write_text("shown")
    box = boxes.make("sh", "-c", "cat /data/file /single; echo mine > /data/new; echo x 2>&1 > /frozen/no; true")
    box.spec["mounts"] += [
        {"destination": "/data", "type": "bind", "source": f"{tmp_path}/source", "options": ["rbind", "rprivate"]},
        {"destination": "/frozen", "type": "bind", "source": f"{tmp_path}/source", "options": ["rbind", "ro"]},
        {"destination": "/single", "type": "bind", "source": f"{tmp_path}/source/file", "options": ["bind"]},
    ]
    assert boxes.start(box).output() == "shownshownsh: can't create /frozen/no: Read-only file system\n"
    assert (tmp_path / "source/new").read_text() == "mine\n"


def test_what_was_mounted_on_the_host_after_the_shim_started_is_seen(boxes: Boxes, tmp_path: Path) -> None:
    boxes.sh("true")
    place = tmp_path / "later"
    place.mkdir()
    mounts.mount("tmpfs", str(place), "tmpfs")
    try:
        (place / "file").write_text("late")
        box = boxes.make("cat", "/late/file")
        box.spec["mounts"].append({"destination": "/late", "type": "bind", "source": str(place), "options": ["rbind"]})
        assert boxes.start(box).output() == "late"
        box.wait()
    finally:
        mounts.unmount(str(place))


def test_mounts_inside_do_not_appear_on_the_host(boxes: Boxes, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    box = boxes.make("sh", "-c", "mount -t tmpfs x /data && touch /data/inside; mount -t tmpfs y /tmp; echo done; sleep 1000")
    every = [name for name in capabilities.NAMES[: capabilities.last() + 1] if name != "CAP_SYS_RESOURCE"]
    box.spec["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), every)
    box.spec["mounts"].append({"destination": "/data", "type": "bind", "source": f"{tmp_path}/source", "options": ["rbind"]})
    boxes.start(box).read_until("done")
    assert mounts_of(str(tmp_path)) == []
    assert os.listdir(tmp_path / "source") == []


def test_the_interpreter_a_container_could_reach_cannot_be_written(boxes: Boxes) -> None:
    shim = boxes.runtime._process
    assert shim is not None
    boxes.sh("true")
    for pid in (shim.pid, keeper_of(boxes)):
        # opening it says ETXTBSY as long as it runs; what counts is what it would say after
        assert os.statvfs(f"/proc/{pid}/exe").f_flag & os.ST_RDONLY


def test_a_read_only_clone_cannot_be_written_by_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    clone = read_only_clone(str(tmp_path / "file"))
    try:
        with pytest.raises(OSError, match="Read-only file system"):
            os.open(f"/proc/self/fd/{clone}", os.O_WRONLY)
    finally:
        os.close(clone)


def test_nobody_of_the_same_user_may_look_into_shim_and_keepers(boxes: Boxes) -> None:
    shim = boxes.runtime._process
    assert shim is not None
    box = boxes.make("sh", "-c", f"cat /proc/{shim.pid}/environ 2>&1; ls -l /proc/{shim.pid}/fd 2>&1; true")
    box.spec["linux"]["namespaces"] = [{"type": kind} for kind in ("mount", "uts", "ipc", "network")]
    assert "Permission denied" in boxes.start(box).output()


def test_an_unknown_step_of_the_past_is_no_start(boxes: Boxes) -> None:
    box = boxes.make("true", client=False)
    box.spec["linux"]["namespaces"].append({"type": "time"})
    with pytest.raises(StartFailed, match="time namespaces are not offered yet"):
        boxes.start(box)


def keeper_of(boxes: Boxes) -> int:
    box = boxes.start(boxes.make("sleep", "1000"))
    assert box.keeper is not None
    stat = Path(f"/proc/{box.keeper.pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])
