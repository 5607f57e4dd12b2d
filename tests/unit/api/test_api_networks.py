"""Routes of networks on a pretend engine: what is decoded, which verb is called, what versions before see."""

from __future__ import annotations

import pytest

from dockerkit.daemon.api.versions import shaped
from dockerkit.schema.container import ContainerInspect
from dockerkit.schema.network import EndpointSettings, NetworkInspect


@pytest.fixture
def networks(pretended):
    return pretended.engine.networks


def test_create_connect_and_disconnect_are_decoded(api, networks):
    wish = {"Name": "n", "IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}], "Options": None}, "EnableIPv6": None, "Labels": None}
    status, _, _ = api.request("POST", "/networks/create", wish)
    assert status == 201
    request = networks.calls[-1][1]
    assert (request.name, request.ipam.config[0].subnet, request.labels) == ("n", "10.0.0.0/24", {})
    api.json("GET", "/networks/n?verbose=1&scope=local")
    assert networks.calls[-1] == ("inspect", "n", True, "local")
    assert api.request("POST", "/networks/n/connect", {"Container": "c", "EndpointConfig": {"Aliases": ["a"]}})[0] == 200
    assert networks.calls[-1] == ("connect", "n", "c", EndpointSettings(aliases=["a"]))
    assert api.request("POST", "/networks/n/disconnect", {"Container": "c", "Force": True})[0] == 200
    assert networks.calls[-1] == ("disconnect", "n", "c", True)
    assert api.request("DELETE", "/networks/n")[0] == 204


def test_errors_have_docker_s_status(api):
    assert api.refused("GET", "/networks/nosuch", status=404) == "network nosuch not found"
    assert api.refused("DELETE", "/networks/bridge", status=403) == "bridge is a pre-defined network and cannot be removed"
    assert "Container is missing" in api.refused("POST", "/networks/bridge/connect", {}, status=400)


def test_the_list_tells_who_is_on_each_only_to_clients_before_1_28(api, networks):
    api.json("GET", "/v1.27/networks")
    assert networks.calls[-1] == ("list", {}, True)
    api.json("GET", '/v1.28/networks?filters={"driver":{"bridge":true}}')
    assert networks.calls[-1] == ("list", {"driver": ["bridge"]}, False)


def test_a_container_on_several_networks_needs_1_44(api):
    body = {"Image": "busybox", "Cmd": ["true"], "NetworkingConfig": {"EndpointsConfig": {"a": {}, "b": {}}}}
    words = api.refused("POST", "/v1.43/containers/create", body, status=400)
    assert words == "Container cannot be connected to network endpoints: a, b"
    assert api.request("POST", "/v1.44/containers/create", body)[0] == 201


def test_what_docker_has_no_word_for(api, networks):
    assert api.json("POST", "/dockerkit/v1/containers/c/ports", {"Ports": {"80/tcp": [{"HostPort": "8080"}]}})["Ports"]
    assert networks.calls[-1][2]["80/tcp"][0].host_port == "8080"
    assert api.request("POST", "/dockerkit/v1/networks/bridge/faults", {"Heal": True})[0] == 204
    assert api.json("GET", "/dockerkit/v1/networks/bridge/topology") == {"Name": "bridge"}


def test_a_session_owns_a_network_from_birth_or_later(api, pretended, networks):
    api.request("POST", "/networks/create", {"Name": "n"}, headers={"X-Dockerkit-Session": "5"})
    assert networks.calls[-1][2] == "5"
    pretended.engine.sessions.open_ones["5"] = 1
    assert api.request("POST", "/dockerkit/v1/sessions/5/networks/n")[0] == 204
    assert pretended.engine.sessions.owned == {("5", "n")}
    assert api.request("DELETE", "/dockerkit/v1/sessions/5/networks/n")[0] == 204
    assert pretended.engine.sessions.owned == set()


def test_shapes_by_version():
    network = NetworkInspect(name="n", id="1", created="")
    assert "EnableIPv4" not in shaped("network", network, (1, 47))
    assert shaped("network", network, (1, 48)) is network or "EnableIPv4" in shaped("network", network, (1, 48))
    made = ContainerInspect(id="f" * 64, created="")
    made.network_settings.networks = {"n": EndpointSettings(dns_names=["x"]), "bridge": EndpointSettings()}
    old = shaped("container", made, (1, 40))["NetworkSettings"]["Networks"]
    assert old["n"]["Aliases"] == ["f" * 12]
    assert old["bridge"]["Aliases"] is None
