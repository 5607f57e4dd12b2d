"""The real docker command line on containers that live: terminals, following, entering, moving, watching."""

from __future__ import annotations

import json
import re
import tarfile
import time
import uuid
from pathlib import Path

import pytest

from tests.parity.commandline import Docker, Said

pytestmark = pytest.mark.timeout(60)
pexpect = pytest.importorskip("pexpect", reason="pexpect is not installed (pip install pexpect)")
PROMPT = "ready[#] "


@pytest.fixture
def name() -> str:
    """A name no container had before: events are asked for by it."""
    return f"cli-{uuid.uuid4().hex[:12]}"


def background(docker: Docker, name: str, *command: str, options: tuple[str, ...] = ()) -> None:
    """``docker run -d``."""
    said = docker("run", "-d", "--network", "none", "--name", name, *options, "busybox", *(command or ("sleep", "1000")))
    assert said.code == 0, said


def test_run_on_a_terminal(docker: Docker, name: str) -> None:
    shell = docker.on_terminal("run", "-it", "--rm", "--network", "none", "-e", "PS1=ready# ", "busybox", "sh")
    shell.expect(PROMPT)
    shell.sendline("stty size; tty; echo $((6*7))")
    shell.expect("30 100")
    shell.expect("/dev/pts/0")
    shell.expect("42")
    shell.setwinsize(41, 111)
    shell.sendline("while ! stty size | grep '41 111'; do :; done")
    shell.expect("\n41 111")
    shell.sendline("exit 5")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 5


def test_ctrl_c_and_end_of_file_on_a_terminal(docker: Docker, name: str) -> None:
    shell = docker.on_terminal("run", "-it", "--rm", "--network", "none", "-e", "PS1=ready# ", "busybox", "sh")
    shell.expect(PROMPT)
    shell.sendline("echo $((6*7)); sleep 1000")
    shell.expect("42")
    shell.sendintr()
    shell.expect(PROMPT)
    shell.sendeof()
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 130  # of the last command


def test_detach_and_attach_again(docker: Docker, name: str) -> None:
    shell = docker.on_terminal("run", "-it", "--name", name, "--network", "none", "-e", "PS1=ready# ", "busybox", "sh")
    shell.expect(PROMPT)
    shell.send("\x10\x11")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0
    assert docker("inspect", "-f", "{{.State.Status}}", name).out == "running\n"
    again = docker.on_terminal("attach", "--detach-keys", "ctrl-x,x", name)
    again.sendline("echo still $((1+1))")
    again.expect("still 2")
    again.send("\x18x")
    again.expect(pexpect.EOF)
    again.close()
    assert docker("inspect", "-f", "{{.State.Status}}", name).out == "running\n"
    last = docker.on_terminal("attach", name)
    last.sendline("exit 6")
    last.expect(pexpect.EOF)
    last.close()
    assert last.exitstatus == 6


def test_attach_without_a_terminal(docker: Docker, name: str) -> None:
    background(docker, name, "sh", "-c", "read x; echo got $x; sleep 0.3; exit 3", options=("-i",))
    said = docker("attach", name, input=b"hello\n")
    assert said.code == 3
    assert said.out == "got hello\n" or not docker.engine.ours  # 20.10 stops writing when the input is over
    stopped = docker("attach", name)
    assert (stopped.code, "cannot attach to a stopped container" in stopped.err) == (1, True)


def test_exec(docker: Docker, name: str) -> None:
    background(docker, name)
    assert docker("exec", name, "sh", "-c", "echo out; echo err >&2; exit 7") == Said(7, "out\n", "err\n")
    assert docker("exec", "-i", name, "cat", input=b"in\n") == Said(0, "in\n", "")
    assert (
        docker("exec", "-u", "daemon", "-w", "/tmp", "-e", "A=1", name, "sh", "-c", "id -u; pwd; echo $A").out == "1\n/tmp\n1\n"
    )
    assert docker("exec", "-d", name, "true") == Said(0, "", "")
    for command, codes, words in (
        ("nosuch", (126, 127), "executable file not found in $PATH"),
        ("/etc/passwd", (126,), "permission denied"),
    ):
        said = docker("exec", name, command)
        assert (said.code in codes, words in said.out + said.err) == (True, True), said
    docker("kill", name)
    said = docker("exec", name, "true")
    assert said.code == 1
    assert re.search("(?i)container [0-9a-f]{64} is not running", said.err)
    assert docker("exec", "nosuch", "true").code == 1


def test_exec_on_a_terminal(docker: Docker, name: str) -> None:
    background(docker, name)
    shell = docker.on_terminal("exec", "-it", "-e", "PS1=ready# ", name, "sh")
    shell.expect(PROMPT)
    shell.sendline("while ! stty size | grep '30 100'; do :; done; exit 9")
    shell.expect("\n30 100")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 9


