"""Rename, restart, update, prune, top: words, codes, and what holds afterwards."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.parity.engines import Box, alike
from tests.parity.execution import Execution
from tests.parity.wire import joined

pytestmark = pytest.mark.timeout(60)
MIB = 1 << 20
GROUPS = "/sys/fs/cgroup"


@pytest.fixture
def id(box: Box) -> str:
    """A container that runs until the test is over."""
    return box.up("sleep", "1000")


def inside(box: Box, id: str, path: str) -> str:
    """Return what a file says inside a container."""
    return joined(Execution(box, id, "cat", path).output(), 1).decode().strip()


class TestRename:
    """POST /containers/{id}/rename."""

    def test_the_old_name_is_free_and_the_new_one_taken(self, box: Box) -> None:
        id = box.up("sleep", "1000", name="old-name")
        assert box.post("old-name", "rename", name="new-name").status == 204
        assert box.inspect("new-name")["Id"] == id
        assert box.inspect(id)["Name"] == "/new-name"
        assert box.row(id)["Names"] == ["/new-name"]
        assert box.api.get("/containers/old-name/json").status == 404
        assert box.create("true", name="old-name")
        assert box.ids(name=["new-name"]) == [id]

    @pytest.mark.parametrize("name", ["a", "a/b", "-x", "a b"])
    def test_an_invalid_name_is_refused(self, box: Box, id: str, name: str) -> None:
        answer = box.post(id, "rename", name=name)
        assert answer.status == 400
        words = re.escape(f"Invalid container name (/{name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
        assert re.fullmatch(f"(?i)(error when allocating new name: )?{words.replace('/', '/?', 1)}", answer.message), answer

    def test_no_name_is_refused(self, box: Box, id: str) -> None:
        assert alike(box.post(id, "rename"), 400, "Neither old nor new names may be empty")

    def test_a_taken_name_is_a_conflict(self, box: Box, id: str) -> None:
        other = box.create("true", name="taken-name")
        answer = box.post(id, "rename", name="taken-name")
        words = f"""Conflict. The container name "/taken-name" is already in use by container "{other}". """
        assert answer.status == 409
        assert words.lower() in answer.message.lower()
        assert "You have to remove (or rename) that container to be able to reuse that name." in answer.message

    def test_its_own_name_is_refused(self, box: Box) -> None:
        box.create("true", name="same-name")
        for name in ("same-name", "/same-name"):
            answer = box.post("same-name", "rename", name=name)
            assert alike(answer, 400, "Renaming a container with the same name as its current name")

    def test_a_leading_slash_and_a_long_name_are_fine(self, box: Box) -> None:
        id = box.create("true")
        for name in ("/slashed", "x" * 300):
            assert box.post(id, "rename", name=name).status == 204
            assert box.inspect(id)["Name"] == "/" + name.removeprefix("/")

    def test_a_missing_container(self, box: Box) -> None:
        assert alike(box.post("nosuch", "rename", name="x-name"), 404, "No such container: nosuch")


class TestRestart:
    """POST /containers/{id}/restart."""

    def test_a_running_container_gets_a_new_process(self, box: Box) -> None:
        id = box.ready("trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done")
        before = box.state(id)
        assert box.post(id, "restart", t=30).status == 204
        after = box.state(id)
        assert (after["Status"], after["ExitCode"], box.inspect(id)["RestartCount"]) == ("running", 0, 0)
        assert after["Pid"] != before["Pid"]
        assert after["StartedAt"] > before["StartedAt"]

    def test_what_was_written_stays(self, box: Box) -> None:
        id = box.ready("test -e /mark && echo there; touch /mark; echo ready; exec sleep 1000")
        box.did(id, "restart", t=0)
        with box.api.follow(f"/containers/{id}/logs", stdout=1, follow=1) as stream:
            assert [stream.frame()[1] for _ in range(3)] == [b"ready\n", b"there\n", b"ready\n"]

    def test_what_does_not_run_is_started(self, box: Box) -> None:
        for id in (box.create("sleep", "1000"), box.run("true").id):
            assert box.post(id, "restart").status == 204
            assert box.state(id)["StartedAt"] > "2000"

    def test_after_its_time_it_is_killed(self, box: Box, id: str) -> None:
        assert box.post(id, "restart", t=0).status == 204
        assert box.state(id)["Running"]

    def test_a_restart_that_fails_says_why(self, box: Box) -> None:
        id = box.create("nosuch")
        answer = box.post(id, "restart")
        assert answer.status in ((400, 500) if box.engine.ours else (500,))
        assert answer.message.lower().startswith(f"cannot restart container {id}: ")
        assert 'exec: "nosuch": executable file not found in $PATH' in answer.message
        assert (box.state(id)["Status"], box.state(id)["ExitCode"]) == ("created", 127)

    def test_bad_input(self, box: Box, id: str) -> None:
        assert alike(box.post("nosuch", "restart"), 404, "No such container: nosuch")
        assert box.post(id, "restart", t="x").status in ((400,) if box.engine.ours else (400, 500))
        assert box.post(id, "restart", signal="NOSUCH", t=0).status in ((400,) if box.engine.ours else (204,))


class TestUpdate:
    """POST /containers/{id}/update."""

    def test_memory_holds_at_once(self, box: Box, id: str) -> None:
        answer = box.post(id, "update", {"Memory": 64 * MIB, "MemorySwap": 128 * MIB})
        assert answer.status == 200
        assert not answer.json["Warnings"]
        found = box.inspect(id)["HostConfig"]
        assert (found["Memory"], found["MemorySwap"]) == (64 * MIB, 128 * MIB)
        assert inside(box, id, f"{GROUPS}/memory/memory.limit_in_bytes") == str(64 * MIB)
        assert inside(box, id, f"{GROUPS}/memory/memory.memsw.limit_in_bytes") == str(128 * MIB)

    def test_memory_above_the_swap_limit_is_refused(self, box: Box) -> None:
        id = box.up("sleep", "1000", host={"Memory": 64 * MIB, "MemorySwap": 128 * MIB})
        words = "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        assert alike(box.post(id, "update", {"Memory": 256 * MIB}), 409, f"Cannot update container {id}: {words}")
        assert box.inspect(id)["HostConfig"]["Memory"] == 64 * MIB
        box.did(id, "update", {"Memory": 256 * MIB, "MemorySwap": 512 * MIB})
        assert box.inspect(id)["HostConfig"]["Memory"] == 256 * MIB
        box.did(id, "update", {"MemorySwap": -1})
        assert box.inspect(id)["HostConfig"]["MemorySwap"] == -1

    def test_memory_below_what_is_used_is_refused_and_nothing_changes(self, box: Box) -> None:
        id = box.ready("head -c 30000000 /dev/zero >/dev/shm/x; echo ready; exec sleep 1000")
        answer = box.post(id, "update", {"Memory": 8 * MIB, "MemorySwap": 8 * MIB})
        assert answer.status in (409, 500)
        assert answer.message.lower().startswith(f"cannot update container {id}: ")
        assert (box.state(id)["Status"], box.inspect(id)["HostConfig"]["Memory"]) == ("running", 0)

    def test_cpus(self, box: Box, id: str) -> None:
        box.did(id, "update", {"NanoCpus": 500_000_000, "CpuShares": 512, "CpusetCpus": "0"})
        found = box.inspect(id)["HostConfig"]
        assert (found["NanoCpus"], found["CpuShares"], found["CpusetCpus"]) == (500_000_000, 512, "0")
        assert inside(box, id, f"{GROUPS}/cpu/cpu.shares") == "512"
        quota, period = (int(inside(box, id, f"{GROUPS}/cpu/cpu.cfs_{name}_us")) for name in ("quota", "period"))
        assert quota / period == 0.5
        assert inside(box, id, f"{GROUPS}/cpuset/cpuset.cpus") == "0"

    def test_processes(self, box: Box, id: str) -> None:
        box.did(id, "update", {"PidsLimit": 50})
        assert (box.inspect(id)["HostConfig"]["PidsLimit"], inside(box, id, f"{GROUPS}/pids/pids.max")) == (50, "50")
        box.did(id, "update", {"PidsLimit": -1})
        assert inside(box, id, f"{GROUPS}/pids/pids.max") == "max"

    def test_restart_policy(self, box: Box, id: str) -> None:
        for policy in ({"Name": "on-failure", "MaximumRetryCount": 3}, {"Name": "always", "MaximumRetryCount": 0}):
            box.did(id, "update", {"RestartPolicy": policy})
            assert box.inspect(id)["HostConfig"]["RestartPolicy"] == policy

    def test_what_is_not_named_stays(self, box: Box) -> None:
        id = box.up("sleep", "1000", host={"Memory": 64 * MIB, "PidsLimit": 40, "CpuShares": 100})
        for body in ({}, {"Nosuch": 1, "Memory": None}, {"cpushares": 200}):
            box.did(id, "update", body)
        found = box.inspect(id)["HostConfig"]
        assert (found["Memory"], found["PidsLimit"], found["CpuShares"]) == (64 * MIB, 40, 200)

    def test_what_does_not_run_is_updated_for_its_next_start(self, box: Box) -> None:
        id = box.create("sleep", "1000")
        box.did(id, "update", {"Memory": 64 * MIB, "MemorySwap": 64 * MIB, "PidsLimit": 30})
        box.start(id)
        assert inside(box, id, f"{GROUPS}/memory/memory.limit_in_bytes") == str(64 * MIB)
        assert inside(box, id, f"{GROUPS}/pids/pids.max") == "30"

    def test_it_holds_after_a_restart(self, box: Box, id: str) -> None:
        box.did(id, "update", {"PidsLimit": 60})
        box.did(id, "restart", t=0)
        assert inside(box, id, f"{GROUPS}/pids/pids.max") == "60"

    @pytest.mark.parametrize(
        ("body", "status", "words"),
        [
            ({"Memory": 1000}, 400, "Minimum memory limit allowed is 6MB"),
            ({"RestartPolicy": {"Name": "bogus"}}, 400, r"invalid restart policy.*"),
            (
                {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 3}},
                400,
                "(invalid restart policy: )?maximum retry count can(not| only) be used with .*",
            ),
            (
                {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": -3}},
                400,
                "(invalid restart policy: )?maximum retry count cannot be negative",
            ),
            ({"NanoCpus": 99 * 10**9}, 400, r"Range of CPUs is from 0.01 to \d+.00, as there are only \d+ CPUs available"),
            ({"CpusetCpus": "99"}, 400, r"Requested CPUs are not available - requested 99, available: 0-\d+"),
        ],
    )
    def test_the_impossible_is_refused(self, box: Box, id: str, body: dict[str, Any], status: int, words: str) -> None:
        answer = box.post(id, "update", body)
        assert (answer.status, bool(re.fullmatch("(?i)" + words, answer.message))) == (status, True), answer

    def test_a_quota_next_to_cpus_is_refused(self, box: Box) -> None:
        id = box.up("sleep", "1000", host={"NanoCpus": 500_000_000})
        words = "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set"
        answer = box.post(id, "update", {"CpuQuota": 50000, "CpuPeriod": 100000})
        assert alike(answer, 409, f"Cannot update container {id}: {words}")

    def test_a_policy_next_to_auto_remove_is_refused(self, box: Box) -> None:
        id = box.up("sleep", "1000", host={"AutoRemove": True})
        answer = box.post(id, "update", {"RestartPolicy": {"Name": "always"}})
        assert answer.status == 409
        assert "Restart policy cannot be updated because AutoRemove is enabled for the container" in answer.message

    def test_a_missing_container(self, box: Box) -> None:
        assert alike(box.post("nosuch", "update", {"PidsLimit": 1}), 404, "No such container: nosuch")


class TestPrune:
    """POST /containers/prune: only ever with a label of the test's own."""

    def prune(self, box: Box, **filters: list[str]) -> set[str]:
        answer = box.api.post("/containers/prune", filters=filters)
        assert answer.status == 200, answer
        return set(answer.json["ContainersDeleted"] or [])

    def test_what_does_not_run_goes(self, box: Box) -> None:
        labels = {"Labels": {"prune": "1"}}
        created, ended = box.create("true", **labels), box.run("true", **labels).id
        running, paused = box.up("sleep", "1000", **labels), box.up("sleep", "1000", **labels)
        box.did(paused, "pause")
        assert self.prune(box, label=["prune=1"]) == {created, ended}
        assert set(box.ids(label=["prune=1"])) == {running, paused}

    def test_the_room_it_took_is_told(self, box: Box) -> None:
        id = box.sh("head -c 500000 /dev/zero >/x", Labels={"prune": "room"}).id
        answer = box.api.post("/containers/prune", filters={"label": ["prune=room"]}).json
        assert answer["ContainersDeleted"] == [id]
        assert answer["SpaceReclaimed"] >= 500000

    def test_filters(self, box: Box) -> None:
        one, two = (box.create("true", Labels={"pruned": n}) for n in "12")
        assert self.prune(box, label=["pruned=nosuch"]) == set()
        assert self.prune(box, label=["pruned"], until=["1h"]) == set()
        assert self.prune(box, label=["pruned"], **{"label!": ["pruned=1"]}) == {two}
        assert self.prune(box, label=["pruned"], until=[str(int(time.time()) + 2)]) == {one}

    def test_bad_filters(self, box: Box) -> None:
        assert alike(box.api.post("/containers/prune", filters={"nosuch": ["x"]}), 400, "Invalid filter 'nosuch'")
        for until in (["xx"], ["10m", "5m"]):
            answer = box.api.post("/containers/prune", filters={"until": until, "label": ["pruned"]})
            assert answer.status in ((400,) if box.engine.ours else (400, 500))


