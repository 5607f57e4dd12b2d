"""Docker's options become the OCI runtime spec Docker would write."""

import json
import pathlib

import jsonschema
import pytest
import referencing
from hypothesis import given, settings
from hypothesis import strategies as st

from dockerkit.daemon.runtime.spec import MASKED_PATHS, READONLY_PATHS, BindMount, Host, device_policy, runtime_spec
from dockerkit.errors import Failed
from dockerkit.schema.container import ContainerConfig, DeviceMapping, HostConfig, Mount, Ulimit

SCHEMAS = pathlib.Path(__file__).parents[4] / "shared/specs/oci-runtime"


def mount_at(spec, destination):
    return next((entry for entry in spec["mounts"] if entry["destination"] == destination), None)


def test_the_default_is_docker_s(spec_of):
    spec = spec_of()
    assert spec["process"]["args"] == ["echo", "hi"]
    assert spec["process"]["cwd"] == "/"
    assert len(spec["process"]["capabilities"]["bounding"]) == 14
    assert spec["process"]["capabilities"]["inheritable"] == spec["process"]["capabilities"]["ambient"] == []
    assert spec["process"]["noNewPrivileges"] is False
    assert [entry["type"] for entry in spec["linux"]["namespaces"]] == ["mount", "pid", "uts", "ipc", "network", "cgroup"]
    assert [entry["destination"] for entry in spec["mounts"]] == [
        "/proc",
        "/dev",
        "/dev/pts",
        "/sys",
        "/sys/fs/cgroup",
        "/dev/mqueue",
        "/dev/shm",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/resolv.conf",
    ]
    assert spec["linux"]["maskedPaths"] == [*MASKED_PATHS, "/sys/devices/system/cpu/cpu0/thermal_throttle"]
    assert spec["linux"]["readonlyPaths"] == list(READONLY_PATHS)
    assert "seccomp" not in spec["linux"]


def test_shm_has_docker_s_size_or_the_one_asked_for(spec_of):
    assert "size=67108864" in mount_at(spec_of(), "/dev/shm")["options"]
    assert "size=1000" in mount_at(spec_of(shm_size=1000), "/dev/shm")["options"]


