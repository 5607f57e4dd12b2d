# ruff: noqa: E501 (one flag a line)
"""From a command line to a wish and a request, without an engine; detach keys; where ``cp`` puts things."""

from __future__ import annotations

import os
import pathlib
import stat
from typing import Any

import click
import pytest

from dockerkit.cli import create
from dockerkit.cli.copying import split
from dockerkit.cli.create import Wanted
from dockerkit.cli.detaching import DetachKeys, read_keys
from dockerkit.cli.mounts import read_mounts
from dockerkit.cli.placing import place_here, place_inside
from dockerkit.cli.refusals import Failure
from dockerkit.cli.run import run
from dockerkit.client.options import WORDS
from dockerkit.schema.container import CreateRequest
from dockerkit.schema.wire import plain


class OneEngine:
    """An engine of whom only is asked who it is."""

    foreign = True
    local = False


def request_of(monkeypatch: pytest.MonkeyPatch, *words: str, attached: tuple[str, ...] = ()) -> CreateRequest:
    """Return the request that ``run`` would make of this command line on Docker."""
    with run.make_context("run", [*words, "img", "cmd"]) as ctx:
        said: dict[str, Any] = dict(ctx.params)
        command = said.pop("command")
        monkeypatch.setattr(create, "client", type("Client", (), {"engine": OneEngine()}))
        return Wanted(said.pop("image"), command, said).request(attached=attached)


