"""The public names: all there, all documented, and cheap to import."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

import dockerkit as dk
from dockerkit.client import ready
from dockerkit.client.options import WORDS, ContainerOptions
from dockerkit.client.words import Words


def _words(text: str) -> list[str]:
    return text.split()


NAMES = _words("""
    Address Client Completed Condition Container ContainerOptions ContainerSpec Event Image Network Process Registry Rows Volume
    __version__ build connect container containers disk_usage errors events images info lifecycle login logout networks ping
    pull push ready registry run start version volumes
""")
CONTAINER = _words("""
    id short_id name image status exit_code health labels ip ports pid start stop kill restart pause unpause rename update
    remove wait logs exec popen attach top stats inspect files diff commit export wait_for port publish explain
""")
WORDS_SAID = _words("""
    command entrypoint env publish bind volume tmpfs network memory cpus pids_limit user workdir hostname name label restart
    healthcheck cap_add cap_drop security_opt privileged read_only init tty stdin stop_signal stop_timeout dns extra_host device
    ulimit sysctl shm_size platform auto_remove ready
""")


def test_exported_names_are_these() -> None:
    assert sorted(dk.__all__) == NAMES
    assert set(NAMES) <= set(dir(dk))


def test_every_exported_name_resolves() -> None:
    for name in NAMES:
        assert getattr(dk, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(dk, "no_such_name")


def test_import_loads_no_other_package_and_starts_nothing() -> None:
    code = "import sys; before = set(sys.modules); import dockerkit; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == ["dockerkit"]


def test_touching_a_collection_contacts_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("DOCKERKIT_HOST", f"unix://{tmp_path}/nobody.sock")
    assert dk.containers is dk.containers
    assert dk.images is not None


def test_default_client_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("DOCKERKIT_HOST", f"unix://{tmp_path}/a.sock")
    first = dk.containers
    monkeypatch.setenv("DOCKERKIT_HOST", f"unix://{tmp_path}/b.sock")
    assert dk.containers is not first
    with pytest.raises(dk.errors.Unavailable, match=r"b\.sock"):
        dk.ping()


@pytest.mark.parametrize("word", WORDS_SAID)
def test_every_word_is_a_method_and_a_keyword(word: str) -> None:
    assert inspect.isfunction(getattr(dk.ContainerSpec, word))
    assert word in WORDS
    assert word == "command" or word in ContainerOptions.__annotations__


def test_there_are_no_further_words() -> None:
    methods = {name for name in vars(Words) if not name.startswith("_")}
    assert methods == set(WORDS_SAID) == set(WORDS)


@pytest.mark.parametrize("name", CONTAINER)
def test_container_has(name: str) -> None:
    assert hasattr(dk.Container, name)


@pytest.mark.parametrize(
    "kind", [dk.Client, dk.Container, dk.ContainerSpec, dk.Image, dk.Completed, dk.Rows, dk.Process, dk.Event, type(dk.images)]
)
def test_public_methods_are_documented(kind: type) -> None:
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            assert inspect.getdoc(member), f"{kind.__name__}.{name} says nothing of itself"


def test_what_comes_later_names_itself() -> None:
    container = dk.Container(dk.Client("unix:///nowhere.sock"), "c" * 64)
    with pytest.raises(dk.errors.Unsupported, match="widget"):
        container.widget()


def test_conditions_are_values() -> None:
    assert ready.log("x") == ready.log("x", 1)
    both = ready.port(1) & ready.exited()
    assert both == eval(repr(both), {"dk": dk})
    assert hash(both | ready.healthy()) == hash(both | ready.healthy())
