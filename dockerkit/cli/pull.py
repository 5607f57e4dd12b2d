"""``pull`` and ``image bootstrap``: how an image comes here, told line by line as Docker does."""

from __future__ import annotations

import sys
from typing import Any

import click

from dockerkit.cli.refusals import Failure
from dockerkit.cli.word import Word, client
from dockerkit.errors import Invalid

_PASSING = frozenset({"Downloading", "Extracting", "Waiting", "Verifying Checksum", "Pulling fs layer"})


class Progress:
    """Prints what stays, and nothing of what changes all the time."""

    def __init__(self, *, quiet: bool, error: bool = False) -> None:
        self._quiet = quiet
        self._error = error

    def say(self, message: dict[str, Any]) -> None:
        """Print one message of the engine."""
        status = str(message.get("status") or "")
        if self._quiet or not status or status in _PASSING:
            return
        id = message.get("id")
        click.echo(f"{id}: {status}" if id else status, err=self._error)


def obtain(reference: str, *, platform: str | None, progress: Progress) -> str:
    """Obtain an image, and return its full name: ``docker.io/library/busybox:latest``.

    :raises Failure: not a reference.
    """
    from dockerkit.schema.names import parse_reference

    try:
        wanted = parse_reference(reference)
    except Invalid as error:
        raise Failure(error.message) from None
    asked = {"fromImage": wanted.familiar_name, "tag": wanted.digest or wanted.tag, "platform": platform or None}
    for message in client().engine.messages("/images/create", query=asked):
        progress.say(message)
    return f"{wanted.registry}/{wanted.repository}" + (f"@{wanted.digest}" if wanted.digest else f":{wanted.tag}")


@click.command(cls=Word)
@click.option("-a", "--all-tags", is_flag=True, help="All tags of the repository: not offered yet.")
@click.option("--disable-content-trust", default=True, is_flag=True, hidden=True)
@click.option("--platform", metavar="OS/ARCH", help="Of this platform.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the name.")
@click.argument("name", metavar="NAME[:TAG|@DIGEST]")
def pull(name: str, all_tags: bool, platform: str | None, quiet: bool, disable_content_trust: bool) -> None:
    """Download an image from a registry, or get it from wherever the engine can."""
    if all_tags:
        raise Failure("pull --all-tags is not offered yet", hint="the registry client brings it")
    if not quiet and ":" not in name.rpartition("/")[2] and "@" not in name:
        click.echo("Using default tag: latest")
    full = obtain(name, platform=platform, progress=Progress(quiet=quiet))
    click.echo(full)
    sys.stdout.flush()


@click.command(cls=Word)
@click.option("--program", "programs", multiple=True, metavar="PROGRAM", help="Take this program of the host in.")
@click.option("--package", "packages", multiple=True, metavar="PACKAGE", help="Take this package of the distribution in.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the id.")
@click.argument("name", metavar="busybox|host")
def bootstrap(name: str, programs: tuple[str, ...], packages: tuple[str, ...], quiet: bool) -> None:
    """Make a first image of what this machine or its distribution has."""
    engine, progress = client().engine, Progress(quiet=quiet)
    wanted = {"Name": name, "Programs": programs, "Packages": packages}
    id = ""
    for message in engine.messages(engine.extension("/images/bootstrap", word="image bootstrap"), json=wanted):
        progress.say(message)
        id = (message.get("aux") or {}).get("ID") or id
    click.echo(id)
