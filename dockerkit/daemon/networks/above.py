"""Networks above an interface of the host: macvlan and ipvlan. Never sets the parent up or down, or gives it an address.

The parent may be a VLAN of an interface (``eth0.10``: made when missing) or one of ours that leads nowhere (a network without
parent). Whether the kernel has the kind is found out by trying, in a namespace of its own.
"""

from __future__ import annotations

import contextlib
import errno

from dockerkit.daemon.kernel.netlink import interfaces
from dockerkit.daemon.networks import endpoints
from dockerkit.daemon.networks import identity as ours
from dockerkit.daemon.networks.model import Endpoint, Network
from dockerkit.daemon.networks.sandboxes import Sandbox, Sandboxes
from dockerkit.daemon.networks.vanishing import Vanishing
from dockerkit.errors import Invalid, Unsupported

MODES = {
    "macvlan": {"": 4, "bridge": 4, "private": 1, "vepa": 2, "passthru": 8},
    "ipvlan": {"": 0, "l2": 0, "l3": 1, "l3s": 2},
}
"""Docker's words for the ``macvlan_mode`` and ``ipvlan_mode`` options; the kernel's numbers."""
_MODE_SIZE = {"macvlan": 4, "ipvlan": 2, "vlan": 2}
_OPTION = {"macvlan": "CONFIG_MACVLAN", "ipvlan": "CONFIG_IPVLAN", "vlan": "CONFIG_VLAN_8021Q", "dummy": "CONFIG_DUMMY"}
_HIGHEST_VLAN = 4094
_LOOPBACK = 1


class Above:
    """macvlan and ipvlan networks of one data root.

    :param host: the host's network namespace.
    """

    def __init__(self, identity: str, host: Sandbox, sandboxes: Sandboxes, vanishing: Vanishing) -> None:
        self._group = ours.group(identity)
        self._host = host
        self._sandboxes = sandboxes
        self._vanishing = vanishing
        self._offered: dict[str, bool] = {}

    def make(self, network: Network) -> int:
        """Check the kernel, the mode and the parent, make the parent where it is ours to make, and return its index.

        :raises Unsupported: the kernel has no such interfaces.
        :raises Invalid: unknown mode, or a parent that is neither there nor a VLAN of something that is.
        :raises OSError: the kernel refused.
        """
        self._need(network.driver)
        mode(network)
        found = self._find(network.interface)
        return (found or self._make_parent(network.interface)).index

    def remove(self, network: Network) -> None:
        """Delete the parent if we made it."""
        found = self._find(network.interface)
        if found and found.group == self._group:
            self._vanishing.delete([found.name])

    def join(self, sandbox: Sandbox, network: Network, endpoint: Endpoint) -> None:
        """Make the endpoint's interface in the sandbox and configure it.

        :raises OSError: EBUSY (the parent is a port of a bridge, or in passthru use), EEXIST (the name is taken inside).
        """
        parent = self.make(network)
        born = interfaces.make_above(
            network.driver,
            endpoint.interface,
            parent=parent,
            mode=mode(network),
            mode_size=_MODE_SIZE[network.driver],
            mac=endpoint.mac if network.driver == "macvlan" else "",
            mtu=network.mtu if "com.docker.network.driver.mtu" in network.options else 0,
            namespace=sandbox.fd,
        )
        self._host.channel.ask([born])
        layer3 = network.driver == "ipvlan" and mode(network) != 0 and not network.internal
        try:
            endpoints.configure(sandbox, endpoint, routers=True, device_route=layer3)
        except OSError:
            self.leave(sandbox, endpoint)
            raise

    def leave(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        """Delete the endpoint's interface in the sandbox; one that is gone is no failure."""
        (refused,) = sandbox.channel.try_all([interfaces.delete(endpoint.interface)])
        if refused and refused.errno != errno.ENODEV:
            raise refused

    def _find(self, name: str) -> interfaces.Interface | None:
        answer = self._host.channel.fetch(interfaces.find(name))
        return interfaces.read(answer) if answer else None

    def _make_parent(self, name: str) -> interfaces.Interface:
        if name.startswith("dm-"):
            self._need("dummy")
            request = interfaces.make_dummy(name, group=self._group)
        else:
            self._need("vlan")
            lower, number = _vlan(name)
            carrier = self._find(lower)
            if carrier is None:
                raise Invalid(f"failed to find the parent interface {lower} of {name} on the host")
            request = interfaces.make_above(
                "vlan", name, parent=carrier.index, mode=number, mode_size=2, mac="", mtu=0, namespace=None, group=self._group
            )
        refused = self._host.channel.try_all([request])[0]
        if refused and refused.errno != errno.EEXIST:
            raise refused
        self._host.channel.ask([interfaces.change(name, up=True)])
        found = self._find(name)
        if found is None:
            raise OSError(errno.ENODEV, "the interface was deleted while it was being made", name)
        return found

    def _need(self, kind: str) -> None:
        if kind not in self._offered:
            self._offered[kind] = self._try(kind)
        if not self._offered[kind]:
            raise Unsupported(
                f"{kind} interfaces are not offered here: this kernel has none ({_OPTION[kind]})",
                hint="use the bridge driver",
            )

    def _try(self, kind: str) -> bool:
        """Say whether the kernel knows `kind`: it says so before it looks at anything else of the request."""
        sandbox = self._sandboxes.take()
        try:
            if kind == "dummy":
                request = interfaces.make_dummy("probe", group=0)
            else:
                size = _MODE_SIZE[kind]
                request = interfaces.make_above(
                    kind, "probe", parent=_LOOPBACK, mode=1, mode_size=size, mac="", mtu=0, namespace=None
                )
            refused = sandbox.channel.try_all([request])[0]
            return not refused or refused.errno != errno.EOPNOTSUPP
        finally:
            sandbox.close()


def mode(network: Network) -> int:
    """Return the kernel's number for the mode a network asks for.

    :raises Invalid: there is no such mode.
    """
    word = network.options.get(f"{network.driver}_mode", "")
    try:
        return MODES[network.driver][word]
    except KeyError:
        known = ", ".join(name for name in MODES[network.driver] if name)
        raise Invalid(f"requested {network.driver} mode '{word}' is not valid", hint=f"one of {known}") from None


def _vlan(name: str) -> tuple[str, int]:
    """Take ``eth0.10`` apart."""
    lower, _, number = name.rpartition(".")
    with contextlib.suppress(ValueError):
        if lower and 0 < int(number) <= _HIGHEST_VLAN:
            return lower, int(number)
    raise Invalid(f"invalid subinterface vlan name {name}, example formatting is eth0.10")