def test_logs_are_followed(docker: Docker, name: str) -> None:
    background(docker, name, "sh", "-c", "mkfifo /f; echo first; while cat /f; do :; done")
    with docker.watched("logs", "-f", "-t", "--tail", "1", name) as logs:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z first", logs.line())
        docker("exec", name, "sh", "-c", "echo second >/f")
        assert logs.line().endswith(" second")
        docker("kill", name)
        assert (logs.rest(), logs.code()) == ("", 0)
    assert docker("logs", "--since", "10m", "--until", "1s", name).code == 0
    assert docker("logs", "--since", "1h", "-n", "1", name).out == "second\n"


def test_top(docker: Docker, name: str) -> None:
    background(docker, name)
    lines = docker("top", name).out.splitlines()
    assert lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert re.fullmatch(r"root +\d+ +\d+ +\d+ +\S+ +\? +00:00:00 +sleep 1000", lines[1])
    assert (
        docker("top", name, "-o", "pid,comm").out.split()[::3] == ["PID", "sleep"]
        or "sleep" in docker("top", name, "-o", "pid,comm").out
    )


def test_stats(docker: Docker, name: str) -> None:
    background(docker, name, options=("-m", "64m"))
    lines = docker("stats", "--no-stream", name).out.splitlines()
    assert re.split(r" {2,}", lines[0].strip()) == [
        "CONTAINER ID",
        "NAME",
        "CPU %",
        "MEM USAGE / LIMIT",
        "MEM %",
        "NET I/O",
        "BLOCK I/O",
        "PIDS",
    ]
    cells = re.split(r" {2,}", lines[1].strip())
    assert (cells[1], cells[7]) == (name, "1")
    assert re.fullmatch(r"[\d.]+%", cells[2])
    assert re.fullmatch(r"[\d.]+[KM]iB / 64MiB", cells[3])
    row = json.loads(docker("stats", "--no-stream", "--format", "{{json .}}", name).out)
    assert (row["Name"], row["PIDs"]) == (name, "1")
    missing = docker("stats", "--no-stream", "nosuch")
    assert (missing.code, "No such container: nosuch" in missing.err) == (1, True)


def test_cp(docker: Docker, name: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "file").write_text("content")
    (source / "sub" / "link").symlink_to("../file")
    background(docker, name)
    stopped = f"{name}-stopped"
    docker("create", "--network", "none", "--name", stopped, "busybox", "cat", "/tmp/dir/file")
    for where in (name, stopped):
        assert docker("cp", str(source / "file"), f"{where}:/tmp/renamed").code == 0
        assert docker("cp", str(source), f"{where}:/tmp/dir").code == 0
        assert docker("cp", f"{source}/.", f"{where}:/tmp/dir").code == 0
        back = tmp_path / f"back-{where}"
        assert docker("cp", f"{where}:/tmp/dir", str(back)).code == 0
        assert ((back / "file").read_text(), str((back / "sub" / "link").readlink())) == ("content", "../file")
        assert docker("cp", "-L", f"{where}:/tmp/dir/sub/link", str(tmp_path / f"followed-{where}")).code == 0
        assert (tmp_path / f"followed-{where}").read_text() == "content"
        assert docker("cp", f"{where}:/tmp/renamed", "-").out.startswith("renamed\0")
        missing = docker("cp", f"{where}:/nosuch", str(tmp_path))
        assert (missing.code, "Could not find the file /nosuch in container" in missing.err) == (1, True)
        refused = docker("cp", str(source / "file"), f"{where}:/nosuch/dir/")
        assert refused.code == 1
        assert re.search("no such directory|Could not find the file", refused.err)
    assert docker("start", "-a", stopped).out == "content"


def test_cp_from_standard_input(docker: Docker, name: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("piped")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        tar.add(tmp_path / "f", "f")
    background(docker, name)
    assert docker("cp", "-", f"{name}:/tmp", input=(tmp_path / "t.tar").read_bytes()).code == 0
    assert docker("exec", name, "cat", "/tmp/f").out == "piped"


def test_diff_commit_and_the_image(docker: Docker, name: str) -> None:
    background(docker, name, "sh", "-c", "echo x >/new; rm /etc/group; exec sleep 1000")
    with docker.watched("events", "--since", "1m", "--filter", f"container={name}") as events:
        events.until("start")
    docker("exec", name, "sh", "-c", "while test -e /etc/group; do :; done")
    assert sorted(docker("diff", name).out.splitlines()) == ["A /new", "C /etc", "D /etc/group"]
    said = docker("commit", "-a", "me", "-m", "why", "-c", 'CMD ["cat", "/new"]', name, "cli-committed:1")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", said.out)
    try:
        assert docker.run("cli-committed:1") == Said(0, "x\n", "")
        row = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "cli-committed:1").out.splitlines()[0]
        assert row.endswith("|why")
        assert docker("image", "inspect", "-f", "{{.Author}} {{.Comment}}", "cli-committed:1").out == "me why\n"
    finally:
        assert docker("rmi", "cli-committed:1").code == 0


def test_export(docker: Docker, name: str, tmp_path: Path) -> None:
    background(docker, name)
    assert docker("export", "-o", str(tmp_path / "out.tar"), name).code == 0
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert "bin/busybox" in tar.getnames()


