"""apt's files read without apt: configuration, source lists, versions, packages."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.daemon.images.bootstrap.aptconf import AptConfiguration, parse
from dockerkit.daemon.images.bootstrap.deb import Deb, ar_members
from dockerkit.daemon.images.bootstrap.packages import find_package, version_key
from dockerkit.daemon.images.bootstrap.sources import Source, parse_deb822, parse_one_line, parse_stanzas, read_sources
from dockerkit.errors import Damaged, Invalid
from tests.unit.images.imagematerial import directory, file
from tests.unit.images.mirrormaterial import deb, stanza

CONFIGURATION = """
// a comment; with "quotes"
# another
/* and { a
   third */
Acquire::http::Proxy "http://proxy.invalid:3142/";  // after
Acquire { https { Proxy "DIRECT"; }; Check-Valid-Until "false"; };
acquire::HTTP::proxy::special.invalid "http://other.invalid/";
APT { NeverAutoRemove { "^firmware.*"; "^linux$"; }; };
DPkg::Post-Invoke {"test -x /usr/bin/x && /usr/bin/x || true"; };
Bare value;
"""


def test_both_ways_of_writing_a_setting_mean_the_same() -> None:
    settings = parse(CONFIGURATION, "apt.conf")
    assert settings["acquire::http::proxy"] == "http://proxy.invalid:3142/"
    assert settings["acquire::https::proxy"] == "DIRECT"
    assert settings["acquire::check-valid-until"] == "false"
    assert settings["bare"] == "value"


def test_proxies_by_host_and_scheme_and_by_nobody() -> None:
    configuration = AptConfiguration(parse(CONFIGURATION, "apt.conf"))
    assert configuration.proxy("http://a.invalid/x") == "http://proxy.invalid:3142/"
    assert configuration.proxy("http://special.invalid/x") == "http://other.invalid/"
    assert configuration.proxy("https://a.invalid/x") == ""
    assert AptConfiguration({}).proxy("http://a.invalid") is None


def test_flags_are_apts() -> None:
    configuration = AptConfiguration(parse('A "no"; B "1"; C "off"; D "true";', "x"))
    assert [configuration.flag(name, True) for name in "ABCDE"] == [False, True, False, True, True]
    assert configuration.flag("E", False) is False


@pytest.mark.parametrize("text", ["A { B;", "}", 'A "unfinished'])
def test_a_broken_configuration_names_the_file(text: str) -> None:
    with pytest.raises(Invalid, match=r"apt\.conf"):
        parse(text, "apt.conf")


def test_files_are_read_in_apts_order(tmp_path: Path) -> None:
    parts = tmp_path / "apt.conf.d"
    parts.mkdir()
    for name, value in (("20b", "second"), ("10a.conf", "first"), ("30c.disabled", "never"), ("40d~", "never")):
        (parts / name).write_text(f'X "{value}"; {value} "yes";')
    configuration = AptConfiguration.read(str(tmp_path))
    assert configuration.flag("first", False)
    assert configuration.flag("second", False)
    assert not configuration.flag("never", False)
    assert configuration._settings["x"] == "second"


ONE_LINE = """
# deb http://commented.invalid/debian bookworm main
deb http://deb.invalid/debian/ bookworm main contrib  # comment
deb [arch=amd64,arm64 Signed-By=/usr/share/keyrings/A.gpg check-valid-until=no] https://deb.invalid/d bookworm-security main
deb-src http://deb.invalid/debian bookworm main
deb http://download.invalid/linux/debian bookworm stable
deb http://flat.invalid/repo ./
deb cdrom:[Debian]/ bookworm main
nonsense
"""
DEB822 = """
# comment
Types: deb deb-src
URIs: http://deb.invalid/debian http://second.invalid/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64 arm64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.invalid
Suites: bookworm
Components: main

Types: deb
URIs: http://inline.invalid
Suites: sid
Components: main
Check-Valid-Until: no
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 bWFpbg==
 =abcd
 -----END PGP PUBLIC KEY BLOCK-----
