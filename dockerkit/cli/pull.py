"""``pull``, ``push`` and ``image bootstrap``: how an image comes here, and how it goes to its registry."""

from __future__ import annotations

import sys

import click

from dockerkit.cli.completion import image_names
from dockerkit.cli.moving import Progress, followed, platform_of, read_reference, tagless
from dockerkit.cli.refusals import Failure
from dockerkit.cli.word import Word, client

_ALL_TAGS = "tag can't be used with --all-tags/-a"
_trust = click.option("--disable-content-trust", default=True, is_flag=True, hidden=True, expose_value=False)


def obtain(reference: str, *, platform: str | None, progress: Progress, all_tags: bool = False) -> str:
    """Obtain an image, and return its full name: ``docker.io/library/busybox:latest``.

    :raises Failure: not a reference; or it began to come, and did not.
    """
    from dockerkit.client.credentials import shown_to

    wanted = read_reference(reference)
    tag = None if all_tags else wanted.digest or wanted.tag
    asked = {"fromImage": wanted.familiar_name, "tag": tag, "platform": platform or None}
    for _ in followed("/images/create", progress, query=asked, headers=shown_to(wanted.registry)):
        pass
    return f"{wanted.registry}/{wanted.repository}" + (f"@{wanted.digest}" if wanted.digest else f":{tag}" if tag else "")


@click.command(cls=Word)
@click.option("-a", "--all-tags", is_flag=True, help="All tags of the repository.")
@_trust
@click.option("--platform", metavar="OS/ARCH", help="Of this platform.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the name.")
@click.argument("name", metavar="NAME[:TAG|@DIGEST]")
def pull(name: str, all_tags: bool, platform: str | None, quiet: bool) -> None:
    """Download an image from a registry, or get it from wherever the engine can."""
    read_reference(name)
    if all_tags and not tagless(name):
        raise Failure(_ALL_TAGS)
    if not (quiet or all_tags) and tagless(name):
        click.echo("Using default tag: latest")
    click.echo(obtain(name, platform=platform, progress=Progress(quiet=quiet), all_tags=all_tags))
    sys.stdout.flush()


@click.command(cls=Word)
@click.option("-a", "--all-tags", is_flag=True, help="All tags of the repository.")
@_trust
@click.option("--platform", metavar="OS/ARCH", help="Only this platform of an image of several.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the name.")
@click.argument("name", metavar="NAME[:TAG]", shell_complete=image_names)
def push(name: str, all_tags: bool, platform: str | None, quiet: bool) -> None:
    """Upload an image to the registry of its name."""
    from dockerkit.client.credentials import ANONYMOUS, shown_to
    from dockerkit.client.engine import image_segment

    wanted = read_reference(name)
    if all_tags and not tagless(name):
        raise Failure(_ALL_TAGS)
    if wanted.digest:
        raise Failure("cannot push a digest reference")
    if not (quiet or all_tags) and tagless(name):
        click.echo("Using default tag: latest")
    query = {"tag": None if all_tags else wanted.tag, "platform": platform_of(platform)}
    headers = shown_to(wanted.registry) or [ANONYMOUS]
    path = f"/images/{image_segment(wanted.familiar_name)}/push"
    for _ in followed(path, Progress(quiet=quiet), query=query, headers=headers):
        pass
    if quiet:
        full = f"{wanted.registry}/{wanted.repository}"
        click.echo(full if all_tags else f"{full}:{wanted.tag}")


@click.command(cls=Word)
@click.option("--program", "programs", multiple=True, metavar="PROGRAM", help="Take this program of the host in.")
@click.option("--package", "packages", multiple=True, metavar="PACKAGE", help="Take this package of the distribution in.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the id.")
@click.argument("name", metavar="NAME")
def bootstrap(name: str, programs: tuple[str, ...], packages: tuple[str, ...], quiet: bool) -> None:
    """Make a first image of what this machine or its distribution has: busybox, host, debian, redis ..."""
    path = client().engine.extension("/images/bootstrap", word="image bootstrap")
    wanted = {"Name": name, "Programs": programs, "Packages": packages}
    id = ""
    for message in followed(path, Progress(quiet=quiet), json=wanted):
        id = (message.get("aux") or {}).get("ID") or id
    click.echo(id)
