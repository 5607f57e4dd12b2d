"""Log options: how much is kept, and what is refused in Docker's words."""

from __future__ import annotations

import pytest

from dockerkit.daemon.engine.logoptions import Rotation, rotation
from dockerkit.errors import Invalid
from dockerkit.schema.container import LogConfig


@pytest.mark.parametrize(
    ("type", "config", "expected"),
    [
        ("", {}, Rotation(-1, 1)),
        ("json-file", {"max-size": "10k", "max-file": "3"}, Rotation(10240, 3)),
        ("json-file", {"max-file": "3", "tag": "x", "labels": "a", "env": "b"}, Rotation(-1, 3)),
        ("json-file", {"max-size": "1m", "max-file": "2", "compress": "true"}, Rotation(1 << 20, 2)),
        ("local", {}, Rotation(20 << 20, 5)),
        ("local", {"max-size": "1g"}, Rotation(1 << 30, 5)),
        ("none", {"whatever": "x"}, Rotation(-1, 1)),
    ],
)
def test_how_much_is_kept(type, config, expected):
    assert rotation(LogConfig(type=type, config=config)) == expected


@pytest.mark.parametrize(
    ("type", "config", "words"),
    [
        ("json-file", {"nosuch": "1"}, "unknown log opt 'nosuch' for json-file log driver"),
        ("local", {"tag": "1"}, "unknown log opt 'tag' for log driver local"),
        ("json-file", {"max-size": "x"}, "invalid size: 'x'"),
        ("json-file", {"max-size": "-1"}, "invalid size: '-1'"),
        ("json-file", {"max-file": "0"}, "max-file cannot be less than 1"),
        ("json-file", {"max-file": "x"}, 'strconv.Atoi: parsing "x": invalid syntax'),
        ("json-file", {"compress": "true"}, "compress cannot be true when max-file is less than 2"),
    ],
)
def test_what_makes_no_sense_is_refused_in_dockers_words(type, config, words):
    with pytest.raises(Invalid) as caught:
        rotation(LogConfig(type=type, config=config))
    assert words in str(caught.value)
