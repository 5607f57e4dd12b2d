"""``save``, ``load`` and ``import``: images as files, in and out."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

import click

from dockerkit.cli.completion import image_names
from dockerkit.cli.moving import Progress, followed, platform_of, read_reference
from dockerkit.cli.refusals import Failure
from dockerkit.cli.word import Word, client


@click.command(cls=Word)
@click.option("-o", "--output", default="", metavar="FILE", help="Write to a file, instead of standard output.")
@click.option("--platform", metavar="OS/ARCH", help="Only this platform of an image of several.")
@click.argument("names", nargs=-1, required=True, metavar="IMAGE [IMAGE...]", shell_complete=image_names)
def save(names: tuple[str, ...], output: str, platform: str | None) -> None:
    """Save one or more images to a tar archive (streamed to STDOUT by default)."""
    from contextlib import ExitStack

    from dockerkit.client.image_archives import whole

    _check_output(output)
    query = {"names": [*names], "platform": platform_of(platform)}
    with ExitStack() as stack:
        answer = stack.enter_context(client().engine.call("GET", "/images/get", query=query))
        answer.patience(None)
        file: BinaryIO = stack.enter_context(whole(output)) if output else sys.stdout.buffer
        for piece in answer:
            file.write(piece)
        file.flush()


def _check_output(output: str) -> None:
    """Refuse what cannot be written to, before anything is asked.

    :raises Failure: in Docker's words.
    """
    if not output and sys.stdout.isatty():
        raise Failure("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if os.path.isdir(output):
        raise Failure("failed to save image: cannot write to a directory")
    folder = os.path.dirname(output)
    if folder and not os.path.isdir(folder):
        raise Failure(f"failed to save image: invalid output path: stat {folder}: no such file or directory")


@click.command(cls=Word)
@click.option("-i", "--input", "source", default="", metavar="FILE", help="Read from a file, instead of standard input.")
@click.option("--platform", metavar="OS/ARCH", help="Only this platform of an image of several.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what was loaded.")
def load(source: str, platform: str | None, quiet: bool) -> None:
    """Load an image from a tar archive or STDIN."""
    from dockerkit.client.image_archives import opened

    if not source and sys.stdin.isatty():
        raise Failure("requested load from stdin, but stdin is empty")
    query = {"quiet": quiet or not sys.stdout.isatty(), "platform": platform_of(platform)}
    with opened(_readable(source) if source else sys.stdin.buffer) as (pieces, headers):
        for _ in followed("/images/load", Progress(), query=query, content=pieces, headers=headers):
            pass


def _readable(path: str) -> str:
    """Return the path of a file that can be read.

    :raises Failure: in Docker's words.
    """
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        verb = "read" if isinstance(error, IsADirectoryError) else "open"
        raise Failure(f"{verb} {path}: {str(error.strerror).lower()}") from None


@click.command("import", cls=Word)
@click.option("-c", "--change", "changes", multiple=True, metavar="LINE", help="Apply a line of a Dockerfile to the image.")
@click.option("-m", "--message", default="", metavar="TEXT", help="What its history says.")
@click.option("--platform", metavar="OS/ARCH", help="Of this platform it is.")
@click.argument("source", metavar="file|URL|-")
@click.argument("reference", required=False, default="", metavar="[REPOSITORY[:TAG]]")
@click.argument("rest", nargs=-1, metavar="")
def import_(
    *, source: str, reference: str, rest: tuple[str, ...], changes: tuple[str, ...], message: str, platform: str | None
) -> None:
    """Import the contents from a tarball to create a filesystem image."""
    from contextlib import ExitStack

    from dockerkit.client.image_archives import opened

    wanted = read_reference(reference) if reference else None
    url = source.startswith(("http://", "https://"))
    query = {
        "fromSrc": source if url else "-",
        "repo": wanted.familiar_name if wanted else None,
        "tag": wanted.tag if wanted else None,
        "changes": [*changes],
        "message": message or None,
        "platform": platform or None,
    }
    with ExitStack() as stack:
        content, headers = b"", None
        if not url:
            file = sys.stdin.buffer if source == "-" else _readable(source)
            content, headers = stack.enter_context(opened(file))  # type: ignore[assignment]
        for _ in followed("/images/create", Progress(), query=query, content=content, headers=headers):
            pass
