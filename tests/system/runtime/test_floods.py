"""Much output, slow readers, no readers, full disks: the container goes on, memory stays flat, what can be kept is kept."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.kernel import mounts
from dockerkit.daemon.logs import records

if TYPE_CHECKING:
    from conftest import Box, Boxes

pytestmark = pytest.mark.system

MIB = 1 << 20


def private_kib(pid: int) -> int:
    """Return the memory that is a process's own."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_Dirty"))


def keeper_pid(box: Box) -> int:
    assert box.keeper is not None
    return int(Path(f"/proc/{box.keeper.pid}/stat").read_text().rpartition(")")[2].split()[1])


def count(client: socket.socket) -> int:
    total = 0
    buffer = bytearray(MIB)
    while got := client.recv_into(buffer):
        total += got
    return total


def test_two_hundred_megabytes_arrive_whole_and_memory_stays_flat(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "echo up; head -c 209715200 /dev/zero; read x", log=False, open_stdin=True))
    total = len(box.read_until("up\n")) - len("up\n")
    before = private_kib(keeper_pid(box))
    assert box.client is not None
    buffer = bytearray(MIB)
    while total < 200 * MIB:
        total += box.client.recv_into(buffer)
    assert private_kib(keeper_pid(box)) - before < 8 * 1024
    box.client.shutdown(socket.SHUT_WR)
    assert count(box.client) + total == 200 * MIB


def test_a_slow_reader_with_a_log_gets_every_byte(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "head -c 33554432 /dev/zero; echo end >&2"))
    assert box.client is not None
    assert box.client.recv(1) == b"\0"
    assert box.ended.wait(30)
    assert count(box.client) == 32 * MIB - 1 + len("end\n")


def test_a_reader_that_never_reads_holds_nothing_up(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("head", "-c", str(64 * MIB), "/dev/zero", log=False))
    assert box.ended.wait(30)
    assert box.keeper is not None
    box.keeper.release()
    assert box.wait().exit_code == 0


def test_a_reader_that_never_reads_does_not_fill_memory(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "yes | head -c 67108864; echo done > /tmp/done; sleep 1000"))
    marker = Path(box.launch.rootfs.upper, "tmp/done")
    deadline = time.monotonic() + 30
    while not marker.exists() and time.monotonic() < deadline:
        os.sched_yield()
    assert marker.exists()
    assert private_kib(keeper_pid(box)) < 16 * 1024


def test_clients_that_hang_up_do_not_matter(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "head -c 1000000 /dev/zero; exit 3"))
    assert box.client is not None
    box.client.recv(10)
    box.client.close()
    box.client = None
    assert box.wait().exit_code == 3


def test_a_full_disk_under_the_log_costs_records_and_nothing_else(boxes: Boxes, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounts.mount("tmpfs", str(place), "tmpfs", 0, "size=1m")
    try:
        box = boxes.make("sh", "-c", "head -c 8388608 /dev/zero; echo end")
        box.launch.log = str(place / "log")
        boxes.start(box)
        assert box.client is not None
        total = count(box.client)
        ended = box.wait()
        fd = os.open(place / "log", os.O_RDONLY)
        kept = sum(len(record.data) for record in records.read(fd))
        assert records.last_end(fd) == os.fstat(fd).st_size
        os.close(fd)
        assert ended.exit_code == 0
        assert total == 8 * MIB + 4
        assert 0 < kept < MIB
        assert ended.log_lost == total - kept
    finally:
        mounts.unmount(str(place))


def test_a_full_disk_under_the_container_s_directory_fails_the_start_and_says_so(boxes: Boxes, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounts.mount("tmpfs", str(place), "tmpfs", 0, "size=64k")
    try:
        (place / "upper").mkdir()
        (place / "work").mkdir()
        (place / "filler").write_bytes(b"")
        with pytest.raises(OSError, match="No space left"), (place / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        box = boxes.make("true", client=False, log=False)
        box.launch.directory = str(place)
        from dockerkit.daemon.runtime.runtime import StartFailed

        with pytest.raises(StartFailed) as caught:
            boxes.start(box)
        assert (caught.value.step, caught.value.errno) == ("record", errno.ENOSPC)
    finally:
        mounts.unmount(str(place))


def test_the_exit_is_written_even_when_the_disk_is_full_by_then(boxes: Boxes, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounts.mount("tmpfs", str(place), "tmpfs", 0, "size=256k")
    try:
        (place / "upper").mkdir()
        (place / "work").mkdir()
        box = boxes.make("sh", "-c", "head -c 1000000 /dev/zero > /fill; exit 6", client=False, log=False)
        box.launch.directory = str(place)
        box.launch.rootfs = type(box.launch.rootfs)(box.launch.rootfs.lower, str(place / "upper"), str(place / "work"))
        assert boxes.start(box).wait().exit_code == 6
        found = boxes.runtime.adopt("x", str(place))
        assert found == box.exit
    finally:
        mounts.unmount(str(place))


def test_input_of_many_megabytes_arrives_whole(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("wc", "-c", open_stdin=True))
    assert box.client is not None
    for _ in range(64):
        box.client.sendall(bytes(MIB))
    box.client.shutdown(socket.SHUT_WR)
    assert box.output() == f"{64 * MIB}\n"


def test_a_fork_bomb_stays_inside_its_limit_and_dies_at_once(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "echo up; bomb() { bomb | bomb & }; bomb; sleep 1000")
    box.spec["linux"]["resources"]["pids"] = {"limit": 50}
    boxes.start(box).read_until("up")
    assert box.keeper is not None
    box.keeper.kill(9)
    assert box.wait().exit_code == 137


def test_a_log_that_rotates_loses_no_line_that_is_kept_and_its_reader_none_at_all(boxes: Boxes) -> None:
    from dockerkit.daemon.logs import files

    options = {"log_max_size": 100_000, "log_max_files": 3}
    box = boxes.start(boxes.make("sh", "-c", "i=0; while [ $i -lt 60000 ]; do echo $i; i=$((i+1)); done", **options))
    lines = box.output().split()
    assert lines == [str(number) for number in range(60000)]
    box.wait()
    assert box.launch.log is not None
    kept = b"".join(record.data for record in files.read_all(box.launch.log)).split()
    assert [line.decode() for line in kept[1:]] == lines[-len(kept) + 1 :]
    logs = [name for name in sorted(os.listdir(box.launch.directory)) if name.startswith("log")]
    assert logs == ["log", "log.1", "log.2"]
    assert all(os.path.getsize(f"{box.launch.directory}/{name}") <= 100_000 for name in logs)
