"""Bootstrapped systems for real: their own dpkg, apt and su work, nothing of the making is left, and twice is the same."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.daemon.images.bootstrap.slim import is_left_out
from tests.livedaemon import LiveDaemon, UnixConnection

pytestmark = pytest.mark.system


def said(client: Client, image: str, *command: str) -> str:
    return client.run(image, *command, network="none", check=True).stdout


def test_the_system_is_whole(dk: Client, system_image: str) -> None:
    assert said(dk, system_image, "dpkg", "--audit") == ""
    states = said(dk, system_image, "dpkg-query", "-W", "-f", "${db:Status-Status}\n").split()
    assert set(states) == {"installed"}
    assert len(states) > 60
    assert "Building dependency tree" in said(dk, system_image, "apt-get", "check")
    changed = [line.split()[-1] for line in said(dk, system_image, "dpkg", "--verify").splitlines()]
    assert not [path for path in changed if not is_left_out(path)]


def test_its_accounts_and_pam_work(dk: Client, system_image: str) -> None:
    assert said(dk, system_image, "su", "-s", "/bin/sh", "-c", "id -un", "nobody") == "nobody\n"
    assert said(dk, system_image, "sh", "-c", "useradd -m somebody && su - somebody -c 'pwd'") == "/home/somebody\n"
    assert "_apt:" in said(dk, system_image, "getent", "passwd", "_apt")


def test_nothing_of_the_making_is_left(dk: Client, system_image: str) -> None:
    found = said(
        dk, system_image, "sh", "-c", "ls -A /tmp /.bootstrap /var/log/*.log /var/lib/dpkg/*-old /etc/*- 2>/dev/null; true"
    )
    assert found.split() == ["/tmp:"]
    assert said(dk, system_image, "sh", "-c", "find / -xdev -newermt '1 day' | head").strip() == ""
    assert not dk.containers.list(all=True)


def test_a_slim_one_has_licences_and_no_manuals(dk: Client, system_image: str) -> None:
    assert said(dk, system_image, "sh", "-c", "ls /usr/share/man; ls /usr/share/doc/bash") == "copyright\n"


def test_packages_are_added_and_configured(dk: Client, system_image: str) -> None:
    image = dk.images.bootstrap(system_image, packages=["bc", "openssl"])
    assert said(dk, image.id, "sh", "-c", "echo 6*7 | bc") == "42\n"
    assert " openssl=" in f" {image.labels['dev.dockerkit.bootstrap.packages']}"
    assert len(image.layers()) == 2


def test_a_package_that_does_not_exist_is_named(dk: Client, system_image: str) -> None:
    with pytest.raises(dockerkit.errors.NotFound, match="package no-such-package"):
        dk.images.bootstrap(system_image, packages=["no-such-package"])


def test_labels_say_where_it_is_from(dk: Client, system_image: str) -> None:
    labels = dk.images.bootstrap(system_image).labels
    assert labels["dev.dockerkit.bootstrap.origin"].startswith(("Debian ", "Ubuntu "))
    assert "=20" in labels["dev.dockerkit.bootstrap.snapshot"]
    assert "base-files=" in labels["dev.dockerkit.bootstrap.packages"]


def test_the_same_inputs_give_the_same_digests(
    dk: Client, daemon_factory: Callable[..., LiveDaemon], package_cache: str, system_image: str
) -> None:
    """In another data root, at another time."""
    other = daemon_factory(private=False, DOCKERKIT_CACHE=package_cache)
    with dockerkit.connect(other.url) as second:
        for name in (system_image, "redis"):
            ours, theirs = dk.images.bootstrap(name), second.images.bootstrap(name)
            assert [row["diff_id"] for row in theirs.layers()] == [row["diff_id"] for row in ours.layers()]
            assert theirs.id == ours.id
    other.stop()


def test_the_base_is_there_once_for_all(dk: Client, system_image: str) -> None:
    base, server = dk.images.bootstrap(system_image), dk.images.bootstrap("redis")
    assert server.layers()[0] == base.layers()[0]


def test_an_image_made_of_one_is_not_taken_for_it(dk: Client) -> None:
    """It has the same labels: they are inherited."""
    redis = dk.images.bootstrap("redis")
    with dk.start(
        redis.id,
        "sh",
        "-c",
        "touch /changed; exec sleep 60",
        network="none",
        ready=dockerkit.ready.exec("test", "-e", "/changed"),
    ) as box:
        changed = box.commit("changed-redis")
    dk.images.get("redis").remove(force=True)
    assert dk.images.bootstrap("redis").id == redis.id
    changed.remove(force=True)


def test_a_crash_while_packages_are_configured_leaves_nothing(
    daemon_factory: Callable[..., LiveDaemon], package_cache: str, maker: LiveDaemon, system_image: str
) -> None:
    assert maker.process.poll() is None  # packages can be had
    first = daemon_factory(private=False, DOCKERKIT_CACHE=package_cache)
    connection = UnixConnection(first.socket)
    body = json.dumps({"Name": system_image})
    connection.request("POST", "/dockerkit/v1/images/bootstrap", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    lines = iter(answer.readline, b"")
    before = list(itertools.takewhile(lambda line: b"Configuring" not in line, lines))
    assert b"Unpacking" in before[-1] or b"progressDetail" in before[-1], before
    first.crash()
    connection.close()
    second = daemon_factory(first.root, private=False, DOCKERKIT_CACHE=package_cache)
    with dockerkit.connect(second.url) as client:
        assert not client.images.list()
        assert client.run(client.images.bootstrap(system_image).id, "true", network="none").exit_code == 0
    assert not [name for name in os.listdir(f"{second.root}/layers") if name.startswith(".tmp-")]
    assert not os.listdir(f"{second.root}/containers")
    second.stop()
