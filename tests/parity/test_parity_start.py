"""POST /containers/{id}/start: programs that cannot be started, and what is recorded about it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.parity.engines import NEVER, Box

CANNOT: list[tuple[list[str], int, str]] = [
    (["nosuch"], 127, r'exec: "nosuch": executable file not found in \$PATH'),
    (["/nosuch"], 127, r'exec: "/nosuch": stat /nosuch: no such file or directory'),
    (["./nosuch"], 127, r'exec: "\./nosuch": stat \./nosuch: no such file or directory'),
    ([""], 127, r'exec: "": executable file not found in \$PATH'),
    (["/etc/passwd"], 126, r'exec: "/etc/passwd": permission denied'),
    (["/tmp"], 126, r'exec: "/tmp": (permission denied|is a directory)'),  # newer runc tells directories apart
    (["./tmp"], 126, r'exec: "\./tmp": (permission denied|is a directory)'),
]


@pytest.mark.parametrize(("command", "code", "words"), CANNOT, ids=[repr(c[0][0]) for c in CANNOT])
def test_a_program_that_cannot_be_started_is_recorded_and_can_be_removed(
    box: Box, command: list[str], code: int, words: str
) -> None:
    id = box.create(*command)
    answer = box.api.post(f"/containers/{id}/start")
    assert answer.status == 400
    assert re.search(words, answer.message), answer.message
    state = box.state(id)
    assert (state["Status"], state["Running"], state["Pid"]) == ("created", False, 0)
    assert (state["ExitCode"], state["Error"]) == (code, answer.message)
    assert (state["StartedAt"], state["FinishedAt"]) == (NEVER, NEVER)
    assert box.row(id)["Status"] == "Created"
    assert box.remove(id).status == 204


@pytest.mark.parametrize(
    ("config", "host", "words"),
    [
        ({"User": "nosuch"}, {}, "unable to find user nosuch: no matching entries in passwd file"),
        ({"User": "root:nosuch"}, {}, "unable to find group nosuch: no matching entries in group file"),
        ({"User": "99999999999"}, {}, "uids and gids must be in range 0-2147483647"),
        ({}, {"GroupAdd": ["nosuch"]}, "unable to find group nosuch: no matching entries in group file"),
    ],
)
def test_an_unknown_user_or_group_fails_the_start(box: Box, config: dict[str, Any], host: dict[str, Any], words: str) -> None:
    id = box.create("true", host=host, **config)
    answer = box.api.post(f"/containers/{id}/start")
    assert answer.status in (400, 500)  # 20.10: 500
    assert words in answer.message.lower()
    assert (box.state(id)["Status"], box.state(id)["Pid"]) == ("created", 0)
    assert box.state(id)["ExitCode"] in (126, 128)
    assert box.remove(id).status == 204


def test_a_network_that_does_not_exist_is_refused(box: Box) -> None:
    answer = box.ask(["true"], host={"NetworkMode": "nosuchnet"})
    if answer.status == 201:
        answer = box.api.post(f"/containers/{answer.json['Id']}/start")
    assert answer.status == 404 or box.engine.ours
    assert "nosuchnet" in answer.message


def test_starting_twice_changes_nothing(box: Box) -> None:
    id = box.up("sleep", "100")
    started = box.state(id)["StartedAt"]
    answer = box.api.post(f"/containers/{id}/start")
    assert (answer.status, answer.body) == (304, b"")
    assert box.state(id)["StartedAt"] == started


def test_a_container_that_ended_starts_again(box: Box) -> None:
    id = box.run("sh", "-c", "test -e /seen && exit 4; touch /seen; exit 3").id
    first = box.state(id)
    assert first["ExitCode"] == 3
    box.start(id)
    assert box.wait(id) == 4
    second = box.state(id)
    assert second["StartedAt"] > first["FinishedAt"] or second["StartedAt"] > first["StartedAt"]
    assert (second["ExitCode"], second["Error"]) == (4, "")


def test_a_failed_start_can_be_followed_by_another(box: Box) -> None:
    id = box.create("nosuch")
    assert [box.api.post(f"/containers/{id}/start").status for _ in range(2)] == [400, 400]


def test_a_missing_working_directory_is_made_and_root_owns_it(box: Box) -> None:
    ended = box.sh("pwd; stat -c '%u:%g %a' /a /a/b", WorkingDir="/a/b", User="1000")
    assert ended.lines == ["/a/b", "0:0 755", "0:0 755"]


def test_a_working_directory_below_a_file_is_refused(box: Box) -> None:
    answer = box.ask(["true"], WorkingDir="/etc/passwd")
    if answer.status == 201:
        answer = box.api.post(f"/containers/{answer.json['Id']}/start")
    assert answer.status in (400, 500)  # 20.10: at create, 500 "Cannot mkdir: /etc/passwd is not a directory"
    assert "/etc/passwd" in answer.message
    assert "not a directory" in answer.message.lower()
