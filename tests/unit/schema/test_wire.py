"""JSON in dockerd's manners: any case, null is absent, strangers ignored, wrong types refused with their path."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.errors import Invalid
from dockerkit.schema import container, events, image, wire
from dockerkit.schema.container import ContainerInspect, CreateRequest, HostConfig, NetworkSettings


def create(**body: Any) -> CreateRequest:
    return wire.decode(json.dumps(body).encode(), CreateRequest)


def test_keys_match_without_case_at_every_depth() -> None:
    request = create(
        image="busybox",
        hostconfig={"MEMORY": 5, "restartpolicy": {"nAME": "always"}, "ulimits": [{"name": "nofile", "SOFT": 1, "hard": 2}]},
    )
    assert request.image == "busybox"
    assert request.host_config.memory == 5
    assert request.host_config.restart_policy.name == "always"
    assert request.host_config.ulimits[0].soft == 1


def test_keys_of_maps_are_left_as_they_are() -> None:
    request = create(Labels={"Image": "x", "OOM": "y"}, HostConfig={"PortBindings": {"80/TCP": [{"hostport": "1"}]}})
    assert request.labels == {"Image": "x", "OOM": "y"}
    assert request.host_config.port_bindings["80/TCP"] is not None
    assert request.host_config.port_bindings["80/TCP"][0].host_port == "1"


def test_null_means_absent() -> None:
    request = create(Image=None, Env=None, HostConfig=None, Cmd=None, Labels=None, ExposedPorts=None)
    assert request == create()


def test_null_inside_a_map_or_list_is_the_empty_value() -> None:
    request = create(
        Labels={"a": None}, ExposedPorts={"80/tcp": None}, Env=[None], HostConfig={"PortBindings": {"80/tcp": None}}
    )
    assert (request.labels, request.exposed_ports, request.env) == ({"a": ""}, {"80/tcp": {}}, [""])
    assert request.host_config.port_bindings == {"80/tcp": None}


def test_unknown_keys_are_ignored() -> None:
    assert create(Nonsense=1, HostConfig={"AlsoNonsense": [2]}) == create()


def test_command_may_be_text_or_a_list() -> None:
    assert create(Cmd="echo hi").cmd == "echo hi"
    assert create(Cmd=["echo", "hi"]).cmd == ["echo", "hi"]
    assert create(Entrypoint=[]).entrypoint == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"HostConfig": {"Memory": "1"}}, "$.HostConfig.Memory"),
        ({"hostconfig": {"memory": 1.5}}, "$.HostConfig.Memory"),
        ({"Env": ["A=1", 5]}, "$.Env[1]"),
        ({"Tty": "yes"}, "$.Tty"),
        ({"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": "x", "Hard": 1}]}}, "$.HostConfig.Ulimits[0].Soft"),
        ({"Labels": {"a": 1}}, "$.Labels[...]"),
        ({"HostConfig": []}, "$.HostConfig"),
    ],
)
def test_wrong_type_is_refused_with_the_path_to_it(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as told:
        create(**body)
    assert f"at `{path}`" in told.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b"5",
        b'{"Image":"\xff"}',
        b'{"Image":"\\ud800"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"HostConfig":{"Memory":99999999999999999999}}',
        b'{"HostConfig":{"Memory":' + b"9" * 5000 + b"}}",
        b"{} {}",
    ],
    ids=lambda body: body[:24].decode(errors="replace") or "empty",
)
def test_hostile_body_is_one_clear_error(body: bytes) -> None:
    with pytest.raises(Invalid, match="invalid JSON"):
        wire.decode(body, CreateRequest)


def models() -> list[type[msgspec.Struct]]:
    found = {member for module in (container, image, events) for _, member in inspect.getmembers(module, inspect.isclass)}
    return sorted((one for one in found - {wire.Model} if issubclass(one, msgspec.Struct)), key=lambda one: one.__name__)


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_document_reads_back_what_it_wrote(model: type[msgspec.Struct]) -> None:
    document = model(**required(model))
    assert wire.decode(wire.encode(document), model) == document


def sample(hint: Any) -> Any:
    """A value for a field that has no default."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint(**required(hint))
    return {int: 7, list: []}.get(get_origin(hint) or hint, "x")


def required(model: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(model)
    return {one.name: sample(hints[one.name]) for one in msgspec.structs.fields(model) if one.required}


texts = st.text(max_size=12)
words = st.lists(texts, max_size=3)


@given(
    st.builds(
        CreateRequest,
        image=texts,
        env=words,
        cmd=st.none() | words | texts,
        labels=st.dictionaries(texts, texts, max_size=3),
        tty=st.booleans(),
        host_config=st.builds(
            HostConfig,
            memory=st.integers(-(2**63), 2**63 - 1),
            pids_limit=st.none() | st.integers(-1, 2**31),
            binds=st.none() | words,
            tmpfs=st.dictionaries(texts, texts, max_size=2),
        ),
    )
)
def test_create_request_survives_the_wire_in_any_case(request_: CreateRequest) -> None:
    assert wire.decode(wire.encode(request_), CreateRequest) == request_
    shouted = {key.upper(): value for key, value in wire.plain(request_).items()}
    assert wire.convert(shouted, CreateRequest) == request_


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        (
            HostConfig,
            "CpuShares NanoCpus BlkioDeviceReadIOps PidsLimit ContainerIDFile Dns UTSMode OomScoreAdj",
        ),
        (NetworkSettings, "SandboxID IPAddress GlobalIPv6PrefixLen SecondaryIPAddresses LinkLocalIPv6Address"),
        (ContainerInspect, "Id State ResolvConfPath HostsPath AppArmorProfile ExecIDs GraphDriver SizeRw MountLabel"),
        (container.ContainerState, "OOMKilled StartedAt ExitCode Pid"),
        (container.ContainerSummary, "Id Names ImageID SizeRootFs"),
        (container.MountPoint, "RW Destination Propagation"),
        (container.EndpointSettings, "IPAMConfig NetworkID EndpointID DNSNames GwPriority MacAddress"),
        (image.ImageInspect, "RepoTags RepoDigests RootFS DockerVersion GraphDriver"),
        (image.ImageSummary, "ParentId RepoTags SharedSize VirtualSize Containers"),
    ],
)
def test_keys_are_spelt_as_docker_spells_them(model: type[msgspec.Struct], keys: str) -> None:
    known = {one.encode_name for one in msgspec.structs.fields(model)}
    assert not set(keys.split()) - known
