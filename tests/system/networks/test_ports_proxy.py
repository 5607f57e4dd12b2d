"""The proxy process with real sockets: what it carries, how it ends, and that it outlives whoever started it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerkit.daemon.networks.model import Published
from dockerkit.daemon.networks.ports import Ports, Wanted
from dockerkit.errors import Conflict, Exhausted
from tests.system.networks.netns import Namespace

pytestmark = pytest.mark.system
HERE = "c" * 64


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    yield made
    made.close()


@pytest.fixture
def directory() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="dkt-ports-") as made:
        yield made


@pytest.fixture
def ports(space: Namespace, directory: str) -> Iterator[Ports]:
    made = Ports(directory, "feedbeef")
    yield made
    made.close(stop=True)
    assert Path(directory, "ports.log").read_text() == "" if Path(directory, "ports.log").exists() else True


def publish(space: Namespace, ports: Ports, *wanted: Wanted, targets: tuple[str, ...] = ("127.0.0.9",)) -> list[Published]:
    """Reserve and serve, as a start does, and return what came of it."""
    reserved = space.run(ports.reserve, wanted)
    space.run(ports.serve, HERE, reserved, targets)
    return [one.published for one in reserved]


def connected(space: Namespace, address: str, port: int) -> socket.socket:
    client = space.client(socket.AF_INET6 if ":" in address else socket.AF_INET)
    client.settimeout(5)
    client.connect((address, port))
    return client


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_either_family_reaches_a_container_of_ipv4(space: Namespace, ports: Ports, address: str) -> None:
    published = publish(space, ports, Wanted("tcp", 80))
    assert [one.host_address for one in published] == ["0.0.0.0", "::"]
    assert published[0].host_port == published[1].host_port
    with space.listen("127.0.0.9", 80) as server, connected(space, address, published[0].host_port) as client:
        client.sendall(b"question")
        container, _ = server.accept()
        with container:
            assert container.recv(64) == b"question"
            container.sendall(b"answer")
            assert client.recv(64) == b"answer"


def test_each_end_of_file_is_passed_on_alone(space: Namespace, ports: Ports) -> None:
    (published,) = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    with space.listen("127.0.0.9", 80) as server, connected(space, "127.0.0.1", published.host_port) as client:
        client.sendall(b"all I have")
        client.shutdown(socket.SHUT_WR)
        container, _ = server.accept()
        with container, container.makefile("rb") as read:
            assert read.read() == b"all I have"
            container.sendall(b"late answer")
        assert client.makefile("rb").read() == b"late answer"


def test_a_hundred_mebibytes_there_and_back_are_the_same(space: Namespace, ports: Ports) -> None:
    (published,) = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    block = os.urandom(1 << 20)
    with space.listen("127.0.0.9", 80) as server, connected(space, "127.0.0.1", published.host_port) as client:
        echo = threading.Thread(target=echoing, args=(server,))
        echo.start()
        writer = threading.Thread(
            target=lambda: [client.sendall(block) for _ in range(100)] and client.shutdown(socket.SHUT_WR)
        )
        writer.start()
        with client.makefile("rb") as answers:
            assert all(answers.read(1 << 20) == block for _ in range(100))
            assert answers.read() == b""
        writer.join()
        echo.join()


def echoing(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def test_who_does_not_read_is_not_read_for_and_disturbs_nobody(space: Namespace, ports: Ports) -> None:
    (published,) = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    with space.listen("127.0.0.9", 80) as server, connected(space, "127.0.0.1", published.host_port) as greedy:
        slow, _ = server.accept()
        with slow:
            greedy.setblocking(False)
            sent = poured(greedy)
            assert sent < 64 << 20, "the proxy keeps a pipe and the kernel's buffers, no more"
            with connected(space, "127.0.0.1", published.host_port) as other:
                container, _ = server.accept()
                with container:
                    other.sendall(b"me")
                    assert container.recv(2) == b"me"
            slow.settimeout(5)
            assert drained(slow, sent) == sent


def poured(client: socket.socket) -> int:
    """Send until nobody takes any more; return how much."""
    sent, block = 0, bytes(1 << 16)
    while select.select([], [client], [], 0.2)[1]:
        sent += client.send(block)
    return sent


def drained(connection: socket.socket, expected: int) -> int:
    read = 0
    while read < expected:
        read += len(connection.recv(1 << 20))
    return read


def test_a_refusal_and_a_reset_are_passed_on(space: Namespace, ports: Ports) -> None:
    (published,) = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    with connected(space, "127.0.0.1", published.host_port) as client, pytest.raises(ConnectionResetError):
        client.recv(1)
    with space.listen("127.0.0.9", 80) as server, connected(space, "127.0.0.1", published.host_port) as client:
        container, _ = server.accept()
        container.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        container.close()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_thousand_connections_at_once(space: Namespace, ports: Ports) -> None:
    (published,) = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    with space.listen("127.0.0.9", 80) as server:
        server.listen(1024)
        clients = [connected(space, "127.0.0.1", published.host_port) for _ in range(1000)]
        for number, client in enumerate(clients):
            client.sendall(number.to_bytes(2, "big"))
        containers = [server.accept()[0] for _ in clients]
        for container in containers:
            container.sendall(container.recv(2))
        assert all(int.from_bytes(client.recv(2), "big") == number for number, client in enumerate(clients))
        for one in (*clients, *containers):
            one.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.1.1", "::1"])
def test_answers_to_datagrams_come_from_where_the_question_went(space: Namespace, ports: Ports, address: str) -> None:
    published = publish(space, ports, Wanted("udp", 53))
    with space.listen("127.0.0.9", 53, socket.SOCK_DGRAM) as server:
        clients = [space.client(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        for number, client in enumerate(clients):
            client.connect((address, published[0].host_port))
            client.send(bytes([number]))
        for _ in clients:
            server.sendto(*server.recvfrom(64))
        assert [client.recv(64) for client in clients] == [b"\0", b"\1", b"\2"]
        for client in clients:
            client.close()


def test_a_port_taken_by_a_container_or_by_somebody_else_in_dockers_words(space: Namespace, ports: Ports) -> None:
    (published,) = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    port = published.host_port
    with pytest.raises(Conflict, match=rf"endpoint web \(e1\): Bind for 0\.0\.0\.0:{port} failed: port is already allocated"):
        space.run(ports.reserve, [Wanted("tcp", 81, "", port, port)], "web (e1)")
    with (
        space.listen("127.0.0.1", 7777),
        pytest.raises(Conflict, match=r"listen tcp4 0\.0\.0\.0:7777: bind: address already in use"),
    ):
        space.run(ports.reserve, [Wanted("tcp", 81, "", 7777, 7777)], "web (e1)")
    with pytest.raises(Conflict, match=r"listen udp4 10\.9\.9\.9:53: bind: cannot assign requested address"):
        space.run(ports.reserve, [Wanted("udp", 53, "10.9.9.9", 53, 53)])


def test_all_or_none_is_reserved(space: Namespace, ports: Ports) -> None:
    with pytest.raises(Conflict):
        space.run(ports.reserve, [Wanted("tcp", 80, "", 7000, 7000), Wanted("tcp", 81, "", 7000, 7000)])
    again = space.run(ports.reserve, [Wanted("tcp", 80, "", 7000, 7000)])
    space.run(ports.cancel, again)
    with space.listen("0.0.0.0", 7000):
        pass


def test_a_range_gives_the_first_that_is_free_until_none_is(space: Namespace, ports: Ports) -> None:
    wish = Wanted("tcp", 80, "127.0.0.1", 7000, 7002)
    with space.listen("127.0.0.1", 7001):
        assert [one.host_port for one in publish(space, ports, wish, wish)] == [7000, 7002]
        with pytest.raises(Exhausted, match="all ports are allocated"):
            space.run(ports.reserve, [wish])


def test_a_released_port_is_free_when_release_returns_and_its_connections_end(space: Namespace, ports: Ports) -> None:
    one, other = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"), Wanted("tcp", 81, "127.0.0.1"))
    with space.listen("127.0.0.9", 80) as server, connected(space, "127.0.0.1", one.host_port) as client:
        container, _ = server.accept()
        ports.release(HERE, one)
        with container, pytest.raises(ConnectionResetError):
            client.recv(1)
        with space.listen("127.0.0.1", one.host_port):
            pass
        with pytest.raises(Conflict):
            space.run(ports.reserve, [Wanted("tcp", 1, "127.0.0.1", other.host_port, other.host_port)])
        ports.release(HERE)
        space.run(ports.cancel, space.run(ports.reserve, [Wanted("tcp", 1, "127.0.0.1", other.host_port, other.host_port)]))


DAEMON = """
import sys
from dockerkit.daemon.networks.ports import Ports, Wanted
ports = Ports(sys.argv[1], "feedbeef")
reserved = ports.reserve([Wanted("tcp", 80), Wanted("udp", 53, "127.0.0.1"), Wanted("sctp", 9, "127.0.0.1", 9000, 9000)])
ports.serve("c" * 64, reserved, ["127.0.0.9"])
print(reserved[0].published.host_port, flush=True)
sys.stdin.read()
"""


def test_the_daemon_is_killed_and_the_next_one_finds_everything(space: Namespace, directory: str) -> None:
    daemon = space.run(
        subprocess.Popen, [sys.executable, "-c", DAEMON, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    port = int(daemon.stdout.readline())
    with space.listen("127.0.0.9", 80) as server, connected(space, "::1", port) as client:
        container, _ = server.accept()
        daemon.send_signal(signal.SIGKILL)
        daemon.communicate()
        client.sendall(b"still here")
        with container:
            assert container.recv(10) == b"still here"
    ports = Ports(directory, "feedbeef")
    held = space.run(ports.adopt)
    assert [(one.protocol, one.host_address) for one in held[HERE]] == [
        ("tcp", "0.0.0.0"),
        ("tcp", "::"),
        ("udp", "127.0.0.1"),
        ("sctp", "127.0.0.1"),
    ]
    with pytest.raises(Conflict, match="port is already allocated"):
        space.run(ports.reserve, [Wanted("tcp", 1, "", port, port)])
    ports.release(HERE)
    ports.close()
    assert gone(directory), "nothing is held and no daemon is there: it has ended"


def gone(directory: str) -> bool:
    """Whether the proxy's socket goes within five seconds (its end is nobody's to wait for)."""
    deadline = time.monotonic() + 5
    while os.path.exists(f"{directory}/ports.sock") and time.monotonic() < deadline:
        os.sched_yield()
    return not os.path.exists(f"{directory}/ports.sock")


def test_nobody_to_adopt(space: Namespace, ports: Ports) -> None:
    assert space.run(ports.adopt) == {}


def test_the_proxy_is_killed_and_another_takes_its_place(space: Namespace, ports: Ports) -> None:
    (published,) = publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    process = ports._process
    assert process
    process.kill()
    process.wait()
    publish(space, ports, Wanted("tcp", 81, "127.0.0.1"))
    with space.listen("127.0.0.9", 80) as server, connected(space, "127.0.0.1", published.host_port):
        server.accept()[0].close()


def test_the_proxy_is_small(space: Namespace, ports: Ports) -> None:
    publish(space, ports, Wanted("tcp", 80, "127.0.0.1"))
    ports.release(HERE)  # it has answered: it is up
    assert ports._process
    status = Path(f"/proc/{ports._process.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0])
    assert resident < 20 << 10, f"{resident} KiB"
