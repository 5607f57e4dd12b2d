"""Text that a command printed, as a value that is shown as it is."""

from __future__ import annotations


class Text(str):
    """A str that is shown without quotes and escapes."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show it as it is."""
        return self.rstrip("\n")

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text(repr(self))  # type: ignore[attr-defined]  # IPython's, which is not imported for this