@pytest.mark.parametrize(
    ("words", "path", "value"),
    [
        ("-e A=1 --env B=", "Env", ["A=1", "B="]),
        ("-e NOT_SET_HERE", "Env", ["NOT_SET_HERE"]),
        ("-w /x -u 1:2 -h box", "WorkingDir User Hostname", ["/x", "1:2", "box"]),
        ("-m 64m --cpus 0.5 --pids-limit -1", "HostConfig.Memory HostConfig.NanoCpus HostConfig.PidsLimit", [2**26, 500000000, -1]),
        ("--cap-add NET_ADMIN --cap-drop all", "HostConfig.CapAdd HostConfig.CapDrop", [["NET_ADMIN"], ["ALL"]]),
        ("--privileged --read-only --init", "HostConfig.Privileged HostConfig.ReadonlyRootfs HostConfig.Init", [True] * 3),
        ("--privileged=false --rm=true", "HostConfig.Privileged HostConfig.AutoRemove", [False, True]),
        ("-it", "Tty OpenStdin StdinOnce", [True, True, False]),
        ("-ti", "Tty OpenStdin", [True, True]),
        ("--tmpfs /a:size=1m,mode=700 --tmpfs /b", "HostConfig.Tmpfs", {"/a": "size=1m,mode=700", "/b": ""}),
        (
            "--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770,ro",
            "HostConfig.Mounts",
            [
                {"Target": "/t", "Source": "", "Type": "tmpfs", "ReadOnly": True, "Consistency": "",
                 "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 0o1770}},
            ],
        ),
        ("-v /a:/b:ro -v data:/d", "HostConfig.Binds", ["/a:/b:ro", "data:/d"]),
        (
            "--mount type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave",
            "HostConfig.Mounts",
            [
                {"Target": "/b", "Source": "/a", "Type": "bind", "ReadOnly": True, "Consistency": "",
                 "BindOptions": {"Propagation": "rslave"}},
            ],
        ),
        (
            "--mount src=data,dst=/d,volume-nocopy,volume-subpath=a/b,volume-driver=x,volume-opt=o=1,volume-label=l=2",
            "HostConfig.Mounts",
            [
                {"Target": "/d", "Source": "data", "Type": "volume", "ReadOnly": False, "Consistency": "",
                 "VolumeOptions": {"NoCopy": True, "Subpath": "a/b", "DriverConfig": {"Name": "x", "Options": {"o": "1"}},
                                   "Labels": {"l": "2"}}},
            ],
        ),
        ("--volumes-from other:ro --volume-driver x", "HostConfig.VolumesFrom", ["other:ro"]),
        ("--network none", "HostConfig.NetworkMode NetworkingConfig.EndpointsConfig", ["none", {"none": {}}]),
        ("--net back --net-alias x --ip 10.0.0.9 --link db:base", "HostConfig.NetworkMode NetworkingConfig.EndpointsConfig", ["back", {"back": {"Aliases": ["x"], "Links": ["db:base"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}}]),
        ("--network name=a,alias=x,alias=y,ip6=fd00::9,gw-priority=1,driver-opt=k=v --network b --mac-address 02:42:ac:11:00:02", "NetworkingConfig.EndpointsConfig",
         {"a": {"Aliases": ["x", "y"], "IPAMConfig": {"IPv6Address": "fd00::9"}, "GwPriority": 1, "DriverOpts": {"k": "v"}, "MacAddress": "02:42:ac:11:00:02"}, "b": {}}),
        ("--link db:base", "HostConfig.Links HostConfig.NetworkMode", [["db:base"], "default"]),
        ("--dns-search x.y --dns-opt ndots:2 --domainname d.e", "HostConfig.DnsSearch HostConfig.DnsOptions Domainname", [["x.y"], ["ndots:2"], "d.e"]),
        ("-P --expose 90-91/udp --expose 7", "HostConfig.PublishAllPorts ExposedPorts", [True, {"90/udp": {}, "91/udp": {}, "7/tcp": {}}]),
        ("-p 8000-8010:80 -p [::1]::81/udp -p 1.2.3.4:90-91:92-93", "HostConfig.PortBindings",
         {"80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}], "81/udp": [{"HostIp": "::1", "HostPort": ""}],
          "92/tcp": [{"HostIp": "1.2.3.4", "HostPort": "90"}], "93/tcp": [{"HostIp": "1.2.3.4", "HostPort": "91"}]}),
        ("-p published=8080,target=80,protocol=udp", "HostConfig.PortBindings", {"80/udp": [{"HostIp": "", "HostPort": "8080"}]}),
        ("-l a=b --label c", "Labels", {"a": "b", "c": ""}),
        ("--entrypoint sh", "Entrypoint", ["sh"]),
        ("--stop-signal INT --stop-timeout 3", "StopSignal StopTimeout", ["INT", 3]),
        ("--restart on-failure:3", "HostConfig.RestartPolicy", {"Name": "on-failure", "MaximumRetryCount": 3}),
        ("--health-cmd true --health-interval 2s --health-retries 3", "Healthcheck.Test Healthcheck.Interval Healthcheck.Retries",
         [["CMD-SHELL", "true"], 2 * 10**9, 3]),
        ("--no-healthcheck", "Healthcheck.Test", ["NONE"]),
        ("--ulimit nofile=1:2", "HostConfig.Ulimits", [{"Name": "nofile", "Soft": 1, "Hard": 2}]),
        ("--shm-size 1m --memory-swap -1", "HostConfig.ShmSize HostConfig.MemorySwap", [2**20, -1]),
        ("--device /dev/fuse:/dev/x:r", "HostConfig.Devices", [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}]),
        ("--add-host a:1.2.3.4 --dns 9.9.9.9", "HostConfig.ExtraHosts HostConfig.Dns", [["a:1.2.3.4"], ["9.9.9.9"]]),
        ("-p 80:8080", "HostConfig.PortBindings", {"8080/tcp": [{"HostIp": "", "HostPort": "80"}]}),
        ("--group-add a --group-add 5 --pid host --ipc private", "HostConfig.GroupAdd HostConfig.PidMode HostConfig.IpcMode", [["a", "5"], "host", "private"]),
        ("--log-driver local --log-opt max-size=1m", "HostConfig.LogConfig", {"Type": "local", "Config": {"max-size": "1m"}}),
        ("--sysctl net.x=1 --security-opt no-new-privileges", "HostConfig.Sysctls HostConfig.SecurityOpt", [{"net.x": "1"}, ["no-new-privileges"]]),
        ("-c 512 --cpuset-cpus 0 --oom-kill-disable", "HostConfig.CpuShares HostConfig.CpusetCpus HostConfig.OomKillDisable", [512, "0", True]),
    ],
)  # fmt: skip
def test_flags_become_dockers_json(monkeypatch: pytest.MonkeyPatch, words: str, path: str, value: Any) -> None:
    document = plain(request_of(monkeypatch, *words.split()))
    found = []
    for each in path.split():
        here: Any = document
        for key in each.split("."):
            here = here[key]
        found.append(here)
    assert (found if len(found) > 1 else found[0]) == value


def test_attached_streams_are_what_was_attached(monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_of(monkeypatch, "-i", attached=("stdin", "stdout"))
    assert (request.attach_stdin, request.attach_stdout, request.attach_stderr) == (True, True, False)
    assert (request.open_stdin, request.stdin_once) == (True, True)


def test_programs_own_flags_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with run.make_context("run", ["--rm", "img", "cmd", "--rm=false", "-e", "x"]) as ctx:
        assert (ctx.params["rm"], ctx.params["command"]) == (True, ("cmd", "--rm=false", "-e", "x"))


def test_value_that_looks_like_a_flag_stays_a_value() -> None:
    with run.make_context("run", ["--name", "--rm=false", "--rm", "img"]) as ctx:
        assert (ctx.params["name"], ctx.params["rm"]) == ("--rm=false", True)


@pytest.mark.parametrize(("flag", "on"), [("--sig-proxy", True), ("--sig-proxy=false", False), ("--sig-proxy=1", True)])
def test_flag_that_is_on_can_be_turned_off_as_docker_has_it(flag: str, on: bool) -> None:
    with run.make_context("run", [flag, "img"]) as ctx:
        assert ctx.params["sig_proxy"] is on


def test_every_word_of_the_client_has_a_flag() -> None:
    others = {"bind": "volume", "label": "label", "stdin": "interactive", "healthcheck": "health_cmd", "auto_remove": "rm"}
    flags = {parameter.name for parameter in run.params}
    missing = {word for word in WORDS if others.get(word, word) not in flags} - {"ready"}
    assert not missing


def test_environment_file_is_read_before_the_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    (tmp_path / "env").write_text("# comment\nA=file\n\nB=file\nHERE\n")
    monkeypatch.setenv("HERE", "mine")
    request = request_of(monkeypatch, "--env-file", str(tmp_path / "env"), "-e", "A=flag")
    assert request.env == ["A=flag", "B=file", "HERE=mine"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-e", "=x"], "invalid environment variable: =x"),
        (["--env-file", "/nosuch"], "open /nosuch: no such file or directory"),
        (["-m", "much"], "invalid size: 'much'"),
        (["--name", "a b"], "Invalid container name (a b)"),
        (["--mount", "type=bind,dst=/x,volume-nocopy"], "cannot mix 'volume-*' options with mount type 'bind'"),
        (["--mount", "dst=/x,readonly=maybe"], "invalid value for readonly: maybe"),
        (["--mount", "dst"], "invalid field 'dst' must be a key=value pair"),
        (["--mount", "type=bind,src=/x"], "target is required"),
        (["--mount", "nosuch=1"], "unexpected key 'nosuch'"),
        (["-w", "x"], "not an absolute path"),
        (["--no-healthcheck", "--health-cmd", "x"], "conflicts with"),
    ],
)  # fmt: skip
def test_value_that_cannot_be_read_is_refused_with_125(monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    with pytest.raises(Failure) as raised:
        request_of(monkeypatch, *words)
    assert raised.value.code == 125
    assert said in raised.value.message


def test_number_that_is_none_is_a_wrong_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises((click.BadParameter, Failure), match="many"):
        request_of(monkeypatch, "--cpu-shares", "many")


def test_relative_source_is_a_bind_and_a_name_a_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    read = read_mounts(["./a:/b", "~/x:/y", "data:/d:ro", "/anonymous"], [], [])
    assert read.binds == [f"{os.getcwd()}/a:/b", "/home/me/x:/y", "data:/d:ro"]
    assert read.anonymous == ["/anonymous"]


@pytest.mark.parametrize(
    ("keys", "typed", "sent", "left"),
    [
        ("", [b"a\x10b"], b"a\x10b", False),
        ("", [b"\x10\x11"], b"", True),
        ("", [b"x\x10", b"\x11y"], b"x", True),
        ("", [b"\x10\x10\x11"], b"\x10", True),
        ("ctrl-a,d", [b"\x01", b"x"], b"\x01x", False),
        ("ctrl-a,d", [b"\x01d"], b"", True),
        ("ctrl-@,ctrl-[,ctrl-_", [b"\x00\x1b\x1f"], b"", True),
    ],
)
def test_detach_keys_are_found_across_reads_and_nothing_else_is_lost(
    keys: str, typed: list[bytes], sent: bytes, left: bool
) -> None:
    looking = DetachKeys(read_keys(keys))
    found = [looking.feed(piece) for piece in typed]
    assert (b"".join(piece for piece, _ in found), found[-1][1]) == (sent, left)


@pytest.mark.parametrize("keys", ["ctrl-1", "abc", "ctrl-p,", "ä"])
def test_keys_that_are_none_are_refused(keys: str) -> None:
    with pytest.raises(Failure, match="invalid detach keys"):
        read_keys(keys)


@pytest.mark.parametrize(
    ("argument", "parts"),
    [("-", ("", "-")), ("web:/a:b", ("web", "/a:b")), ("./a:b", ("", "./a:b")), ("/a:b", ("", "/a:b")), ("a", ("", "a"))],
)
def test_argument_of_cp_is_a_container_only_with_a_colon(argument: str, parts: tuple[str, str]) -> None:
    assert split(argument) == parts


def test_what_is_copied_here_is_called_as_docker_would(tmp_path: pathlib.Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    here = str(tmp_path)
    assert place_here(False, "/etc/passwd", f"{here}/folder") == f"{here}/folder/passwd"
    assert place_here(True, "/etc", f"{here}/folder") == f"{here}/folder/etc"
    assert place_here(True, "/etc/.", f"{here}/folder") == f"{here}/folder"
    assert place_here(True, "/etc", f"{here}/new") == f"{here}/new"
    for folder, target, said in ((True, "file", "cannot copy"), (False, "new/", "no such"), (False, "no/x", "not exist")):
        with pytest.raises(Failure, match=said):
            place_here(folder, "/etc/x", f"{here}/{target}")


def test_what_is_copied_inside_is_called_as_docker_would(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").touch()
    file, tree = str(tmp_path / "f"), str(tmp_path)
    folder, ordinary = ("/d", stat.S_IFDIR), ("/d", stat.S_IFREG)
    assert place_inside(file, "/d", folder) == ("/d", "f")
    assert place_inside(tree, "/d", folder) == ("/d", tmp_path.name)
    assert place_inside(f"{tree}/.", "/d", folder) == ("/d", "")
    assert place_inside(file, "/x/y", None) == ("/x", "y")
    assert place_inside(file, "/d", ordinary) == ("/", "d")
    for source, target, there in ((tree, "/d", ordinary), (file, "/d/", None)):
        with pytest.raises(Failure):
            place_inside(source, target, there)
