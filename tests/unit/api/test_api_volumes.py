"""The routes of volumes against a pretend engine: what reaches the verbs, and in which shape it comes back."""

from __future__ import annotations

import pytest


@pytest.fixture
def volumes(pretended):
    return pretended.engine.volumes


def test_life_of_a_volume(api, volumes):
    made = api.json("POST", "/volumes/create", {"Name": "v", "DriverOpts": {"o": "x"}, "Labels": None}, status=201)
    assert (made["Name"], made["Options"], made["Labels"], "Status" in made) == ("v", {"o": "x"}, None, False)
    assert api.json("GET", "/volumes") == {"Volumes": [made], "Warnings": None}
    assert api.json("GET", "/volumes/v") == made
    assert api.request("DELETE", "/volumes/v")[0] == 204
    assert api.refused("DELETE", "/volumes/v", status=404) == "get v: no such volume"
    assert api.request("DELETE", "/volumes/v?force=1")[0] == 204


def test_empty_body_and_a_path_for_a_name(api):
    assert "EOF" in api.refused("POST", "/volumes/create", b"", status=400, headers={"Content-Type": "application/json"})
    assert api.refused("GET", "/volumes/a/b", status=404) == "get a/b: no such volume"


def test_prune_before_142_means_named_ones_too(api, volumes):
    for version, filters in (("v1.41", {"all": ["true"]}), ("v1.42", {}), ("v1.51", {})):
        api.json("POST", f"/{version}/volumes/prune")
        assert volumes.filters == filters
    assert api.refused("POST", '/v1.41/volumes/prune?filters={"all":["true"]}', status=400) == "invalid filter 'all'"


def test_what_docker_has_no_word_for(api, volumes):
    api.json("POST", "/volumes/create", {"Name": "v"}, status=201)
    status, _, _ = api.request(
        "PUT", "/dockerkit/v1/volumes/v/archive", b"not looked at", {"Content-Type": "application/x-tar"}
    )
    assert (status, volumes.content["v"]) == (200, b"not looked at")
    copy = api.json("POST", "/dockerkit/v1/volumes/v/clone", {"Name": "w", "Labels": {"a": "b"}}, status=201)
    assert (copy["Name"], copy["Labels"]) == ("w", {"a": "b"})
    assert len(api.json("POST", "/dockerkit/v1/volumes/v/clone", status=201)["Name"]) == 64
    status, headers, content = api.request("GET", "/dockerkit/v1/volumes/w/archive")
    assert (status, headers["Content-Type"], content) == (200, "application/x-tar", b"not looked at")
    assert api.request("PUT", "/dockerkit/v1/volumes/nosuch/archive", b"x")[0] == 404
