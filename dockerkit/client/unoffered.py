"""What a container will do later: each method has its final name and says by it that it is not offered yet.

An honest blank, so that editors and readers see the whole surface; it shrinks with every release and never pretends.
"""

from __future__ import annotations

from typing import Any

from dockerkit.errors import Unsupported


class NotYet:
    """Names of :class:`~dockerkit.client.container.Container` that raise Unsupported for now."""

    def widget(self) -> Any:
        """Show it as a widget; raises Unsupported for now."""
        raise Unsupported("container.widget() is not offered yet", hint="it shows itself as a card where HTML is shown")