def test_pause_and_unpause(docker: Docker, name: str) -> None:
    background(docker, name)
    assert docker("pause", name) == Said(0, f"{name}\n", "")
    assert re.fullmatch(r"Up .* \(Paused\)\n", docker("ps", "--filter", f"name={name}", "--format", "{{.Status}}").out)
    assert "is paused, unpause the container before exec" in docker("exec", name, "true").err
    assert "is already paused" in docker("pause", name).err
    assert docker("unpause", name) == Said(0, f"{name}\n", "")
    assert "is not paused" in docker("unpause", name).err


def test_update_rename_restart_and_wait(docker: Docker, name: str) -> None:
    background(docker, name)
    assert docker("update", "--memory", "64m", "--memory-swap", "128m", "--cpus", "0.5", "--pids-limit", "50", name).code == 0
    assert docker("update", "--restart", "on-failure:3", name).code == 0
    shown = docker("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}", name)
    assert shown.out == f"{64 << 20} 500000000 on-failure\n"
    assert docker("update", "--memory", "1k", name).code == 1
    assert docker("rename", name, "cli-renamed") == Said(0, "", "")
    assert docker("rename", "cli-renamed", "a/b").code == 1
    assert docker("restart", "-t", "0", "cli-renamed") == Said(0, "cli-renamed\n", "")
    with docker.watched("wait", "cli-renamed") as waiting, docker.watched("events", "--since", "1m") as events:
        events.until("restart")
        docker("kill", "cli-renamed")
        assert waiting.line() == "137"


def test_events(docker: Docker, name: str) -> None:
    background(docker, name, "true", options=("--label", "cli=events"))
    docker("wait", name)
    said = docker(
        "events",
        "--since",
        "1m",
        "--until",
        str(int(time.time()) + 1),
        "--filter",
        f"container={name}",
        "--filter",
        "type=container",
    )
    assert [re.sub(r"^\S+ (container \S+) .*", r"\1", line) for line in said.out.splitlines()] == [
        "container create",
        "container start",
        "container die",
    ]
    with docker.watched("events", "--format", "{{json .}}", "--filter", "label=cli=events", "--since", "1m") as events:
        assert json.loads(events.line())["Action"] == "create"
        docker("rm", name)
        assert json.loads(events.until("destroy"))["Actor"]["Attributes"]["name"] == name


def test_health_is_seen(docker: Docker, name: str) -> None:
    background(docker, name, options=("--health-cmd", "true", "--health-interval", "100ms"))
    with docker.watched("events", "--since", "1m", "--filter", f"container={name}") as events:
        events.until("health_status: healthy")
    assert re.fullmatch(r"Up .* \(healthy\)\n", docker("ps", "--filter", "health=healthy", "--format", "{{.Status}}").out)
    assert docker("inspect", "-f", "{{.State.Health.Status}}", name).out == "healthy\n"
    docker("rm", "-f", name)
    background(docker, name, options=("--no-healthcheck",))
    assert docker("inspect", "-f", "{{json .State.Health}}", name).out in (
        "null\n",
        '{"Status":"none","FailingStreak":0,"Log":null}\n',
    )


def test_restart_policies_are_followed(docker: Docker, name: str) -> None:
    background(docker, name, "sh", "-c", "echo run; exit 1", options=("--restart", "on-failure:2"))
    with docker.watched("events", "--since", "1m", "--filter", f"container={name}", "--filter", "event=die") as events:
        for _ in range(3):
            events.line()
    docker("wait", name)  # of a container that has ended: answers at once
    assert docker("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", name).out == "2 exited\n"
    assert docker("logs", name).out == "run\n" * 3


def test_disk_usage_and_prune(docker: Docker, name: str) -> None:
    docker("create", "--network", "none", "--name", name, "--label", "cli=prune", "busybox", "true")
    lines = docker("system", "df").out.splitlines()
    assert re.split(r" {2,}", lines[0].strip()) == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    assert [re.split(r" {2,}", line)[0] for line in lines[1:]] == ["Images", "Containers", "Local Volumes", "Build Cache"]
    assert name in docker("system", "df", "-v").out
    said = docker("container", "prune", "-f", "--filter", "label=cli=prune")
    assert (said.code, said.out.startswith("Deleted Containers:\n")) == (0, True)
    assert "Total reclaimed space: 0B" in said.out
    said = docker("system", "prune", "-f", "--filter", "label=cli=nosuch")
    assert (said.code, said.out) == (0, "Total reclaimed space: 0B\n")


def test_stop_with_signal_and_port_and_info(docker: Docker, name: str) -> None:
    script = "trap 'exit 4' USR1; touch /trapped; while :; do sleep 0.05; done"
    background(docker, name, "sh", "-c", script, options=("--stop-signal", "USR1"))
    docker("exec", name, "sh", "-c", "until test -e /trapped; do :; done")
    assert docker("stop", "-t", "20", name).code == 0
    assert docker("inspect", "-f", "{{.State.ExitCode}}", name).out == "4\n"
    assert docker("port", name) == Said(0, "", "")
    info = json.loads(docker("info", "--format", "{{json .}}").out)
    assert {"ContainersRunning", "ContainersPaused", "ContainersStopped"} <= set(info)
