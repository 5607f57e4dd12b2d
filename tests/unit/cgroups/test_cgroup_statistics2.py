"""Version 2's counters are read as the kernel writes them, under version 1's names."""

import pytest

from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.group2 import Group2
from dockerkit.daemon.kernel.cgroups.statistics import UNLIMITED
from dockerkit.daemon.kernel.cgroups.statistics2 import read_statistics

FILES = {
    "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 3\nnr_throttled 2\nthrottled_usec 7\nnr_bursts 0\n",
    "memory.current": "4096\n",
    "memory.max": "max\n",
    "memory.stat": "anon 100\nfile 50\ninactive_file 25\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 4\noom_kill 2\noom_group_kill 0\n",
    "pids.current": "3\n",
    "pids.max": "7\n",
    "io.stat": "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n253:0 \n",
}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "one").mkdir()
    for name, text in FILES.items():
        (tmp_path / "one" / name).write_text(text)
    opened = Tree.open(str(tmp_path), ())
    yield opened
    opened.close()


def test_all_counters(tree):
    assert read_statistics(tree, "one") == {
        "cpuacct": {"usage": 30000, "user": 20000, "system": 10000},
        "cpu": {"periods": 3, "throttled_periods": 2, "throttled_time": 7000},
        "memory": {"usage": 4096, "limit": UNLIMITED, "failcnt": 4, "stat": {"anon": 100, "file": 50, "inactive_file": 25}},
        "pids": {"current": 3, "limit": 7},
        "blkio": {
            "io_service_bytes_recursive": [
                {"major": 8, "minor": 16, "op": "read", "value": 1459200},
                {"major": 8, "minor": 16, "op": "write", "value": 314773504},
            ]
        },
    }


def test_without_controllers_the_processor_is_still_counted(tree, tmp_path):
    for name in FILES:
        (tmp_path / "one" / name).unlink()
    (tmp_path / "one" / "cpu.stat").write_text("usage_usec 30\nuser_usec 20\nsystem_usec 10\n")
    assert read_statistics(tree, "one") == {"cpuacct": {"usage": 30000, "user": 20000, "system": 10000}}
    assert Group2(tree, "one").oom_kills() == 0


def test_processes_killed_for_memory_are_counted(tree):
    assert Group2(tree, "one").oom_kills() == 2


def test_a_group_that_is_gone_is_an_error(tree):
    for ask in (Group2(tree, "two").stats, Group2(tree, "two").oom_kills):
        with pytest.raises(FileNotFoundError):
            ask()
