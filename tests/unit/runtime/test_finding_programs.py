"""A command is looked for as runc looks for it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dockerkit.daemon.runtime.child.program import find_program


@pytest.fixture
def path(tmp_path: Path) -> str:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    (tmp_path / "one/plain").write_text("")
    (tmp_path / "one/tool").mkdir()
    (tmp_path / "two/tool").write_text("")
    (tmp_path / "two/tool").chmod(0o755)
    return f"{tmp_path}/one:{tmp_path}/two"


def test_the_first_executable_along_the_path_is_taken(path: str, tmp_path: Path) -> None:
    assert find_program("tool", path) == str(tmp_path / "two/tool")


def test_what_cannot_be_executed_along_the_path_is_not_found(path: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        find_program("plain", path)
    assert caught.value.strerror == "executable file not found in $PATH"


@pytest.mark.parametrize("name", ["nosuch", ""])
def test_what_is_nowhere_is_not_found(path: str, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        find_program(name, path)


def test_without_a_path_nothing_is_found(path: str) -> None:
    with pytest.raises(FileNotFoundError):
        find_program("tool", "")


@pytest.mark.parametrize(("name", "code"), [("one/plain", errno.EACCES), ("one", errno.EACCES), ("one/nosuch", errno.ENOENT)])
def test_a_name_with_a_slash_is_that_file_or_an_error(path: str, tmp_path: Path, name: str, code: int) -> None:
    with pytest.raises(OSError) as caught:
        find_program(f"{tmp_path}/{name}", path)
    assert caught.value.errno == code
