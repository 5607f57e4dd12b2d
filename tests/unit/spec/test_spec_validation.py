"""What Docker refuses is refused in Docker's words; what a host cannot limit is warned about in Docker's words."""

import json

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from dockerkit.daemon.kernel.cgroups.limits import FEATURES
from dockerkit.daemon.runtime.spec import Host, discarded, seccomp_document, seccomp_program, validate
from dockerkit.daemon.runtime.spec.discarding import LACKS
from dockerkit.errors import Invalid, Unsupported
from dockerkit.schema.container import ContainerConfig, DeviceMapping, HealthConfig, HostConfig, Mount, Ulimit

MIB = 1 << 20
MEMORY = [
    ({"memory": 6 * MIB - 1}, "Minimum memory limit allowed is 6MB"),
    ({"memory": -1}, "Minimum memory limit allowed is 6MB"),
    ({"memory": 20 * MIB, "memory_swap": 10 * MIB}, "Minimum memoryswap limit should be larger than memory limit, see usage"),
    ({"memory_swap": 10 * MIB}, "You should always set the Memory limit when using Memoryswap limit, see usage"),
    ({"memory_swappiness": 101}, "Invalid value: 101, valid memory swappiness range is 0-100"),
    ({"memory_reservation": 1}, "Minimum memory reservation allowed is 6MB"),
    (
        {"memory": 10 * MIB, "memory_reservation": 20 * MIB},
        "Minimum memory limit can not be less than memory reservation limit, see usage",
    ),
    ({"shm_size": -1}, "SHM size can not be less than 0"),
    ({"oom_score_adj": 1001}, "Invalid value 1001, range for oom score adj is [-1000, 1000]"),
]
PROCESSORS = [
    ({"nano_cpus": 4_000_000_001}, "range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available"),
    ({"nano_cpus": -1}, "range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available"),
    ({"nano_cpus": 1, "cpu_period": 1000}, "Conflicting options: Nano CPUs and CPU Period cannot both be set"),
    ({"nano_cpus": 1, "cpu_quota": 1000}, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
    ({"cpu_period": 999}, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"),
    ({"cpu_quota": 999}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
    ({"cpu_shares": -1}, "shares: invalid argument"),
    ({"cpuset_cpus": "0-4"}, "Requested CPUs are not available - requested 0-4, available: 0-3"),
    ({"cpuset_mems": "1"}, "Requested memory nodes are not available - requested 1, available: 0"),
    ({"cpuset_cpus": "x"}, "Invalid value x for cpuset cpus"),
    ({"cpuset_cpus": "3-1"}, "Invalid value 3-1 for cpuset cpus"),
    ({"blkio_weight": 9}, "Range of blkio weight is from 10 to 1000"),
]
NAMESPACES = [
    ({"pid_mode": "nope"}, "invalid PID mode: nope"),
    ({"ipc_mode": "container:"}, "invalid IPC mode: container:"),
    ({"uts_mode": "private"}, "invalid UTS mode: private"),
    ({"cgroupns_mode": "x"}, "invalid cgroup namespace mode: x"),
    ({"network_mode": "container:"}, "Invalid network mode: invalid container format container:<name|id>"),
    ({"isolation": "hyperv"}, "invalid isolation 'hyperv' - linux only supports 'default'"),
]
SECURITY = [
    ({"cap_add": ["nope"]}, 'invalid CapAdd: unknown capability: "CAP_NOPE"'),
    ({"cap_drop": ["CAP_X"]}, 'invalid CapDrop: unknown capability: "CAP_X"'),
    (
        {"cap_add": ["SYS_RESOURCE"]},
        "invalid CapAdd: capability not supported by your kernel or not available in the current environment: "
        '"CAP_SYS_RESOURCE"',
    ),
    ({"security_opt": ["nonsense"]}, 'invalid --security-opt 1: "nonsense"'),
    ({"security_opt": ["what=ever"]}, 'invalid --security-opt 2: "what=ever"'),
    ({"security_opt": ["no-new-privileges=maybe"]}, 'invalid --security-opt 2: "no-new-privileges=maybe"'),
    (
        {"security_opt": ["seccomp={"]},
        "decoding seccomp profile failed: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    ({"security_opt": ["seccomp=[]"]}, "decoding seccomp profile failed: it is not a JSON object"),
    ({"security_opt": ['seccomp={"defaultAction": "NO"}']}, "invalid seccomp profile: unknown seccomp action: NO"),
    ({"sysctls": {"kernel.panic": "1"}}, 'sysctl "kernel.panic" is not in a separate kernel namespace'),
    (
        {"sysctls": {"net.core.somaxconn": "1"}, "network_mode": "host"},
        'sysctl "net.core.somaxconn" not allowed in host network namespace',
    ),
    (
        {"sysctls": {"kernel.shmmax": "1"}, "ipc_mode": "host"},
        'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace',
    ),
    (
        {"sysctls": {"kernel.hostname": "x"}},
        'sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
    ),
    ({"ulimits": [Ulimit(name="as", soft=1, hard=1)]}, "invalid ulimit type: as"),
    ({"ulimits": [Ulimit(name="core", soft=2, hard=1)]}, "ulimit soft limit must be less than or equal to hard limit: 2 > 1"),
    (
        {"ulimits": [Ulimit(name="core", soft=-1, hard=1)]},
        "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 1",
    ),
    ({"device_cgroup_rules": ["c 1:1"]}, "invalid device cgroup rule format: 'c 1:1'"),
    ({"device_cgroup_rules": ["c 4096:1 r"]}, "invalid major value in device cgroup rule format: 'c 4096:1 r'"),
    ({"devices": [DeviceMapping(path_on_host="/dev/x", cgroup_permissions="rx")]}, "invalid device mode: rx"),
    ({"devices": [DeviceMapping(path_on_host="x")]}, "invalid device: path must be absolute: 'x'"),
    ({"tmpfs": {"/": ""}}, "invalid specification: destination can't be '/'"),
    ({"tmpfs": {"x": ""}}, "invalid mount path: 'x' mount path must be absolute"),
    ({"tmpfs": {"/x": "nope"}}, 'invalid tmpfs option "nope"'),
    ({"mounts": [Mount(type="tmpfs", target="rel")]}, "invalid mount path: 'rel' mount path must be absolute"),
]


@pytest.mark.parametrize(("wishes", "words"), [*MEMORY, *PROCESSORS, *NAMESPACES, *SECURITY])
def test_a_wrong_wish_is_refused_in_docker_s_words(host, wishes, words):
    with pytest.raises(Invalid) as refused:
        validate(ContainerConfig(), HostConfig(**wishes), host)
    assert refused.value.message == words


@pytest.mark.parametrize(
    ("config", "wishes", "words"),
    [
        ({"working_dir": "rel"}, {}, "the working directory 'rel' is invalid, it needs to be an absolute path"),
        ({"stop_signal": "NOPE"}, {}, "invalid signal: NOPE"),
        ({"env": ["A=1", "=x"]}, {}, "invalid environment variable: =x"),
        ({"healthcheck": HealthConfig(interval=5)}, {}, "Interval in Healthcheck cannot be less than 1ms"),
        ({"healthcheck": HealthConfig(retries=-1)}, {}, "Retries in Healthcheck cannot be negative"),
        ({"hostname": "h"}, {"network_mode": "container:x"}, "conflicting options: hostname and the network mode"),
        ({"hostname": "h"}, {"uts_mode": "host"}, "conflicting options: hostname and the UTS mode"),
        ({"domainname": "h"}, {"uts_mode": "host"}, "conflicting options: domainname and the UTS mode"),
        ({"mac_address": "0:1"}, {"network_mode": "host"}, "conflicting options: mac-address and the network mode"),
        (
            {"exposed_ports": {"80/tcp": {}}},
            {"network_mode": "container:x"},
            "conflicting options: port exposing and the container type network mode",
        ),
        ({}, {"network_mode": "container:x", "dns": ["1.1.1.1"]}, "conflicting options: dns and the network mode"),
    ],
)
def test_wishes_that_exclude_each_other_are_refused_in_docker_s_words(host, config, wishes, words):
    with pytest.raises(Invalid) as refused:
        validate(ContainerConfig(**config), HostConfig(**wishes), host)
    assert refused.value.message == words


def test_ordinary_wishes_pass_without_a_warning(host):
    wishes = HostConfig(memory=6 * MIB, nano_cpus=10_000_000, cpuset_cpus="0,2-3", pids_limit=-1, memory_swappiness=-1)
    assert validate(ContainerConfig(env=["A", "B=", "C=="], mac_address=UNSET), wishes, host) == []


def test_what_the_host_cannot_limit_is_said_in_docker_s_words():
    wishes = HostConfig(memory=10 * MIB, memory_swappiness=0, pids_limit=5, cpu_shares=10, blkio_weight=100)
    changes, warnings = discarded(wishes, Host(limits=frozenset()))
    assert warnings == [
        "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.",
        "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. "
        "Memory swappiness discarded.",
        "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.",
        "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.",
        "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
    ]
    numbers = {"memory": 0, "memory_swap": -1, "cpu_shares": 0, "blkio_weight": 0}
    assert changes == numbers | {"memory_swappiness": None, "pids_limit": None}


def test_a_limit_without_swap_is_said_where_only_swap_is_not_counted():
    changes, warnings = discarded(HostConfig(memory=10 * MIB), Host(limits=frozenset({"memory.limit"})))
    assert changes == {"memory_swap": -1}
    assert warnings == [
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    ]


def test_every_limit_a_host_may_lack_is_discarded_under_a_name_there_is(host):
    assert {lack.feature for lack in LACKS} <= set(FEATURES)
    assert discarded(HostConfig(), Host(limits=frozenset())) == ({}, [])
    for lack in LACKS:
        assert not lack.asked(replace(HostConfig(), **lack.left))


def test_a_part_of_a_processor_is_refused_where_the_kernel_cannot_share_them():
    with pytest.raises(Invalid, match="NanoCPUs can not be set"):
        validate(ContainerConfig(), HostConfig(nano_cpus=1), Host(limits=frozenset()))


def test_disabling_the_oom_killer_without_a_limit_is_warned_about(host):
    assert "OOM killer is disabled for the container" in validate(ContainerConfig(), HostConfig(oom_kill_disable=True), host)[0]


@pytest.mark.parametrize("option", ["apparmor=my-profile", "label=type:container_t"])
def test_confinement_that_cannot_be_applied_is_refused_not_ignored(host, option):
    with pytest.raises(Unsupported, match="cannot be applied by this engine"):
        validate(ContainerConfig(), HostConfig(security_opt=[option]), host)
    for harmless in ("apparmor=unconfined", "label=disable", "label:disable", "apparmor=docker-default"):
        assert validate(ContainerConfig(), HostConfig(security_opt=[harmless]), host) == []


CUSTOM = 'seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'


@pytest.mark.parametrize(
    ("wishes", "default_action"),
    [
        ({}, "SCMP_ACT_ERRNO"),
        ({"security_opt": ["seccomp=unconfined"]}, None),
        ({"security_opt": ["seccomp:unconfined"]}, None),
        ({"privileged": True}, None),
        ({"privileged": True, "security_opt": [CUSTOM]}, "SCMP_ACT_ALLOW"),
        ({"security_opt": [CUSTOM]}, "SCMP_ACT_ALLOW"),
    ],
)
def test_seccomp_is_docker_s_the_user_s_or_none(host, tmp_path, wishes, default_action):
    document = seccomp_document(HostConfig(**wishes), ["CAP_KILL"], host)
    assert (document and document["defaultAction"]) == default_action
    spec = {"process": {"capabilities": {"bounding": ["CAP_KILL"]}}}
    program = seccomp_program(spec, HostConfig(**wishes), str(tmp_path), "x86_64")
    assert (program is None) == (default_action is None)


@pytest.mark.parametrize("syscalls", [[{"action": "SCMP_ACT_ALLOW", "names": 5}], "x", [1], [{"names": ["read"], "args": [5]}]])
def test_a_profile_of_the_wrong_shape_is_refused(host, syscalls):
    profile = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": syscalls})
    with pytest.raises(Invalid, match="seccomp profile"):
        validate(ContainerConfig(), HostConfig(security_opt=[f"seccomp={profile}"]), host)
