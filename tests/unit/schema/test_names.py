"""Image references and container names read as Docker reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.errors import Invalid
from dockerkit.schema.names import check_container_name, parse_reference

SHA = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "printed"),
    [
        ("busybox", "docker.io", "library/busybox", "latest", "", "busybox:latest"),
        ("busybox:1.36", "docker.io", "library/busybox", "1.36", "", "busybox:1.36"),
        ("docker.io/library/busybox", "docker.io", "library/busybox", "latest", "", "busybox:latest"),
        ("index.docker.io/busybox", "docker.io", "library/busybox", "latest", "", "busybox:latest"),
        ("me/app", "docker.io", "me/app", "latest", "", "me/app:latest"),
        ("docker.io/library/a/b", "docker.io", "library/a/b", "latest", "", "library/a/b:latest"),
        ("localhost/app", "localhost", "app", "latest", "", "localhost/app:latest"),
        ("localhost:5000/a/b:x", "localhost:5000", "a/b", "x", "", "localhost:5000/a/b:x"),
        ("ghcr.io/a/b-c_d.e:V1", "ghcr.io", "a/b-c_d.e", "V1", "", "ghcr.io/a/b-c_d.e:V1"),
        ("[::1]:5000/app", "[::1]:5000", "app", "latest", "", "[::1]:5000/app:latest"),
        (f"busybox@{SHA}", "docker.io", "library/busybox", "", SHA, f"busybox@{SHA}"),
        (f"busybox:1@{SHA}", "docker.io", "library/busybox", "1", SHA, f"busybox:1@{SHA}"),
    ],
)
def test_reference_gets_dockers_defaults(
    text: str, registry: str, repository: str, tag: str, digest: str, printed: str
) -> None:
    reference = parse_reference(text)
    assert (reference.registry, reference.repository, reference.tag, reference.digest) == (registry, repository, tag, digest)
    assert str(reference) == printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a:",
        ":tag",
        "a b",
        "a//b",
        "/a",
        "a/",
        "-a",
        "a..b",
        "a:b c",
        "a:-b",
        "a@",
        "a@sha256:12",
        "bad host./x",
        "a\n",
        "a/../b",
        "a:" + "t" * 129,
        "a" * 256,
        "http://x/y",
    ],
)
def test_reference_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid reference format"):
        parse_reference(text)


def test_reference_with_capitals_is_refused_in_dockers_words() -> None:
    with pytest.raises(Invalid, match=r"invalid reference format: repository name \(library/BusyBox\) must be lowercase"):
        parse_reference("BusyBox")


def test_reference_that_looks_like_an_id_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot specify 64-byte hexadecimal strings"):
        parse_reference("ab" * 32)


component = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+){0,2}", fullmatch=True).filter(lambda text: text != "localhost")
registry = st.sampled_from(["docker.io", "localhost", "localhost:5000", "ghcr.io", "registry.example.com:443"])
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(registry, st.lists(component, min_size=2, max_size=3), tag)
def test_printed_reference_reads_back_the_same(host: str, parts: list[str], label: str) -> None:
    if "." in parts[0] or parts[0] == "library":
        parts = ["me", *parts]
    reference = parse_reference(f"{host}/{'/'.join(parts)}:{label}")
    assert parse_reference(str(reference)) == reference


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_invalid(text: str) -> None:
    try:
        reference = parse_reference(text)
    except Invalid:
        return
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize("name", ["ab", "a1", "A.b-c_d", "/web", "0x"])
def test_container_name_that_docker_admits(name: str) -> None:
    assert check_container_name(name) == name.removeprefix("/")


@pytest.mark.parametrize("name", ["", "/", "a", "-ab", ".ab", "a b", "a/b", "ä1", "ab\n", "//ab"])
def test_container_name_that_docker_refuses(name: str) -> None:
    with pytest.raises(
        Invalid, match=r"Invalid container name \((.|\n)*\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\] are allowed"
    ) as told:
        check_container_name(name)
    assert told.value.hint
