"""Which packages a wish takes: dependency fields, several suites as one, alternatives, circles, what is there already."""

from __future__ import annotations

import pytest

from dockerkit.daemon.images.bootstrap.relations import Relation, parse_depends, parse_provides
from dockerkit.daemon.images.bootstrap.resolution import Installed, resolve
from dockerkit.daemon.images.bootstrap.universe import PackageList, Universe
from dockerkit.errors import Conflict, Damaged, NotFound


def stanza(name: str, version: str = "1", **fields: str) -> str:
    more = "".join(f"{field.replace('_', '-')}: {value}\n" for field, value in fields.items())
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}"
        "Description: short\n long, and\n .\n Package: not this\n"
        f"Filename: pool/{name}_{version}.deb\nSize: 10\nSHA256: {'0' * 64}\n\n"
    )


def universe(*suites: str) -> Universe:
    return Universe(PackageList(text.encode(), f"http://mirror/{n}", "Debian test") for n, text in enumerate(suites))


def names(*args: object, **options: object) -> list[str]:
    return [candidate.name for candidate in resolve(*args, **options)]  # type: ignore[arg-type]


def test_a_dependency_field_becomes_groups_of_alternatives() -> None:
    assert parse_depends("libc6 (>= 2.36), perl:any | awk, x(<<1~)") == (
        (Relation("libc6", ">=", "2.36"),),
        (Relation("perl"), Relation("awk")),
        (Relation("x", "<<", "1~"),),
    )
    assert parse_depends("") == ()
    assert parse_provides("editor, libx-0 (= 1.2)") == (("editor", ""), ("libx-0", "1.2"))
    with pytest.raises(Damaged, match="no relationship"):
        parse_depends("libc6, ???")


@pytest.mark.parametrize(
    ("relation", "good", "bad"),
    [("=", "1.0", "1.0-1"), (">=", "1.0+x", "1.0~rc1"), ("<<", "1.0~rc1", "1.0"), (">>", "1:0.1", "1.0"), ("<=", "1.0", "1.1")],
)
def test_versions_are_compared_as_dpkg_does(relation: str, good: str, bad: str) -> None:
    assert Relation("x", relation, "1.0").allows(good)
    assert not Relation("x", relation, "1.0").allows(bad)


def test_the_first_and_the_last_stanza_are_found_and_a_description_is_no_package() -> None:
    found = universe(stanza("first") + stanza("last").rstrip("\n"))
    assert found.get("first") is not None
    assert found.get("last") is not None
    assert found.get("not") is None


def test_the_newest_of_all_suites_counts_and_knows_its_archive() -> None:
    found = universe(stanza("x", "1.0-1"), stanza("x", "1.0-1+deb1u1"), stanza("x", "1.0~bpo")).get("x")
    assert found is not None
    assert (found.version, found.base) == ("1.0-1+deb1u1", "http://mirror/1")


def test_what_is_needed_comes_before_what_needs_it() -> None:
    packages = (
        stanza("app", Depends="lib, data", Pre_Depends="early")
        + stanza("lib", Depends="data")
        + stanza("data")
        + stanza("early")
    )
    assert names(universe(packages), ["app"]) == ["early", "data", "lib", "app"]


def test_a_circle_ends() -> None:
    packages = stanza("a", Depends="b") + stanza("b", Depends="c") + stanza("c", Depends="a")
    assert names(universe(packages), ["a"]) == ["c", "b", "a"]


def test_required_packages_come_along_and_optional_ones_do_not() -> None:
    packages = stanza("base", Essential="yes") + stanza("tools", Priority="required") + stanza("game", Priority="optional")
    assert sorted(names(universe(packages), [], required=True)) == ["base", "tools"]


def test_the_first_alternative_wins_unless_another_is_there_or_preferred() -> None:
    packages = stanza("app", Depends="gawk | mawk, one | two") + "".join(stanza(n) for n in ("gawk", "mawk", "one", "two"))
    assert names(universe(packages), ["app"]) == ["mawk", "one", "app"]
    assert names(universe(packages), ["two", "app"]) == ["two", "mawk", "app"]
    assert names(universe(packages), ["app"], installed=Installed({"gawk": "1", "two": "1"})) == ["app"]


def test_a_virtual_package_is_provided_by_name_and_by_version() -> None:
    packages = (
        stanza("app", Depends="editor, api (>= 2)")
        + stanza("nano", Provides="editor")
        + stanza("old", Provides="api (= 1)")
        + stanza("new", Provides="api (= 2.1)")
    )
    assert names(universe(packages), ["app"]) == ["nano", "new", "app"]
    assert names(universe(packages), ["editor"]) == ["nano"]


def test_a_virtual_package_without_version_satisfies_no_versioned_dependency() -> None:
    with pytest.raises(NotFound, match=r"app 1 needs api \(>= 1\)"):
        names(universe(stanza("app", Depends="api (>= 1)") + stanza("x", Provides="api")), ["app"])


def test_what_is_missing_is_named_with_who_needs_it() -> None:
    with pytest.raises(NotFound, match="app 1 needs nosuch, which is in no suite"):
        names(universe(stanza("app", Depends="nosuch")), ["app"])
    with pytest.raises(NotFound, match="package nosuch is in no suite"):
        names(universe(stanza("app")), ["nosuch"])


def test_a_base_of_another_version_is_no_base() -> None:
    packages = stanza("app", Depends="libc6 (>= 3)") + stanza("libc6", "3")
    with pytest.raises(Conflict, match="the base image has another version"):
        names(universe(packages), ["app"], installed=Installed({"libc6": "2"}))


def test_what_is_left_out_stays_out_with_all_it_would_bring() -> None:
    packages = (
        stanza("db", Depends="libllvm14 (>= 1), lib") + stanza("libllvm14", Depends="libz3") + stanza("libz3") + stanza("lib")
    )
    assert names(universe(packages), ["db"], without=("libllvm*",)) == ["lib", "db"]
