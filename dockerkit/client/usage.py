"""What a container uses, and what takes space in an engine: Docker's numbers, and what its command line computes from them.

Source: Engine API, ``ContainerStats`` and ``SystemDataUsage``; the docker command's ``stats`` and ``system df``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from dockerkit.client.engine import Engine, documents
from dockerkit.client.following import Following
from dockerkit.client.rows import Row, Rows
from dockerkit.schema.units import human_size

_NOT_RUNNING = "0001-01-01"
_COLUMNS = (
    "time", "name", "cpu_percent", "memory", "memory_limit", "memory_percent",
    "received", "sent", "read", "written", "pids",
)  # fmt: skip
_SHOWN: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("memory", "memory_limit", "received", "sent", "read", "written", "size", "reclaimable"), human_size),
    **dict.fromkeys(("cpu_percent", "memory_percent"), "{:.2f}%".format),
    "time": lambda moment: f"{moment:%H:%M:%S}" if moment else "",
}
_LIVE = frozenset({"running", "paused", "restarting"})


class Usage(Row):
    """One measurement. ``raw`` is the engine's own, in Docker's words."""

    raw: dict[str, Any]


def usage(engine: Engine, path: str) -> Rows[Usage]:
    """Measure once: one row. Docker needs a second or two for it, to see what the processor does."""
    measured = read_usage(engine.get(f"{path}/stats", stream="0"))
    return Rows([measured], columns=_COLUMNS, shown=_SHOWN)


def follow_usage(engine: Engine, path: str) -> Following[Usage]:
    """Return a measurement every second until the container ends."""
    answer = engine.follow(f"{path}/stats", stream="1")
    return Following(answer, _until_it_ends(documents(answer)))


def _until_it_ends(samples: Iterator[dict[str, Any]]) -> Iterator[Usage]:
    for sample in samples:
        if str(sample.get("read") or _NOT_RUNNING).startswith(_NOT_RUNNING):
            return  # Docker goes on with empty measurements when it does not run
        yield read_usage(sample)


def read_usage(sample: dict[str, Any]) -> Usage:
    """Return what the docker command shows of a measurement: bytes, and percent of one processor and of the limit."""
    memory = sample.get("memory_stats") or {}
    used, limit = _memory(memory), int(memory.get("limit") or 0)
    networks = (sample.get("networks") or {}).values()
    measured = Usage(
        time=_time(str(sample.get("read") or "")),
        name=str(sample.get("name") or "").removeprefix("/"),
        cpu_percent=cpu_percent(sample),
        memory=used,
        memory_limit=limit,
        memory_percent=used / limit * 100 if limit else 0.0,
        received=sum(int(net.get("rx_bytes") or 0) for net in networks),
        sent=sum(int(net.get("tx_bytes") or 0) for net in networks),
        read=_blocks(sample, "read"),
        written=_blocks(sample, "write"),
        pids=int((sample.get("pids_stats") or {}).get("current") or 0),
    )
    object.__setattr__(measured, "raw", sample)
    return measured


def cpu_percent(sample: Mapping[str, Any]) -> float:
    """Return the percentage of one processor used since the measurement before."""
    now, before = sample.get("cpu_stats") or {}, sample.get("precpu_stats") or {}
    used = _number(now, "cpu_usage", "total_usage") - _number(before, "cpu_usage", "total_usage")
    passed = _number(now, "system_cpu_usage") - _number(before, "system_cpu_usage")
    processors = _number(now, "online_cpus") or len((now.get("cpu_usage") or {}).get("percpu_usage") or ())
    return used / passed * processors * 100 if used > 0 and passed > 0 else 0.0


def _number(document: Mapping[str, Any], *keys: str) -> int:
    value: Any = document
    for key in keys:
        value = (value or {}).get(key)
    return int(value or 0)


def _memory(stats: Mapping[str, Any]) -> int:
    """Return the memory used without what the kernel would give up at once: cgroup v1's and v2's word for that."""
    used, details = int(stats.get("usage") or 0), stats.get("stats") or {}
    idle = int(details.get("total_inactive_file") or details.get("inactive_file") or 0)
    return used - idle if idle < used else used


def _blocks(sample: Mapping[str, Any], word: str) -> int:
    entries = (sample.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return sum(int(entry.get("value") or 0) for entry in entries if str(entry.get("op", "")).lower() == word)


def _time(text: str) -> datetime | None:
    if not text or text.startswith(_NOT_RUNNING):
        return None
    return datetime.fromisoformat(text[:19] + "+00:00").astimezone()


def disk_usage(engine: Engine) -> Rows[Row]:
    """Return what takes space, by kind, as ``docker system df`` has it; sizes in bytes."""
    said = engine.get("/system/df")
    rows = [_images(said), _containers(said), _volumes(said), _build_cache(said)]
    return Rows(rows, columns=("type", "total", "active", "size", "reclaimable"), shown=_SHOWN)


def _images(said: Mapping[str, Any]) -> Row:
    images = said.get("Images") or []
    active = [image for image in images if int(image.get("Containers") or 0) > 0]
    size = int(said.get("LayersSize") or sum(_size(image, "Size") for image in images))
    used = sum(_size(image, "Size") - _size(image, "SharedSize") for image in active)
    return _kind("Images", images, active, size, size - used)


def _containers(said: Mapping[str, Any]) -> Row:
    containers = said.get("Containers") or []
    active = [one for one in containers if str(one.get("State") or "").lower() in _LIVE]
    size = sum(_size(one, "SizeRw") for one in containers)
    return _kind("Containers", containers, active, size, size - sum(_size(one, "SizeRw") for one in active))


def _volumes(said: Mapping[str, Any]) -> Row:
    volumes = said.get("Volumes") or []
    data = [volume.get("UsageData") or {} for volume in volumes]
    active = [one for one in data if int(one.get("RefCount") or 0) > 0]
    size = sum(_size(one, "Size") for one in data)
    return _kind("Local Volumes", volumes, active, size, size - sum(_size(one, "Size") for one in active))


def _build_cache(said: Mapping[str, Any]) -> Row:
    entries = said.get("BuildCache") or []
    active = [entry for entry in entries if entry.get("InUse")]
    own = [entry for entry in entries if not entry.get("Shared")]
    idle = sum(_size(entry, "Size") for entry in own if not entry.get("InUse"))
    return _kind("Build Cache", entries, active, sum(_size(entry, "Size") for entry in own), idle)


def _size(entry: Mapping[str, Any], key: str) -> int:
    return max(0, int(entry.get(key) or 0))


def _kind(type: str, all: list[Any], active: list[Any], size: int, reclaimable: int) -> Row:
    return Row(type=type, total=len(all), active=len(active), size=size, reclaimable=max(0, reclaimable))