def test_privileged_opens_everything(spec_of, host):
    spec = spec_of(privileged=True)
    assert spec["process"]["capabilities"]["bounding"] == list(host.capabilities)
    assert spec["linux"]["maskedPaths"] == spec["linux"]["readonlyPaths"] == []
    assert "ro" not in mount_at(spec, "/sys")["options"]
    assert spec["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert [node["path"] for node in spec["linux"]["devices"]] == ["/dev/null", "/dev/vda"]


@pytest.mark.parametrize(
    ("kind", "wish"),
    [
        ("pid", {"pid_mode": "host"}),
        ("uts", {"uts_mode": "host"}),
        ("ipc", {"ipc_mode": "host"}),
        ("network", {"network_mode": "host"}),
        ("cgroup", {"cgroupns_mode": "host"}),
    ],
)
def test_a_host_namespace_is_left_out(spec_of, kind, wish):
    assert kind not in [entry["type"] for entry in spec_of(**wish)["linux"]["namespaces"]]


def test_another_container_s_namespace_is_joined_by_path(spec_of):
    spec = spec_of(network_mode="container:x", joined={"network": "/proc/7/ns/net"})
    assert {"type": "network", "path": "/proc/7/ns/net"} in spec["linux"]["namespaces"]
    assert spec["linux"]["sysctl"] == {}


def test_a_namespace_that_cannot_be_joined_is_never_quietly_a_new_one(spec_of):
    with pytest.raises(Failed, match="cannot join the pid namespace of x"):
        spec_of(pid_mode="container:x")


def test_names_of_the_host_are_not_touched_when_its_uts_namespace_is_shared(spec_of):
    assert spec_of(ContainerConfig(domainname="example.org"))["domainname"] == "example.org"
    assert not {"hostname", "domainname"} & set(spec_of(uts_mode="host"))


def test_the_host_s_shared_memory_is_bound_with_its_ipc_namespace(spec_of):
    assert mount_at(spec_of(ipc_mode="host"), "/dev/shm")["source"] == "/dev/shm"
    assert (
        mount_at(spec_of(ipc_mode="container:x", joined={"ipc": "/proc/7/ns/ipc", "shm": "/proc/7/root/dev/shm"}), "/dev/shm")[
            "source"
        ]
        == "/proc/7/root/dev/shm"
    )
    assert mount_at(spec_of(ipc_mode="none"), "/dev/shm") is None


def test_a_user_s_mount_replaces_docker_s_and_everything_below_dev(spec_of):
    spec = spec_of(binds_=[BindMount("/x", "/dev"), BindMount("/my", "/etc/hosts")])
    assert [entry["destination"] for entry in spec["mounts"] if entry["destination"].startswith("/dev")] == ["/dev"]
    assert mount_at(spec, "/etc/hosts")["source"] == "/my"


def test_outer_mounts_come_before_inner_ones(spec_of):
    spec = spec_of(
        binds_=[BindMount("/a", "/data/deep/er"), BindMount("/b", "/data"), BindMount("/c", "/data/deep/")],
        tmpfs={"/data/deep/er/x": ""},
    )
    ours = [entry["destination"] for entry in spec["mounts"] if entry["destination"].startswith("/data")]
    assert ours == ["/data", "/data/deep", "/data/deep/er", "/data/deep/er/x"]


def test_a_read_only_bind_is_read_only_all_the_way_down(spec_of, host):
    options = mount_at(spec_of(binds_=[BindMount("/a", "/a", read_only=True)]), "/a")["options"]
    assert options == ["rbind", "rprivate", "rro"]
    old = Host(kernel=(5, 4), limits=host.limits)
    assert mount_at(spec_of(on=old, binds_=[BindMount("/a", "/a", read_only=True)]), "/a")["options"][-1] == "ro"
    flat = BindMount("/a", "/a", read_only=True, recursive=False, propagation="rslave")
    assert mount_at(spec_of(binds_=[flat]), "/a")["options"] == ["bind", "rslave", "ro"]


def test_a_read_only_root_keeps_dev_and_proc_writable(spec_of):
    spec = spec_of(readonly_rootfs=True)
    assert spec["root"]["readonly"] is True
    assert "ro" in mount_at(spec, "/etc/hosts")["options"]
    assert not [
        m["destination"] for m in spec["mounts"] if m["destination"] in ("/proc", "/dev", "/dev/shm") and "ro" in m["options"]
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {"noexec", "nosuid", "nodev", "rprivate"}),
        ("exec,size=64m", {"exec", "nosuid", "nodev", "rprivate", "size=64m"}),
        ("ro,rw,mode=1777", {"noexec", "nosuid", "nodev", "rprivate", "rw", "mode=1777"}),
        ("size=1m,size=2m", {"noexec", "nosuid", "nodev", "rprivate", "size=2m"}),
    ],
)
def test_tmpfs_options_overrule_the_defaults_and_each_other(spec_of, options, expected):
    assert set(mount_at(spec_of(tmpfs={"/t": options}), "/t")["options"]) == expected


def test_the_long_form_of_tmpfs_has_size_and_mode(spec_of):
    mount = Mount(type="tmpfs", target="/t", read_only=True, tmpfs_options={"SizeBytes": 3 << 20, "Mode": 0o700})
    assert {"ro", "size=3m", "mode=700"} <= set(mount_at(spec_of(mounts=[mount]), "/t")["options"])


@pytest.mark.parametrize(
    ("wishes", "there", "absent"),
    [
        ({"cap_add": ["sys_admin"]}, {"CAP_SYS_ADMIN", "CAP_CHOWN"}, {"CAP_SYS_TIME"}),
        ({"cap_drop": ["CAP_CHOWN"]}, {"CAP_KILL"}, {"CAP_CHOWN"}),
        ({"cap_drop": ["all"], "cap_add": ["CAP_Kill"]}, {"CAP_KILL"}, {"CAP_CHOWN"}),
        ({"cap_add": ["ALL"], "cap_drop": ["SYS_ADMIN"]}, {"CAP_SYS_TIME"}, {"CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"}),
    ],
)
def test_capabilities_are_added_and_dropped(spec_of, wishes, there, absent):
    bounding = set(spec_of(**wishes)["process"]["capabilities"]["bounding"])
    assert there <= bounding
    assert not absent & bounding


