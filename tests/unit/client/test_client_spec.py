"""A wish is a value: equal when the same was said, printed as the Python that says it again."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dockerkit as dk
from dockerkit.client.encoding import encode
from dockerkit.schema.wire import plain

Say = Callable[[dk.ContainerSpec], dk.ContainerSpec]

names = st.text(st.characters(codec="utf-8", exclude_characters="=\0"), min_size=1, max_size=8)
texts = st.text(max_size=12)
paths = st.text("abc/._-", max_size=8).map(lambda rest: "/" + rest)
sizes = st.one_of(st.integers(0, 1 << 50), st.sampled_from(["64m", "1g", "512k", "10"]))
ports = st.one_of(
    st.integers(1, 65535), st.sampled_from(["80", "80/tcp", "53/udp", "8080:80", "127.0.0.1::80", "8000-8002:80-82"])
)


def word(name: str, *arguments: Any, **keywords: Any) -> st.SearchStrategy[Say]:
    return st.builds(
        lambda args, kw: lambda spec: getattr(spec, name)(*args, **kw), st.tuples(*arguments), st.fixed_dictionaries(keywords)
    )


WORDS = st.one_of(
    word("command", texts, texts),
    word("entrypoint"),
    word("entrypoint", texts),
    word("env", st.dictionaries(names, st.one_of(texts, st.integers(), st.none()), max_size=3)),
    word("label", st.dictionaries(names, texts, max_size=3)),
    word("publish", ports, ports),
    word("bind", st.text("abc/.", min_size=1, max_size=6), paths, read_only=st.booleans()),
    word("bind", st.sampled_from(["/a:/b", "/a:/b:ro", "./a:/b:z,ro", "/a:/b:rshared"])),
    word("volume", st.sampled_from(["data", "other"]), paths, read_only=st.booleans()),
    word("volume", paths),
    word("tmpfs", paths, st.one_of(st.none(), sizes)),
    word(
        "network",
        st.sampled_from(["none", "host", "net"]),
        aliases=st.lists(texts, max_size=2),
        ip=st.sampled_from(["", "10.0.0.2"]),
    ),
    word("memory", sizes),
    word("shm_size", sizes),
    word("cpus", st.floats(0.01, 64)),
    word("pids_limit", st.integers(-1, 10_000)),
    word("user", st.one_of(texts, st.integers(0, 70_000))),
    word("workdir", paths),
    word("hostname", texts),
    word("name", st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", fullmatch=True)),
    word("restart", st.sampled_from(["always", "no", "on-failure:3", "unless-stopped"])),
    word("healthcheck", texts, texts, interval=st.sampled_from([0, 3, "1m30s"]), retries=st.integers(0, 5)),
    word("healthcheck"),
    word("cap_add", st.sampled_from(["NET_ADMIN", "cap_sys_time", "ALL"])),
    word("cap_drop", st.sampled_from(["CHOWN", "all"])),
    word("security_opt", texts),
    word("device", st.sampled_from(["/dev/fuse", "/dev/a:/dev/b", "/dev/a:/dev/b:r", "/dev/a:rw"])),
    word("ulimit", st.sampled_from(["nofile", "core"]), st.integers(-1, 99), st.integers(-1, 99)),
    word("sysctl", names, texts),
    word("extra_host", st.sampled_from(["db:10.0.0.1", "x:::1"])),
    word("dns", st.sampled_from(["1.1.1.1", "9.9.9.9"])),
    word("stop_signal", st.sampled_from(["INT", 9])),
    word("stop_timeout", st.sampled_from([1, "2m", 2.5])),
    word("platform", texts),
    word("ready", st.sampled_from([dk.ready.log("x"), dk.ready.port(80) & dk.ready.healthy()])),
    *(word(flag, st.booleans()) for flag in ("privileged", "read_only", "init", "tty", "stdin", "auto_remove")),
)


def said_all(image: str, said: list[Say]) -> dk.ContainerSpec:
    spec = dk.container(image)
    for say in said:
        spec = say(spec)
    return spec


SPECS = st.builds(said_all, st.sampled_from(["busybox", "a/b:1"]), st.lists(WORDS, max_size=6))


@given(SPECS)
def test_repr_makes_an_equal_wish(spec: dk.ContainerSpec) -> None:
    again = eval(repr(spec), {"dk": dk})
    assert again == spec
    assert hash(again) == hash(spec)
    assert repr(again) == repr(spec)


@given(SPECS, SPECS)
def test_equality_agrees_with_what_is_sent(one: dk.ContainerSpec, other: dk.ContainerSpec) -> None:
    if one == other:
        assert hash(one) == hash(other)
        assert sent(one) == sent(other)
    assert (one == other) is (other == one)


def sent(spec: dk.ContainerSpec) -> Any:
    """What the engine would get, lists sorted where their order says nothing."""
    document = plain(encode(without_ready(spec), foreign=True, local=False))
    host = document["HostConfig"]
    for where, key in ((document, "Env"), *((host, k) for k in ("Binds", "CapAdd", "CapDrop", "SecurityOpt", "ExtraHosts"))):
        where[key] = sorted(where[key] or [])
    host["Devices"].sort(key=str)
    host["Ulimits"].sort(key=str)
    for bindings in host["PortBindings"].values():
        bindings.sort(key=str)
    return document


def without_ready(spec: dk.ContainerSpec) -> dk.ContainerSpec:
    return spec._with("ready", None) if "ready" in spec.said else spec


@given(SPECS, WORDS)
def test_a_word_leaves_the_wish_it_was_said_of_alone(spec: dk.ContainerSpec, say: Say) -> None:
    before = repr(spec)
    say(spec)
    assert repr(spec) == before


@given(SPECS)
def test_saying_it_twice_is_saying_it_once(spec: dk.ContainerSpec) -> None:
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_order_of_words_does_not_count() -> None:
    assert dk.container("x").memory("1m").user("a") == dk.container("x").user("a").memory(1 << 20)
    assert dk.container("x").env(A="1").env(B="2") == dk.container("x").env(B="2", A="1")
    assert dk.container("x").dns("1.1.1.1", "9.9.9.9") != dk.container("x").dns("9.9.9.9", "1.1.1.1")


def test_client_does_not_count() -> None:
    one, other = dk.Client("unix:///a.sock"), dk.Client("unix:///b.sock")
    assert one.container("x", "y") == other.container("x", "y") == dk.container("x", "y")


def test_repr_is_minimal() -> None:
    spec = dk.container("redis:7", "redis-server").env(MODE="test").publish(6379).memory("256m").privileged(False).read_only()
    assert (
        repr(spec)
        == "dk.container('redis:7').command('redis-server').env(MODE='test').publish(6379).memory('256m').read_only()"
    )


def test_a_wish_does_not_change() -> None:
    spec = dk.container("x")
    with pytest.raises(AttributeError):
        spec.image = "y"
    with pytest.raises(AttributeError):
        del spec.image
    spec.said["memory"] = 1
    assert spec == dk.container("x")


def test_bind_is_relative_to_the_caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert dk.container("x").bind("src", "/app") == dk.container("x").bind(tmp_path / "src", "/app")
    assert dk.container("x").bind("./src:/app:ro") == dk.container("x").bind("src", "/app", read_only=True)


@pytest.mark.parametrize(
    ("say", "named"),
    [
        (lambda s: s.memory("many"), "invalid size"),
        (lambda s: s.bind("a", "relative"), "relative"),
        (lambda s: s.publish("eighty"), "eighty"),
        (lambda s: s.env("NOVALUE"), "NOVALUE"),
        (lambda s: s.name("/"), "container name"),
        (lambda s: s.restart("sometimes"), "sometimes"),
        (lambda s: s.ulimit("nofile", "x"), "ulimit"),
        (lambda s: s.device("fuse"), "fuse"),
        (lambda s: s.workdir("tmp"), "workdir"),
        (lambda s: s.cpus("half"), "cpus"),
        (lambda s: s.cpus(-1), "cpus"),
        (lambda s: s.publish(99999), "99999"),
        (lambda s: s.publish("99999:80"), "99999"),
        (lambda s: s.shm_size(-1), "shm_size"),
        (lambda s: s.extra_host("db"), "extra_host"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_when_said(say: Say, named: str) -> None:
    with pytest.raises(dk.errors.Invalid, match=named):
        say(dk.container("x"))


@pytest.mark.parametrize(
    "say",
    [
        lambda s: s.env(A=True),
        lambda s: s.memory(True),
        lambda s: s.command(["a"]),
        lambda s: s.label(A=None),
        lambda s: s.ready("5"),
        lambda s: s.network(None),
    ],
)
def test_a_value_of_the_wrong_type_is_a_type_error(say: Say) -> None:
    with pytest.raises(TypeError):
        say(dk.container("x"))
