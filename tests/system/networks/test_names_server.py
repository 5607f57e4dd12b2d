"""The name server with real sockets in real namespaces: what is answered, by UDP and TCP, and what is asked outside."""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from dockerkit.daemon.kernel import nftables
from dockerkit.daemon.networks.names import sockets
from tests.system.networks.nameslab import IDENTITY, SERVER, Lab, names_lab

pytestmark = pytest.mark.system


@pytest.fixture
def lab() -> Iterator[Lab]:
    with names_lab() as made:
        yield made


@pytest.mark.parametrize("tcp", [False, True])
def test_names_are_found_from_inside(lab: Lab, tcp: bool) -> None:
    one, _ = lab.served(2, "web", "db"), lab.served(3, "api", "db")
    assert one.finds("WEB", tcp=tcp) == ["10.1.0.2"]
    assert one.finds("api.one", tcp=tcp) == ["10.1.0.3"]
    assert one.finds("api", "AAAA", tcp=tcp) == "NOERROR"
    assert one.finds("3.0.1.10.in-addr.arpa", "PTR", tcp=tcp) == ["api.one."]
    assert one.finds("nobody", tcp=tcp) == "SERVFAIL"
    assert sorted(one.finds("db", tcp=tcp)) == ["10.1.0.2", "10.1.0.3"]


def test_several_of_one_name_come_first_in_turn(lab: Lab) -> None:
    one, _, _ = lab.served(2, "web"), lab.served(3, "db"), lab.served(4, "db")
    assert {one.finds("db")[0] for _ in range(2)} == {"10.1.0.3", "10.1.0.4"}


def test_answers_are_dockerd_s(lab: Lab) -> None:
    answer = lab.served(2, "web").ask("web")
    assert dns.flags.to_text(answer.flags) == "QR RD RA"
    assert answer.answer[0].ttl == 600


def test_what_changes_is_answered_at_once(lab: Lab) -> None:
    one, two = lab.served(2, "web"), lab.served(3, "old")
    for number in range(50):
        lab.names.publish("n1", two.id, [f"new{number}", "same"], [f"10.1.1.{number}"])
        assert one.finds("same") == one.finds(f"new{number}") == [f"10.1.1.{number}"]
        lab.names.withdraw("n1", two.id)
        assert one.finds("same") == "SERVFAIL"


def test_networks_come_and_go_without_other_sockets(lab: Lab) -> None:
    one = lab.served(2, "web")
    lab.names.publish("n2", "f" * 64, ["far"], ["10.2.0.9"])
    assert one.finds("far") == "SERVFAIL"
    lab.serve(one, networks={"n1": "one", "n2": "two"})
    assert one.finds("far.two") == ["10.2.0.9"]
    lab.serve(one, networks={})
    assert one.finds("far") == one.finds("web") == "SERVFAIL"


def test_many_names_are_told_in_several_messages(lab: Lab) -> None:
    one = lab.served(2, "web", *(f"alias{number}.{'x' * 60}.{'y' * 60}.{'z' * 60}" for number in range(3000)))
    assert one.finds(f"alias2999.{'x' * 60}.{'y' * 60}.{'z' * 60}") == ["10.1.0.2"]
    assert one.finds("2.0.1.10.in-addr.arpa", "PTR") == ["web.one."]


def test_port_53_stays_the_container_s(lab: Lab) -> None:
    one = lab.served(2, "web")
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with one.space.listen("0.0.0.0", 53, kind):
            assert one.finds("web", tcp=kind == socket.SOCK_STREAM) == ["10.1.0.2"]


