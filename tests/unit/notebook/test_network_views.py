"""A network as a card, and its topology as a drawing with a table: the same facts each time, hostile names stay text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from dockerkit.client.network import Network
from dockerkit.client.topology import Topology
from dockerkit.errors import NotFound, Unavailable
from dockerkit.notebook.views import network_card

HOSTILE = "<script>alert(1)</script>\"'&"
RECORD: dict[str, Any] = {
    "Name": HOSTILE,
    "Id": "7" * 64,
    "Driver": "bridge",
    "Internal": True,
    "IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}, {"Subnet": "fd00::/64"}]},
    "Containers": {"1": {"Name": HOSTILE, "IPv4Address": "10.0.0.2/24"}, "2": {"Name": "a", "IPv4Address": "10.0.0.3/24"}},
    "Labels": {HOSTILE: HOSTILE, "dockerkit.notebook": "hidden"},
}


def member(name: str, address: str, **more: Any) -> dict[str, Any]:
    return {
        "Id": name, "Name": name, "Interface": "eth0", "HostInterface": "veth1", "MacAddress": "02:42:0a:00:00:02",
        "Addresses": [address], "Gateways": ["10.0.0.1"], "Ports": [], **more,
    }  # fmt: skip


def topology(*members: dict[str, Any], cut: tuple[str, str] | None = None, name: str = "net") -> Topology:
    names = [one["Name"] for one in members]
    reach = [
        {
            "From": a,
            "To": b,
            "Reaches": cut is None or {a, b} != set(cut),
            "Why": "partition" if cut and {a, b} == set(cut) else "",
        }
        for a in names
        for b in names
        if a != b
    ]
    return Topology(
        {"Name": name, "Internal": False, "Subnets": [{"Subnet": "10.0.0.0/24"}], "Containers": list(members), "Reach": reach,
         "Partitions": [], "Rules": []}
    )  # fmt: skip


class Engine:
    url, foreign = "unix:///nowhere", False

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, path: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def network(answer: Any) -> Network:
    return Network(type("Owner", (), {"engine": Engine(answer)})(), "7" * 64)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def test_card_says_what_it_is_and_who_is_on_it() -> None:
    card = network_card(network(RECORD))
    for text in (card.text(), Page(card.html()).text):
        assert "10.0.0.0/24, fd00::/64" in text
        assert "a 10.0.0.3" in text
        assert HOSTILE in text
        assert "hidden" not in text, "our own labels are ours"
    assert "script" not in Page(card.html()).tags


@pytest.mark.parametrize(("error", "said"), [(NotFound("gone"), "removed"), (Unavailable("no engine"), "unknown: no engine")])
def test_card_of_what_cannot_be_asked_says_so(error: Exception, said: str) -> None:
    assert said in network_card(network(error)).text()


def test_drawing_says_no_more_than_the_table() -> None:
    ports = [{"Port": "80/tcp", "HostIp": "127.0.0.1", "HostPort": 8080}]
    seen = topology(member(HOSTILE, "10.0.0.2/24", Ports=ports), member("b", "10.0.0.3/24"), cut=(HOSTILE, "b"), name=HOSTILE)
    html = seen._repr_html_()
    drawing, _, table = html.partition("</svg>")
    page = Page(html)
    assert "script" not in page.tags
    for fact in (HOSTILE, "10.0.0.2/24", "b", "10.0.0.3/24", "partition"):
        assert fact in Page(drawing).text
        assert fact in Page(table).text
    assert "8080→80" in Page(drawing).text
    assert "127.0.0.1:8080 → 80/tcp" in Page(table).text


def test_only_who_is_cut_off_has_a_red_line() -> None:
    three = [member(name, f"10.0.0.{n}/24") for n, name in enumerate("abc", 2)]
    assert topology(*three)._repr_html_().count("stroke-dasharray") == 0
    assert topology(*three, cut=("a", "c"))._repr_html_().count("stroke-dasharray") == 1, "one line for both ways"


def test_drawing_is_as_wide_as_its_containers_and_an_empty_network_is_a_bar() -> None:
    widths = [
        int(
            re.search(r'width="(\d+)" style', topology(*[member(str(n), "10.0.0.2/24") for n in range(count)])._repr_html_())[1]
        )
        for count in (0, 1, 4)
    ]
    assert widths[0] == widths[1] < widths[2]
