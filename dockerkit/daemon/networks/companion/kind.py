"""What one sort of companion is called, and what it runs. A value."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One sort of companion.

    :ivar name: of its socket and its complaints in ``ROOT/run``: ``NAME.sock``, ``NAME.log``.
    :ivar module: whose ``main`` it runs, with the listening socket's descriptor, the directory and the data root's identity.
    """

    name: str
    module: str

    @property
    def socket(self) -> str:
        """Its socket's name."""
        return f"{self.name}.sock"
