"""Which engine is meant: precedence, schemes, Docker's contexts."""

from __future__ import annotations

import hashlib
import json
import pathlib
import ssl
import sys

import pytest

from dockerkit import errors
from dockerkit.client.endpoint import resolve


def test_precedence(tmp_path: pathlib.Path) -> None:
    environ = {"DOCKERKIT_HOST": "unix:///ours", "DOCKER_HOST": "unix:///theirs", "DOCKERKIT_ROOT": str(tmp_path)}
    assert resolve("unix:///said", environ=environ).url == "unix:///said"
    assert resolve(environ=environ).url == "unix:///ours"
    del environ["DOCKERKIT_HOST"]
    assert resolve(environ=environ).url == "unix:///theirs"
    del environ["DOCKER_HOST"]
    own = resolve(environ=environ)
    assert own.url == f"unix://{tmp_path}/dockerkit.sock"
    assert own.own


def test_url_of_our_own_socket_is_known_as_ours(tmp_path: pathlib.Path) -> None:
    environ = {"DOCKERKIT_ROOT": str(tmp_path)}
    assert resolve(f"unix://{tmp_path}/dockerkit.sock", environ=environ).own
    assert not resolve("unix:///run/docker.sock", environ=environ).own


@pytest.mark.parametrize(
    ("url", "host", "local"),
    [
        ("tcp://localhost:2375", "localhost:2375", True),
        ("tcp://10.0.0.1", "10.0.0.1:2375", False),
        ("https://h", "h:2376", False),
        ("http://[::1]:99", "[::1]:99", True),
    ],
)
def test_network_urls(url: str, host: str, local: bool) -> None:
    endpoint = resolve(url)
    assert (endpoint.host, endpoint.local) == (host, local)


@pytest.mark.parametrize("url", ["", "/run/docker.sock", "ftp://x", "unix://", "tcp://h:notaport"])
def test_what_is_no_url_of_an_engine(url: str) -> None:
    with pytest.raises(errors.Invalid):
        resolve(url)


@pytest.mark.parametrize("url", ["ssh://me@host", "npipe:////./pipe/docker"])
def test_schemes_of_later_name_themselves(url: str) -> None:
    with pytest.raises(errors.Unsupported, match=url.partition(":")[0]) as caught:
        resolve(url)
    assert caught.value.hint


def context(folder: pathlib.Path, name: str, host: str) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_docker_is_the_active_context(tmp_path: pathlib.Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert resolve("docker", environ=environ).url == "unix:///var/run/docker.sock"
    folder = tmp_path / ".docker"
    context(folder, "remote", "tcp://10.0.0.9:2375")
    context(folder, "other", "unix:///other.sock")
    (folder / "config.json").write_text('{"currentContext": "remote"}')
    assert resolve("docker", environ=environ).url == "tcp://10.0.0.9:2375"
    assert resolve("docker", environ={**environ, "DOCKER_CONTEXT": "other"}).url == "unix:///other.sock"
    assert resolve("docker", environ={**environ, "DOCKER_HOST": "unix:///host.sock"}).url == "unix:///host.sock"
    assert resolve("docker", environ={"DOCKER_CONFIG": str(folder)}).url == "tcp://10.0.0.9:2375"


def test_context_without_configuration_is_not_found(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.NotFound, match="gone"):
        resolve("docker", environ={"HOME": str(tmp_path), "DOCKER_CONTEXT": "gone"})


def test_broken_configuration_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(errors.Invalid, match=r"config\.json"):
        resolve("docker", environ={"DOCKER_CONFIG": str(tmp_path)})


def test_tls_context_is_taken_as_given() -> None:
    given = ssl.create_default_context()
    assert resolve("tcp://h:1", tls=given).url == "tcp://h:1"
    assert resolve("tcp://h:1", tls=True).url == "tcp://h:1"


def test_without_a_linux_kernel_docker_is_used_and_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.warns(UserWarning, match="no Linux kernel"):
        assert resolve(environ={"HOME": str(tmp_path)}).url == "unix:///var/run/docker.sock"
