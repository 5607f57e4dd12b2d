"""What a container will do later: each method has its final name and says by it that it is not offered yet.

An honest blank, so that editors and readers see the whole surface; it shrinks with every release and never pretends.
"""

from __future__ import annotations

from typing import Any

from dockerkit.errors import Unsupported


def _refuse(word: str, hint: str = "") -> Unsupported:
    return Unsupported(f"container.{word} is not offered yet", hint=hint)


class NotYet:
    """Names of :class:`~dockerkit.client.container.Container` that raise Unsupported for now."""

    def exec(self, *command: str, **options: Any) -> Any:
        """Run a further program inside; raises Unsupported for now."""
        raise _refuse("exec()", "run the program in a container of its own: dk.run(image, …)")

    def popen(self, *command: str, **options: Any) -> Any:
        """Start a further program inside; raises Unsupported for now."""
        raise _refuse("popen()")

    def attach(self) -> Any:
        """Connect to its streams; raises Unsupported for now."""
        raise _refuse("attach()", "dk.run(image, …, input=…) talks to a program; logs() reads what one wrote")

    def update(self, **limits: Any) -> Any:
        """Change its limits; raises Unsupported for now."""
        raise _refuse("update()", "say memory, cpus and pids_limit when creating it")

    def top(self) -> Any:
        """List its processes; raises Unsupported for now."""
        raise _refuse("top()", "container.pid is its first process")

    def stats(self, *, stream: bool = False) -> Any:
        """Measure what it uses; raises Unsupported for now."""
        raise _refuse("stats()")

    @property
    def files(self) -> Any:
        """Its files as a mapping; raises Unsupported for now."""
        raise _refuse("files", "bind a folder: bind(source, target)")

    def diff(self) -> Any:
        """List what it changed in its image's files; raises Unsupported for now."""
        raise _refuse("diff()")

    def commit(self, ref: str) -> Any:
        """Make an image of it; raises Unsupported for now."""
        raise _refuse("commit()")

    def export(self, path: str) -> Any:
        """Write its files as an archive; raises Unsupported for now."""
        raise _refuse("export()")

    def wait_for(self, condition: Any, timeout: float = 60) -> Any:
        """Wait until a condition is met; raises Unsupported for now."""
        raise _refuse("wait_for()", "look at logs() or status in a loop")

    def publish(self, port: int | str) -> Any:
        """Publish a port of a running container; raises Unsupported for now."""
        raise _refuse("publish()")

    def explain(self) -> Any:
        """Tell how it came to be, step by step; raises Unsupported for now."""
        raise _refuse("explain()", "inspect() is the record")

    def widget(self) -> Any:
        """Show it as a widget; raises Unsupported for now."""
        raise _refuse("widget()")