def test_without_rules_the_sockets_are_at_port_53(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError("no nf_tables here")

    monkeypatch.setattr(nftables.Channel, "commit", none)
    one = lab.served(2, "web")
    monkeypatch.undo()
    assert one.finds("web") == one.finds("web", tcp=True) == ["10.1.0.2"]


def test_rules_are_ours_only_and_say_what_they_are_for(lab: Lab) -> None:
    one = lab.served(2, "web")

    def rules() -> str:
        with nftables.Channel() as channel:
            assert [table.name for table in nftables.tables(channel)] == [f"dockerkit-{IDENTITY}-names"]
            return str(nftables.listing(channel, nftables.Table("ip", f"dockerkit-{IDENTITY}-names")).text())

    text = one.space.run(rules)
    assert "names over udp" in text
    assert "late answers over tcp" in text


# outside


def test_what_nobody_is_called_is_asked_from_the_container(lab: Lab) -> None:
    one = lab.container(2)
    inside, outside = lab.upstream(one.space, "127.0.0.5"), lab.upstream(lab.host, "127.0.0.5")
    lab.serve(one, upstream=("127.0.0.5",))
    assert one.finds("example.com") == one.finds("example.com", tcp=True) == ["192.0.2.7"]
    assert one.finds("nx.test") == "NXDOMAIN"
    assert ([way for way, _ in inside.heard], outside.heard) == (["udp", "tcp", "udp"], [])


def test_the_host_s_loopback_is_asked_from_the_host(lab: Lab) -> None:
    one = lab.container(2)
    inside, outside = lab.upstream(one.space, "127.0.0.53"), lab.upstream(lab.host, "127.0.0.53")
    lab.serve(one, upstream=("127.0.0.53",), host=("127.0.0.53",))
    assert one.finds("example.com") == one.finds("example.com", tcp=True) == ["192.0.2.7"]
    assert (len(outside.heard), inside.heard) == (2, [])


def test_a_cut_answer_is_passed_on_and_the_whole_one_by_tcp(lab: Lab) -> None:
    one = lab.container(2)
    lab.upstream(one.space, "127.0.0.5")
    lab.serve(one, upstream=("127.0.0.5",))
    for name in ("big.test", "fat.test"):
        cut = one.ask(name)
        assert cut.flags & dns.flags.TC
        assert not cut.answer
        assert len(one.finds(name, tcp=True)) == 300
    assert len(one.ask("fat.test", size=8192).answer[0]) == 300


def test_edns_goes_through(lab: Lab) -> None:
    one = lab.container(2)
    upstream = lab.upstream(one.space, "127.0.0.5")
    lab.serve(one, upstream=("127.0.0.5",))
    answer = one.ask("example.com", "TXT", size=1400)
    assert answer.edns == 0
    assert [(query.edns, query.payload) for _, query in upstream.heard] == [(0, 1400)]


def test_a_dead_server_delays_and_does_not_prevent(lab: Lab) -> None:
    one = lab.container(2)
    lab.upstream(one.space, "127.0.0.5")
    lab.serve(one, upstream=("127.0.0.4", "192.0.2.99", "127.0.0.5"))
    begun = time.monotonic()
    assert one.finds("example.com") == one.finds("example.com", tcp=True) == ["192.0.2.7"]
    assert time.monotonic() - begun < 3.5, "nobody listens at the one, no way leads to the other: neither is waited for"
    assert one.finds("fail.test") == "SERVFAIL"
    lab.serve(one, upstream=("127.0.0.4",))
    assert one.finds("example.com") == one.finds("example.com", tcp=True) == "SERVFAIL"


def test_that_a_router_knows_no_way_is_heard_at_once(lab: Lab) -> None:
    one, router = lab.container(2), lab.namespace()
    router.ip(f"link add outer type veth peer name inner netns /proc/{os.getpid()}/fd/{one.fd}")
    router.ip("addr add 10.77.0.1/24 dev outer")
    router.ip("link set outer up")
    router.sysctl("ipv4/ip_forward", "1")
    one.space.ip("addr add 10.77.0.2/24 dev inner")
    one.space.ip("link set inner up")
    one.space.ip("route add default via 10.77.0.1")
    lab.serve(one, upstream=("203.0.113.9",))
    assert one.ask("example.com", seconds=3.5).rcode() == dns.rcode.SERVFAIL, "silence would be waited for longer"


def test_a_container_whose_server_is_silent_keeps_nobody_waiting(lab: Lab) -> None:
    silent, quick = lab.container(2), lab.served(3, "web")
    lab.upstream(silent.space, "127.0.0.5")
    lab.serve(silent, upstream=("127.0.0.5",))
    client = silent.space.client(kind=socket.SOCK_DGRAM)
    client.connect((SERVER, 53))
    refused = 0
    for number in range(400):
        client.send(dns.message.make_query(f"dead{number}.test", "A").to_wire())
        refused += bool(select.select([client], [], [], 0)[0]) and client.recv(512)[3] & 15 == dns.rcode.REFUSED
    assert quick.finds("web") == ["10.1.0.3"]
    while not refused:
        refused += client.recv(512)[3] & 15 == dns.rcode.REFUSED


# hostile containers


def test_a_flood_of_one_container_leaves_others_their_answers(lab: Lab) -> None:
    loud, quiet = lab.served(2, "loud"), lab.served(3, "quiet")
    flood = loud.space.client(kind=socket.SOCK_DGRAM)
    flood.connect((SERVER, 53))
    flood.setblocking(False)
    slowest = 0.0
    for number in range(60):
        for at in range(300):
            flood.send(dns.message.make_query("loud" if at % 2 else f"no{number}x{at}", "A").to_wire())
        begun = time.monotonic()
        assert quiet.finds("quiet") == ["10.1.0.3"]
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 4  # one that was dropped is waited for five seconds, in vain


def test_streams_that_do_not_behave(lab: Lab) -> None:
    one = lab.served(2, "web")
    query = dns.message.make_query("web", "A").to_wire()
    framed = len(query).to_bytes(2, "big") + query
    with one.stream() as huge:
        huge.sendall(b"\xff\xff" + b"x" * 100)
        assert huge.recv(10) == b""
    with one.stream() as half, one.stream() as slow:
        half.sendall(framed[:7])
        for at in range(len(framed)):
            slow.sendall(framed[at : at + 1])
        assert dns.message.from_wire(_framed(slow)).answer
        half.sendall(framed[7:] + framed * 3)
        assert [len(dns.message.from_wire(_framed(half)).answer) for _ in range(4)] == [1] * 4
    with one.stream() as done:
        done.sendall(framed)
        done.shutdown(socket.SHUT_WR)
        assert dns.message.from_wire(_framed(done)).answer
        assert done.recv(1) == b""


def test_a_stream_that_reads_nothing_is_read_no_more(lab: Lab) -> None:
    one = lab.served(2, "web")
    query = dns.message.make_query("web", "A").to_wire()
    framed = len(query).to_bytes(2, "big") + query
    with one.stream() as deaf:
        deaf.setblocking(False)
        sent = 0
        while sent < 64 << 20:
            if not select.select([], [deaf], [], 0.3)[1]:
                break
            sent += deaf.send(framed * 500)
        assert sent < 64 << 20
        assert one.finds("web") == ["10.1.0.2"]


def test_the_oldest_of_too_many_streams_gives_way(lab: Lab) -> None:
    one = lab.served(2, "web")
    streams = [one.stream() for _ in range(80)]
    assert one.finds("web", tcp=True) == ["10.1.0.2"]
    assert streams[0].recv(1) == b""
    for stream in streams:
        stream.close()


def _framed(stream: socket.socket) -> bytes:
    length = int.from_bytes(_exactly(stream, 2), "big")
    return _exactly(stream, length)


def _exactly(stream: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        chunk = stream.recv(count - len(got))
        assert chunk, "the stream ended"
        got += chunk
    return got


# lives and deaths


def test_a_container_that_is_forgotten_has_its_namespace_for_itself(lab: Lab) -> None:
    one, other = lab.served(2, "web"), lab.served(3, "api")
    lab.names.forget(one.id)
    assert other.finds("web") == ["10.1.0.2"], "it is still found: its names are withdrawn by themselves"
    with pytest.raises((dns.exception.Timeout, OSError)):
        one.ask("web", seconds=0.2)
    lab.serve(one)
    assert one.finds("api") == ["10.1.0.3"]


def test_a_server_that_is_killed_is_replaced_and_nothing_is_lost(lab: Lab) -> None:
    one = lab.served(2, "web")
    assert one.finds("web") == ["10.1.0.2"]
    os.close(lab.kill(signal.SIGKILL))
    assert one.finds("web") == one.finds("web", tcp=True) == ["10.1.0.2"]
    two = lab.served(3, "api")
    assert two.finds("web") == ["10.1.0.2"]


def test_one_that_is_killed_while_one_speaks_is_replaced_too(lab: Lab) -> None:
    one = lab.served(2, "web")
    for number in range(3):
        pidfd = lab.kill(signal.SIGKILL)
        select.select([pidfd], [], [])
        os.close(pidfd)
        lab.names.publish("n1", "f" * 64, [f"new{number}"], ["10.1.0.9"])
        assert one.finds(f"new{number}") == ["10.1.0.9"]


def test_the_daemon_dies_and_another_goes_on(lab: Lab) -> None:
    one, two = lab.served(2, "web"), lab.served(3, "api")
    lab.names.publish("n1", "f" * 64, ["stale"], ["10.1.0.9"])
    before = lab.pid()
    lab.names.close()
    assert one.finds("api") == one.finds("api", tcp=True) == ["10.1.0.3"]
    lab.names = lab.new_names()
    assert sorted(lab.names.adopt()) == [one.id, two.id]
    lab.serve(one)
    lab.names.publish("n1", one.id, ["web"], ["10.1.0.2"])
    assert one.finds("stale") == ["10.1.0.9"], "nothing is forgotten before everything was said"
    lab.names.settle()
    assert one.finds("web") == ["10.1.0.2"]
    assert one.finds("api") == one.finds("stale") == "SERVFAIL"
    with pytest.raises((dns.exception.Timeout, OSError)):
        two.ask("web", seconds=0.2)
    assert lab.pid() == before
    os.close(lab.kill(signal.SIGKILL))
    assert one.finds("web") == ["10.1.0.2"], "the second daemon has copies of the sockets too"


def test_daemon_and_server_die_and_everything_is_made_anew(lab: Lab) -> None:
    one = lab.served(2, "web")
    pidfd = os.pidfd_open(lab.pid())
    lab.names.close()
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    select.select([pidfd], [], [])
    os.close(pidfd)
    lab.names = lab.new_names()
    assert lab.names.adopt() == []
    lab.serve(one)
    lab.names.publish("n1", one.id, ["web"], ["10.1.0.2"])
    lab.names.settle()
    assert one.finds("web") == ["10.1.0.2"]


def test_it_ends_when_nobody_needs_it(lab: Lab) -> None:
    one = lab.served(2, "web")
    pidfd = os.pidfd_open(lab.pid())
    lab.names.forget(one.id)
    lab.names.close()
    lab.names = lab.new_names()
    assert select.select([pidfd], [], [], 5)[0]
    os.close(pidfd)
    assert not os.path.exists(f"{lab.directory}/names.sock")


def test_forgetting_starts_nothing(lab: Lab) -> None:
    lab.names.forget("a" * 64)
    lab.names.withdraw("n1", "a" * 64)
    lab.names.settle()
    assert os.listdir(lab.directory) == []


def test_a_hundred_containers_leave_no_descriptor(lab: Lab) -> None:
    assert lab.served(250, "first").finds("first") == ["10.1.0.250"]
    held = len(os.listdir(f"/proc/{lab.pid()}/fd"))
    for number in range(100):
        one = lab.container(number)
        lab.serve(one)
        lab.names.publish("n1", one.id, ["web"], ["10.1.0.2"])
        assert one.finds("web") == ["10.1.0.2"]
        lab.names.withdraw("n1", one.id)
        lab.names.forget(one.id)
    last = lab.container(200)
    lab.serve(last)
    assert last.finds("web") == "SERVFAIL"
    assert len(os.listdir(f"/proc/{lab.pid()}/fd")) <= held + 3


def test_it_is_small(lab: Lab) -> None:
    lab.served(2, "web").finds("web")
    with open(f"/proc/{lab.pid()}/status") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert kilobytes < 20_000
    loaded = "import sys; sys.path.append(sys.argv[1]); import dockerkit.daemon.networks.names.server.main; print(*sys.modules)"
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(sockets.__file__)))))
    names = subprocess.run([sys.executable, "-I", "-S", "-c", loaded, home], capture_output=True, text=True, check=True).stdout
    assert not {"msgspec", "dns", "asyncio", "subprocess", "dataclasses", "logging"} & set(names.split())
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 1024
