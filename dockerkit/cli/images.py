"""``images``, ``rmi`` and ``tag``: what images there are, and their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from dockerkit.cli.completion import image_names
from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.ps import filter_option, filters_json
from dockerkit.cli.refusals import Failure, said
from dockerkit.cli.sizes import ago, created_at, human_size, precise, short_id
from dockerkit.cli.word import Word, client
from dockerkit.errors import DockerkitError, NotFound

_NONE = "<none>"


def images_view(*, truncate: bool = True, digests: bool = False) -> View:
    """Return how images are listed, one row a name."""
    columns = {
        "ID": Column("IMAGE ID", lambda i: short_id(i["Id"]) if truncate else i["Id"]),
        "Repository": Column("REPOSITORY", lambda i: i["repository"]),
        "Tag": Column("TAG", lambda i: i["tag"]),
        "Digest": Column("DIGEST", lambda i: i["digest"]),
        "CreatedSince": Column("CREATED", lambda i: ago(i["Created"])),
        "CreatedAt": Column("CREATED AT", lambda i: created_at(i["Created"])),
        "Size": Column("SIZE", lambda i: human_size(i["Size"])),
        "Containers": Column("CONTAINERS", lambda i: _known(i.get("Containers"), str)),
        "SharedSize": Column("SHARED SIZE", lambda i: _known(i.get("SharedSize"), precise)),
        "UniqueSize": Column("UNIQUE SIZE", _unique),
        "VirtualSize": Column("VIRTUAL SIZE", lambda i: precise(i["Size"])),
    }
    digest = "{{.Digest}}\t" if digests else ""
    return View(
        "*formatter.imageContext", columns, "{{.Repository}}\t{{.Tag}}\t" + digest + "{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
    )


def _known(number: int | None, shown: Any) -> str:
    return "N/A" if number is None or number < 0 else str(shown(number))


def _unique(image: dict[str, Any]) -> str:
    shared = image.get("SharedSize", -1)
    return "N/A" if shared is None or shared < 0 else precise(image["Size"] - shared)


def named(images: list[dict[str, Any]], *, digests: bool = False) -> Iterator[dict[str, Any]]:
    """Yield one row for every name of every image; with `digests`, each with its repository's digest."""
    for image in images:
        by_repository = dict(_split(digest, "@") for digest in image.get("RepoDigests") or ())
        names = [_split(tag, ":") for tag in image.get("RepoTags") or () if tag != f"{_NONE}:{_NONE}"]
        unnamed = [(repository, _NONE) for repository in by_repository if repository not in {name for name, _ in names}]
        for repository, tag in names or (unnamed if digests else unnamed[:1]) or [(_NONE, _NONE)]:
            digest = by_repository.get(repository, _NONE) if digests else _NONE
            yield {**image, "repository": repository, "tag": tag, "digest": digest}


def _split(name: str, mark: str) -> tuple[str, str]:
    repository, _, rest = name.rpartition(mark)
    return repository, rest


@click.command(cls=Word)
@click.option("-a", "--all", is_flag=True, help="Show all images, intermediate ones too.")
@click.option("--digests", is_flag=True, help="Show digests.")
@filter_option
@format_option
@click.option("--no-trunc", is_flag=True, help="Do not shorten output.")
@click.option("-q", "--quiet", is_flag=True, help="Only show ids.")
@click.argument("repository", required=False, metavar="[REPOSITORY[:TAG]]", shell_complete=image_names)
def images(*, filters: tuple[str, ...], format: str, repository: str | None, digests: bool, **said: bool) -> None:
    """List images."""
    if repository:
        filters = (*filters, f"reference={repository}")
    found = client().engine.get("/images/json", all=said["all"], filters=filters_json(filters))
    digests = digests or ".Digest" in format
    view = images_view(truncate=not said["no_trunc"], digests=digests)
    if said["quiet"] and not format:
        format = "{{.ID}}"
    click.echo(view.render(named(found, digests=digests), format), nl=False)


@click.command(cls=Word)
@click.option("-f", "--force", is_flag=True, help="Remove it although stopped containers use it.")
@click.option("--no-prune", is_flag=True, help="Keep parents that nothing names.")
@click.argument("names", nargs=-1, required=True, metavar="IMAGE [IMAGE...]", shell_complete=image_names)
def rmi(names: tuple[str, ...], force: bool, no_prune: bool) -> None:
    """Remove one or more images."""
    failed = False
    for name in names:
        try:
            _remove(name, force, no_prune)
        except DockerkitError as error:
            click.echo(said(error), err=True)
            failed = failed or not (force and isinstance(error, NotFound))
    if failed:
        click.get_current_context().exit(1)


def _remove(name: str, force: bool, no_prune: bool) -> None:
    from dockerkit.client.engine import image_segment

    for step in client().engine.json("DELETE", f"/images/{image_segment(name)}", force=force, noprune=no_prune):
        click.echo("\n".join(f"{word}: {reference}" for word, reference in step.items() if reference))


@click.command(cls=Word)
@click.argument("source", metavar="SOURCE_IMAGE[:TAG]", shell_complete=image_names)
@click.argument("target", metavar="TARGET_IMAGE[:TAG]")
def tag(source: str, target: str) -> None:
    """Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE."""
    from dockerkit.errors import Invalid
    from dockerkit.schema.names import parse_reference

    try:
        parse_reference(target)
    except Invalid as error:
        raise Failure(f'Error parsing reference: "{target}" is not a valid repository/tag: {error.message}') from None
    client().images.get(source).tag(target)
