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


