"""Container documents of the Engine API: the wish (config, host config), the record (inspect) and the row (list).

Source: Engine API 1.51, definitions ``ContainerConfig``, ``HostConfig``, ``ContainerInspectResponse``, ``ContainerSummary``.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from dockerkit.schema.network import EndpointSettings, PortBinding
from dockerkit.schema.wire import Model

Empty = dict[str, Any]
NEVER = "0001-01-01T00:00:00Z"
"""Docker's way to say that a moment has not come yet."""


class HealthConfig(Model, omit_defaults=True):
    """How to probe a container's health; durations in nanoseconds."""

    test: list[str] = field(default_factory=list)
    interval: int = 0
    timeout: int = 0
    retries: int = 0
    start_period: int = 0
    start_interval: int = 0


class ContainerConfig(Model):
    """What runs: the portable half of a container's configuration."""

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: dict[str, Empty] | UnsetType = UNSET
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: list[str] = field(default_factory=list)
    cmd: list[str] | str | None = None
    healthcheck: HealthConfig | UnsetType = UNSET
    args_escaped: bool | UnsetType = UNSET
    image: str = ""
    volumes: dict[str, Empty] | None = None
    working_dir: str = ""
    entrypoint: list[str] | str | None = None
    network_disabled: bool | UnsetType = UNSET
    mac_address: str | UnsetType = UNSET
    on_build: list[str] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    stop_signal: str | UnsetType = UNSET
    stop_timeout: int | UnsetType = UNSET
    shell: list[str] | UnsetType = UNSET


class LogConfig(Model):
    """Which log driver, with which options."""

    type: str = ""
    config: dict[str, str] = field(default_factory=dict)


class RestartPolicy(Model):
    """When a container that ended is started again."""

    name: str = ""
    maximum_retry_count: int = 0


class DeviceMapping(Model):
    """A device of the host shown inside."""

    path_on_host: str = ""
    path_in_container: str = ""
    cgroup_permissions: str = ""


class Ulimit(Model):
    """A resource limit of the process (setrlimit(2)); -1 is unlimited."""

    name: str
    soft: int
    hard: int


class Mount(Model):
    """One entry of ``--mount``."""

    target: str = ""
    source: str = ""
    type: str = ""
    read_only: bool = False
    consistency: str = ""
    bind_options: dict[str, Any] | UnsetType = UNSET
    volume_options: dict[str, Any] | UnsetType = UNSET
    image_options: dict[str, Any] | UnsetType = UNSET
    tmpfs_options: dict[str, Any] | UnsetType = UNSET


class HostConfig(Model):
    """How it runs on this host: limits, mounts, namespaces, capabilities."""

    # resources
    cpu_shares: int = 0
    memory: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    blkio_weight: int = 0
    blkio_weight_device: list[dict[str, Any]] = field(default_factory=list)
    blkio_device_read_bps: list[dict[str, Any]] = field(default_factory=list)
    blkio_device_write_bps: list[dict[str, Any]] = field(default_factory=list)
    blkio_device_read_iops: list[dict[str, Any]] = field(default_factory=list, name="BlkioDeviceReadIOps")
    blkio_device_write_iops: list[dict[str, Any]] = field(default_factory=list, name="BlkioDeviceWriteIOps")
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    devices: list[DeviceMapping] = field(default_factory=list)
    device_cgroup_rules: list[str] | None = None
    device_requests: list[dict[str, Any]] | None = None
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    ulimits: list[Ulimit] = field(default_factory=list)
    init: bool | UnsetType = UNSET
    # the rest
    binds: list[str] | None = None
    container_id_file: str = field(default="", name="ContainerIDFile")
    log_config: LogConfig = field(default_factory=LogConfig)
    network_mode: str = ""
    port_bindings: dict[str, list[PortBinding] | None] = field(default_factory=dict)
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)
    auto_remove: bool = False
    volume_driver: str = ""
    volumes_from: list[str] | None = None
    mounts: list[Mount] | UnsetType = UNSET
    console_size: list[int] = field(default_factory=lambda: [0, 0])
    annotations: dict[str, str] | UnsetType = UNSET
    cap_add: list[str] | None = None
    cap_drop: list[str] | None = None
    cgroupns_mode: str = ""
    dns: list[str] = field(default_factory=list)
    dns_options: list[str] = field(default_factory=list)
    dns_search: list[str] = field(default_factory=list)
    extra_hosts: list[str] | None = None
    group_add: list[str] | None = None
    ipc_mode: str = ""
    cgroup: str = ""
    links: list[str] | None = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_rootfs: bool = False
    security_opt: list[str] | None = None
    storage_opt: dict[str, str] | UnsetType = UNSET
    tmpfs: dict[str, str] | UnsetType = UNSET
    uts_mode: str = field(default="", name="UTSMode")
    userns_mode: str = ""
    shm_size: int = 0
    sysctls: dict[str, str] | UnsetType = UNSET
    runtime: str = ""
    isolation: str = ""
    masked_paths: list[str] | None = None
    readonly_paths: list[str] | None = None


