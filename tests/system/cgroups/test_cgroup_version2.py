"""What is version 2's own: device programs, births inside, nested groups, events, controllers on the way down."""

import errno
import os
import signal

import pytest

from dockerkit.daemon.kernel import namespaces, processes
from dockerkit.daemon.kernel.cgroups import bpf, controllers2, detect, devicefilter
from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.hierarchies import read_mounts

pytestmark = pytest.mark.system
MIB = 1024 * 1024
NULL, KMSG = (1, 3), (1, 11)


def read(cgroups, path, file):
    with open(os.path.join(cgroups.hierarchies[0].directory, path, file), encoding="ascii") as content:
        return content.read().strip()


def write(cgroups, path, file, value):
    with open(os.path.join(cgroups.hierarchies[0].directory, path, file), "w", encoding="ascii") as control:
        control.write(value)


def programs(cgroups, path):
    directory = os.open(os.path.join(cgroups.hierarchies[0].directory, path), os.O_RDONLY)
    try:
        return bpf.attached(directory)
    finally:
        os.close(directory)


def outcome(place, numbers, mode=os.O_RDONLY):
    """Return the errno with which making and opening a device node end, 0 for none."""
    node = f"{place}/node{os.getpid()}"
    os.mknod(node, 0o600 | 0o020000, os.makedev(*numbers))
    try:
        os.close(os.open(node, mode))
    except OSError as error:
        return error.errno
    finally:
        os.unlink(node)
    return 0


def test_opening_a_device_that_is_not_on_dockers_list_is_eperm(group, inside, exit_status, tmp_path):
    assert exit_status(inside(group, lambda: outcome(tmp_path, KMSG))) == errno.EPERM
    assert exit_status(inside(group, lambda: outcome(tmp_path, NULL, os.O_RDWR))) == 0


def test_making_a_device_can_be_forbidden_too(cgroups, inside, exit_status, tmp_path):
    rules = [{"allow": False, "access": "rwm"}, {"allow": False, "type": "c", "access": "m"}]
    group = cgroups.create(f"{cgroups.parent}/open/nomake", {"devices": rules})

    def make():
        try:
            os.mknod(tmp_path / "forbidden", 0o600 | 0o020000, os.makedev(*KMSG))
        except PermissionError:
            return 7
        return 0

    assert exit_status(inside(group, make)) == 7


def test_preparing_again_leaves_the_device_program_as_it_is(cgroups, real):
    before = programs(cgroups, f"{cgroups.parent}/confined")
    cgroups.prepare()
    assert programs(cgroups, f"{cgroups.parent}/confined") == before
    assert len(before) == 1


def test_another_device_program_takes_the_place_of_the_old_one(cgroups, inside, exit_status, tmp_path):
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rwm"}]
    group = cgroups.create(f"{cgroups.parent}/open/one", {"devices": rules})
    (before,) = programs(cgroups, group.path)
    cgroups.create(group.path, {"devices": rules[:1]})
    (after,) = programs(cgroups, group.path)
    assert after != before
    assert exit_status(inside(group, lambda: outcome(tmp_path, KMSG))) == errno.EPERM


def test_an_open_group_that_may_use_everything_has_no_program(cgroups, real):
    group = cgroups.create(f"{cgroups.parent}/open/all", {"devices": [{"allow": True, "access": "rwm"}]})
    assert programs(cgroups, group.path) == programs(cgroups, f"{cgroups.parent}/open") == []


def test_a_program_the_verifier_refuses_is_an_error_with_its_words(real):
    with pytest.raises(OSError, match=r"bpf: .*R0 !read_ok") as refused:
        bpf.load(bytes([0x95, 0, 0, 0, 0, 0, 0, 0]))  # ends without an answer
    assert refused.value.errno in (errno.EACCES, errno.EINVAL)


def test_dockers_list_is_accepted_by_the_verifier(real):
    os.close(bpf.load(devicefilter.program(devicefilter.policy(devicefilter.DEFAULT_RULES))))


