"""Delay, loss and bandwidth on the way to a container: queueing disciplines on the host's end of its pair.

They act on what is sent *to* the container; shape both ends of a conversation for both directions. The messages are pyroute2's,
imported when the first fault is asked for. Never touches another interface.
Source: tc-netem(8), tc-tbf(8).
"""

from __future__ import annotations

import contextlib
import errno
from typing import Any

from dockerkit.daemon.kernel.netlink import Visitor
from dockerkit.daemon.networks.model import Endpoint
from dockerkit.errors import Invalid, Unsupported

_QUEUE = 0.4
"""Seconds a packet may wait for its turn before it is dropped."""
_SMALLEST_BURST = 3200
"""Bytes: two full packets, or nothing gets through."""
_ROOT = 0xFFFFFFFF
_LIMIT = 10_000
"""Packets that may be under way at once."""


class Shaping:
    """Faults on interfaces of the host's network namespace.

    :param visitor: a thread whose home that is.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor

    def shape(self, endpoint: Endpoint, *, delay_ms: float, loss_percent: float, rate_bits: int) -> None:
        """Replace what is done to an endpoint's packets; all three at zero is :meth:`unshape`.

        :param delay_ms: milliseconds every packet is late.
        :param loss_percent: 0–100, at random.
        :param rate_bits: bits a second; 0 = no limit.
        :raises Invalid: a number that makes no sense.
        :raises Unsupported: the kernel has no netem (delay, loss) or tbf (rate), or the endpoint has no end on the host.
        :raises OSError: the interface is gone.
        """
        if delay_ms < 0 or not 0 <= loss_percent <= 100 or rate_bits < 0:
            raise Invalid(f"no such fault: delay {delay_ms} ms, loss {loss_percent} %, rate {rate_bits} bit/s")
        if not endpoint.host_interface:
            raise Unsupported("faults are offered on bridge networks only: this endpoint has no end on the host")
        if delay_ms or loss_percent:
            netem: dict[str, Any] = {"delay": int(delay_ms * 1000), "loss": loss_percent, "limit": _LIMIT}
            if rate_bits:
                netem["rate"] = f"{rate_bits}bit"
            self._put(endpoint, "netem", "CONFIG_NET_SCH_NETEM", netem)
        elif rate_bits:
            burst = max(_SMALLEST_BURST, rate_bits // 8 // 100)
            limit = burst + int(rate_bits / 8 * _QUEUE)
            self._put(endpoint, "tbf", "CONFIG_NET_SCH_TBF", {"rate": f"{rate_bits}bit", "burst": burst, "limit": limit})
        else:
            self.unshape(endpoint)

    def unshape(self, endpoint: Endpoint) -> None:
        """Let packets pass as they come; nothing happens where nothing was done."""

        def remove(route: Any, index: int) -> None:
            with contextlib.suppress(FileNotFoundError):
                _translated(lambda: route.tc("del", index=index, parent=_ROOT))

        if endpoint.host_interface:
            self._with_interface(endpoint, remove)

    def _put(self, endpoint: Endpoint, kind: str, option: str, settings: dict[str, Any]) -> None:
        def put(route: Any, index: int) -> None:
            _translated(lambda: route.tc("replace", kind, index=index, **settings))

        try:
            self._with_interface(endpoint, put)
        except OSError as refused:
            if refused.errno not in (errno.ENOENT, errno.EOPNOTSUPP):
                raise
            what = "delay and loss are" if kind == "netem" else "a rate is"
            message = f"{what} not offered here: this kernel has no {kind} queueing discipline ({option})"
            raise Unsupported(message, hint="a partition works everywhere") from refused

    def _with_interface(self, endpoint: Endpoint, act: Any) -> None:
        def at_home() -> None:
            from pyroute2 import IPRoute  # type: ignore[import-untyped]  # noqa: PLC0415 (135 ms; no start of a container needs it)

            with IPRoute() as route:
                found = list(_translated(lambda: route.link_lookup(ifname=endpoint.host_interface)))
                if not found:
                    raise OSError(errno.ENODEV, "no such interface", endpoint.host_interface)
                act(route, found[0])

        self._visitor.at_home(at_home)


def _translated(act: Any) -> Any:
    """Return what `act` returns; pyroute2's error as an :class:`OSError`."""
    from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        return act()
    except NetlinkError as refused:
        raise OSError(refused.code, f"rtnetlink: {refused.args[-1]}") from refused