"""


def test_one_line_entries() -> None:
    entries = list(parse_one_line(ONE_LINE))
    assert entries[0] == Source("http://deb.invalid/debian", "bookworm", ("main", "contrib"))
    assert entries[1] == Source(
        "https://deb.invalid/d",
        "bookworm-security",
        ("main",),
        ("amd64", "arm64"),
        ("/usr/share/keyrings/A.gpg",),
        False,
    )
    assert [entry.suite for entry in entries[2:4]] == ["bookworm", "./"]


def test_deb822_entries() -> None:
    entries = list(parse_deb822(DEB822))
    assert [(e.uri, e.suite) for e in entries] == [
        ("http://deb.invalid/debian", "bookworm"),
        ("http://deb.invalid/debian", "bookworm-updates"),
        ("http://second.invalid/debian", "bookworm"),
        ("http://second.invalid/debian", "bookworm-updates"),
        ("http://inline.invalid", "sid"),
    ]
    assert entries[0].signed_by == ("/usr/share/keyrings/debian-archive-keyring.gpg",)
    assert entries[0].architectures == ("amd64", "arm64")
    assert entries[4].check_valid_until is False
    assert entries[4].signed_by[0].startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nbWFpbg==\n")


def test_only_the_distributions_own_main_over_http_is_kept(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (parts / "debian.sources").write_text(DEB822)
    (parts / "off.sources.disabled").write_text(DEB822.replace("deb.invalid", "disabled.invalid"))
    (parts / "other.list").write_text(
        "deb https://packages.invalid/apt cloud-sdk-bookworm main\ndeb http://x.invalid trixie main\n"
    )
    found = [(source.uri, source.suite) for source in read_sources(str(tmp_path), codename="bookworm")]
    assert found == [
        ("http://deb.invalid/debian", "bookworm"),
        ("https://deb.invalid/d", "bookworm-security"),
        ("http://deb.invalid/debian", "bookworm"),
        ("http://deb.invalid/debian", "bookworm-updates"),
        ("http://second.invalid/debian", "bookworm"),
        ("http://second.invalid/debian", "bookworm-updates"),
        ("http://inline.invalid", "sid"),
    ]


@given(st.text(max_size=200))
def test_any_text_is_a_list_of_sources(text: str) -> None:
    assert isinstance([*parse_one_line(text), *parse_deb822(text)], list)


def test_stanzas_fold_lines() -> None:
    assert list(parse_stanzas("A: 1\nB:\n x\n .\n y\n\n\n\nC: 2")) == [{"a": "1", "b": "\nx\n\ny"}, {"c": "2"}]


VERSIONS = [
    "0.1~~", "0.1~", "0.1", "0.1a", "0.1+b1", "0.2", "0.9", "0.10", "0.10-1~deb12u1", "0.10-1", "0.10-1+b1", "0.10-1.1",
    "0.10-2", "1.0~rc1-1", "1.0-1", "1:0.1", "1:1.35.0-4", "1:1.35.0-4+deb12u1", "1:1.35.0-4+deb12u1+b1",
    "1:1.35.0-4+deb12u2", "2:0",
]  # fmt: skip


def test_versions_sort_as_dpkg_sorts_them() -> None:
    assert sorted(random.Random(1).sample(VERSIONS, len(VERSIONS)), key=version_key) == VERSIONS
    for lower, higher in pairwise(VERSIONS):
        assert version_key(lower) < version_key(higher)
        assert not version_key(higher) < version_key(lower)


def test_equal_versions_are_equal() -> None:
    assert version_key("1.0") == version_key("0:1.0-0")
    assert version_key("1.00") == version_key("1.0")
    assert hash(version_key("1.00")) == hash(version_key("1.0"))


INDEX = (
    stanza("aaa", "1", "a.deb", b"a") + stanza("tool", "2", "t.deb", b"tt") + stanza("tool-dev", "3", "d.deb", b"d")
).encode()


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_a_package_is_found_however_the_index_is_cut(size: int) -> None:
    entry = find_package((INDEX[at : at + size] for at in range(0, len(INDEX), size)), "tool")
    assert entry is not None
    assert (entry.version, entry.filename, entry.size) == ("2", "t.deb", 2)


def test_the_last_package_of_an_index_without_its_last_line_is_found() -> None:
    entry = find_package([INDEX.rstrip()], "tool-dev")
    assert entry is not None
    assert entry.filename == "d.deb"


def test_a_package_that_is_not_there_is_none() -> None:
    assert find_package([INDEX], "too") is None
    assert find_package([], "tool") is None


def test_an_entry_without_a_checksum_is_damaged() -> None:
    with pytest.raises(Damaged, match="sha256"):
        find_package([b"Package: x\nVersion: 1\nFilename: x\nSize: 1\n\n"], "x")


@pytest.mark.parametrize("compress", ["xz", "gz"])
def test_a_file_of_a_package(compress: str) -> None:
    package = Deb(deb(directory("./bin"), file("./bin/x", b"content"), compress=compress), "x 1")
    assert package.file(["usr/bin/x", "bin/x"]) == b"content"
    with pytest.raises(Damaged, match="x 1 holds no sbin/x"):
        package.file(["sbin/x"])


def test_a_package_cut_anywhere_is_damaged() -> None:
    data = deb(file("bin/x", b"content"))
    for keep in range(0, len(data) - 1, 7):
        with pytest.raises(Damaged):
            Deb(data[:keep], "x 1").file(["bin/x"])


@given(st.binary(max_size=300))
def test_noise_is_no_package(noise: bytes) -> None:
    for data in (noise, b"!<arch>\n" + noise):
        try:
            ar_members(data)
        except Damaged as error:
            assert "package" in str(error)
