"""Each word becomes what Docker's API calls it; what our engine does not honour yet is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

import dockerkit as dk
from dockerkit.client.encoding import WORDS, encode
from dockerkit.client.options import WORDS as KNOWN
from dockerkit.schema.wire import plain


def sent(spec: dk.ContainerSpec) -> dict[str, Any]:
    document: dict[str, Any] = plain(encode(spec, foreign=True, local=False))
    return document


def test_every_word_has_a_row() -> None:
    assert set(WORDS) == set(KNOWN)


@pytest.mark.parametrize(
    ("options", "where", "what"),
    [
        ({"command": ("echo", "hi")}, "Cmd", ["echo", "hi"]),
        ({"entrypoint": ()}, "Entrypoint", [""]),
        ({"env": {"A": "1", "B": None}}, "Env", ["A=1", "B"]),
        ({"user": 1000}, "User", "1000"),
        ({"workdir": "/w"}, "WorkingDir", "/w"),
        ({"hostname": "h"}, "Hostname", "h"),
        ({"label": {"a": "b"}}, "Labels", {"a": "b"}),
        ({"tty": True}, "Tty", True),
        ({"stdin": True}, "OpenStdin", True),
        ({"stop_signal": "INT"}, "StopSignal", "INT"),
        ({"stop_timeout": "1m"}, "StopTimeout", 60),
        ({"volume": "/anonymous"}, "Volumes", {"/anonymous": {}}),
        ({"healthcheck": "true"}, "Healthcheck", {"Test": ["CMD-SHELL", "true"]}),
    ],
)
def test_word_of_the_configuration(options: dict[str, Any], where: str, what: Any) -> None:
    assert sent(dk.container("x", **options))[where] == what


@pytest.mark.parametrize(
    ("options", "where", "what"),
    [
        ({"memory": "256m"}, "Memory", 256 << 20),
        ({"cpus": 0.5}, "NanoCpus", 500_000_000),
        ({"pids_limit": 9}, "PidsLimit", 9),
        ({"cap_add": "net_admin"}, "CapAdd", ["NET_ADMIN"]),
        ({"cap_drop": ["CAP_CHOWN", "ALL"]}, "CapDrop", ["CHOWN", "ALL"]),
        ({"security_opt": "no-new-privileges"}, "SecurityOpt", ["no-new-privileges"]),
        ({"privileged": True}, "Privileged", True),
        ({"read_only": True}, "ReadonlyRootfs", True),
        ({"ulimit": ("nofile", 1, 2)}, "Ulimits", [{"Name": "nofile", "Soft": 1, "Hard": 2}]),
        ({"sysctl": {"a.b": 1}}, "Sysctls", {"a.b": "1"}),
        ({"shm_size": "64m"}, "ShmSize", 64 << 20),
        ({"tmpfs": [("/t", "1m"), "/u"]}, "Tmpfs", {"/t": "size=1048576", "/u": ""}),
        ({"bind": [("/a", "/b"), "/c:/d:ro,z"]}, "Binds", ["/a:/b", "/c:/d:ro,z"]),
        ({"bind": ("/a", "/b"), "volume": ("data", "/c")}, "Binds", ["/a:/b", "data:/c"]),
        ({"network": "none"}, "NetworkMode", "none"),
        ({"auto_remove": True}, "AutoRemove", True),
        ({"init": False}, "Init", False),
        ({"restart": "on-failure:3"}, "RestartPolicy", {"Name": "on-failure", "MaximumRetryCount": 3}),
        ({"dns": ("1.1.1.1",)}, "Dns", ["1.1.1.1"]),
        ({"extra_host": ("db", "10.0.0.1")}, "ExtraHosts", ["db:10.0.0.1"]),
        (
            {"device": "/dev/a:/dev/b:r"},
            "Devices",
            [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "r"}],
        ),
        (
            {"publish": ["127.0.0.1:8080:80", "53/udp"]},
            "PortBindings",
            {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "53/udp": [{"HostIp": "", "HostPort": ""}]},
        ),
        (
            {"publish": "1-2:3-4"},
            "PortBindings",
            {"3/tcp": [{"HostIp": "", "HostPort": "1"}], "4/tcp": [{"HostIp": "", "HostPort": "2"}]},
        ),
    ],
)
def test_word_of_the_host_configuration(options: dict[str, Any], where: str, what: Any) -> None:
    assert sent(dk.container("x", **options))["HostConfig"][where] == what


@pytest.mark.parametrize(
    ("published", "local", "address", "port"),
    [
        (80, True, "127.0.0.1", ""),
        (80, False, "", ""),
        ("8080:80", True, "127.0.0.1", "8080"),
        ("0.0.0.0:8080:80", True, "0.0.0.0", "8080"),
        ("[::1]:8080:80", True, "::1", "8080"),
    ],
)
def test_a_port_is_bound_to_this_machine_where_the_engine_is_on_it(
    published: str | int, local: bool, address: str, port: str
) -> None:
    request = encode(dk.container("x").publish(published), foreign=False, local=local)
    ((key, bindings),) = request.host_config.port_bindings.items()
    assert key == "80/tcp"
    assert [(b.host_ip, b.host_port) for b in bindings or ()] == [(address, port)]
    assert request.exposed_ports == {"80/tcp": {}}


def test_ranges_of_ports_are_bound_one_by_one() -> None:
    request = encode(dk.container("x").publish("7000-7002:80-82/udp"), foreign=False, local=False)
    bound = {key: [b.host_port for b in bindings or ()] for key, bindings in request.host_config.port_bindings.items()}
    assert bound == {"80/udp": ["7000"], "81/udp": ["7001"], "82/udp": ["7002"]}


@pytest.mark.parametrize("options", [{"init": True}])
def test_word_not_honoured_yet_names_itself_and_says_what_to_do(options: dict[str, Any]) -> None:
    with pytest.raises(dk.errors.Unsupported, match=next(iter(options))) as caught:
        encode(dk.container("x", **options), foreign=False, local=True)
    assert caught.value.hint


def test_missing_source_of_a_bind_is_refused(tmp_path: Any) -> None:
    spec = dk.container("x").bind(tmp_path / "nope", "/x")
    with pytest.raises(dk.errors.NotFound, match=r"bind source path does not exist: .*nope"):
        encode(spec, foreign=False, local=True)
    assert encode(spec, foreign=True, local=False).host_config.binds == [f"{tmp_path}/nope:/x"]
