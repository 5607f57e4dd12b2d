"""Where plugins are looked for, and what is not believed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from dockerkit.daemon.volumes.plugins.discovery import Address, Directory, Tls
from dockerkit.errors import Damaged, NotFound


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    for name in ("s", "e", "u"):
        (tmp_path / name).mkdir()
    specs = f"{tmp_path}/e:{tmp_path}/u"
    return Directory({"DOCKERKIT_PLUGIN_SOCKETS": f"{tmp_path}/s", "DOCKERKIT_PLUGIN_SPECS": specs})


def listen(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def test_order_is_dockers(directory: Directory, tmp_path: Path) -> None:
    (tmp_path / "u" / "x.json").write_text(json.dumps({"Addr": "tcp://one:1"}))
    assert directory.find("x").url == "tcp://one:1"
    (tmp_path / "e" / "x.spec").write_text("tcp://two:2")
    assert directory.find("x").url == "tcp://two:2"
    listen(tmp_path / "s" / "x.sock")
    assert directory.find("x") == Address("x", f"unix://{tmp_path}/s/x.sock")
    listen(tmp_path / "s" / "y" / "y.sock")
    assert directory.find("y").url.endswith("/y/y.sock")
    assert directory.names() == ["x", "y"]


def test_tls_of_a_json(directory: Directory, tmp_path: Path) -> None:
    told = {"Name": "t", "Addr": "https://h:1", "TLSConfig": {"InsecureSkipVerify": False, "CAFile": "/ca", "KeyFile": "/key"}}
    (tmp_path / "e" / "t.json").write_text(json.dumps(told))
    assert directory.find("t") == Address("t", "https://h:1", Tls(ca="/ca", key="/key"))


@pytest.mark.parametrize("name", ["", "nosuch", "../x", "a/b", ".", "x\0y"])
def test_what_is_not_there(directory: Directory, name: str) -> None:
    with pytest.raises(NotFound, match="not found"):
        directory.find(name)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"Addr": []}', '{"Addr": "file:///etc/passwd"}', "\xff"])
def test_descriptions_that_are_none(directory: Directory, tmp_path: Path, text: str) -> None:
    (tmp_path / "e" / "bad.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(Damaged, match="bad"):
        directory.find("bad")


def test_file_that_only_looks_like_a_socket(directory: Directory, tmp_path: Path) -> None:
    (tmp_path / "s" / "f.sock").write_text("no socket")
    with pytest.raises(NotFound):
        directory.find("f")
