"""What a fixture wants: a container's image, command and words, of which some wait for other fixtures. Contacts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dockerkit.client.client import Client
from dockerkit.client.options import wish
from dockerkit.client.spec import ContainerSpec
from dockerkit.testing import deferred

AS_IT_IS = frozenset({"ready"})
"""Words whose functions are the value itself: a condition is a function of the container."""


@dataclass(frozen=True)
class Wanted:
    """Image (a name, an image, a wish, or a function that returns one), command and words.

    A wish is a finished value: braces inside one are braces.

    :raises TypeError: an unknown word.
    :raises Invalid: a template or a function that cannot be.
    """

    image: Any
    command: tuple[Any, ...] = ()
    words: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse now what would be refused at every use."""
        wish(ContainerSpec(""), dict.fromkeys(self.words))
        self.names()

    def names(self) -> tuple[str, ...]:
        """Return the fixtures it waits for."""
        waiting = {word: value for word, value in self.words.items() if word not in AS_IT_IS}
        return deferred.names([self.image, *self.command, waiting])

    def spec(self, client: Client, fixtures: Mapping[str, Any]) -> ContainerSpec:
        """Return the wish, now that its fixtures are there."""
        words = {w: v if w in AS_IT_IS else deferred.resolved(v, fixtures) for w, v in self.words.items()}
        return said(client, deferred.resolved(self.image, fixtures), deferred.resolved(self.command, fixtures), words)

    def __str__(self) -> str:
        """Return it as a person would say it."""
        if isinstance(self.image, ContainerSpec):
            shown = self.image.image
        else:
            shown = self.image if isinstance(self.image, str) else str(getattr(self.image, "id", "an image"))
        return " ".join([shown, *(str(word) for word in self.command if not callable(word))])


def said(client: Client, image: Any, command: tuple[Any, ...], words: Mapping[str, Any]) -> ContainerSpec:
    """Return the wish for an image, or a wish with more said.

    :raises TypeError: an unknown word.
    """
    if not isinstance(image, ContainerSpec):
        return client.container(image, *command, **words)
    return wish(image.command(*command) if command else image, words)