def test_a_process_can_be_born_in_the_group(group, real):
    birthplace = group.birthplace()
    pid, pidfd = namespaces.clone3(namespaces.FLAGS["pid"], cgroup=birthplace)
    if pid == 0:
        signal.pause()
        os._exit(0)
    os.close(birthplace)
    assert group.pids() == [pid]
    group.kill()
    assert processes.reap(pidfd).exit_code == 128 + signal.SIGKILL
    os.close(pidfd)


def test_nobody_is_born_in_a_group_that_is_gone(group):
    group.remove()
    with pytest.raises(FileNotFoundError):
        group.birthplace()


def test_frozen_is_told_when_all_have_stopped(cgroups, group, inside):
    inside(group, signal.pause)
    group.freeze()
    assert "frozen 1" in read(cgroups, group.path, "cgroup.events")
    group.thaw()
    assert "frozen 0" in read(cgroups, group.path, "cgroup.events")


def test_a_group_is_killed_without_a_file_for_it_too(group, inside, exit_status, monkeypatch):
    def fork_and_wait():
        os.fork()
        signal.pause()

    pid = inside(group, fork_and_wait)
    real_write = Tree.write

    def old_kernel(tree, file, value):
        if file.endswith("cgroup.kill"):
            raise FileNotFoundError(errno.ENOENT, "no such file", file)
        real_write(tree, file, value)

    monkeypatch.setattr(Tree, "write", old_kernel)
    group.kill()
    assert exit_status(pid) == -signal.SIGKILL
    group.remove()


def test_processes_in_groups_the_container_made_are_counted_and_killed(cgroups, group, inside, exit_status):
    place = os.path.join(cgroups.hierarchies[0].directory, group.path, "inner")
    os.mkdir(place)

    def move():
        write(cgroups, f"{group.path}/inner", "cgroup.procs", "0")
        os.kill(os.getpid(), signal.SIGSTOP)

    pid = inside(group, move)
    os.waitpid(pid, os.WUNTRACED)
    assert group.pids() == [pid]
    group.kill()
    assert exit_status(pid) == -signal.SIGKILL
    group.remove()


def test_who_comes_into_a_container_with_controllers_of_its_own_joins_its_first_process(cgroups, group, inside):
    available = read(cgroups, group.path, "cgroup.controllers").split()
    if not set(available) - {"cpu", "cpuset", "perf_event", "pids"}:
        pytest.skip("no controller that forbids processes in between")
    os.mkdir(os.path.join(cgroups.hierarchies[0].directory, group.path, "init"))

    def be_init():
        write(cgroups, f"{group.path}/init", "cgroup.procs", "0")
        write(cgroups, group.path, "cgroup.subtree_control", f"+{available[-1]}")
        os.kill(os.getpid(), signal.SIGSTOP)

    first = inside(group, be_init)
    os.waitpid(first, os.WUNTRACED)
    second = inside(group, signal.pause)
    assert read(cgroups, f"{group.path}/init", "cgroup.procs").split() == [str(first), str(second)]


def test_no_process_of_ours_is_in_the_parent_or_a_policy(cgroups, group, inside):
    inside(group, signal.pause)
    for path in (cgroups.parent, f"{cgroups.parent}/confined", f"{cgroups.parent}/open"):
        assert read(cgroups, path, "cgroup.procs") == ""


def test_controllers_come_down_to_the_container_but_not_into_it(cgroups, group):
    controllers = sorted(cgroups.controllers)
    assert sorted(read(cgroups, group.path, "cgroup.controllers").split()) == controllers
    assert read(cgroups, group.path, "cgroup.subtree_control") == ""


def test_every_limit_reaches_its_file(cgroups, needs):
    needs("memory.limit", "pids", "cpu.quota", "cpu.shares", "blkio.throttle")
    resources = {
        "memory": {"limit": 64 * MIB, "swap": 96 * MIB, "reservation": 16 * MIB},
        "cpu": {"shares": 2048, "quota": 50000, "period": 20000},
        "pids": {"limit": 7},
    }
    group = cgroups.create(f"{cgroups.parent}/confined/all", resources)
    expected = {"memory.max": 64 * MIB, "memory.low": 16 * MIB, "cpu.weight": 174, "cpu.max": "50000 20000", "pids.max": 7}
    assert {file: read(cgroups, group.path, file) for file in expected} == {
        file: str(value) for file, value in expected.items()
    }
    if "memory.swap" in cgroups.features():
        assert read(cgroups, group.path, "memory.swap.max") == str(32 * MIB)
    group.update({"cpu": {"period": 50000}})
    assert read(cgroups, group.path, "cpu.max") == "50000 50000"
    group.update({"cpu": {"quota": -1}, "memory": {"limit": -1}, "pids": {"limit": -1}})
    assert read(cgroups, group.path, "cpu.max") == "max 50000"
    assert read(cgroups, group.path, "memory.max") == "max"
    assert group.stats()["pids"]["limit"] == 0


