"""Volumes with the docker program and with ours, side by side on one daemon."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from test_cli_parity import DOCKER, VERSION, Both

from tests.livedaemon import LiveDaemon

pytestmark = [
    pytest.mark.system,
    pytest.mark.parity,
    pytest.mark.skipif(not re.search(r"version 2[89]\.", VERSION), reason=f"no docker program of these days: {DOCKER}"),
]


@pytest.fixture(scope="module")
def both(live_daemon: LiveDaemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    both = Both(live_daemon.url, tmp_path_factory.mktemp("volumes"))
    for words in (("vol2",), ("vol10", "--label", "a=b"), ("mem", "-o", "type=tmpfs", "-o", "device=tmpfs")):
        assert both.docker("volume", "create", *words)[0] == 0
    assert both.docker("create", "--name", "vol-user", "-v", "vol2:/d", "--network", "none", "busybox")[0] == 0
    yield both
    both.docker("rm", "-f", "vol-user")
    both.docker("volume", "rm", "vol2", "vol10", "mem")


def _plain(text: str) -> str:
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith("  hint: ")]
    return "".join(kept).replace("docker volume", "dockerkit volume").replace("docker: ", "dockerkit: ")


@pytest.mark.parametrize(
    "words",
    [
        ("ls",),
        ("ls", "-q"),
        ("ls", "--filter", "label=a"),
        ("ls", "--filter", "dangling=true", "-q"),
        ("ls", "--filter", "nosuch=1"),
        ("ls", "--format", "{{.Name}}: {{.Driver}} {{.Scope}} {{.Labels}} {{.Mountpoint}} {{.Size}} {{.Links}}"),
        ("ls", "--format", 'table {{.Name}}\t{{.Label "a"}}'),
        ("ls", "--format", "json"),
        ("inspect", "-f", "{{.Name}} {{.Driver}} {{json .Labels}} {{json .Options}}", "vol10", "mem"),
        ("inspect", "nosuch"),
        ("rm", "vol2", "nosuch"),
        ("rm", "-f", "nosuch"),
        ("create", "a/b"),
        ("create", "x1", "-o", "foo=bar"),
        ("create", "x1", "-d", "nosuch"),
        ("prune",),
        ("prune", "-f", "--filter", "label=nosuch"),
    ],
    ids=" ".join,
)
def test_both_programs_say_the_same(both: Both, words: tuple[str, ...]) -> None:
    theirs, ours = both.docker("volume", *words), both.ours("volume", *words)
    assert (ours[0], ours[1], _plain(ours[2])) == (theirs[0], theirs[1], _plain(theirs[2]))


def test_inspect_is_the_same_document(both: Both) -> None:
    theirs, ours = (json.loads(program("volume", "inspect", "vol10", "mem")[1]) for program in (both.docker, both.ours))
    assert ours == theirs


MOUNTS = [
    ("-v", "data:/d:ro", "-v", "/usr:/u", "-v", "/anonymous"),
    ("--mount", "src=data,dst=/d,volume-nocopy,volume-label=a=b,ro"),
    ("--mount", "type=volume,dst=/d,volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs"),
    ("--mount", "type=bind,src=/usr,dst=/u,readonly,bind-propagation=rslave"),
    ("--mount", "type=bind,src=/usr,dst=/u,bind-recursive=disabled"),
    ("--mount", "type=bind,src=/usr,dst=/u,ro,bind-recursive=writable"),
    ("--mount", "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770"),
    ("--volumes-from", "vol-user:ro"),
    ("--mount", "type=bind,src=/usr"),
    ("--mount", "type=bind,dst=/u"),
    ("--mount", "nosuch=1,dst=/x"),
    ("--mount", "dst"),
    ("--mount", "type=bind,src=/usr,dst=/u,volume-nocopy"),
    ("--mount", "dst=/x,readonly=maybe"),
    ("--mount", "type=bind,src=/nosuchfolder,dst=/u"),
    ("-v", "a_/b:/d"),
    ("-v", "data:/d:zz"),
    ("--volumes-from", "nosuch"),
]


@pytest.mark.parametrize("words", MOUNTS, ids=" ".join)
def test_mounts_reach_the_engine_the_same(both: Both, words: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    seen: list[Any] = []
    for program in (both.docker, both.ours):
        code, id, said = program("create", "--network", "none", *words, "busybox")
        if code:
            seen.append((code, _plain(said).partition("\n\n")[0].removeprefix("dockerkit: ").rstrip()))
            continue
        record = json.loads(both.docker("inspect", id.strip())[1])[0]
        both.docker("rm", "-v", id.strip())
        both.docker("volume", "rm", "-f", "data")
        host = record["HostConfig"]
        mounts = [{k: v for k, v in mount.items() if v} for mount in host.get("Mounts") or []]
        seen.append((sorted(host["Binds"] or []), mounts, host["VolumesFrom"], record["Config"]["Volumes"]))
    assert seen[1] == seen[0]
