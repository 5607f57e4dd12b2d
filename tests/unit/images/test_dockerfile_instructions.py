"""Dockerfile instructions that change a configuration: dockerd's answers, one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dockerkit.daemon.images.configuring import changed
from dockerkit.daemon.images.expansion import expand, expand_words
from dockerkit.daemon.images.instructions import parse
from dockerkit.errors import Invalid
from dockerkit.schema.image import ImageConfig

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE = ImageConfig(env=[PATH], cmd=["sh"])

# (instruction, what differs from BASE): all of them asked of dockerd 20.10
ACCEPTED = [
    ("CMD", {"cmd": ["/bin/sh", "-c"]}),
    ("cmd lower", {"cmd": ["/bin/sh", "-c", "lower"]}),
    ("CMD []", {"cmd": []}),
    ('CMD ["a","b"', {"cmd": ["/bin/sh", "-c", '["a","b"']}),
    ('CMD ["a",\\\n"b"]', {"cmd": ["a", "b"]}),
    ("CMD echo $A", {"cmd": ["/bin/sh", "-c", "echo $A"]}),
    ('SHELL ["bash", "-c"]\nCMD x', {"shell": ["bash", "-c"], "cmd": ["bash", "-c", "x"]}),
    ("ENTRYPOINT", {"cmd": None}),
    ("ENTRYPOINT []", {"cmd": None}),
    ('ENTRYPOINT ["a","b"]', {"entrypoint": ["a", "b"], "cmd": None}),
    ('CMD ["x"]\nENTRYPOINT ["a"]', {"entrypoint": ["a"], "cmd": ["x"]}),
    ("EXPOSE 80-82", {"exposed_ports": {"80/tcp": {}, "81/tcp": {}, "82/tcp": {}}}),
    ("EXPOSE 80/TCP 443/udp", {"exposed_ports": {"80/tcp": {}, "443/udp": {}}}),
    ("EXPOSE 8080:80", {"exposed_ports": {"80/tcp": {}}}),
    ("EXPOSE $PORT", {}),
    ("USER a b", {"user": "a b"}),
    ("USER ${X:-foo}", {"user": "foo"}),
    ('VOLUME ["/a"]', {"volumes": {"/a": {}}}),
    ("VOLUME /v /w", {"volumes": {"/v": {}, "/w": {}}}),
    ("WORKDIR /a b", {"working_dir": "/a b"}),
    ("WORKDIR ../x", {"working_dir": "/x"}),
    ("WORKDIR /a\nWORKDIR b", {"working_dir": "/a/b"}),
    ("ENV A b c", {"env": [PATH, "A=b c"]}),
    ("ENV A=$PATH B=${A:-x}", {"env": [PATH, f"A={PATH[5:]}", "B=x"]}),
    ("ENV A=1 \\\n B=2", {"env": [PATH, "A=1", "B=2"]}),
    ("ENV A=1 \\\n # a remark\n\n B=2", {"env": [PATH, "A=1", "B=2"]}),
    ('ENV "A"=1', {"env": [PATH, "A=1"]}),
    ("ENV 'q r'=1", {"env": [PATH, "q r=1"]}),
    ("ENV A=a\\ b", {"env": [PATH, "A=a b"]}),
    ('ENV A="q\\"w"', {"env": [PATH, 'A=q"w']}),
    ("ENV PATH=/x", {"env": ["PATH=/x"]}),
    ('LABEL "x y"="z w" q=\'s t\'', {"labels": {"q": "s t", "x y": "z w"}}),
    ("LABEL a b c", {"labels": {"a": "b c"}}),
    ("STOPSIGNAL SIGINT", {"stop_signal": "SIGINT"}),
    ("ONBUILD RUN x", {"on_build": ["RUN x"]}),
]
REFUSED = [
    ("RUN x", "run is not a valid change command"),
    ("FROM y", "from is not a valid change command"),
    ("NOSUCH x", "nosuch is not a valid change command"),
    ("ENV", "ENV requires at least one argument"),
    ("ENV A", "ENV must have two arguments"),
    ("ENV =x", "ENV names can not be blank"),
    ("ENV A= B", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'),
    ("LABEL", "LABEL requires at least one argument"),
    ("LABEL a", "LABEL must have two arguments"),
    ("EXPOSE x", "Invalid containerPort: x"),
    ("EXPOSE 70000", "Invalid containerPort: 70000"),
    ("ONBUILD ONBUILD x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
    ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
    ("USER", "USER requires exactly one argument"),
    ("VOLUME", "VOLUME requires at least one argument"),
    ('VOLUME [""]', "VOLUME specified can not be an empty string"),
    ("WORKDIR", "WORKDIR requires exactly one argument"),
    ("CMD [1]", "when using JSON array syntax, arrays must be comprised of strings only"),
    ("CMD --x=1 y", "Unknown flag: x"),
    ("STOPSIGNAL NOPE", "invalid signal: NOPE"),
    ("SHELL x", "SHELL requires the arguments to be in JSON form: x"),
    ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
    ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
    ("HEALTHCHECK --bad=1 CMD x", "Unknown flag: bad"),
    ("HEALTHCHECK --interval=1 CMD x", 'time: missing unit in duration "1"'),
    ("HEALTHCHECK --interval=0 CMD x", 'Interval "interval" cannot be less than 1ms'),
    ("HEALTHCHECK --retries=-1 CMD x", "--retries must be at least 1 (not -1)"),
    ("HEALTHCHECK TCP x", "Unknown type TCP in HEALTHCHECK (try CMD)"),
    ("# comment", "file with no instructions"),
    ("", "file with no instructions"),
]


@pytest.mark.parametrize(("instruction", "differs"), ACCEPTED)
def test_what_dockerd_makes_of_an_instruction(instruction: str, differs: dict[str, object]) -> None:
    found = changed(BASE, [instruction])
    assert {f: getattr(found, f) for f in ImageConfig.__struct_fields__ if getattr(found, f) != getattr(BASE, f)} == differs


@pytest.mark.parametrize(("instruction", "words"), REFUSED)
def test_what_dockerd_says_of_a_bad_instruction(instruction: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        changed(BASE, [instruction])
    assert refused.value.message == words


def test_a_healthcheck_is_read_whole() -> None:
    flags = "--interval=30s --timeout=3s --start-period=1m5s --start-interval=500ms --retries=3"
    check = changed(BASE, [f'HEALTHCHECK {flags} CMD ["x", "y"]']).healthcheck
    assert check is not None
    assert (check.test, check.retries) == (["CMD", "x", "y"], 3)
    assert (check.interval, check.timeout, check.start_period) == (30 * 10**9, 3 * 10**9, 65 * 10**9)
    assert check.start_interval == 500 * 10**6
    shell = changed(BASE, ["HEALTHCHECK CMD foo bar"]).healthcheck
    assert shell is not None and shell.test == ["CMD-SHELL", "foo bar"]
    none = changed(BASE, ["HEALTHCHECK NONE"]).healthcheck
    assert none is not None and none.test == ["NONE"]


def test_no_changes_change_nothing() -> None:
    assert changed(BASE, []) is BASE


def test_every_instruction_knows_its_line_and_its_flags() -> None:
    text = "# escape=`\n\nFROM --platform=linux/amd64 x AS y\nRUN --mount=type=cache,target=/x --network=none a `\n  b\n"
    first, second = parse(text)
    assert (first.keyword, first.flags, first.rest, first.line) == ("FROM", (("platform", "linux/amd64"),), "x AS y", 3)
    assert second.flags == (("mount", "type=cache,target=/x"), ("network", "none"))
    assert (second.rest.split(), second.line) == (["a", "b"], 4)
    with pytest.raises(Invalid, match="invalid escape token"):
        parse("# escape=x\nRUN y")


def test_variables_in_all_their_forms() -> None:
    known = {"A": "1", "E": "", "W": "x y"}
    for text, value in (
        ("$A", "1"), ("${A}b", "1b"), ("$N", ""), ("${N:-d}", "d"), ("${E:-d}", "d"), ("${E-d}", ""), ("${A:+s}", "s"),
        ("${E:+s}", ""), ("${E+s}", "s"), ("${N:-${A}}", "1"), ("'$A'", "$A"), ('"$A"', "1"), ("\\$A", "$A"),
        ('"\\$A"', "$A"), ("$", "$"), ("a$", "a$"), ("${W}", "x y"), ("\"it's\"", "it's"),
    ):  # fmt: skip
        assert expand(text, known) == value, text
    assert expand_words("$W z", known) == ["x", "y", "z"]
    assert expand_words('"$W" $N z', known) == ["x y", "z"]
    for text in ("${A", "${}", "${A!x}", "${N:?gone}", '"x', "'x"):
        with pytest.raises(Invalid):
            expand(text, known)


@given(some.text(max_size=60))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for keyword in ("", "ENV ", "CMD ", "LABEL ", "EXPOSE ", "VOLUME ", "HEALTHCHECK ", "USER ", "SHELL ", "ONBUILD "):
        try:
            changed(BASE, [keyword + text])
        except Invalid as error:
            assert error.message
