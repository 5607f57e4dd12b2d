"""The real docker command line against both engines: what a person sees."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.parity.commandline import Docker, Said

SECONDS = r"(Less than a|\d+) seconds?"


def test_run_prints_and_leaves_nothing(docker: Docker) -> None:
    assert docker.run("--name", "cli-echo", "busybox", "echo", "hi") == Said(0, "hi\n", "")
    assert docker("inspect", "cli-echo").code == 1


def test_run_on_the_default_network(docker: Docker) -> None:
    said = docker("run", "--rm", "busybox", "echo", "hi")
    assert (said.code, said.out) == (0, "hi\n")
    assert said.err == "" or (
        docker.engine.ours and said.err.startswith("WARNING: ")
    )  # ours has the loopback only, and says so


def test_both_streams_stay_apart(docker: Docker) -> None:
    assert docker.run("busybox", "sh", "-c", "echo out; echo err >&2; exit 7") == Said(7, "out\n", "err\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["busybox", "nosuch"], 127, r'exec: "nosuch": executable file not found in \$PATH'),
        (["busybox", "/nosuch"], 127, r"no such file or directory"),
        (["busybox", "/etc/passwd"], 126, r'exec: "/etc/passwd": permission denied'),
        (["busybox", "/tmp"], 126, r'exec: "/tmp": (permission denied|is a directory)'),
        (["--name", "/bad/", "busybox"], 125, r"Invalid container name \(/bad/\)"),
        (["-m", "1k", "busybox", "true"], 125, r"Minimum memory limit allowed is 6MB"),
        (["-w", "rel", "busybox", "true"], 125, r"the working directory 'rel' is invalid, it needs to be an absolute path"),
        (["--cap-add", "NOSUCH", "busybox", "true"], 125, r'unknown capability: "CAP_NOSUCH"'),
        (["--user", "nosuch", "busybox", "true"], 125, r"unable to find user nosuch: no matching entries in passwd file"),
    ],
)
def test_a_run_that_fails_says_why(docker: Docker, arguments: list[str], code: int, words: str) -> None:
    before = docker("ps", "-aq").out
    said = docker.run(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("docker: Error response from daemon: ")
    assert re.search(words, said.err), said.err
    assert docker("ps", "-aq").out == before


def test_a_missing_image_is_pulled_and_its_failure_said(docker: Docker) -> None:
    said = docker.run("nosuch", "true")
    assert (said.code, said.out) == (125, "")
    assert said.err.startswith("Unable to find image 'nosuch:latest' locally\n")
    assert "docker: Error response from daemon: " in said.err


def test_standard_input_reaches_the_program(docker: Docker) -> None:
    assert docker.run("-i", "busybox", "cat", input=b"in\nto\n") == Said(0, "in\nto\n", "")
    assert docker.run("-i", "busybox", "wc", "-c", input=b"x" * 1_000_000).out.strip() == "1000000"
    assert docker.run("busybox", "cat", input=b"not open") == Said(0, "", "")


def test_much_output_arrives_whole(docker: Docker) -> None:
    said = docker.run("busybox", "seq", "1", "100000")
    assert said.out == "".join(f"{n}\n" for n in range(1, 100001))


def test_options_reach_the_container(docker: Docker) -> None:
    said = docker.run(
        "-e",
        "A=1",
        "-h",
        "host",
        "-u",
        "1000:5",
        "-w",
        "/tmp",
        "--entrypoint",
        "sh",
        "busybox",
        "-c",
        "echo $A; hostname; id -u; id -g; pwd",
    )
    assert said.out == "1\nhost\n1000\n5\n/tmp\n"


def test_a_life_in_the_background(docker: Docker) -> None:
    said = docker(
        "run", "-d", "--network", "none", "--name", "cli-life", "busybox", "sh", "-c", "echo out; echo err >&2; exec sleep 100"
    )
    assert said.code == 0
    id = said.out.strip()
    assert re.fullmatch("[0-9a-f]{64}", id)
    table = docker("ps").out.splitlines()
    assert re.split(r"\s{2,}", table[0]) == ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    row = next(line for line in table if "cli-life" in line)
    assert re.fullmatch(
        rf"{id[:12]} +busybox +\"sh -c 'echo out; e\w*…\" +{SECONDS} ago +Up {SECONDS} +cli-life",
        row,
    )
    assert (
        docker("inspect", "-f", "{{.State.Status}} {{.Name}} {{.Config.Image}}", "cli-life").out
        == "running /cli-life busybox\n"
    )
    refused = docker("rm", "cli-life")
    assert refused.code == 1
    assert "running container" in refused.err or "container is running" in refused.err
    assert docker("kill", "cli-life") == Said(0, "cli-life\n", "")
    assert docker("wait", "cli-life") == Said(0, "137\n", "")
    assert docker("logs", "cli-life") == Said(0, "out\n", "err\n")
    assert docker("logs", "--tail", "0", "cli-life") == Said(0, "", "")
    row = next(line for line in docker("ps", "-a").out.splitlines() if "cli-life" in line)
    assert re.search(r"Exited \(137\) (Less than a|\d+) seconds? ago", row)
    assert docker("rm", "cli-life") == Said(0, "cli-life\n", "")
    assert docker("ps", "-aq", "--filter", "name=cli-life").out == ""


def test_ps_as_json_and_as_template(docker: Docker) -> None:
    docker("create", "--network", "none", "--name", "cli-json", "--label", "a=b", "busybox", "true")
    row = json.loads(docker("ps", "-a", "--filter", "name=cli-json", "--format", "{{json .}}").out)
    assert (row["Names"], row["Image"], row["Command"], row["State"], row["Status"], row["Networks"]) == (
        "cli-json",
        "busybox",
        '"true"',
        "created",
        "Created",
        "none",
    )
    assert "a=b" in row["Labels"].split(",")
    assert docker("ps", "-a", "--filter", "label=a=b", "--format", "{{.Names}}\t{{.Status}}").out == "cli-json\tCreated\n"


def test_create_start_attached_and_stop(docker: Docker) -> None:
    assert docker("create", "--network", "none", "--name", "cli-parts", "busybox", "sh", "-c", "echo hi; exit 3").code == 0
    assert docker("start", "-a", "cli-parts") == Said(3, "hi\n", "")
    assert docker("stop", "cli-parts") == Said(0, "cli-parts\n", "")
    assert docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "cli-parts").out == "exited 3\n"
    refused = docker("kill", "cli-parts")
    assert refused.code == 1
    assert re.search(r"(?i)cannot kill container: cli-parts: container [0-9a-f]{64} is not running", refused.err)
    assert docker("attach", "cli-parts").code == 1


def test_stop_after_its_time(docker: Docker) -> None:
    docker("run", "-d", "--network", "none", "--name", "cli-stop", "busybox", "sleep", "100")
    assert docker("stop", "-t", "0", "cli-stop") == Said(0, "cli-stop\n", "")
    assert docker("wait", "cli-stop").out == "137\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["rm", "nosuch"], 1, "No such container: nosuch"),
        (["rm", "-f", "nosuch"], 0, "No such container: nosuch"),
        (["kill", "nosuch"], 1, "No such container: nosuch"),
        (["stop", "nosuch"], 1, "No such container: nosuch"),
        (["start", "nosuch"], 1, "No such container: nosuch"),
        (["logs", "nosuch"], 1, "No such container: nosuch"),
        (["wait", "nosuch"], 1, "No such container: nosuch"),
        (["inspect", "nosuch"], 1, "No such object: nosuch"),
        (["attach", "nosuch"], 1, "No such container: nosuch"),
        (["rmi", "nosuch"], 1, "No such image: nosuch"),
        (["image", "inspect", "nosuch"], 1, "No such image: nosuch"),
    ],
)
def test_what_is_missing_is_named(docker: Docker, arguments: list[str], code: int, words: str) -> None:
    said = docker(*arguments)
    assert said.code == code
    assert words.lower() in said.err.lower()  # newer command lines: "no such object"


def test_a_taken_name(docker: Docker) -> None:
    docker("create", "--network", "none", "--name", "cli-taken", "busybox")
    said = docker("create", "--network", "none", "--name", "cli-taken", "busybox")
    assert said.code == 1
    assert 'The container name "/cli-taken" is already in use by container' in said.err


def test_a_failed_run_in_the_background_stays_created(docker: Docker) -> None:
    said = docker("run", "-d", "--network", "none", "--name", "cli-failed", "busybox", "nosuch")
    assert said.code == 127
    assert docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "cli-failed").out == "created 127\n"
    assert docker("rm", "cli-failed").code == 0


def test_version_and_info_print_completely(docker: Docker) -> None:
    said = docker("version")
    assert said.code == 0
    assert "Server:" in said.out
    assert re.search(rf"API version: +{re.escape(docker.engine.version)} \(minimum version 1\.\d+\)", said.out)
    assert docker("version", "--format", "{{.Server.APIVersion}} {{.Server.Os}}").out == f"{docker.engine.version} linux\n"
    said = docker("info")
    assert (said.code, [line for line in said.err.splitlines() if not line.startswith("WARNING:")]) == (0, [])
    for words in (
        "Server Version: ",
        "Storage Driver: ",
        "Cgroup Version: ",
        "Kernel Version: ",
        "Total Memory: ",
        "Docker Root Dir: ",
        "Swarm: inactive",
    ):
        assert words in said.out
    assert int(docker("info", "--format", "{{.NCPU}}").out) == os.cpu_count()


def test_images_are_listed_and_inspected(docker: Docker) -> None:
    table = docker("images", "busybox").out.splitlines()
    assert re.split(r"\s{2,}", table[0])[:2] == ["REPOSITORY", "TAG"]
    assert re.match(r"busybox +latest +[0-9a-f]{12} ", table[1])
    said = docker(
        "image", "inspect", "-f", "{{.Id}} {{.Os}} {{.Architecture}} {{json .Config.Cmd}} {{json .RepoTags}}", "busybox"
    )
    assert re.fullmatch(r'sha256:[0-9a-f]{64} linux \w+ \["sh"\] \["busybox:latest"\]\n', said.out)
    assert docker("history", "-q", "busybox").code == 0


def test_an_image_in_use_is_not_removed_but_a_second_name_is(docker: Docker) -> None:
    docker("create", "--network", "none", "--name", "cli-uses", "busybox")
    said = docker("rmi", "busybox")
    assert said.code == 1
    assert re.search(r"conflict: unable to (remove repository reference|delete) .*busybox.* \(must (be )?force", said.err), (
        said.err
    )
    assert docker("tag", "busybox", "other:1").code == 0
    assert docker("rmi", "other:1") == Said(0, "Untagged: other:1\n", "")
    assert docker("image", "inspect", "busybox").code == 0
