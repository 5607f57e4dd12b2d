"""Which names and tags can be made on which distribution, what is said of the others, and that every script is one."""

from __future__ import annotations

import subprocess

import pytest

from dockerkit.daemon.images.bootstrap import catalogue, makers
from dockerkit.daemon.images.bootstrap.catalogue import PROGRAMS, find, refusal
from dockerkit.daemon.images.bootstrap.distribution import NONE, Distribution, base_files
from dockerkit.daemon.images.bootstrap.planning import upstream
from dockerkit.daemon.images.bootstrap.request import Request, Supply
from dockerkit.daemon.images.bootstrap.slim import is_left_out, rules
from dockerkit.daemon.images.bootstrap.sources import Source
from dockerkit.errors import Invalid, Unsupported
from dockerkit.schema.names import parse_reference

DEBIAN = Distribution("debian", "bookworm", "12")
UBUNTU = Distribution("ubuntu", "noble", "24.04")


@pytest.mark.parametrize("tag", ["latest", "stable", "bookworm", "12"])
def test_a_debian_host_makes_its_own_release_whole_and_slim(tag: str) -> None:
    whole, slim = find("debian", tag, DEBIAN), find("debian", f"{tag}-slim", DEBIAN)
    assert whole is not None
    assert slim is not None
    assert (whole.recipe.slim, slim.recipe.slim) == (False, True)


@pytest.mark.parametrize(
    ("name", "tag"), [("debian", "trixie"), ("debian", "13"), ("ubuntu", "latest"), ("debian", "bookworm-x")]
)
def test_another_release_is_nothing_that_can_be_made(name: str, tag: str) -> None:
    assert find(name, tag, DEBIAN) is None


def test_ubuntu_is_made_on_ubuntu() -> None:
    assert find("ubuntu", "noble", UBUNTU) is not None
    assert find("ubuntu", "24.04", UBUNTU) is not None
    assert find("debian", "bookworm", UBUNTU) is None
    assert find("redis", "7", UBUNTU) is not None


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("latest", ""),
        ("3", "3"),
        ("3.11", "3.11"),
        ("3.11-slim", "3.11"),
        ("slim", ""),
        ("3.11.2-slim-bookworm", "3.11.2"),
        ("bookworm", ""),
    ],
)
def test_a_programs_tag_says_its_version_and_the_release(tag: str, version: str) -> None:
    found = find("python", tag, DEBIAN)
    assert found is not None
    assert (found.recipe.title, found.version) == ("python", version)


@pytest.mark.parametrize("tag", ["3.11-alpine", "alpine", "slim-slim", "3.11-trixie", "rc"])
def test_a_tag_of_something_else_is_refused(tag: str) -> None:
    assert find("python", tag, DEBIAN) is None


def test_without_a_distribution_nothing_of_it_can_be_made() -> None:
    assert catalogue.names(NONE) == ()
    assert find("redis", "latest", NONE) is None
    assert find("", "latest", NONE) is None


def test_a_refusal_names_what_can_be_made() -> None:
    error = refusal("debian", "trixie", DEBIAN)
    assert error.message == "debian:trixie cannot be made here: this host's packages are those of debian bookworm"
    assert "debian:bookworm" in error.hint
    assert "redis:VERSION" in refusal("redis", "alpine", DEBIAN).hint


def supply(distribution: Distribution) -> Supply:
    return Supply(lambda *_: pytest.fail("no package is needed"), (), distribution=distribution)


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("nosuch", {}, Unsupported),
        ("debian:trixie", {}, Unsupported),
        ("ubuntu", {}, Unsupported),
        ("busybox", {"packages": ["curl"]}, Unsupported),
        ("redis", {"programs": ["sh"]}, Invalid),
        ("scratch", {}, Invalid),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_fetched(
    name: str, options: dict[str, list[str]], error: type
) -> None:
    with pytest.raises(error), makers.make(parse_reference(name), Request(supply(DEBIAN), **options)):  # type: ignore[arg-type]
        pass


def test_scratch_is_refused_in_dockers_words() -> None:
    with pytest.raises(Invalid, match=r"^'scratch' is a reserved name"):
        makers.refuse_reserved(parse_reference("scratch"))
    makers.refuse_reserved(parse_reference("example.com/scratch"))


@pytest.mark.parametrize(
    ("version", "program"),
    [
        ("5:7.0.15-1~deb12u7", "7.0.15"),
        ("3.11.2-1+b1", "3.11.2"),
        ("15+248", "15"),
        ("1.22.1-9+deb12u7", "1.22.1"),
        ("1.6.18", "1.6.18"),
    ],
)
def test_a_programs_version_is_read_from_its_packages(version: str, program: str) -> None:
    assert upstream(version) == program


@pytest.mark.parametrize("recipe", PROGRAMS.values(), ids=lambda recipe: recipe.title)
def test_entrypoints_are_scripts_that_can_be_read(recipe: object) -> None:
    for file in recipe.files:  # type: ignore[attr-defined]
        if file.content.startswith("#!"):
            shell = file.content.splitlines()[0].removeprefix("#!")
            subprocess.run([shell, "-n"], input=file.content, text=True, check=True)
            assert file.mode == 0o755


def test_slim_leaves_manuals_out_and_licences_in() -> None:
    assert is_left_out("/usr/share/man/man1/ls.1.gz")
    assert is_left_out("/usr/share/doc/bash/README")
    assert not is_left_out("/usr/share/doc/bash/copyright")
    assert not is_left_out("/usr/share/doc/bash")
    assert not is_left_out("/usr/bin/ls")
    assert b"path-exclude=/usr/share/man/*" in rules()


def test_credentials_of_the_hosts_archive_stay_on_the_host() -> None:
    source = Source("https://user:secret@mirror.example:8443/debian", "bookworm", ("main",))
    (file,) = [file for file in base_files(DEBIAN, [source], is_slim=True) if file.path.endswith(".sources")]
    assert "URIs: https://mirror.example:8443/debian\n" in file.content
    assert "secret" not in file.content
