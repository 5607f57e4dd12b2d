"""What a container sees of itself: environment, files, mounts, devices, identity, limits. The kernel's own words."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from tests.parity.engines import Box

DEFAULT_CAPS = "00000000a80425fb"
HOSTS = r"""127\.0\.0\.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0?	ip6-localnet
ff00::0?	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
"""


def mounts(box: Box, **config: Any) -> dict[str, tuple[set[str], str, set[str]]]:
    """Return mount point → (options, type, options of the file system) as the container's kernel lists them."""
    found = {}
    for line in box.run("cat", "/proc/self/mountinfo", **config).lines:
        left, _, right = line.partition(" - ")
        fields, (kind, _, super_options) = left.split(), right.split()[:3]
        found[fields[4]] = (set(fields[5].split(",")), kind, set(super_options.split(",")))
    return found


def status(box: Box, **config: Any) -> dict[str, str]:
    """Return /proc/self/status as a mapping."""
    pairs = (line.split(":", 1) for line in box.run("cat", "/proc/self/status", **config).lines)
    return {key: value.strip() for key, value in pairs}


def test_environment_of_a_plain_container(box: Box) -> None:
    ended = box.run("env")
    assert ended.lines == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"HOSTNAME={ended.id[:12]}",
        "HOME=/root",
    ]


def test_a_terminal_adds_term(box: Box) -> None:
    assert "TERM=xterm" in box.run("env", Tty=True).lines


def test_wished_variables_replace_and_a_bare_name_removes(box: Box) -> None:
    ended = box.run("/bin/env", Env=["A=1", "HOME=/x", "HOSTNAME=mine", "EMPTY=", "A=2", "PATH", "NOT_THERE"])
    found = dict(line.split("=", 1) for line in ended.lines)
    assert (found["A"], found["HOME"], found["HOSTNAME"], found["EMPTY"]) == ("2", "/x", "mine", "")
    assert "PATH" not in found
    assert sum(line.startswith("A=") for line in ended.lines) == 1


def test_hostname_is_the_short_id_unless_wished(box: Box) -> None:
    ended = box.sh("hostname; cat /etc/hostname; cat /proc/sys/kernel/domainname")
    assert ended.lines[:2] == [ended.id[:12]] * 2
    assert box.sh("hostname; cat /etc/hostname; cat /proc/sys/kernel/domainname", Hostname="h", Domainname="d").lines == [
        "h",
        "h",
        "d",
    ]


def test_hosts_file(box: Box) -> None:
    assert re.fullmatch(HOSTS, box.run("cat", "/etc/hosts").out)
    extra = box.run("cat", "/etc/hosts", host={"ExtraHosts": ["a:1.2.3.4"]}).out
    assert re.fullmatch(HOSTS + r"1\.2\.3\.4	a\n", extra)


def test_resolver_is_the_hosts(box: Box) -> None:
    with open("/etc/resolv.conf", encoding="utf-8") as host:
        servers = [line.split()[1] for line in host if line.startswith("nameserver")]
    inside = [line.split()[1] for line in box.run("cat", "/etc/resolv.conf").lines if line.startswith("nameserver")]
    if any(not server.startswith("127.") for server in servers):
        assert inside == [server for server in servers if not server.startswith("127.")]


def test_first_process_and_its_capabilities(box: Box) -> None:
    found = status(box)
    assert (found["Pid"], found["PPid"], found["Umask"]) == ("1", "0", "0022")
    assert [found[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [
        "0" * 16,
        DEFAULT_CAPS,
        DEFAULT_CAPS,
        DEFAULT_CAPS,
        "0" * 16,
    ]
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("0", "2")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({"CapDrop": ["ALL"]}, "0" * 16),
        ({"CapDrop": ["ALL"], "CapAdd": ["NET_ADMIN"]}, "0000000000001000"),
        ({"CapDrop": ["all"], "CapAdd": ["cap_net_admin"]}, "0000000000001000"),
        ({"CapAdd": ["SYS_TIME"]}, "00000000aa0425fb"),
        ({"CapDrop": ["NET_RAW"]}, "00000000a80405fb"),
    ],
)
def test_capabilities_as_wished(box: Box, host: dict[str, Any], expected: str) -> None:
    found = status(box, host=host)
    assert (found["CapBnd"], found["CapEff"], found["CapPrm"]) == (expected,) * 3


def test_security_options(box: Box) -> None:
    assert status(box, host={"SecurityOpt": ["no-new-privileges"]})["NoNewPrivs"] == "1"
    assert status(box, host={"SecurityOpt": ["seccomp=unconfined"]})["Seccomp"] == "0"


