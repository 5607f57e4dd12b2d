"""GET /containers/{id}/json: the record before, during and after a life, and what the engine fills in."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from tests.parity.engines import NEVER, Box

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"

MASKED = {
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
}
"""28 masks more: /proc/interrupts, /sys/devices/virtual/powercap."""
READONLY = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

HOST_DEFAULTS: dict[str, Any] = {
    "Binds": None,
    "ContainerIDFile": "",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "AutoRemove": False,
    "VolumeDriver": "",
    "VolumesFrom": None,
    "CapAdd": None,
    "CapDrop": None,
    "ExtraHosts": None,
    "GroupAdd": None,
    "IpcMode": "private",
    "Cgroup": "",
    "Links": None,
    "OomScoreAdj": 0,
    "PidMode": "",
    "Privileged": False,
    "PublishAllPorts": False,
    "ReadonlyRootfs": False,
    "SecurityOpt": None,
    "UTSMode": "",
    "UsernsMode": "",
    "ShmSize": 67108864,
    "ConsoleSize": [0, 0],
    "Isolation": "",
    "CpuShares": 0,
    "Memory": 0,
    "NanoCpus": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "CpuPeriod": 0,
    "CpuQuota": 0,
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "CpusetCpus": "",
    "CpusetMems": "",
    "DeviceCgroupRules": None,
    "DeviceRequests": None,
    "MemoryReservation": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "PidsLimit": None,
}
EMPTY_OR_NULL = (
    "PortBindings Dns DnsOptions DnsSearch BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps"
)
EMPTY_OR_NULL += " BlkioDeviceWriteIOps Devices Ulimits"


@pytest.fixture
def created(box: Box) -> dict[str, Any]:
    """The document of a plain container, as ``docker create busybox`` makes it."""
    answer = box.api.post("/containers/create", {"Image": "busybox"})
    assert answer.status == 201
    document = box.inspect(answer.json["Id"])
    box.remove(document["Id"])
    return document


def test_a_created_container_has_no_past(created: dict[str, Any]) -> None:
    assert re.fullmatch(TIME, created["Created"])
    state = created["State"]
    assert {
        k: state[k] for k in ("Status", "Running", "Paused", "Restarting", "OOMKilled", "Dead", "Pid", "ExitCode", "Error")
    } == {
        "Status": "created",
        "Running": False,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "Pid": 0,
        "ExitCode": 0,
        "Error": "",
    }
    assert (state["StartedAt"], state["FinishedAt"]) == (NEVER, NEVER)


def test_the_record_has_all_keys_clients_read(created: dict[str, Any]) -> None:
    keys = "Id Created Path Args State Image ResolvConfPath HostnamePath HostsPath LogPath Name RestartCount Driver Platform"
    keys += " MountLabel ProcessLabel AppArmorProfile ExecIDs HostConfig GraphDriver Mounts Config NetworkSettings"
    assert set(keys.split()) - set(created) == set()
    assert created["Name"].startswith("/")
    assert re.fullmatch("sha256:[0-9a-f]{64}", created["Image"])
    assert (created["Platform"], created["RestartCount"], created["ExecIDs"], created["Mounts"]) == ("linux", 0, None, [])
    assert created["GraphDriver"]["Name"] == created["Driver"]


def test_host_config_defaults_are_filled_in(created: dict[str, Any]) -> None:
    host = created["HostConfig"]
    assert {key: host.get(key, "absent") for key in HOST_DEFAULTS} == HOST_DEFAULTS
    assert {key: host[key] for key in EMPTY_OR_NULL.split() if host[key]} == {}
    assert host["NetworkMode"] in ("default", "bridge")  # 28 stores "bridge"
    assert host["RestartPolicy"]["MaximumRetryCount"] == 0
    assert host["RestartPolicy"]["Name"] in ("", "no")
    assert host["CgroupnsMode"] in ("host", "private")
    assert not host["OomKillDisable"]


def test_masked_and_read_only_paths_are_told(created: dict[str, Any]) -> None:
    host = created["HostConfig"]
    assert set(host["MaskedPaths"]) >= MASKED
    assert set(host["ReadonlyPaths"]) == READONLY


def test_config_is_merged_with_the_image(created: dict[str, Any]) -> None:
    config = created["Config"]
    assert config["Hostname"] == created["Id"][:12]
    assert config["Image"] == "busybox"
    assert config["Cmd"] == ["sh"]
    assert any(variable.startswith("PATH=/usr/local/sbin:") for variable in config["Env"])
    assert not config["Entrypoint"]
    assert (config["User"], config["WorkingDir"], config["Domainname"], config["Tty"], config["OpenStdin"]) == (
        "",
        "",
        "",
        False,
        False,
    )
    assert isinstance(config["Labels"], dict)
    assert (created["Path"], created["Args"]) == ("sh", [])


def test_what_was_wished_is_recorded(box: Box) -> None:
    id = box.create(
        "sh",
        "-c",
        "true",
        name="wished",
        Env=["A=1", "PATH=/bin"],
        Labels={"a": "b", "c": ""},
        Hostname="h",
        User="daemon",
        WorkingDir="/tmp",
        StopSignal="SIGUSR1",
        StopTimeout=3,
        host={
            "PidsLimit": 20,
            "CpuShares": 512,
            "CapDrop": ["NET_RAW"],
            "CapAdd": ["SYS_TIME"],
            "ReadonlyRootfs": True,
            "ShmSize": 1 << 20,
        },
    )
    document = box.inspect(id)
    config, host = document["Config"], document["HostConfig"]
    assert document["Name"] == "/wished"
    assert sorted(config["Env"]) == ["A=1", "PATH=/bin"]
    assert (config["Labels"]["a"], config["Labels"]["c"]) == ("b", "")
    assert (config["Hostname"], config["User"], config["WorkingDir"]) == ("h", "daemon", "/tmp")
    assert (config["StopSignal"], config["StopTimeout"]) == ("SIGUSR1", 3)
    assert (host["PidsLimit"], host["CpuShares"], host["ReadonlyRootfs"], host["ShmSize"]) == (20, 512, True, 1 << 20)
    assert host["CapDrop"] in (["NET_RAW"], ["CAP_NET_RAW"])
    assert host["CapAdd"] in (["SYS_TIME"], ["CAP_SYS_TIME"])


def test_a_limit_the_kernel_lacks_is_warned_of_and_not_shown(box: Box) -> None:
    made = box.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"BlkioWeight": 300, "NetworkMode": "none"}})
    updated = box.api.post(f"/containers/{made.json['Id']}/update", {"BlkioWeight": 400, "CpuShares": 512})
    host = box.inspect(made.json["Id"])["HostConfig"]
    lacking = ["Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."]
    has = os.path.exists("/sys/fs/cgroup/blkio/blkio.weight")  # gone since Linux 5.0
    assert (made.json["Warnings"], updated.json["Warnings"] or []) == (([], []) if has else (lacking, lacking))
    assert (host["BlkioWeight"], host["CpuShares"]) == (400 if has else 0, 512)


def _command_of(pid: int) -> bytes:
    """Read a process's command; while it is being executed there is none, which the reference's start does not wait for."""
    for _ in range(10_000):
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            if found := command.read():
                return found
    return b""


def test_a_running_container_has_a_process_of_the_host(box: Box) -> None:
    id = box.up("sleep", "100")
    document = box.inspect(id)
    state = document["State"]
    assert (state["Status"], state["Running"], state["ExitCode"]) == ("running", True, 0)
    assert re.fullmatch(TIME, state["StartedAt"])
    assert state["FinishedAt"] == NEVER
    assert _command_of(state["Pid"]) == b"sleep\x00100\x00"
    for key, name in (("HostsPath", "hosts"), ("HostnamePath", "hostname"), ("ResolvConfPath", "resolv.conf")):
        assert os.path.basename(document[key]) == name
        assert os.path.exists(document[key])


def test_an_ended_container_remembers_both_times(box: Box) -> None:
    id = box.run("sh", "-c", "exit 7").id
    state = box.state(id)
    assert (state["Status"], state["Running"], state["Pid"], state["ExitCode"], state["Error"]) == ("exited", False, 0, 7, "")
    assert re.fullmatch(TIME, state["StartedAt"])
    assert re.fullmatch(TIME, state["FinishedAt"])


def test_the_network_none_is_recorded(box: Box) -> None:
    settings = box.inspect(box.up("sleep", "100"))["NetworkSettings"]
    assert list(settings["Networks"]) == ["none"]
    assert settings["Networks"]["none"]["IPAddress"] == ""
    assert settings["Ports"] == {}
    assert settings["IPAddress"] == ""


def test_labels_of_the_image_are_inherited_and_never_lost(box: Box) -> None:
    image = box.api.get("/images/busybox/json").json
    expected = {**(image["Config"]["Labels"] or {}), "mine": "1"}
    assert box.inspect(box.create("true", Labels={"mine": "1"}))["Config"]["Labels"] == expected
