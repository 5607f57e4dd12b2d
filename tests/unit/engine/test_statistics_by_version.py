"""A sample has the shape dockerd gives it on the cgroup version in use."""

import os

from dockerkit.daemon.engine import statistics

HOST = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
ENTRY = {"major": 8, "minor": 0, "op": "read", "value": 7}


def test_memory_of_version_2_has_no_greatest_use_and_dockerds_names():
    raw = {"usage": 4096, "limit": 2**63 - 4096, "failcnt": 0, "stat": {"anon": 100, "inactive_file": 25, "zswap": 3}}
    found = statistics._memory(raw, 2)
    assert found.keys() == {"usage", "limit", "stats"}
    assert found["limit"] == HOST
    assert found["stats"].keys() == set(statistics._MEMORY_2)
    assert (found["stats"]["anon"], found["stats"]["inactive_file"], found["stats"]["slab"]) == (100, 25, 0)
    assert statistics._memory({**raw, "failcnt": 2}, 2)["failcnt"] == 2


def test_memory_of_version_1_is_passed_on_whole():
    raw = {"usage": 4096, "max_usage": 8192, "limit": 5, "failcnt": 0, "stat": {"cache": 1}}
    assert statistics._memory(raw, 1) == {"usage": 4096, "max_usage": 8192, "limit": 5, "stats": {"cache": 1}}


def test_no_limit_of_processes_is_the_greatest_number_on_version_2_and_absent_on_version_1():
    assert statistics._pids({"current": 1, "limit": 0}, 2) == {"current": 1, "limit": 18446744073709551615}
    assert statistics._pids({"current": 1, "limit": 0}, 1) == {"current": 1}
    assert statistics._pids({"current": 1, "limit": 7}, 2) == statistics._pids({"current": 1, "limit": 7}, 1)
    assert statistics._pids({}, 2) == {}


def test_disks_of_version_2_are_bytes_and_nulls():
    found = statistics._blkio({"io_service_bytes_recursive": [ENTRY]}, 2)
    assert found["io_service_bytes_recursive"] == [ENTRY]
    assert {name for name, value in found.items() if value is None} == set(statistics._BLKIO) - {"io_service_bytes_recursive"}
    assert set(map(str, statistics._blkio({}, 1).values())) == {"[]"}


def test_processors_one_by_one_are_version_1s():
    both = {"usage": 30, "user": 20, "system": 10}
    assert "percpu_usage" not in statistics._cpu({"cpuacct": both})["cpu_usage"]
    assert statistics._cpu({"cpuacct": both | {"percpu": [30]}})["cpu_usage"]["percpu_usage"] == [30]
