"""An owned container's overlay is volatile, and may be mounted again all the same."""

import pytest

pytestmark = pytest.mark.system


def test_an_owned_container_is_stopped_and_started_again_with_its_files(client):
    with client.start("busybox", "sleep", "1000") as box:
        client.session.own(box.id)
        box.files["/kept"] = "here"
        for _ in range(2):
            box.kill()
            box.wait()
            box.start()
            assert box.files["/kept"] == b"here"


def test_a_container_owned_before_its_first_start_is_started_again(live_daemon, client):
    status, made = live_daemon.request("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"]})
    assert status == 201
    live_daemon.request("POST", f"/dockerkit/v1/sessions/{client.session.id()}/containers/{made['Id']}")
    for _ in range(3):
        assert live_daemon.request("POST", f"/containers/{made['Id']}/start")[0] == 204
        assert live_daemon.request("POST", f"/containers/{made['Id']}/wait")[1]["StatusCode"] == 0
