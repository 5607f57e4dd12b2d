# ruff: noqa: E501 (tables of command lines)
"""The docker program and ours on images, side by side on one daemon with docker-registry beside it: words, output, exit codes."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.system.registry.beside import MISSING, PASSWORD, USER, registry_beside

DOCKER = shutil.which("docker") or ""
VERSION = subprocess.run([DOCKER, "--version"], capture_output=True, text=True, check=False).stdout if DOCKER else ""
pytestmark = [
    pytest.mark.system,
    pytest.mark.parity,
    pytest.mark.skipif(not re.search(r"version 28\.", VERSION), reason="no docker program of version 28"),
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]
HOME = str(pathlib.Path(__file__).resolve().parents[3])
Said = tuple[int, str, str]


class Both:
    """Runs a command line with both programs; each has a configuration of its own."""

    def __init__(self, url: str, folder: pathlib.Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "DOCKER_HOST": url, "PYTHONPATH": HOME, "DOCKER_CLI_HINTS": "false"}
        self.environment.pop("DOCKERKIT_HOST", None)

    def docker(self, *words: str, input: bytes = b"") -> Said:
        return self._run([DOCKER, *words], "docker", input)

    def ours(self, *words: str, input: bytes = b"") -> Said:
        code, out, err = self._run([sys.executable, "-m", "dockerkit.cli", *words], "ours", input)
        hintless = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("  hint: "))
        return code, out, hintless.replace("dockerkit", "docker")

    def config(self, who: str) -> Any:
        path = self.folder / who / "config.json"
        return json.loads(path.read_text()) if path.exists() else None

    def _run(self, command: list[str], who: str, input: bytes) -> Said:
        environment = {**self.environment, "DOCKER_CONFIG": str(self.folder / who)}
        done = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, timeout=60, check=False, input=input
        )
        err = done.stderr.decode().replace(str(self.folder / who), "CONFIG")
        return done.returncode, done.stdout.decode("utf-8", "replace"), err

    def same(self, *words: str, input: bytes = b"", before: tuple[str, ...] = ()) -> Said:
        """Check that both say the same; `before` each, something is brought back to where it was."""
        said = []
        for program in (self.docker, self.ours):
            if before:
                self.docker(*before)
            said.append(program(*words, input=input))
        assert said[1] == said[0]
        return said[1]


@pytest.fixture(scope="module")
def both(daemon_factory: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    daemon = daemon_factory(DOCKERKIT_BOOTSTRAP="auto")
    daemon.bootstrap("busybox")
    made = Both(daemon.url, tmp_path_factory.mktemp("both"))
    with tarfile.open(made.folder / "tree.tar", "w") as tar:
        tar.add(__file__, "file")
    (made.folder / "rubbish").write_text("no archive")
    made.docker("save", "-o", "box.tar", "busybox")
    yield made


@pytest.fixture(scope="module")
def registry(both: Both, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with ``team/box:1`` and ``:2``, and the daemon's names for them."""
    with registry_beside(both.environment["DOCKER_HOST"], tmp_path_factory.mktemp("open")) as name:
        for tag in ("1", "2"):
            both.docker("tag", "busybox", f"{name}/team/box:{tag}")
            assert both.docker("push", f"{name}/team/box:{tag}")[0] == 0
        yield name