class TestTop:
    """GET /containers/{id}/top."""

    def top(self, box: Box, id: str, arguments: str | None = None) -> tuple[list[str], list[list[str]]]:
        answer = box.api.get(f"/containers/{id}/top", **({} if arguments is None else {"ps_args": arguments}))
        assert answer.status == 200, answer
        return answer.json["Titles"], answer.json["Processes"]

    def test_the_default(self, box: Box, id: str) -> None:
        titles, rows = self.top(box, id)
        assert titles == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
        assert [(row[0], row[-1]) for row in rows] == [("root", "sleep 1000")]
        assert int(rows[0][1]) == box.state(id)["Pid"]  # as the host counts
        assert re.fullmatch(r"\d\d:\d\d", rows[0][4])
        assert (rows[0][5], rows[0][6]) == ("?", "00:00:00")
        assert (titles, [r[-1] for r in rows]) == (self.top(box, id, "-ef")[0], ["sleep 1000"])

    def test_aux(self, box: Box, id: str) -> None:
        titles, rows = self.top(box, id, "aux")
        assert titles == ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"]
        assert (rows[0][0], rows[0][6], rows[0][-1]) == ("root", "?", "sleep 1000")
        assert rows[0][7] in ("Ss", "Rs")  # it may just be about to sleep
        assert int(rows[0][4]) > int(rows[0][5]) > 0

    @pytest.mark.parametrize(
        ("arguments", "titles", "last"),
        [
            ("-o pid,comm", ["PID", "COMMAND"], "sleep"),
            ("-eo pid,ppid,user,args", ["PID", "PPID", "USER", "COMMAND"], "sleep 1000"),
            ("axo pid,stat,cmd", ["PID", "STAT", "CMD"], "sleep 1000"),
        ],
    )
    def test_chosen_columns(self, box: Box, id: str, arguments: str, titles: list[str], last: str) -> None:
        found, rows = self.top(box, id, arguments)
        assert (found, [row[-1] for row in rows]) == (titles, [last])

    def test_every_process_is_there(self, box: Box) -> None:
        id = box.ready("sleep 1001 & sleep 1002 & echo ready; wait", User="daemon")
        with Execution(box, id, "cat", AttachStdin=True, User="root").start() as stream:
            stream.send(b"x\n")
            stream.read_until(b"x\n")
            _, rows = self.top(box, id)
        assert {(row[0], row[-1]) for row in rows if not row[-1].startswith("sh ")} == {
            ("daemon", "sleep 1001"),
            ("daemon", "sleep 1002"),
            ("root", "cat"),
        }

    def test_a_choice_without_pid_is_refused(self, box: Box, id: str) -> None:
        answer = box.api.get(f"/containers/{id}/top", ps_args="-o user,comm")
        assert answer.status in ((400, 500) if box.engine.ours else (500,))
        assert re.fullmatch("(?i)couldn't find PID field in ps output", answer.message)

    def test_what_ps_does_not_know_is_refused(self, box: Box, id: str) -> None:
        assert box.api.get(f"/containers/{id}/top", ps_args="--nosuch").status in (400, 500)

    def test_what_does_not_run_has_no_processes(self, box: Box) -> None:
        for id in (box.create("true"), box.run("true").id):
            assert alike(box.api.get(f"/containers/{id}/top"), 409, f"Container {id} is not running")
        assert alike(box.api.get("/containers/nosuch/top"), 404, "No such container: nosuch")
