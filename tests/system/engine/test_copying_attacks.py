"""Attacks on ``docker cp``: a container that moves things under our hands, an archive that lies. Nothing leads out."""

from __future__ import annotations

import contextlib
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tarmaterial import content, directory, done, link, member, read, tar, untar, wait_for_output

from dockerkit.daemon.engine.engine import Engine
from dockerkit.errors import Conflict, DockerkitError, Failed, Invalid, NotFound
from dockerkit.schema.container import HostConfig

pytestmark = pytest.mark.system
Make = Callable[..., str]


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host that no container knows; it is as it was after every attack."""
    place = tmp_path / "secret"
    place.mkdir()
    (place / "key").write_text("host")
    yield place
    assert sorted(os.listdir(place)) == ["key"]
    assert (place / "key").read_text() == "host"


def test_links_to_the_hosts_files_lead_into_the_container(engine: Engine, make: Make, secret: Path) -> None:
    up = "../" * 20
    id = make("sh", "-c", f"ln -s {secret} /abs; mkdir /sub; ln -s {up}{secret} /sub/rel; ln -s /proc/self/root/ /magic; "
              "echo ready; exec sleep 1000")  # fmt: skip
    wait_for_output(engine, id)
    for path in ("/abs/key", "/sub/rel/key", f"/magic{secret}/key", f"/{up}{secret}/key", f"/proc/1/root{secret}/key"):
        with pytest.raises((NotFound, Invalid)):
            engine.containers.archive(id, path)
        with pytest.raises((NotFound, Invalid)):
            engine.containers.extract(id, os.path.dirname(path), tar(member("evil", b"")))
    assert list(untar(engine.containers.archive(id, "/abs")[1])) == ["abs"]  # the link, not its end


def test_magic_links_of_the_hosts_processes_lead_nowhere(engine: Engine, make: Make, secret: Path) -> None:
    id = make("sh", "-c", f"ln -s /proc/1/root{secret} /out; ln -s /proc/{os.getpid()}/cwd /cwd; "
              f"ln -s /proc/{os.getpid()}/fd /fds; echo ready; exec sleep 1000",
              host=HostConfig(network_mode="none", pid_mode="host"))  # fmt: skip
    wait_for_output(engine, id)
    descriptor = os.open(secret, os.O_RDONLY)
    try:
        for path in ("/out/key", "/cwd/", f"/fds/{descriptor}/key", f"/proc/{os.getpid()}/fd/{descriptor}/key"):
            with pytest.raises(DockerkitError):
                engine.containers.archive(id, path)
            with pytest.raises(DockerkitError):
                engine.containers.extract(id, os.path.dirname(path), tar(member("evil", b"")))
    finally:
        os.close(descriptor)


def test_a_directory_swapped_for_a_link_while_it_is_read(engine: Engine, make: Make, secret: Path) -> None:
    """CVE-2018-15664, out."""
    id = make("sh", "-c", f"mkdir -p /w/d /w{secret}; echo mine >/w/d/key; ln -s {secret} /w/l; echo ready; "
              "while :; do mv /w/d /w/t; mv /w/l /w/d; mv /w/d /w/l; mv /w/t /w/d; done")  # fmt: skip
    wait_for_output(engine, id)
    seen = set()
    for _ in range(300):
        with contextlib.suppress(NotFound, Invalid):
            seen.add(content(engine.containers.archive(id, "/w/d/key")[1], "key"))
        for name, info in untar(engine.containers.archive(id, "/w")[1]).items():
            assert not info.isfile() or info.size == 5, name
    assert seen == {b"mine\n"}


def test_a_directory_swapped_for_a_link_while_it_is_written(engine: Engine, make: Make, secret: Path) -> None:
    """CVE-2018-15664, in."""
    id = make("sh", "-c", f"mkdir -p /w/d; ln -s {secret} /w/l; echo ready; "
              "while :; do mv /w/d /w/t; mv /w/l /w/d; mv /w/d /w/l; mv /w/t /w/d; done")  # fmt: skip
    wait_for_output(engine, id)
    for number in range(300):
        sent = tar(directory("d"), member("d/evil", b"x"), member("d/key", b"x"), member("d/deep/er", b"x"))
        with contextlib.suppress(DockerkitError):
            engine.containers.extract(id, "/w" if number % 2 else "/w/d", sent)


def test_a_node_swapped_for_a_link_does_not_change_the_links_end(engine: Engine, make: Make, secret: Path) -> None:
    mode = os.stat(secret / "key").st_mode
    id = make("sh", "-c", f"mkdir /w; echo ready; while :; do rm -f /w/n; ln -s {secret}/key /w/n; done")
    wait_for_output(engine, id)
    for _ in range(300):
        with contextlib.suppress(DockerkitError):
            node = member("n", None, type=tarfile.FIFOTYPE, mode=0o777)
            engine.containers.extract(id, "/w", tar(node))
    assert os.stat(secret / "key").st_mode == mode


def test_a_file_swapped_for_a_pipe_or_a_device_is_not_opened(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "mkdir /w; echo x >/w/keep; echo ready; "
              "while :; do echo x >/w/f; rm /w/f; mkfifo /w/f; rm /w/f; mknod /w/f c 1 5; rm /w/f; done")  # fmt: skip
    wait_for_output(engine, id)
    for _ in range(300):  # a pipe opened for reading would wait for ever, /dev/zero never end
        with contextlib.suppress(Conflict):
            untar(engine.containers.archive(id, "/w")[1])


@pytest.mark.parametrize("alive", [True, False])
def test_hostile_archives_are_refused(engine: Engine, make: Make, secret: Path, alive: bool) -> None:
    id = make("sh", "-c", "mkdir /d; echo ready; exec sleep 1000")
    wait_for_output(engine, id)
    if not alive:
        engine.containers.kill(id)
        done(engine, id)
    up = "../" * 20
    refused = [
        [member("../evil", b"")],
        [member(f"{up}{secret}/evil", b"")],
        [member("a/../../evil", b"")],
        [link("l", "../../etc"), member("l/evil", b"")],
        [link("l", f"{up}{secret}"), member("l/evil", b"")],
        [link("h", f"{up}etc/passwd", tarfile.LNKTYPE)],
        [link("h", "../bin/sh", tarfile.LNKTYPE)],
        [link("h", "nosuch", tarfile.LNKTYPE)],
        [member("x", None, type=b"Z")],
        [member("\0", b"")],
        [member("n" * 300, b"")],
        [directory("d"), link("d/up", "../.."), member("d/up/evil", b"")],
    ]
    for members in refused:
        with pytest.raises(Invalid):
            engine.containers.extract(id, "/d", tar(*members))
        with pytest.raises(NotFound):
            engine.containers.archive(id, "/evil")
    for garbage in (b"garbage" * 200, b"garbage", b"\x1f\x8bgarbage", b"BZh91AYgarbage", b"\xfd7zXZ\x00garbage"):
        with pytest.raises(Invalid):
            engine.containers.extract(id, "/d", tarfile.io.BytesIO(garbage))


def test_an_archives_own_links_stay_inside(engine: Engine, make: Make, secret: Path) -> None:
    """An absolute link may be sent; whoever goes through it arrives inside the container (CVE-2019-14271's way)."""
    id = make("sh", "-c", "mkdir /d; echo ready; exec sleep 1000")
    wait_for_output(engine, id)
    engine.containers.extract(id, "/d", tar(link("l", "/"), member(f"l{secret}/evil", b"inside")))
    assert read(engine, id, f"{secret}/evil") == b"inside"
    engine.containers.extract(id, "/d", tar(link("h", "/l", tarfile.LNKTYPE), member("l", b"replaced")))
    assert read(engine, id, "/d/l") == b"replaced"


def test_trees_without_end_are_refused(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "i=0; while [ $i -lt 600 ]; do mkdir d; cd d; i=$((i+1)); done; echo ready; exec sleep 1000")
    wait_for_output(engine, id)
    with pytest.raises(Failed, match="more than 500 directories"):
        list(engine.containers.archive(id, "/d")[1])
    with pytest.raises(Failed, match="more than 500 directories"):
        list(engine.containers.export(id))


def test_a_container_that_ends_and_starts_again_while_it_is_copied(engine: Engine, make: Make, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("bound")
    id = make(host=HostConfig(network_mode="none", binds=[f"{tmp_path}:/in"]))
    stop = threading.Event()
    odd: list[BaseException] = []

    def copy() -> None:
        while not stop.is_set():
            try:
                assert read(engine, id, "/in/f") == b"bound"
                engine.containers.extract(id, "/tmp", tar(member("f", b"1" * 4096)))
            except Conflict:
                continue
            except BaseException as error:
                odd.append(error)

    threads = [threading.Thread(target=copy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            engine.containers.kill(id)
            done(engine, id)
            engine.containers.start(id)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not odd