@pytest.fixture(scope="module")
def guarded(both: Both, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry_beside(both.environment["DOCKER_HOST"], tmp_path_factory.mktemp("guarded"), guarded=True) as name:
        yield name


READ = [
    "save -o /nosuch/x.tar busybox", "save -o . busybox", "save nosuch", "load -i nosuch.tar", "load -i rubbish", "load -i tree.tar",
    "load -i box.tar", "load -q -i box.tar", "import nosuch.tar", "import -c RUN tree.tar", "push nosuch.example/x", "pull A:b",
    "push A:b", "push -a busybox:1", "pull -a busybox:1", "push busybox@sha256:" + "0" * 64, "tag busybox A:b", "tag nosuch x:y", "rmi nosuch",
    "rmi -f nosuch", "rmi nosuch nosuch2", "image rm nosuch", "image remove nosuch", "image list -q", "image ls --filter dangling=maybe",
    "image ls --filter nosuch=x", "images --filter reference=busy*", "images --digests", "images --filter dangling=true", "image history nosuch",
    "login -u alice", "login -u alice --password-stdin", "login --password-stdin", "login -u a -p b --password-stdin", "logout",
    "logout reg.example.org", "search --limit 200 x", "search --filter nosuch=x x", "search -f stars=x x", "image prune -f --filter label=nosuch",
    "image inspect nosuch", "image inspect busybox --format {{.Id}}", "load --nosuch", "search --limit x y",
]  # fmt: skip


@pytest.mark.parametrize("words", READ)
def test_both_programs_say_the_same(both: Both, words: str) -> None:
    code, out, err = both.docker(*words.split())
    ours = both.ours(*words.split())
    if words == "search --limit x y":  # docker tells of Go's parser
        assert (ours[0], code) == (125, 125)
        return
    assert ours == (code, out, err)


def test_archives_are_the_same_bytes(both: Both) -> None:
    assert both.ours("save", "-o", "ours.tar", "busybox") == (0, "", "")
    ours, theirs = both.folder / "ours.tar", both.folder / "box.tar"
    assert (ours.read_bytes(), ours.stat().st_mode) == (theirs.read_bytes(), theirs.stat().st_mode)
    both.same("load", input=theirs.read_bytes())


def test_import_says_the_id(both: Both) -> None:
    for program in (both.docker, both.ours):
        code, out, err = program(
            "import", "-m", "said", "-c", 'CMD ["sh"]', "-", "im/p:1", input=(both.folder / "tree.tar").read_bytes()
        )
        assert (code, err) == (0, "")
        record = json.loads(program("image", "inspect", "im/p:1")[1])[0]
        assert (record["Id"], record["Comment"], record["Config"]["Cmd"]) == (out.strip(), "said", ["sh"])
    assert both.ours("rmi", "im/p:1")[0] == 0
    both.docker("image", "prune", "-f")


MOVES = [
    ("push {}/team/box:1", ()),
    ("push -q {}/team/box:1", ()),
    ("push -q -a {}/team/box", ()),
    ("push -a {}/team/box", ()),
    ("push {}/team/box", ()),
    ("push {}/team/nosuch:1", ()),
    ("push 127.0.0.1:1/x:1", ("tag", "busybox", "127.0.0.1:1/x:1")),
    ("pull {}/team/box:1", ()),
    ("pull {}/team/box:1", ("rmi", "{}/team/box:1")),
    ("pull -q {}/team/box:1", ("rmi", "{}/team/box:1")),
    ("pull -a {}/team/box", ()),
    ("pull {}/team/box", ()),
    ("pull {}/team/box:nosuch", ()),
    ("pull {}/nosuch", ()),
    ("pull --platform bogus {}/team/box:1", ()),
    ("pull 127.0.0.1:1/x:2", ()),
    ("run --rm --network none {}/team/box:2 echo hi", ("rmi", "{}/team/box:2")),
    ("search {}/x", ()),
]


@pytest.mark.parametrize(("words", "before"), MOVES)
def test_what_moves_is_told_the_same(both: Both, registry: str, words: str, before: tuple[str, ...]) -> None:
    said = both.same(*words.format(registry).split(), before=tuple(word.format(registry) for word in before))
    assert said[0] == 0 or said[2]


def test_a_layer_that_comes_is_told_the_same(both: Both, registry: str) -> None:
    both.docker("import", "tree.tar", f"{registry}/tree:1")
    both.docker("push", f"{registry}/tree:1")
    code, out, err = both.same("pull", f"{registry}/tree:1", before=("rmi", "-f", f"{registry}/tree:1"))
    assert (code, err) == (0, "")
    assert "Pull complete" in out
    both.docker("rmi", f"{registry}/tree:1")


def test_logins_are_told_and_kept_the_same(both: Both, guarded: str) -> None:
    both.docker("tag", "busybox", f"{guarded}/x:1")
    both.same("push", f"{guarded}/x:1")
    both.same("login", "-u", USER, "-p", "wrong", guarded)
    both.same("login", "-u", USER, "--password-stdin", guarded, input=b"wrong\n")
    assert both.config("ours") in (None, {"auths": {}})
    code, out, err = both.same("login", "-u", USER, "--password-stdin", f"http://{guarded}", input=f"{PASSWORD}\n".encode())
    assert (code, out) == (0, "Login Succeeded\n")
    assert "stored unencrypted in 'CONFIG/config.json'" in err
    assert both.config("ours") == both.config("docker")
    assert (both.folder / "ours" / "config.json").read_text() == (both.folder / "docker" / "config.json").read_text()
    assert "Authenticating with existing credentials" in both.same("login", guarded)[2]
    both.same("login", "-u", USER, "-p", PASSWORD, guarded)
    both.docker("push", f"{guarded}/x:1")
    both.same("push", f"{guarded}/x:1")
    both.same("pull", f"{guarded}/x:1")
    both.same("logout", guarded)
    both.same("logout", guarded)
    assert both.config("ours") == both.config("docker")
    both.same("pull", f"{guarded}/x:1")
    both.docker("rmi", f"{guarded}/x:1")


def test_looking_inside_is_a_word_of_ours(both: Both) -> None:
    code, out, _ = both.ours("image", "explore", "busybox")
    assert code == 0
    assert out.startswith("image ")
    assert "LAYER" in out
    assert "/bin" in both.ours("image", "explore", "--layer", "0", "busybox")[1]
    assert both.ours("image", "explore", "--layer", "9", "busybox")[0] == 1
