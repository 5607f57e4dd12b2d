# ruff: noqa: E501 (tables of command lines)
"""The docker program and ours, side by side on one daemon: what is read comes out the same, letter by letter."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon

DOCKER = shutil.which("docker") or ""
VERSION = subprocess.run([DOCKER, "--version"], capture_output=True, text=True, check=False).stdout if DOCKER else ""
pytestmark = [
    pytest.mark.system,
    pytest.mark.parity,
    pytest.mark.skipif(not re.search(r"version 2[89]\.", VERSION), reason="no docker program of these days"),
]
HOME = str(pathlib.Path(__file__).resolve().parents[3])
_SPAN = re.compile(r"(?:About an? \w+|Less than a second|\d+ \w+)(?= ago)|(?<=Up )(?:About an? \w+|Less than a second|\d+ \w+)")


class Both:
    """Runs a command line with both programs."""

    def __init__(self, url: str, folder: pathlib.Path) -> None:
        self.environment = {**os.environ, "DOCKER_HOST": url, "PYTHONPATH": HOME, "DOCKER_CONFIG": str(folder)}
        self.environment.pop("DOCKERKIT_HOST", None)
        self.folder = folder

    def docker(self, *words: str) -> tuple[int, str, str]:
        return self._run([DOCKER, *words])

    def ours(self, *words: str) -> tuple[int, str, str]:
        return self._run([sys.executable, "-m", "dockerkit.cli", *words])

    def _run(self, command: list[str]) -> tuple[int, str, str]:
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def both(live_daemon: LiveDaemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Three containers: one that runs, one that ended badly, one that never began."""
    both = Both(live_daemon.url, tmp_path_factory.mktemp("parity"))
    quiet = ("--network", "none")
    script = "echo hi; echo err >&2; echo new > /etc/new; rm /etc/passwd; exit 3"
    made = [
        both.docker("run", "-d", *quiet, "--name", "par-web", "-e", "A=1", "-l", "x=y", "busybox", "sleep", "1000"),
        both.docker("run", *quiet, "--name", "par-done", "busybox", "sh", "-c", script),
        both.docker("create", *quiet, "--name", "par-new", "-it", "busybox", "sh", "-c", "echo 'quoted' \"twice\""),
    ]
    assert [code for code, _, _ in made] == [0, 3, 0], made
    yield both
    both.docker("rm", "-f", "par-web", "par-done", "par-new")


def same(both: Both, *words: str) -> str:
    """Check that both say the same, and return what they said on standard output."""
    theirs, ours = both.docker(*words), both.ours(*words)
    if theirs != ours:  # a second may have passed between the two, which changes widths too
        theirs, ours = _timeless(theirs), _timeless(ours)
    assert ours == theirs
    return ours[1]


def _timeless(said: tuple[int, str, str]) -> tuple[int, str, str]:
    return said[0], re.sub(r" {3,}", "   ", _SPAN.sub("~", said[1])), said[2]


READ = [
    "ps", "ps -a", "ps -a --no-trunc", "ps -as", "ps -aq", "ps -q --no-trunc", "ps -l", "ps -n 2", "ps -a --format json",
    "ps -a -f status=exited", "ps -a -f name=par-web -f label=x=y", "container ls -a", "ps --format table", "ps -f name=nobody",
    "images", "images -q", "images --no-trunc", "images --digests", "images nosuch", "image ls --format json busybox:none",
    "inspect par-web", "inspect par-new par-done", "inspect busybox", "inspect --type image busybox", "inspect --type image par-web",
    "container inspect par-done", "image inspect busybox", "inspect nosuch", "inspect -s par-done", "image inspect nosuch",
    "logs par-done", "logs --tail 1 par-done", "logs -t par-done", "logs --until 2000-01-01T00:00:00Z par-done", "logs nosuch",
    "diff par-done", "diff par-web", "diff nosuch", "top par-web", "top par-done", "top par-web -o pid,comm", "port par-web",
    "history busybox", "history --no-trunc busybox", "history --format json busybox", "history -q busybox", "history nosuch",
    "system df", "system df --format json", "wait par-done", "wait nosuch", "port par-web 80",
    "stop nosuch", "kill par-done", "start nosuch", "pause par-done", "unpause par-web", "rm -f nosuch", "rm par-web", "rmi nosuch",
    "rename par-web par-web", "update par-web", "exec par-done ls", "exec nosuch ls", "attach par-done", "attach nosuch",
    "commit nosuch", "export nosuch", "cp par-web:/nosuch .", "cp par-web:/etc/hostname nodir/x", "cp a b", "stats --no-stream nosuch",
    "pull -q busybox", "container prune -f --filter label=nosuch", "tag nosuch x:y",
]  # fmt: skip


@pytest.mark.parametrize("words", READ)
def test_both_programs_say_the_same(both: Both, words: str) -> None:
    same(both, *words.split())