def test_huge_pages_are_limited_for_real_where_the_controller_is_here(cgroups):
    if "hugetlb" not in cgroups.controllers:
        pytest.skip("no hugetlb")
    limit = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]}
    group = cgroups.create(f"{cgroups.parent}/confined/huge", limit)
    assert read(cgroups, group.path, "hugetlb.2MB.max") == read(cgroups, group.path, "hugetlb.2MB.rsvd.max") == str(4 * MIB)


def test_a_limit_below_what_is_used_is_refused_instead_of_killing(cgroups, inside, needs):
    needs("memory.limit")
    group = cgroups.create(f"{cgroups.parent}/confined/full", {"memory": {"limit": 128 * MIB, "swap": 128 * MIB}})
    kept = []

    def eat():
        kept.append(bytearray(b"x" * (48 * MIB)))
        os.kill(os.getpid(), signal.SIGSTOP)

    pid = inside(group, eat)
    os.waitpid(pid, os.WUNTRACED)
    with pytest.raises(OSError) as refused:
        group.update({"memory": {"limit": 8 * MIB, "swap": 8 * MIB}})
    assert refused.value.errno == errno.EBUSY
    assert refused.value.filename.endswith("memory.max")
    assert group.pids() == [pid]


def test_processes_at_the_root_of_a_container_are_said_to_be_in_the_way(real, tmp_path):
    for file, text in (("cgroup.controllers", "memory pids"), ("cgroup.subtree_control", ""), ("cgroup.procs", "1\n")):
        (tmp_path / file).write_text(text)
    assert controllers2.look(str(tmp_path)).controllers == {"memory", "pids"}  # the real root may hold processes
    (tmp_path / "cgroup.type").write_text("domain\n")
    assert controllers2.look(str(tmp_path)) == (
        frozenset(),
        f"memory, pids cannot be used: processes are in {tmp_path} itself; move them to a group",
    )
    (tmp_path / "cgroup.subtree_control").write_text("pids\n")
    assert controllers2.look(str(tmp_path)).controllers == {"pids"}
    (tmp_path / "cgroup.procs").write_text("")
    assert controllers2.look(str(tmp_path)).controllers == {"memory", "pids"}


def test_a_controller_the_kernel_refuses_is_done_without_and_said(handle, monkeypatch):
    groups = handle()
    if not groups.controllers:
        pytest.skip("no controller at all")
    kind = type(groups._opened())
    taken = kind.write

    def refusing(tree, file, value):
        if file == "cgroup.subtree_control":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), file)
        taken(tree, file, value)

    # as long as another has not given them yet
    monkeypatch.setattr(controllers2, "USED", ())
    monkeypatch.setattr(kind, "write", refusing)
    monkeypatch.setattr(kind, "read", lambda tree, file, read=kind.read: "" if "subtree" in file else read(tree, file))
    before = groups.controllers
    refused = controllers2.give(groups._opened(), "", before)
    assert refused.keys() == before
    assert all(error.errno == errno.EBUSY for error in refused.values())


def test_the_setting_decides_and_is_checked(monkeypatch):
    if not read_mounts().version2:
        pytest.skip("not mounted")
    monkeypatch.setenv("DOCKERKIT_CGROUPS", "2")
    found = detect("dockerkit-setting")
    assert found.version == 2
    assert found.reason.startswith("version 2, as DOCKERKIT_CGROUPS says: ")
    monkeypatch.setenv("DOCKERKIT_CGROUPS", "3")
    with pytest.raises(OSError, match="DOCKERKIT_CGROUPS is 1, 2 or auto, not '3'"):
        detect("dockerkit-setting")
