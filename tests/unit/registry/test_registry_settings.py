"""Names and places: Docker's rules, the operator's file and the environment."""

from __future__ import annotations

import json
import pathlib

import pytest

from dockerkit.daemon.registry.endpoints import endpoints, may_be_plain, search_endpoints
from dockerkit.daemon.registry.proxies import proxy_for
from dockerkit.daemon.registry.saying import bar
from dockerkit.daemon.registry.settings import Settings
from dockerkit.errors import Invalid


def bases(registry: str, settings: Settings | None = None, **more: object) -> list[str]:
    return [place.base for place in endpoints(registry, settings or Settings(), **more)]  # type: ignore[arg-type]


def test_names_become_places_by_dockers_rules() -> None:
    assert bases("docker.io") == ["https://registry-1.docker.io"]
    assert bases("registry.example") == ["https://registry.example"]
    assert bases("registry.example:5000") == ["https://registry.example:5000"]
    assert bases("localhost:5000") == ["http://localhost:5000", "https://localhost:5000"]
    assert bases("127.0.0.1") == ["http://127.0.0.1", "https://127.0.0.1"]
    assert bases("[::1]:5000") == ["http://[::1]:5000", "https://[::1]:5000"]
    assert bases("localhost:5000", preferred="https") == ["https://localhost:5000", "http://localhost:5000"]
    assert bases("plain.example", Settings(insecure=("plain.example",))) == ["https://plain.example", "http://plain.example"]
    assert [place.base for place in search_endpoints("docker.io", Settings())] == ["https://index.docker.io"]


def test_permission_is_by_name_port_and_network() -> None:
    settings = Settings(insecure=("registry.example:5000", "10.1.0.0/16", "plain.example"))
    assert may_be_plain("registry.example", 5000, settings)
    assert not may_be_plain("registry.example", 443, settings)
    assert may_be_plain("10.1.2.3", 80, settings)
    assert not may_be_plain("10.2.0.1", 80, settings)
    assert may_be_plain("plain.example", 1234, settings)
    assert may_be_plain("127.9.9.9", 1, Settings())
    assert not may_be_plain("127.0.0.1.example", 1, Settings())


def test_mirrors_come_first_and_only_when_asked_for() -> None:
    settings = Settings(mirrors={"docker.io": ("https://near.example", "http://127.0.0.1:5000")})
    found = endpoints("docker.io", settings, mirrors=True)
    assert [(place.base, place.mirror) for place in found] == [
        ("https://near.example", True),
        ("http://127.0.0.1:5000", True),
        ("https://registry-1.docker.io", False),
    ]
    assert bases("docker.io", settings) == ["https://registry-1.docker.io"]


def test_file_and_environment_together(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "daemon.json"
    document = {
        "registry-mirrors": ["https://a.example/"],
        "insecure-registries": ["10.0.0.0/8"],
        "mirrors": {"quay.io": ["https://q.example"]},
        "max-concurrent-downloads": 7,
    }
    path.write_text(json.dumps(document))
    environment = {
        "DOCKERKIT_REGISTRY_CONFIG": str(path),
        "DOCKERKIT_REGISTRY_MIRRORS": "https://b.example",
        "DOCKERKIT_REGISTRY_INSECURE": "c.example, d.example:5000",
        "DOCKERKIT_REGISTRY_CERTS": "/one:/two",
    }
    settings = Settings.from_environment(environment)
    assert settings.mirrors == {"docker.io": ("https://a.example", "https://b.example"), "quay.io": ("https://q.example",)}
    assert settings.insecure == ("10.0.0.0/8", "c.example", "d.example:5000")
    assert (settings.downloads, settings.certificates) == (7, ("/one", "/two"))
    path.unlink()
    with pytest.raises(Invalid, match="is not there"):
        Settings.from_environment(environment)


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "{",
        '{"registry-mirrors": "x"}',
        '{"mirrors": []}',
        '{"max-concurrent-downloads": 0}',
        '{"registry-mirrors": ["ftp://x"]}',
    ],
)
def test_senseless_file_is_named(tmp_path: pathlib.Path, document: str) -> None:
    path = tmp_path / "daemon.json"
    path.write_text(document)
    with pytest.raises(Invalid):
        Settings.from_environment({"DOCKERKIT_REGISTRY_CONFIG": str(path)})


@pytest.mark.parametrize("url", ["https://u:p@a.example", "https://a.example/path", "a.example", "https://a.example?x=1"])
def test_mirror_that_is_more_than_a_place_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="invalid mirror") as caught:
        Settings.from_environment({"DOCKERKIT_REGISTRY_MIRRORS": url})
    assert ":p@" not in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "host:port", "host/path", "u@host", "[::1"])
def test_name_that_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        endpoints(name, Settings())


def test_proxies_are_for_others_than_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "near.example")
    found = proxy_for("https", "registry.example", 443)
    assert found is not None
    assert (found.host, found.port) == ("proxy.example", 3128)
    assert "secret" not in repr(found)
    assert proxy_for("https", "near.example", 443) is None
    assert proxy_for("https", "127.0.0.1", 5000) is None


def test_bars_are_dockerds() -> None:
    assert bar(37376, 1982440) == "[>                                                  ]  37.38kB/1.982MB"
    assert bar(300325, 300325) == "[==================================================>]  300.3kB/300.3kB"
    assert bar(2129920, 1982440) == f"[{'=' * 50}>]   2.13MB"
    assert bar(10, 0) == "     10B"
