"""Bad luck with links: deleted by hand, half made, killed between two messages, other people's, all at once."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from netlab import IDENTITY, Lab

from dockerkit.daemon.kernel.netlink.channel import Channel
from dockerkit.daemon.kernel.netlink.wire import Request
from dockerkit.daemon.networks.links import Links
from dockerkit.daemon.networks.model import Network
from dockerkit.errors import Conflict, Invalid

pytestmark = pytest.mark.system


class Killed(BaseException):
    """The daemon is no more: nothing of ours runs after it."""


@contextmanager
def dying_after(messages: int) -> Iterator[None]:
    """Let this thread send so many requests, and be killed before the next."""
    left, real = [messages], Channel.try_all
    victim = threading.current_thread()

    def counted(channel: Channel, requests: Sequence[Request]) -> list[OSError | None]:
        if threading.current_thread() is not victim:
            return real(channel, requests)
        sent = requests[: left[0]]
        left[0] -= len(sent)
        outcome = real(channel, sent) if sent else []
        if len(sent) < len(requests):
            raise Killed
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Channel, "try_all", counted)
        yield


def ip(lab: Lab, *words: str) -> str:
    return lab.inside(None, lambda: subprocess.run(["ip", *words], check=True, capture_output=True, text=True)).stdout


def restarted(lab: Lab) -> None:
    """The next daemon, on the same host."""
    lab.links.close()
    lab.links = Links(IDENTITY, lab.namespace)


def works(lab: Lab, network: Network) -> bool:
    (one, _), (other, there) = lab.joined(network), lab.joined(network)
    return lab.talks(one, other, str(there.addresses[0].ip)) and lab.talks(one, None, "10.9.0.1")


@pytest.mark.parametrize("messages", range(8))
def test_killed_while_making_a_network_and_the_next_daemon_goes_on(lab: Lab, messages: int) -> None:
    network = lab.network("10.9.0.0/24", "fd77::/64")
    with dying_after(messages), suppress(Killed):
        lab.links.make(network)
    restarted(lab)
    assert lab.links.names() in ([], [network.interface])
    lab.links.make(network)
    assert works(lab, network)
    assert "inet6 fd77::1/64" in ip(lab, "address", "show", network.interface)


@pytest.mark.parametrize("messages", range(8))
def test_killed_while_connecting_and_the_sweep_leaves_nothing(lab: Lab, messages: int) -> None:
    network = lab.made("10.9.0.0/24", "fd77::/64")
    sandbox, endpoint = lab.sandbox(), lab.endpoint(network)
    with dying_after(messages), suppress(Killed):
        lab.links.connect(sandbox, network, endpoint)
    restarted(lab)
    lab.links.discard(set(lab.links.names()) - {network.interface})
    assert lab.links.names() == [network.interface]
    assert [link.name for link in sandbox.links()] == ["lo"]
    lab.links.connect(sandbox, network, endpoint)
    assert works(lab, network) and lab.talks(None, sandbox, str(endpoint.addresses[0].ip))


def test_a_whole_connection_is_eight_messages_at_most(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", "fd77::/64")
    sandbox, endpoint = lab.sandbox(), lab.endpoint(network)
    with dying_after(8):
        lab.links.connect(sandbox, network, endpoint)


def test_a_bridge_deleted_by_hand_comes_back_with_its_containers(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    one, here = lab.joined(network)
    ip(lab, "link", "delete", network.interface)
    lab.links.make(network)
    other, _ = lab.joined(network)
    assert lab.talks(other, one, str(here.addresses[0].ip))


def test_a_bridge_deleted_by_hand_comes_back_for_whoever_connects(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    one, here = lab.joined(network)
    ip(lab, "link", "delete", network.interface)
    other, _ = lab.joined(network)
    assert lab.talks(other, one, str(here.addresses[0].ip))
    ip(lab, "link", "delete", network.interface)
    ip(lab, "link", "add", network.interface, "type", "bridge")  # by hand, so not ours: used as it is
    third, _ = lab.joined(network)
    assert "default via 10.9.0.1" in lab.inside(third, lambda: subprocess.check_output(["ip", "r"], text=True))


def test_a_bridge_set_down_or_stripped_by_hand_is_mended(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", mtu=1400)
    ip(lab, "link", "set", network.interface, "down", "mtu", "9000")
    ip(lab, "address", "flush", "dev", network.interface)
    lab.links.make(network)
    assert works(lab, network)
    assert "mtu 1400" in ip(lab, "link", "show", network.interface)


def test_removed_twice_and_removed_by_hand(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    lab.links.remove(network)
    assert lab.links.names() == []
    lab.links.remove(network)
    lab.links.make(network)
    ip(lab, "link", "delete", network.interface)
    lab.links.remove(network)


def test_somebody_elses_bridge_is_used_and_left(lab: Lab) -> None:
    ip(lab, "link", "add", "mine0", "type", "bridge")
    network = lab.made("10.9.0.0/24", interface="mine0")
    assert works(lab, network)
    lab.links.remove(network)
    assert "mine0" in ip(lab, "link", "show", "mine0")
    assert "mine0" not in lab.links.names()
    lab.links.discard(["mine0", "lo"])
    assert "mine0" in ip(lab, "link", "show", "mine0")


def test_a_name_that_is_no_bridge_anothers_or_no_name(lab: Lab) -> None:
    with pytest.raises(Conflict, match="existing interface lo is not a bridge"):
        lab.made("10.9.0.0/24", interface="lo")
    first = lab.made("10.9.0.0/24")
    with pytest.raises(Conflict, match="networks have same bridge name"):
        lab.made("10.10.0.0/24", interface=first.interface)
    with pytest.raises(Invalid, match="too long"):
        lab.made("10.10.0.0/24", interface="waytoolongname123")


def test_another_data_roots_links_are_not_ours(lab: Lab) -> None:
    other = Links("deadbeef", lab.namespace)
    try:
        theirs = lab.network("10.9.0.0/24")
        other.make(theirs)
        assert lab.links.names() == [] and other.names() == [theirs.interface]
        lab.links.discard(other.names())
        assert other.names() == [theirs.interface]
    finally:
        other.close()


def test_what_fails_inside_leaves_no_pair(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    sandbox, endpoint = lab.sandbox(), lab.endpoint(network, gateways=(lab.network("10.66.0.0/24").pools[0].gateway,))
    with pytest.raises(OSError, match="unreachable"):
        lab.links.connect(sandbox, network, endpoint)
    assert lab.links.names() == [network.interface]
    assert [link.name for link in sandbox.links()] == ["lo"]


def test_two_hundred_connect_and_disconnect_in_eight_threads_and_nothing_is_left(lab: Lab) -> None:
    networks = [lab.made(f"10.{number}.0.0/24") for number in (9, 10)]
    descriptors = len(os.listdir("/proc/self/fd"))

    def life(number: int) -> bool:
        network = networks[number % 2]
        endpoint, sandbox = lab.endpoint(network), lab.links.sandbox()
        try:
            lab.links.connect(sandbox, network, endpoint)
            connected = len(sandbox.links()) == 2
            lab.links.disconnect(sandbox, endpoint)
            lab.addresses.release(network, endpoint.addresses[0].ip)
            return connected and len(sandbox.links()) == 1
        finally:
            sandbox.close()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(life, range(200)))
    assert sorted(lab.links.names()) == sorted(network.interface for network in networks)
    restarted(lab)
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_one_network_made_and_joined_by_eight_threads_at_once(lab: Lab) -> None:
    network = lab.network("10.9.0.0/24")
    sandboxes = [lab.sandbox() for _ in range(8)]

    def join(number: int) -> str:
        endpoint = lab.endpoint(network)
        lab.links.connect(sandboxes[number], network, endpoint)
        return str(endpoint.addresses[0].ip)

    with ThreadPoolExecutor(8) as threads:
        addresses = list(threads.map(join, range(8)))
    assert len(set(addresses)) == 8
    assert all(lab.talks(sandboxes[0], sandboxes[number], addresses[number]) for number in range(1, 8))