def test_seccomp_refuses_what_docker_refuses(box: Box) -> None:
    ended = box.sh("unshare -U true; echo $?; mount -t tmpfs x /tmp; echo $?; mkdir /q; chroot / true; echo $?")
    assert ended.lines == ["1", "1" if "1\n1" in ended.out else "255", "0"]
    assert "not permitted" in ended.err


@pytest.mark.parametrize(
    ("user", "groups", "words"),
    [
        ("", [], "0 0 {root}"),
        ("0", [], "0 0 {root}"),
        ("root", [], "0 0 {root}"),
        ("0:0", [], "0 0 0"),
        ("1234", [], "1234 0 0"),
        ("1234:77", [], "1234 77 77"),
        (":77", [], "0 77 77"),
        ("1234:77", ["88"], "1234 77 77 88"),
    ],
)
def test_who_runs(box: Box, user: str, groups: list[str], words: str) -> None:
    root = "0" + "".join(
        f" {line.split(':')[2]}" for line in box.run("cat", "/etc/group").lines if "root" in line.split(":")[3].split(",")
    )
    ended = box.sh("id -u; id -g; id -G", User=user, host={"GroupAdd": groups})
    assert " ".join(ended.lines) == words.format(root=root)


def test_a_user_by_name_gets_its_home_and_no_capabilities(box: Box) -> None:
    line = next(line for line in box.run("cat", "/etc/passwd").lines if line.startswith("nobody:"))
    _, _, uid, gid, _, home, _ = line.split(":")
    ended = box.sh("id -u; id -g; echo $HOME; grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status", User="nobody")
    assert ended.lines[:3] == [uid, gid, home]
    assert [line.split()[1] for line in ended.lines[3:]] == ["0" * 16, "0" * 16, DEFAULT_CAPS]


def test_a_number_without_entry_has_the_root_as_home(box: Box) -> None:
    assert box.sh("echo $HOME; pwd; touch /x 2>/dev/null || echo no", User="4321").lines == ["/", "/", "no"]


def test_mount_points_and_their_options(box: Box) -> None:
    found = mounts(box)
    relatime = {"relatime"}
    expected = {
        "/": ({"rw"}, "overlay"),
        "/proc": ({"rw", "nosuid", "nodev", "noexec"}, "proc"),
        "/dev": ({"rw", "nosuid"}, "tmpfs"),
        "/dev/pts": ({"rw", "nosuid", "noexec"}, "devpts"),
        "/dev/mqueue": ({"rw", "nosuid", "nodev", "noexec"}, "mqueue"),
        "/dev/shm": ({"rw", "nosuid", "nodev", "noexec"}, "tmpfs"),
        "/sys": ({"ro", "nosuid", "nodev", "noexec"}, "sysfs"),
        "/proc/bus": ({"ro", "nosuid", "nodev", "noexec"}, "proc"),
        "/proc/fs": ({"ro", "nosuid", "nodev", "noexec"}, "proc"),
        "/proc/irq": ({"ro", "nosuid", "nodev", "noexec"}, "proc"),
        "/proc/sys": ({"ro", "nosuid", "nodev", "noexec"}, "proc"),
    }
    assert {at: (found[at][0] - relatime, found[at][1]) for at in expected if at in found} == expected
    assert found["/dev/pts"][2] >= {"gid=5", "mode=620", "ptmxmode=666"}
    assert found["/dev"][2] >= {"size=65536k", "mode=755"}
    assert found["/dev/shm"][2] >= {"size=65536k"}
    for name in ("hosts", "hostname", "resolv.conf"):
        assert "rw" in found[f"/etc/{name}"][0]