TEMPLATES = [
    ("ps", "-a", "--format", r"table {{.Names}}\t{{.ID}}\t{{.State}}\t{{.Label \"x\"}}".replace(r"\"", '"')),
    (
        "ps",
        "-a",
        "--format",
        "{{.ID}}: {{.Command}} {{.Image}} {{.Labels}} {{.Mounts}} {{.Networks}} {{.Ports}} {{.CreatedAt}}",
    ),
    ("ps", "-a", "--format", "{{json .Names}} {{upper .State}} {{.LocalVolumes}}"),
    ("ps", "--format", "{{.Nosuch}}"),
    ("ps", "--format", '{{if eq .State "running"}}up{{else}}down{{end}}'),
    ("images", "--format", r"{{.Repository}}\t{{.Tag}} {{.ID}} {{.Size}} {{.CreatedAt}} {{.CreatedSince}}"),
    ("inspect", "-f", "{{.Name}} {{.State.Running}} {{.Config.Cmd}} {{.HostConfig.Memory}} {{.Config.Labels}}", "par-web"),
    ("inspect", "-f", "{{json .Config.Env}} {{index .Config.Env 0}} {{len .Config.Env}}", "par-web"),
    ("inspect", "-f", "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "par-web", "par-done"),
    ("inspect", "-f", '{{join .Config.Env "+"}} {{printf "%s-%d" .Name .State.ExitCode}} {{println .ID}}', "par-done"),
    ("inspect", "-f", "{{range .Config.Env}}{{.}}|{{end}}{{with .State}}{{.ExitCode}}{{end}}", "par-done"),
    ("inspect", "-f", "{{.Nosuch}}", "par-web"),
    ("inspect", "-f", "{{foo}}", "par-web"),
    ("inspect", "-f", "{{.Name", "par-web"),
    ("inspect", "-f", "{{.Name}}", "par-web", "nosuch"),
    ("history", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}} {{.Comment}}", "busybox"),
    ("info", "-f", "{{.NCPU}} {{.OSType}} {{.Driver}} {{json .Swarm.LocalNodeState}}"),
    ("version", "-f", "{{.Server.Version}} {{.Server.APIVersion}}".replace("APIVersion", "Version")),
    ("system", "df", "--format", "{{.Type}}: {{.TotalCount}} {{.Size}} {{.Reclaimable}}"),
]


@pytest.mark.parametrize("words", TEMPLATES, ids=lambda words: " ".join(words)[:60])
def test_templates_come_out_the_same(both: Both, words: tuple[str, ...]) -> None:
    same(both, *words)


def test_events_come_out_the_same(both: Both) -> None:
    until = both.ours("info", "-f", "{{.SystemTime}}")[1].strip()
    for format in ([], ["--format", "json"], ["--format", "{{.Type}} {{.Action}} {{.Actor.ID}}"]):
        assert "container create" in same(both, "events", "--since", "10m", "--until", until, *format) or "json" in format


RUNS: list[tuple[str, ...]] = [
    ("sh", "-c", "echo hi; echo err >&2; exit 7"),
    ("nosuch",),
    ("/etc",),
    ("echo", "--rm", "-e"),
]
FLAGS: list[tuple[str, ...]] = [
    ("-e", "A=1", "-w", "/tmp", "-u", "1000:1000", "-h", "box", "busybox", "sh", "-c", "echo $A; pwd; id; hostname"),
    ("--read-only", "--tmpfs", "/x:size=1m,mode=700", "busybox", "sh", "-c", "touch /a; df /x | tail -1; stat -c %a /x"),
    ("--ulimit", "nofile=100:200", "--cap-drop", "ALL", "--pids-limit", "50", "busybox", "sh", "-c", "ulimit -n; ulimit -Hn"),
    ("--entrypoint", "echo", "busybox", "a", "b"),
    ("-a", "stdout", "busybox", "sh", "-c", "echo out; echo err >&2"),
    ("-m", "1m", "busybox", "true"),
    ("--pull", "never", "nosuch"),
    ("--restart", "always", "busybox"),
    ("-it", "busybox", "sh"),
    ("--mount", "type=tmpfs,dst=/y,tmpfs-size=1m", "busybox", "sh", "-c", "df /y | tail -1"),
]


@pytest.mark.parametrize("words", [*(("busybox", *each) for each in RUNS), *FLAGS], ids=" ".join)
def test_run_says_and_exits_the_same(both: Both, words: tuple[str, ...]) -> None:
    theirs = both.docker("run", "--rm", "--network", "none", *words)
    ours = both.ours("run", "--rm", "--network", "none", *words)
    said = theirs[2].replace("docker: ", "dockerkit: ").replace("docker run", "dockerkit run")
    hintless = "".join(line for line in ours[2].splitlines(keepends=True) if not line.startswith("  hint: "))
    assert (ours[0], ours[1], hintless) == (theirs[0], theirs[1], said)


def test_created_containers_have_the_same_record(both: Both) -> None:
    flags = "-it -e A=1 -l a=b -m 64m --cpus 0.5 --cap-add NET_ADMIN --tmpfs /x --restart on-failure:2 --health-cmd true"
    records = []
    for program in (both.docker, both.ours):
        code, id, said = program("create", "--network", "none", *flags.split(), "busybox", "sh")
        assert code == 0, said
        record: dict[str, Any] = json.loads(both.docker("inspect", id.strip())[1])[0]
        both.docker("rm", id.strip())
        records.append({part: record[part] for part in ("Config", "HostConfig", "Path", "Args")})
    for record in records:
        del record["HostConfig"]["MemorySwappiness"]  # -1 and null are the same
        record["HostConfig"]["CapAdd"] = [name.removeprefix("CAP_") for name in record["HostConfig"]["CapAdd"]]
        del record["Config"]["Hostname"]
        record["Config"]["Labels"].pop("dockerkit.client", None)
    ours, theirs = (_flat(record) for record in (records[1], records[0]))
    differ = {key: (theirs.get(key), ours.get(key)) for key in theirs | ours if theirs.get(key) != ours.get(key)}
    assert {key for key, (left, right) in differ.items() if left or right} == set(), differ


def _flat(document: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(document, dict) or not document:
        return {path: document}
    return {k: v for name, inner in document.items() for k, v in _flat(inner, f"{path}.{name}").items()}