def test_dropping_all_leaves_none(spec_of):
    assert spec_of(cap_drop=["ALL"])["process"]["capabilities"]["bounding"] == []


def test_limits_are_docker_s(spec_of):
    spec = spec_of(
        memory=100 << 20, nano_cpus=1_500_000_000, cpu_shares=1, cpuset_cpus="0-1", pids_limit=50, oom_kill_disable=True
    )
    resources = spec["linux"]["resources"]
    assert resources["memory"] == {"limit": 100 << 20, "swap": 200 << 20, "disableOOMKiller": True}
    assert resources["cpu"] == {"shares": 2, "period": 100000, "quota": 150000, "cpus": "0-1"}
    assert resources["pids"] == {"limit": 50}
    assert spec_of(memory=100 << 20, memory_swap=-1)["linux"]["resources"]["memory"]["swap"] == -1
    assert spec_of(pids_limit=0)["linux"]["resources"]["pids"] == {"limit": -1}


def test_limits_the_host_cannot_keep_are_left_out(spec_of):
    bare = Host(limits=frozenset())
    resources = spec_of(on=bare, memory=100 << 20, nano_cpus=10, pids_limit=5, cpuset_cpus="0", blkio_weight=100)["linux"][
        "resources"
    ]
    assert set(resources) == {"devices"}


def test_a_device_can_be_used_under_another_name(spec_of):
    device = DeviceMapping(path_on_host="/dev/fuse", path_in_container="/dev/other", cgroup_permissions="r")
    linux = spec_of(devices=[device])["linux"]
    assert linux["devices"] == [
        {"path": "/dev/other", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666, "uid": 0, "gid": 0}
    ]
    assert linux["resources"]["devices"][-1] == {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "r"}


def test_a_folder_of_devices_is_moved_as_a_whole(spec_of):
    nodes = spec_of(devices=[DeviceMapping(path_on_host="/dev/snd", path_in_container="/dev/sound")])["linux"]["devices"]
    assert [node["path"] for node in nodes] == ["/dev/sound/seq", "/dev/sound/timer"]


def test_a_missing_device_is_refused_in_docker_s_words(spec_of):
    with pytest.raises(Failed) as refused:
        spec_of(devices=[DeviceMapping(path_on_host="/dev/nope")])
    expected = 'error gathering device information while adding custom device "/dev/nope": no such file or directory'
    assert refused.value.message == expected


def test_device_rules_are_read(spec_of):
    rules = spec_of(device_cgroup_rules=["c 42:* rmw", "b 8:1 r", "a *:* rwm"])["linux"]["resources"]["devices"]
    assert rules[-3:] == [
        {"allow": True, "type": "c", "major": 42, "minor": -1, "access": "rmw"},
        {"allow": True, "type": "b", "major": 8, "minor": 1, "access": "r"},
        {"allow": True, "type": "a", "major": -1, "minor": -1, "access": "rwm"},
    ]


def test_wishes_for_devices_open_the_cgroup_s_policy():
    assert device_policy(HostConfig()) == "confined"
    assert device_policy(HostConfig(device_cgroup_rules=["c 1:1 r"])) == "open"
    assert device_policy(HostConfig(privileged=True)) == "open"