def test_no_other_mount_is_visible(box: Box) -> None:
    masked = {
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
    }
    masked |= {"/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/proc/interrupts", "/sys/devices/virtual/powercap"}
    usual = {
        "/",
        "/proc",
        "/dev",
        "/dev/pts",
        "/dev/mqueue",
        "/dev/shm",
        "/sys",
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
    }
    usual |= {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
    rest = {at for at in mounts(box) if not at.startswith("/sys/fs/cgroup") and "thermal_throttle" not in at} - usual
    assert rest <= masked


def test_a_terminal_adds_the_console(box: Box) -> None:
    options, kind, _ = mounts(box, Tty=True)["/dev/console"]
    assert kind == "devpts"
    assert {"nosuid", "noexec"} <= options
    assert box.sh("tty; test -c /dev/console && echo console", Tty=True).lines == ["/dev/pts/0", "console"]


def test_control_groups_are_visible_and_read_only(box: Box) -> None:
    found = {at: rest for at, rest in mounts(box).items() if at.startswith("/sys/fs/cgroup/")}
    hierarchies = os.listdir("/sys/fs/cgroup") if os.path.isdir("/sys/fs/cgroup/memory") else []
    for name in {"memory", "pids", "cpu", "cpuset", "freezer", "devices"} & {*hierarchies}:
        options, kind, _ = found[f"/sys/fs/cgroup/{name}"]
        assert kind == "cgroup"
        assert {"ro", "nosuid", "nodev", "noexec"} <= options


def test_masked_paths_hide_the_host(box: Box) -> None:
    files = [path for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug") if os.path.exists(path)]
    folders = [path for path in ("/proc/acpi", "/proc/scsi", "/sys/firmware", "/proc/asound") if os.path.isdir(path)]
    for path in files:
        assert box.sh(f"wc -c <{path}; stat -c %t:%T {path}").lines == ["0", "1:3"], path
    for path in folders:
        ended = box.sh(f"ls -A {path} | wc -l; touch {path}/x")
        assert (ended.lines, ended.code) == (["0"], 1), path


def test_read_only_paths_refuse_writes(box: Box) -> None:
    ended = box.sh("echo 1 >/proc/sys/kernel/panic; echo $?; echo b >/proc/sysrq-trigger; echo $?; touch /sys/x; echo $?")
    assert ended.lines == ["1", "1", "1"]
    assert "Read-only file system" in ended.err


def test_devices(box: Box) -> None:
    plain = {
        "fd",
        "full",
        "mqueue",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "tty",
        "urandom",
        "zero",
    }
    assert set(box.run("ls", "-A", "/dev").lines) - {"core"} == plain
    ended = box.sh(
        "cd /dev; stat -c '%n %t:%T %a %u:%g' full null random tty urandom zero\n"
        "for l in fd stdin stdout stderr ptmx; do readlink $l; done"
    )
    numbers = {"full": "1:7", "null": "1:3", "random": "1:8", "tty": "5:0", "urandom": "1:9", "zero": "1:5"}
    assert ended.lines[:6] == [f"{name} {number} 666 0:0" for name, number in numbers.items()]
    assert ended.lines[6:10] == ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"]
    assert ended.lines[10] in ("pts/ptmx", "/dev/pts/ptmx")
    assert box.sh("stat -c %a /dev/shm /dev/mqueue").lines == ["1777", "1777"]


def test_forbidden_devices_cannot_be_opened(box: Box) -> None:
    ended = box.sh("mknod /d b 8 0 && cat /d; echo $?; mknod /k c 1 1 && cat /k; echo $?")
    assert ended.lines == ["1", "1"]
    assert ended.err.count("Operation not permitted") == 2


def test_files_docker_adds_to_the_root(box: Box) -> None:
    ended = box.sh("stat -c '%s' /.dockerenv; readlink /etc/mtab; stat -c '%a %u:%g' /etc/hosts /etc/hostname /etc/resolv.conf")
    assert ended.lines == ["0", "/proc/mounts", "644 0:0", "644 0:0", "644 0:0"]


def test_open_descriptors_are_three(box: Box) -> None:
    ended = box.sh("exec ls -l /proc/self/fd")
    assert [line.split()[-3] for line in ended.lines if "->" in line][:3] == ["0", "1", "2"]
    assert sum("->" in line for line in ended.lines) <= 3
    assert "/dev/null" in ended.lines[1]


def test_namespaces_are_not_the_hosts(box: Box) -> None:
    kinds = ("ipc", "mnt", "net", "pid", "uts")
    inside = box.sh("; ".join(f"readlink /proc/self/ns/{kind}" for kind in kinds)).lines
    assert all(inside[n] != os.readlink(f"/proc/self/ns/{kind}") for n, kind in enumerate(kinds))


def test_only_the_loopback_without_network(box: Box) -> None:
    ended = box.sh("ls /sys/class/net; ping -c 1 -W 1 127.0.0.1 >/dev/null && echo up")
    assert [line for line in ended.lines if not re.match(r"(ifb|dummy|sit|tunl|ip6tnl|gre|erspan|bonding)", line)] == [
        "lo",
        "up",
    ]


def test_limits_of_the_control_group(box: Box) -> None:
    if not os.path.isdir("/sys/fs/cgroup/memory"):
        pytest.skip("the files named here are of cgroup v1")
    host = {"Memory": 64 << 20, "NanoCpus": 500_000_000, "PidsLimit": 20, "CpuShares": 512, "CpusetCpus": "0"}
    files = "memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us"
    ended = box.sh(f"cd /sys/fs/cgroup; cat {files} pids/pids.max cpu/cpu.shares cpuset/cpuset.cpus", host=host)
    assert ended.lines == ["67108864", "134217728", "50000", "100000", "20", "512", "0"]


def test_a_fork_bomb_is_held_by_its_limit(box: Box) -> None:
    ended = box.sh("for i in 1 2 3 4 5 6 7 8 9; do sleep 100 & done; echo never", host={"PidsLimit": 5})
    assert ended.code != 0 or "never" not in ended.out
    assert "fork" in ended.err


def test_limits_of_the_process(box: Box) -> None:
    host = {"Ulimits": [{"Name": "nofile", "Soft": 99, "Hard": 100}, {"Name": "core", "Soft": 0, "Hard": 0}]}
    assert box.sh("ulimit -Sn; ulimit -Hn; ulimit -c", host=host).lines == ["99", "100", "0"]


def test_shared_memory_size(box: Box) -> None:
    assert mounts(box, host={"ShmSize": 1 << 20})["/dev/shm"][2] >= {"size=1024k"}


def test_a_read_only_root(box: Box) -> None:
    ended = box.sh("touch /x; echo $?; touch /dev/shm/x; echo $?; touch /etc/hosts; echo $?", host={"ReadonlyRootfs": True})
    assert ended.lines == ["1", "0", "1"]
    assert "Read-only file system" in ended.err


def test_tmpfs(box: Box) -> None:
    found = mounts(box, host={"Tmpfs": {"/t": "", "/u": "size=1m,mode=700,exec"}})
    assert found["/t"][0] - {"relatime"} == {"rw", "nosuid", "nodev", "noexec"}
    assert found["/u"][0] - {"relatime"} == {"rw", "nosuid", "nodev"}
    assert found["/u"][2] >= {"size=1024k", "mode=700"}


def test_a_bind_shows_the_hosts_files(box: Box, tmp_path: Any) -> None:
    (tmp_path / "f").write_text("from the host\n")
    ended = box.sh("cat /w/f; echo new >/w/g; echo x >/r/f; echo $?", host={"Binds": [f"{tmp_path}:/w", f"{tmp_path}:/r:ro"]})
    assert ended.lines == ["from the host", "1"]
    assert (tmp_path / "g").read_text() == "new\n"
    assert (tmp_path / "f").read_text() == "from the host\n"


def test_a_bind_makes_a_missing_source_and_its_target(box: Box, tmp_path: Any) -> None:
    ended = box.sh("test -d /deep/in/side && echo there", host={"Binds": [f"{tmp_path}/made/here:/deep/in/side"]})
    assert ended.lines == ["there"]
    assert (tmp_path / "made/here").is_dir()


def test_mounts_are_told(box: Box, tmp_path: Any) -> None:
    id = box.create("true", host={"Binds": [f"{tmp_path}:/w:ro"]})
    (mount,) = box.inspect(id)["Mounts"]
    assert (mount["Type"], mount["Source"], mount["Destination"], mount["RW"]) == ("bind", str(tmp_path), "/w", False)


def test_signals_have_their_default_meaning(box: Box) -> None:
    found = status(box)
    glibcs_own = 0b11 << 31  # 32 and 33 reach the reference's containers ignored when whoever started it ignored them
    assert int(found["SigIgn"], 16) & ~(0 if box.engine.ours else glibcs_own) == 0
    assert int(found["SigBlk"], 16) == 0


def test_files_written_are_seen_by_the_next_run(box: Box) -> None:
    id = box.sh("cat /kept 2>/dev/null; echo kept >>/kept").id
    box.start(id)
    box.wait(id)
    assert box.lines(id, stdout=1) == [b"kept\n"]


def test_the_processes_of_another_are_seen_and_outlive_who_looked(box: Box) -> None:
    host = {"NetworkMode": "none"}
    other = box.up("sleep", "1000", host=host, name="dkp-seen")
    seen = box.run("sh", "-c", "ps; sleep 500 & exit 3", host={**host, "PidMode": "container:dkp-seen"})
    assert any(line.split()[0] == "1" and line.endswith("sleep 1000") for line in seen.lines)
    assert seen.code == 3
    titles_and_rows = box.api.get(f"/containers/{other}/top").json
    assert [row[-1] for row in titles_and_rows["Processes"]] == ["sleep 1000"]
    later = box.create("true", host={**host, "PidMode": f"container:{other[:12]}"})
    box.did(other, "kill")
    box.wait(other)
    answer = box.post(later, "start")
    assert answer.status in (409, 500)
    assert answer.message.endswith(f"container {other} is not running")
