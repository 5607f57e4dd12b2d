"""``dockerkit doctor``: what this machine allows, found by trying, and the next step. Probes nothing itself: runs the probe."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import click

from dockerkit.cli.word import Word
from dockerkit.errors import Damaged


@click.command(cls=Word)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Try what containers need of this machine, and print what is missing and what to do. Exit 1 when something is."""
    findings = examine()
    if as_json:
        click.echo(json.dumps(findings, indent=2))
    else:
        draw(findings)
    ctx.exit(0 if all(finding["ok"] for finding in findings) else 1)


def examine() -> list[dict[str, Any]]:
    """Run the probe in a process of its own (it makes namespaces) and return its findings: name, ok, detail, next.

    :raises Damaged: the probe itself broke; the message holds what it said.
    """
    probe = subprocess.run([sys.executable, "-m", "dockerkit.daemon.probe"], capture_output=True, text=True, check=False)
    try:
        findings: list[dict[str, Any]] = json.loads(probe.stdout)
    except ValueError:
        said = probe.stderr.strip() or f"exit code {probe.returncode}, no findings"
        raise Damaged(f"the probe of this machine broke: {said}", hint="this is a bug of dockerkit: please report it") from None
    return findings


def draw(findings: list[dict[str, Any]]) -> None:
    """Print the findings as a table, and the next step for everything that is missing."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "needed", "found", box=None, pad_edge=False)
    for finding in findings:
        mark = "[green]ok[/]" if finding["ok"] else "[red]missing[/]"
        table.add_row(mark, finding["name"], finding["detail"])
    console = Console(highlight=False)
    console.print(table)
    steps = [finding for finding in findings if not finding["ok"] and finding.get("next")]
    if steps:
        console.print("\n[bold]next[/]")
    for finding in steps:
        console.print(f"  {finding['name']}: {finding['next']}", soft_wrap=True)
    if all(finding["ok"] for finding in findings):
        console.print("\nthis machine can run containers")
