"""Images between an engine and registries: pull and push, with the logins docker keeps. Knows names, not images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dockerkit.client.credentials import ANONYMOUS, shown_to
from dockerkit.client.engine import image_segment
from dockerkit.client.progress import reporter
from dockerkit.errors import Invalid
from dockerkit.schema.names import parse_reference

if TYPE_CHECKING:
    from dockerkit.client.engine import Engine


def pulled(engine: Engine, reference: str, *, platform: str | None) -> str:
    """Obtain an image from wherever the engine gets it, telling a person who watches; return its full reference."""
    wanted = parse_reference(reference)
    asked = {"fromImage": wanted.familiar_name, "tag": wanted.digest or wanted.tag, "platform": platform or None}
    told(str(wanted), engine.messages("/images/create", query=asked, headers=shown_to(wanted.registry)))
    return str(wanted)


def pushed(engine: Engine, reference: str) -> str:
    """Send an image to its registry, telling a person who watches; return the digest of its manifest there.

    :raises Invalid: `reference` is no name by which a registry could know it.
    """
    wanted = parse_reference(reference)
    if wanted.digest:
        raise Invalid(f"push: {reference} is a digest, and registries are told names", hint="give it one: image.tag(…).push()")
    headers = shown_to(wanted.registry) or [ANONYMOUS]
    path = f"/images/{image_segment(wanted.familiar_name)}/push"
    digest = ""
    for message in told(str(wanted), engine.messages(path, query={"tag": wanted.tag}, headers=headers)):
        digest = str((message.get("aux") or {}).get("Digest") or digest)
    return digest


def told(subject: str, messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Follow an engine's messages to their end, telling a person who watches; return those that are not of one layer."""
    shown = reporter(subject)
    kept = []
    try:
        for message in messages:
            shown.say(message)
            if "id" not in message:
                kept.append(message)
    finally:
        shown.done()
    return kept