def test_unlimited_is_written_as_the_kernel_means_it(spec_of):
    spec = spec_of(ulimits=[Ulimit(name="nofile", soft=10, hard=20), Ulimit(name="core", soft=-1, hard=-1)])
    assert spec["process"]["rlimits"] == [
        {"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20},
        {"type": "RLIMIT_CORE", "soft": (1 << 64) - 1, "hard": (1 << 64) - 1},
    ]


def test_a_terminal_has_the_size_of_the_caller_s(spec_of):
    assert spec_of(ContainerConfig(tty=True), console_size=[24, 80])["process"]["consoleSize"] == {"height": 24, "width": 80}
    assert "consoleSize" not in spec_of(ContainerConfig(tty=True))["process"]


def test_security_options_reach_the_spec(spec_of):
    assert spec_of(security_opt=["no-new-privileges"])["process"]["noNewPrivileges"] is True
    assert spec_of(security_opt=["no-new-privileges=false"])["process"]["noNewPrivileges"] is False
    assert spec_of(security_opt=["systempaths=unconfined"])["linux"]["maskedPaths"] == []
    assert spec_of(masked_paths=[], readonly_paths=["/proc/sys"])["linux"]["readonlyPaths"] == ["/proc/sys"]
    assert "ro" not in mount_at(spec_of(security_opt=["writable-cgroups=true"]), "/sys/fs/cgroup")["options"]


def test_a_user_s_sysctl_wins_over_docker_s(spec_of):
    assert spec_of(sysctls={"net.ipv4.ip_unprivileged_port_start": "1024"})["linux"]["sysctl"] == {
        "net.ipv4.ping_group_range": "0 2147483647",
        "net.ipv4.ip_unprivileged_port_start": "1024",
    }


@pytest.fixture(scope="module")
def oci():
    if not SCHEMAS.is_dir():
        pytest.skip("the OCI runtime schema is not beside the project")
    documents = {path.name: json.loads(path.read_bytes()) for path in SCHEMAS.glob("*.json")}
    resources = [
        (name, referencing.Resource.from_contents(d, default_specification=referencing.jsonschema.DRAFT4))
        for name, d in documents.items()
    ]
    registry = referencing.Registry().with_resources(resources)
    return jsonschema.Draft4Validator(documents["config-schema.json"], registry=registry)


def test_the_default_spec_is_valid(oci, spec_of):
    oci.validate(spec_of())


words = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
paths = st.lists(st.sampled_from(["a", "b", "dev", "shm", "etc", "hosts"]), min_size=1, max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "memory": st.integers(6 << 20, 1 << 40),
        "memory_swap": st.sampled_from([-1, 0, 1 << 41]),
        "memory_swappiness": st.integers(-1, 100),
        "nano_cpus": st.integers(0, 4 * 10**9),
        "cpu_shares": st.integers(0, 300000),
        "pids_limit": st.one_of(st.none(), st.integers(-1, 1000)),
        "privileged": st.booleans(),
        "readonly_rootfs": st.booleans(),
        "tmpfs": st.dictionaries(paths, st.sampled_from(["", "rw", "size=1m,exec"]), max_size=2),
        "annotations": st.dictionaries(words.filter(bool), words, max_size=2),
        "ipc_mode": st.sampled_from(["", "none", "host", "shareable"]),
        "pid_mode": st.sampled_from(["", "host"]),
        "cap_add": st.lists(st.sampled_from(["ALL", "SYS_ADMIN", "bpf"]), max_size=2),
        "ulimits": st.lists(st.builds(Ulimit, name=st.just("nofile"), soft=st.just(1), hard=st.integers(-1, 9)), max_size=1),
    },
)


@settings(max_examples=80, deadline=None)
@given(wish=wishes, binds=st.lists(st.builds(BindMount, source=paths, target=paths, read_only=st.booleans()), max_size=3))
def test_whatever_is_wished_the_spec_is_valid_and_mounts_each_place_once(oci, wish, binds):
    devices = {"devices_at": lambda path: []}
    spec = runtime_spec(
        id="a",
        hostname="h",
        config=ContainerConfig(),
        host_config=HostConfig(**wish),
        arguments=["x"],
        environment=[],
        directory="/d",
        cgroup="c",
        binds=binds,
        host=Host(**devices),
    )
    oci.validate(spec)
    destinations = [entry["destination"] for entry in spec["mounts"]]
    assert len(destinations) == len(set(destinations))
