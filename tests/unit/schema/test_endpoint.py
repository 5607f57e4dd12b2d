"""Where a data root's daemon listens."""

from __future__ import annotations

import pytest

from dockerkit.schema.endpoint import SYSTEM_ROOT, data_root, root_id, socket_path, version_tuple


def test_root_is_the_environments_or_the_systems() -> None:
    assert data_root({}) == data_root({"DOCKERKIT_ROOT": ""}) == SYSTEM_ROOT
    assert data_root({"DOCKERKIT_ROOT": "/srv/a/../b/"}) == "/srv/b"


def test_two_roots_have_two_names() -> None:
    assert root_id("/srv/a") != root_id("/srv/b")
    assert len(root_id("/srv/a")) == 8
    assert int(root_id("/srv/\udcff"), 16) >= 0


@pytest.mark.parametrize("root", ["/srv/" + "a" * 300, "/srv/" + "ä" * 60, "/srv/\udcff" + "b" * 200])
def test_socket_of_a_long_root_still_fits_a_socket_address(root: str) -> None:
    assert len(socket_path(root).encode(errors="surrogateescape")) <= 107
    assert root_id(root) in socket_path(root)


def test_socket_of_an_ordinary_root_is_inside_it() -> None:
    assert socket_path("/srv/a") == "/srv/a/dockerkit.sock"


def test_versions_compare_as_numbers() -> None:
    assert version_tuple("1.9") < version_tuple("1.24") < version_tuple("1.51")
    for text in ("", "1", "1.2.3", "a.b"):
        with pytest.raises(ValueError, match=r"unpack|invalid literal"):
            version_tuple(text)
