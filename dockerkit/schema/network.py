"""Network documents of the Engine API: the wish (create, connect), the record (inspect) and a container's place on a network.

Source: Engine API 1.51, definitions ``Network``, ``IPAM``, ``EndpointSettings``, and the bodies of ``/networks``.
"""

from __future__ import annotations

from msgspec import field

from dockerkit.schema.wire import Model


class IPAMConfig(Model, omit_defaults=True):
    """One subnet of a network, and what is set aside in it."""

    subnet: str = ""
    ip_range: str = field(default="", name="IPRange")
    gateway: str = ""
    auxiliary_addresses: dict[str, str] = field(default_factory=dict)


class IPAM(Model):
    """How a network's addresses are managed."""

    driver: str = "default"
    options: dict[str, str] | None = None
    config: list[IPAMConfig] = field(default_factory=list)


class ConfigReference(Model):
    """The network whose configuration is used."""

    network: str = ""


class NetworkCreate(Model):
    """Body of ``POST /networks/create``."""

    name: str = ""
    check_duplicate: bool = False
    driver: str = ""
    scope: str = ""
    enable_ipv4: bool | None = field(default=None, name="EnableIPv4")
    enable_ipv6: bool | None = field(default=None, name="EnableIPv6")
    ipam: IPAM | None = field(default=None, name="IPAM")
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: ConfigReference | None = None
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


class NetworkCreateResponse(Model):
    """Answer of ``POST /networks/create``."""

    id: str
    warning: str = ""


class NetworkContainer(Model):
    """A container's place as a network's inspect shows it."""

    name: str = ""
    endpoint_id: str = field(default="", name="EndpointID")
    mac_address: str = ""
    ipv4_address: str = field(default="", name="IPv4Address")
    ipv6_address: str = field(default="", name="IPv6Address")


class NetworkInspect(Model):
    """Answer of ``GET /networks/{id}``, and one row of ``GET /networks``, where ``Containers`` is empty."""

    name: str
    id: str
    created: str
    scope: str = "local"
    driver: str = "bridge"
    enable_ipv4: bool = field(default=True, name="EnableIPv4")
    enable_ipv6: bool = field(default=False, name="EnableIPv6")
    ipam: IPAM = field(default_factory=IPAM, name="IPAM")
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_from: ConfigReference = field(default_factory=ConfigReference)
    config_only: bool = False
    containers: dict[str, NetworkContainer] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


class EndpointIPAMConfig(Model, omit_defaults=True):
    """Addresses a container asks for on a network."""

    ipv4_address: str = field(default="", name="IPv4Address")
    ipv6_address: str = field(default="", name="IPv6Address")
    link_local_ips: list[str] = field(default_factory=list, name="LinkLocalIPs")


class EndpointSettings(Model):
    """A container's place on one network: what was asked for, and, while it runs, what it has."""

    ipam_config: EndpointIPAMConfig | None = field(default=None, name="IPAMConfig")
    links: list[str] | None = None
    aliases: list[str] | None = None
    mac_address: str = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0
    network_id: str = field(default="", name="NetworkID")
    endpoint_id: str = field(default="", name="EndpointID")
    gateway: str = ""
    ip_address: str = field(default="", name="IPAddress")
    ip_prefix_len: int = field(default=0, name="IPPrefixLen")
    ipv6_gateway: str = field(default="", name="IPv6Gateway")
    global_ipv6_address: str = field(default="", name="GlobalIPv6Address")
    global_ipv6_prefix_len: int = field(default=0, name="GlobalIPv6PrefixLen")
    dns_names: list[str] | None = field(default=None, name="DNSNames")


class PortBinding(Model):
    """One address of the host that leads to a container's port."""

    host_ip: str = ""
    host_port: str = ""


class NetworkingConfig(Model):
    """``NetworkingConfig`` of ``POST /containers/create``: the networks a container is to be on, by name or id."""

    endpoints_config: dict[str, EndpointSettings | None] = field(default_factory=dict)


class NetworkConnect(Model):
    """Body of ``POST /networks/{id}/connect``."""

    container: str = ""
    endpoint_config: EndpointSettings | None = None


class NetworkDisconnect(Model):
    """Body of ``POST /networks/{id}/disconnect``."""

    container: str = ""
    force: bool = False


class PortsRequest(Model):
    """Body of ``POST /dockerkit/v1/containers/{id}/ports``: more ports for a running container, by ``6379/tcp``."""

    ports: dict[str, list[PortBinding] | None] = field(default_factory=dict)


class FaultRequest(Model):
    """Body of ``POST /dockerkit/v1/networks/{id}/faults``: slow or lossy for one container, parted, or healed."""

    container: str = ""
    delay_ms: int = 0
    loss_percent: float = 0.0
    rate_bits: int = 0
    partition: list[list[str]] = field(default_factory=list)
    heal: bool = False
