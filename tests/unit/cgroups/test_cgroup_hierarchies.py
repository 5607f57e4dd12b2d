"""What mountinfo says about cgroups is read as the kernel writes it."""

import errno

import pytest

from dockerkit.daemon.kernel.cgroups.detection import detect
from dockerkit.daemon.kernel.cgroups.hierarchies import Hierarchy, parse_mounts

HYBRID = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


def test_co_mounted_controllers_are_one_hierarchy():
    mounted = parse_mounts(HYBRID)
    assert mounted.version1 == (
        Hierarchy("/sys/fs/cgroup/memory", ("memory",)),
        Hierarchy("/sys/fs/cgroup/cpu,cpuacct", ("cpu", "cpuacct")),
    )
    assert mounted.version2 == "/sys/fs/cgroup/unified"


def test_a_mount_point_with_a_space_is_unescaped():
    text = "35 31 0:32 / /mnt/my\\040groups/memory rw - cgroup cgroup rw,memory\n"
    assert parse_mounts(text).version1[0].directory == "/mnt/my groups/memory"


def test_the_first_mount_of_a_hierarchy_wins_over_a_bind_of_a_part_of_it():
    text = HYBRID + "50 31 0:32 /docker/abc /mnt/part rw - cgroup cgroup rw,memory\n"
    assert [tree.directory for tree in parse_mounts(text).version1] == ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct"]


def test_lines_of_unknown_shape_are_passed_over():
    assert parse_mounts("nonsense\n- \n\n1 2 3\n").version1 == ()


def test_no_hierarchy_at_all_is_an_error_that_names_the_table(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text("")
    with pytest.raises(OSError) as refused:
        detect("dockerkit-test", mountinfo=str(table))
    assert refused.value.errno == errno.ENODEV
    assert refused.value.filename == str(table)


def mounted(tmp_path, *, one="", two="", writable=True):
    """Make hierarchies of files: names of version 1's controllers, and version 2's; return their mountinfo."""
    lines = []
    for number, name in enumerate(one.split()):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tasks").touch()
        lines.append(f"{number} 31 0:{number} / {tmp_path}/{name} rw - cgroup cgroup rw,{name}")
    (tmp_path / "unified").mkdir()
    for file, text in (("cgroup.controllers", two), ("cgroup.subtree_control", ""), ("cgroup.procs", "1")):
        (tmp_path / "unified" / file).write_text(text)
    lines.append(f"90 31 0:90 / {tmp_path}/unified rw - cgroup2 cgroup2 rw")
    table = tmp_path / "mountinfo"
    table.write_text("\n".join(lines) + "\n")
    return str(table)


@pytest.mark.parametrize(
    ("one", "two", "version"),
    [
        ("", "cpuset cpu io memory pids", 2),
        ("", "memory pids", 2),
        ("", "", 2),
        ("memory pids cpu cpuset blkio devices freezer", "", 1),
        ("memory pids cpu cpuset blkio devices freezer", "hugetlb", 1),
        ("cpu", "memory pids io", 2),
        ("memory pids cpu devices", "io", 1),
        ("devices freezer", "memory", 2),
    ],
)
def test_the_version_that_keeps_more_limits_is_chosen(tmp_path, monkeypatch, one, two, version):
    monkeypatch.delenv("DOCKERKIT_CGROUPS", raising=False)
    found = detect("dockerkit-test", mountinfo=mounted(tmp_path, one=one, two=two))
    assert found.version == version
    assert found.reason.startswith(f"version {version}: ")


def test_the_reason_tells_what_there_is_and_what_is_not(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKERKIT_CGROUPS", raising=False)
    found = detect("dockerkit-test", mountinfo=mounted(tmp_path, two="memory pids"))
    assert found.reason == (
        f"version 2: memory, pids are in the unified hierarchy at {tmp_path}/unified; not there: cpu, cpuset, io"
    )
    assert found.controllers == {"memory", "pids"}


def test_a_version_that_is_asked_for_is_not_questioned(tmp_path):
    table = mounted(tmp_path, one="memory pids cpu", two="")
    assert detect("dockerkit-test", version=2, mountinfo=table).version == 2
    assert detect("dockerkit-test", version=1, mountinfo=table).version == 1


def test_a_version_that_is_asked_for_and_not_there_is_an_error(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(f"9 31 0:9 / {tmp_path} rw - tmpfs tmpfs rw\n")
    with pytest.raises(OSError, match="no cgroup version 2 hierarchy") as refused:
        detect("dockerkit-test", version=2, mountinfo=str(table))
    assert refused.value.errno == errno.ENODEV
