"""``--format``: the subset of Go's templates, its errors in Go's words, and tables as Docker lays them out."""

from __future__ import annotations

from typing import Any

import pytest

from dockerkit.cli.formats import Column, View, read_template
from dockerkit.cli.refusals import Failure
from dockerkit.cli.sizes import binary, precise
from dockerkit.cli.tables import ellipsis, laid_out
from dockerkit.cli.template import Template, TemplateError

THING: dict[str, Any] = {
    "Name": "/web",
    "A": {"b": 1, "a": [1, "x", None]},
    "Labels": {"x": "y", "q": "z"},
    "Env": ["A=1", "B=2"],
    "On": True,
    "Off": False,
    "None": None,
    "Networks": {"en": {"IP": "1.2"}},
    "Pid": 7,
    "Mark": "<a&b>",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}|{{.A}}|{{.On}}|{{.None}}|{{.Pid}}", "/web|map[a:[1 x <nil>] b:1]|true|<no value>|7"),
        ("{{json .A}} {{json .Mark}}", '{"b":1,"a":[1,"x",null]} "<a&b>"'),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "q=z;x=y;"),
        ("{{range .Env}}{{println .}}{{end}}", "A=1\nB=2\n"),
        ("{{range $i, $e := .Env}}{{$i}}{{end}}", "01"),
        ("{{range .None}}a{{else}}none{{end}}", "none"),
        ("{{range .Networks}}{{.IP}}{{end}} {{(index .Networks `en`).IP}}", "1.2 1.2"),
        ('{{index .Env 1}} {{index .Labels "x"}} {{len .Env}} {{join .Env ","}}', "B=2 y 2 A=1,B=2"),
        ('{{upper .Name}} {{lower "AB"}} {{title "a b"}} {{split "a-b" "-"}} {{truncate .Name 2}}', "/WEB ab A B [a b] /w"),
        ("{{if .Off}}p{{else if .On}}r{{else}}n{{end}}", "r"),
        ("{{if not .On}}a{{else}}b{{end}}", "b"),
        ('{{if and .On (eq .Name "/web" "x")}}yes{{end}}', "yes"),
        ("{{with .A}}{{.b}}{{$.Name}}{{end}}", "1/web"),
        ('{{ .Name | upper | printf "%s!" }}', "/WEB!"),
        ('{{printf "%s-%d|%5s|%-5s|%q|%v|%%" .Name .Pid "a" "b" "c" .On}}', '/web-7|    a|b    |"c"|true|%'),
        ("a {{- .Name -}} b", "a/webb"),
        ("{{/* nothing */}}x", "x"),
        ("{{$x := .Name}}{{$x}}", "/web"),
        ('{{"}}"}}', "}}"),
    ],
)
def test_template_writes_what_docker_would(template: str, text: str) -> None:
    assert Template(template).write(THING) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{", "template: :1: unclosed action"),
        ("a\n{{.Name", "template: :2: unclosed action"),
        ("{{foo}}", 'template: :1: function "foo" not defined'),
        ("{{if .On}}a", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{}}", "template: :1: missing value for command"),
        ('{{define "x"}}{{end}}', "template: :1: define is not offered here"),
        ("{{.Nosuch}}", 'template: :1:2: executing "" at <.Nosuch>: map has no entry for key "Nosuch"'),
        ("{{.Name.Foo}}", "can't evaluate field Foo"),
        ("{{.None.Foo}}", "nil pointer evaluating interface {}.Foo"),
        ("{{index .Env 9}}", "index out of range: 9"),
        ("{{join .Env}}", "error calling join"),
        ("{{.Name 1}}", "can't give argument to non-function .Name"),
        ("{{range .Name}}{{end}}", "range can't iterate over /web"),
        ("{{$y}}", 'undefined variable "$y"'),
        ("{{(.Name}}", "unclosed left paren"),
        ("{{.Name ! }}", "unexpected '!' in command"),
    ],
)
def test_template_that_cannot_be_written_says_where_and_why(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        Template(template).write(THING)
    assert message in raised.value.message


VIEW = View(
    "*formatter.Thing",
    {
        "ID": Column("THING ID", lambda t: t["id"]),
        "Names": Column("NAMES", lambda t: t["name"]),
        "Label": Column("", lambda t: lambda name: t["labels"].get(name, ""), hidden=True),
    },
    "{{.ID}}\t{{.Names}}",
)
THINGS = [{"id": "1", "name": "a", "labels": {"x.long-name": "v"}}, {"id": "a long one", "name": "<b>", "labels": {}}]


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("", "THING ID     NAMES\n1            a\na long one   <b>\n"),
        ("table", "THING ID     NAMES\n1            a\na long one   <b>\n"),
        (r"table {{.Names}}\t{{.ID}}", "NAMES     THING ID\na         1\n<b>       a long one\n"),
        ('table {{.Names}}\t{{.Label "x.long-name"}}', "NAMES     long name\na         v\n<b>       \n"),
        ("table {{upper .Names}}", "NAMES\nA\n<B>\n"),
        ("{{.Names}}", "a\n<b>\n"),
        (r"{{.Names}}\t{{.ID}}", "a\t1\n<b>\ta long one\n"),
        ("json", '{"ID":"1","Names":"a"}\n{"ID":"a long one","Names":"\\u003cb\\u003e"}\n'),
        ("{{json .Names}}", '"a"\n"<b>"\n'),
    ],
)
def test_listing_has_dockers_columns_and_formats(format: str, text: str) -> None:
    assert VIEW.render(THINGS, format) == text


def test_listing_of_nothing_is_its_headings() -> None:
    assert (VIEW.render([], ""), VIEW.render([], "{{.ID}}")) == ("THING ID   NAMES\n", "")


def test_field_that_is_not_there_names_the_type_and_ends_with_one() -> None:
    with pytest.raises(Failure, match=r"can't evaluate field Nosuch in type \*formatter\.Thing") as raised:
        VIEW.render(THINGS, "{{.Nosuch}}")
    assert raised.value.code == 1


def test_template_that_is_none_ends_with_dockers_code() -> None:
    with pytest.raises(Failure) as raised:
        read_template("{{")
    assert raised.value.code == 64


def test_runs_of_lines_share_widths_and_last_cells_have_none() -> None:
    assert laid_out("a\tb\tc\nlong cell here\tb\tc\nno cells\na\tb", minimum=4) == (
        "a                b   c\nlong cell here   b   c\nno cells\na   b"
    )


def test_ellipsis_counts_itself() -> None:
    assert (ellipsis("abcd", 4), ellipsis("abcde", 4)) == ("abcd", "abc…")


def test_sizes_have_four_digits() -> None:
    assert (precise(1983000), precise(0), binary(25276129280), binary(184320)) == ("1.983MB", "0B", "23.54GiB", "180KiB")