class CreateRequest(ContainerConfig):
    """Body of ``POST /containers/create``."""

    host_config: HostConfig = field(default_factory=HostConfig)
    networking_config: dict[str, Any] = field(default_factory=dict)


class CreateResponse(Model):
    """Answer of ``POST /containers/create``."""

    id: str
    warnings: list[str] = field(default_factory=list)


class HealthLog(Model):
    """One probe of a container's health."""

    start: str = ""
    end: str = ""
    exit_code: int = 0
    output: str = ""


class Health(Model):
    """What the last probes said."""

    status: str = "none"
    failing_streak: int = 0
    log: list[HealthLog] = field(default_factory=list)


class ContainerState(Model):
    """Where a container is in its life."""

    status: str = "created"
    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = False
    dead: bool = False
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: str = NEVER
    finished_at: str = NEVER
    health: Health | UnsetType = UNSET


class MountPoint(Model):
    """A mount as inspect shows it."""

    type: str = ""
    name: str | UnsetType = UNSET
    source: str = ""
    destination: str = ""
    driver: str | UnsetType = UNSET
    mode: str = ""
    rw: bool = True
    propagation: str = ""


class NetworkSettings(Model):
    """A container's addresses and published ports."""

    bridge: str = ""
    sandbox_id: str = field(default="", name="SandboxID")
    sandbox_key: str = ""
    hairpin_mode: bool = False
    link_local_ipv6_address: str = field(default="", name="LinkLocalIPv6Address")
    link_local_ipv6_prefix_len: int = field(default=0, name="LinkLocalIPv6PrefixLen")
    ports: dict[str, list[PortBinding] | None] = field(default_factory=dict)
    secondary_ip_addresses: list[Any] | None = field(default=None, name="SecondaryIPAddresses")
    secondary_ipv6_addresses: list[Any] | None = field(default=None, name="SecondaryIPv6Addresses")
    endpoint_id: str = field(default="", name="EndpointID")
    gateway: str = ""
    global_ipv6_address: str = field(default="", name="GlobalIPv6Address")
    global_ipv6_prefix_len: int = field(default=0, name="GlobalIPv6PrefixLen")
    ip_address: str = field(default="", name="IPAddress")
    ip_prefix_len: int = field(default=0, name="IPPrefixLen")
    ipv6_gateway: str = field(default="", name="IPv6Gateway")
    mac_address: str = ""
    networks: dict[str, EndpointSettings] = field(default_factory=dict)


class DriverData(Model):
    """Which snapshotter holds the root file system, and where."""

    name: str = "overlay2"
    data: dict[str, str] | None = field(default_factory=dict)


class ContainerInspect(Model):
    """Answer of ``GET /containers/{id}/json``."""

    id: str
    created: str
    path: str = ""
    args: list[str] = field(default_factory=list)
    state: ContainerState = field(default_factory=ContainerState)
    image: str = ""
    resolv_conf_path: str = ""
    hostname_path: str = ""
    hosts_path: str = ""
    log_path: str = ""
    name: str = ""
    restart_count: int = 0
    driver: str = "overlay2"
    platform: str = "linux"
    mount_label: str = ""
    process_label: str = ""
    app_armor_profile: str = ""
    exec_ids: list[str] | None = field(default=None, name="ExecIDs")
    host_config: HostConfig = field(default_factory=HostConfig)
    graph_driver: DriverData = field(default_factory=DriverData)
    size_rw: int | UnsetType = UNSET
    size_root_fs: int | UnsetType = UNSET
    mounts: list[MountPoint] = field(default_factory=list)
    config: ContainerConfig = field(default_factory=ContainerConfig)
    network_settings: NetworkSettings = field(default_factory=NetworkSettings)


class Port(Model):
    """A port of a row in the container list."""

    ip: str | UnsetType = field(default=UNSET, name="IP")
    private_port: int = 0
    public_port: int | UnsetType = UNSET
    type: str = "tcp"


class ContainerSummary(Model):
    """One row of ``GET /containers/json``."""

    id: str
    names: list[str]
    image: str
    image_id: str = field(name="ImageID")
    command: str
    created: int
    ports: list[Port] = field(default_factory=list)
    size_rw: int | UnsetType = UNSET
    size_root_fs: int | UnsetType = UNSET
    labels: dict[str, str] = field(default_factory=dict)
    state: str = ""
    status: str = ""
    host_config: dict[str, str] = field(default_factory=dict)
    network_settings: dict[str, Any] = field(default_factory=dict)
    mounts: list[MountPoint] = field(default_factory=list)


class WaitExitError(Model):
    """Why a container could not be waited for."""

    message: str = ""


class WaitResponse(Model):
    """Answer of ``POST /containers/{id}/wait``."""

    status_code: int
    error: WaitExitError | UnsetType = UNSET
