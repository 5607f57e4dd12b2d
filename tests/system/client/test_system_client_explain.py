"""A running container explains how it came to be."""

from __future__ import annotations

import pytest

from dockerkit.errors import Conflict

pytestmark = pytest.mark.system


def test_every_step_from_the_fork_to_the_program_is_there_with_its_time(client):
    with client.start("busybox", "sleep", "1000") as box:
        steps = box.explain()
        assert [row["step"] for row in steps][-1] == "exec"
        assert {"cgroup", "mounts", "covers", "pivot", "identity"} <= {row["step"] for row in steps}
        assert all(row["did"] for row in steps)
        assert all(row["microseconds"] >= 0 for row in steps[:-1])
        assert steps[-1]["microseconds"] is None


def test_a_container_that_does_not_run_has_no_record_of_a_start(client):
    box = client.containers.create("busybox", "true")
    with pytest.raises(Conflict, match="no record of the start"):
        box.explain()
